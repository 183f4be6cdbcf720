//! The embedded engine: a sled 0.34 database and a committer thread per class, under one directory.
//!
//! sled keeps the documents in order; everything that it does not promise is done here: durability ([`committer`]), documents
//! larger than its leaves like ([`chunks`]), noticing damage ([`integrity`]) and opening after a crash ([`open`]).

mod backend;
mod chunks;
mod committer;
mod copy;
mod integrity;
pub mod measures;
mod open;

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;

use super::backend::Class;
use committer::Mailbox;
pub(super) use copy::BUSY;
use copy::Copying;
use integrity::Check;
use measures::Measures;

pub use integrity::Integrity;
pub use open::OpenError;

/// Called in front of every `fdatasync` with the class that it is for, on the committer's thread: a test that blocks in it
/// has a disk that never answers, one that counts in it sees how commits are grouped.
pub type SyncHook = Arc<dyn Fn(Class) + Send + Sync>;

/// What [`Sled::open`] needs to know.
#[derive(Clone)]
pub struct Options {
    /// The directory of both databases; made if it is not there.
    pub directory: PathBuf,
    /// Bytes of sled's page cache for realms, clients and users. The process uses two to three times as much.
    pub configuration_cache: u64,
    /// Bytes of sled's page cache for sessions.
    pub sessions_cache: u64,
    /// Bytes that must stay free on the disk: a commit that would need them is refused while nothing is lost yet, because sled
    /// cannot take back what it could not write.
    pub reserve: u64,
    pub before_sync: Option<SyncHook>,
}

impl Options {
    /// Caches of 16 and 8 MiB, a reserve of 4 MiB, no hook.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), configuration_cache: 16 << 20, sessions_cache: 8 << 20, reserve: 4 << 20, before_sync: None }
    }
}

/// The opened engine. Cheap to clone; the last clone that goes closes it.
#[derive(Clone)]
pub struct Sled {
    inner: Arc<Inner>,
}

struct Inner {
    configuration: Arc<Database>,
    sessions: Arc<Database>,
    integrity: watch::Receiver<Integrity>,
    closing: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// One class: its documents, its committer's mailbox, and how far it is durable.
struct Database {
    class: Class,
    directory: PathBuf,
    tree: ::sled::Db,
    /// A descriptor of our own on sled's data file: `flush` does not sync it.
    file: File,
    /// Held as long as anybody can still touch the files.
    _lock: Arc<File>,
    mailbox: Mailbox,
    /// The newest sequence that a reader could have seen.
    visible: AtomicU64,
    /// The newest sequence that survives a power cut.
    durable: watch::Sender<u64>,
    /// Why the engine takes no writes any more.
    failure: OnceLock<String>,
    check: Mutex<Option<Check>>,
    copying: Mutex<Option<Copying>>,
    /// Where the next purge goes on.
    purged_to: Mutex<Vec<u8>>,
    reserve: u64,
    before_sync: Option<SyncHook>,
    measures: Measures,
}

impl Sled {
    /// What is measured about a class.
    pub fn measures(&self, class: Class) -> &Measures {
        &self.database(class).measures
    }

    /// Bytes of a class on the disk; `None` when the disk does not tell.
    pub fn size(&self, class: Class) -> Option<u64> {
        self.database(class).file.metadata().ok().map(|file| file.len())
    }

    /// Whether the data is known to be whole; [`Integrity::Checking`] for a moment after opening.
    pub fn integrity(&self) -> Integrity {
        self.inner.integrity.borrow().clone()
    }

    /// Waits for the check that runs after opening.
    pub async fn checked(&self) -> Integrity {
        let mut integrity = self.inner.integrity.clone();
        match integrity.wait_for(|integrity| *integrity != Integrity::Checking).await {
            Ok(integrity) => integrity.clone(),
            Err(_) => Integrity::Checking,
        }
    }

    /// Commits what waits, makes it durable and takes no more writes. Blocks; a second call does nothing.
    pub fn close(&self) {
        self.inner.close();
    }

    fn database(&self, class: Class) -> &Arc<Database> {
        match class {
            Class::Configuration => &self.inner.configuration,
            Class::Sessions => &self.inner.sessions,
        }
    }
}

impl Inner {
    fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.configuration.mailbox.close();
        self.sessions.mailbox.close();
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // A committer that panicked has poisoned its database and said so.
            let _ = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Sled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sled")
            .field("directory", &self.inner.configuration.directory)
            .field("integrity", &self.integrity())
            .finish()
    }
}

const fn name(class: Class) -> &'static str {
    match class {
        Class::Configuration => "configuration",
        Class::Sessions => "sessions",
    }
}

/// sled panics on some IO faults instead of answering an error; to us both are the engine's failure.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("the database engine panicked: {}", text.unwrap_or("it did not say why")))
    })
}
