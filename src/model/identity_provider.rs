//! An identity provider that a realm lets its users come from, with the mappers of what it says of them; and the links between
//! users and their accounts there. Fields are those of Keycloak's representation: absent is not the same as false.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IdentityProvider {
    /// Its name in URLs and links, unique in the realm.
    pub alias: String,
    pub internal_id: String,
    pub display_name: Option<String>,
    /// `oidc`, `saml`, `google`, …
    pub provider_id: String,
    pub enabled: Option<bool>,
    pub trust_email: Option<bool>,
    pub store_token: Option<bool>,
    pub add_read_token_role_on_create: Option<bool>,
    pub authenticate_by_default: Option<bool>,
    pub link_only: Option<bool>,
    pub hide_on_login: Option<bool>,
    pub first_broker_login_flow_alias: Option<String>,
    pub post_broker_login_flow_alias: Option<String>,
    pub organization_id: Option<String>,
    /// [`SECRET_CONFIG`] is sealed ([`IdentityProvider::secret_identity`]).
    pub config: BTreeMap<String, String>,
    pub types: Option<Vec<String>>,
    pub mappers: Vec<IdentityProviderMapper>,
}

/// Configuration keys whose values are private.
pub const SECRET_CONFIG: [&str; 1] = ["clientSecret"];

/// What becomes of a claim or attribute that the provider sends.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IdentityProviderMapper {
    pub id: String,
    pub name: String,
    pub identity_provider_mapper: String,
    pub config: BTreeMap<String, String>,
}

impl IdentityProvider {
    /// The identity under which the value of `key` is sealed.
    pub fn secret_identity(&self, key: &str) -> String {
        format!("identity_provider/{}/{key}", self.internal_id)
    }
}

/// Where a user comes from.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IdentityLinks {
    /// The component of the user federation that he was imported from.
    pub federation: Option<String>,
    pub accounts: Vec<IdentityLink>,
}

/// An account at an identity provider.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IdentityLink {
    /// The alias of the provider.
    pub identity_provider: String,
    pub user_id: String,
    pub user_name: Option<String>,
}

impl IdentityLinks {
    pub fn is_empty(&self) -> bool {
        self.federation.is_none() && self.accounts.is_empty()
    }
}
