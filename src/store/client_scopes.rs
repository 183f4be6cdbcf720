//! Client scopes: by id and by name.

use crate::base::id::{ClientScopeId, RealmId};
use crate::model::client_scope::ClientScope;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct ClientScopes<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> ClientScopes<'_, R> {
    pub async fn get(&mut self, realm: &RealmId, id: &ClientScopeId) -> Result<Option<ClientScope>, StoreError> {
        self.reader.read(&key::client_scope(realm, id)).await
    }

    pub async fn by_name(&mut self, realm: &RealmId, name: &str) -> Result<Option<ClientScope>, StoreError> {
        match self.reader.read(&key::client_scope_by_name(realm, name)).await? {
            Some(id) => self.get(realm, &id).await,
            None => Ok(None),
        }
    }

    pub async fn list(&mut self, realm: &RealmId) -> Result<Vec<ClientScope>, StoreError> {
        self.reader.scan_all(&key::client_scopes(realm)).await
    }
}

impl ClientScopes<'_, Txn<'_, Configuration>> {
    /// The id and the name must be new.
    pub fn insert(&mut self, realm: &RealmId, scope: &ClientScope) {
        self.reader.insert(&key::client_scope(realm, &scope.id), scope);
        self.reader.insert(&key::client_scope_by_name(realm, &scope.name), &scope.id);
    }

    pub fn put(&mut self, realm: &RealmId, old: &ClientScope, scope: &ClientScope) {
        if old.name != scope.name {
            self.reader.delete(&key::client_scope_by_name(realm, &old.name));
            self.reader.insert(&key::client_scope_by_name(realm, &scope.name), &scope.id);
        }
        self.reader.put(&key::client_scope(realm, &scope.id), scope);
    }

    pub fn delete(&mut self, realm: &RealmId, scope: &ClientScope) {
        self.reader.delete(&key::client_scope_by_name(realm, &scope.name));
        self.reader.delete(&key::client_scope(realm, &scope.id));
    }
}
