//! Noticing damage. sled opens a file with a flipped bit "fine" and lacks records afterwards, so every batch also writes one
//! row that says what must be there: the sequence, and for each kind of record the number of its rows and a hash over them that
//! does not depend on their order. After opening, a thread reads everything and compares. A mark that is written when the
//! store closes tells of lost batches at the end of the log, which would take that row with them.
//!
//! ```text
//! the row:  format (u8) | CRC-32 of the rest | sequence | kinds (u16) | for each kind: length (u8), name, rows, hash
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use tokio::sync::watch;

use super::chunks::{self, FIRST_DOCUMENT_KEY, PIECE};
use super::{Database, guarded, name};

/// What is known about the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Not all of it has been read since the start.
    Checking,
    /// Every record is there and whole.
    Sound,
    /// Something is missing or damaged; the text says what and what to do.
    Damaged(String),
}

pub(super) const LEDGER_KEY: &[u8] = b"\0ledger";
const FORMAT: u8 = 1;
const HEADER: usize = 5;
const STEP: usize = 500;
const CLOSED: &str = "closed";

/// What must be in a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    pub(super) sequence: u64,
    pub(super) tally: Tally,
}

/// Rows counted and hashed by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    kinds: BTreeMap<Vec<u8>, Sum>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    hash: u64,
}

/// How far the check has read, and what it found up to there. Whoever changes a row that was read already changes the tally.
#[derive(Debug, Default)]
pub(super) struct Check {
    read_to: Vec<u8>,
    found: Tally,
}

/// Why a ledger cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    Damaged,
    Newer(u8),
}

impl Tally {
    pub(super) fn add(&mut self, key: &[u8], row: &[u8]) {
        let sum = self.kinds.entry(kind(key)).or_default();
        sum.rows = sum.rows.wrapping_add(1);
        sum.hash = sum.hash.wrapping_add(fingerprint(key, row));
    }

    pub(super) fn remove(&mut self, key: &[u8], row: &[u8]) {
        let kind = kind(key);
        let sum = self.kinds.entry(kind.clone()).or_default();
        sum.rows = sum.rows.wrapping_sub(1);
        sum.hash = sum.hash.wrapping_sub(fingerprint(key, row));
        if *sum == Sum::default() {
            self.kinds.remove(&kind);
        }
    }

    /// How many rows of this kind there are.
    pub(super) fn rows(&self, kind: &str) -> u64 {
        self.kinds.get(kind.as_bytes()).map_or(0, |sum| sum.rows)
    }

    /// In words, how `found` differs from what must be there; `None` if it does not.
    fn difference(&self, found: &Self) -> Option<String> {
        let kinds = self.kinds.keys().chain(found.kinds.keys());
        let first = kinds.filter(|kind| self.kinds.get(*kind) != found.kinds.get(*kind)).min()?;
        let rows = |tally: &Self| tally.kinds.get(first).map_or(0, |sum| sum.rows);
        let what = if first == &[PIECE] { "parts of large records".into() } else { String::from_utf8_lossy(first) };
        Some(match (rows(self), rows(found)) {
            (expected, found) if expected == found => format!("a record among the {found} of kind \"{what}\" is not what was written"),
            (expected, found) => format!("of kind \"{what}\" there should be {expected} records, but there are {found}"),
        })
    }
}

impl Ledger {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT, 0, 0, 0, 0];
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&u16::try_from(self.tally.kinds.len()).expect("kinds of records are few").to_le_bytes());
        for (kind, sum) in &self.tally.kinds {
            bytes.push(u8::try_from(kind.len()).expect("the name of a kind is short"));
            bytes.extend_from_slice(kind);
            bytes.extend_from_slice(&sum.rows.to_le_bytes());
            bytes.extend_from_slice(&sum.hash.to_le_bytes());
        }
        let sum = crc32fast::hash(&bytes[HEADER..]);
        bytes[1..HEADER].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Unusable> {
        let (head, mut rest) = bytes.split_at_checked(HEADER).ok_or(Unusable::Damaged)?;
        if head[0] > FORMAT {
            return Err(Unusable::Newer(head[0]));
        }
        if head[0] != FORMAT || head[1..] != crc32fast::hash(rest).to_le_bytes() {
            return Err(Unusable::Damaged);
        }
        let sequence = u64::from_le_bytes(take(&mut rest)?);
        let mut tally = Tally::default();
        for _ in 0..u16::from_le_bytes(take(&mut rest)?) {
            let [length] = take(&mut rest)?;
            let (kind, after) = rest.split_at_checked(usize::from(length)).ok_or(Unusable::Damaged)?;
            rest = after;
            let sum = Sum { rows: u64::from_le_bytes(take(&mut rest)?), hash: u64::from_le_bytes(take(&mut rest)?) };
            tally.kinds.insert(kind.to_vec(), sum);
        }
        Ok(Self { sequence, tally })
    }
}

