//! Under which address we are reached and from where: the base URL of all links and issuers, the client's address, TLS or
//! not. Headers of a proxy count only when the connection comes from a trusted one; what they say wrongly counts against the
//! request.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{FORWARDED, HOST, HeaderName};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::{Config, Network, ProxyHeaders, RelativePath};

use super::transport;

/// Where issuers and links come from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Base {
    /// As configured, with the path, without a trailing slash.
    Fixed(String),
    /// From each request, because the administrator said so.
    FromRequest,
}

/// The settings behind [`Origin`].
#[derive(Clone, Debug)]
pub struct Addressing {
    base: Base,
    proxy_headers: ProxyHeaders,
    trusted_proxies: Vec<Network>,
}

/// What one request says about addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    pub client_address: IpAddr,
    pub secure: bool,
    pub base_url: Cow<'a, str>,
}

/// Where a client is that nobody could name: never local, never a proxy, and for rate limits one and the same.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl Addressing {
    pub fn new(config: &Config) -> Self {
        Self {
            base: if config.hostname.from_request { Base::FromRequest } else { Base::Fixed(config.base_url()) },
            proxy_headers: config.http.proxy_headers,
            trusted_proxies: config.http.trusted_proxies.clone(),
        }
    }

    /// `mount` is the path below which we stand, as routing found it.
    pub fn origin(&self, request: &HttpRequest, mount: &str) -> Origin<'_> {
        let peer = request.peer_addr().map_or(NOWHERE, |peer| peer.ip().to_canonical());
        let direct = Hop { client_address: peer, secure: transport::is_tls(request), host: None, prefix: None };
        let hop = match self.proxy_headers {
            ProxyHeaders::Forwarded if self.trusts(peer) => self.forwarded(request, direct),
            ProxyHeaders::Xforwarded if self.trusts(peer) => self.x_forwarded(request, &direct),
            _ => direct,
        };
        let base_url = match &self.base {
            Base::Fixed(url) => Cow::Borrowed(url.as_str()),
            Base::FromRequest => Cow::Owned(hop.base_url(request, mount)),
        };
        Origin { client_address: hop.client_address, secure: hop.secure, base_url }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }

    /// RFC 7239: each proxy appends one element about the request that it got. The element of the client-facing one is the
    /// rightmost whose `for` is no proxy of ours; what stands further left, the client may have written.
    fn forwarded(&self, request: &HttpRequest, direct: Hop) -> Hop {
        let mut hop = direct;
        for element in members(request, &FORWARDED).into_iter().rev() {
            let secure = parameter(element, "proto").map(|proto| proto.eq_ignore_ascii_case("https"));
            let host = parameter(element, "host").map(str::to_owned);
            // An element that does not say for whom hides a client who says it himself, further left.
            let client_address = parameter(element, "for").and_then(address).unwrap_or(NOWHERE);
            hop = Hop { client_address, secure: secure.unwrap_or(hop.secure), host: host.or(hop.host), prefix: None };
            if !self.trusts(client_address) {
                break;
            }
        }
        hop
    }

    /// What the proxies of Keycloak's guides send. The lists of these headers need not be equally long, so what was appended
    /// last counts, and a list of protocols is https only as a whole: whoever appended instead of replacing must not be able
    /// to turn http into https.
    fn x_forwarded(&self, request: &HttpRequest, direct: &Hop) -> Hop {
        let said = |name: &'static str| members(request, &HeaderName::from_static(name));
        let last = |name| said(name).pop().map(str::to_owned);
        let protocols = said("x-forwarded-proto");
        let mut client_address = direct.client_address;
        for text in said("x-forwarded-for").into_iter().rev() {
            client_address = address(text).unwrap_or(NOWHERE);
            if !self.trusts(client_address) {
                break;
            }
        }
        let port = last("x-forwarded-port");
        let host = last("x-forwarded-host").or_else(|| port.is_some().then(|| host_of(request)).flatten());
        Hop {
            client_address,
            secure: if protocols.is_empty() {
                direct.secure
            } else {
                protocols.iter().all(|protocol| protocol.eq_ignore_ascii_case("https"))
            },
            host: host.map(|host| with_port(host, port.as_deref())),
            prefix: last("x-forwarded-prefix"),
        }
    }
}

/// The key of an address for a rate limit: an IPv4 address, or the /64 that one customer has (RFC 6177 §2).
pub fn network_of(address: IpAddr) -> (bool, u64) {
    match address.to_canonical() {
        IpAddr::V4(address) => (false, u64::from(address.to_bits())),
        IpAddr::V6(address) => (true, u64::try_from(address.to_bits() >> 64).unwrap_or_default()),
    }
}

/// What RFC 3986 §3.3 allows in a segment stays readable.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// The issuer of a realm: what stands in the claim `iss` and in discovery.
pub fn issuer(base_url: &str, realm: &str) -> String {
    format!("{base_url}/realms/{}", segment(realm))
}

