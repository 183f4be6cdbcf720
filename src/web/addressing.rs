//! Under which address we are reached and from where: the base URL of all links and issuers, the client's address, TLS or
//! not. Headers of a proxy count only when the connection comes from a trusted one; what they say wrongly counts against the
//! request.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{FORWARDED, HOST, HeaderName};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::{Config, Network, ProxyHeaders};

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
pub struct Origin {
    pub client_address: IpAddr,
    pub secure: bool,
    pub base_url: String,
}

impl Addressing {
    pub fn new(config: &Config) -> Self {
        Self {
            base: if config.hostname.from_request { Base::FromRequest } else { Base::Fixed(config.base_url()) },
            proxy_headers: config.http.proxy_headers,
            trusted_proxies: config.http.trusted_proxies.clone(),
        }
    }

    /// `mount` is the path below which we stand, as routing found it.
    pub fn origin(&self, request: &HttpRequest, mount: &str) -> Origin {
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
        let direct = Hop { client_address: peer, secure: request.app_config().secure(), host: None };
        let hop = if self.proxy_headers != ProxyHeaders::None && self.trusts(peer) { self.forwarded(request, &direct) } else { direct };
        let base_url = match &self.base {
            Base::Fixed(url) => url.clone(),
            Base::FromRequest => {
                let host = hop.host.or_else(|| header(request, &HOST).map(str::to_owned)).filter(|host| is_host(host));
                let scheme = if hop.secure { "https" } else { "http" };
                format!("{scheme}://{}{}", host.as_deref().unwrap_or("localhost"), mount.trim_end_matches('/'))
            }
        };
        Origin { client_address: hop.client_address, secure: hop.secure, base_url }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }

    fn forwarded(&self, request: &HttpRequest, direct: &Hop) -> Hop {
        let elements = list(request, &FORWARDED);
        let standard = self.proxy_headers == ProxyHeaders::Forwarded;
        let said = |parameter: &str, header: &'static str| {
            if standard {
                elements.iter().filter_map(|element| pair(element, parameter)).collect()
            } else {
                list(request, &HeaderName::from_static(header))
            }
        };
        let (addresses, protocols) = (said("for", "x-forwarded-for"), said("proto", "x-forwarded-proto"));
        Hop {
            client_address: self.client(&addresses).unwrap_or(direct.client_address),
            // Whoever appended instead of replacing must not be able to turn http into https.
            secure: if protocols.is_empty() {
                direct.secure
            } else {
                protocols.iter().all(|protocol| protocol.eq_ignore_ascii_case("https"))
            },
            host: said("host", "x-forwarded-host").pop(),
        }
    }

    /// The rightmost address that no trusted proxy of ours has. Text that is no address counts as an address from nowhere,
    /// which is never local.
    fn client(&self, addresses: &[String]) -> Option<IpAddr> {
        let mut client = None;
        for text in addresses.iter().rev() {
            let Some(address) = address(text) else { return Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) };
            client = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        client
    }
}

/// The issuer of a realm: what stands in the claim `iss` and in discovery.
pub fn issuer(base_url: &str, realm: &str) -> String {
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
    format!("{base_url}/realms/{}", utf8_percent_encode(realm, SEGMENT))
}

struct Hop {
    client_address: IpAddr,
    secure: bool,
    host: Option<String>,
}

/// Whether `address` is one of a private network or this machine, for `sslRequired: external`.
pub fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

fn header<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// The members of a comma-separated header, over all its lines.
fn list(request: &HttpRequest, name: &HeaderName) -> Vec<String> {
    request
        .headers()
        .get_all(name)
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .map(|member| member.trim().to_owned())
        .collect()
}

/// The value of `name` in one element of `Forwarded`: `for=192.0.2.1;proto=https`.
fn pair(element: &str, name: &str) -> Option<String> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
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

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn addressing(base: Base, proxy_headers: ProxyHeaders) -> Addressing {
        let trusted_proxies = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().expect("a network")).to_vec();
        Addressing { base, proxy_headers, trusted_proxies }
    }

    fn asked(addressing: &Addressing, peer: &str, headers: &[(&'static str, &'static str)]) -> Origin {
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
    }
}
