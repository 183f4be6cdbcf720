//! Versioned documents under ordered keys with one optimistic commit. Repositories are written once above a [`Backend`], so
//! the engines cannot drift apart.
//!
//! A transaction's closure may run more than once, so it only reads and writes: no signing, hashing, mail or HTTP inside. A
//! refusal that must leave a trace is an `Ok` value, because an `Err` discards the writes. The closure answers a boxed future,
//! of an async function or of an `async move` block; what it needs is borrowed from outside or cloned in front of the block:
//!
//! ```
//! use keywright::base::clock::Timestamp;
//! use keywright::base::id::RealmId;
//! use keywright::model::single_use::SingleUse;
//! use keywright::store::txn::{Reader as _, Sessions, Txn};
//! use keywright::store::{Store, StoreError};
//!
//! struct Context { realm: RealmId, now: Timestamp }
//!
//! async fn use_once(txn: &mut Txn<'_, Sessions>, cx: &Context, id: &str) -> Result<bool, StoreError> {
//!     if txn.single_use().get(&cx.realm, "assertion", id).await?.is_some() {
//!         return Ok(false);
//!     }
//!     txn.single_use().insert(&cx.realm, "assertion", id, &SingleUse { at: cx.now }, cx.now + 60);
//!     Ok(true)
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let store = Store::memory();
//! let cx = Context { realm: RealmId::from("r"), now: Timestamp(0) };
//! let (cx, id) = (&cx, "a".to_owned());
//!
//! assert!(store.sessions(|txn| Box::pin(use_once(txn, cx, &id))).await?);
//! let again = store.sessions(|txn| {
//!     let id = id.clone();
//!     Box::pin(async move { use_once(txn, cx, &id).await })
//! });
//! assert!(!again.await?);
//! # Ok::<(), StoreError>(()) }).unwrap();
//! ```

pub mod authentication;
pub mod backend;
pub mod backup;
pub mod carried;
pub mod client_scopes;
pub mod clients;
pub mod components;
pub mod consents;
pub mod credentials;
mod epoch;
pub mod events;
pub mod groups;
pub mod identity_providers;
pub mod initial_access;
pub mod job;
pub mod key;
pub mod key_check;
pub mod lease;
pub mod localization;
pub mod login_failures;
pub mod memory;
pub mod organizations;
pub mod realms;
pub mod roles;
pub mod search;
pub mod single_use;
pub mod sled;
pub mod snapshot;
pub mod txn;
pub mod user_profiles;
pub mod user_sessions;
pub mod users;
pub mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::{self, BoxFuture};
use tokio::sync::Mutex;

use crate::base::clock::Timestamp;
use crate::base::id::RealmId;

use backend::{Backend, BackendError, Class, CommitError, Durability};
use epoch::{Epochs, Movement};
use txn::{Configuration, DataClass, Outcome, Peek, Sessions, Txn};

/// How often a transaction runs at the most.
const ATTEMPTS: usize = 64;
/// After how many lost runs it queues up with the other losers, so that it competes with newcomers only.
const PATIENCE: usize = 4;

/// Why storage refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The transaction kept losing against others.
    #[error("too many concurrent changes to the same record")]
    Contention,
    /// A record that was inserted exists already.
    #[error("there is a record at {key} already")]
    Exists { key: String },
    /// A record that was inserted or changed is being deleted with everything under it; it can be made anew after that.
    #[error("the record at {key} is being deleted")]
    BeingDeleted { key: String },
    /// The commit may or may not have been applied.
    #[error("the connection to the store was lost during a commit; whether it was applied is not known")]
    Unknown,
    /// A stored value cannot be read.
    #[error("the record at {key} cannot be read: {reason}")]
    Damaged { key: String, reason: String },
    /// The engine takes no writes; the text says why and until when.
    #[error("{0}")]
    Failed(String),
}

impl From<BackendError> for StoreError {
    fn from(BackendError(reason): BackendError) -> Self {
        Self::Failed(reason)
    }
}

/// The database of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    backend: Arc<dyn Backend>,
    /// The same engine, if it is sled, for what only that one needs.
    sled: Option<sled::Sled>,
    epochs: Arc<Epochs>,
    columns: search::Columns,
    /// Where losers queue up, a queue per class.
    configuration_queue: Mutex<()>,
    sessions_queue: Mutex<()>,
}

