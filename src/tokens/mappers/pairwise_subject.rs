//! `oidc-sha256-pairwise-sub-mapper`: a `sub` that only the clients of one sector share (OIDC Core §8.1), computed as
//! Keycloak does it, so that an imported realm keeps its subjects.

use std::borrow::Cow;

use uuid::Uuid;

use crate::base::digest;
use crate::model::client::Client;
use crate::tokens::claims::Claims;

use super::Context;

pub fn apply(sector_identifier_uri: Option<&str>, salt: &str, cx: &Context<'_>, claims: &mut Claims<'_>) {
    if let Some(sector) = sector(sector_identifier_uri, &cx.client.client) {
        claims.sub = Some(Cow::Owned(subject(&sector, cx.subject.user.id.as_str(), salt).to_string()));
    }
}

/// The host of the sector identifier URI or, without one, of the redirect URIs. `None` when they do not agree on a host.
fn sector(sector_identifier_uri: Option<&str>, client: &Client) -> Option<String> {
    if let Some(uri) = sector_identifier_uri {
        return host(uri).map(str::to_owned);
    }
    let mut hosts: Vec<String> = redirect_uris(client).iter().filter_map(|uri| host(uri).map(str::to_owned)).collect();
    hosts.dedup();
    hosts.pop().filter(|_| hosts.is_empty())
}

/// The redirect URIs of a client, relative ones below its root URL.
pub fn redirect_uris(client: &Client) -> Vec<String> {
    let root = client.root_url.as_deref().unwrap_or_default();
    let whole = |uri: &String| if uri.starts_with('/') { format!("{root}{uri}") } else { uri.clone() };
    client.redirect_uris.iter().map(whole).collect()
}

/// The host of an absolute URI, without user and port (RFC 3986 §3.2).
pub fn host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match authority.strip_prefix('[') {
        Some(literal) => &authority[..literal.find(']')? + 2],
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}

fn subject(sector: &str, user: &str, salt: &str) -> Uuid {
    let hash = digest::sha256(&[sector.as_bytes(), user.as_bytes(), salt.as_bytes()].concat());
    uuid::Builder::from_md5_bytes(digest::md5(&hash)).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sector_is_the_one_host_of_the_redirect_uris() {
        let client = |uris: &[&str]| Client { redirect_uris: uris.iter().map(|uri| (*uri).to_owned()).collect(), ..Client::default() };
        assert_eq!(sector(None, &client(&["https://a.example/cb", "https://a.example:8443/x"])).as_deref(), Some("a.example"));
        assert_eq!(sector(None, &client(&["https://a.example/cb", "https://b.example/cb"])), None);
        assert_eq!(sector(None, &client(&[])), None);
        assert_eq!(sector(Some("https://s.example/clients.json"), &client(&["https://b.example/cb"])).as_deref(), Some("s.example"));
        assert_eq!(host("http://user@[::1]:80/x"), Some("[::1]"));
        assert_eq!(host("urn:x"), None);
    }

    /// Computed with Python: `uuid.UUID(bytes=md5(sha256(b"a.example" + b"user-1" + b"salt").digest()).digest(), version=3)`.
    #[test]
    fn the_subject_is_a_name_based_uuid_of_a_salted_hash() {
        assert_eq!(subject("a.example", "user-1", "salt").to_string(), "757d608f-aa3c-3055-bcfd-02414ec1dca3");
    }
}
