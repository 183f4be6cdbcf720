//! The run itself: in which order things are measured, and what each is compared with.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Options;
use super::bare::BareServer;
use super::http::Connection;
use super::report::Row;
use super::scenario::{Ask, Caller, Cast, Get, Seen, drive, drive_while};
use super::seed::{self, Plan, Shape};
use super::server::{self, Cpu, Server};
use super::{import, storm, yardstick};

/// Callers of every measurement that is about CPU: enough that the server always has work.
const CALLERS: usize = 64;

/// CPU microseconds in a second of a server that has nothing to do.
const IDLE_PER_SECOND: f64 = 5_000.0;

/// Callers that keep both hashing threads busy without a queue.
const HASHING_CALLERS: usize = 4;

/// Measures everything that `options` wants.
pub async fn run(options: &Options) -> Vec<Row> {
    let home = tempfile::Builder::new()
        .prefix("load-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .expect("a directory for the store");
    let shape = options.pick(Shape { realms: 1, clients: 1_000, users: 10_000 }, Shape { realms: 1, clients: 20, users: 50 });
    let begin = Instant::now();
    let plan = Rc::new(seed::seed(home.path(), shape));
    println!("seeded {} clients and {} users in {:.1} s", plan.clients.len(), plan.users, begin.elapsed().as_secs_f64());

    let mut bench = Bench { options, plan: plan.clone(), home: home.path().to_owned(), rows: Vec::new() };
    if options.wants("import") {
        bench.rows.extend(import::run(options));
    }
    bench.start_up().await;
    let server = bench.start_and_settle().await;
    bench.client_credentials(&server).await;
    bench.jwks(&server).await;
    bench.refresh(&server, false).await;
    bench.bearer(&server).await;
    bench.password(&server).await;
    bench.storm(&server).await;
    server.stop();
    if options.wants("rotating") {
        seed::rotate_refresh_tokens(home.path());
        let server = bench.start_and_settle().await;
        bench.refresh(&server, true).await;
        server.stop();
    }
    bench.rows
}

/// Waits until a server's work after its start is done: its data checked, its snapshot taken.
pub async fn settle(options: &Options, server: &Server) {
    wait_for_background_check(&server.log, options.pick(Duration::from_mins(10), Duration::from_secs(2))).await;
    let mut before = Cpu::of(server.pid());
    for _ in 0..options.pick(300, 1) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = Cpu::of(server.pid());
        if now.since(&before) < IDLE_PER_SECOND {
            break;
        }
        before = now;
    }
}

struct Bench<'o> {
    options: &'o Options,
    plan: Rc<Plan>,
    home: PathBuf,
    rows: Vec<Row>,
}

