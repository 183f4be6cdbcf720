//! What the settings believe about proxies, and whether it goes together with the address that clients use.

use super::{Finding, good, problem, warning};
use crate::config::{Config, Network, ProxyHeaders};

const CHECK: &str = "proxy";
const TRUSTED: &str = "name your proxies alone in http.trusted_proxies (KC_PROXY_TRUSTED_ADDRESSES)";

/// One finding: the first thing that is wrong, or how it is.
pub(super) fn finding(config: &Config) -> Finding {
    let public = config.hostname.url.as_ref().filter(|url| !url.is_loopback());
    let is_https = public.is_some_and(crate::config::BaseUrl::is_https);
    if config.http.proxy_headers == ProxyHeaders::None {
        return if is_https && !config.https.is_on() {
            warning(
                CHECK,
                "issuers are https and TLS ends elsewhere, but no header of a proxy is believed: everybody has the proxy's address, and sslRequired refuses",
                "http.proxy_headers = \"xforwarded\" or \"forwarded\" (KC_PROXY_HEADERS), as the proxy writes them",
            )
        } else {
            good(CHECK, "no proxy's headers are believed: the connection itself tells who asks")
        };
    }
    let trusted = &config.http.trusted_proxies;
    if trusted.is_empty() {
        return problem(CHECK, "headers of proxies are to be believed, and no proxy is trusted", TRUSTED);
    }
    if trusted.iter().any(Network::is_everybody) {
        return problem(CHECK, "everybody's headers are believed: each client can choose its address", TRUSTED);
    }
    match public {
        None => warning(
            CHECK,
            "there is a proxy, and issuers begin with an address of this machine",
            "hostname.url (KC_HOSTNAME) is the address that clients use, with https://",
        ),
        Some(url) if !is_https => problem(
            CHECK,
            format!("there is a proxy, and issuers begin with {url}: sessions and tokens are for https"),
            "hostname.url (KC_HOSTNAME) is the address that clients use, with https://",
        ),
        Some(_) if *trusted == Network::private() => {
            warning(CHECK, "headers are believed from loopback and from every private address", TRUSTED)
        }
        Some(_) => good(CHECK, format!("headers are believed from {}", names(trusted))),
    }
}

fn names(networks: &[Network]) -> String {
    networks.iter().map(|network| String::from(*network)).collect::<Vec<_>>().join(", ")
}
