//! The consents of a user: one document.

use crate::base::id::{RealmId, UserId};
use crate::model::consent::Consents;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct ConsentsOf<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> ConsentsOf<'_, R> {
    /// Empty for a user that has none.
    pub async fn get(&mut self, realm: &RealmId, user: &UserId) -> Result<Consents, StoreError> {
        Ok(self.reader.read(&key::consents(realm, user)).await?.unwrap_or_default())
    }
}

impl ConsentsOf<'_, Txn<'_, Configuration>> {
    pub fn put(&mut self, realm: &RealmId, user: &UserId, consents: &Consents) {
        self.reader.put(&key::consents(realm, user), consents);
    }
}
