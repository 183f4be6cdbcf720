//! The last use of each session, written behind the requests: without rotation a refresh commits nothing, so a session's
//! document is at most a minute older than what is known here. Losing these stamps shortens an idle time by that minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::base::clock::Timestamp;
use crate::base::id::{ClientId, RealmId, SessionId};
use crate::model::realm::Realm;
use crate::model::user_session::UserSession;
use crate::store::txn::{Reader as _, Sessions, Txn};
use crate::store::{Store, StoreError};
use crate::tokens::authorization::SessionPart;

/// Sessions that one commit brings up to date: each commit costs one sync of the disk.
const STEP: usize = 100;

#[derive(Clone, PartialEq, Eq, Hash)]
struct SessionKey {
    realm: RealmId,
    session: SessionId,
    offline: bool,
}

#[derive(Default)]
struct Uses {
    session: Timestamp,
    clients: HashMap<ClientId, Timestamp>,
}

/// Uses of sessions that the store does not have yet.
#[derive(Default)]
pub struct Stamps {
    pending: Mutex<HashMap<SessionKey, Uses>>,
}

impl Stamps {
    /// Notes that `client` used the session at `now`.
    pub fn note(&self, realm: &RealmId, session: &SessionPart, client: &ClientId, now: Timestamp) {
        let key = SessionKey { realm: realm.clone(), session: session.id.clone(), offline: session.offline };
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = pending.entry(key).or_default();
        uses.session = uses.session.max(now);
        uses.clients.insert(client.clone(), now);
    }

    /// Brings a session that was read from the store up to date.
    pub(super) fn apply(&self, realm: &RealmId, session: &mut UserSession) {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.is_empty() {
            return;
        }
        let key = SessionKey { realm: realm.clone(), session: session.id.clone(), offline: session.offline };
        if let Some(uses) = pending.get(&key) {
            merge(session, uses);
        }
    }

    /// Writes what was noted so far. A session that somebody ended or changed meanwhile is left alone: what he wrote is newer
    /// or the session is gone. `realm` looks up the settings that say when a session may be forgotten.
    ///
    /// # Errors
    /// When the store fails; the stamps that were not written are lost.
    pub async fn flush<F>(&self, store: &Store, realm: impl Fn(RealmId) -> F) -> Result<(), StoreError>
    where
        F: Future<Output = Result<Option<Realm>, StoreError>>,
    {
        let noted = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        let mut by_realm: HashMap<RealmId, Vec<(SessionKey, Uses)>> = HashMap::new();
        for (key, uses) in noted {
            by_realm.entry(key.realm.clone()).or_default().push((key, uses));
        }
        for (id, noted) in by_realm {
            let Some(realm) = realm(id).await? else { continue };
            for step in noted.chunks(STEP) {
                let realm = &realm;
                match store.sessions(|txn| Box::pin(write(txn, realm, step))).await {
                    Ok(()) | Err(StoreError::Contention) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

async fn write(txn: &mut Txn<'_, Sessions>, realm: &Realm, noted: &[(SessionKey, Uses)]) -> Result<(), StoreError> {
    for (key, uses) in noted {
        if let Some(mut session) = txn.user_sessions().get(&realm.id, &key.session, key.offline).await? {
            merge(&mut session, uses);
            super::put(txn, realm, &mut session);
        }
    }
    Ok(())
}

fn merge(session: &mut UserSession, uses: &Uses) {
    session.last_refresh = session.last_refresh.max(uses.session);
    for (client, used) in &uses.clients {
        if let Some(client) = session.clients.get_mut(client) {
            client.last_refresh = client.last_refresh.max(*used);
        }
    }
}
