//! Long work in small steps. A job is a document: what to do, how far it is. A step does at most [`STEP`] keys' worth of it and
//! is safe to repeat; after each the cursor is saved, so a job survives SIGKILL and goes on where it was. Of many processes
//! one at a time works on a job ([`super::lease`]).
//!
//! One kind of job is the store's own: removing what hangs under a tombstone ([`Txn::bury`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::clock::Clock;
use crate::base::random::Random;

use super::backend::{Class, CommitError, Durability, KeyRange, Write, WriteSet};
use super::key::{self, Branch, Key};
use super::lease;
use super::txn::{Configuration, Document, Peek, Reader as _, Txn};
use super::{Store, StoreError};

/// Keys that one step touches at the most.
pub const STEP: usize = 500;

/// How long a process may be silent before another one takes its job over.
const LEASE_SECONDS: i64 = 30;
const BURIAL: &str = "burial";

/// A job's document.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Names the body that was registered for it.
    pub kind: String,
    /// What to do; the body knows its shape.
    pub input: Value,
    /// How far it is; null at the beginning.
    #[serde(default)]
    pub cursor: Value,
}

/// What a step leaves.
#[derive(Clone, PartialEq, Debug)]
pub enum Progress {
    /// More to do from this cursor on.
    Next(Value),
    Done,
}

/// The code of a kind of job: one step. It may run twice on the same cursor.
pub type Body = Arc<dyn Fn(Store, Job) -> BoxFuture<'static, Result<Progress, StoreError>> + Send + Sync>;

/// A name for this process that no other has.
pub fn owner(random: &dyn Random) -> String {
    random.uuid().to_string()
}

/// Runs the jobs of a store in this process.
#[derive(Clone)]
pub struct Jobs {
    store: Store,
    owner: String,
    bodies: BTreeMap<&'static str, Body>,
    alone: bool,
}

impl Jobs {
    /// `owner` is this process, by [`owner`].
    pub fn new(store: Store, owner: &str) -> Self {
        let burial: Body = Arc::new(|store, job| async move { burial_step(&store, &job).await }.boxed());
        Self { store, owner: owner.to_owned(), bodies: BTreeMap::from([(BURIAL, burial)]), alone: false }
    }

    #[must_use]
    pub fn with(mut self, kind: &'static str, body: Body) -> Self {
        self.bodies.insert(kind, body);
        self
    }

    /// For a process that has the store for itself: whoever else holds a lease is dead.
    #[must_use]
    pub const fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Works on every job that nobody else works on until it is done; how many it finished.
    ///
    /// # Errors
    /// The first failure of a step. That job is tried again when its lease has run out.
    pub async fn run_pending(&self, clock: &dyn Clock) -> Result<usize, StoreError> {
        let mut finished = 0;
        for (id, job) in self.store.peek().scan(&key::jobs(), None, STEP).await? {
            let Some(body) = self.bodies.get(&*job.kind) else {
                tracing::warn!(id, kind = job.kind, "nobody knows how to do this job");
                continue;
            };
            let mut step = self.begin(&id, clock).await?;
            while let Some(job) = step {
                let progress = body(self.store.clone(), job).await?;
                finished += usize::from(progress == Progress::Done);
                step = self.save(&id, progress, clock).await?;
            }
        }
        Ok(finished)
    }

    /// The job as it stands, if this process may work on it.
    async fn begin(&self, id: &str, clock: &dyn Clock) -> Result<Option<Job>, StoreError> {
        self.store
            .configuration(|txn| {
                Box::pin(async move {
                    let job = txn.read(&key::job(id)).await?;
                    if self.alone && job.is_some() {
                        txn.delete(&key::lease(id));
                    }
                    Ok(if job.is_some() && lease::take(txn, id, &self.owner, clock.now(), LEASE_SECONDS).await? { job } else { None })
                })
            })
            .await
    }

