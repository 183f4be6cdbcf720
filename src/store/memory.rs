//! The engine of tests and of throw-away issuers: two ordered maps. Nothing is durable, so nothing waits.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use crate::base::clock::Timestamp;

use super::backend::{Backend, BackendError, Class, CommitError, Expectation, KeyRange, Stored, Write, WriteSet};
use super::value;

/// A store that lives as long as the process.
#[derive(Debug, Default)]
pub struct Memory {
    configuration: Mutex<Documents>,
    sessions: Mutex<Documents>,
}

#[derive(Debug, Default)]
struct Documents {
    sequence: u64,
    by_key: BTreeMap<Vec<u8>, Stored>,
}

impl Memory {
    pub fn new() -> Self {
        Self::default()
    }

    fn documents(&self, class: Class) -> MutexGuard<'_, Documents> {
        let documents = match class {
            Class::Configuration => &self.configuration,
            Class::Sessions => &self.sessions,
        };
        documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Documents {
    fn holds(&self, key: &[u8], expectation: Expectation) -> bool {
        let version = self.by_key.get(key).map(|stored| stored.version);
        match expectation {
            Expectation::Absent => version.is_none(),
            Expectation::Version(expected) => version == Some(expected),
        }
    }

    fn apply(&mut self, set: WriteSet) -> Result<u64, CommitError> {
        if !set.expectations.iter().all(|(key, expectation)| self.holds(key, *expectation)) {
            return Err(CommitError::Conflict);
        }
        let version = self.sequence + 1;
        let mut added = Vec::new();
        for (key, write) in &set.writes {
            if let Write::Add(delta) = write {
                let current = self.by_key.get(key).map(|stored| &*stored.value);
                added.push((key.clone(), value::add(key, current, *delta).map_err(|error| CommitError::Poisoned(error.to_string()))?));
            }
        }
        for (key, write) in set.writes {
            match write {
                Write::Put { value, expires_at } => drop(self.by_key.insert(key, Stored { version, expires_at, value })),
                Write::Delete => drop(self.by_key.remove(&key)),
                Write::Add(_) => {}
            }
        }
        self.by_key.extend(added.into_iter().map(|(key, value)| (key, Stored { version, expires_at: None, value })));
        self.sequence = version;
        Ok(version)
    }

    fn purge(&mut self, now: Timestamp, limit: usize) -> usize {
        let expired = |stored: &Stored| stored.expires_at.is_some_and(|expiry| expiry < now);
        let keys: Vec<_> = self.by_key.iter().filter(|(_, stored)| expired(stored)).take(limit).map(|(key, _)| key.clone()).collect();
        for key in &keys {
            self.by_key.remove(key);
        }
        keys.len()
    }
}

impl Backend for Memory {
    fn get<'a>(&'a self, class: Class, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, BackendError>> {
        ready(Ok(self.documents(class).by_key.get(key).cloned())).boxed()
    }

    fn scan(&self, class: Class, range: KeyRange, limit: usize) -> BoxFuture<'_, Result<Vec<(Vec<u8>, Stored)>, BackendError>> {
        if range.is_empty() {
            return ready(Ok(Vec::new())).boxed();
        }
        let documents = self.documents(class);
        let rows = documents.by_key.range((range.start, range.end)).take(limit);
        ready(Ok(rows.map(|(key, stored)| (key.clone(), stored.clone())).collect())).boxed()
    }

    fn commit(&self, set: WriteSet) -> BoxFuture<'_, Result<u64, CommitError>> {
        ready(self.documents(set.class).apply(set)).boxed()
    }

    fn purge(&self, class: Class, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize, BackendError>> {
        ready(Ok(self.documents(class).purge(now, limit))).boxed()
    }

    fn settle(&self, _class: Class) -> BoxFuture<'_, Result<(), BackendError>> {
        ready(Ok(())).boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), BackendError>> {
        ready(Ok(())).boxed()
    }
}
