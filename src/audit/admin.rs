//! Admin events. [`record`] writes one in the transaction of the change that it tells of, so that neither exists without the
//! other:
//!
//! ```ignore
//! let event = app.audit.admin_event(&app.env, &actor, &realm.id, Operation::Update, Resource::User);
//! let event = event.at(format!("users/{id}")).representing(&body);
//! store.configuration(|txn| Box::pin(async move {
//!     users::update(txn, &realm.id, id, settings).await?;
//!     audit::admin::record(txn, realm, &event);
//!     Ok(())
//! })).await?;
//! app.audit.administered(&realm, &event);
//! ```

use serde::Serialize;
use serde_json::Value;

use crate::base::env::Env;
use crate::base::id::RealmId;
use crate::model::event::{AdminEvent, AuthDetails, Details, Operation, Resource};
use crate::model::realm::Realm;
use crate::store::txn::{Configuration, Reader as _, Txn};
use crate::store::{Store, StoreError};

use super::{Audit, listener, retention};

/// Keycloak's mask.
const MASK: &str = "**********";

/// Fields that are secrets wherever they stand in a representation.
const SECRETS: &[&str] = &[
    "secret",
    "clientSecret",
    "client.secret.rotated",
    "password",
    "bindCredential",
    "privateKey",
    "keystorePassword",
    "keyPassword",
    "registrationAccessToken",
    "secretData",
    "token",
];

impl Audit {
    /// An admin event that is about to happen to something in `realm`.
    pub fn admin_event(&self, env: &Env, actor: &AuthDetails, realm: &RealmId, operation: Operation, resource: Resource) -> AdminEvent {
        let time = env.now();
        AdminEvent {
            id: self.next_id(env, time),
            time,
            realm_id: realm.clone(),
            auth_details: actor.clone(),
            operation_type: operation,
            resource_type: resource,
            resource_path: None,
            representation: None,
            error: None,
            details: Details::default(),
        }
    }

    /// Tells the listeners of `realm` what was committed.
    pub fn administered(&self, realm: &Realm, event: &AdminEvent) {
        if realm.admin_events_enabled {
            listener::hear_administrator(realm, event);
        }
    }

    /// Deletes the admin events of a realm.
    ///
    /// # Errors
    /// When the store fails; some events may be gone then.
    pub async fn clear_admin_events(&self, store: &Store, realm: &RealmId) -> Result<(), StoreError> {
        while retention::delete_admin_events(store, realm, None).await? {}
        Ok(())
    }
}

/// Writes `event` beside the change that it tells of, if `realm` wants admin events, and what was sent with it only if the
/// realm wants details.
pub fn record(txn: &mut Txn<'_, Configuration>, realm: &Realm, event: &AdminEvent) {
    if !realm.admin_events_enabled {
        return;
    }
    if realm.admin_events_details_enabled || event.representation.is_none() {
        txn.admin_events().put(event);
    } else {
        txn.admin_events().put(&AdminEvent { representation: None, ..event.clone() });
    }
}

impl AdminEvent {
    /// The same event of the thing at `path`, below the realm's URL in the administration API.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.resource_path = Some(path.into());
        self
    }

    /// The same event with what the administrator sent. Secrets in it are masked, credentials left out.
    #[must_use]
    pub fn representing(mut self, representation: &impl Serialize) -> Self {
        self.representation = serde_json::to_value(representation).ok().map(|value| masked(value).to_string());
        self
    }
}

fn masked(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(name, _)| name != "credentials")
                .map(|(name, value)| if is_secret(&name, &value) { (name, mask(&value)) } else { (name, masked(value)) })
                .collect(),
        ),
        Value::Array(values) => Value::Array(values.into_iter().map(masked).collect()),
        other => other,
    }
}

/// A text, or the list of texts that components have.
fn is_secret(name: &str, value: &Value) -> bool {
    SECRETS.contains(&name) && (value.is_string() || value.is_array())
}

fn mask(value: &Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(vec![MASK.into(); values.len()]),
        _ => MASK.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_secret_stands_in_a_representation() {
        let sent = json!({
            "clientId": "api", "secret": "s3cret", "attributes": {"client.secret.rotated": "s3cret"},
            "config": {"clientSecret": "s3cret", "privateKey": ["s3cret"], "url": "u"},
            "credentials": [{"type": "password", "value": "s3cret"}], "smtpServer": {"password": "s3cret", "host": "h"},
        });
        let kept = masked(sent);
        assert!(!kept.to_string().contains("s3cret"), "{kept}");
        assert_eq!(
            kept,
            json!({
                "clientId": "api", "secret": MASK, "attributes": {"client.secret.rotated": MASK},
                "config": {"clientSecret": MASK, "privateKey": [MASK], "url": "u"}, "smtpServer": {"password": MASK, "host": "h"},
            })
        );
    }
}
