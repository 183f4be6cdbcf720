//! `[hashing]`: how many passwords are checked at a time. Each takes about 10 ms of a core and 7 MiB.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::Problem;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hashing {
    /// Threads that do nothing else; `None` is one per core.
    pub threads: Option<NonZeroUsize>,
    /// Checks that may wait. When they are more, sign-ins are answered 503 with `Retry-After`.
    pub queue: usize,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { threads: None, queue: 64 }
    }
}

impl Hashing {
    pub(super) fn validate(&self, problems: &mut Vec<Problem>) {
        if !(1..=100_000).contains(&self.queue) {
            problems.push(Problem::new("hashing.queue", format!("is {}, but must be from 1 to 100000", self.queue)));
        }
        if self.threads.is_some_and(|threads| threads.get() > 1024) {
            problems.push(Problem::new("hashing.threads", "must be at most 1024"));
        }
    }
}
