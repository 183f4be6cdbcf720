//! Executors of a client policy. One that configures by itself sets what it would otherwise refuse.

use crate::model::client::{AuthenticationMethod, Client};
use crate::model::client_policy::{Executor, Settings};
use crate::oauth::grant_type::GrantType;

use super::{Occasion, Situation, Violation};
use crate::manage::clients::{self, ClientSettings};

const STRONG_ALGORITHMS: [&str; 6] = ["PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];
/// The attributes of a client that name an algorithm of a signature.
const SIGNATURE_ATTRIBUTES: [&str; 5] = [
    "user.info.response.signature.alg",
    "request.object.signature.alg",
    "id.token.signed.response.alg",
    "token.endpoint.auth.signing.alg",
    "access.token.signed.response.alg",
];
/// The attributes of a client that are addresses, and how a refusal calls them.
const URI_ATTRIBUTES: [(&str, &str); 6] = [
    ("jwks.url", "jwksUri"),
    ("request.uris", "requestUris"),
    ("backchannel.logout.url", "backchannelLogoutUrl"),
    ("post.logout.redirect.uris", "postLogoutRedirectUris"),
    ("logoUri", "logoUri"),
    ("policyUri", "policyUri"),
];

/// Judges what a client is to become.
pub(super) fn judge_proposal(executor: &Executor, situation: &Situation<'_>, settings: &mut ClientSettings) -> Result<(), Violation> {
    let config = executor.settings();
    let proposed = clients::preview(situation.client, settings);
    let auto = config.flag("auto-configure");
    match executor.provider.as_deref().unwrap_or_default() {
        "reject-request" => Err(not_allowed()),
        "secure-client-authenticator" => {
            if settings.client_authenticator_type.is_none() && situation.client.is_none() {
                settings.client_authenticator_type = Some(config.text("default-client-authenticator").unwrap_or("client-jwt").to_owned());
            }
            let method = settings.client_authenticator_type.as_deref().unwrap_or(&proposed.client_authenticator_type);
            unless(config.list("allowed-client-authenticators").contains(&method), "token_endpoint_auth_method")
        }
        "pkce-enforcer" => attribute(settings, &proposed, auto, ("pkce.code.challenge.method", "S256"), "code_challenge_method"),
        "holder-of-key-enforcer" => {
            let bound = ("tls.client.certificate.bound.access.tokens", "true");
            attribute(settings, &proposed, auto, bound, "MTLS token in disabled")
        }
        "dpop-bind-enforcer" => attribute(settings, &proposed, auto, ("dpop.bound.access.tokens", "true"), "DPoP token is disabled"),
        "secure-response-type" => {
            let detached = ("id.token.as.detached.signature", "true");
            attribute(settings, &proposed, auto, detached, "ID Token as detached signature in disabled")
        }
        "reject-implicit-grant" => switch_off(&mut settings.implicit_flow_enabled, proposed.implicit_flow_enabled, auto)
            .map_err(|()| metadata("implicit flow enabled")),
        "reject-ropc-grant" => switch_off(&mut settings.direct_access_grants_enabled, proposed.direct_access_grants_enabled, auto)
            .map_err(|()| metadata("resource owner password credentials grant enabled")),
        "full-scope-disabled" => switch_off(&mut settings.full_scope_allowed, proposed.full_scope_allowed, auto)
            .map_err(|()| Violation::new("invalid_registration", "Not permitted to enable fullScopeAllowed")),
        "consent-required" if auto => {
            settings.consent_required = Some(true);
            Ok(())
        }
        "consent-required" if !proposed.consent_required => {
            Err(Violation::new("invalid_registration", "Client is required to enable consentRequired"))
        }
        "secure-logout" if proposed.frontchannel_logout && !config.flag("allow-front-channel-logout") => {
            Err(Violation::new("invalid_request", "Front-channel logout is not allowed for this client"))
        }
        "secure-signature-algorithm" => signature_algorithms(config, settings, &proposed),
        "secure-client-uris" => secure_uris(&proposed),
        "secure-redirect-uris-enforcer" => proposed.redirect_uris.iter().try_for_each(|uri| {
            redirect_uri(config, uri).map_err(|problem| Violation::new("invalid_request", format!("Invalid Redirect Uri: {problem}")))
        }),
        _ => Ok(()),
    }
}

/// Judges what is done with a client.
pub(super) fn judge(executor: &Executor, situation: &Situation<'_>, client: &Client) -> Result<(), Violation> {
    let config = executor.settings();
    match (executor.provider.as_deref().unwrap_or_default(), situation.occasion) {
        ("reject-request", _) => Err(not_allowed()),
        ("reject-ropc-grant", Occasion::Grant(GrantType::Password)) => {
            Err(Violation::new("invalid_grant", "resource owner password credentials grant is prohibited."))
        }
        // A password grant is judged by neither of the two below, as in Keycloak. `dpop-bind-enforcer` binds clients, and the token
        // endpoint refuses all that are bound.
        (_, Occasion::Grant(GrantType::Password)) => Ok(()),
        ("secure-client-authenticator", Occasion::Grant(_) | Occasion::Introspect | Occasion::Revoke | Occasion::Logout)
            if client.public_client || !allows_method(config, client) =>
        {
            Err(Violation::new("invalid_request", "Configured client authentication method not allowed for client"))
        }
        ("holder-of-key-enforcer", Occasion::Grant(_)) => {
            Err(Violation::new("invalid_request", "Client Certification missing for MTLS HoK Token Binding"))
        }
        _ => Ok(()),
    }
}

fn allows_method(config: Settings<'_>, client: &Client) -> bool {
    let method = match client.authentication_method() {
        AuthenticationMethod::Unsupported => client.client_authenticator_type.as_str(),
        known => known.name(),
    };
    config.list("allowed-client-authenticators").contains(&method)
}

fn not_allowed() -> Violation {
    Violation::new("invalid_request", "Request not allowed")
}

fn metadata(what: &str) -> Violation {
    Violation::new("invalid_client_metadata", format!("Invalid client metadata: {what}"))
}

fn unless(met: bool, what: &str) -> Result<(), Violation> {
    if met { Ok(()) } else { Err(metadata(what)) }
}

/// An attribute that must have this value.
fn attribute(
    settings: &mut ClientSettings,
    proposed: &Client,
    auto: bool,
    (name, value): (&str, &str),
    what: &str,
) -> Result<(), Violation> {
    if auto {
        settings.attributes.insert(name.to_owned(), Some(value.to_owned()));
        return Ok(());
    }
    unless(proposed.attribute(name) == Some(value), what)
}

fn switch_off(setting: &mut Option<bool>, is_on: bool, auto: bool) -> Result<(), ()> {
    match (is_on, auto) {
        (_, true) => *setting = Some(false),
        (true, false) => return Err(()),
        (false, false) => {}
    }
    Ok(())
}

/// Algorithms that are not named become the default; others than strong ones are refused.
fn signature_algorithms(config: Settings<'_>, settings: &mut ClientSettings, proposed: &Client) -> Result<(), Violation> {
    let default = config.text("default-algorithm").filter(|name| STRONG_ALGORITHMS.contains(name)).unwrap_or("PS256");
    for name in SIGNATURE_ATTRIBUTES {
        match proposed.attribute(name) {
            None | Some("") => drop(settings.attributes.insert(name.to_owned(), Some(default.to_owned()))),
            Some(given) if STRONG_ALGORITHMS.contains(&given) => {}
            Some(_) => return Err(Violation::new("invalid_request", "not allowed signature algorithm.")),
        }
    }
    Ok(())
}

/// Every address leads to one place, over TLS.
fn secure_uris(client: &Client) -> Result<(), Violation> {
    let secure = |uri: &str| uri.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")) && !uri.contains('*');
    let relative = |uri: &str| uri.starts_with('/') && !uri.contains('*');
    let mut fields: Vec<(&str, &str)> = Vec::new();
    fields.extend(client.root_url.as_deref().map(|url| ("rootUrl", url)));
    fields.extend(client.admin_url.as_deref().map(|url| ("adminUrl", url)));
    fields.extend(client.base_url.as_deref().map(|url| ("baseUrl", url)));
    fields.extend(client.redirect_uris.iter().map(|uri| ("redirectUris", uri.as_str())));
    fields.extend(client.web_origins.iter().filter(|origin| *origin != "+").map(|origin| ("webOrigins", origin.as_str())));
    for (attribute, name) in URI_ATTRIBUTES {
        let uris = client.attribute(attribute).into_iter().flat_map(|text| text.split("##"));
        fields.extend(uris.filter(|uri| !matches!(*uri, "+" | "-")).map(|uri| (name, uri)));
    }
    match fields.into_iter().find(|(_, uri)| !uri.is_empty() && !secure(uri) && !relative(uri)) {
        Some((name, _)) => Err(Violation::new("invalid_client_metadata", format!("Invalid {name}"))),
        None => Ok(()),
    }
}

/// OAuth 2.1 §2.3: an address over TLS, unless a switch lets it be something else.
fn redirect_uri(config: Settings<'_>, uri: &str) -> Result<(), &'static str> {
    if config.flag("allow-open-redirect") && uri == "*" {
        return Ok(());
    }
    let (scheme, rest) = uri.split_once(':').ok_or("invalid uri")?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        // RFC 8252 §7.1: a reverse domain name of the app's owner.
        let private = config.flag("allow-private-use-uri-scheme") && scheme.contains('.') && !rest.starts_with("//");
        return if private { Ok(()) } else { Err("invalid private use scheme") };
    }
    let rest = rest.strip_prefix("//").ok_or("invalid uri")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    if host.is_empty() || authority.contains(['@', '\\']) || uri.contains('#') {
        return Err("invalid uri");
    }
    let loopback = match host {
        "::1" => Some(config.flag("allow-ipv6-loopback-address")),
        "localhost" => Some(false),
        host if host.parse().is_ok_and(|address: std::net::Ipv4Addr| address.is_loopback()) => {
            Some(config.flag("allow-ipv4-loopback-address"))
        }
        _ => None,
    };
    if uri.contains('*') && !(config.flag("allow-wildcard-context-path") && !authority.contains('*') && uri.ends_with("/*")) {
        return Err("invalid uri");
    }
    match loopback {
        Some(true) => Ok(()),
        Some(false) => Err("invalid loopback address"),
        None if scheme == "http" && !config.flag("allow-http-scheme") => Err("invalid uri"),
        None => {
            let domains = config.list("allow-permitted-domains");
            let permitted = domains.is_empty()
                || domains.iter().any(|domain| host.eq_ignore_ascii_case(domain) || host.ends_with(&format!(".{domain}")));
            if permitted { Ok(()) } else { Err("not permitted domain") }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(config: &serde_json::Value, uri: &str) -> Result<(), &'static str> {
        let executor = Executor { provider: None, configuration: config.as_object().cloned() };
        redirect_uri(executor.settings(), uri)
    }

    #[test]
    fn a_redirect_uri_is_https_unless_a_switch_says_otherwise() {
        assert_eq!(judged(&json!({}), "https://a.example/cb"), Ok(()));
        assert_eq!(judged(&json!({}), "http://a.example/*"), Err("invalid uri"));
        assert_eq!(judged(&json!({}), "https://a.example/*"), Err("invalid uri"));
        assert_eq!(judged(&json!({}), "http://127.0.0.1:9999/cb"), Err("invalid loopback address"));
        assert_eq!(judged(&json!({ "allow-ipv4-loopback-address": "true" }), "http://127.0.0.1:9999/cb"), Ok(()));
        assert_eq!(judged(&json!({ "allow-ipv6-loopback-address": true }), "http://[::1]/cb"), Ok(()));
        assert_eq!(judged(&json!({}), "com.example.app:/cb"), Err("invalid private use scheme"));
        assert_eq!(judged(&json!({ "allow-private-use-uri-scheme": true }), "com.example.app:/cb"), Ok(()));
        assert_eq!(judged(&json!({ "allow-permitted-domains": ["a.example"] }), "https://evila.example/cb"), Err("not permitted domain"));
        assert_eq!(judged(&json!({}), "https://a.example@evil.example/cb"), Err("invalid uri"));
    }
}
