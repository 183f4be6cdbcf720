//! Opening a data directory: one process at a time, after whatever crash, with a sentence to act on when it cannot be done.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::watch;

use crate::store::backend::Class;

use super::chunks::FIRST_DOCUMENT_KEY;
use super::committer::{self, Mailbox};
use super::integrity::{self, Integrity, LEDGER_KEY, Ledger, Unusable};
use super::measures::Measures;
use super::{Database, Inner, Options, Sled, guarded, name};

const LOCK: &str = "keywright.lock";

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{} is in use by another process{process}: stop that one, or give this one a directory of its own (store.directory)", directory.display())]
    InUse { directory: PathBuf, process: String },
    #[error("{} is a file; store.directory must name a directory", .0.display())]
    NotADirectory(PathBuf),
    #[error("{} is the inside of a database; store.directory must name the directory above it", .0.display())]
    InsideADatabase(PathBuf),
    #[error("{} cannot be written: {why}; the user that runs Keywright needs a directory of its own there", path.display())]
    NotWritable { path: PathBuf, why: io::Error },
    #[error("the disk of {} is full: make room and start again", .0.display())]
    DiskFull(PathBuf),
    #[error("{} was written by a newer version of Keywright (store format {format}): start that version, or restore a backup", directory.display())]
    Newer { directory: PathBuf, format: u8 },
    #[error("the database {} is damaged and cannot be opened: restore the newest snapshot or backup ({reason})", directory.display())]
    Damaged { directory: PathBuf, reason: String },
    #[error("{} cannot be opened: {why}", path.display())]
    Io { path: PathBuf, why: io::Error },
}

impl OpenError {
    fn io(path: &Path, why: io::Error) -> Self {
        let path = path.to_path_buf();
        match why.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::NotWritable { path, why },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::DiskFull(path),
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => Self::NotADirectory(path),
            _ => Self::Io { path, why },
        }
    }
}

impl Sled {
    /// Opens the databases in `options.directory`, and makes them if there are none. Blocks; the check of the data goes on in
    /// the background ([`Sled::integrity`]).
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let directory = &options.directory;
        if directory.is_file() {
            return Err(OpenError::NotADirectory(directory.clone()));
        }
        if directory.join("conf").is_file() && directory.join("db").is_file() {
            return Err(OpenError::InsideADatabase(directory.clone()));
        }
        // Password hashes are in it: a directory that we make is its owner's alone.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|why| OpenError::io(directory, why))?;
        let lock = Arc::new(lock(directory)?);

        let (configuration, configuration_ledger, configuration_known) = open(options, Class::Configuration, &lock)?;
        let (sessions, sessions_ledger, sessions_known) = open(options, Class::Sessions, &lock)?;
        sync_directory(directory)?;
        // The entry of the directory itself, where we may sync it; a parent that is not ours is not our data.
        let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        drop(File::open(parent).and_then(|parent| parent.sync_all()));

        let known: Vec<_> = configuration_known.into_iter().chain(sessions_known).collect();
        let (report, integrity) = watch::channel(Integrity::at_first(&known));
        let closing = Arc::new(AtomicBool::new(false));
        let start = |error: io::Error| OpenError::Io { path: directory.clone(), why: error };
        let threads = vec![
            committer::spawn(&configuration, configuration_ledger).map_err(start)?,
            committer::spawn(&sessions, sessions_ledger).map_err(start)?,
            {
                let (databases, closing) = ([Arc::clone(&configuration), Arc::clone(&sessions)], Arc::clone(&closing));
                let check = move || integrity::check(&databases, known, &report, &closing);
                std::thread::Builder::new().name("check-store".to_owned()).spawn(check).map_err(start)?
            },
        ];
        let inner = Inner { configuration, sessions, integrity, closing, threads: Mutex::new(threads) };
        Ok(Self { inner: Arc::new(inner) })
    }
}

/// One class's database, its ledger, and damage that shows already.
fn open(options: &Options, class: Class, lock: &Arc<File>) -> Result<(Arc<Database>, Ledger, Option<String>), OpenError> {
    let directory = options.directory.join(name(class));
    fs::create_dir_all(&directory).map_err(|why| OpenError::io(&directory, why))?;
    remove_unfinished_snapshots(&directory).map_err(|why| OpenError::io(&directory, why))?;
    let cache = match class {
        Class::Configuration => options.configuration_cache,
        Class::Sessions => options.sessions_cache,
    };
    let tree = open_tree(&directory, cache)?;
    let data = directory.join("db");
    let file = OpenOptions::new().read(true).write(true).open(&data).map_err(|why| OpenError::io(&data, why))?;
    sync_everything(&directory, &file)?;
    let (ledger, known) = read_ledger(&directory, &tree)?;
    let database = Database {
        class,
        tree,
        file,
        _lock: Arc::clone(lock),
        mailbox: Mailbox::default(),
        visible: AtomicU64::new(ledger.sequence),
        durable: watch::Sender::new(ledger.sequence),
        failure: OnceLock::new(),
        check: Mutex::default(),
        copying: Mutex::default(),
        purged_to: Mutex::default(),
        reserve: options.reserve,
        before_sync: options.before_sync.clone(),
        measures: Measures::default(),
        directory,
    };
    Ok((Arc::new(database), ledger, known))
}

