//! How often somebody may do something: a token bucket per key in a table of fixed size. Kept as the moment at which a key's
//! bucket will be full again (the generic cell rate algorithm), so a key costs sixteen bytes and no timer.
//!
//! Whoever fills the table with other keys does not make it forget him cheaply: a key gives way only to one that falls into its
//! row of eight, and always the one that owes least; which keys share a row depends on a secret of this process.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use super::clock::Timestamp;
use super::random::Random;

/// Rows of a table; a mebibyte with eight entries each.
const ROWS: usize = 8192;
const ROW: usize = 8;
const SECOND: i64 = 1_000_000;

/// The limits of one issuer; `None` is no limit.
#[derive(Debug, Default)]
pub struct RateLimits {
    /// Requests by address.
    pub address: Option<RateLimiter>,
    /// Token requests by authenticated client.
    pub client: Option<RateLimiter>,
}

/// A limit that holds for each key on its own.
#[derive(Debug)]
pub struct RateLimiter {
    /// Microseconds that one request costs.
    cost: i64,
    /// Microseconds that a key may be ahead: the burst.
    depth: i64,
    secret: [u8; 16],
    rows: Box<[Mutex<[Entry; ROW]>]>,
}

/// What is known of a key. All zeroes is nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    key: u64,
    /// Microseconds since the epoch at which the key owes nothing any more.
    full_at: i64,
}

impl RateLimiter {
    /// `burst` at once, `per_second` in the long run.
    pub fn new(per_second: NonZeroU32, burst: u32, random: &dyn Random) -> Self {
        let cost = SECOND / i64::from(per_second.get());
        let rows = (0..ROWS).map(|_| Mutex::default()).collect();
        Self { cost, depth: cost * i64::from(burst.max(1)), secret: random.bytes(), rows }
    }

    /// Counts one request of `key`.
    ///
    /// # Errors
    /// It may make none now: the seconds until it may. A refused request costs nothing.
    pub fn take(&self, key: &impl Hash, now: Timestamp) -> Result<(), u32> {
        let (row, key) = self.place(key);
        let now = now.millis().saturating_mul(1000);
        let mut entries = self.rows[row].lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entry_of(&mut entries, key);
        // A clock that was set back must not lock anybody out for longer than an empty bucket does.
        let full_at = entry.full_at.clamp(now, now + self.depth);
        let after = full_at + self.cost;
        if after - now > self.depth {
            entry.full_at = full_at;
            let wait = (after - now - self.depth + SECOND - 1) / SECOND;
            return Err(u32::try_from(wait).unwrap_or(u32::MAX).max(1));
        }
        *entry = Entry { key, full_at: after };
        Ok(())
    }

    fn place(&self, key: &impl Hash) -> (usize, u64) {
        let mut hasher = DefaultHasher::new();
        self.secret.hash(&mut hasher);
        key.hash(&mut hasher);
        let hash = hasher.finish();
        // Row and key use different bits, or eight keys of a row would differ in fewer of them.
        (usize::try_from(hash >> 32).unwrap_or_default() % ROWS, hash.max(1))
    }
}

/// The entry of `key`, or the one that gives way to it.
fn entry_of(entries: &mut [Entry; ROW], key: u64) -> &mut Entry {
    let at = entries.iter().position(|entry| entry.key == key);
    let at = at
        .or_else(|| entries.iter().enumerate().min_by_key(|(_, entry)| entry.full_at).map(|(at, _)| at))
        .unwrap_or_default();
    let entry = &mut entries[at];
    if entry.key != key {
        *entry = Entry { key, full_at: 0 };
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;

    fn limiter(per_second: u32, burst: u32) -> RateLimiter {
        RateLimiter::new(NonZeroU32::new(per_second).expect("above 0"), burst, &SeededRandom::new(7))
    }

    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn a_burst_at_once_and_then_the_rate() {
        let limit = limiter(2, 5);
        assert_eq!((0..8).filter(|_| limit.take(&"a", START).is_ok()).count(), 5);
        assert_eq!(limit.take(&"a", START), Err(1));
        assert_eq!(limit.take(&"b", START), Ok(()), "keys do not share");
        let later = Timestamp(START.millis() + 500);
        assert_eq!((limit.take(&"a", later), limit.take(&"a", later)), (Ok(()), Err(1)));
        let much_later = START + 3600;
        assert_eq!((0..8).filter(|_| limit.take(&"a", much_later).is_ok()).count(), 5, "unused time is no credit beyond the burst");
    }

    #[test]
    fn the_wait_that_is_named_is_the_one_that_helps() {
        let slow = RateLimiter { cost: 10 * SECOND, depth: 10 * SECOND, ..limiter(1, 1) };
        assert_eq!((slow.take(&1, START), slow.take(&1, START)), (Ok(()), Err(10)));
        assert_eq!(slow.take(&1, START + 9), Err(1));
        assert_eq!(slow.take(&1, START + 10), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let limit = limiter(1, 2);
        assert!(limit.take(&1, START + 86_400).is_ok());
        assert_eq!(limit.take(&1, START), Err(1));
        assert!(limit.take(&1, START + 1).is_ok());
    }

    #[test]
    fn others_do_not_make_it_forget_who_owes_most() {
        let limit = limiter(1, 100);
        for _ in 0..100 {
            limit.take(&"attacker", START).expect("within the burst");
        }
        // Twice as many other keys as the table has entries, each with one request.
        for other in 0..2 * ROWS * ROW {
            limit.take(&other, START).expect("the first of its key");
        }
        assert!(limit.take(&"attacker", START).is_err());
    }

    #[test]
    fn many_threads_get_exactly_the_burst() {
        let limit = limiter(1, 50);
        let granted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| (0..100).filter(|_| limit.take(&"a", START).is_ok()).count())).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!(granted, 50);
    }
}
