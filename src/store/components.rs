//! Components: key providers, user federations, registration policies.

use crate::base::id::{ComponentId, RealmId};
use crate::model::component::Component;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct Components<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> Components<'_, R> {
    pub async fn get(&mut self, realm: &RealmId, id: &ComponentId) -> Result<Option<Component>, StoreError> {
        self.reader.read(&key::component(realm, id)).await
    }

    pub async fn list(&mut self, realm: &RealmId) -> Result<Vec<Component>, StoreError> {
        self.reader.scan_all(&key::components(realm)).await
    }
}

impl Components<'_, Txn<'_, Configuration>> {
    /// The id must be new.
    pub fn insert(&mut self, realm: &RealmId, component: &Component) {
        self.reader.insert(&key::component(realm, &component.id), component);
    }

    pub fn put(&mut self, realm: &RealmId, component: &Component) {
        self.reader.put(&key::component(realm, &component.id), component);
    }

    pub fn delete(&mut self, realm: &RealmId, id: &ComponentId) {
        self.reader.delete(&key::component(realm, id));
    }
}
