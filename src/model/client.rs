//! A client: who may ask for tokens, how it proves itself, and what its tokens say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::{ClientId, ClientScopeId, RoleId};

use super::protocol_mapper::ProtocolMapper;

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Client {
    pub id: ClientId,
    pub client_id: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub root_url: Option<String>,
    pub admin_url: Option<String>,
    pub base_url: Option<String>,
    pub surrogate_auth_required: bool,
    pub enabled: bool,
    pub always_display_in_console: bool,
    /// `client-secret`, `client-jwt`, `client-secret-jwt`, `client-x509`.
    pub client_authenticator_type: String,
    /// Sealed with identity `client/<id>/secret` ([`crate::base::seal`]).
    pub secret: Option<String>,
    pub redirect_uris: Vec<String>,
    pub web_origins: Vec<String>,
    pub not_before: i64,
    pub bearer_only: bool,
    pub consent_required: bool,
    pub standard_flow_enabled: bool,
    pub implicit_flow_enabled: bool,
    pub direct_access_grants_enabled: bool,
    pub service_accounts_enabled: bool,
    pub authorization_services_enabled: bool,
    pub public_client: bool,
    pub frontchannel_logout: bool,
    /// `openid-connect` or `saml`.
    pub protocol: Option<String>,
    pub attributes: BTreeMap<String, String>,
    pub authentication_flow_binding_overrides: BTreeMap<String, String>,
    pub full_scope_allowed: bool,
    pub node_re_registration_timeout: i64,
    pub protocol_mappers: Vec<ProtocolMapper>,
    pub default_client_scopes: Vec<ClientScopeId>,
    pub optional_client_scopes: Vec<ClientScopeId>,
    /// Roles that may appear in its tokens besides its own, unless `full_scope_allowed`.
    pub scope_mappings: Vec<RoleId>,
}

/// How a client takes part in OAuth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientKind {
    Public,
    Confidential,
    BearerOnly,
}

impl Client {
    pub const fn kind(&self) -> ClientKind {
        if self.bearer_only {
            ClientKind::BearerOnly
        } else if self.public_client {
            ClientKind::Public
        } else {
            ClientKind::Confidential
        }
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// A boolean attribute; absent or anything but `true` is false.
    pub fn flag(&self, name: &str) -> bool {
        self.attribute(name) == Some("true")
    }

    /// A number of seconds in an attribute; absent, empty, malformed or negative is `None`.
    pub fn seconds(&self, name: &str) -> Option<i64> {
        self.attribute(name)?.parse().ok().filter(|seconds| *seconds >= 0)
    }

    /// The identity under which the secret is sealed.
    pub fn secret_identity(&self) -> String {
        format!("client/{}/secret", self.id)
    }
}
