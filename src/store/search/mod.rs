//! Searching users without reading them: per realm one column of searchable text in memory, in the order of user names. It is
//! built at the first search, kept up to date by every commit before its caller hears of it, and dropped when nobody searches.
//! It costs about 300 bytes a user; keys for parts of words would cost more than the users themselves (docs/performance.md).

mod column;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::base::id::{RealmId, UserId};
use crate::model::user::User;

use super::backend::{Backend, Class, KeyRange, Write, WriteSet};
use super::txn::text;
use super::{Store, StoreError, key, value};

pub use column::{Column, END, Row, Tag};

/// Users that one step of building reads.
const STEP: usize = 500;
/// Rounds of background work after which a column that nobody asked is dropped.
const IDLE_ROUNDS: u32 = 20;

impl Store {
    /// Runs `search` over the users of a realm, beside the requests of others.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn search_users<T, F>(&self, realm: &RealmId, search: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Column) -> T + Send + 'static,
    {
        let slot = self.inner.columns.slot(realm);
        let mut search = Some(search);
        loop {
            slot.idle.store(0, Ordering::Relaxed);
            if !slot.is_ready() {
                self.build(realm, &slot).await?;
            }
            let (looking, wanted) = (Arc::clone(&slot), search.take());
            let looked = tokio::task::spawn_blocking(move || {
                let Some(wanted) = wanted else { return Err(None) };
                let state = looking.state.read().unwrap_or_else(PoisonError::into_inner);
                match &*state {
                    State::Ready(column) => Ok(wanted(column)),
                    State::Absent | State::Building(_) => Err(Some(wanted)),
                }
            });
            match looked.await {
                Ok(Ok(found)) => return Ok(found),
                // It was dropped meanwhile.
                Ok(Err(again)) => search = again,
                Err(failed) => return Err(StoreError::Failed(failed.to_string())),
            }
        }
    }

    /// Drops the columns that nobody asked for some time. Called once a round of the background work.
    pub fn drop_idle_columns(&self) {
        self.inner.columns.slots().retain(|_, slot| slot.idle.fetch_add(1, Ordering::Relaxed) < IDLE_ROUNDS);
    }

    async fn build(&self, realm: &RealmId, slot: &Slot) -> Result<(), StoreError> {
        let _turn = slot.building.lock().await;
        while !slot.is_ready() {
            // Commits from here on are noted; what came before is in the scan.
            *slot.write() = State::Building(Vec::new());
            let column = match scan(&*self.inner.backend, realm).await {
                Ok(column) => column,
                Err(error) => {
                    *slot.write() = State::Absent;
                    return Err(error);
                }
            };
            slot.finish(column);
        }
        Ok(())
    }
}

async fn scan(backend: &dyn Backend, realm: &RealmId) -> Result<Column, StoreError> {
    let prefix = key::users(realm);
    let mut column = Column::default();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let range = KeyRange::under(&prefix.bytes, after.as_deref());
        let step = backend.scan(Class::Configuration, range, STEP).await?;
        let full = step.len() == STEP;
        after = step.last().map(|(key, _)| key[prefix.bytes.len()..].to_vec());
        for (key, stored) in step {
            if value::is_tombstone(&stored.value) {
                continue;
            }
            let damaged = |reason: value::Unreadable| StoreError::Damaged { key: text(&key), reason: reason.to_string() };
            let user: User = value::decode(&key, &stored.value).map_err(damaged)?;
            column.push(&user, stored.version);
        }
        if !full {
            column.sort();
            return Ok(column);
        }
    }
}

/// The columns of one store.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// By the prefix of the keys of a realm's users.
    slots: Mutex<HashMap<Vec<u8>, Arc<Slot>>>,
}

impl Columns {
    fn slots(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, realm: &RealmId) -> Arc<Slot> {
        Arc::clone(self.slots().entry(key::users(realm).bytes).or_default())
    }

    /// Brings the columns up to date with a commit of this sequence.
    pub(super) fn apply(&self, changes: &Changes, sequence: u64) {
        self.each(changes, |slot, id, user| match &mut *slot.write() {
            State::Ready(column) => column.apply(&id, user.as_ref(), sequence),
            State::Building(late) => late.push((sequence, id, user)),
            State::Absent => {}
        });
    }

    /// Whether the commit was applied is not known: the columns are built anew.
    pub(super) fn doubt(&self, changes: &Changes) {
        self.each(changes, |slot, _, _| *slot.write() = State::Absent);
    }

    fn each(&self, Changes(changes): &Changes, mut concern: impl FnMut(&Slot, UserId, Option<User>)) {
        for (key, value) in changes {
            // The prefix of a realm's users ends with the second slash.
            let Some(end) = key.iter().enumerate().filter(|(_, byte)| **byte == b'/').nth(1).map(|(at, _)| at + 1) else { continue };
            let slot = self.slots().get(&key[..end]).cloned();
            if let Some(slot) = slot {
                let user = value.as_ref().filter(|value| !value::is_tombstone(value));
                concern(&slot, UserId::from(text(&key[end..])), user.and_then(|value| value::decode(key, value).ok()));
            }
        }
    }
}

/// The users that a commit writes, or deletes, as they are stored. Noted before it is given away: whether a column is concerned
/// is asked afterwards, because one may have begun to be built meanwhile.
#[derive(Debug)]
pub(super) struct Changes(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Changes {
    pub(super) fn of(set: &WriteSet) -> Self {
        let of_users = set.writes.iter().filter(|(key, _)| key.starts_with(b"user/"));
        let stored = |write: &Write| match write {
            Write::Put { value, .. } => Some(value.clone()),
            Write::Delete | Write::Add(_) => None,
        };
        Self(of_users.map(|(key, write)| (key.clone(), stored(write))).collect())
    }
}

#[derive(Debug, Default)]
struct Slot {
    state: RwLock<State>,
    /// Only one builds.
    building: tokio::sync::Mutex<()>,
    /// Rounds since the last search.
    idle: AtomicU32,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Absent,
    /// With what was committed since the scan began.
    Building(Vec<(u64, UserId, Option<User>)>),
    Ready(Column),
}

impl Slot {
    fn is_ready(&self) -> bool {
        matches!(&*self.state.read().unwrap_or_else(PoisonError::into_inner), State::Ready(_))
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a scan found, unless a commit made it worthless meanwhile.
    fn finish(&self, mut column: Column) {
        let mut state = self.write();
        if let State::Building(late) = &mut *state {
            let mut late = std::mem::take(late);
            late.sort_by_key(|(sequence, ..)| *sequence);
            for (sequence, id, user) in late {
                column.apply(&id, user.as_ref(), sequence);
            }
            *state = State::Ready(column);
        }
    }
}
