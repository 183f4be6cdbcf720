//! Ending many sessions: an administrator logs a user out, a consent is withdrawn. In bounded steps, each its own commit; a
//! sign-in that happens meanwhile is newer than the order and stays.

use crate::base::id::{ClientId, RealmId, SessionId, UserId};
use crate::model::realm::Realm;
use crate::store::txn::{Reader as _, Sessions, Txn};
use crate::store::{Store, StoreError};

/// Sessions that one commit ends.
const STEP: usize = 100;

/// Ends one session; `false` if there is none.
///
/// # Errors
/// When the store fails.
pub async fn end_session(store: &Store, realm: &RealmId, id: &SessionId, offline: bool) -> Result<bool, StoreError> {
    store
        .sessions(|txn| {
            Box::pin(async move {
                let session = txn.user_sessions().get(realm, id, offline).await?;
                if let Some(session) = &session {
                    super::end(txn, realm, session);
                }
                Ok(session.is_some())
            })
        })
        .await
}

/// Ends all sessions of a user that are online, or all that are offline. The number that it ended.
///
/// # Errors
/// When the store fails.
pub async fn end_sessions_of(store: &Store, realm: &RealmId, user: &UserId, offline: bool) -> Result<usize, StoreError> {
    let (mut ended, mut after) = (0, None);
    loop {
        let ids = store.peek().user_sessions().of_user(realm, user, offline, after.as_deref(), STEP).await?;
        let Some(last) = ids.last() else { return Ok(ended) };
        after = Some(last.as_str().to_owned());
        let ids = &ids;
        ended += store.sessions(|txn| Box::pin(end_all(txn, realm, ids, offline))).await?;
    }
}

async fn end_all(txn: &mut Txn<'_, Sessions>, realm: &RealmId, ids: &[SessionId], offline: bool) -> Result<usize, StoreError> {
    let mut ended = 0;
    for id in ids {
        if let Some(session) = txn.user_sessions().get(realm, id, offline).await? {
            super::end(txn, realm, &session);
            ended += 1;
        }
    }
    Ok(ended)
}

/// Takes a client out of all offline sessions of a user; a session ends with its last client.
///
/// # Errors
/// When the store fails.
pub async fn revoke_offline(store: &Store, realm: &Realm, user: &UserId, client: &ClientId) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let ids = store.peek().user_sessions().of_user(&realm.id, user, true, after.as_deref(), STEP).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = Some(last.as_str().to_owned());
        let ids = &ids;
        store.sessions(|txn| Box::pin(revoke_all(txn, realm, ids, client))).await?;
    }
}

async fn revoke_all(txn: &mut Txn<'_, Sessions>, realm: &Realm, ids: &[SessionId], client: &ClientId) -> Result<(), StoreError> {
    for id in ids {
        match txn.user_sessions().get(&realm.id, id, true).await? {
            Some(mut session) if session.clients.contains_key(client) => super::leave(txn, realm, &mut session, client),
            _ => {}
        }
    }
    Ok(())
}
