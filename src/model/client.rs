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
    /// The secret before the last rotation, sealed with identity `client/<id>/rotated-secret`. It counts until the second in
    /// attribute [`ROTATED_SECRET_EXPIRATION`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated_secret: Option<String>,
    /// Private keys that stand here for the client to download, by the prefix of their attributes (`jwt.credential`): each sealed
    /// with identity `client/<id>/<prefix>.private.key`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub private_keys: BTreeMap<String, String>,
    /// The `jti` of the registration access token that counts (RFC 7592 §3); every other one is worth nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_token: Option<String>,
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
    /// Hosts on which the application runs, each with the second of its registration.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub registered_nodes: BTreeMap<String, i64>,
    pub protocol_mappers: Vec<ProtocolMapper>,
    pub default_client_scopes: Vec<ClientScopeId>,
    pub optional_client_scopes: Vec<ClientScopeId>,
    /// Roles that may appear in its tokens besides its own, unless `full_scope_allowed`.
    pub scope_mappings: Vec<RoleId>,
}

/// When the secret was made, in seconds since the epoch; the attributes below likewise.
pub const SECRET_CREATION: &str = "client.secret.creation.time";
/// From when on the secret is refused; absent for never.
pub const SECRET_EXPIRATION: &str = "client.secret.expiration.time";
/// Where Keycloak keeps the secret before the last rotation. Ours is [`Client::rotated_secret`].
pub const ROTATED_SECRET: &str = "client.secret.rotated";
pub const ROTATED_SECRET_CREATION: &str = "client.secret.rotated.creation.time";
pub const ROTATED_SECRET_EXPIRATION: &str = "client.secret.rotated.expiration.time";
/// The JWK set of a client that keeps it here and not behind a URL: public keys only.
pub const JWKS: &str = "jwks.string";
/// Behind the prefix of an attribute that Keycloak keeps a private key in. Ours is [`Client::private_keys`].
pub const PRIVATE_KEY_SUFFIX: &str = ".private.key";

/// How a confidential client proves itself (`clientAuthenticatorType`): this way and no other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthenticationMethod {
    /// `client-secret`: `client_secret_basic` and `client_secret_post` (RFC 6749 §2.3.1).
    Secret,
    /// `client-jwt`: `private_key_jwt` (OpenID Connect Core §9).
    PrivateKeyJwt,
    /// `client-secret-jwt`: `client_secret_jwt` (OpenID Connect Core §9).
    SecretJwt,
    /// Another of Keycloak's (`client-x509`, …): such a client cannot prove itself here.
    Unsupported,
}

impl AuthenticationMethod {
    /// As `clientAuthenticatorType` and events say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secret => "client-secret",
            Self::PrivateKeyJwt => "client-jwt",
            Self::SecretJwt => "client-secret-jwt",
            Self::Unsupported => "unsupported",
        }
    }
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

    pub fn authentication_method(&self) -> AuthenticationMethod {
        match self.client_authenticator_type.as_str() {
            // Absent in realms of old servers.
            "client-secret" | "" => AuthenticationMethod::Secret,
            "client-jwt" => AuthenticationMethod::PrivateKeyJwt,
            "client-secret-jwt" => AuthenticationMethod::SecretJwt,
            _ => AuthenticationMethod::Unsupported,
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

    /// The identity under which the secret before the last rotation is sealed.
    pub fn rotated_secret_identity(&self) -> String {
        format!("client/{}/rotated-secret", self.id)
    }
    /// The identity under which the private key with this prefix is sealed.
    pub fn private_key_identity(&self, prefix: &str) -> String {
        format!("client/{}/{prefix}{PRIVATE_KEY_SUFFIX}", self.id)
    }
}
