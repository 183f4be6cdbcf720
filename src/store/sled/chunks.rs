//! A document as rows of a tree. sled puts a leaf that outgrows 128 KiB into a file of its own that it never syncs, and a leaf
//! has up to twenty rows: so a row stays under 6 KiB and a larger value is cut up.
//!
//! ```text
//! whole:  0x01 | version (u64, little endian) | value
//! head:   0x02 | version | further pieces (u16) | first piece
//! piece:  at 0x01 | key | 0x00 | version (u64, big endian) | number (u16, big endian): the next part of the value
//! ```
//! Pieces carry the version in their key, so a reader that finds one missing has an old head in its hand and reads again.

use ::sled::{IVec, Tree};

use crate::store::backend::Stored;
use crate::store::value;

/// Keys below this byte are the engine's own; documents begin with their kind, in letters.
pub(super) const FIRST_DOCUMENT_KEY: &[u8] = &[0x02];
/// The first byte of a piece's key, and what the pieces' kind is called in the tally.
pub(super) const PIECE: u8 = 0x01;

const WHOLE: u8 = 0x01;
const HEAD: u8 = 0x02;
const VERSION_AT: usize = 1;
const COUNT_AT: usize = 9;
const HEAD_VALUE_AT: usize = 11;
/// The largest document.
pub(super) const MAX_VALUE: usize = 64 << 20;
const MAX_ROW: usize = 6 * 1024;
const PIECE_SIZE: usize = 4 * 1024;
/// How often a reader looks again for a head whose pieces are being replaced.
const READINGS: usize = 32;

/// The rows of a document of at most [`MAX_VALUE`] bytes, the one at its own key first.
pub(super) fn rows(key: &[u8], version: u64, value: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut first = Vec::with_capacity(COUNT_AT + value.len().min(MAX_ROW));
    if COUNT_AT + value.len() <= MAX_ROW {
        first.push(WHOLE);
        first.extend_from_slice(&version.to_le_bytes());
        first.extend_from_slice(value);
        return vec![(key.to_vec(), first)];
    }
    let (begin, rest) = value.split_at(PIECE_SIZE);
    let count = u16::try_from(rest.chunks(PIECE_SIZE).len()).expect("the largest document has fewer pieces");
    first.push(HEAD);
    first.extend_from_slice(&version.to_le_bytes());
    first.extend_from_slice(&count.to_le_bytes());
    first.extend_from_slice(begin);
    let mut rows = vec![(key.to_vec(), first)];
    rows.extend(
        (0..count)
            .zip(rest.chunks(PIECE_SIZE))
            .map(|(number, piece)| (piece_key(key, version, number), piece.to_vec())),
    );
    rows
}

/// The document at `key`; `None` if there is none.
pub(super) fn read(tree: &Tree, key: &[u8]) -> Result<Option<Stored>, String> {
    match tree.get(key).map_err(|error| error.to_string())? {
        Some(row) => assemble(tree, key, row),
        None => Ok(None),
    }
}

/// The document whose first row was read; `None` if it is gone meanwhile.
pub(super) fn assemble(tree: &Tree, key: &[u8], mut row: IVec) -> Result<Option<Stored>, String> {
    for _ in 0..READINGS {
        if let Some(stored) = complete(tree, key, &row)? {
            return Ok(Some(stored));
        }
        match tree.get(key).map_err(|error| error.to_string())? {
            Some(newer) => row = newer,
            None => return Ok(None),
        }
    }
    Err(format!("a part of the record at {} is missing", String::from_utf8_lossy(key)))
}

/// The version of the document, from its first row.
pub(super) fn version(row: &[u8]) -> Option<u64> {
    row.get(VERSION_AT..COUNT_AT)?.try_into().ok().map(u64::from_le_bytes)
}

/// The value, or its beginning: enough for [`value::expires_at`].
pub(super) fn beginning(row: &[u8]) -> Option<&[u8]> {
    match *row.first()? {
        WHOLE => row.get(COUNT_AT..),
        HEAD => row.get(HEAD_VALUE_AT..),
        _ => None,
    }
}

/// The keys of the further pieces that a first row names.
pub(super) fn piece_keys(key: &[u8], row: &[u8]) -> Vec<Vec<u8>> {
    match (row.first(), version(row), count(row)) {
        (Some(&HEAD), Some(version), Some(count)) => (0..count).map(|number| piece_key(key, version, number)).collect(),
        _ => Vec::new(),
    }
}

/// Whether the document is whole and its checksum right.
pub(super) fn verify(tree: &Tree, key: &[u8], row: IVec) -> Result<(), String> {
    let place = String::from_utf8_lossy(key);
    match assemble(tree, key, row)? {
        Some(stored) => value::body(key, &stored.value)
            .map(drop)
            .map_err(|reason| format!("the record at {place} cannot be read: {reason}")),
        None => Ok(()),
    }
}

fn complete(tree: &Tree, key: &[u8], row: &[u8]) -> Result<Option<Stored>, String> {
    let damaged = || format!("the record at {} is damaged", String::from_utf8_lossy(key));
    let version = version(row).ok_or_else(damaged)?;
    let mut value = beginning(row).ok_or_else(damaged)?.to_vec();
    for piece in piece_keys(key, row) {
        match tree.get(piece).map_err(|error| error.to_string())? {
            Some(piece) => value.extend_from_slice(&piece),
            None => return Ok(None),
        }
    }
    Ok(Some(Stored { version, expires_at: value::expires_at(&value), value }))
}

fn count(row: &[u8]) -> Option<u16> {
    row.get(COUNT_AT..HEAD_VALUE_AT)?.try_into().ok().map(u16::from_le_bytes)
}

fn piece_key(key: &[u8], version: u64, number: u16) -> Vec<u8> {
    [&[PIECE], key, &[0], &version.to_be_bytes()[..], &number.to_be_bytes()[..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The layout is on disks: a change of it needs new tags, and these must still be read.
    #[test]
    fn rows_look_as_they_always_did() {
        assert_eq!(rows(b"k", 258, b"value"), [(b"k".to_vec(), b"\x01\x02\x01\0\0\0\0\0\0value".to_vec())]);
        let large = rows(b"k", 258, &[7; MAX_ROW]);
        assert_eq!(large.len(), 2);
        assert_eq!(large[0].1[..11], *b"\x02\x02\x01\0\0\0\0\0\0\x01\0");
        assert_eq!(large[0].1.len(), 11 + PIECE_SIZE);
        assert_eq!(large[1], (b"\x01k\0\0\0\0\0\0\0\x01\x02\0\0".to_vec(), vec![7; MAX_ROW - PIECE_SIZE]));
        assert_eq!(piece_keys(b"k", &large[0].1), [large[1].0.clone()]);
        assert_eq!((version(&large[0].1), version(b"\x01short")), (Some(258), None));
    }

    #[test]
    fn a_row_never_outgrows_its_limit() {
        for length in [0, MAX_ROW - COUNT_AT, MAX_ROW - COUNT_AT + 1, 5 * PIECE_SIZE, MAX_VALUE] {
            let rows = rows(b"k", 1, &vec![0; length]);
            assert!(rows.iter().all(|(_, row)| row.len() <= MAX_ROW), "{length}");
        }
    }
}
