//! What a client is to become: Keycloak's field names, its defaults at creation, and what an update leaves alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::ClientId;
use crate::base::secret::Secret;
use crate::model::client::{Client, PRIVATE_KEY_SUFFIX};

use super::OIDC;
use crate::manage::protocol_mappers::NewMapper;

/// What a client is to become, by the names of Keycloak's `ClientRepresentation`. Absent fields get their default at creation
/// and stay at an update.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientSettings {
    pub client_id: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub root_url: Option<String>,
    pub admin_url: Option<String>,
    pub base_url: Option<String>,
    pub surrogate_auth_required: Option<bool>,
    pub enabled: Option<bool>,
    pub always_display_in_console: Option<bool>,
    pub client_authenticator_type: Option<String>,
    /// In clear. The mask keeps what is stored.
    pub secret: Option<Secret<String>>,
    pub redirect_uris: Option<Vec<String>>,
    /// `+` stands for the origins of the redirect URIs; it is resolved where tokens are made.
    pub web_origins: Option<Vec<String>>,
    pub not_before: Option<i64>,
    pub bearer_only: Option<bool>,
    pub consent_required: Option<bool>,
    pub standard_flow_enabled: Option<bool>,
    pub implicit_flow_enabled: Option<bool>,
    pub direct_access_grants_enabled: Option<bool>,
    pub service_accounts_enabled: Option<bool>,
    pub authorization_services_enabled: Option<bool>,
    pub public_client: Option<bool>,
    pub frontchannel_logout: Option<bool>,
    pub protocol: Option<String>,
    /// Merged into what is there; an empty or absent value removes.
    pub attributes: BTreeMap<String, Option<String>>,
    pub authentication_flow_binding_overrides: Option<BTreeMap<String, String>>,
    pub full_scope_allowed: Option<bool>,
    pub node_re_registration_timeout: Option<i64>,
    /// All that the client is to have, known by name and protocol; others go.
    pub protocol_mappers: Option<Vec<NewMapper>>,
    /// By name; only at creation.
    pub default_client_scopes: Option<Vec<String>>,
    /// By name; only at creation.
    pub optional_client_scopes: Option<Vec<String>>,
}

/// A client to create.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewClient {
    /// A fresh one if absent.
    pub id: Option<ClientId>,
    #[serde(flatten)]
    pub settings: ClientSettings,
}

/// The defaults at creation. Keycloak has more of them when the body names the protocol: such a client is a public one that may
/// use passwords, and its URLs follow from its root.
pub(super) fn with_defaults(id: ClientId, client_id: String, settings: &ClientSettings) -> Client {
    let consent_required = settings.consent_required.unwrap_or(false);
    let mut client = Client {
        id,
        client_id,
        enabled: true,
        client_authenticator_type: "client-secret".to_owned(),
        standard_flow_enabled: true,
        full_scope_allowed: !consent_required,
        node_re_registration_timeout: -1,
        protocol: Some(OIDC.to_owned()),
        ..Client::default()
    };
    match settings.protocol.as_deref() {
        Some(OIDC) => {
            client.public_client = settings.public_client.is_none() && settings.bearer_only.is_none();
            client.direct_access_grants_enabled = true;
            for (name, value) in [("backchannel.logout.session.required", "true"), ("backchannel.logout.revoke.offline.tokens", "false")] {
                client.attributes.insert(name.to_owned(), value.to_owned());
            }
            if let Some(root) = settings.root_url.as_deref().filter(|root| !root.is_empty()) {
                client.admin_url = Some(root.to_owned());
                client.redirect_uris = vec![format!("{}/*", root.trim_end_matches('/'))];
                client.web_origins = origin(root).into_iter().collect();
            }
        }
        Some("saml") => client.frontchannel_logout = true,
        _ => {}
    }
    client
}

