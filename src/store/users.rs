//! Users: by id, by user name, by e-mail, by the client whose service account they are.

use crate::base::id::{ClientId, RealmId, UserId};
use crate::base::spelling::of_name;
use crate::model::user::User;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader, Txn};

pub struct Users<'t, R> {
    pub(super) reader: &'t mut R,
}

impl<R: Reader> Users<'_, R> {
    pub async fn get(&mut self, realm: &RealmId, id: &UserId) -> Result<Option<User>, StoreError> {
        self.reader.read(&key::user(realm, id)).await
    }

    /// The user with this name, in whatever spelling ([`of_name`]).
    pub async fn by_username(&mut self, realm: &RealmId, username: &str) -> Result<Option<User>, StoreError> {
        match self.reader.read(&key::user_by_username(realm, &of_name(username))).await? {
            Some(id) => self.get(realm, &id).await,
            None => Ok(None),
        }
    }

    /// At most `limit` users with this address, in whatever spelling.
    pub async fn by_email(&mut self, realm: &RealmId, email: &str, limit: usize) -> Result<Vec<User>, StoreError> {
        let ids = self.reader.scan(&key::users_by_email(realm, &of_name(email)), None, limit).await?;
        let mut users = Vec::with_capacity(ids.len());
        for (_, id) in ids {
            users.extend(self.get(realm, &id).await?);
        }
        Ok(users)
    }

    /// The user who holds this address where the realm allows it only once.
    pub async fn owner_of_email(&mut self, realm: &RealmId, email: &str) -> Result<Option<UserId>, StoreError> {
        self.reader.read(&key::unique_email(realm, &of_name(email))).await
    }

    pub async fn service_account(&mut self, realm: &RealmId, client: &ClientId) -> Result<Option<User>, StoreError> {
        match self.reader.read(&key::service_account(realm, client)).await? {
            Some(id) => self.get(realm, &id).await,
            None => Ok(None),
        }
    }

    /// At most `limit` user names after `after`, sorted, each with its user.
    pub async fn names(&mut self, realm: &RealmId, after: Option<&str>, limit: usize) -> Result<Vec<(String, UserId)>, StoreError> {
        self.reader.scan(&key::users_by_username(realm), after, limit).await
    }

    /// At most `limit` users with an id after `after`, by id.
    pub async fn list(&mut self, realm: &RealmId, after: Option<&UserId>, limit: usize) -> Result<Vec<User>, StoreError> {
        let rows = self.reader.scan(&key::users(realm), after.map(UserId::as_str), limit).await?;
        Ok(rows.into_iter().map(|(_, user)| user).collect())
    }
}

impl Users<'_, Txn<'_, Configuration>> {
    /// The id and the user name must be new; with `unique_email` the address as well.
    pub fn insert(&mut self, realm: &RealmId, user: &User, unique_email: bool) {
        self.reader.insert(&key::user(realm, &user.id), user);
        self.reader.insert(&key::user_by_username(realm, &user.username), &user.id);
        self.insert_email(realm, user, unique_email);
        if let Some(client) = &user.service_account_client {
            self.reader.insert(&key::service_account(realm, client), &user.id);
        }
        self.reader.organizations().follow(realm, None, Some(user));
    }

    /// Writes a changed user; `old` is what was read, so that new names move their keys.
    pub fn put(&mut self, realm: &RealmId, old: &User, user: &User, unique_email: bool) {
        if old.username != user.username {
            self.reader.delete(&key::user_by_username(realm, &old.username));
            self.reader.insert(&key::user_by_username(realm, &user.username), &user.id);
        }
        if old.email != user.email {
            self.delete_email(realm, old);
            self.insert_email(realm, user, unique_email);
        }
        self.reader.organizations().follow(realm, Some(old), Some(user));
        self.reader.put(&key::user(realm, &user.id), user);
    }

    pub fn delete(&mut self, realm: &RealmId, user: &User) {
        self.reader.delete(&key::user_by_username(realm, &user.username));
        self.delete_email(realm, user);
        if let Some(client) = &user.service_account_client {
            self.reader.delete(&key::service_account(realm, client));
        }
        self.reader.organizations().follow(realm, Some(user), None);
        self.reader.delete(&key::credentials(realm, &user.id));
        self.reader.delete(&key::consents(realm, &user.id));
        self.reader.delete(&key::identity_links(realm, &user.id));
        self.reader.delete(&key::user(realm, &user.id));
    }

    fn insert_email(&mut self, realm: &RealmId, user: &User, unique: bool) {
        if let Some(email) = &user.email {
            self.reader.insert(&key::user_by_email(realm, email, &user.id), &user.id);
            if unique {
                self.reader.insert(&key::unique_email(realm, email), &user.id);
            }
        }
    }

    fn delete_email(&mut self, realm: &RealmId, user: &User) {
        if let Some(email) = &user.email {
            self.reader.delete(&key::user_by_email(realm, email, &user.id));
            self.reader.delete(&key::unique_email(realm, email));
        }
    }
}
