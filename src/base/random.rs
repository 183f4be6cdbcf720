//! Randomness as an argument. [`SystemRandom`] is the operating system's generator; [`SeededRandom`] makes a test's ids and
//! secrets repeatable. Signatures keep the randomness of their own library.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore as _, SeedableRng as _};
use uuid::Uuid;

const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A source of unpredictable bytes.
pub trait Random: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);

    /// Bytes for an id: as hard to guess as any, but both copies of a virtual machine that was copied while it ran may get the same.
    fn id(&self) -> [u8; ID] {
        let mut bytes = [0; ID];
        self.fill(&mut bytes);
        bytes
    }
}

/// Bytes of an id.
const ID: usize = 16;

impl dyn Random + '_ {
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A random UUID (RFC 9562 §5.4).
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.id()).into_uuid()
    }

    /// `N` random bytes as base64url without padding: 24 characters for 18 bytes, as Keycloak's session ids have.
    pub fn base64url<const N: usize>(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<N>())
    }

    /// `length` characters of `[A-Za-z0-9]`: safe in a form, a shell and Basic credentials without escaping.
    pub fn alphanumeric(&self, length: usize) -> String {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            // 248 = 4 × 62: bytes above it would favour the first letters.
            for byte in self.bytes::<64>().into_iter().filter(|byte| *byte < 248).take(length - text.len()) {
                text.push(char::from(ALPHANUMERIC[usize::from(byte % 62)]));
            }
        }
        text
    }
}

/// The operating system's generator. Ids are made of bytes that a thread asks for in advance; keys, nonces and secrets come
/// straight from it, so that not even a virtual machine that was copied while it ran uses one twice.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandom;

/// Ids that a thread asks for in advance: a system call costs as much as the rest of an id.
const ADVANCE: usize = 32;

thread_local! {
    static AHEAD: RefCell<Ahead> = const { RefCell::new(Ahead { ids: [[0; ID]; ADVANCE], left: 0 }) };
}

/// Bytes for ids of a thread, of which the first `left` were not used yet.
struct Ahead {
    ids: [[u8; ID]; ADVANCE],
    left: usize,
}

impl Ahead {
    fn next(&mut self) -> [u8; ID] {
        if self.left == 0 {
            SystemRandom.fill(self.ids.as_flattened_mut());
            self.left = ADVANCE;
        }
        self.left -= 1;
        self.ids[self.left]
    }
}

impl Random for SystemRandom {
    #[allow(clippy::disallowed_methods, reason = "the one place that asks the operating system")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system provides randomness");
    }

    fn id(&self) -> [u8; ID] {
        AHEAD.with_borrow_mut(Ahead::next)
    }
}

/// A repeatable generator for tests.
#[derive(Debug)]
pub struct SeededRandom(Mutex<ChaCha20Rng>);

impl SeededRandom {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_values() {
        let (a, b): (&dyn Random, &dyn Random) = (&SeededRandom::new(7), &SeededRandom::new(7));
        assert_eq!(a.uuid(), b.uuid());
        assert_eq!(a.alphanumeric(86), b.alphanumeric(86));
        assert_ne!(a.base64url::<18>(), a.base64url::<18>());
    }

    #[test]
    fn alphanumeric_text_has_its_length_and_alphabet() {
        let random: &dyn Random = &SystemRandom;
        for length in [0, 1, 63, 64, 65, 300] {
            let text = random.alphanumeric(length);
            assert_eq!(text.len(), length);
            assert!(text.bytes().all(|byte| ALPHANUMERIC.contains(&byte)));
        }
    }

    #[test]
    fn no_id_is_given_out_twice() {
        let ids: std::collections::HashSet<_> = (0..10 * ADVANCE).map(|_| SystemRandom.id()).collect();
        assert_eq!(ids.len(), 10 * ADVANCE);
        assert!(!ids.contains(&[0; ID]));
    }

    #[test]
    fn a_uuid_is_version_4() {
        assert_eq!((&SystemRandom as &dyn Random).uuid().get_version_num(), 4);
    }
}
