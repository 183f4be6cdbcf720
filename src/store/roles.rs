//! Roles of the realm and of its clients: by id and by name in their container.

use crate::base::id::{ClientId, RealmId, RoleId};
use crate::model::role::{Role, RoleContainer};

use super::StoreError;
use super::key::{self, Key};
use super::txn::{Configuration, Reader, Txn};

pub struct Roles<'t, R> {
    pub(super) reader: &'t mut R,
}

fn by_name_key(realm: &RealmId, role: &Role) -> Key<Configuration, RoleId> {
    match &role.container {
        RoleContainer::Realm => key::realm_role_by_name(realm, &role.name),
        RoleContainer::Client(client) => key::client_role_by_name(realm, client, &role.name),
    }
}

impl<R: Reader> Roles<'_, R> {
    pub async fn get(&mut self, realm: &RealmId, id: &RoleId) -> Result<Option<Role>, StoreError> {
        self.reader.read(&key::role(realm, id)).await
    }

    pub async fn realm_role(&mut self, realm: &RealmId, name: &str) -> Result<Option<Role>, StoreError> {
        match self.reader.read(&key::realm_role_by_name(realm, name)).await? {
            Some(id) => self.get(realm, &id).await,
            None => Ok(None),
        }
    }

    pub async fn client_role(&mut self, realm: &RealmId, client: &ClientId, name: &str) -> Result<Option<Role>, StoreError> {
        match self.reader.read(&key::client_role_by_name(realm, client, name)).await? {
            Some(id) => self.get(realm, &id).await,
            None => Ok(None),
        }
    }

    /// All roles of the realm and its clients.
    pub async fn list(&mut self, realm: &RealmId) -> Result<Vec<Role>, StoreError> {
        self.reader.scan_all(&key::roles(realm)).await
    }
}

impl Roles<'_, Txn<'_, Configuration>> {
    /// The id, and the name within its container, must be new.
    pub fn insert(&mut self, realm: &RealmId, role: &Role) {
        self.reader.insert(&key::role(realm, &role.id), role);
        self.reader.insert(&by_name_key(realm, role), &role.id);
    }

    pub fn put(&mut self, realm: &RealmId, old: &Role, role: &Role) {
        if old.name != role.name {
            self.reader.delete(&by_name_key(realm, old));
            self.reader.insert(&by_name_key(realm, role), &role.id);
        }
        self.reader.put(&key::role(realm, &role.id), role);
    }

    pub fn delete(&mut self, realm: &RealmId, role: &Role) {
        self.reader.delete(&by_name_key(realm, role));
        self.reader.delete(&key::role(realm, &role.id));
    }
}
