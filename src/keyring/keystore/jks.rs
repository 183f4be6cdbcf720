//! Java's own keystore format: big-endian fields, keys under a key stream of SHA-1, and a SHA-1 over everything at the end. Weak
//! by today's measures; it is written because adapters ask for it, and says nothing that its reader may not know.

use openssl::pkey::PKey;
use zeroize::Zeroizing;

use crate::base::clock::Timestamp;
use crate::base::digest::{equal, sha1};
use crate::base::random::Random;
use crate::base::secret::Secret;

use super::super::client_keys::{CertifiedKey, text};
use super::{Contents, KeystoreError, Passwords, private_key, same_alias};

const MAGIC: u32 = 0xFEED_FEED;
const VERSION: u32 = 2;
const KEY_ENTRY: u32 = 1;
const CERTIFICATE_ENTRY: u32 = 2;
const CERTIFICATE_TYPE: &str = "X.509";
/// Goes into the closing digest behind the password.
const WHITENER: &[u8] = b"Mighty Aphrodite";
const DIGEST: usize = 20;
/// `SEQUENCE { OBJECT IDENTIFIER 1.3.6.1.4.1.42.2.17.1.1 }`: how keys are protected.
const PROTECTION: [u8; 14] = [0x30, 0x0C, 0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x2A, 0x02, 0x11, 0x01, 0x01];
/// The same with `NULL` for its parameters, as some write it.
const PROTECTION_OF_OTHERS: [u8; 16] = [0x30, 0x0E, 0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x2A, 0x02, 0x11, 0x01, 0x01, 0x05, 0x00];
/// Entries that are looked through.
const MAX_ENTRIES: u32 = 1000;

pub(super) fn write(
    contents: &Contents<'_>,
    passwords: &Passwords<'_>,
    random: &dyn Random,
    now: Timestamp,
) -> Result<Vec<u8>, KeystoreError> {
    let mut out = Vec::new();
    let entries = 1 + contents.trusted.len();
    for number in [MAGIC, VERSION, u32::try_from(entries).map_err(|_| KeystoreError::Encoding)?] {
        out.extend(number.to_be_bytes());
    }
    let begin = |out: &mut Vec<u8>, tag: u32, alias: &str| {
        out.extend(tag.to_be_bytes());
        put_text(out, &alias.to_lowercase())?;
        out.extend(now.millis().to_be_bytes());
        Ok(())
    };
    let put_certificate = |out: &mut Vec<u8>, certificate: &[u8]| {
        put_text(out, CERTIFICATE_TYPE)?;
        put_bytes(out, certificate)
    };
    if let Some(key) = &contents.entry.private_key {
        let plain = private_key(key)?.private_key_to_pkcs8().map_err(|_| KeystoreError::Encoding)?;
        begin(&mut out, KEY_ENTRY, contents.alias)?;
        put_bytes(&mut out, &protected(&Zeroizing::new(plain), passwords.key, random))?;
        out.extend(1_u32.to_be_bytes());
    } else {
        begin(&mut out, CERTIFICATE_ENTRY, contents.alias)?;
    }
    put_certificate(&mut out, &contents.entry.certificate)?;
    for (alias, certificate) in contents.trusted {
        begin(&mut out, CERTIFICATE_ENTRY, alias)?;
        put_certificate(&mut out, certificate)?;
    }
    out.extend(seal_of(&out, passwords.store));
    Ok(out)
}

pub(super) fn read(file: &[u8], alias: &str, passwords: &Passwords<'_>) -> Result<CertifiedKey, KeystoreError> {
    let split = file.len().checked_sub(DIGEST).ok_or(KeystoreError::Unreadable)?;
    let (entries, digest) = file.split_at(split);
    if !equal(&seal_of(entries, passwords.store), digest) {
        return Err(KeystoreError::Unreadable);
    }
    let mut rest = Fields(entries);
    if rest.number()? != MAGIC || rest.number()? != VERSION {
        return Err(KeystoreError::Unreadable);
    }
    let count = rest.number()?;
    for _ in 0..count.min(MAX_ENTRIES) {
        let tag = rest.number()?;
        let found = same_alias(rest.text()?, alias);
        rest.take(8)?;
        let key = if tag == KEY_ENTRY { Some(rest.long_bytes()?) } else { None };
        let certificates = if tag == KEY_ENTRY { rest.number()? } else { 1 };
        let mut first = None;
        for _ in 0..certificates.min(MAX_ENTRIES) {
            rest.text()?;
            let certificate = rest.long_bytes()?;
            first.get_or_insert(certificate);
        }
        if !matches!(tag, KEY_ENTRY | CERTIFICATE_ENTRY) {
            return Err(KeystoreError::Unreadable);
        }
        if let Some(certificate) = first.filter(|_| found) {
            let private_key = key.map(|key| unprotected(key, passwords.key)).transpose()?;
            return Ok(CertifiedKey { private_key, certificate: certificate.to_vec() });
        }
    }
    Err(KeystoreError::NoEntry)
}

