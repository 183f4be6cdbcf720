//! What happened, for those who must know it later: events of users and clients, and events of administrators.
//!
//! A user event is reported when its request is decided and stored behind it, at most a second later: it is not on the path of
//! an answer, and a power cut may take back the last second of them. An admin event is part of its change's own transaction.

pub mod admin;
mod listener;
pub mod metrics;
pub mod query;
mod report;
mod retention;
pub mod trace;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::clock::Timestamp;
use crate::base::env::Env;
use crate::base::id::RealmId;
use crate::model::event::{EventId, UserEvent};
use crate::store::events::{self, UserEventBatch};
use crate::store::{Store, StoreError};

pub use metrics::Metrics;
pub use report::Report;
pub use retention::expire;
pub use trace::Traces;

/// Events that wait for the store at the most. When the disk cannot keep up for so long, later ones are dropped and counted.
const WAITING: usize = 100_000;
/// Events that one commit stores.
const STEP: usize = 500;

/// Takes events and stores them.
pub struct Audit {
    pub metrics: Metrics,
    pub traces: Traces,
    waiting: Mutex<VecDeque<UserEvent>>,
    /// Only one caller stores at a time, so that events of a moment keep their order and a reader sees all of them.
    storing: tokio::sync::Mutex<()>,
    dropped: AtomicU64,
    counter: AtomicU64,
}

impl Audit {
    pub fn new(metrics: Metrics, traces: Traces) -> Self {
        Self {
            metrics,
            traces,
            waiting: Mutex::default(),
            storing: tokio::sync::Mutex::default(),
            dropped: AtomicU64::new(0),
            counter: AtomicU64::new(0),
        }
    }

    /// Events that are not stored yet.
    pub fn pending(&self) -> usize {
        self.waiting().len()
    }

    /// Stores what was reported so far and returns when it is durable.
    ///
    /// # Errors
    /// When the store fails; the events wait for the next time.
    pub async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let _turn = self.storing.lock().await;
        loop {
            let step: Vec<UserEvent> = {
                let mut waiting = self.waiting();
                let count = waiting.len().min(STEP);
                waiting.drain(..count).collect()
            };
            if step.is_empty() {
                return Ok(());
            }
            let batches = UserEventBatch::of(step);
            if let Err(error) = events::store_batches(store, &batches).await {
                self.put_back(batches);
                return Err(error);
            }
        }
    }

    /// Events that were lost because too many waited.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Deletes the user events of a realm.
    ///
    /// # Errors
    /// When the store fails; some events may be gone then.
    pub async fn clear_user_events(&self, store: &Store, realm: &RealmId) -> Result<(), StoreError> {
        self.flush(store).await?;
        while retention::delete_user_events(store, realm, None).await? {}
        Ok(())
    }

    fn store_later(&self, event: UserEvent) {
        let mut waiting = self.waiting();
        if waiting.len() < WAITING {
            waiting.push_back(event);
        } else {
            drop(waiting);
            if self.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::error!("user events are dropped: the store does not take them fast enough");
            }
        }
    }

    fn put_back(&self, batches: Vec<UserEventBatch>) {
        let mut waiting = self.waiting();
        for event in batches.into_iter().flat_map(UserEventBatch::into_events) {
            waiting.push_front(event);
        }
    }

    fn next_id(&self, env: &Env, time: Timestamp) -> EventId {
        EventId::new(time, self.counter.fetch_add(1, Ordering::Relaxed), env.random())
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<UserEvent>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
