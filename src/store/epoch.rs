//! Epochs: numbers that tell whether something compiled from the configuration is still current. They move when a commit that
//! may matter to it was applied, and before its caller hears of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::base::id::RealmId;

use super::key::{self, Concerns};

/// The epochs of one store.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    realms: AtomicU64,
    of_realm: RwLock<HashMap<RealmId, OfRealm>>,
}

#[derive(Debug, Default)]
struct OfRealm {
    configuration: AtomicU64,
    users: AtomicU64,
}

/// What a commit will move once it is applied.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Movement {
    realms: bool,
    configuration_of: BTreeSet<RealmId>,
    users_of: BTreeSet<RealmId>,
}

impl Movement {
    /// The movement of a configuration commit that writes these keys.
    pub(super) fn of<'k>(keys: impl Iterator<Item = &'k [u8]>) -> Self {
        let mut movement = Self::default();
        for key in keys {
            match key::concerns(key) {
                Concerns::Realms => movement.realms = true,
                Concerns::Realm(id) => drop(movement.configuration_of.insert(id)),
                Concerns::Users(id) => drop(movement.users_of.insert(id)),
                Concerns::NothingCompiled => {}
            }
        }
        movement
    }
}

impl Epochs {
    pub(super) fn realms(&self) -> u64 {
        self.realms.load(Ordering::Acquire)
    }

    /// 0 for a realm that did not change since the start.
    pub(super) fn of_realm(&self, realm: &RealmId) -> u64 {
        self.read(realm, |epochs| &epochs.configuration)
    }

    /// 0 for a realm whose users did not change since the start.
    pub(super) fn of_users(&self, realm: &RealmId) -> u64 {
        self.read(realm, |epochs| &epochs.users)
    }

    pub(super) fn advance(&self, movement: Movement) {
        for realm in movement.configuration_of {
            self.move_on(realm, |epochs| &epochs.configuration);
        }
        for realm in movement.users_of {
            self.move_on(realm, |epochs| &epochs.users);
        }
        if movement.realms {
            self.realms.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn read(&self, realm: &RealmId, which: impl Fn(&OfRealm) -> &AtomicU64) -> u64 {
        let epochs = self.of_realm.read().unwrap_or_else(PoisonError::into_inner);
        epochs.get(realm).map_or(0, |epochs| which(epochs).load(Ordering::Acquire))
    }

    fn move_on(&self, realm: RealmId, which: impl Fn(&OfRealm) -> &AtomicU64) {
        let known = self
            .of_realm
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&realm)
            .map(|epochs| which(epochs).fetch_add(1, Ordering::AcqRel));
        if known.is_none() {
            let mut epochs = self.of_realm.write().unwrap_or_else(PoisonError::into_inner);
            which(epochs.entry(realm).or_default()).fetch_add(1, Ordering::AcqRel);
        }
    }
}