impl Store {
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self::with(backend, None)
    }

    /// An empty store that lives as long as the process.
    pub fn memory() -> Self {
        Self::new(Arc::new(memory::Memory::new()))
    }

    /// A store on an opened sled engine.
    pub fn on_sled(engine: sled::Sled) -> Self {
        Self::with(Arc::new(engine.clone()), Some(engine))
    }

    fn with(backend: Arc<dyn Backend>, sled: Option<sled::Sled>) -> Self {
        let inner = Inner {
            backend,
            sled,
            epochs: Arc::default(),
            columns: search::Columns::default(),
            configuration_queue: Mutex::default(),
            sessions_queue: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Saves what waits and takes no more writes. For the end of the process; a second call does nothing.
    pub async fn close(&self) {
        if let Some(engine) = self.inner.sled.clone() {
            let _ = tokio::task::spawn_blocking(move || engine.close()).await;
        }
    }

    /// Whether the data is known to be whole. Engines without a check of their own are.
    pub fn integrity(&self) -> sled::Integrity {
        self.inner.sled.as_ref().map_or(sled::Integrity::Sound, sled::Sled::integrity)
    }

    /// The same, when the check that runs after opening has ended.
    pub async fn checked(&self) -> sled::Integrity {
        match &self.inner.sled {
            Some(engine) => engine.checked().await,
            None => sled::Integrity::Sound,
        }
    }

    /// Runs `body` in a transaction on the configuration class and commits it; runs it again on a conflict. Returns when
    /// everything that `body` saw or wrote is durable.
    ///
    /// # Errors
    /// What `body` answers (its writes are discarded then), or why the commit failed.
    pub async fn configuration<'env, T, E, F>(&'env self, body: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: for<'t> FnMut(&'t mut Txn<'env, Configuration>) -> BoxFuture<'t, Result<T, E>> + Send,
    {
        self.transaction(body).await
    }

    /// The same on the sessions class.
    ///
    /// # Errors
    /// As [`Store::configuration`].
    pub async fn sessions<'env, T, E, F>(&'env self, body: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: for<'t> FnMut(&'t mut Txn<'env, Sessions>) -> BoxFuture<'t, Result<T, E>> + Send,
    {
        self.transaction(body).await
    }

    /// Runs `body` once on the sessions class and leaves its writes to the store without waiting for them. They are applied
    /// soon and survive a power cut after the time that `durability` names; if somebody changes what `body` read before that,
    /// they are dropped. For notes whose loss harms nobody.
    ///
    /// # Errors
    /// What `body` answers, or that the engine takes no writes.
    pub async fn sessions_behind<'env, T, E, F>(&'env self, durability: Durability, body: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: for<'t> FnOnce(&'t mut Txn<'env, Sessions>) -> BoxFuture<'t, Result<T, E>> + Send,
    {
        let mut txn = Txn::new(&*self.inner.backend);
        let answer = body(&mut txn).await?;
        if let Some(Outcome { set, .. }) = txn.finish(durability)? {
            match self.inner.backend.commit(set).await {
                Ok(_) | Err(CommitError::Conflict) => {}
                Err(CommitError::Unknown) => return Err(StoreError::Unknown.into()),
                Err(CommitError::Refused(reason) | CommitError::Poisoned(reason)) => return Err(StoreError::Failed(reason).into()),
            }
        }
        Ok(answer)
    }

    /// Reads without a transaction. Call [`Store::settle`] before anybody is told what was seen.
    pub fn peek(&self) -> Peek<'_> {
        Peek { backend: &*self.inner.backend }
    }

    /// Returns when everything that was visible so far, in both classes, is durable.
    ///
    /// # Errors
    /// When the engine failed.
    pub async fn settle(&self) -> Result<(), StoreError> {
        let backend = &self.inner.backend;
        future::try_join(backend.settle(Class::Configuration), backend.settle(Class::Sessions)).await?;
        Ok(())
    }

    /// A number that moves with every configuration commit in `realm` except those that only touch users and credentials.
    /// What was compiled at another number is stale. One atomic read.
    pub fn epoch(&self, realm: &RealmId) -> u64 {
        self.inner.epochs.of_realm(realm)
    }

    /// The same for the users of the realm, without their names and credentials.
    pub fn users_epoch(&self, realm: &RealmId) -> u64 {
        self.inner.epochs.of_users(realm)
    }

    /// The same for the set of realms: moves when a realm appears, is renamed or goes.
    pub fn realms_epoch(&self) -> u64 {
        self.inner.epochs.realms()
    }

    /// Deletes at most `limit` expired values in each class; how many it deleted. Repeated calls roll over the whole store.
    ///
    /// # Errors
    /// When the engine failed.
    pub async fn purge(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let backend = &self.inner.backend;
        Ok(backend.purge(Class::Configuration, now, limit).await? + backend.purge(Class::Sessions, now, limit).await?)
    }

    /// Whether the engine can read and write.
    ///
    /// # Errors
    /// When it cannot, and why.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.inner.backend.ping().await?)
    }

    async fn transaction<'env, C, T, E, F>(&'env self, mut body: F) -> Result<T, E>
    where
        C: DataClass,
        E: From<StoreError>,
        F: for<'t> FnMut(&'t mut Txn<'env, C>) -> BoxFuture<'t, Result<T, E>> + Send,
    {
        let mut turn = None;
        let mut occupied = BTreeMap::new();
        for attempt in 0..ATTEMPTS {
            if attempt >= PATIENCE && turn.is_none() {
                turn = Some(self.queue(C::CLASS).lock().await);
            }
            let mut txn = Txn::new(&*self.inner.backend);
            let answer = match body(&mut txn).await {
                Ok(answer) => answer,
                // A refusal tells what was seen, too.
                Err(refusal) => {
                    self.settle().await?;
                    return Err(refusal);
                }
            };
            let Outcome { set, inserted } = match txn.finish(Durability::Acknowledged) {
                Ok(Some(outcome)) => outcome,
                nothing_to_commit => {
                    self.settle().await?;
                    return nothing_to_commit.map(|_| answer).map_err(E::from);
                }
            };
            match self.commit(set).await {
                // The own class is durable up to this commit, and so is everything that it could have seen there.
                Ok(_) => {
                    self.inner.backend.settle(other(C::CLASS)).await.map_err(StoreError::from)?;
                    return Ok(answer);
                }
                Err(CommitError::Conflict) => occupied = self.still_occupied(C::CLASS, inserted, &occupied).await?,
                Err(CommitError::Unknown) => return Err(StoreError::Unknown.into()),
                Err(CommitError::Refused(reason) | CommitError::Poisoned(reason)) => return Err(StoreError::Failed(reason).into()),
            }
            tokio::task::yield_now().await;
        }
        Err(StoreError::Contention.into())
    }

    /// A configuration commit runs in a task of its own: if its caller goes away meanwhile, epochs and columns move all the same.
    async fn commit(&self, set: backend::WriteSet) -> Result<u64, CommitError> {
        if set.class == Class::Sessions {
            return self.inner.backend.commit(set).await;
        }
        let movement = Movement::of(set.writes.iter().map(|(key, _)| &**key));
        let changes = search::Changes::of(&set);
        let inner = Arc::clone(&self.inner);
        let commit = async move {
            let answer = inner.backend.commit(set).await;
            match &answer {
                Ok(sequence) => inner.columns.apply(&changes, *sequence),
                Err(CommitError::Conflict | CommitError::Refused(_)) => {}
                Err(CommitError::Unknown | CommitError::Poisoned(_)) => inner.columns.doubt(&changes),
            }
            if !matches!(answer, Err(CommitError::Conflict | CommitError::Refused(_))) {
                inner.epochs.advance(movement);
            }
            answer
        };
        tokio::spawn(commit).await.unwrap_or(Err(CommitError::Unknown))
    }

    /// The inserted keys that hold a record, with its version.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if one held the same record after the run before: then the body does not care that it is there,
    /// and running it again would change nothing.
    async fn still_occupied(
        &self,
        class: Class,
        inserted: impl IntoIterator<Item = Vec<u8>>,
        before: &BTreeMap<Vec<u8>, u64>,
    ) -> Result<BTreeMap<Vec<u8>, u64>, StoreError> {
        let mut occupied = BTreeMap::new();
        for key in inserted {
            if let Some(stored) = self.inner.backend.get(class, &key).await? {
                if value::is_tombstone(&stored.value) {
                    return Err(StoreError::BeingDeleted { key: txn::text(&key) });
                }
                if before.get(&key) == Some(&stored.version) {
                    return Err(StoreError::Exists { key: txn::text(&key) });
                }
                occupied.insert(key, stored.version);
            }
        }
        Ok(occupied)
    }

    fn backend(&self) -> &dyn Backend {
        &*self.inner.backend
    }

    /// The engine, if it is sled, for what is measured about it.
    pub fn sled(&self) -> Option<&sled::Sled> {
        self.inner.sled.as_ref()
    }

    fn queue(&self, class: Class) -> &Mutex<()> {
        match class {
            Class::Configuration => &self.inner.configuration_queue,
            Class::Sessions => &self.inner.sessions_queue,
        }
    }
}

const fn other(class: Class) -> Class {
    match class {
        Class::Configuration => Class::Sessions,
        Class::Sessions => Class::Configuration,
    }
}
