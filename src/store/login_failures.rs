//! Login failures: one document per user who failed lately.

use crate::base::clock::Timestamp;
use crate::base::id::{RealmId, UserId};
use crate::model::login_failures::LoginFailures;

use super::StoreError;
use super::key;
use super::txn::{Reader, Sessions, Txn};

pub struct LoginFailuresOf<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> LoginFailuresOf<'_, R> {
    /// `None` for a user without failures.
    pub async fn get(&mut self, realm: &RealmId, user: &UserId) -> Result<Option<LoginFailures>, StoreError> {
        self.reader.read(&key::login_failures(realm, user)).await
    }

    /// At most `limit` users with failures, after `after`.
    pub async fn users(&mut self, realm: &RealmId, after: Option<&str>, limit: usize) -> Result<Vec<UserId>, StoreError> {
        let rows = self.reader.scan(&key::login_failures_in(realm), after, limit).await?;
        Ok(rows.into_iter().map(|(user, _)| UserId::from(user)).collect())
    }
}

impl LoginFailuresOf<'_, Txn<'_, Sessions>> {
    /// The store may forget the failures after `expires_at`.
    pub fn put(&mut self, realm: &RealmId, user: &UserId, failures: &LoginFailures, expires_at: Timestamp) {
        self.reader.put_until(&key::login_failures(realm, user), failures, expires_at);
    }

    pub fn delete(&mut self, realm: &RealmId, user: &UserId) {
        self.reader.delete(&key::login_failures(realm, user));
    }
}
