//! `IdentityProviderRepresentation` and `IdentityProviderMapperRepresentation`, as REST and exports have them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::identity_provider::{IdentityProvider, IdentityProviderMapper};

use super::authentication::present;

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IdentityProviderRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_email: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_token: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_read_token_role_on_create: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authenticate_by_default: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hide_on_login: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_broker_login_flow_alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_broker_login_flow_alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    pub config: BTreeMap<String, Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<String>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IdentityProviderMapperRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_provider_alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_provider_mapper: Option<String>,
    pub config: BTreeMap<String, Option<String>>,
}

impl IdentityProviderRepresentation {
    /// `config` is the provider's own, with secrets opened or masked as the reader may see them.
    pub fn of(provider: &IdentityProvider, config: &BTreeMap<String, String>) -> Self {
        Self {
            alias: Some(provider.alias.clone()),
            display_name: provider.display_name.clone(),
            internal_id: Some(provider.internal_id.clone()),
            provider_id: Some(provider.provider_id.clone()),
            enabled: provider.enabled,
            trust_email: provider.trust_email,
            store_token: provider.store_token,
            add_read_token_role_on_create: provider.add_read_token_role_on_create,
            authenticate_by_default: provider.authenticate_by_default,
            link_only: provider.link_only,
            hide_on_login: provider.hide_on_login,
            first_broker_login_flow_alias: provider.first_broker_login_flow_alias.clone(),
            post_broker_login_flow_alias: provider.post_broker_login_flow_alias.clone(),
            organization_id: provider.organization_id.clone(),
            config: config.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
            types: provider.types.clone(),
        }
    }

    /// What lists show where nobody needs to know how a provider works.
    pub fn brief(provider: &IdentityProvider) -> Self {
        Self {
            alias: Some(provider.alias.clone()),
            display_name: provider.display_name.clone(),
            internal_id: Some(provider.internal_id.clone()),
            provider_id: Some(provider.provider_id.clone()),
            enabled: provider.enabled,
            organization_id: provider.organization_id.clone(),
            ..Self::default()
        }
    }

    /// The provider without mappers, with secrets in clear text. It is enabled unless it says otherwise; a flow with an empty
    /// name is none.
    pub fn into_model(self) -> IdentityProvider {
        let mut config = present(self.config);
        // Where the switch stood before it had a member of its own.
        let hidden = config.remove("hideOnLoginPage").map(|text| text.eq_ignore_ascii_case("true"));
        IdentityProvider {
            alias: self.alias.unwrap_or_default(),
            internal_id: self.internal_id.unwrap_or_default(),
            display_name: self.display_name,
            provider_id: self.provider_id.unwrap_or_default(),
            enabled: Some(self.enabled.unwrap_or(true)),
            trust_email: self.trust_email,
            store_token: self.store_token,
            add_read_token_role_on_create: self.add_read_token_role_on_create,
            authenticate_by_default: self.authenticate_by_default,
            link_only: self.link_only,
            hide_on_login: self.hide_on_login.or(hidden),
            first_broker_login_flow_alias: self.first_broker_login_flow_alias.filter(|alias| !alias.is_empty()),
            post_broker_login_flow_alias: self.post_broker_login_flow_alias.filter(|alias| !alias.is_empty()),
            organization_id: self.organization_id,
            config,
            types: self.types,
            mappers: Vec::new(),
        }
    }
}

impl IdentityProviderMapperRepresentation {
    pub fn of(provider: &IdentityProvider, mapper: &IdentityProviderMapper) -> Self {
        Self {
            id: Some(mapper.id.clone()),
            name: Some(mapper.name.clone()),
            identity_provider_alias: Some(provider.alias.clone()),
            identity_provider_mapper: Some(mapper.identity_provider_mapper.clone()),
            config: mapper.config.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
        }
    }

    pub fn into_model(self) -> IdentityProviderMapper {
        IdentityProviderMapper {
            id: self.id.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            identity_provider_mapper: self.identity_provider_mapper.unwrap_or_default(),
            config: present(self.config),
        }
    }
}