impl Check {
    /// A row was replaced: keeps the tally true where it was read already.
    pub(super) fn changed(&mut self, key: &[u8], old: Option<&[u8]>, new: Option<&[u8]>) {
        if key <= &*self.read_to {
            if let Some(old) = old {
                self.found.remove(key, old);
            }
            if let Some(new) = new {
                self.found.add(key, new);
            }
        }
    }
}

impl Integrity {
    /// What is known before everything was read.
    pub(super) fn at_first(damages: &[String]) -> Self {
        if damages.is_empty() { Self::Checking } else { Self::damaged(damages) }
    }

    fn damaged(damages: &[String]) -> Self {
        Self::Damaged(format!("the stored data is damaged; restore the newest snapshot or backup ({})", damages.join("; ")))
    }
}

/// Reads both databases and says what it found besides the `damages` that are known. Ends early when the store closes.
pub(super) fn check(databases: &[Arc<Database>], mut damages: Vec<String>, report: &watch::Sender<Integrity>, closing: &AtomicBool) {
    for database in databases {
        match guarded(|| database.compare(closing)) {
            Ok(true) => {}
            Ok(false) => return,
            Err(damage) => damages.push(format!("{}: {damage}", name(database.class))),
        }
    }
    let result = if damages.is_empty() { Integrity::Sound } else { Integrity::damaged(&damages) };
    match &result {
        Integrity::Damaged(text) => tracing::error!("{text}"),
        Integrity::Sound | Integrity::Checking => tracing::info!("store checked: every record is there and whole"),
    }
    report.send_replace(result);
}

impl Database {
    /// Reads every row and compares with the ledger; false if the store closed before the end.
    fn compare(&self, closing: &AtomicBool) -> Result<bool, String> {
        *self.check.lock().unwrap_or_else(PoisonError::into_inner) = Some(Check::default());
        while !closing.load(Ordering::Acquire) {
            if self.compare_step()? {
                return Ok(true);
            }
            std::thread::yield_now();
        }
        Ok(false)
    }

    /// The next rows, while no commit is applied; true at the end.
    fn compare_step(&self) -> Result<bool, String> {
        let mut guard = self.check.lock().unwrap_or_else(PoisonError::into_inner);
        let check = guard.as_mut().expect("only the end of the check takes it away");
        let mut rows = 0;
        let start = Bound::Excluded(check.read_to.clone());
        for row in self.tree.range((start, Bound::<Vec<u8>>::Unbounded)).take(STEP) {
            let (key, row) = row.map_err(|error| error.to_string())?;
            if &*key != LEDGER_KEY {
                check.found.add(&key, &row);
                if &*key >= FIRST_DOCUMENT_KEY {
                    chunks::verify(&self.tree, &key, row)?;
                }
            }
            // sled forgets a page only while others are asked for, 64 times in each of 256 groups: one pass over all rows would
            // leave the whole database in memory. Asking for each row once more keeps to the cache's size.
            self.tree.contains_key(&key).map_err(|error| error.to_string())?;
            check.read_to = key.to_vec();
            rows += 1;
        }
        if rows == STEP {
            return Ok(false);
        }
        let check = guard.take().expect("it was there at the beginning of this step");
        let ledger = match self.tree.get(LEDGER_KEY).map_err(|error| error.to_string())? {
            Some(row) => Ledger::decode(&row).map_err(|_| "its ledger is damaged".to_owned())?,
            None => Ledger::default(),
        };
        ledger.tally.difference(&check.found).map_or(Ok(true), Err)
    }
}

