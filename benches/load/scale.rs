//! How a server grows: the cost of a token, the start and the memory with more realms, clients, users and sessions. One axis at
//! a time, the others small, so that a line says what its own axis costs. There are no limits here: the lines of an axis should
//! be flat in CPU, and linear in memory at the most.

use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use super::Options;
use super::measure::{Alternated, alternate, settle};
use super::scenario::{Caller, Cast, Seen, drive};
use super::seed::{self, Plan, Shape};
use super::server::Server;

const CALLERS: usize = 16;

/// Prints a line for every size of every axis.
pub async fn run(options: &Options) {
    println!(
        "{:<38} {:>9} {:>11} {:>12} {:>10} {:>12} {:>10} {:>10}",
        "", "seed s", "start ms", "token µs", "of S", "undisturbed", "MiB", "disk MiB"
    );
    let wanted = |axis: &str| options.wants("growth") || options.wants(axis);
    for realms in options.pick(vec![1, 10, 100, 1_000], vec![1, 5]).into_iter().filter(|_| wanted("realms")) {
        one("realms", options, Shape { realms, clients: 1, users: 1 }, 0).await;
    }
    for clients in options.pick(vec![10, 100, 1_000, 10_000], vec![10]).into_iter().filter(|_| wanted("clients")) {
        one("clients", options, Shape { realms: 1, clients, users: 1 }, 0).await;
    }
    for users in options.pick(vec![1_000, 10_000, 100_000, 1_000_000], vec![20]).into_iter().filter(|_| wanted("users")) {
        one("users", options, Shape { realms: 1, clients: 10, users }, 0).await;
    }
    for sessions in options.pick(vec![1_000, 10_000, 100_000, 1_000_000], vec![1_000]).into_iter().filter(|_| wanted("sessions")) {
        one("sessions", options, Shape { realms: 1, clients: 10, users: 500 }, sessions).await;
    }
}

async fn one(axis: &str, options: &Options, shape: Shape, sessions: usize) {
    let home = tempfile::Builder::new()
        .prefix("scale-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .expect("a directory for the store");
    let begin = Instant::now();
    let plan: Rc<Plan> = Rc::new(seed::seed(home.path(), shape));
    seed::start_sessions(home.path(), sessions);
    let seeded = begin.elapsed().as_secs_f64();
    let mut server = Server::start(home.path(), &plan.certs_path).await;
    let cast = Cast { plan: plan.clone(), seen: Seen::default(), seed: options.seed };
    let (size, tokens) = match axis {
        "realms" => (shape.realms, tokens(options, &server, &mut cast.client_credentials(CALLERS, |plan| &plan.clients)).await),
        "clients" => (shape.clients, tokens(options, &server, &mut cast.client_credentials(CALLERS, |plan| &plan.clients)).await),
        "users" => (shape.users, tokens(options, &server, &mut cast.client_credentials(CALLERS, |plan| &plan.clients)).await),
        _ => {
            // Tokens of some sessions more; then the start of a server that finds all of them.
            let mut callers = cast.refreshes(server.address, CALLERS, options.pick(512, 32), false).await;
            server.stop();
            server = Server::start(home.path(), &plan.certs_path).await;
            (sessions, tokens(options, &server, &mut callers).await)
        }
    };
    let (start, resident) = (server.until_first_answer.as_secs_f64() * 1000.0, server.resident());
    let Alternated { cost, ratio, undisturbed, .. } = tokens;
    server.stop();
    let disk = disk_usage(home.path());
    let name = format!("{size} {axis}");
    println!("{name:<38} {seeded:>9.1} {start:>11.1} {cost:>12.1} {ratio:>10.3} {undisturbed:>12.3} {resident:>10.1} {disk:>10.1}");
}

/// MiB of all files below `directory`.
fn disk_usage(directory: &Path) -> f64 {
    let entries = std::fs::read_dir(directory).expect("a directory can be listed").flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => disk_usage(&entry.path()),
        Ok(metadata) => metadata.len() as f64 / f64::from(1 << 20),
        Err(_) => 0.0,
    };
    entries.map(size).sum()
}

/// What a token costs. Every realm and client is met before it counts.
async fn tokens<C: Caller>(options: &Options, server: &Server, callers: &mut [C]) -> Alternated {
    drive(server.address, callers, options.pick(2_000, 4)).await;
    settle(options, server).await;
    alternate(options, server, callers, options.pick(200, 4)).await
}
