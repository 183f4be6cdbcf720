//! `ClientRepresentation`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::protocol_mapper::ProtocolMapperRepresentation;
use crate::base::id::{ClientId, ClientScopeId, ProtocolMapperId};
use crate::base::secret::Secret;
use crate::manage::clients::ClientSettings;
use crate::manage::protocol_mappers::NewMapper;
use crate::manage::realms::MASK;
use crate::model::client::{Client, PRIVATE_KEY_SUFFIX};

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ClientId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surrogate_auth_required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub always_display_in_console: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_authenticator_type: Option<String>,
    /// In clear, or the mask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret<String>>,
    /// Told once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_access_token: Option<Secret<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_uris: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_origins: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_flow_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub implicit_flow_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_access_grants_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_accounts_enabled: Option<bool>,
    /// Written only when it is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_services_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_client: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, Option<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_flow_binding_overrides: Option<BTreeMap<String, Option<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_scope_allowed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_re_registration_timeout: Option<i64>,
    /// Seconds of registration by host; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_nodes: Option<BTreeMap<String, i64>>,
    /// Absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_mappers: Option<Vec<ProtocolMapperRepresentation>>,
    /// By name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_client_scopes: Option<Vec<String>>,
    /// By name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optional_client_scopes: Option<Vec<String>>,
    /// What the asking administrator may do with it; only REST has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Value>,
}

impl ClientRepresentation {
    /// `secret` as the reader may see it; `scope_name` finds the name of a client scope (one without a name is left out).
    pub fn of(client: &Client, secret: Option<Secret<String>>, scope_name: impl Fn(&ClientScopeId) -> Option<String>) -> Self {
        let names = |ids: &[ClientScopeId]| Some(ids.iter().filter_map(&scope_name).collect());
        let map = |map: &BTreeMap<String, String>| Some(map.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect());
        let mut attributes: BTreeMap<_, _> = map(&client.attributes).unwrap_or_default();
        // Written back, the mask keeps the key.
        attributes.extend(client.private_keys.keys().map(|prefix| (format!("{prefix}{PRIVATE_KEY_SUFFIX}"), Some(MASK.to_owned()))));
        Self {
            id: Some(client.id.clone()),
            client_id: Some(client.client_id.clone()),
            name: client.name.clone(),
            description: client.description.clone(),
            root_url: client.root_url.clone(),
            admin_url: client.admin_url.clone(),
            base_url: client.base_url.clone(),
            surrogate_auth_required: Some(client.surrogate_auth_required),
            enabled: Some(client.enabled),
            always_display_in_console: Some(client.always_display_in_console),
            client_authenticator_type: Some(client.client_authenticator_type.clone()),
            // Keycloak keeps the secret of a client that became public, and does not show it.
            secret: secret.filter(|_| !client.public_client),
            registration_access_token: None,
            redirect_uris: Some(client.redirect_uris.clone()),
            web_origins: Some(client.web_origins.clone()),
            not_before: Some(client.not_before),
            bearer_only: Some(client.bearer_only),
            consent_required: Some(client.consent_required),
            standard_flow_enabled: Some(client.standard_flow_enabled),
            implicit_flow_enabled: Some(client.implicit_flow_enabled),
            direct_access_grants_enabled: Some(client.direct_access_grants_enabled),
            service_accounts_enabled: Some(client.service_accounts_enabled),
            authorization_services_enabled: Some(true).filter(|_| client.authorization_services_enabled),
            public_client: Some(client.public_client),
            frontchannel_logout: Some(client.frontchannel_logout),
            protocol: client.protocol.clone(),
            attributes: Some(attributes),
            authentication_flow_binding_overrides: map(&client.authentication_flow_binding_overrides),
            full_scope_allowed: Some(client.full_scope_allowed),
            node_re_registration_timeout: Some(client.node_re_registration_timeout),
            registered_nodes: Some(client.registered_nodes.clone()).filter(|nodes| !nodes.is_empty()),
            protocol_mappers: Some(client.protocol_mappers.iter().map(Into::into).collect()).filter(|mappers: &Vec<_>| !mappers.is_empty()),
            default_client_scopes: names(&client.default_client_scopes),
            optional_client_scopes: names(&client.optional_client_scopes),
            access: None,
        }
    }

