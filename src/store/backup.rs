//! Backups: both classes of a running database as lines of JSON, each class as it was at one sequence. Everything that was
//! acknowledged before the copy of its class began is in it. Sessions are copied first, so that each of them finds its user.
//!
//! ```text
//! {"keywright_backup":1,"version":"0.1.0","taken":…,"classes":["sessions","configuration"]}
//! {"class":"sessions"}
//! {"key":"session/…","expires_at":…,"value":{…}}
//! {"class_end":"sessions","sequence":…,"records":…,"crc32":"…"}     of this class's lines, its first one included
//! {"class":"configuration"}
//! …
//! {"backup_end":1,"records":…,"crc32":"…"}                           of all lines above: a torn file has no such line
//! ```

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;

use super::backend::{Class, CommitError, KeyRange};
use super::sled::Sled;
use super::snapshot::{Line, STEP, line, restoration};
use super::{Store, StoreError};

const FORMAT: u32 = 1;
/// No record is longer; a file with such a line is none of ours.
const LONGEST_LINE: u64 = 64 << 20;

/// Why a backup was not taken, not believed, or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Another copy of the same class goes on (a snapshot, somebody else's backup).
    #[error("another backup or snapshot is being taken")]
    Busy,
    #[error("this server keeps its data in memory: there is nothing to back up")]
    NothingToKeep,
    #[error("the backup cannot be written: {0}")]
    Write(String),
    #[error("{} cannot be read: {why}", path.display())]
    Read { path: PathBuf, why: io::Error },
    /// Torn, changed, or no backup at all.
    #[error("{} is no whole backup: {why}", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("{} was written by a newer version of Keywright (backup format {format}): use that version", path.display())]
    Newer { path: PathBuf, format: u32 },
    #[error("the store is not empty: restore a backup into an empty directory (store.directory)")]
    NotEmpty,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a backup consists of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// The version of Keywright that wrote it.
    pub version: String,
    pub taken: Timestamp,
    pub classes: Vec<ClassSummary>,
    /// All of it, in bytes.
    pub bytes: u64,
}

/// One class in a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClassSummary {
    pub class: Class,
    /// What the class's data is a state of.
    pub sequence: u64,
    pub records: u64,
}

#[derive(Serialize, Deserialize)]
struct Head {
    keywright_backup: u32,
    version: String,
    taken: Timestamp,
    classes: Vec<Class>,
}

/// A line behind the head.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Part {
    Begin { class: Class },
    End { class_end: Class, sequence: u64, records: u64, crc32: String },
    Last { backup_end: u32, records: u64, crc32: String },
    Record(Line),
}

impl Store {
    /// Writes a backup to `out`; commits go on meanwhile. A writer that blocks holds up nobody but itself, though what changes
    /// meanwhile is kept in memory, up to 64 MiB; beyond, the backup is given up. The sessions are left out on request: that costs sign-ins, never identities.
    ///
    /// # Errors
    /// [`BackupError`]; what was written until then has no end and is refused by everybody who reads it.
    pub async fn backup<W: Write + Send + 'static>(
        &self,
        out: W,
        with_sessions: bool,
        now: Timestamp,
    ) -> Result<(Summary, W), BackupError> {
        let engine = self.sled().cloned().ok_or(BackupError::NothingToKeep)?;
        let work = move || write(&engine, out, with_sessions, now);
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(BackupError::Write(error.to_string())))
    }

    /// Puts the records of a backup into this store, which must be empty. The whole file is read and found right before the first
    /// record is written; expired records come back too and are purged in time.
    ///
    /// # Errors
    /// [`BackupError`]; a store that has a part of it after a failed write is of no use.
    pub async fn restore_backup(&self, path: &Path) -> Result<Summary, BackupError> {
        for class in [Class::Configuration, Class::Sessions] {
            let any = KeyRange { start: Bound::Unbounded, end: Bound::Unbounded };
            if !self.backend().scan(class, any, 1).await.map_err(StoreError::from)?.is_empty() {
                return Err(BackupError::NotEmpty);
            }
        }
        let summary = verify(path)?;
        let mut reader = Reader::open(path)?;
        let (mut class, mut waiting) = (Class::Configuration, Vec::with_capacity(STEP));
        loop {
            match reader.next()? {
                Part::Begin { class: next } => class = next,
                Part::Record(line) => {
                    waiting.push(line);
                    if waiting.len() == STEP {
                        self.put_back(class, &mut waiting).await?;
                    }
                }
                Part::End { .. } => self.put_back(class, &mut waiting).await?,
                Part::Last { .. } => return Ok(summary),
            }
        }
    }

    async fn put_back(&self, class: Class, lines: &mut Vec<Line>) -> Result<(), BackupError> {
        if lines.is_empty() {
            return Ok(());
        }
        let set = restoration(class, lines).map_err(|error| BackupError::Store(StoreError::Failed(error.to_string())))?;
        lines.clear();
        self.commit(set).await.map(drop).map_err(|error| match error {
            CommitError::Conflict => BackupError::NotEmpty,
            error => BackupError::Store(StoreError::Failed(error.to_string())),
        })
    }
}

