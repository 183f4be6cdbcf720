//! What is measured about a database: its commits, and how many documents of some kinds it has. The committer knows both without
//! looking at the data: the ledger that it writes with every batch counts rows by kind.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::metric::{Histogram, SECONDS, SIZES};

use super::integrity::Ledger;

/// The kinds that are counted.
pub const KINDS: [&str; 8] = ["realm", "client", "user", "group", "role", "session", "session.offline", "event"];

/// Measures of one class.
#[derive(Debug)]
pub struct Measures {
    /// From handing a commit over until its answer.
    pub seconds: Histogram,
    /// Commits that one sync of the disk made durable.
    pub group: Histogram,
    rows: [AtomicU64; KINDS.len()],
}

impl Default for Measures {
    fn default() -> Self {
        Self { seconds: Histogram::new(SECONDS), group: Histogram::new(SIZES), rows: Default::default() }
    }
}

impl Measures {
    /// Documents of a kind, the expired ones that no purge has reached yet among them.
    pub fn rows(&self, kind: &str) -> u64 {
        KINDS.iter().position(|known| *known == kind).map_or(0, |at| self.rows[at].load(Ordering::Relaxed))
    }

    pub(super) fn note(&self, group: usize, ledger: &Ledger) {
        if group > 0 {
            self.group.observe(f64::from(u32::try_from(group).unwrap_or(u32::MAX)));
        }
        for (kind, rows) in KINDS.iter().zip(&self.rows) {
            rows.store(ledger.tally.rows(kind), Ordering::Relaxed);
        }
    }
}