/// Notes durably that the database was closed with everything up to `sequence` in it.
pub(super) fn mark_closed(directory: &Path, sequence: u64) -> std::io::Result<()> {
    let (path, fresh) = (directory.join(CLOSED), directory.join("closed.new"));
    let text = format!("closed at {sequence}");
    let mut file = File::create(&fresh)?;
    writeln!(file, "{text} {:08x}", crc32fast::hash(text.as_bytes()))?;
    file.sync_all()?;
    fs::rename(&fresh, &path)?;
    File::open(directory)?.sync_all()
}

/// The sequence that must at least be there: that of the last orderly close. 0 if there was none, or if the note is unreadable,
/// which then hides nothing but a second damage.
pub(super) fn closed_at(directory: &Path) -> u64 {
    let read = || {
        let text = fs::read_to_string(directory.join(CLOSED)).ok()?;
        let (text, sum) = text.trim_end().rsplit_once(' ')?;
        let sequence = text.strip_prefix("closed at ")?.parse().ok()?;
        (sum == format!("{:08x}", crc32fast::hash(text.as_bytes()))).then_some(sequence)
    };
    read().unwrap_or(0)
}

fn kind(key: &[u8]) -> Vec<u8> {
    match key.first() {
        Some(&PIECE) => vec![PIECE],
        _ => key.split(|byte| *byte == b'/').next().unwrap_or_default().iter().copied().take(255).collect(),
    }
}

fn fingerprint(key: &[u8], row: &[u8]) -> u64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(&[0]);
    hasher.update(row);
    // Sums of checksums would let two flips of the same bit cancel out, so the bits are spread first (splitmix64).
    let mut hash = u64::from(hasher.finalize()) | ((row.len() as u64) << 32);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Unusable> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(Unusable::Damaged)?;
    *bytes = rest;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        let mut ledger = Ledger { sequence: 9, tally: Tally::default() };
        ledger.tally.add(b"user/r/1", b"a");
        ledger.tally.add(b"user/r/2", b"b");
        ledger.tally.add(b"\x01user/r/2\0", b"c");
        ledger
    }

    #[test]
    fn a_ledger_comes_back_and_every_flipped_bit_is_noticed() {
        let bytes = ledger().encode();
        assert_eq!(Ledger::decode(&bytes), Ok(ledger()));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Ledger::decode(&flipped).is_err());
        }
    }

    /// Bytes of the first format, put together by hand.
    #[test]
    fn a_ledger_of_format_1_is_read() {
        let bytes = b"\x01\x19\xbc\x84\xea\x09\0\0\0\0\0\0\0\x01\0\x04user\x02\0\0\0\0\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11";
        let ledger = Ledger::decode(bytes).unwrap();
        assert_eq!(ledger.sequence, 9);
        assert_eq!(ledger.tally.kinds[&b"user"[..]], Sum { rows: 2, hash: 0x1122_3344_5566_7788 });
        assert_eq!(ledger.encode(), bytes);
        assert_eq!(Ledger::decode(b"\x02\0\0\0\0"), Err(Unusable::Newer(2)));
    }

    #[test]
    fn a_tally_does_not_depend_on_the_order_and_forgets_what_was_removed() {
        let mut tally = Tally::default();
        tally.add(b"\x01user/r/2\0", b"c");
        tally.add(b"user/r/3", b"x");
        tally.add(b"user/r/2", b"b");
        tally.remove(b"user/r/3", b"x");
        tally.add(b"user/r/1", b"a");
        tally.add(b"client/r/1", b"a");
        tally.remove(b"client/r/1", b"a");
        assert_eq!(tally, ledger().tally);
    }

    #[test]
    fn a_difference_is_told_in_words() {
        let expected = ledger().tally;
        let (mut fewer, mut other) = (expected.clone(), expected.clone());
        fewer.remove(b"user/r/1", b"a");
        other.remove(b"user/r/1", b"a");
        other.add(b"user/r/1", b"A");
        assert_eq!(expected.difference(&expected), None);
        assert_eq!(expected.difference(&fewer).unwrap(), "of kind \"user\" there should be 2 records, but there are 1");
        assert_eq!(expected.difference(&other).unwrap(), "a record among the 2 of kind \"user\" is not what was written");
    }
}
