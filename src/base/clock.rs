//! Time as an argument. Domain code asks [`Clock::now`]; only [`SystemClock`] reads the machine's clock, and `clippy.toml`
//! bans the ambient calls everywhere else.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1970-01-01T00:00:00Z. Token claims use whole seconds ([`Timestamp::seconds`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment that many whole seconds after the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, as `iat` and `exp` have them (RFC 7519 §2, NumericDate).
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Date and time of day in UTC, as Java prints a `LocalDateTime` of whole seconds: `2027-01-15T08:00:59`, and `2027-01-15T08:00`
    /// where the seconds are 0. The year has at least four digits.
    pub fn to_local_date_time(self) -> String {
        let Ok(at) = time::OffsetDateTime::from_unix_timestamp(self.seconds()) else { return self.seconds().to_string() };
        let (date, hour, minute) = (at.date(), at.hour(), at.minute());
        let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
        match at.second() {
            0 => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}"),
            second => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"),
        }
    }
}

/// `timestamp + seconds`.
impl Add<i64> for Timestamp {
    type Output = Self;
    fn add(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }
}

/// The whole seconds from `rhs` to `self`.
impl Sub for Timestamp {
    type Output = i64;
    fn sub(self, rhs: Self) -> i64 {
        self.0.saturating_sub(rhs.0).div_euclid(1000)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// Where "now" comes from.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct SettableClock(AtomicI64);

impl SettableClock {
    pub const fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    pub fn advance_seconds(&self, seconds: i64) {
        self.advance_millis(seconds * 1000);
    }

    pub fn advance_millis(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for SettableClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_round_down_and_differences_are_whole_seconds() {
        assert_eq!(Timestamp(1_999).seconds(), 1);
        assert_eq!(Timestamp(-1).seconds(), -1);
        assert_eq!((Timestamp(5_500) + 2).millis(), 7_500);
        assert_eq!(Timestamp(7_400) - Timestamp(5_500), 1);
    }

    #[test]
    fn a_date_time_is_javas() {
        assert_eq!(Timestamp::from_seconds(1_800_000_000).to_local_date_time(), "2027-01-15T08:00");
        assert_eq!(Timestamp(1_800_000_059_999).to_local_date_time(), "2027-01-15T08:00:59");
        assert_eq!(Timestamp(i64::MAX).to_local_date_time(), "9223372036854775");
    }

    #[test]
    fn a_settable_clock_moves_only_when_told() {
        let clock = SettableClock::at(Timestamp(10));
        assert_eq!(clock.now(), Timestamp(10));
        clock.advance_seconds(2);
        assert_eq!(clock.now(), Timestamp(2_010));
    }
}
