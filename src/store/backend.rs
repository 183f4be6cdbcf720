//! The seam between semantics and engine: six methods. Everything above is written once; everything below only has to keep
//! these promises, which `tests/store/conformance.rs` checks for every engine.

use std::fmt;
use std::ops::Bound;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;

/// The two classes of data (docs/architecture.md, Storage). Nothing is atomic across them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Realms, clients, users, credentials, keys, admin events, jobs.
    Configuration,
    /// User, client and authentication sessions, codes, login failures, user events.
    Sessions,
}

/// A value as it is stored: the commit sequence that wrote it, when it may be purged, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub version: u64,
    pub expires_at: Option<Timestamp>,
    pub value: Vec<u8>,
}

/// What a commit found at a key must still be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    Absent,
    Version(u64),
}

/// One change to one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    Put {
        value: Vec<u8>,
        expires_at: Option<Timestamp>,
    },
    Delete,
    /// Adds to a `counter/…` key; commutes, so it needs no expectation and cannot conflict.
    Add(i64),
}

/// When a commit must survive a power cut.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Durability {
    /// Before it is answered.
    #[default]
    Acknowledged,
    /// A second later: user events.
    WithinASecond,
    /// A minute later: the stamp of a session's last use.
    WithinAMinute,
}

/// All changes of one transaction. Applied wholly or not at all. `writes` has each key at most once, and an
/// [`Expectation::Absent`] stands only on a key that is put: an engine need not remember what is not there.
#[derive(Clone, Debug)]
pub struct WriteSet {
    pub class: Class,
    pub durability: Durability,
    pub expectations: Vec<(Vec<u8>, Expectation)>,
    pub writes: Vec<(Vec<u8>, Write)>,
}

/// Why a commit did not happen, or may not have happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    #[error("an expectation did not hold; nothing was written")]
    Conflict,
    #[error("the connection was lost during the commit: it may or may not have been applied")]
    Unknown,
    /// Nothing was written, and the engine is well: the disk is full.
    #[error("{0}")]
    Refused(String),
    /// The engine failed; the store is read-only from now on.
    #[error("{0}")]
    Poisoned(String),
}

/// The engine failed or the data is damaged.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BackendError(pub String);

/// A range of keys, in byte order.
#[derive(Clone, Debug)]
pub struct KeyRange {
    pub start: Bound<Vec<u8>>,
    pub end: Bound<Vec<u8>>,
}

impl KeyRange {
    /// The keys that begin with `prefix`, or those of them that come after `prefix` + `after`.
    pub fn under(prefix: &[u8], after: Option<&[u8]>) -> Self {
        let start = match after {
            Some(after) => Bound::Excluded([prefix, after].concat()),
            None => Bound::Included(prefix.to_vec()),
        };
        Self { start, end: end_of(prefix) }
    }

    /// Whether no key can be in it. `BTreeMap::range` panics on such a range.
    pub fn is_empty(&self) -> bool {
        match (&self.start, &self.end) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => start >= end,
        }
    }
}

/// The first key after all that begin with `prefix`.
fn end_of(prefix: &[u8]) -> Bound<Vec<u8>> {
    let Some(last) = prefix.iter().rposition(|byte| *byte != u8::MAX) else { return Bound::Unbounded };
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Bound::Excluded(end)
}

/// An engine. Futures are boxed and `Send`; no closure crosses this border (PostgreSQL must be able to run everything).
pub trait Backend: Send + Sync + fmt::Debug {
    fn get<'a>(&'a self, class: Class, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, BackendError>>;

    /// At most `limit` rows of `range` in key order. Not protected by a later commit.
    fn scan(&self, class: Class, range: KeyRange, limit: usize) -> BoxFuture<'_, Result<Vec<(Vec<u8>, Stored)>, BackendError>>;

    /// Applies the set, or nothing. Answers with the commit's sequence when it would survive a power loss; a `Conflict` too is
    /// answered only when what it lost against would. A set of a weaker [`Durability`] is accepted, not applied, when this
    /// answers (with 0): it is applied soon, and dropped if an expectation does not hold then.
    fn commit(&self, set: WriteSet) -> BoxFuture<'_, Result<u64, CommitError>>;

    /// Deletes at most `limit` values whose expiry is before `now`; the number that it deleted. One call may look at a part only;
    /// repeated calls roll over the whole class.
    fn purge(&self, class: Class, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize, BackendError>>;

    /// Returns when everything that a reader could have seen so far is durable.
    fn settle(&self, class: Class) -> BoxFuture<'_, Result<(), BackendError>>;

    /// Whether the engine can read and write.
    fn ping(&self) -> BoxFuture<'_, Result<(), BackendError>>;
}