/// Whether `path` is a whole backup: every line is read and every checksum compared.
///
/// # Errors
/// [`BackupError::Read`], `Damaged` and `Newer`.
pub fn verify(path: &Path) -> Result<Summary, BackupError> {
    let mut reader = Reader::open(path)?;
    let mut classes = Vec::new();
    loop {
        match reader.next()? {
            Part::End { class_end, sequence, records, .. } => classes.push(ClassSummary { class: class_end, sequence, records }),
            Part::Last { .. } => break,
            Part::Begin { .. } | Part::Record(_) => {}
        }
    }
    let promised = &reader.head.classes;
    if classes.iter().map(|summary| summary.class).ne(promised.iter().copied()) {
        return Err(reader.damaged("a class of data is missing"));
    }
    if !reader.line()?.is_empty() {
        return Err(reader.damaged("there is something behind its end"));
    }
    Ok(Summary { version: reader.head.version, taken: reader.head.taken, classes, bytes: reader.bytes })
}

fn write<W: Write>(engine: &Sled, out: W, with_sessions: bool, now: Timestamp) -> Result<(Summary, W), BackupError> {
    let classes = if with_sessions { vec![Class::Sessions, Class::Configuration] } else { vec![Class::Configuration] };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let mut out = Summed { out, class: crc32fast::Hasher::new(), all: crc32fast::Hasher::new(), bytes: 0 };
    let failed = |error: &dyn std::fmt::Display| BackupError::Write(error.to_string());
    let head = Head { keywright_backup: FORMAT, version: version.clone(), taken: now, classes: classes.clone() };
    out.line(&head).map_err(|error| failed(&error))?;

    let mut summaries = Vec::new();
    for class in classes {
        out.class = crc32fast::Hasher::new();
        out.line(&Part::Begin { class }).map_err(|error| failed(&error))?;
        let mut records = 0;
        let copied = engine.copy(class, |key, stored| {
            records += 1;
            out.line(&line(key, stored)?).map_err(|error| error.to_string())
        });
        let sequence = copied.map_err(|error| if error == super::sled::BUSY { BackupError::Busy } else { failed(&error) })?;
        let crc32 = hexadecimal(&out.class);
        out.line(&Part::End { class_end: class, sequence, records, crc32 }).map_err(|error| failed(&error))?;
        summaries.push(ClassSummary { class, sequence, records });
    }
    let records = summaries.iter().map(|summary| summary.records).sum();
    let crc32 = hexadecimal(&out.all);
    out.line(&Part::Last { backup_end: FORMAT, records, crc32 }).map_err(|error| failed(&error))?;
    out.out.flush().map_err(|error| failed(&error))?;
    Ok((Summary { version, taken: now, classes: summaries, bytes: out.bytes }, out.out))
}

