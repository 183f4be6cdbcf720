//! Snapshots: the configuration class as lines of JSON, so that there is always something to restore when a database is damaged.
//! Realms, clients and users come back with it; sessions do not, which costs sign-ins. Secrets in it are sealed, passwords
//! hashed; the key-encryption key is not in it.
//!
//! ```text
//! {"keywright_snapshot":1,"class":"configuration","taken":…,"sequence":…}
//! {"key":"realm/…","value":{…}}
//! {"records":…,"crc32":"…"}          of all lines above
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::clock::Timestamp;

use super::backend::{Class, CommitError, Durability, Expectation, KeyRange, Stored, Write, WriteSet};
use super::sled::Sled;
use super::{Store, value};

const FORMAT: u32 = 1;
/// How many snapshots are kept.
const KEEP: usize = 8;
/// Seconds after which a changed configuration is written again.
const EVERY_SECONDS: i64 = 3600;
/// Records that a restoration commits together.
pub(super) const STEP: usize = 500;

/// Why a snapshot was not taken or restored.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("the snapshot {} cannot be written: {why}", path.display())]
    Write { path: PathBuf, why: String },
    #[error("the snapshot {} cannot be read: {why}", path.display())]
    Read { path: PathBuf, why: io::Error },
    #[error("{} is no whole snapshot: {why}", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("{} was written by a newer version of Keywright (snapshot format {format}): restore it with that version", path.display())]
    Newer { path: PathBuf, format: u32 },
    #[error("the store is not empty: restore a snapshot into a new directory (store.directory)")]
    NotEmpty,
    #[error("the snapshot cannot be restored: {0}")]
    Store(String),
}

#[derive(Serialize, Deserialize)]
struct Head {
    keywright_snapshot: u32,
    class: Class,
    taken: Timestamp,
    sequence: u64,
}

/// A record; one without a value is being deleted.
#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<Value>,
}

#[derive(Serialize, Deserialize)]
struct End {
    records: u64,
    crc32: String,
}

impl Store {
    /// Writes a snapshot into `directory` if the configuration has changed and the newest one is an hour old; where it is then.
    /// Nothing to do for an engine that is not sled: memory has nothing to keep, a database server has backups of its own.
    ///
    /// # Errors
    /// [`SnapshotError::Write`], or an unreadable newest snapshot.
    pub async fn snapshot_if_due(&self, directory: &Path, now: Timestamp) -> Result<Option<PathBuf>, SnapshotError> {
        let Some(engine) = self.sled().cloned() else { return Ok(None) };
        let path = directory.to_path_buf();
        let work = move || if due(&engine, &path, now)? { take(&engine, &path, now).map(Some) } else { Ok(None) };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(write_error(directory, &error)))
    }

    /// Puts the records of a snapshot into this store, which must be empty; how many they were.
    ///
    /// # Errors
    /// The file is no whole snapshot, or the store takes no writes; a store that has a part of it is of no use then.
    pub async fn restore(&self, snapshot: &Path) -> Result<usize, SnapshotError> {
        let any = KeyRange { start: std::ops::Bound::Unbounded, end: std::ops::Bound::Unbounded };
        let found = self
            .backend()
            .scan(Class::Configuration, any, 1)
            .await
            .map_err(|error| SnapshotError::Store(error.to_string()))?;
        if !found.is_empty() {
            return Err(SnapshotError::NotEmpty);
        }
        let lines = read(snapshot)?;
        for lines in lines.chunks(STEP) {
            let set = restoration(Class::Configuration, lines).map_err(|error| SnapshotError::Store(error.to_string()))?;
            self.commit(set).await.map_err(|error| match error {
                CommitError::Conflict => SnapshotError::NotEmpty,
                error => SnapshotError::Store(error.to_string()),
            })?;
        }
        Ok(lines.len())
    }
}

/// Writes a snapshot now. Blocks; commits go on meanwhile.
///
/// # Errors
/// [`SnapshotError::Write`].
pub fn take(engine: &Sled, directory: &Path, now: Timestamp) -> Result<PathBuf, SnapshotError> {
    let fresh = directory.join(".new");
    let name = write(engine, directory, &fresh, now).inspect_err(|_| drop(fs::remove_file(&fresh)))?;
    let path = directory.join(name);
    let moved = fs::rename(&fresh, &path)
        .and_then(|()| File::open(directory)?.sync_all())
        .and_then(|()| forget_old(directory));
    moved.map_err(|why| write_error(&path, &why))?;
    tracing::debug!(path = %path.display(), "took a snapshot");
    Ok(path)
}

fn due(engine: &Sled, directory: &Path, now: Timestamp) -> Result<bool, SnapshotError> {
    let Some(newest) = all(directory).unwrap_or_default().pop() else { return Ok(true) };
    let mut line = String::new();
    let opened = File::open(&newest).and_then(|file| BufReader::new(file).read_line(&mut line));
    opened.map_err(|why| SnapshotError::Read { path: newest.clone(), why })?;
    // One that cannot be read is no reason not to write a better one.
    let Ok(head) = serde_json::from_str::<Head>(&line) else { return Ok(true) };
    let old = !(0..EVERY_SECONDS).contains(&(now - head.taken));
    Ok(old && head.sequence != engine.sequence(Class::Configuration))
}

