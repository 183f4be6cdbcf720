//! What the pieces of a token request cost, one by one: CPU microseconds on one thread, median of several rounds. The load
//! harness says whether the whole is fast enough; this says which piece changed.
//!
//! `cargo bench --bench micro [-- --quick]`
#![allow(clippy::print_stdout, reason = "the table is this program's result")]
#![allow(clippy::disallowed_methods, reason = "measures real time")]
#![allow(clippy::cast_precision_loss, reason = "counts of commits fit an f64")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use keywright::base::clock::Timestamp;
use keywright::base::env::Env;
use keywright::base::id::{RealmId, SessionId, UserId};
use keywright::base::seal::Sealer;
use keywright::keyring::{Algorithm, KeySource, Keyring, default_providers};
use keywright::model::user_session::UserSession;
use keywright::store::sled::{Options, Sled};
use keywright::store::txn::Reader as _;
use keywright::store::{Store, StoreError};
use keywright::testing::TestIssuer;

/// As long as the claims of an ordinary access token.
const CLAIMS: usize = 1086;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let bench = Bench { rounds: if quick { 1 } else { 9 }, microseconds: if quick { 2_000.0 } else { 100_000.0 } };
    let (realm, sealer, env) = (RealmId::from("bench"), Sealer::from_key([7; 32]), Env::system());
    let providers = default_providers(&env, &realm, "bench", &sealer, KeySource::Fixed).expect("the fixed keys are valid");
    let keyring = Keyring::open(&realm, &providers, &sealer).expect("the fixed keys open");
    let claims = format!(r#"{{"sub":"{}"}}"#, "x".repeat(CLAIMS - 10));

    for (name, algorithm) in [("RS256", Algorithm::Rs256), ("HS512", Algorithm::Hs512)] {
        bench.measure(&format!("sign a token of {CLAIMS} bytes, {name}"), || keyring.sign(algorithm, "JWT", claims.as_bytes()));
        let token = keyring.sign(algorithm, "JWT", claims.as_bytes()).expect("the realm has such a key");
        bench.measure(&format!("verify it, {name}"), || keyring.verify(&token).expect("it was signed here"));
    }
    bench.measure("open the keys of a realm", || Keyring::open(&realm, &providers, &sealer).expect("the fixed keys open"));
    // Between two tokens of one of many realms its key has left the processor's caches: what a large installation pays.
    let many: Vec<Keyring> = (0..1000).map(|_| Keyring::open(&realm, &providers, &sealer).expect("the fixed keys open")).collect();
    let mut turns = many.iter().cycle();
    bench.measure("sign a token, RS256, 1 000 realms in turn", || {
        let keyring = turns.next().expect("they go round for ever");
        keyring.sign(Algorithm::Rs256, "JWT", claims.as_bytes())
    });
    let sealed = sealer.seal(env.random(), &realm, "client/x/secret", b"0123456789abcdef0123456789abcdef");
    bench.measure("open a sealed client secret", || sealer.open(&realm, "client/x/secret", &sealed).expect("it was sealed here"));

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts");
    let issuer = runtime.block_on(async {
        let issuer = TestIssuer::start().await;
        issuer.confidential_client("orders", "orders-secret").await;
        issuer
    });
    bench.measure("client_credentials without HTTP", || runtime.block_on(issuer.client_tokens(("orders", "orders-secret"))));

    println!();
    for writers in [1, 8, 64, 256] {
        runtime.block_on(durable_commits(writers, if quick { 512 } else { 20_480 }));
    }
}

/// Commits of one user session each to a fresh sled store, by `writers` at a time, each acknowledged when it would survive a
/// power cut.
async fn durable_commits(writers: usize, commits: usize) {
    let name = format!("durable commits, {writers} writers");
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let store = Store::new(Arc::new(Sled::open(&Options::at(directory.path())).expect("an empty directory opens")));
    let (begin, before) = (Instant::now(), process_cpu());
    let writers: Vec<_> = (0..writers).map(|writer| tokio::spawn(write(store.clone(), writer, commits / writers))).collect();
    let mut latencies = Vec::new();
    for writer in writers {
        latencies.extend(writer.await.expect("every commit succeeds"));
    }
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), process_cpu() - before);
    latencies.sort_by(f64::total_cmp);
    let count = latencies.len();
    let percentile = |percent: usize| latencies[(count * percent / 100).min(count - 1)];
    println!(
        "{name:<44} {:>9.0} /s  p50 {:.2} ms  p99 {:.2} ms  {:.1} µs CPU each",
        count as f64 / seconds,
        percentile(50),
        percentile(99),
        cpu / count as f64
    );
}

/// Writes one session after the other; how long each took, in milliseconds.
async fn write(store: Store, writer: usize, commits: usize) -> Vec<f64> {
    let realm = RealmId::from("bench");
    let mut latencies = Vec::with_capacity(commits);
    for number in 0..commits {
        let session = session(&format!("session-{writer}-{number}"));
        let (realm, session, expires_at) = (&realm, &session, Timestamp::from_seconds(4_000_000_000));
        let begin = Instant::now();
        store
            .sessions::<_, StoreError, _>(|txn| {
                Box::pin(async move {
                    txn.user_sessions().insert(realm, session, expires_at);
                    Ok(())
                })
            })
            .await
            .expect("the store takes it");
        latencies.push(begin.elapsed().as_secs_f64() * 1000.0);
    }
    latencies
}

fn session(id: &str) -> UserSession {
    let moment = Timestamp::from_seconds(1_795_000_000);
    UserSession {
        id: SessionId::from(id),
        user: UserId::from("0f402e04-dc53-4dc5-a7e7-98411b61095b"),
        offline: false,
        remember_me: false,
        ip_address: "127.0.0.1".to_owned(),
        started: moment,
        last_refresh: moment,
        auth_time: None,
        notes: BTreeMap::new(),
        clients: BTreeMap::new(),
        indexed_until: Timestamp(0),
    }
}

/// CPU microseconds of all threads of this process.
fn process_cpu() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux lists threads");
    tasks.flatten().filter_map(|task| cpu_in(&task.path().join("schedstat"))).sum()
}

struct Bench {
    rounds: usize,
    /// About how long one round lasts.
    microseconds: f64,
}

impl Bench {
    /// Prints what one call of `body` costs.
    fn measure<T>(&self, name: &str, mut body: impl FnMut() -> T) {
        let mut times = 1_u32;
        while timed(times, &mut body) < self.microseconds && times < 1 << 24 {
            times *= 2;
        }
        let mut costs: Vec<f64> = (0..self.rounds).map(|_| timed(times, &mut body) / f64::from(times)).collect();
        costs.sort_by(f64::total_cmp);
        println!("{name:<44} {:>9.2} µs", costs[costs.len() / 2]);
    }
}

/// CPU microseconds of this thread for `times` calls.
fn timed<T>(times: u32, body: &mut impl FnMut() -> T) -> f64 {
    let before = own_cpu();
    for _ in 0..times {
        black_box(body());
    }
    own_cpu() - before
}

fn own_cpu() -> f64 {
    // The scheduler brings the figure up to date when the thread yields.
    std::thread::yield_now();
    cpu_in(Path::new("/proc/thread-self/schedstat")).expect("Linux counts what threads use")
}

/// The first figure of a schedstat file, in microseconds.
fn cpu_in(file: &Path) -> Option<f64> {
    let nanoseconds: f64 = std::fs::read_to_string(file).ok()?.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1000.0)
}