/// A writer that sums up what went through it.
struct Summed<W> {
    out: W,
    /// Since the class began.
    class: crc32fast::Hasher,
    all: crc32fast::Hasher,
    bytes: u64,
}

impl<W: Write> Summed<W> {
    fn line<T: Serialize>(&mut self, line: &T) -> io::Result<()> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::other)?;
        text.push(b'\n');
        self.class.update(&text);
        self.all.update(&text);
        self.bytes += text.len() as u64;
        self.out.write_all(&text)
    }
}

/// Reads a backup line by line and compares what it sums up.
struct Reader {
    path: PathBuf,
    lines: BufReader<File>,
    head: Head,
    class: crc32fast::Hasher,
    all: crc32fast::Hasher,
    records_of_class: u64,
    records: u64,
    bytes: u64,
}

impl Reader {
    fn open(path: &Path) -> Result<Self, BackupError> {
        let file = File::open(path).map_err(|why| BackupError::Read { path: path.to_owned(), why })?;
        let head = Head { keywright_backup: FORMAT, version: String::new(), taken: Timestamp(0), classes: Vec::new() };
        let mut reader = Self {
            path: path.to_owned(),
            lines: BufReader::new(file),
            head,
            class: crc32fast::Hasher::new(),
            all: crc32fast::Hasher::new(),
            records_of_class: 0,
            records: 0,
            bytes: 0,
        };
        let first = reader.line()?;
        let value: serde_json::Value = serde_json::from_slice(&first).map_err(|_| reader.damaged("it does not begin like one"))?;
        match value.get("keywright_backup").and_then(serde_json::Value::as_u64) {
            Some(format) if format > u64::from(FORMAT) => {
                return Err(BackupError::Newer { path: reader.path, format: u32::try_from(format).unwrap_or(u32::MAX) });
            }
            Some(_) => {}
            None => return Err(reader.damaged("it does not begin like one")),
        }
        reader.head = serde_json::from_value(value).map_err(|_| reader.damaged("it does not begin like one"))?;
        reader.all.update(&first);
        Ok(reader)
    }

    /// The next line, checked; [`Part::Last`] is the last.
    fn next(&mut self) -> Result<Part, BackupError> {
        let text = self.line()?;
        if text.is_empty() {
            return Err(self.damaged("its end is missing: the copy was interrupted"));
        }
        let part: Part = serde_json::from_slice(&text).map_err(|_| {
            let why = if text.ends_with(b"\n") { "a line is no JSON" } else { "it ends in the middle of a line: the copy was interrupted" };
            self.damaged(why)
        })?;
        match &part {
            Part::Begin { .. } => (self.class, self.records_of_class) = (crc32fast::Hasher::new(), 0),
            Part::Record(_) => self.records_of_class += 1,
            Part::End { records, crc32, .. } => {
                if *crc32 != hexadecimal(&self.class) {
                    return Err(self.damaged("a checksum is wrong"));
                }
                if *records != self.records_of_class {
                    return Err(self.damaged("records are missing"));
                }
                self.records += records;
            }
            Part::Last { records, crc32, .. } => {
                if *crc32 != hexadecimal(&self.all) || *records != self.records {
                    return Err(self.damaged("a checksum is wrong"));
                }
            }
        }
        self.class.update(&text);
        self.all.update(&text);
        Ok(part)
    }

    /// The next line with its newline; empty at the end.
    fn line(&mut self) -> Result<Vec<u8>, BackupError> {
        let mut text = Vec::new();
        let read = (&mut self.lines).take(LONGEST_LINE).read_until(b'\n', &mut text);
        read.map_err(|why| BackupError::Read { path: self.path.clone(), why })?;
        self.bytes += text.len() as u64;
        Ok(text)
    }

    fn damaged(&self, why: &str) -> BackupError {
        BackupError::Damaged { path: self.path.clone(), why: why.to_owned() }
    }
}

fn hexadecimal(sum: &crc32fast::Hasher) -> String {
    format!("{:08x}", sum.clone().finalize())
}
