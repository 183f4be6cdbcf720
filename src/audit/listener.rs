//! The listener `jboss-logging`: an event as a line of the log. What failed is a warning, the rest is for debugging, as
//! Keycloak has it.

use tracing::{debug, enabled, warn};

use crate::base::id::{SessionId, UserId};
use crate::model::event::{AdminEvent, EventType, UserEvent};
use crate::model::realm::Realm;

/// Its name in `eventsListeners`.
const JBOSS_LOGGING: &str = "jboss-logging";

/// Whether the log gets any user event of the realm.
pub(super) fn listens(realm: &Realm) -> bool {
    is_named(realm) && enabled!(target: "keywright::event", tracing::Level::WARN)
}

/// Whether the log gets events of this type.
pub(super) fn wants(realm: &Realm, event_type: EventType) -> bool {
    is_named(realm)
        && if event_type.failed {
            enabled!(target: "keywright::event", tracing::Level::WARN)
        } else {
            enabled!(target: "keywright::event", tracing::Level::DEBUG)
        }
}

/// Logs an event that the log [`wants`].
pub(super) fn hear(realm: &Realm, event: &UserEvent) {
    let UserEvent { id, event_type, client_id, user_id, session_id, ip_address, error, details, .. } = event;
    let (kind, realm) = (event_type.name(), &*realm.name);
    let (client, session) = (client_id.as_deref(), session_id.as_ref().map(SessionId::as_str));
    let user = user_id.as_ref().map(UserId::as_str);
    let details = serde_json::to_string(details).unwrap_or_default();
    if let Some(error) = error {
        warn!(target: "keywright::event", %id, kind, realm, client, user, session, address = %ip_address, %error, details);
    } else {
        debug!(target: "keywright::event", %id, kind, realm, client, user, session, address = %ip_address, details);
    }
}

/// Logs what an administrator did, without the representation.
pub(super) fn hear_administrator(realm: &Realm, event: &AdminEvent) {
    if !is_named(realm) {
        return;
    }
    let AdminEvent { id, auth_details, operation_type, resource_type, resource_path, error, .. } = event;
    let (operation, resource, path) = (operation_type.name(), resource_type.name(), resource_path.as_deref());
    let (realm, by_realm) = (&*realm.name, auth_details.realm_id.as_str());
    let (client, user) = (auth_details.client_id.as_deref(), auth_details.user_id.as_ref().map(UserId::as_str));
    let address = auth_details.ip_address.map(|address| address.to_string());
    if let Some(error) = error {
        warn!(target: "keywright::event", %id, operation, resource, path, realm, by_realm, client, user, address, %error);
    } else {
        debug!(target: "keywright::event", %id, operation, resource, path, realm, by_realm, client, user, address);
    }
}

fn is_named(realm: &Realm) -> bool {
    realm.events_listeners.iter().any(|name| name == JBOSS_LOGGING)
}
