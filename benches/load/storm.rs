//! JWKS latency while 64 callers log in as fast as they can: paced threads of their own, so that the storm's client cannot
//! delay them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::http::Connection;

/// Threads that share the rate.
const THREADS: u32 = 8;

/// Latencies of GETs of `path`, in milliseconds, sorted; `rate` a second in all, for `duration`.
pub fn paced(address: SocketAddr, path: &str, rate: u32, duration: Duration) -> Vec<f64> {
    let mut latencies: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|n| scope.spawn(move || one_thread(address, path, rate, duration, n))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("every JWKS answer is right")).collect()
    });
    latencies.sort_by(f64::total_cmp);
    latencies
}

/// The value below which `percent` of `sorted` lie.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

fn one_thread(address: SocketAddr, path: &str, rate: u32, duration: Duration, offset: u32) -> Vec<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let mut connection = runtime.block_on(Connection::open(address)).expect("the server accepts connections");
    let period = Duration::from_secs(1) * THREADS / rate;
    let begin = Instant::now() + period * offset / THREADS;
    let mut latencies = Vec::new();
    for n in 0.. {
        let due = begin + period * n;
        if due > begin + duration {
            break;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let sent = Instant::now();
        let status = runtime.block_on(connection.get(path)).expect("the server answers").status;
        assert_eq!(status, 200, "JWKS during the storm");
        latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    latencies
}
