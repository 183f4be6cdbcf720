//! What is judged of an identity provider before it is stored.

use std::net::IpAddr;

use crate::egress;
use crate::manage::error::ManageError;
use crate::model::catalogue::identity_provider;
use crate::model::identity_provider::IdentityProvider;
use crate::model::realm::{Realm, SslRequired};
use crate::store::txn::{Configuration, Reader as _, Txn};

/// Settings that are URLs, and what Keycloak's refusals call them.
const URLS: &[(&str, &str)] = &[
    ("authorizationUrl", "authorization_url"),
    ("tokenUrl", "token_url"),
    ("userInfoUrl", "userinfo_url"),
    ("tokenIntrospectionUrl", "tokenIntrospection_url"),
    ("logoutUrl", "logout_url"),
    ("jwksUrl", "jwks_url"),
    ("singleSignOnServiceUrl", "singleSignOnService_url"),
    ("singleLogoutServiceUrl", "singleLogoutService_url"),
    ("artifactResolutionServiceUrl", "artifactResolutionService_url"),
];
const MAX_NAME: usize = 255;
const MAX_VALUE: usize = 64 << 10;
const MAX_VALUES: usize = 200;

/// An alias is a part of URLs.
pub(super) fn alias(alias: &str) -> Result<(), ManageError> {
    if alias.len() > MAX_NAME {
        return Err(ManageError::too_large("Alias"));
    }
    if alias.contains(' ') {
        return Err(ManageError::space_not_allowed());
    }
    let reserved = |c: &char| ":/?#[]@!$&()*+,;='\\%".contains(*c) || c.is_control();
    match alias.chars().find(reserved) {
        Some(character) => Err(ManageError::reserved_character(character)),
        None if alias == "." || alias == ".." => Err(ManageError::reserved_character('.')),
        None => Ok(()),
    }
}

pub(super) async fn provider(txn: &mut Txn<'_, Configuration>, realm: &Realm, given: &IdentityProvider) -> Result<(), ManageError> {
    if identity_provider::find(&given.provider_id).is_none() {
        return Err(ManageError::identity_provider_kind(&given.provider_id));
    }
    config(given.config.iter())?;
    if given.display_name.as_ref().is_some_and(|name| name.len() > MAX_NAME) {
        return Err(ManageError::too_large("Display name"));
    }
    for (setting, name) in URLS {
        if let Some(text) = given.config.get(*setting).filter(|text| !text.trim().is_empty()) {
            url(realm, text, name)?;
        }
    }
    let has = |name: &str, value: &str| given.config.get(name).is_some_and(|text| text.eq_ignore_ascii_case(value));
    if has("pkceEnabled", "true") && !has("pkceMethod", "S256") && !has("pkceMethod", "plain") {
        let method = given.config.get("pkceMethod").map_or("null", String::as_str);
        return Err(ManageError::identity_provider_config(format!("PKCE Method not supported: {method}")));
    }
    let flows = [&given.first_broker_login_flow_alias, &given.post_broker_login_flow_alias];
    let mut flows = flows.into_iter().flatten().peekable();
    if flows.peek().is_some() {
        let all = txn.authentication().get(&realm.id).await?;
        if let Some(unknown) = flows.find(|alias| all.flow_by_alias(alias).is_none()) {
            return Err(ManageError::identity_provider_config(format!("No available authentication flow with alias: {unknown}")));
        }
    }
    Ok(())
}

/// The size of a configuration.
pub(super) fn config<'a>(config: impl ExactSizeIterator<Item = (&'a String, &'a String)>) -> Result<(), ManageError> {
    if config.len() > MAX_VALUES {
        return Err(ManageError::too_large("Configuration"));
    }
    for (name, value) in config {
        if name.len() > MAX_NAME || value.len() > MAX_VALUE {
            return Err(ManageError::too_large("Configuration"));
        }
    }
    Ok(())
}

/// A URL is http or https, and https where the realm demands it.
fn url(realm: &Realm, text: &str, name: &str) -> Result<(), ManageError> {
    let refused = |problem: String| Err(ManageError::identity_provider_config(problem));
    let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    match egress::scheme_and_host(text).filter(|_| clean) {
        None => refused(format!("The url [{name}] is malformed")),
        Some((scheme, _)) if scheme == "https" => Ok(()),
        Some((scheme, host)) if scheme == "http" && !needs_tls(realm, &host) => Ok(()),
        Some((scheme, _)) if scheme == "http" => refused(format!("The url [{name}] requires secure connections")),
        Some(_) => refused(format!("Invalid protocol/scheme for url [{name}]")),
    }
}

/// `sslRequired` of the realm: `external` lets addresses of the own network go without.
fn needs_tls(realm: &Realm, host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let local = host == "localhost" || address.is_ok_and(is_local);
    match realm.ssl_required {
        SslRequired::None => false,
        SslRequired::External => !local,
        SslRequired::All => true,
    }
}

fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
