//! `[http]`: where the server listens, how much and how long it waits for whom, and what it believes about the proxies in
//! front of it. All but the port holds for `[https]` too.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Problem;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Whether plain HTTP is served. Without it there must be a certificate in `[https]`.
    pub enabled: bool,
    /// The address to listen on.
    pub host: IpAddr,
    /// The port to listen on; 0 lets the system choose.
    pub port: u16,
    /// The path under which everything is served, as Keycloak's `http-relative-path`.
    pub relative_path: RelativePath,
    /// Threads that serve requests; `None` is one per core.
    pub workers: Option<NonZeroUsize>,
    /// Connections that are held at a time; further ones are refused with 503.
    pub max_connections: NonZeroUsize,
    /// Seconds that an idle connection is kept.
    pub keep_alive_seconds: u64,
    /// Seconds within which a client must have sent the head of a request, and for a TLS handshake.
    pub request_timeout_seconds: u64,
    /// Seconds that a body may take, and one more for each KiB of it.
    pub body_timeout_seconds: u64,
    /// Seconds that a client may take nothing of an answer that waits for it.
    pub send_timeout_seconds: u64,
    /// Bytes of a request's path and query.
    pub max_target_bytes: usize,
    /// Bytes of all its header fields, names and values. There may be 96 of them.
    pub max_header_bytes: usize,
    /// Seconds that running requests get to finish when the server is stopped.
    pub shutdown_timeout_seconds: u64,
    /// Which headers of a reverse proxy are believed, if the connection comes from one of `trusted_proxies`.
    pub proxy_headers: ProxyHeaders,
    /// The networks whose proxy headers are believed. By default loopback and the private ranges.
    pub trusted_proxies: Vec<Network>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            enabled: true,
            host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: 8080,
            relative_path: RelativePath("/auth".to_owned()),
            workers: None,
            max_connections: NonZeroUsize::new(16_384).expect("is not zero"),
            keep_alive_seconds: 75,
            request_timeout_seconds: 10,
            body_timeout_seconds: 20,
            send_timeout_seconds: 30,
            max_target_bytes: 16 << 10,
            max_header_bytes: 32 << 10,
            shutdown_timeout_seconds: 30,
            proxy_headers: ProxyHeaders::None,
            trusted_proxies: Network::private(),
        }
    }
}

impl Http {
    pub(super) fn validate(&self, problems: &mut Vec<Problem>) {
        // The server under us reads a head of up to 128 KiB and answers larger ones itself.
        for (key, bytes, most) in
            [("http.max_target_bytes", self.max_target_bytes, 48 << 10), ("http.max_header_bytes", self.max_header_bytes, 64 << 10)]
        {
            if !(256..=most).contains(&bytes) {
                problems.push(Problem::new(key, format!("is {bytes}, but must be from 256 to {most}")));
            }
        }
        for (key, seconds) in [
            ("http.keep_alive_seconds", self.keep_alive_seconds),
            ("http.request_timeout_seconds", self.request_timeout_seconds),
            ("http.body_timeout_seconds", self.body_timeout_seconds),
            ("http.send_timeout_seconds", self.send_timeout_seconds),
        ] {
            if !(1..=86_400).contains(&seconds) {
                problems.push(Problem::new(key, format!("is {seconds}, but must be from 1 to 86400")));
            }
        }
    }
}

/// Which headers tell the address of the client and the scheme and host that it used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyHeaders {
    /// None: the connection itself tells.
    #[default]
    None,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For`, `-Proto`, `-Host`, `-Port`, `-Prefix`.
    Xforwarded,
}

/// A path that everything is mounted under: empty, or `/` and segments without a slash at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelativePath(String);

impl RelativePath {
    /// `""` or, for example, `"/auth"`: what a URL path starts with.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RelativePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text.trim_end_matches('/');
        if path.is_empty() {
            return Ok(Self(String::new()));
        }
        // Only characters that no client, proxy or router writes in two ways (RFC 3986 §2.3).
        let segment = |s: &str| {
            !s.is_empty() && s != "." && s != ".." && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
        };
        match path.strip_prefix('/') {
            Some(rest) if rest.split('/').all(segment) => Ok(Self(path.to_owned())),
            Some(_) => Err(format!("{text:?} has a segment that is empty, dots, or not made of letters, digits, - . _ ~")),
            None => Err(format!("{text:?} must be empty or start with a slash")),
        }
    }
}

impl TryFrom<String> for RelativePath {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RelativePath> for String {
    fn from(path: RelativePath) -> Self {
        path.0
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A range of addresses in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3); a single address is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        // An IPv4 client of a dual-stack socket arrives as ::ffff:a.b.c.d.
        let (own, own_width) = bits(self.address);
        let (other, other_width) = bits(address.to_canonical());
        let host_bits = u32::from(own_width - self.prefix);
        own_width == other_width && own.checked_shr(host_bits).unwrap_or(0) == other.checked_shr(host_bits).unwrap_or(0)
    }

    /// Whether every address is in it.
    pub const fn is_everybody(&self) -> bool {
        self.prefix == 0
    }

    /// Loopback, private (RFC 1918, RFC 4193) and link-local addresses.
    pub fn private() -> Vec<Self> {
        ["127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"]
            .map(|text| text.parse().expect("is CIDR notation"))
            .to_vec()
    }
}

/// The address as a number and its width in bits.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is neither an address nor a network such as 10.0.0.0/8");
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let (_, width) = bits(address);
        let prefix = prefix.map_or(Ok(width), |prefix| prefix.trim().parse().map_err(|_| wrong()))?;
        if prefix > width { Err(wrong()) } else { Ok(Self { address, prefix }) }
    }
}

impl TryFrom<String> for Network {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        format!("{}/{}", network.address, network.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_has_one_spelling() {
        for (given, kept) in [("", ""), ("/", ""), ("/auth", "/auth"), ("/auth/", "/auth"), ("/a/b-c", "/a/b-c")] {
            assert_eq!(given.parse::<RelativePath>().unwrap().as_str(), kept, "{given}");
        }
        for refused in ["auth", "//auth", "/a//b", "/..", "/a b", "/a?b", "/{x}", "/ä"] {
            assert!(refused.parse::<RelativePath>().is_err(), "{refused}");
        }
    }

    #[test]
    fn a_network_contains_its_addresses_and_no_others() {
        let contains = |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("192.168.1.7", "192.168.1.7") && !contains("192.168.1.7", "192.168.1.6"));
        assert!(contains("0.0.0.0/0", "8.8.8.8") && !contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("fc00::/7", "fdff::1") && !contains("fc00::/7", "fe00::1") && contains("::/0", "2001:db8::1"));
        assert!(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
        for refused in ["10.0.0.0/33", "::/129", "10.0.0/8", "proxy.example", "10.0.0.0/x", ""] {
            assert!(refused.parse::<Network>().is_err(), "{refused}");
        }
    }
}
