//! The URLs of a client: a browser follows them, so none may be script, and none may lead elsewhere than it seems to.

use crate::manage::error::ManageError;
use crate::model::client::Client;

use super::OIDC;

/// More redirect URIs, origins or characters than any client has.
const MAX_URLS: usize = 1000;
const MAX_URL: usize = 4096;

/// Attributes with URLs that pages of this server link to or send browsers to, and Keycloak's names for them.
const LINKED: [(&str, &str); 5] = [
    ("logoUri", "Logo URL"),
    ("policyUri", "Policy URL"),
    ("tosUri", "Terms of Service URL"),
    ("backchannel.logout.url", "Backchannel Logout URL"),
    ("frontchannel.logout.url", "Front Channel Logout URL"),
];
/// Redirect URIs of the logout, between `##`; `+` stands for those of the sign-in.
const POST_LOGOUT: &str = "post.logout.redirect.uris";
/// What Keycloak replaces in the URLs of its own clients.
const PLACEHOLDERS: [&str; 2] = ["${authBaseUrl}", "${authAdminUrl}"];

/// What no client may be, from whatever source: for realm files as well.
pub(in crate::manage) fn check(client: &Client) -> Result<(), ManageError> {
    if client.client_id.trim().is_empty() {
        return Err(ManageError::client_id_blank());
    }
    if client.client_id.len() > 255 {
        return Err(ManageError::too_large("Client ID"));
    }
    match client.protocol.as_deref() {
        Some(OIDC | "saml" | "docker-v2") | None => {}
        Some(other) => return Err(ManageError::client_protocol(other)),
    }
    for (what, url) in named(client) {
        if has_illegal_scheme(url) {
            return Err(ManageError::client_url(format!("{what} uses an illegal scheme")));
        }
    }
    for uri in &client.redirect_uris {
        // RFC 6749 §3.1.2: the redirection endpoint URI MUST NOT include a fragment component.
        if uri.contains('#') {
            return Err(ManageError::client_url("A redirect URI must not contain an URL fragment"));
        }
    }
    Ok(())
}

/// What an administrator may not write besides. A realm file may have it: it was accepted elsewhere, and it does no harm.
pub(super) fn check_syntax(client: &Client) -> Result<(), ManageError> {
    for (what, url) in named(client) {
        let mut rest = url.to_owned();
        for placeholder in PLACEHOLDERS {
            rest = rest.replace(placeholder, "");
        }
        if rest.len() > MAX_URL || rest.contains(is_no_part_of_a_url) {
            let kind = if what.ends_with("URI") { "URI" } else { "URL" };
            return Err(ManageError::client_url(format!("{what} is not a valid {kind}")));
        }
        if what.starts_with("Root") && rest.contains('#') {
            return Err(ManageError::client_url("Root URL must not contain an URL fragment"));
        }
    }
    if client.redirect_uris.len() > MAX_URLS || client.web_origins.len() > MAX_URLS {
        return Err(ManageError::too_large("The list of URLs"));
    }
    // RFC 6454 §6.2: scheme, host and port. It becomes a response header.
    if client.web_origins.iter().any(|origin| origin.len() > MAX_URL || origin.contains(is_no_part_of_a_url)) {
        return Err(ManageError::client_url("A web origin is not a valid origin"));
    }
    Ok(())
}

/// Every URL with Keycloak's name for it.
fn named(client: &Client) -> impl Iterator<Item = (&'static str, &str)> {
    let own = [("Root URL", &client.root_url), ("Base URL", &client.base_url), ("Master SAML Processing URL", &client.admin_url)];
    let own = own.into_iter().filter_map(|(what, url)| Some((what, url.as_deref()?)));
    let linked = LINKED.into_iter().filter_map(|(name, what)| Some((what, client.attribute(name)?)));
    let redirects = client.redirect_uris.iter().map(|uri| ("A redirect URI", uri.as_str()));
    let after_logout = client.attribute(POST_LOGOUT).into_iter().flat_map(|uris| uris.split("##"));
    own.chain(linked).chain(redirects).chain(after_logout.map(|uri| ("A post logout redirect URI", uri)))
}