/// The client that the settings would make, or make of `current`: for whoever judges it before.
pub(in crate::manage) fn preview(current: Option<&Client>, settings: &ClientSettings) -> Client {
    let mut client = match current {
        Some(current) => current.clone(),
        None => with_defaults(ClientId::default(), settings.client_id.clone().unwrap_or_default(), settings),
    };
    apply(&mut client, settings);
    client
}

/// Scheme, host and port of a URL (RFC 6454 §4).
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())?;
    Some(format!("{scheme}://{authority}"))
}

pub(super) fn apply(client: &mut Client, settings: &ClientSettings) {
    fn set<T: Clone>(field: &mut T, given: Option<&T>) {
        if let Some(value) = given {
            field.clone_from(value);
        }
    }
    fn set_some<T: Clone>(field: &mut Option<T>, given: Option<&T>) {
        if given.is_some() {
            *field = given.cloned();
        }
    }
    set(&mut client.client_id, settings.client_id.as_ref());
    set_some(&mut client.name, settings.name.as_ref());
    set_some(&mut client.description, settings.description.as_ref());
    set_some(&mut client.root_url, settings.root_url.as_ref());
    set_some(&mut client.admin_url, settings.admin_url.as_ref());
    set_some(&mut client.base_url, settings.base_url.as_ref());
    set(&mut client.surrogate_auth_required, settings.surrogate_auth_required.as_ref());
    set(&mut client.enabled, settings.enabled.as_ref());
    set(&mut client.always_display_in_console, settings.always_display_in_console.as_ref());
    set(&mut client.client_authenticator_type, settings.client_authenticator_type.as_ref());
    set(&mut client.redirect_uris, settings.redirect_uris.as_deref().map(once_each).as_ref());
    set(&mut client.web_origins, settings.web_origins.as_deref().map(once_each).as_ref());
    set(&mut client.not_before, settings.not_before.as_ref());
    set(&mut client.bearer_only, settings.bearer_only.as_ref());
    set(&mut client.consent_required, settings.consent_required.as_ref());
    set(&mut client.standard_flow_enabled, settings.standard_flow_enabled.as_ref());
    set(&mut client.implicit_flow_enabled, settings.implicit_flow_enabled.as_ref());
    set(&mut client.direct_access_grants_enabled, settings.direct_access_grants_enabled.as_ref());
    set(&mut client.service_accounts_enabled, settings.service_accounts_enabled.as_ref());
    set(&mut client.authorization_services_enabled, settings.authorization_services_enabled.as_ref());
    set(&mut client.public_client, settings.public_client.as_ref());
    set(&mut client.frontchannel_logout, settings.frontchannel_logout.as_ref());
    set_some(&mut client.protocol, settings.protocol.as_ref());
    set(&mut client.authentication_flow_binding_overrides, settings.authentication_flow_binding_overrides.as_ref());
    set(&mut client.full_scope_allowed, settings.full_scope_allowed.as_ref());
    set(&mut client.node_re_registration_timeout, settings.node_re_registration_timeout.as_ref());
    for (name, value) in &settings.attributes {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            client.attributes.insert(name.clone(), value.clone());
        } else {
            client.attributes.remove(name);
            // A private key is not among the attributes ([`Client::private_keys`]).
            name.strip_suffix(PRIVATE_KEY_SUFFIX).and_then(|prefix| client.private_keys.remove(prefix));
        }
    }
}

/// Keycloak keeps sets: what is named twice is there once, in the order of the request.
fn once_each(given: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(given.len());
    for one in given {
        if !kept.contains(one) {
            kept.push(one.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(origin("http://127.0.0.1:7000/a?b#c").as_deref(), Some("http://127.0.0.1:7000"));
        assert_eq!(origin("https://x").as_deref(), Some("https://x"));
        assert_eq!(origin("/relative"), None);
    }

    #[test]
    fn what_is_named_twice_is_there_once() {
        let given = ["/b", "/a", "/b"].map(str::to_owned);
        assert_eq!(once_each(&given), ["/b", "/a"]);
    }
}
