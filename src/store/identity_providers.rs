//! Identity providers of a realm by alias, and the links of its users.

use crate::base::id::{RealmId, UserId};
use crate::model::identity_provider::{IdentityLinks, IdentityProvider};

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct IdentityProviders<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> IdentityProviders<'_, R> {
    pub async fn by_alias(&mut self, realm: &RealmId, alias: &str) -> Result<Option<IdentityProvider>, StoreError> {
        self.reader.read(&key::identity_provider(realm, alias)).await
    }

    /// All of them, by alias.
    pub async fn list(&mut self, realm: &RealmId) -> Result<Vec<IdentityProvider>, StoreError> {
        self.reader.scan_all(&key::identity_providers(realm)).await
    }

    /// Empty for a user that has none.
    pub async fn links(&mut self, realm: &RealmId, user: &UserId) -> Result<IdentityLinks, StoreError> {
        Ok(self.reader.read(&key::identity_links(realm, user)).await?.unwrap_or_default())
    }
}

impl<R: Reader> IdentityProviders<'_, R> {
    /// At most `limit` users with links, with an id after `after`, by id.
    pub async fn linked(
        &mut self,
        realm: &RealmId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<(UserId, IdentityLinks)>, StoreError> {
        let rows = self.reader.scan(&key::all_identity_links(realm), after.map(UserId::as_str), limit).await?;
        Ok(rows.into_iter().map(|(id, links)| (UserId::from(id), links)).collect())
    }
}

impl IdentityProviders<'_, Txn<'_, Configuration>> {
    /// The alias must be new.
    pub fn insert(&mut self, realm: &RealmId, provider: &IdentityProvider) {
        self.reader.insert(&key::identity_provider(realm, &provider.alias), provider);
    }

    pub fn put(&mut self, realm: &RealmId, provider: &IdentityProvider) {
        self.reader.put(&key::identity_provider(realm, &provider.alias), provider);
    }

    pub fn delete(&mut self, realm: &RealmId, alias: &str) {
        self.reader.delete(&key::identity_provider(realm, alias));
    }

    pub fn put_links(&mut self, realm: &RealmId, user: &UserId, links: &IdentityLinks) {
        self.reader.put(&key::identity_links(realm, user), links);
    }
}
