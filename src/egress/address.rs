//! Which addresses are reached: public ones, and what `egress.allow` names. The judgement and the connection use the same
//! resolution, so a name that changes its address in between (DNS rebinding) gains nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::config::{Destination, Network};

/// Everything that is not a public unicast address by the registries of RFC 6890. IPv6 is listed by what is public instead.
static NOT_PUBLIC: LazyLock<Vec<Network>> = LazyLock::new(|| {
    networks(&[
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        // Inside of 2000::/3: protocol assignments with Teredo, documentation, 6to4.
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    ])
});
static GLOBAL_UNICAST: LazyLock<Vec<Network>> = LazyLock::new(|| networks(&["0.0.0.0/0", "2000::/3"]));
/// The IPv4 internet as networks with IPv6 only see it (RFC 6052 §2.1): the last four bytes are the address.
static NAT64: LazyLock<Vec<Network>> = LazyLock::new(|| networks(&["64:ff9b::/96"]));

fn networks(texts: &[&str]) -> Vec<Network> {
    texts.iter().map(|text| text.parse().expect("is CIDR notation")).collect()
}

/// How far a fetch may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    /// Public addresses and what is allowed by name.
    Public,
    /// Only what is allowed by name: plain http.
    Allowed,
}

/// A host that is not reached.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not reached")]
pub(super) struct Forbidden(pub(super) String);

pub(super) struct Rules {
    allow: Vec<Destination>,
}

impl Rules {
    pub(super) const fn new(allow: Vec<Destination>) -> Self {
        Self { allow }
    }

    /// Judges the host of a URL if it is an address. URL parsing has turned every spelling (`0x7f.1`, `2130706433`) into the
    /// usual one.
    pub(super) fn check_literal(&self, host: &str, reach: Reach) -> Result<(), Forbidden> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse() {
            Ok(address) if !self.reaches(bare, address, reach) => Err(Forbidden(host.to_owned())),
            _ => Ok(()),
        }
    }

    pub(super) fn resolver(self: &Arc<Self>, reach: Reach) -> Arc<Resolver> {
        Arc::new(Resolver { rules: Arc::clone(self), reach })
    }

    fn reaches(&self, host: &str, address: IpAddr, reach: Reach) -> bool {
        let allowed = || self.allow.iter().any(|destination| destination.covers(host, address));
        reach == Reach::Public && is_public(address) || allowed()
    }
}

fn is_public(address: IpAddr) -> bool {
    let within = |networks: &[Network], address| networks.iter().any(|network| network.contains(address));
    match address.to_canonical() {
        IpAddr::V6(v6) if within(&NAT64, address) => {
            let [.., a, b, c, d] = v6.octets();
            is_public(IpAddr::from([a, b, c, d]))
        }
        address => within(&GLOBAL_UNICAST, address) && !within(&NOT_PUBLIC, address),
    }
}

/// The operating system's resolver, of whose answers only addresses that are reached are left.
pub(super) struct Resolver {
    rules: Arc<Rules>,
    reach: Reach,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, reach) = (Arc::clone(&self.rules), self.reach);
        Box::pin(async move {
            let host = name.as_str();
            let resolved = tokio::net::lookup_host((host, 0)).await?;
            let reached: Vec<SocketAddr> = resolved.filter(|address| rules.reaches(host, address.ip(), reach)).collect();
            if reached.is_empty() {
                return Err(Forbidden(host.to_owned()).into());
            }
            Ok(Box::new(reached.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for address in ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "127.0.0.1",
            "127.255.0.1",
            "10.0.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "100::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_is_allowed_is_reached_and_plain_http_reaches_nothing_else() {
        let rules = Rules::new(vec!["10.0.0.0/8".parse().unwrap(), "keys.internal".parse().unwrap()]);
        let reaches = |host: &str, address: &str, reach| rules.reaches(host, address.parse().unwrap(), reach);
        assert!(reaches("x.example", "8.8.8.8", Reach::Public) && !reaches("x.example", "8.8.8.8", Reach::Allowed));
        assert!(reaches("x.example", "10.1.1.1", Reach::Allowed) && reaches("keys.internal", "127.0.0.1", Reach::Allowed));
        assert!(!reaches("x.example", "127.0.0.1", Reach::Public));
        assert!(rules.check_literal("[::1]", Reach::Public).is_err() && rules.check_literal("10.0.0.1", Reach::Allowed).is_ok());
        assert!(rules.check_literal("localhost", Reach::Public).is_ok(), "a name is judged when it is resolved");
    }
}