/// RFC 3986 §2: what stands in no URI unless it is percent-encoded.
fn is_no_part_of_a_url(character: char) -> bool {
    character.is_whitespace() || character.is_control() || matches!(character, '<' | '>' | '"' | '\\' | '^' | '`' | '{' | '}' | '|')
}

/// Schemes that a browser runs as code in the page that follows them. It skips white space and controls before and inside.
fn has_illegal_scheme(url: &str) -> bool {
    let scheme = url.split(':').next().filter(|scheme| scheme.len() < url.len()).unwrap_or_default();
    let scheme: String = scheme.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    ["javascript", "data", "vbscript"].iter().any(|illegal| scheme.eq_ignore_ascii_case(illegal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_that_run_code_are_found_in_every_disguise() {
        for bad in ["javascript:alert(1)", "JavaScript:x", " javascript:x", "java\tscript:x", "data:text/html,x", "vbscript:x"] {
            assert!(has_illegal_scheme(bad), "{bad:?}");
        }
        for good in ["https://x/javascript:", "/cb", "http://127.0.0.1:7000/*", "javascript", "com.example.app:/cb", "*", ""] {
            assert!(!has_illegal_scheme(good), "{good:?}");
        }
    }

    fn problem(client: &Client) -> Option<String> {
        check(client).and_then(|()| check_syntax(client)).err().map(|error| error.to_string())
    }

    #[test]
    fn every_url_of_a_client_is_looked_at() {
        let client = Client { client_id: "c".to_owned(), protocol: Some(OIDC.to_owned()), ..Client::default() };
        let attribute = |name: &str, value: &str| Client { attributes: [(name.to_owned(), value.to_owned())].into(), ..client.clone() };
        let redirect = |uri: &str| Client { redirect_uris: vec![uri.to_owned()], ..client.clone() };
        let root = |url: &str| Client { root_url: Some(url.to_owned()), ..client.clone() };
        for (bad, text) in [
            (attribute("logoUri", "javascript:x"), "Logo URL uses an illegal scheme"),
            (attribute("tosUri", "data:text/html,x"), "Terms of Service URL uses an illegal scheme"),
            (attribute(POST_LOGOUT, "+##vbscript:x"), "A post logout redirect URI uses an illegal scheme"),
            (attribute("frontchannel.logout.url", "javascript:x"), "Front Channel Logout URL uses an illegal scheme"),
            (redirect("https://a/ b"), "A redirect URI is not a valid URI"),
            (redirect("https://a\\@b/"), "A redirect URI is not a valid URI"),
            (redirect(&format!("https://a/{}", "x".repeat(MAX_URL))), "A redirect URI is not a valid URI"),
            (root("https://a/\r\nX: y"), "Root URL is not a valid URL"),
            (root("https://a/#b"), "Root URL must not contain an URL fragment"),
            (Client { base_url: Some("vbscript:x".to_owned()), ..client.clone() }, "Base URL uses an illegal scheme"),
            (Client { web_origins: vec!["https://a\r\nX: y".to_owned()], ..client.clone() }, "A web origin is not a valid origin"),
        ] {
            assert_eq!(problem(&bad).as_deref(), Some(format!("invalid_input: {text}").as_str()));
        }
        for good in ["/realms/r/account/*", "com.example.app:/cb", "*", "http://[::1]:1/cb?a=b", "https://*.x/%20"] {
            assert_eq!(problem(&redirect(good)), None, "{good}");
        }
        assert_eq!(problem(&root("${authBaseUrl}")), None);
        assert_eq!(problem(&Client { web_origins: vec!["+".to_owned(), "*".to_owned()], ..client }), None);
    }
}
