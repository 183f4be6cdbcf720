//! How a document becomes bytes: a format version, a checksum, the expiry, then JSON. The encoding describes itself, so values
//! outlive the program that wrote them; the checksum is there because sled does not notice a flipped bit.
//!
//! ```text
//! format 1:  0x01 | CRC-32 (u32, little endian) of key, format, rest | expiry (i64 milliseconds, little endian; i64::MAX = never) | JSON
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::clock::Timestamp;

/// The format that this program writes. It reads all formats up to this one; `tests/fixtures/store/` has a value of each.
pub const FORMAT: u8 = 1;

const CHECKSUM_AT: usize = 1;
const EXPIRY_AT: usize = 5;
const BODY_AT: usize = 13;
const NEVER: i64 = i64::MAX;

/// Why bytes are no document.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("{0}")]
    Damaged(String),
    #[error(
        "it has value format {0}; this version of Keywright reads formats up to {FORMAT}: start the newer version, or restore a backup"
    )]
    Newer(u8),
}

/// The bytes of `document` for the place `key`: a value that turns up under another key is damaged.
///
/// # Errors
/// When serde cannot write the document as JSON: a map whose keys are no text.
pub fn encode<T: Serialize>(key: &[u8], document: &T, expires_at: Option<Timestamp>) -> Result<Vec<u8>, serde_json::Error> {
    seal(key, expires_at, |bytes| serde_json::to_writer(bytes, document))
}

/// What stands where a document is being deleted together with everything under it: a value without a body.
pub fn tombstone(key: &[u8]) -> Vec<u8> {
    seal(key, None, |_| Ok(())).expect("nothing is written")
}

pub fn is_tombstone(bytes: &[u8]) -> bool {
    bytes.len() == BODY_AT && bytes[0] == FORMAT
}

fn seal(
    key: &[u8],
    expires_at: Option<Timestamp>,
    body: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(FORMAT);
    bytes.extend_from_slice(&[0; EXPIRY_AT - CHECKSUM_AT]);
    bytes.extend_from_slice(&expires_at.map_or(NEVER, Timestamp::millis).to_le_bytes());
    body(&mut bytes)?;
    let sum = checksum(key, FORMAT, &bytes[EXPIRY_AT..]);
    bytes[CHECKSUM_AT..EXPIRY_AT].copy_from_slice(&sum.to_le_bytes());
    Ok(bytes)
}

/// The document that [`encode`] wrote for `key`, in whatever format it was.
///
/// # Errors
/// When the checksum is wrong, the JSON is not a `T`, or a newer program wrote it.
pub fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body(key, bytes)?).map_err(|error| Unreadable::Damaged(format!("it is not what belongs there: {error}")))
}

/// The JSON text of a value, after its checksum was found right.
///
/// # Errors
/// As [`decode`], except that the JSON is not looked at.
pub fn body<'v>(key: &[u8], bytes: &'v [u8]) -> Result<&'v [u8], Unreadable> {
    match bytes.first() {
        Some(&FORMAT) if bytes.len() >= BODY_AT => {
            let (_, rest) = bytes.split_at(EXPIRY_AT);
            if bytes[CHECKSUM_AT..EXPIRY_AT] != checksum(key, FORMAT, rest).to_le_bytes() {
                return Err(Unreadable::Damaged("its checksum is wrong".to_owned()));
            }
            Ok(&bytes[BODY_AT..])
        }
        Some(&format) if format > FORMAT => Err(Unreadable::Newer(format)),
        _ => Err(Unreadable::Damaged("it is too short or has no known format".to_owned())),
    }
}

/// When the value may be purged; read from the header, so that a purge need not parse documents.
pub fn expires_at(bytes: &[u8]) -> Option<Timestamp> {
    let expiry = bytes.get(EXPIRY_AT..BODY_AT)?.try_into().ok().map(i64::from_le_bytes)?;
    (expiry != NEVER).then_some(Timestamp(expiry))
}

/// The value of a counter after `delta` was added to `current`; a missing counter counts from 0.
///
/// # Errors
/// When `current` is no counter.
pub fn add(key: &[u8], current: Option<&[u8]>, delta: i64) -> Result<Vec<u8>, Unreadable> {
    let current = current.map_or(Ok(0), |bytes| decode::<i64>(key, bytes))?;
    Ok(encode(key, &current.saturating_add(delta), None).expect("a number is JSON"))
}

fn checksum(key: &[u8], format: u8, rest: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(&[format]);
    hasher.update(rest);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_comes_back_with_its_expiry() {
        let bytes = encode(b"k", &vec!["a", "b"], Some(Timestamp(7))).unwrap();
        assert_eq!(decode::<Vec<String>>(b"k", &bytes).unwrap(), ["a", "b"]);
        assert_eq!(expires_at(&bytes), Some(Timestamp(7)));
        assert_eq!(expires_at(&encode(b"k", &1, None).unwrap()), None);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = encode(b"k", &"text", Some(Timestamp(7))).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            decode::<String>(b"k", &flipped).expect_err("a flipped bit");
        }
    }

    #[test]
    fn a_value_belongs_to_its_key() {
        let bytes = encode(b"k", &"text", None).unwrap();
        assert!(matches!(decode::<String>(b"l", &bytes), Err(Unreadable::Damaged(_))));
    }

    #[test]
    fn a_newer_format_says_what_to_do() {
        let mut bytes = encode(b"k", &"text", None).unwrap();
        bytes[0] = FORMAT + 1;
        let error = decode::<String>(b"k", &bytes).unwrap_err();
        assert_eq!(error, Unreadable::Newer(FORMAT + 1));
        assert!(error.to_string().contains("start the newer version"));
    }

    #[test]
    fn counters_add_up_and_stop_at_the_ends() {
        let one = add(b"c", None, 1).unwrap();
        let minus_four = add(b"c", Some(&one), -5).unwrap();
        assert_eq!(decode::<i64>(b"c", &minus_four).unwrap(), -4);
        let most = add(b"c", Some(&add(b"c", None, i64::MAX).unwrap()), 1).unwrap();
        assert_eq!(decode::<i64>(b"c", &most).unwrap(), i64::MAX);
    }
}
