//! What this machine can do, measured in the same run, so that limits are ratios and hold on any machine.

use std::num::NonZeroUsize;
use std::process::Command;

use argon2::{Algorithm, Argon2, Block, Params, Version};

/// CPU microseconds of one RSA-2048 signature by `openssl speed`, S in the design. On all CPUs at once, as the server works:
/// those of a virtual machine have different neighbours and are not equally fast at the same moment.
pub fn rsa_sign(seconds: u32) -> f64 {
    let cpus = cpus();
    let output = Command::new("openssl")
        .args(["speed", "-seconds", &seconds.to_string(), "-multi", &cpus.to_string(), "rsa2048"])
        .output()
        .expect("openssl is installed (apt-get install openssl)");
    let text = String::from_utf8_lossy(&output.stdout);
    // rsa 2048 bits 0.000231s 0.000013s   4333.3  76000.0
    let rate = text
        .lines()
        .filter(|line| line.starts_with("rsa 2048"))
        .find_map(|line| line.split_whitespace().rev().nth(1)?.parse::<f64>().ok());
    1e6 * cpus as f64 / rate.unwrap_or_else(|| panic!("openssl speed printed no rate:\n{text}"))
}

/// CPU microseconds of one argon2id hash with Keycloak's parameters (7168 KiB, 5 passes, 1 lane) in memory that is reused; on all
/// CPUs at once, too, because they share the memory that it is made to be slow in.
pub fn password_hash(rounds: u32) -> f64 {
    let threads: Vec<_> = (0..cpus()).map(|_| std::thread::spawn(move || hashes_of_one_thread(rounds))).collect();
    let costs: Vec<f64> = threads.into_iter().map(|thread| thread.join().expect("a hash does not fail")).collect();
    costs.iter().sum::<f64>() / costs.len() as f64
}

fn hashes_of_one_thread(rounds: u32) -> f64 {
    let params = Params::new(7168, 5, 1, Some(32)).expect("these parameters are valid");
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = || {
        let mut tag = [0; 32];
        argon2
            .hash_password_into_with_memory(b"secret", b"sixteen bytes sa", &mut tag, &mut memory)
            .expect("the memory fits");
        std::hint::black_box(tag);
    };
    hash();
    let before = own_thread_cpu();
    for _ in 0..rounds {
        hash();
    }
    (own_thread_cpu() - before) / f64::from(rounds)
}

fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// CPU microseconds that this thread used so far.
fn own_thread_cpu() -> f64 {
    // The scheduler brings the figure up to date when the thread yields.
    std::thread::yield_now();
    super::server::schedstat("/proc/thread-self/schedstat").expect("Linux counts what threads use")
}