/// `text` as one segment of a path.
pub fn segment(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, SEGMENT)
}

/// What is known of the client's side of the request.
struct Hop {
    client_address: IpAddr,
    secure: bool,
    host: Option<String>,
    prefix: Option<String>,
}

impl Hop {
    fn base_url(&self, request: &HttpRequest, mount: &str) -> String {
        let host = self.host.clone().or_else(|| host_of(request)).filter(|host| is_host(host));
        let (scheme, default_port) = if self.secure { ("https", ":443") } else { ("http", ":80") };
        let host = host.as_deref().map_or("localhost", |host| host.strip_suffix(default_port).unwrap_or(host));
        let prefix = self.prefix.as_deref().filter(|prefix| is_prefix(prefix)).unwrap_or_default();
        format!("{scheme}://{host}{}{}", prefix.trim_end_matches('/'), mount.trim_end_matches('/'))
    }
}

/// The host that the client asked for: HTTP/2 has it in the request's own pseudo-header (RFC 9113 §8.3.1).
fn host_of(request: &HttpRequest) -> Option<String> {
    let authority = || request.uri().authority().map(|authority| authority.as_str().to_owned());
    let header = request.headers().get(&HOST).and_then(|value| value.to_str().ok()).map(str::to_owned);
    header.or_else(authority)
}

/// `host` with `port` instead of its own, if that is a port.
fn with_port(host: String, port: Option<&str>) -> String {
    let Some(port) = port.and_then(|port| port.parse::<u16>().ok()).filter(|port| *port > 0) else { return host };
    let name = match host.rsplit_once(':') {
        Some((name, own)) if !own.contains(']') => name,
        _ => host.as_str(),
    };
    format!("{name}:{port}")
}

/// Whether `address` is one of a private network or this machine, for `sslRequired: external`.
pub fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

/// The members of a comma-separated header, over all its lines; empty ones mean nothing (RFC 9110 §5.6.1.2).
fn members<'a>(request: &'a HttpRequest, name: &HeaderName) -> Vec<&'a str> {
    let lines = request.headers().get_all(name).map(|value| value.to_str().unwrap_or("?"));
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|member| !member.is_empty()).collect()
}

/// The value of `name` in one element of `Forwarded`: `for=192.0.2.1;proto="https"`. `None` unless it stands there once, as a
/// token or a whole quoted string: quotes that do not match are the remains of somebody else's element.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let mut values = element.split(';').filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    });
    let (value, None) = (values.next()?, values.next()) else { return None };
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?,
        None => value,
    };
    (!value.contains(['"', '\\'])).then_some(value)
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let plain = || text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    plain().or_else(with_port).or_else(bracketed).map(|address| address.to_canonical())
}

fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']' | b'_'))
}

