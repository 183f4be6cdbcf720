//! Signatures that a key has confirmed before. A resource server shows the same token with every request that it serves, and
//! checking RS256 again costs as much as a third of the answer. What is kept is the SHA-256 of the whole token: only the very
//! same bytes are believed, for as long as the key that confirmed them is compiled into its realm.

use std::mem;
use std::sync::{Mutex, PoisonError};

type Digest = [u8; 32];

/// No digest: nobody knows a token with this one.
const EMPTY: Digest = [0; 32];
/// Parts with a lock each, so that workers do not wait for each other.
const SHARDS: usize = 16;
/// Digests that have the same place side by side; the oldest of them gives way to one more.
const WAYS: usize = 4;
/// Places of a part: at first, and at most (2 MiB for all parts of a key whose tokens are shown that often).
const FEWEST: usize = 4;
const MOST: usize = 1_024;

/// The tokens that one key has confirmed. Newer ones take the place of older ones.
#[derive(Default)]
pub(super) struct Confirmed {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    /// A digest stands in the place that its first bytes name, the newest first, or not at all.
    places: Vec<[Digest; WAYS]>,
}

impl Confirmed {
    /// Whether a token with this digest was confirmed, or `check` says so now.
    pub fn or_check(&self, digest: Digest, check: impl FnOnce() -> bool) -> bool {
        let shard = &self.shards[usize::from(digest[31]) % SHARDS];
        if shard.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest) {
            return true;
        }
        let confirmed = check();
        if confirmed {
            shard.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
        }
        confirmed
    }
}

impl Shard {
    fn contains(&self, digest: &Digest) -> bool {
        !self.places.is_empty() && self.places[self.place(digest)].contains(digest)
    }

    /// A place that is full makes the part grow as long as it may, so that tokens which are shown in turn do not oust each other.
    fn insert(&mut self, digest: Digest) {
        let full = |shard: &Self| shard.places[shard.place(&digest)].iter().all(|known| *known != EMPTY);
        if self.places.is_empty() || (self.places.len() < MOST && full(self)) {
            let larger = vec![[EMPTY; WAYS]; (self.places.len() * 2).max(FEWEST)];
            for known in mem::replace(&mut self.places, larger).into_iter().flat_map(|place| place.into_iter().rev()) {
                if known != EMPTY {
                    self.put(known);
                }
            }
        }
        self.put(digest);
    }

    fn put(&mut self, digest: Digest) {
        let place = self.place(&digest);
        self.places[place].rotate_right(1);
        self.places[place][0] = digest;
    }

    fn place(&self, digest: &Digest) -> usize {
        usize::from(u16::from_le_bytes([digest[0], digest[1]])) % self.places.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::sha256;

    #[test]
    fn a_token_is_checked_until_it_was_confirmed_and_then_no_more() {
        let confirmed = Confirmed::default();
        let (token, other) = (sha256(b"token"), sha256(b"other"));
        assert!(!confirmed.or_check(token, || false));
        assert!(confirmed.or_check(token, || true));
        assert!(confirmed.or_check(token, || panic!("checked again")));
        assert!(!confirmed.or_check(other, || false), "another token was not confirmed by it");
    }

    #[test]
    fn it_keeps_what_fits_and_never_grows_beyond_its_bound() {
        let confirmed = Confirmed::default();
        let digests: Vec<_> = (0..200_000_u32).map(|number| sha256(&number.to_le_bytes())).collect();
        for digest in &digests {
            confirmed.or_check(*digest, || true);
        }
        let sizes = confirmed.shards.iter().map(|shard| shard.lock().unwrap().places.len());
        assert!(sizes.clone().all(|places| places == MOST), "{:?}", sizes.collect::<Vec<_>>());
        let known = digests.iter().filter(|digest| confirmed.or_check(**digest, || false)).count();
        assert!((SHARDS * MOST * WAYS * 9 / 10..=SHARDS * MOST * WAYS).contains(&known), "{known}");
        assert!(confirmed.or_check(digests[199_999], || panic!("the newest is not known")));
    }

    /// As many as a few resource servers show in turn: hardly one is checked a second time.
    #[test]
    fn tokens_that_are_shown_in_turn_do_not_oust_each_other() {
        for count in [20_u32, 500, 5_000] {
            let confirmed = Confirmed::default();
            let digests: Vec<_> = (0..count).map(|number| sha256(&number.to_le_bytes())).collect();
            let mut checks = 0;
            for digest in digests.iter().cycle().take(digests.len() * 3) {
                confirmed.or_check(*digest, || {
                    checks += 1;
                    true
                });
            }
            assert!(checks <= count + count / 100, "{checks} checks of {count} tokens");
        }
    }
}
