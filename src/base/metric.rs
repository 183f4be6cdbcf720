//! What is counted and measured, as cheaply as it can be: atomics in shards that threads rarely share, no lock and no label on the way.
//! Names and labels come in when somebody reads.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Shards of every number; more than cores would only cost memory.
const SHARDS: usize = 4;

/// Upper bounds for times, in seconds.
pub const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds for numbers of things.
pub const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The most bounds that a [`Histogram`] can have.
const BOUNDS: usize = 15;

/// A number on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Padded(AtomicU64);

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter([Padded; SHARDS]);

impl Counter {
    pub fn add(&self, number: u64) {
        self.0[shard()].0.fetch_add(number, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.iter().map(|shard| shard.0.load(Ordering::Relaxed)).sum()
    }
}

/// How often values up to some bounds were seen, and their sum.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    shards: [Shard; SHARDS],
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard {
    /// In billionths, so that it is a whole number.
    sum: AtomicU64,
    buckets: [AtomicU64; BOUNDS],
}

impl Histogram {
    /// A value belongs to the first of `bounds` that it does not exceed, or to none of them.
    pub fn new(bounds: &'static [f64]) -> Self {
        assert!(bounds.len() < BOUNDS, "a histogram has a place for each of its bounds and one more");
        Self { bounds, shards: Default::default() }
    }

    pub fn observe(&self, value: f64) {
        let shard = &self.shards[shard()];
        let bucket = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        shard.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times and sizes are positive and far below the limit")]
        shard.sum.fetch_add((value.max(0.0) * 1e9) as u64, Ordering::Relaxed);
    }

    pub fn observe_time(&self, time: Duration) {
        self.observe(time.as_secs_f64());
    }

    /// The lines of `name` in the text format, with `labels` (`a="b"`, or nothing) on each.
    pub fn write(&self, out: &mut String, name: &str, labels: &str) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut seen = 0;
        for (at, bound) in self.bounds.iter().enumerate() {
            seen += self.bucket(at);
            let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {seen}");
        }
        seen += self.bucket(self.bounds.len());
        let sum: u64 = self.shards.iter().map(|shard| shard.sum.load(Ordering::Relaxed)).sum();
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        #[allow(clippy::cast_precision_loss, reason = "a sum of seconds needs no billionths")]
        let sum = sum as f64 / 1e9;
        let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {seen}\n{name}_sum{braces} {sum}\n{name}_count{braces} {seen}");
    }

    fn bucket(&self, at: usize) -> u64 {
        self.shards.iter().map(|shard| shard.buckets[at].load(Ordering::Relaxed)).sum()
    }
}

/// Measures how long something really took, whatever the clock of the domain shows. For metrics and logs only.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[allow(clippy::disallowed_methods, reason = "measuring is the named exception")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Threads get shards in turn, and keep theirs.
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
    OWN.with(|own| *own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_up_to_each_bound_from_all_threads() {
        let histogram = Histogram::new(&[1.0, 2.0]);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| [0.5, 1.0, 1.5, 9.0].into_iter().for_each(|value| histogram.observe(value)));
            }
        });
        let mut text = String::new();
        histogram.write(&mut text, "h", r#"a="b""#);
        let lines = [
            "h_bucket{a=\"b\",le=\"1\"} 12",
            "h_bucket{a=\"b\",le=\"2\"} 18",
            "h_bucket{a=\"b\",le=\"+Inf\"} 24",
            "h_sum{a=\"b\"} 72",
            "h_count{a=\"b\"} 24",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    }

    /// The price of a request's metrics, in a build without optimisation.
    #[test]
    fn counting_costs_nanoseconds() {
        let (counter, histogram, rounds) = (Counter::default(), Histogram::new(SECONDS), 100_000);
        let watch = Stopwatch::start();
        for _ in 0..rounds {
            counter.add(1);
            histogram.observe(0.003);
        }
        let each = watch.elapsed() / rounds;
        assert_eq!(counter.get(), u64::from(rounds));
        assert!(each < Duration::from_micros(2), "{each:?}");
    }
}
