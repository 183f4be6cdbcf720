//! The check value of the key-encryption key ([`crate::base::seal`]): written once, by the first start.

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct KeyCheck<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> KeyCheck<'_, R> {
    /// `None` in a store in which nothing was ever sealed.
    pub async fn get(&mut self) -> Result<Option<String>, StoreError> {
        self.reader.read(&key::key_check()).await
    }
}

impl KeyCheck<'_, Txn<'_, Configuration>> {
    pub fn insert(&mut self, check_value: &str) {
        self.reader.insert(&key::key_check(), &check_value.to_owned());
    }
}
