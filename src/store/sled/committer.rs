//! One thread per database that makes commits durable: it takes all sets that wait, checks them in order against the tree and
//! each other, applies what holds in one batch, flushes, syncs, and only then answers anybody: those who lost, too, so that a
//! retry sees what it lost against and never spins.
//!
//! sled's `flush` ends in `sync_file_range`, which a power cut undoes; hence the `fdatasync` on a descriptor of our own.

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::sled::{Batch, IVec};
use tokio::sync::oneshot;

use crate::base::metric::Stopwatch;
use crate::store::backend::{CommitError, Durability, Expectation, Write, WriteSet};
use crate::store::value;

use super::integrity::{LEDGER_KEY, Ledger};
use super::{Database, chunks, guarded, integrity};

/// How long a group waits for its last members. Real time, the named exception to "time is an argument".
const WINDOW: Duration = Duration::from_millis(2);
/// Sets that nobody waits for are applied at once when there are that many.
const MOST_BEHIND: usize = 1024;

/// Where callers leave their sets.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    post: Mutex<Post>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Post {
    waiting: Vec<Request>,
    behind: Vec<WriteSet>,
    /// When `behind` must be applied, unless a group takes it along before.
    behind_within: Option<Duration>,
    /// The committer sleeps until that many are waiting.
    wake_at: usize,
    closed: bool,
}

#[derive(Debug)]
struct Request {
    set: WriteSet,
    sent: Stopwatch,
    answer: oneshot::Sender<Result<u64, CommitError>>,
}

/// What is committed together.
struct Group {
    waiting: Vec<Request>,
    behind: Vec<WriteSet>,
}

impl Mailbox {
    /// Leaves a set; the answer comes when it is durable or has lost. `None` when the store is closed.
    pub(super) fn send(&self, set: WriteSet) -> Option<oneshot::Receiver<Result<u64, CommitError>>> {
        let (answer, receiver) = oneshot::channel();
        let mut post = self.lock();
        if post.closed {
            return None;
        }
        post.waiting.push(Request { set, sent: Stopwatch::start(), answer });
        if post.waiting.len() >= post.wake_at {
            self.arrived.notify_one();
        }
        Some(receiver)
    }

