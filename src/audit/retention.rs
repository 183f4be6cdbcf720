//! How long events are kept: what is older than a realm's `eventsExpiration` goes in bounded steps beside requests. Admin
//! events stay until somebody deletes them, as Keycloak keeps them.

use crate::base::clock::Timestamp;
use crate::base::id::RealmId;
use crate::store::txn::Reader as _;
use crate::store::{Store, StoreError};

/// Documents that one step deletes: admin events, or batches of user events.
const STEP: usize = 200;
/// Steps of one call for one realm; what is left waits for the next call.
const STEPS: usize = 20;

/// Deletes user events that are older than their realms allow.
///
/// # Errors
/// When the store fails.
pub async fn expire(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    for realm in store.peek().realms().list().await? {
        let Some(seconds) = realm.events_expiration.filter(|seconds| *seconds > 0) else { continue };
        for _ in 0..STEPS {
            if !delete_user_events(store, &realm.id, Some(now + -seconds)).await? {
                break;
            }
        }
    }
    Ok(())
}

/// One step; whether there may be more.
pub(super) async fn delete_user_events(store: &Store, realm: &RealmId, until: Option<Timestamp>) -> Result<bool, StoreError> {
    let ids = store.peek().user_events().up_to(realm, until, STEP).await?;
    let (some, full) = (&ids, ids.len() == STEP);
    if !ids.is_empty() {
        let delete = store.sessions(|txn| {
            Box::pin(async move {
                for id in some {
                    txn.user_events().delete(realm, id);
                }
                Ok::<_, StoreError>(())
            })
        });
        delete.await?;
    }
    Ok(full)
}

/// The same for admin events.
pub(super) async fn delete_admin_events(store: &Store, realm: &RealmId, until: Option<Timestamp>) -> Result<bool, StoreError> {
    let ids = store.peek().admin_events().up_to(realm, until, STEP).await?;
    let (some, full) = (&ids, ids.len() == STEP);
    if !ids.is_empty() {
        let delete = store.configuration(|txn| {
            Box::pin(async move {
                for id in some {
                    txn.admin_events().delete(realm, id);
                }
                Ok::<_, StoreError>(())
            })
        });
        delete.await?;
    }
    Ok(full)
}
