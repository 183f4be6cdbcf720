//! Digests and comparisons that need no key material of a realm.

use openssl::hash::{MessageDigest, hash};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub fn sha384(bytes: &[u8]) -> [u8; 48] {
    Sha384::digest(bytes).into()
}

pub fn sha512(bytes: &[u8]) -> [u8; 64] {
    Sha512::digest(bytes).into()
}

/// MD5, only for name-based UUIDs (RFC 9562 §5.3), which hide nothing by it.
pub fn md5(bytes: &[u8]) -> [u8; 16] {
    let digest = hash(MessageDigest::md5(), bytes).expect("OpenSSL's default provider has MD5");
    let mut array = [0; 16];
    array.copy_from_slice(&digest);
    array
}

/// SHA-1, only for `x5t` (RFC 7515 §4.1.7), which is a name and not a protection.
pub fn sha1(bytes: &[u8]) -> [u8; 20] {
    sha1::Sha1::digest(bytes).into()
}

/// Equality in time that depends on the lengths only.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