/// A path as [`crate::config::RelativePath`] allows it: no proxy has another one by accident.
fn is_prefix(text: &str) -> bool {
    text.len() <= 255 && text.parse::<RelativePath>().is_ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn addressing(base: Base, proxy_headers: ProxyHeaders) -> Addressing {
        let trusted_proxies = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().expect("a network")).to_vec();
        Addressing { base, proxy_headers, trusted_proxies }
    }

    fn asked<'a>(addressing: &'a Addressing, peer: &str, headers: &[(&'static str, &'static str)]) -> Origin<'a> {
        let mut request = TestRequest::default().peer_addr(
            if peer.contains(':') { format!("[{peer}]:1234") } else { format!("{peer}:1234") }
                .parse()
                .expect("an address"),
        );
        for header in headers {
            request = request.append_header(*header);
        }
        addressing.origin(&request.to_http_request(), "/sso")
    }

    #[test]
    fn the_issuer_follows_the_host_only_if_the_administrator_said_so() {
        let host = [("Host", "evil.example")];
        let fixed = addressing(Base::Fixed("https://id.example/auth".to_owned()), ProxyHeaders::None);
        assert_eq!(asked(&fixed, "192.0.2.1", &host).base_url, "https://id.example/auth");
        let follows = addressing(Base::FromRequest, ProxyHeaders::None);
        assert_eq!(asked(&follows, "192.0.2.1", &host).base_url, "http://evil.example/sso");
        assert_eq!(asked(&follows, "192.0.2.1", &[("Host", "a\"b")]).base_url, "http://localhost/sso");
    }

    #[test]
    fn proxy_headers_count_only_from_a_trusted_proxy() {
        let headers = [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "id.example")];
        let x = addressing(Base::FromRequest, ProxyHeaders::Xforwarded);
        let from_proxy = asked(&x, "10.1.2.3", &headers);
        assert_eq!((from_proxy.client_address.to_string().as_str(), from_proxy.secure), ("198.51.100.7", true));
        assert_eq!(from_proxy.base_url, "https://id.example/sso");
        let direct = asked(&x, "192.0.2.9", &headers);
        assert_eq!((direct.client_address.to_string().as_str(), direct.secure), ("192.0.2.9", false));
        let ignoring = addressing(Base::FromRequest, ProxyHeaders::None);
        assert!(!asked(&ignoring, "10.1.2.3", &headers).secure);
    }

    #[test]
    fn the_client_is_the_rightmost_address_that_is_no_proxy_of_ours() {
        let x = addressing(Base::FromRequest, ProxyHeaders::Xforwarded);
        let client = |list| asked(&x, "10.1.2.3", &[("X-Forwarded-For", list)]).client_address.to_string();
        assert_eq!(client("203.0.113.1, 198.51.100.7, 10.9.9.9"), "198.51.100.7");
        assert_eq!(client("[2001:db8::1]:443, 10.9.9.9:8080"), "2001:db8::1");
        assert_eq!(client("10.0.0.1"), "10.0.0.1");
        assert_eq!(client("127.0.0.1, what?"), "0.0.0.0", "garbage is never local");
        assert!(!is_local("0.0.0.0".parse().expect("an address")));
        let protocols = asked(&x, "10.1.2.3", &[("X-Forwarded-Proto", "https, http")]);
        assert!(!protocols.secure);
    }

    #[test]
    fn the_standard_header_says_the_same() {
        let standard = addressing(Base::FromRequest, ProxyHeaders::Forwarded);
        let origin = asked(&standard, "fd00::1", &[("Forwarded", "for=\"[2001:db8::7]:99\";proto=https;host=id.example")]);
        assert_eq!((origin.client_address.to_string().as_str(), origin.secure), ("2001:db8::7", true));
        assert_eq!(origin.base_url, "https://id.example/sso");

        let client = |header| {
            let origin = asked(&standard, "10.1.2.3", &[("Forwarded", header)]);
            (origin.client_address.to_string(), origin.secure)
        };
        let nowhere = |secure| ("0.0.0.0".to_owned(), secure);
        // Two proxies of ours: the client-facing one is asked about host and protocol.
        assert_eq!(client("for=127.0.0.1, for=198.51.100.7;proto=https, for=10.9.9.9;proto=http"), ("198.51.100.7".to_owned(), true));
        // What the client wrote stands left of what the proxy wrote.
        assert_eq!(client("for=127.0.0.1;proto=https, for=198.51.100.7;proto=http"), ("198.51.100.7".to_owned(), false));
        assert_eq!(client("for=127.0.0.1, proto=https"), nowhere(true), "a proxy that does not say for whom");
        for garbage in ["for=unknown", "for=_hidden", "for=\"198.51.100.7", "for=198.51.100.7;for=127.0.0.1", "for=\"a\\b\"", "what?"] {
            assert_eq!(client(garbage), nowhere(false), "{garbage}");
        }
        assert_eq!(client("for=\"127.0.0.1, for=198.51.100.7"), ("198.51.100.7".to_owned(), false), "an open quote swallows nothing");
    }

    #[test]
    fn port_and_prefix_belong_to_the_base_url() {
        let x = addressing(Base::FromRequest, ProxyHeaders::Xforwarded);
        let base = |headers: &[(&'static str, &'static str)]| {
            let all = [&[("X-Forwarded-Proto", "https"), ("Host", "inner:8080")], headers].concat();
            asked(&x, "10.1.2.3", &all).base_url.into_owned()
        };
        assert_eq!(base(&[]), "https://inner:8080/sso");
        assert_eq!(base(&[("X-Forwarded-Host", "id.example"), ("X-Forwarded-Port", "443")]), "https://id.example/sso");
        assert_eq!(base(&[("X-Forwarded-Host", "id.example:99"), ("X-Forwarded-Port", "8443")]), "https://id.example:8443/sso");
        assert_eq!(base(&[("X-Forwarded-Port", "8443")]), "https://inner:8443/sso");
        assert_eq!(base(&[("X-Forwarded-Host", "[2001:db8::1]"), ("X-Forwarded-Port", "8443")]), "https://[2001:db8::1]:8443/sso");
        assert_eq!(base(&[("X-Forwarded-Prefix", "/login/")]), "https://inner:8080/login/sso");
        for odd in ["login", "//evil.example", "/a/../b", "/a?b", "/a b", "/\"><script>"] {
            assert_eq!(base(&[("X-Forwarded-Prefix", odd)]), "https://inner:8080/sso", "{odd}");
        }
        for odd in ["0", "x", "99999"] {
            assert_eq!(base(&[("X-Forwarded-Host", "id.example"), ("X-Forwarded-Port", odd)]), "https://id.example/sso", "{odd}");
        }
    }

    #[test]
    fn an_ipv6_customer_is_one_client_and_an_ipv4_address_has_one_key() {
        let key = |text: &str| network_of(text.parse().expect("an address"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