/// Writes everything into `fresh` and syncs it; the name under which it belongs.
fn write(engine: &Sled, directory: &Path, fresh: &Path, now: Timestamp) -> Result<String, SnapshotError> {
    let error = |why: &dyn std::fmt::Display| write_error(fresh, why);
    fs::create_dir_all(directory).map_err(|why| write_error(directory, &why))?;
    // Password hashes are nobody else's business.
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(fresh)
        .map_err(|why| error(&why))?;
    let mut out = Summed { out: BufWriter::new(file), sum: crc32fast::Hasher::new() };

    // At least this old: a commit in between makes the next snapshot due, which is the safe side.
    let class = Class::Configuration;
    let sequence = engine.sequence(class);
    out.line(&Head { keywright_snapshot: FORMAT, class, taken: now, sequence }).map_err(|why| error(&why))?;
    let mut records = 0;
    let each = |key: &[u8], stored: &Stored| {
        records += 1;
        out.line(&line(key, stored)?).map_err(|why| why.to_string())
    };
    engine.copy(class, each).map_err(|why| error(&why))?;
    let crc32 = format!("{:08x}", out.sum.clone().finalize());
    let end = out.line(&End { records, crc32 }).and_then(|()| out.out.flush()).and_then(|()| out.out.get_ref().sync_all());
    end.map_err(|why| error(&why))?;
    Ok(file_name(now, sequence))
}

/// A stored value as a line.
pub(super) fn line(key: &[u8], stored: &Stored) -> Result<Line, String> {
    let place = String::from_utf8(key.to_vec()).map_err(|error| error.to_string())?;
    let body = value::body(key, &stored.value).map_err(|reason| format!("the record at {place} cannot be read: {reason}"))?;
    let document = if body.is_empty() { None } else { Some(serde_json::from_slice(body).map_err(|error| error.to_string())?) };
    Ok(Line { key: place, expires_at: stored.expires_at, value: document })
}

/// Every record of a whole snapshot.
fn read(path: &Path) -> Result<Vec<Line>, SnapshotError> {
    let unreadable = |why: io::Error| SnapshotError::Read { path: path.to_path_buf(), why };
    let damaged = |why: &dyn std::fmt::Display| SnapshotError::Damaged { path: path.to_path_buf(), why: why.to_string() };
    let text = fs::read(path).map_err(unreadable)?;
    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let head: Value = serde_json::from_slice(lines.first().copied().unwrap_or_default()).map_err(|error| damaged(&error))?;
    match head.get("keywright_snapshot").and_then(Value::as_u64).and_then(|format| u32::try_from(format).ok()) {
        Some(FORMAT) => {}
        Some(format) if format > FORMAT => return Err(SnapshotError::Newer { path: path.to_path_buf(), format }),
        _ => return Err(damaged(&"it has no known format")),
    }
    let end: End = serde_json::from_slice(lines.pop().unwrap_or_default()).map_err(|_| damaged(&"its end is missing"))?;
    let mut sum = crc32fast::Hasher::new();
    for line in &lines {
        sum.update(line);
    }
    if format!("{:08x}", sum.finalize()) != end.crc32 {
        return Err(damaged(&"its checksum is wrong"));
    }
    if end.records != lines.len() as u64 - 1 {
        return Err(damaged(&"records are missing"));
    }
    lines[1..].iter().map(|line| serde_json::from_slice(line).map_err(|error| damaged(&error))).collect()
}

/// The commit that puts lines where nothing is.
pub(super) fn restoration(class: Class, lines: &[Line]) -> serde_json::Result<WriteSet> {
    let mut set = WriteSet { class, durability: Durability::Acknowledged, expectations: Vec::new(), writes: Vec::new() };
    for Line { key, expires_at, value } in lines {
        let key = key.as_bytes();
        let value = match value {
            Some(document) => value::encode(key, document, *expires_at)?,
            None => value::tombstone(key),
        };
        set.expectations.push((key.to_vec(), Expectation::Absent));
        set.writes.push((key.to_vec(), Write::Put { value, expires_at: *expires_at }));
    }
    Ok(set)
}

/// Sorts by time: `configuration-2026-11-22T04-20-00Z-123.ndjson`.
fn file_name(now: Timestamp, sequence: u64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(now.seconds()).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let (date, clock) = (at.date(), at.time());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (hour, minute, second) = (clock.hour(), clock.minute(), clock.second());
    format!("configuration-{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}Z-{sequence}.ndjson")
}

/// The snapshots in `directory`, oldest first.
fn all(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("configuration-") && name.ends_with(".ndjson") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn forget_old(directory: &Path) -> io::Result<()> {
    let paths = all(directory)?;
    let old = paths.len().saturating_sub(KEEP);
    paths[..old].iter().try_for_each(fs::remove_file)
}

fn write_error(path: &Path, why: &dyn std::fmt::Display) -> SnapshotError {
    SnapshotError::Write { path: path.to_path_buf(), why: why.to_string() }
}

/// A writer that sums up what went through it.
struct Summed {
    out: BufWriter<File>,
    sum: crc32fast::Hasher,
}

impl Summed {
    fn line<T: Serialize>(&mut self, line: &T) -> io::Result<()> {
        let mut text = serde_json::to_vec(line).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        text.push(b'\n');
        self.sum.update(&text);
        self.out.write_all(&text)
    }
}
