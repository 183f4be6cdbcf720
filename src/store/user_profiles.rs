//! User profile configurations: one document per realm.

use crate::base::id::RealmId;
use crate::model::user_profile::UserProfile;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct UserProfiles<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> UserProfiles<'_, R> {
    /// Empty for a realm that has none: nothing is declared, nothing required.
    pub async fn get(&mut self, realm: &RealmId) -> Result<UserProfile, StoreError> {
        Ok(self.reader.read(&key::user_profile(realm)).await?.unwrap_or_default())
    }
}

impl UserProfiles<'_, Txn<'_, Configuration>> {
    pub fn put(&mut self, realm: &RealmId, profile: &UserProfile) {
        self.reader.put(&key::user_profile(realm), profile);
    }
}
