//! Realms: by id and by name.

use crate::base::id::RealmId;
use crate::model::realm::Realm;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct Realms<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> Realms<'_, R> {
    pub async fn get(&mut self, id: &RealmId) -> Result<Option<Realm>, StoreError> {
        self.reader.read(&key::realm(id)).await
    }

    pub async fn by_name(&mut self, name: &str) -> Result<Option<Realm>, StoreError> {
        match self.reader.read(&key::realm_by_name(name)).await? {
            Some(id) => self.get(&id).await,
            None => Ok(None),
        }
    }

    /// All realms, by id.
    pub async fn list(&mut self) -> Result<Vec<Realm>, StoreError> {
        self.reader.scan_all(&key::realms()).await
    }
}

impl Realms<'_, Txn<'_, Configuration>> {
    /// The id and the name must be new.
    pub fn insert(&mut self, realm: &Realm) {
        self.reader.insert(&key::realm(&realm.id), realm);
        self.reader.insert(&key::realm_by_name(&realm.name), &realm.id);
    }

    /// Writes a changed realm; `old` is what was read, so that a new name moves its key.
    pub fn put(&mut self, old: &Realm, realm: &Realm) {
        if old.name != realm.name {
            self.reader.delete(&key::realm_by_name(&old.name));
            self.reader.insert(&key::realm_by_name(&realm.name), &realm.id);
        }
        self.reader.put(&key::realm(&realm.id), realm);
    }

    /// Whether a realm may be made under this id: there is none, and nothing of a former one is left.
    pub async fn is_free(&mut self, id: &RealmId) -> Result<bool, StoreError> {
        let key = key::realm(id);
        Ok(self.reader.read(&key).await?.is_none() && !self.reader.is_buried(&key))
    }

    /// Keeps a free id for a realm in the making: nobody finds it, and nobody else can make one with it.
    pub fn reserve(&mut self, id: &RealmId) {
        self.reader.entomb(&key::realm(id));
    }

    /// Makes a realm appear under its reserved id. The name must be new.
    pub fn publish(&mut self, realm: &Realm) {
        self.reader.put(&key::realm(&realm.id), realm);
        self.reader.insert(&key::realm_by_name(&realm.name), &realm.id);
    }

    /// Gives a reserved id back; what was written under it goes in the background.
    pub fn abandon(&mut self, id: &RealmId) {
        self.reader.bury(&key::realm(id), key::branches_of_realm(id));
    }

    /// Takes the realm away at once; what hangs under it goes in the background.
    pub fn delete(&mut self, realm: &Realm) {
        self.reader.delete(&key::realm_by_name(&realm.name));
        self.reader.bury(&key::realm(&realm.id), key::branches_of_realm(&realm.id));
    }
}