impl Bench<'_> {
    async fn start(&self) -> Server {
        Server::start(&self.home, &self.plan.certs_path).await
    }

    async fn start_and_settle(&self) -> Server {
        let server = self.start().await;
        settle(self.options, &server).await;
        server
    }

    fn cast(&self) -> Cast {
        Cast { plan: self.plan.clone(), seen: Seen::default(), seed: self.options.seed }
    }

    fn rounds(&self) -> usize {
        self.options.pick(5, 1)
    }

    fn ratio_to_sign(&mut self, name: &'static str, alternated: &Alternated, limit: f64) {
        let Alternated { cost, ratio, slowest, fastest, undisturbed } = *alternated;
        let s = cost / ratio;
        let note = format!("S = {s:.1} µs; rounds from {fastest:.3} to {slowest:.3}; cheapest round by cheapest S {undisturbed:.3}");
        self.rows.push(Row { name, measured: cost, unit: "µs", yardstick: s, limit, note });
    }

    async fn client_credentials(&mut self, server: &Server) {
        if !self.options.wants("client_credentials") {
            return;
        }
        let mut callers = self.cast().client_credentials(CALLERS, |plan| &plan.clients);
        let cost = alternate(self.options, server, &mut callers, self.options.pick(100, 4)).await;
        self.ratio_to_sign("client_credentials RS256", &cost, 1.10);
        let mut callers = self.cast().client_credentials(CALLERS, |plan| &plan.elliptic);
        let cost = alternate(self.options, server, &mut callers, self.options.pick(400, 4)).await;
        self.ratio_to_sign("client_credentials ES256", &cost, 0.16);
    }

    async fn bearer(&mut self, server: &Server) {
        for (name, ask) in [("introspection", Ask::Introspection), ("userinfo", Ask::Userinfo)] {
            if !self.options.wants(name) {
                continue;
            }
            let mut callers = self.cast().bearers(server.address, CALLERS, self.options.pick(512, 8), ask).await;
            let cost = alternate(self.options, server, &mut callers, self.options.pick(400, 4)).await;
            self.ratio_to_sign(name, &cost, 0.16);
        }
    }

    async fn refresh(&mut self, server: &Server, rotating: bool) {
        if !rotating && !self.options.wants("refresh") {
            return;
        }
        let sessions = self.options.pick(1_024, CALLERS);
        let mut callers = self.cast().refreshes(server.address, CALLERS, sessions, rotating).await;
        let cost = alternate(self.options, server, &mut callers, self.options.pick(100, 4)).await;
        if rotating {
            self.ratio_to_sign("refresh, rotating, durable, 64 callers", &cost, 1.40);
        } else {
            self.ratio_to_sign("refresh, not rotating", &cost, 1.20);
        }
    }

    async fn password(&mut self, server: &Server) {
        if !self.options.wants("password") {
            return;
        }
        let mut callers = self.cast().passwords(HASHING_CALLERS, false);
        let mut hashes = Vec::new();
        let (mut costs, mut signs) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds() {
            hashes.push(yardstick::password_hash(self.options.pick(60, 4)));
            signs.push(yardstick::rsa_sign(1));
            costs.push(cost(server.pid(), server.address, &mut callers, self.options.pick(40, 3)).await);
        }
        let (hash, sign) = (median(&mut hashes), median(&mut signs));
        self.rows.push(Row {
            name: "password, of 1.05 bare hash + 1.1 S",
            measured: median(&mut costs),
            unit: "µs",
            yardstick: 1.05 * hash + 1.1 * sign,
            limit: 1.0,
            note: format!("bare hash = {hash:.0} µs, S = {sign:.1} µs"),
        });
    }

    async fn jwks(&mut self, server: &Server) {
        if !self.options.wants("jwks") {
            return;
        }
        let length = body_length(server.address, &self.plan.certs_path).await;
        let bare = BareServer::start(length);
        let get = |_| Get { path: self.plan.certs_path.clone(), length };
        let mut callers: Vec<Get> = (0..CALLERS).map(get).collect();
        let times = self.options.pick(1_000, 10);
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds() {
            floor.push(cost(bare.pid(), bare.address, &mut callers, times).await);
            ours.push(cost(server.pid(), server.address, &mut callers, times).await);
        }
        let floor = median(&mut floor);
        self.rows.push(Row {
            name: "JWKS, of a bare actix answer",
            measured: median(&mut ours),
            unit: "µs",
            yardstick: floor,
            limit: 1.5,
            note: format!("{length} bytes, bare = {floor:.1} µs"),
        });
    }

    async fn storm(&mut self, server: &Server) {
        if !self.options.wants("storm") {
            return;
        }
        let (address, path) = (server.address, self.plan.certs_path.clone());
        let duration = self.options.pick(Duration::from_secs(10), Duration::from_millis(500));
        let quiet = storm::paced(address, &path, 500, duration / 2);
        let mut callers = self.cast().passwords(CALLERS, true);
        let paced = tokio::task::spawn_blocking(move || {
            std::thread::sleep(duration / 10);
            storm::paced(address, &path, 500, duration)
        });
        let begin = Instant::now();
        let logins = drive_while(address, &mut callers, || !paced.is_finished()).await;
        let refused: usize = callers.iter().filter_map(|caller| caller.refused).sum();
        let rate = (logins - refused) as f64 / begin.elapsed().as_secs_f64();
        let latencies = paced.await.expect("every JWKS answer is right");
        self.rows.push(Row {
            name: "JWKS p99 during a storm of logins, 500 rps",
            measured: storm::percentile(&latencies, 99),
            unit: "ms",
            yardstick: 1.0,
            limit: 5.0,
            note: format!("quiet p99 {:.2} ms, {rate:.0} logins/s, {refused} refused", storm::percentile(&quiet, 99)),
        });
    }

    async fn start_up(&mut self) {
        if !self.options.wants("start") {
            return;
        }
        let mut times = Vec::new();
        for _ in 0..self.options.pick(9, 1) {
            let server = self.start().await;
            times.push(server.until_first_answer.as_secs_f64() * 1000.0);
            server.stop();
        }
        let note = format!("slowest {:.0} ms", times.iter().copied().fold(0.0, f64::max));
        self.rows
            .push(Row { name: "start to first 200", measured: median(&mut times), unit: "ms", yardstick: 1.0, limit: 60.0, note });

        let server = self.start().await;
        let checked = wait_for_background_check(&server.log, self.options.pick(Duration::from_mins(1), Duration::from_secs(2))).await;
        tokio::time::sleep(self.options.pick(Duration::from_secs(10), Duration::from_millis(100))).await;
        self.rows
            .push(Row { name: "idle memory", measured: server.resident(), unit: "MiB", yardstick: 1.0, limit: 32.0, note: checked });
        server.stop();
    }
}