/// The lock is ours and not sled's, because files are removed before sled opens any.
fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK);
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = open.map_err(|why| OpenError::io(&path, why))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            drop(file.read_to_string(&mut text));
            let process = text.trim().parse::<u32>().map_or_else(|_| String::new(), |id| format!(" ({id})"));
            return Err(OpenError::InUse { directory: directory.to_path_buf(), process });
        }
        Err(TryLockError::Error(why)) => return Err(OpenError::io(&path, why)),
    }
    let note = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    note.map_err(|why| OpenError::io(&path, why))?;
    Ok(file)
}

/// A crash while sled opens leaves `snap.*.generating`, and then every later open fails with `Corruption`.
fn remove_unfinished_snapshots(directory: &Path) -> io::Result<()> {
    for path in snapshots(directory)? {
        if path.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn snapshots(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut snapshots = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b"snap.") {
            snapshots.push(entry.path());
        }
    }
    Ok(snapshots)
}

fn open_tree(directory: &Path, cache: u64) -> Result<::sled::Db, OpenError> {
    match guarded(|| Ok(configuration(directory, cache).open())) {
        Ok(Ok(tree)) => return Ok(tree),
        Ok(Err(::sled::Error::Io(why))) if why.to_string().contains("could not acquire lock") => {
            return Err(OpenError::InUse { directory: directory.to_path_buf(), process: String::new() });
        }
        Ok(Err(::sled::Error::Io(why))) => return Err(OpenError::io(directory, why)),
        Ok(Err(error)) => tracing::warn!("{} does not open ({error}); trying without sled's snapshot", directory.display()),
        Err(panic) => tracing::warn!("{} does not open ({panic}); trying without sled's snapshot", directory.display()),
    }
    // A snapshot only saves reading the log. Without it sled reads everything, and the check afterwards judges the result.
    for path in snapshots(directory).map_err(|why| OpenError::io(directory, why))? {
        fs::remove_file(&path).map_err(|why| OpenError::io(&path, why))?;
    }
    let damaged = |reason: String| OpenError::Damaged { directory: directory.to_path_buf(), reason };
    guarded(|| configuration(directory, cache).open().map_err(|error| error.to_string())).map_err(damaged)
}

fn configuration(directory: &Path, cache: u64) -> ::sled::Config {
    // No flusher of sled's own: the committer flushes after every batch.
    ::sled::Config::new().path(directory).cache_capacity(cache).flush_every_ms(None)
}

/// sled syncs neither its `conf` nor the entries of the directory: after a power cut a new database would be gone.
fn sync_everything(directory: &Path, data: &File) -> Result<(), OpenError> {
    let configuration = directory.join("conf");
    File::open(&configuration)
        .and_then(|file| file.sync_all())
        .map_err(|why| OpenError::io(&configuration, why))?;
    data.sync_all().map_err(|why| OpenError::io(&directory.join("db"), why))?;
    sync_directory(&directory.join("blobs"))?;
    sync_directory(directory)
}

fn sync_directory(directory: &Path) -> Result<(), OpenError> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(|why| OpenError::io(directory, why))
}

fn read_ledger(directory: &Path, tree: &::sled::Db) -> Result<(Ledger, Option<String>), OpenError> {
    let damaged = |reason: String| OpenError::Damaged { directory: directory.to_path_buf(), reason };
    let row = guarded(|| tree.get(LEDGER_KEY).map_err(|error| error.to_string())).map_err(damaged)?;
    let closed_at = integrity::closed_at(directory);
    let Some(row) = row else {
        let anything =
            guarded(|| tree.range(FIRST_DOCUMENT_KEY..).next().transpose().map_err(|error| error.to_string())).map_err(damaged)?;
        if closed_at > 0 || anything.is_some() {
            return Err(damaged("the ledger of what it holds is missing".to_owned()));
        }
        return Ok((Ledger::default(), None));
    };
    let ledger = Ledger::decode(&row).map_err(|unusable| match unusable {
        Unusable::Newer(format) => OpenError::Newer { directory: directory.to_path_buf(), format },
        Unusable::Damaged => damaged("the ledger of what it holds is damaged".to_owned()),
    })?;
    let missing = closed_at.saturating_sub(ledger.sequence);
    let known = (missing > 0).then(|| format!("{} lacks the last {missing} changes before it was closed", directory.display()));
    Ok((ledger, known))
}
