//! RSA keys, which take long to make: random ones, or the published ones of tests.

use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey as _;

use super::KeyError;
use crate::base::env::Env;
use crate::base::random::Random;
use crate::base::secret::Secret;

/// What a key has where nobody says more.
pub(super) const RSA_BITS: u32 = 2048;

/// Where the RSA keys of a new realm come from: making one costs 150 ms and more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KeySource {
    #[default]
    Fresh,
    /// The published keys of `keys/test`, for tests only: whoever has this source code can sign with them.
    Fixed,
}

/// Two RSA keys as base64 PKCS#1.
pub(super) fn rsa_key_pair(env: &Env, realm_name: &str, source: KeySource) -> Result<[Secret<String>; 2], KeyError> {
    match source {
        KeySource::Fixed => Ok(fixed_rsa_keys(realm_name)),
        KeySource::Fresh => thread::scope(|scope| {
            let other = scope.spawn(|| new_rsa_key(env.random(), RSA_BITS));
            let one = new_rsa_key(env.random(), RSA_BITS)?;
            Ok([one, other.join().expect("making a key does not panic")?])
        }),
    }
}

/// Three pairs, so that a token of one realm is usually refused by another because of its key, as in production: one for
/// `master`, and one of two for every other realm.
pub(super) fn fixed_rsa_keys(realm_name: &str) -> [Secret<String>; 2] {
    let keys: [[&str; 2]; 3] = [
        [include_str!("../../keys/test/rsa-1.b64"), include_str!("../../keys/test/rsa-enc-1.b64")],
        [include_str!("../../keys/test/rsa-2.b64"), include_str!("../../keys/test/rsa-enc-2.b64")],
        [include_str!("../../keys/test/rsa-3.b64"), include_str!("../../keys/test/rsa-enc-3.b64")],
    ];
    let pair = if realm_name == "master" {
        0
    } else {
        1 + usize::from(realm_name.bytes().fold(u8::from(realm_name.len() % 2 == 1), u8::wrapping_add) % 2)
    };
    keys[pair].map(|key| Secret::from(key.trim_end()))
}

/// A random RSA key as base64 PKCS#1.
pub(super) fn new_rsa_key(random: &dyn Random, bits: u32) -> Result<Secret<String>, KeyError> {
    let failed = |_| KeyError { component: "rsa-generated".to_owned(), reason: "No RSA key could be made".to_owned() };
    let key = RsaPrivateKey::new(&mut Generator(random), bits as usize).map_err(|error| failed(error.to_string()))?;
    let der = key.to_pkcs1_der().map_err(|error| failed(error.to_string()))?;
    Ok(Secret::new(STANDARD.encode(der.as_bytes())))
}

/// Our randomness in the form that the `rsa` crate takes.
struct Generator<'a>(&'a dyn Random);

impl rand_core::RngCore for Generator<'_> {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.0.bytes())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.0.bytes())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_core::CryptoRng for Generator<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_keys_differ_between_master_and_other_realms() {
        assert_ne!(fixed_rsa_keys("master"), fixed_rsa_keys("a"));
        assert_ne!(fixed_rsa_keys("a"), fixed_rsa_keys("b"));
        assert_eq!(fixed_rsa_keys("a"), fixed_rsa_keys("a"));
    }
}