    /// Leaves a set that nobody waits for; false when the store is closed.
    pub(super) fn send_behind(&self, set: WriteSet) -> bool {
        let within = match set.durability {
            Durability::WithinAMinute => Duration::from_secs(30),
            // Half of the time is left for the disk.
            Durability::WithinASecond | Durability::Acknowledged => Duration::from_millis(500),
        };
        let mut post = self.lock();
        if post.closed {
            return false;
        }
        post.behind.push(set);
        if post.behind.len() >= MOST_BEHIND || post.behind_within.is_none_or(|already| within < already) {
            post.behind_within = Some(within);
            self.arrived.notify_one();
        }
        true
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// Waits for the next group; `crowd` is how many usually come together. `None` when closed and empty.
    fn next(&self, crowd: usize) -> Option<Group> {
        let mut post = self.first_arrival();
        // A caller who is usually alone is served at once. Otherwise even the first one waits for those that usually come: a group
        // costs one fdatasync, whatever its size, and 64 callers that rotate refresh tokens would pay half a signature each for
        // syncs of one or two.
        if !post.closed && !post.waiting.is_empty() && post.waiting.len() < crowd {
            post.wake_at = crowd;
            let waits = |post: &mut Post| !post.closed && post.waiting.len() < crowd;
            post = self.arrived.wait_timeout_while(post, WINDOW, waits).unwrap_or_else(PoisonError::into_inner).0;
        }
        post.behind_within = None;
        let group = Group { waiting: mem::take(&mut post.waiting), behind: mem::take(&mut post.behind) };
        (!group.waiting.is_empty() || !group.behind.is_empty()).then_some(group)
    }

    /// Sleeps until somebody waits, what is behind is due, or the store closes.
    fn first_arrival(&self) -> MutexGuard<'_, Post> {
        let mut post = self.lock();
        post.wake_at = 1;
        while post.waiting.is_empty() && !post.closed && post.behind.len() < MOST_BEHIND {
            let Some(within) = post.behind_within else {
                post = self.arrived.wait(post).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let idle = |post: &mut Post| {
                post.waiting.is_empty() && !post.closed && post.behind.len() < MOST_BEHIND && post.behind_within == Some(within)
            };
            let (woken, timeout) = self.arrived.wait_timeout_while(post, within, idle).unwrap_or_else(PoisonError::into_inner);
            post = woken;
            if timeout.timed_out() {
                break;
            }
        }
        post
    }

    fn lock(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of the committer's thread. Ends when the store closes, with everything applied that was sent before.
pub(super) fn run(database: &Database, mut ledger: Ledger) {
    let mut crowd = 1;
    database.measures.note(0, &ledger);
    while let Some(Group { waiting, behind }) = database.mailbox.next(crowd) {
        // It forgets by an eighth, rounded down to one: who is left alone waits for nobody after a few groups.
        crowd = waiting.len().max(crowd * 7 / 8).max(1);
        let group = waiting.len();
        let (sets, answers): (Vec<_>, Vec<_>) = waiting.into_iter().map(|request| (request.set, (request.answer, request.sent))).unzip();
        let verdicts = match database.failure.get() {
            Some(failure) => Err(CommitError::Poisoned(failure.clone())),
            None => database.commit_group(&mut ledger, sets, behind),
        };
        let mut verdicts = verdicts.map(Vec::into_iter);
        database.measures.note(group, &ledger);
        for (answer, sent) in answers {
            database.measures.seconds.observe_time(sent.elapsed());
            let verdict = match &mut verdicts {
                Ok(verdicts) => verdicts.next().expect("every set has a verdict"),
                Err(failure) => Err(failure.clone()),
            };
            // A caller that went away does not want to know.
            let _ = answer.send(verdict);
        }
    }
    if database.failure.get().is_none()
        && let Err(error) = integrity::mark_closed(&database.directory, ledger.sequence)
    {
        tracing::warn!("could not note that {} was closed: {error}", database.directory.display());
    }
}

impl Database {
    /// A verdict for each of `sets`; those of `behind` go unheard.
    fn commit_group(
        &self,
        ledger: &mut Ledger,
        sets: Vec<WriteSet>,
        behind: Vec<WriteSet>,
    ) -> Result<Vec<Result<u64, CommitError>>, CommitError> {
        let mut changes = Changes::default();
        let mut sequence = ledger.sequence;
        let mut verdicts = Vec::with_capacity(sets.len());
        for set in sets.into_iter().chain(behind) {
            let held = guarded(|| changes.admit(self, set, sequence + 1)).map_err(|error| self.poison(&error))?;
            sequence += u64::from(held);
            verdicts.push(if held { Ok(sequence) } else { Err(CommitError::Conflict) });
        }
        // Everything that a loser lost against is durable already if nobody won.
        if sequence == ledger.sequence {
            return Ok(verdicts);
        }
        let room = self.room(changes.bytes())?;
        tracing::trace!(class = super::name(self.class), sets = verdicts.len(), sequence, room, "committing");
        guarded(|| changes.apply(self, ledger, sequence))
            .and_then(|()| guarded(|| self.sync()))
            .map_err(|error| self.poison(&error))?;
        self.durable.send_replace(sequence);
        Ok(verdicts)
    }

    fn sync(&self) -> Result<(), String> {
        self.tree.flush().map_err(|error| error.to_string())?;
        if let Some(hook) = &self.before_sync {
            hook(self.class);
        }
        self.file.sync_data().map_err(|error| error.to_string())
    }

    /// Refuses while nothing is lost yet if the disk has no room left; the free bytes otherwise.
    fn room(&self, bytes: u64) -> Result<u64, CommitError> {
        // Where the question has no answer, the write itself will tell.
        let Ok(disk) = rustix::fs::fstatvfs(&self.file) else { return Ok(u64::MAX) };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        // sled writes whole leaves, of which a record is a sixteenth.
        if free < self.reserve.saturating_add(bytes.saturating_mul(3)) {
            let place = self.directory.display();
            return Err(CommitError::Refused(format!("the disk of {place} is full: nothing can be saved until there is room again")));
        }
        Ok(free)
    }

    /// From now on nothing is written: what the engine has on disk is not known any more.
    pub(super) fn poison(&self, error: &str) -> CommitError {
        let full = ["No space left", "StorageFull", "File too large", "FileTooLarge", "Disk quota exceeded"];
        let reason = if full.iter().any(|text| error.contains(text)) {
            format!("the disk of {} is full, or its quota used up: make room and start again", self.directory.display())
        } else {
            format!("the database {} failed and takes no more writes until a restart: {error}", self.directory.display())
        };
        if self.failure.set(reason.clone()).is_ok() {
            tracing::error!("{reason}");
            // Wakes those who wait for what will never be durable.
            self.durable.send_modify(|_| {});
        }
        CommitError::Poisoned(reason)
    }
}

/// The net changes of a group, by key.
#[derive(Default)]
struct Changes {
    by_key: HashMap<Vec<u8>, Change>,
}

struct Change {
    /// The first row that is in the tree.
    old: Option<IVec>,
    /// What will be: version and value.
    new: Option<(u64, Vec<u8>)>,
    /// Whether `new` holds; a change that was only looked at writes nothing.
    written: bool,
}

impl Change {
    fn version(&self) -> Option<u64> {
        if self.written { self.new.as_ref().map(|(version, _)| *version) } else { self.old.as_deref().and_then(chunks::version) }
    }
}

impl Changes {
    /// Takes the set's writes if its expectations hold after those that came before.
    fn admit(&mut self, database: &Database, set: WriteSet, version: u64) -> Result<bool, String> {
        for (key, expectation) in &set.expectations {
            let found = self.at(database, key)?.version();
            let holds = match expectation {
                Expectation::Absent => found.is_none(),
                Expectation::Version(expected) => found == Some(*expected),
            };
            if !holds {
                return Ok(false);
            }
        }
        for (key, write) in set.writes {
            let change = self.at(database, &key)?;
            change.new = match write {
                Write::Put { value, .. } => Some((version, value)),
                Write::Delete => None,
                Write::Add(delta) => {
                    let current = if change.written {
                        change.new.take().map(|(_, value)| value)
                    } else {
                        change.old.as_deref().and_then(chunks::beginning).map(<[u8]>::to_vec)
                    };
                    Some((version, value::add(&key, current.as_deref(), delta).map_err(|error| error.to_string())?))
                }
            };
            change.written = true;
        }
        Ok(true)
    }

    fn at(&mut self, database: &Database, key: &[u8]) -> Result<&mut Change, String> {
        if !self.by_key.contains_key(key) {
            let old = database.tree.get(key).map_err(|error| error.to_string())?;
            self.by_key.insert(key.to_vec(), Change { old, new: None, written: false });
        }
        Ok(self.by_key.get_mut(key).expect("it was put there"))
    }

    fn bytes(&self) -> u64 {
        self.by_key.values().filter_map(|change| change.new.as_ref()).map(|(_, value)| value.len() as u64 + 64).sum()
    }

    /// Writes everything and the new ledger in one batch.
    fn apply(self, database: &Database, ledger: &mut Ledger, sequence: u64) -> Result<(), String> {
        let mut batch = Batch::default();
        let mut check = database.check.lock().unwrap_or_else(PoisonError::into_inner);
        let mut copying = database.copying.lock().unwrap_or_else(PoisonError::into_inner);
        let mut row_changed = |key: Vec<u8>, old: Option<IVec>, new: Option<Vec<u8>>| {
            if let Some(old) = &old {
                ledger.tally.remove(&key, old);
            }
            if let Some(new) = &new {
                ledger.tally.add(&key, new);
            }
            if let Some(check) = check.as_mut() {
                check.changed(&key, old.as_deref(), new.as_deref());
            }
            match new {
                Some(new) => batch.insert(key, new),
                None => batch.remove(key),
            }
        };
        for (key, change) in self.by_key.into_iter().filter(|(_, change)| change.written) {
            if let Some(copying) = copying.as_mut() {
                copying.changes(&database.tree, &key, change.old.as_ref())?;
            }
            for piece in change.old.iter().flat_map(|old| chunks::piece_keys(&key, old)) {
                let old = database.tree.get(&piece).map_err(|error| error.to_string())?;
                row_changed(piece, old, None);
            }
            let mut rows = match change.new {
                Some((version, value)) => chunks::rows(&key, version, &value),
                None => Vec::new(),
            }
            .into_iter();
            row_changed(key, change.old, rows.next().map(|(_, first)| first));
            for (piece, row) in rows {
                row_changed(piece, None, Some(row));
            }
        }
        ledger.sequence = sequence;
        batch.insert(LEDGER_KEY, ledger.encode());
        // First the number, then the data: a reader that sees the data notes a number that covers it.
        database.visible.store(sequence, Ordering::SeqCst);
        database.tree.apply_batch(batch).map_err(|error| error.to_string())
    }
}

/// Starts the thread.
pub(super) fn spawn(database: &Arc<Database>, ledger: Ledger) -> std::io::Result<std::thread::JoinHandle<()>> {
    let database = Arc::clone(database);
    let name = format!("commit-{}", super::name(database.class));
    std::thread::Builder::new().name(name).spawn(move || run(&database, ledger))
}
