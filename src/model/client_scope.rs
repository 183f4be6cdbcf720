//! A client scope: protocol mappers and role scope mappings under a name that clients can ask for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::{ClientScopeId, RoleId};

use super::protocol_mapper::ProtocolMapper;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientScope {
    pub id: ClientScopeId,
    pub name: String,
    pub description: Option<String>,
    /// `openid-connect` or `saml`.
    pub protocol: String,
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub protocol_mappers: Vec<ProtocolMapper>,
    #[serde(default)]
    pub scope_mappings: Vec<RoleId>,
}

impl ClientScope {
    /// Whether the name stands in the `scope` of the token response and the access token. Absent means yes.
    pub fn in_token_scope(&self) -> bool {
        self.attributes.get("include.in.token.scope").is_none_or(|value| value == "true")
    }

    /// Whether a client that must ask the user asks him for this scope. Absent means yes.
    pub fn on_consent_screen(&self) -> bool {
        self.attributes.get("display.on.consent.screen").is_none_or(|value| value == "true")
    }
}
