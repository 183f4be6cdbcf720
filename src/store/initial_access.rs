//! Initial access to client registration.

use crate::base::id::{InitialAccessId, RealmId};
use crate::model::initial_access::InitialAccess;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct InitialAccesses<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> InitialAccesses<'_, R> {
    pub async fn get(&mut self, realm: &RealmId, id: &InitialAccessId) -> Result<Option<InitialAccess>, StoreError> {
        self.reader.read(&key::initial_access(realm, id)).await
    }

    /// All of them, also expired ones that were not purged yet.
    pub async fn list(&mut self, realm: &RealmId) -> Result<Vec<InitialAccess>, StoreError> {
        self.reader.scan_all(&key::initial_accesses(realm)).await
    }
}

impl InitialAccesses<'_, Txn<'_, Configuration>> {
    /// Purged when it has expired.
    pub fn put(&mut self, realm: &RealmId, access: &InitialAccess) {
        let key = key::initial_access(realm, &access.id);
        match access.expires_at() {
            Some(end) => self.reader.put_until(&key, access, end),
            None => self.reader.put(&key, access),
        }
    }

    pub fn delete(&mut self, realm: &RealmId, id: &InitialAccessId) {
        self.reader.delete(&key::initial_access(realm, id));
    }
}
