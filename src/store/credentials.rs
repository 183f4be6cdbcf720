//! The credentials of a user: one document, so that replacing a password is one version-checked write.

use crate::base::id::{RealmId, UserId};
use crate::model::credential::Credentials;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct CredentialsOf<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> CredentialsOf<'_, R> {
    /// Empty for a user that has none.
    pub async fn get(&mut self, realm: &RealmId, user: &UserId) -> Result<Credentials, StoreError> {
        Ok(self.reader.read(&key::credentials(realm, user)).await?.unwrap_or_default())
    }
}

impl CredentialsOf<'_, Txn<'_, Configuration>> {
    pub fn put(&mut self, realm: &RealmId, user: &UserId, credentials: &Credentials) {
        self.reader.put(&key::credentials(realm, user), credentials);
    }
}