/// What a request cost in CPU microseconds, and as a multiple of the signatures around it: in the middle round and in the extreme ones.
pub struct Alternated {
    pub cost: f64,
    pub ratio: f64,
    slowest: f64,
    fastest: f64,
    /// The cheapest round by the cheapest signature: neighbours can only add to either.
    pub undisturbed: f64,
}

/// CPU of the server for one call of `callers`, and S before and after it, in several rounds. The ratio is the median of
/// theirs: a virtual CPU changes its speed by a third within minutes, hardly within the seconds of a round.
pub async fn alternate<C: Caller>(options: &Options, server: &Server, callers: &mut [C], times: usize) -> Alternated {
    drive(server.address, callers, times.div_ceil(10)).await;
    let (mut costs, mut ratios, mut signs) = (Vec::new(), Vec::new(), vec![yardstick::rsa_sign(1)]);
    for _ in 0..options.pick(15, 1) {
        let cost = cost(server.pid(), server.address, callers, times).await;
        let (before, after) = (signs[signs.len() - 1], yardstick::rsa_sign(1));
        costs.push(cost);
        ratios.push(2.0 * cost / (before + after));
        signs.push(after);
    }
    let (cost, ratio) = (median(&mut costs), median(&mut ratios));
    signs.sort_by(f64::total_cmp);
    Alternated { cost, ratio, slowest: ratios[ratios.len() - 1], fastest: ratios[0], undisturbed: costs[0] / signs[0] }
}

/// CPU microseconds of `pid` for one call, when each of `callers` makes `times` of them.
pub async fn cost<C: Caller>(pid: u32, address: SocketAddr, callers: &mut [C], times: usize) -> f64 {
    let before = Cpu::of(pid);
    server::as_if_remote(drive(address, callers, times)).await;
    Cpu::of(pid).since(&before) / (callers.len() * times) as f64
}

async fn body_length(address: SocketAddr, path: &str) -> usize {
    let mut connection = Connection::open(address).await.expect("the server accepts connections");
    connection.get(path).await.expect("the server answers").body.len()
}

/// Waits until `log` says that the store was checked; a note on what was seen.
async fn wait_for_background_check(log: &Path, patience: Duration) -> String {
    let begin = Instant::now();
    while begin.elapsed() < patience {
        if std::fs::read_to_string(log).unwrap_or_default().contains(seed::CHECK_DONE) {
            return format!("10 s after the background check, done {:.1} s after the start", begin.elapsed().as_secs_f64());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    format!("no background check was logged within {} s", patience.as_secs())
}

pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
