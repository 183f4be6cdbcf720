//! Clients: by internal id and by `client_id`.

use crate::base::id::{ClientId, RealmId};
use crate::model::client::Client;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct Clients<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> Clients<'_, R> {
    pub async fn get(&mut self, realm: &RealmId, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.reader.read(&key::client(realm, id)).await
    }

    /// The client with this public `client_id`.
    pub async fn by_client_id(&mut self, realm: &RealmId, client_id: &str) -> Result<Option<Client>, StoreError> {
        match self.reader.read(&key::client_by_client_id(realm, client_id)).await? {
            Some(id) => self.get(realm, &id).await,
            None => Ok(None),
        }
    }

    /// At most `limit` clients with an id after `after`, by id.
    pub async fn after(&mut self, realm: &RealmId, after: Option<&ClientId>, limit: usize) -> Result<Vec<Client>, StoreError> {
        let rows = self.reader.scan(&key::clients(realm), after.map(ClientId::as_str), limit).await?;
        Ok(rows.into_iter().map(|(_, client)| client).collect())
    }

    /// The public names of all clients, sorted, each with its client: a list that reads no client.
    pub async fn names(&mut self, realm: &RealmId) -> Result<Vec<(String, ClientId)>, StoreError> {
        self.reader.scan_all_with_keys(&key::clients_by_client_id(realm)).await
    }

    pub async fn list(&mut self, realm: &RealmId) -> Result<Vec<Client>, StoreError> {
        self.reader.scan_all(&key::clients(realm)).await
    }
}

impl Clients<'_, Txn<'_, Configuration>> {
    /// The id and the `client_id` must be new.
    pub fn insert(&mut self, realm: &RealmId, client: &Client) {
        self.reader.insert(&key::client(realm, &client.id), client);
        self.reader.insert(&key::client_by_client_id(realm, &client.client_id), &client.id);
    }

    /// Writes a changed client; `old` is what was read, so that a new `client_id` moves its key.
    pub fn put(&mut self, realm: &RealmId, old: &Client, client: &Client) {
        if old.client_id != client.client_id {
            self.reader.delete(&key::client_by_client_id(realm, &old.client_id));
            self.reader.insert(&key::client_by_client_id(realm, &client.client_id), &client.id);
        }
        self.reader.put(&key::client(realm, &client.id), client);
    }

    pub fn delete(&mut self, realm: &RealmId, client: &Client) {
        self.reader.delete(&key::client_by_client_id(realm, &client.client_id));
        self.reader.delete(&key::client(realm, &client.id));
    }
}