    /// Saves what a step achieved; the job to go on with, if this process still may.
    async fn save(&self, id: &str, progress: Progress, clock: &dyn Clock) -> Result<Option<Job>, StoreError> {
        let progress = &progress;
        self.store
            .configuration(|txn| {
                Box::pin(async move {
                    let Some(mut job) = txn.read(&key::job(id)).await? else { return Ok(None) };
                    if !lease::take(txn, id, &self.owner, clock.now(), LEASE_SECONDS).await? {
                        return Ok(None);
                    }
                    match progress {
                        Progress::Next(cursor) => {
                            job.cursor = cursor.clone();
                            txn.put(&key::job(id), &job);
                            Ok(Some(job))
                        }
                        Progress::Done => {
                            txn.delete(&key::job(id));
                            lease::release(txn, id, &self.owner).await?;
                            if job.kind == BURIAL {
                                let Burial { root, .. } = burial(&job)?;
                                txn.exhume(&Key::raw(root.into_bytes()));
                            }
                            Ok(None)
                        }
                    }
                })
            })
            .await
    }
}

/// What a burial has to remove.
#[derive(Debug, Serialize, Deserialize)]
struct Burial {
    /// The key of the tombstone, which goes last.
    root: String,
    branches: Vec<Branch>,
}

impl Txn<'_, Configuration> {
    /// Adds a job under an id that must be new.
    pub fn add_job(&mut self, id: &str, job: &Job) {
        self.insert(&key::job(id), job);
    }

    /// The job under this id, if it is still to be done.
    pub async fn job(&mut self, id: &str) -> Result<Option<Job>, StoreError> {
        self.read(&key::job(id)).await
    }

    /// Takes a job off the list.
    pub fn remove_job(&mut self, id: &str) {
        self.delete(&key::job(id));
    }

    /// Deletes the document at `root` and, in the background, everything in `branches`, however much that is. From this commit
    /// on readers do not find the document. Its key stays taken until the rest is gone, or the work would eat what somebody
    /// makes there anew: until then inserting it answers [`StoreError::BeingDeleted`]. Names by which the document is found
    /// must be deleted by the caller; they are free at once.
    pub fn bury<T: Document>(&mut self, root: &Key<Configuration, T>, branches: Vec<Branch>) {
        let root_key = String::from_utf8_lossy(&root.bytes).into_owned();
        let input = Burial { root: root_key.clone(), branches };
        let input = serde_json::to_value(input).expect("texts are JSON");
        self.entomb(root);
        self.add_job(&format!("{BURIAL} {root_key}"), &Job { kind: BURIAL.to_owned(), input, cursor: Value::Null });
    }
}

impl Peek<'_> {
    /// The first jobs of this kind that are still to be done.
    ///
    /// # Errors
    /// When the engine failed.
    pub async fn jobs_of_kind(mut self, kind: &str) -> Result<Vec<Job>, StoreError> {
        let jobs = self.scan(&key::jobs(), None, STEP).await?.into_iter().map(|(_, job)| job);
        Ok(jobs.filter(|job| job.kind == kind).collect())
    }
}

fn burial(job: &Job) -> Result<Burial, StoreError> {
    let damaged = |error: serde_json::Error| StoreError::Damaged { key: job.kind.clone(), reason: error.to_string() };
    serde_json::from_value(job.input.clone()).map_err(damaged)
}

/// Deletes the first keys of the current branch. The cursor is the branch's number: what is deleted is not found again.
async fn burial_step(store: &Store, job: &Job) -> Result<Progress, StoreError> {
    let Burial { branches, .. } = burial(job)?;
    let mut number = job.cursor.as_u64().and_then(|cursor| usize::try_from(cursor).ok()).unwrap_or(0);
    while let Some(branch) = branches.get(number) {
        let found = store.backend().scan(branch.class, KeyRange::under(branch.prefix.as_bytes(), None), STEP).await?;
        if !found.is_empty() {
            delete(store, branch.class, found.into_iter().map(|(key, _)| key)).await?;
            return Ok(Progress::Next(number.into()));
        }
        number += 1;
    }
    Ok(Progress::Done)
}

async fn delete(store: &Store, class: Class, keys: impl Iterator<Item = Vec<u8>>) -> Result<(), StoreError> {
    let writes = keys.map(|key| (key, Write::Delete)).collect();
    match store.commit(WriteSet { class, durability: Durability::Acknowledged, expectations: Vec::new(), writes }).await {
        Ok(_) => Ok(()),
        Err(CommitError::Conflict) => Err(StoreError::Contention),
        Err(CommitError::Unknown) => Err(StoreError::Unknown),
        Err(CommitError::Refused(reason) | CommitError::Poisoned(reason)) => Err(StoreError::Failed(reason)),
    }
}