/// What is left to read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], KeystoreError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(KeystoreError::Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, KeystoreError> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into().expect("four bytes were taken")))
    }

    fn text(&mut self) -> Result<&'a str, KeystoreError> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().expect("two bytes were taken"));
        std::str::from_utf8(self.take(usize::from(length))?).map_err(|_| KeystoreError::Unreadable)
    }

    fn long_bytes(&mut self) -> Result<&'a [u8], KeystoreError> {
        let length = usize::try_from(self.number()?).map_err(|_| KeystoreError::Unreadable)?;
        self.take(length)
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) -> Result<(), KeystoreError> {
    out.extend(u16::try_from(text.len()).map_err(|_| KeystoreError::Name)?.to_be_bytes());
    out.extend(text.as_bytes());
    Ok(())
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), KeystoreError> {
    out.extend(u32::try_from(bytes.len()).map_err(|_| KeystoreError::Encoding)?.to_be_bytes());
    out.extend(bytes);
    Ok(())
}

/// A password as Java has it: sixteen bits a character.
fn java_text(password: &Secret<String>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.expose().encode_utf16().flat_map(u16::to_be_bytes).collect())
}

fn seal_of(entries: &[u8], password: &Secret<String>) -> [u8; DIGEST] {
    sha1(&Zeroizing::new([java_text(password).as_slice(), WHITENER, entries].concat()))
}

/// `key` under a stream that begins with the salt: each block is the digest of password and block before.
fn under_stream(key: &[u8], password: &[u8], salt: &[u8]) -> Vec<u8> {
    let (mut block, mut out) = (salt.to_vec(), Vec::with_capacity(key.len()));
    for piece in key.chunks(DIGEST) {
        block = sha1(&Zeroizing::new([password, &block].concat())).to_vec();
        out.extend(piece.iter().zip(&block).map(|(byte, mask)| byte ^ mask));
    }
    out
}

/// The key as `EncryptedPrivateKeyInfo` (RFC 5208 §6): salt, key under the stream, digest of password and key.
fn protected(plain: &[u8], password: &Secret<String>, random: &dyn Random) -> Vec<u8> {
    let password = java_text(password);
    let mut salt = [0; DIGEST];
    random.fill(&mut salt);
    let digest = sha1(&Zeroizing::new([&password, plain].concat()));
    let body = [&salt[..], &under_stream(plain, &password, &salt), &digest].concat();
    let octets = [der_head(0x04, body.len()), body].concat();
    let contents = [&PROTECTION[..], &octets].concat();
    [der_head(0x30, contents.len()), contents].concat()
}

fn unprotected(wrapped: &[u8], password: &Secret<String>) -> Result<Secret<String>, KeystoreError> {
    let unreadable = KeystoreError::Unreadable;
    let contents = der_body(wrapped, 0x30).ok_or(unreadable)?;
    let octets = contents.strip_prefix(&PROTECTION[..]).or_else(|| contents.strip_prefix(&PROTECTION_OF_OTHERS[..]));
    let body = octets.and_then(|octets| der_body(octets, 0x04)).filter(|body| body.len() > 2 * DIGEST).ok_or(unreadable)?;
    let (salt, rest) = body.split_at(DIGEST);
    let (hidden, digest) = rest.split_at(rest.len() - DIGEST);
    let password = java_text(password);
    let plain = Zeroizing::new(under_stream(hidden, &password, salt));
    if !equal(&sha1(&Zeroizing::new([password.as_slice(), &plain].concat())), digest) {
        return Err(unreadable);
    }
    text(&PKey::private_key_from_der(&plain).map_err(|_| unreadable)?).map_err(|_| unreadable)
}

/// Tag and length (X.690 §8.1.3).
fn der_head(tag: u8, length: usize) -> Vec<u8> {
    let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    match bytes.as_slice() {
        [] => vec![tag, 0],
        [short] if *short < 0x80 => vec![tag, *short],
        long => [&[tag, 0x80 | u8::try_from(long.len()).unwrap_or(8)], long].concat(),
    }
}

/// The contents of the one element that `der` is.
fn der_body(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(*first & 0x7F)).filter(|(bytes, _)| bytes.len() <= 4)?;
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    Some(rest).filter(|rest| *found == tag && rest.len() == length)
}
