//! A component: a configured provider of the realm (keys, user federation, registration policy).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::ComponentId;

/// `providerType` of a component that provides keys.
pub const KEY_PROVIDER: &str = "org.keycloak.keys.KeyProvider";

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    pub id: ComponentId,
    pub name: String,
    /// `rsa-generated`, `hmac-generated`, …
    pub provider_id: String,
    pub provider_type: String,
    pub sub_type: Option<String>,
    /// The component that this one belongs to; most belong to the realm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ComponentId>,
    /// Secret values are sealed with identity `component/<id>/<key>` ([`crate::base::seal`]).
    #[serde(default)]
    pub config: BTreeMap<String, Vec<String>>,
}

impl Component {
    /// The first value of a configuration key.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.config.get(key)?.first().map(String::as_str)
    }

    /// The identity under which the value of `key` is sealed.
    pub fn secret_identity(&self, key: &str) -> String {
        format!("component/{}/{key}", self.id)
    }
}
