//! User sessions, online and offline: one document each, and one empty index key by user.

use crate::base::clock::Timestamp;
use crate::base::id::{RealmId, SessionId, UserId};
use crate::model::user_session::UserSession;

use super::StoreError;
use super::key::{self, Key};
use super::txn::{Reader, Sessions, Txn};

pub struct UserSessions<'t, R> {
    pub(super) reader: &'t mut R,
}

fn document(realm: &RealmId, id: &SessionId, offline: bool) -> Key<Sessions, UserSession> {
    if offline { key::offline_session(realm, id) } else { key::user_session(realm, id) }
}

impl<R: Reader> UserSessions<'_, R> {
    /// The session as it is stored; whether it still lives is [`crate::sessions`]'s question.
    pub async fn get(&mut self, realm: &RealmId, id: &SessionId, offline: bool) -> Result<Option<UserSession>, StoreError> {
        self.reader.read(&document(realm, id, offline)).await
    }

    /// At most `limit` sessions of a realm with an id after `after`, as they are stored.
    pub async fn list(
        &mut self,
        realm: &RealmId,
        offline: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<UserSession>, StoreError> {
        let rows = self.reader.scan(&key::user_sessions(realm, offline), after, limit).await?;
        Ok(rows.into_iter().map(|(_, session)| session).collect())
    }

    /// At most `limit` session ids of a user after `after`.
    pub async fn of_user(
        &mut self,
        realm: &RealmId,
        user: &UserId,
        offline: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<SessionId>, StoreError> {
        let rows = self.reader.scan(&key::sessions_of_user(realm, user, offline), after, limit).await?;
        Ok(rows.into_iter().map(|(id, ())| SessionId::from(id)).collect())
    }
}

impl UserSessions<'_, Txn<'_, Sessions>> {
    /// The id must be new. The store may forget the session after `expires_at`, its index key after `indexed_until`.
    pub fn insert(&mut self, realm: &RealmId, session: &UserSession, expires_at: Timestamp) {
        self.reader.insert_until(&document(realm, &session.id, session.offline), session, expires_at);
        self.reader
            .insert_until(&key::session_of_user(realm, &session.user, session.offline, &session.id), &(), session.indexed_until);
    }

    /// Writes a changed session; its index key only when `indexed_until` moved.
    pub fn put(&mut self, realm: &RealmId, session: &UserSession, expires_at: Timestamp, index_moved: bool) {
        self.reader.put_until(&document(realm, &session.id, session.offline), session, expires_at);
        if index_moved {
            let index = key::session_of_user(realm, &session.user, session.offline, &session.id);
            self.reader.put_until(&index, &(), session.indexed_until);
        }
    }

    pub fn delete(&mut self, realm: &RealmId, session: &UserSession) {
        self.reader.delete(&document(realm, &session.id, session.offline));
        self.reader.delete(&key::session_of_user(realm, &session.user, session.offline, &session.id));
    }
}
