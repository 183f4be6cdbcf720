//! Marks that something happened: a token id was revoked, an assertion was used. A mark lives as long as what it forbids.

use crate::base::clock::Timestamp;
use crate::base::id::RealmId;
use crate::model::single_use::SingleUse;

use super::StoreError;
use super::key;
use super::txn::{Reader, Sessions, Txn};

/// Access tokens that were revoked, by `jti`.
pub const REVOKED_TOKEN: &str = "revoked";

/// Assertions of clients, by client and `jti`.
pub const USED_ASSERTION: &str = "assertion";

pub struct SingleUses<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> SingleUses<'_, R> {
    pub async fn get(&mut self, realm: &RealmId, purpose: &str, id: &str) -> Result<Option<SingleUse>, StoreError> {
        self.reader.read(&key::single_use(realm, purpose, id)).await
    }
}

impl SingleUses<'_, Txn<'_, Sessions>> {
    /// Marks; marking twice is no error.
    pub fn put(&mut self, realm: &RealmId, purpose: &str, id: &str, mark: &SingleUse, expires_at: Timestamp) {
        self.reader.put_until(&key::single_use(realm, purpose, id), mark, expires_at);
    }

    /// Marks; of concurrent callers one wins, the others' commits conflict and their transactions run again.
    pub fn insert(&mut self, realm: &RealmId, purpose: &str, id: &str, mark: &SingleUse, expires_at: Timestamp) {
        self.reader.insert_until(&key::single_use(realm, purpose, id), mark, expires_at);
    }
}
