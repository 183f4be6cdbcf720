//! What the domain may know about the outside: the time and fresh randomness.

use std::sync::Arc;

use super::clock::{Clock, SystemClock, Timestamp};
use super::random::{Random, SystemRandom};

/// Clock and randomness, handed down to whoever needs them.
#[derive(Clone)]
pub struct Env {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

impl Env {
    /// The machine's clock and the operating system's randomness.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn random(&self) -> &dyn Random {
        &*self.random
    }
}
