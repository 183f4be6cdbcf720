//! A protocol mapper: a rule that puts a claim, a role or an audience into tokens. Its meaning is compiled in
//! [`crate::tokens::mappers`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::ProtocolMapperId;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProtocolMapper {
    pub id: ProtocolMapperId,
    pub name: String,
    /// `openid-connect` or `saml`.
    pub protocol: String,
    /// The type: `oidc-usermodel-attribute-mapper` and so on.
    pub protocol_mapper: String,
    #[serde(default)]
    pub consent_required: bool,
    #[serde(default)]
    pub config: BTreeMap<String, String>,
}

/// The only type that Keycloak does not have: a list as an array literal of PostgreSQL, which Hasura compares columns with.
pub const POSTGRES_ARRAY: &str = "keywright-postgres-array-mapper";
/// A subject of its own per sector; it must have a salt.
pub const PAIRWISE_SUBJECT: &str = "oidc-sha256-pairwise-sub-mapper";
/// Where the salt of [`PAIRWISE_SUBJECT`] stands in the configuration.
pub const PAIRWISE_SALT: &str = "pairwiseSubAlgorithmSalt";
/// Where the configuration of [`PAIRWISE_SUBJECT`] names the document of the sector (OIDC Core §8.1).
pub const SECTOR_IDENTIFIER_URI: &str = "sectorIdentifierUri";

/// The types that can be configured. Not all of them have an effect here: SAML's are kept as data, so that an imported realm
/// stays whole.
pub const TYPES: &[&str] = &[
    "docker-v2-allow-all-mapper",
    POSTGRES_ARRAY,
    "oidc-acr-mapper",
    "oidc-address-mapper",
    "oidc-allowed-origins-mapper",
    "oidc-amr-mapper",
    "oidc-audience-mapper",
    "oidc-audience-resolve-mapper",
    "oidc-claims-param-token-mapper",
    "oidc-claims-param-value-idtoken-mapper",
    "oidc-full-name-mapper",
    "oidc-group-membership-mapper",
    "oidc-hardcoded-claim-mapper",
    "oidc-hardcoded-role-mapper",
    "oidc-nonce-backwards-compatible-mapper",
    "oidc-organization-group-membership-mapper",
    "oidc-organization-membership-mapper",
    "oidc-role-name-mapper",
    "oidc-session-state-mapper",
    PAIRWISE_SUBJECT,
    "oidc-sub-mapper",
    "oidc-usermodel-attribute-mapper",
    "oidc-usermodel-client-role-mapper",
    "oidc-usermodel-property-mapper",
    "oidc-usermodel-realm-role-mapper",
    "oidc-usersessionmodel-note-mapper",
    "saml-audience-mapper",
    "saml-audience-resolve-mapper",
    "saml-authn-context-class-ref-mapper",
    "saml-group-membership-mapper",
    "saml-hardcode-attribute-mapper",
    "saml-hardcode-role-mapper",
    "saml-organization-group-membership-mapper",
    "saml-organization-membership-mapper",
    "saml-role-list-mapper",
    "saml-role-name-mapper",
    "saml-user-attribute-mapper",
    "saml-user-attribute-nameid-mapper",
    "saml-user-property-mapper",
    "saml-user-session-note-mapper",
];
