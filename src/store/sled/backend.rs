//! The six methods over sled. Point reads run where they are asked, a few microseconds each; scans go to the blocking pool.

use std::ops::Bound;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{self, BoxFuture};

use crate::base::clock::Timestamp;
use crate::store::backend::{Backend, BackendError, Class, CommitError, Durability, Expectation, KeyRange, Stored, Write, WriteSet};
use crate::store::value;

use super::chunks::{self, FIRST_DOCUMENT_KEY};
use super::{Database, Integrity, Sled, guarded};

/// Rows that one call of `purge` looks at for each value that it may delete.
const LOOKED_AT: usize = 20;
/// Rows that are read at a stretch.
const STEP: usize = 500;

impl Backend for Sled {
    fn get<'a>(&'a self, class: Class, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, BackendError>> {
        let database = self.database(class);
        future::ready(database.reading(|| chunks::read(&database.tree, key))).boxed()
    }

    fn scan(&self, class: Class, range: KeyRange, limit: usize) -> BoxFuture<'_, Result<Vec<(Vec<u8>, Stored)>, BackendError>> {
        let database = Arc::clone(self.database(class));
        async move { in_background(move || database.reading(|| database.rows(range, limit))).await }.boxed()
    }

    fn commit(&self, set: WriteSet) -> BoxFuture<'_, Result<u64, CommitError>> {
        let database = self.database(set.class);
        if let Some(failure) = database.failure.get() {
            return future::ready(Err(CommitError::Poisoned(failure.clone()))).boxed();
        }
        if let Some(size) = oversized(&set) {
            return future::ready(Err(CommitError::Refused(format!("a record of {size} bytes is too large to be saved")))).boxed();
        }
        if set.durability != Durability::Acknowledged {
            return future::ready(if database.mailbox.send_behind(set) { Ok(0) } else { Err(closed()) }).boxed();
        }
        // Sent at once, so that a caller may sign while the disk works.
        let Some(answer) = database.mailbox.send(set) else { return future::ready(Err(closed())).boxed() };
        async move { answer.await.unwrap_or_else(|_| Err(closed())) }.boxed()
    }

    fn purge(&self, class: Class, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize, BackendError>> {
        let database = Arc::clone(self.database(class));
        async move {
            let seeker = Arc::clone(&database);
            let expired = in_background(move || seeker.reading(|| seeker.expired(now, limit))).await?;
            // A set each: one that somebody refreshed meanwhile must not save the others.
            let deletions = expired.into_iter().map(|(key, version)| {
                let expectations = vec![(key.clone(), Expectation::Version(version))];
                self.commit(WriteSet { class, durability: Durability::Acknowledged, expectations, writes: vec![(key, Write::Delete)] })
            });
            let mut deleted = 0;
            for answer in future::join_all(deletions).await {
                match answer {
                    Ok(_) => deleted += 1,
                    Err(CommitError::Conflict) => {}
                    Err(error) => return Err(BackendError(error.to_string())),
                }
            }
            Ok(deleted)
        }
        .boxed()
    }

    fn settle(&self, class: Class) -> BoxFuture<'_, Result<(), BackendError>> {
        let database = self.database(class);
        let target = database.visible.load(Ordering::SeqCst);
        if *database.durable.borrow() >= target {
            return future::ready(Ok(())).boxed();
        }
        async move {
            let mut durable = database.durable.subscribe();
            let reached = durable.wait_for(|durable| *durable >= target || database.failure.get().is_some()).await;
            let reached = reached.is_ok_and(|durable| *durable >= target);
            let failure = || database.failure.get().cloned().unwrap_or_else(|| "the store was closed".to_owned());
            if reached { Ok(()) } else { Err(BackendError(failure())) }
        }
        .boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), BackendError>> {
        let failed = [Class::Configuration, Class::Sessions].into_iter().find_map(|class| self.database(class).failure.get());
        let answer = match (failed, self.integrity()) {
            (Some(failure), _) => Err(BackendError(failure.clone())),
            (None, Integrity::Damaged(damage)) => Err(BackendError(damage)),
            (None, Integrity::Checking) => Err(BackendError("the stored data is still being checked".to_owned())),
            (None, Integrity::Sound) => Ok(()),
        };
        future::ready(answer).boxed()
    }
}

impl Database {
    /// An error while reading is the engine's end, too: what it says next is not to be trusted.
    fn reading<T>(&self, read: impl FnOnce() -> Result<T, String>) -> Result<T, BackendError> {
        guarded(read).map_err(|error| BackendError(self.poison(&error).to_string()))
    }

    fn rows(&self, range: KeyRange, limit: usize) -> Result<Vec<(Vec<u8>, Stored)>, String> {
        let start = match range.start {
            Bound::Unbounded => Bound::Included(FIRST_DOCUMENT_KEY.to_vec()),
            Bound::Included(key) => Bound::Included(key.max(FIRST_DOCUMENT_KEY.to_vec())),
            Bound::Excluded(key) => Bound::Excluded(key),
        };
        let range = KeyRange { start, end: range.end };
        let mut rows = Vec::new();
        if range.is_empty() {
            return Ok(rows);
        }
        let mut iterator = self.tree.range((range.start, range.end));
        while rows.len() < limit {
            let Some(row) = iterator.next() else { break };
            let (key, row) = row.map_err(|error| error.to_string())?;
            if let Some(stored) = chunks::assemble(&self.tree, &key, row)? {
                rows.push((key.to_vec(), stored));
            }
        }
        Ok(rows)
    }

    /// Up to `limit` expired keys with their versions, going on where the last call ended.
    fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<(Vec<u8>, u64)>, String> {
        let mut cursor = self.purged_to.lock().unwrap_or_else(PoisonError::into_inner);
        let mut expired = Vec::new();
        let mut looked_at = 0;
        while looked_at < limit.saturating_mul(LOOKED_AT).max(STEP) {
            let from = (*cursor).clone().max(FIRST_DOCUMENT_KEY.to_vec());
            let mut rows = 0;
            for row in self.tree.range((Bound::Excluded(from), Bound::<Vec<u8>>::Unbounded)).take(STEP) {
                let (key, row) = row.map_err(|error| error.to_string())?;
                rows += 1;
                *cursor = key.to_vec();
                if let (Some(expiry), Some(version)) = (chunks::beginning(&row).and_then(value::expires_at), chunks::version(&row))
                    && expiry < now
                {
                    expired.push((key.to_vec(), version));
                    if expired.len() == limit {
                        return Ok(expired);
                    }
                }
            }
            if rows < STEP {
                // The end: the next call begins anew.
                cursor.clear();
                return Ok(expired);
            }
            looked_at += rows;
        }
        Ok(expired)
    }
}

/// The size of a value that could not be cut up any more.
fn oversized(set: &WriteSet) -> Option<usize> {
    let sizes = set
        .writes
        .iter()
        .filter_map(|(_, write)| if let Write::Put { value, .. } = write { Some(value.len()) } else { None });
    sizes.max().filter(|size| *size > chunks::MAX_VALUE)
}

fn closed() -> CommitError {
    CommitError::Poisoned("the store was closed".to_owned())
}

async fn in_background<T: Send + 'static>(work: impl FnOnce() -> Result<T, BackendError> + Send + 'static) -> Result<T, BackendError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(BackendError(format!("a read was given up: {error}"))))
}