    /// The client as Keycloak makes it of a realm file: absent switches have the defaults of its import. Without secret, client
    /// scopes (their names are the caller's to resolve) and role scope mappings.
    pub fn into_model(self, fresh: ClientId, mut mapper_id: impl FnMut() -> ProtocolMapperId) -> Client {
        let map = |map: Option<BTreeMap<String, Option<String>>>| {
            map.unwrap_or_default().into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
        };
        let id = self.id.unwrap_or(fresh);
        let consent_required = self.consent_required.unwrap_or(false);
        Client {
            client_id: self.client_id.unwrap_or_else(|| id.to_string()),
            id,
            name: self.name,
            description: self.description,
            root_url: self.root_url,
            admin_url: self.admin_url,
            base_url: self.base_url,
            surrogate_auth_required: self.surrogate_auth_required.unwrap_or(false),
            enabled: self.enabled.unwrap_or(true),
            always_display_in_console: self.always_display_in_console.unwrap_or(false),
            client_authenticator_type: self.client_authenticator_type.unwrap_or_else(|| "client-secret".to_owned()),
            secret: None,
            rotated_secret: None,
            private_keys: BTreeMap::new(),
            registration_token: None,
            redirect_uris: self.redirect_uris.unwrap_or_default(),
            web_origins: self.web_origins.unwrap_or_default(),
            not_before: self.not_before.unwrap_or(0),
            bearer_only: self.bearer_only.unwrap_or(false),
            consent_required,
            standard_flow_enabled: self.standard_flow_enabled.unwrap_or(true),
            implicit_flow_enabled: self.implicit_flow_enabled.unwrap_or(false),
            direct_access_grants_enabled: self.direct_access_grants_enabled.unwrap_or(false),
            service_accounts_enabled: self.service_accounts_enabled.unwrap_or(false),
            authorization_services_enabled: self.authorization_services_enabled.unwrap_or(false),
            public_client: self.public_client.unwrap_or(false),
            frontchannel_logout: self.frontchannel_logout.unwrap_or(false),
            protocol: self.protocol.or_else(|| Some("openid-connect".to_owned())),
            attributes: map(self.attributes),
            authentication_flow_binding_overrides: map(self.authentication_flow_binding_overrides),
            full_scope_allowed: self.full_scope_allowed.unwrap_or(!consent_required),
            node_re_registration_timeout: self.node_re_registration_timeout.unwrap_or(-1),
            registered_nodes: self.registered_nodes.unwrap_or_default(),
            protocol_mappers: self.protocol_mappers.unwrap_or_default().into_iter().map(|mapper| mapper.into_model(mapper_id())).collect(),
            default_client_scopes: Vec::new(),
            optional_client_scopes: Vec::new(),
            scope_mappings: Vec::new(),
        }
    }
}

/// What a representation asks a client to be.
pub fn settings(given: ClientRepresentation) -> ClientSettings {
    ClientSettings {
        client_id: given.client_id,
        name: given.name,
        description: given.description,
        root_url: given.root_url,
        admin_url: given.admin_url,
        base_url: given.base_url,
        surrogate_auth_required: given.surrogate_auth_required,
        enabled: given.enabled,
        always_display_in_console: given.always_display_in_console,
        client_authenticator_type: given.client_authenticator_type,
        secret: given.secret,
        redirect_uris: given.redirect_uris,
        web_origins: given.web_origins,
        not_before: given.not_before,
        bearer_only: given.bearer_only,
        consent_required: given.consent_required,
        standard_flow_enabled: given.standard_flow_enabled,
        implicit_flow_enabled: given.implicit_flow_enabled,
        direct_access_grants_enabled: given.direct_access_grants_enabled,
        service_accounts_enabled: given.service_accounts_enabled,
        authorization_services_enabled: given.authorization_services_enabled,
        public_client: given.public_client,
        frontchannel_logout: given.frontchannel_logout,
        protocol: given.protocol,
        attributes: given.attributes.unwrap_or_default(),
        authentication_flow_binding_overrides: given
            .authentication_flow_binding_overrides
            .map(|overrides| overrides.into_iter().filter_map(|(name, flow)| Some((name, flow?))).collect()),
        full_scope_allowed: given.full_scope_allowed,
        node_re_registration_timeout: given.node_re_registration_timeout,
        protocol_mappers: given.protocol_mappers.as_ref().map(|mappers| mappers.iter().map(mapper).collect()),
        default_client_scopes: given.default_client_scopes,
        optional_client_scopes: given.optional_client_scopes,
    }
}

/// What a representation of a mapper asks for.
pub fn mapper(given: &ProtocolMapperRepresentation) -> NewMapper {
    NewMapper {
        name: given.name.clone(),
        protocol: given.protocol.clone(),
        protocol_mapper: given.protocol_mapper.clone(),
        consent_required: given.consent_required,
        config: given.config.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect(),
    }
}
