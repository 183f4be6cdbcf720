//! What an import brought and nothing here uses: carried along, so that an export gives it back. JSON texts, sealed because nobody
//! knows what stands in them.

use crate::base::id::RealmId;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct Carried<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> Carried<'_, R> {
    pub async fn get(&mut self, realm: &RealmId, name: &str) -> Result<Option<String>, StoreError> {
        self.reader.read(&key::carried(realm, name)).await
    }

    /// Names with sealed texts, by name.
    pub async fn list(&mut self, realm: &RealmId) -> Result<Vec<(String, String)>, StoreError> {
        let (mut all, mut after) = (Vec::new(), None::<String>);
        loop {
            let rows = self.reader.scan(&key::carried_in(realm), after.as_deref(), STEP).await?;
            let full = rows.len() == STEP;
            after = rows.last().map(|(name, _)| name.clone());
            all.extend(rows);
            if !full {
                return Ok(all);
            }
        }
    }
}

impl Carried<'_, Txn<'_, Configuration>> {
    pub fn put(&mut self, realm: &RealmId, name: &str, sealed: &str) {
        self.reader.put(&key::carried(realm, name), &sealed.to_owned());
    }

    pub fn delete(&mut self, realm: &RealmId, name: &str) {
        self.reader.delete(&key::carried(realm, name));
    }
}

const STEP: usize = 100;

/// The identity under which the text of `name` is sealed.
pub fn secret_identity(name: &str) -> String {
    format!("carried/{name}")
}
