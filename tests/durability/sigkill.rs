//! SIGKILL at any moment takes back nothing that was acknowledged (architecture, "What durable means").

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use crate::support::process::ServerProcess;

use super::api::Api;
use super::realm;
use super::writer::{Session, Writer};

const ROUNDS: usize = 20;
const WRITERS: usize = 8;
const ACKNOWLEDGEMENTS: usize = 200;
const SEED: u64 = 0x6b65_7977;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_by_sigkill() {
    let home = tempfile::tempdir().expect("a directory");
    realm::create(home.path());
    let mut random = ChaCha20Rng::seed_from_u64(SEED);
    let mut sessions: Vec<Session> = Vec::new();
    let (mut acknowledged, mut presented) = (0, 0);
    for round in 0..ROUNDS {
        let mut server = ServerProcess::start(home.path(), realm::NAME).await;
        let api = Api::new(&server.issuer(realm::NAME));
        presented += sessions.len();
        sessions = present(&api, sessions, &mut random).await;

        let count = Arc::new(AtomicUsize::new(0));
        let writers = writers(round, std::mem::take(&mut sessions), &count);
        let tasks: Vec<_> = writers.into_iter().map(|writer| tokio::spawn(until_the_end(writer, api.clone()))).collect();
        kill_at_a_random_moment(&mut server, &count, &mut random).await;
        for task in tasks {
            sessions.extend(task.await.expect("every answer was right"));
        }
        acknowledged += count.load(Ordering::Relaxed);
    }
    let server = ServerProcess::start(home.path(), realm::NAME).await;
    presented += sessions.len();
    present(&Api::new(&server.issuer(realm::NAME)), sessions, &mut random).await;
    assert!(server.stop().success(), "a graceful stop ends with 0");
    println!("{ROUNDS} rounds of SIGKILL: {acknowledged} writes acknowledged, {presented} sessions presented, none lost");
}

/// Presents every session; the ones that live on.
async fn present(api: &Api, sessions: Vec<Session>, random: &mut ChaCha20Rng) -> Vec<Session> {
    let mut live = Vec::new();
    for mut session in sessions {
        if session.is_as_acknowledged(api, random.next_u32().is_multiple_of(2)).await {
            live.push(session);
        }
    }
    live
}

fn writers(round: usize, sessions: Vec<Session>, count: &Arc<AtomicUsize>) -> Vec<Writer> {
    let mut writers: Vec<_> = (0..WRITERS).map(|n| Writer::new(SEED + (round * WRITERS + n) as u64, Vec::new(), count.clone())).collect();
    for (n, session) in sessions.into_iter().enumerate() {
        writers[n % WRITERS].sessions.push(session);
    }
    writers
}

async fn until_the_end(mut writer: Writer, api: Api) -> Vec<Session> {
    writer.write(&api, usize::MAX).await;
    writer.sessions
}

async fn kill_at_a_random_moment(server: &mut ServerProcess, count: &AtomicUsize, random: &mut ChaCha20Rng) {
    let enough = ACKNOWLEDGEMENTS + random.next_u32() as usize % ACKNOWLEDGEMENTS;
    while count.load(Ordering::Relaxed) < enough {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Anywhere between two acknowledgements, too.
    std::thread::sleep(Duration::from_micros(u64::from(random.next_u32() % 3_000)));
    server.kill();
}
