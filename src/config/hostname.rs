//! `[hostname]`: the URL that clients know this server by. The issuer comes from here and never from a Host header, unless
//! the administrator says so: whoever controls the issuer of a link or a token controls where its reader goes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Http, Problem};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hostname {
    /// The complete base URL, its path included: realm `master` is then the issuer `{url}/realms/master`.
    pub url: Option<BaseUrl>,
    /// Takes scheme, host and port from each request instead (with `http.proxy_headers` from the proxy's headers).
    pub from_request: bool,
}

impl Hostname {
    pub(super) fn validate(&self, problems: &mut Vec<Problem>) {
        if self.from_request && self.url.is_some() {
            problems.push(Problem::new("hostname.from_request", "is on, so hostname.url would never be used: remove one of them"));
        }
    }

    pub(super) fn warnings(&self, http: &Http) -> Vec<String> {
        let Some(url) = &self.url else { return Vec::new() };
        let mut warnings = Vec::new();
        if url.path() != http.relative_path.as_str() {
            warnings.push(format!(
                "hostname.url has the path {:?}, but the server answers under {:?}: a proxy in front must translate",
                url.path(),
                http.relative_path.as_str()
            ));
        }
        if !url.is_https() && !url.is_loopback() {
            warnings.push(format!("hostname.url is {url}: passwords and tokens travel unencrypted"));
        }
        warnings
    }
}

/// An absolute http or https URL without user, query and fragment, and without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl(String);

impl BaseUrl {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// Scheme, host and port: what a browser calls the origin (RFC 6454 §4).
    pub fn origin(&self) -> &str {
        &self.0[..self.0.len() - self.path().len()]
    }

    /// What follows the origin: empty or starting with a slash.
    pub fn path(&self) -> &str {
        let after_scheme = self.0.find("://").map_or(0, |at| at + 3);
        self.0[after_scheme..].find('/').map_or("", |slash| &self.0[after_scheme + slash..])
    }

    /// The host without its port; an IPv6 address in its brackets.
    pub fn host(&self) -> &str {
        let authority = self.origin().split_once("://").map_or("", |(_, authority)| authority);
        authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(authority, |(host, _)| host)
    }

    /// Whether it leads to the machine itself.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost" || host == "[::1]" || host.starts_with("127.")
    }
}

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |reason: &str| Err(format!("{text:?} {reason}"));
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        if !matches!(scheme, "http" | "https") {
            return wrong("must be an absolute URL that starts with http:// or https://");
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') || rest.contains(['?', '#']) {
            return wrong("must have neither user, query nor fragment");
        }
        let path = path.trim_end_matches('/');
        if !is_authority(authority) || path.contains("//") || !path.bytes().all(|b| b.is_ascii_graphic() && !br#"\"<>^`{|}"#.contains(&b)) {
            return wrong("is not a URL");
        }
        Ok(Self(format!("{scheme}://{}{path}", authority.to_ascii_lowercase())))
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port` (RFC 3986 §3.2).
fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, after)) if v6.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", if after.is_empty() { None } else { Some(after) }),
        Some(_) => return false,
        None => authority.find(':').map_or((authority, None), |colon| (&authority[..colon], Some(&authority[colon..]))),
    };
    let port_is_valid = port.is_none_or(|port| port.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok_and(|p| p > 0)));
    !host.is_empty() && port_is_valid && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

impl TryFrom<String> for BaseUrl {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.0
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_has_one_spelling_and_knows_its_parts() {
        for (given, origin, path) in [
            ("https://id.example.com", "https://id.example.com", ""),
            ("https://ID.example.com/auth/", "https://id.example.com", "/auth"),
            ("http://localhost:8080/auth", "http://localhost:8080", "/auth"),
            ("http://[::1]:8080/a/b", "http://[::1]:8080", "/a/b"),
        ] {
            let url: BaseUrl = given.parse().unwrap();
            assert_eq!((url.origin(), url.path()), (origin, path), "{given}");
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for text in [
            "",
            "id.example.com",
            "ftp://x",
            "https://",
            "https:///auth",
            "https://u@x",
            "https://x?y",
            "https://x/#y",
            "https://x:0",
            "https://x:99999",
            "https://x:/auth",
            "https://[::1",
            "https://[zz]/",
            "https://a b",
            "https://x/a//b",
            "https://x/a b",
        ] {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_that_differs_and_plain_http_are_worth_a_warning() {
        let warnings = |url: &str| Hostname { url: Some(url.parse().unwrap()), from_request: false }.warnings(&Http::default());
        assert_eq!(warnings("https://id.example.com/auth"), Vec::<String>::new());
        assert_eq!(warnings("http://127.0.0.1:8080/auth"), Vec::<String>::new());
        assert_eq!(warnings("http://[::1]:8080/auth"), Vec::<String>::new());
        assert_eq!(warnings("http://id.example.com").len(), 2);
    }
}
