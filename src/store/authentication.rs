//! Flows, authenticator configurations and required actions: one document per realm.

use crate::base::id::RealmId;
use crate::model::authentication::Authentication;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct AuthenticationOf<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> AuthenticationOf<'_, R> {
    /// Empty for a realm that has none.
    pub async fn get(&mut self, realm: &RealmId) -> Result<Authentication, StoreError> {
        Ok(self.reader.read(&key::authentication(realm)).await?.unwrap_or_default())
    }
}

impl AuthenticationOf<'_, Txn<'_, Configuration>> {
    pub fn put(&mut self, realm: &RealmId, authentication: &Authentication) {
        self.reader.put(&key::authentication(realm), authentication);
    }
}
