//! A realm's own texts: one document.

use std::collections::BTreeMap;

use crate::base::id::RealmId;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

/// Texts by key, by locale.
pub type Texts = BTreeMap<String, BTreeMap<String, String>>;

pub struct Localization<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> Localization<'_, R> {
    /// Empty for a realm that has none.
    pub async fn get(&mut self, realm: &RealmId) -> Result<Texts, StoreError> {
        Ok(self.reader.read(&key::localization(realm)).await?.unwrap_or_default())
    }
}

impl Localization<'_, Txn<'_, Configuration>> {
    pub fn put(&mut self, realm: &RealmId, texts: &Texts) {
        self.reader.put(&key::localization(realm), texts);
    }
}
