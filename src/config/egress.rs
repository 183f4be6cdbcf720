//! `[egress]`: what the server itself may fetch, such as the keys of a client from its `jwks.url`. Addresses that only the
//! server can reach are refused unless they are named here, so that a client's settings never open the internal network.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Network, Problem};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    /// Hosts and networks that may be asked although their addresses are not public, and over plain http too.
    pub allow: Vec<Destination>,
    /// A PEM file of certificate authorities that are trusted besides those of the operating system.
    pub ca_file: Option<PathBuf>,
    /// Seconds that one fetch may take, redirects included.
    pub timeout_seconds: u64,
    /// The largest answer, in KiB.
    pub max_body_kib: usize,
    /// Seconds that fetched keys are used before they are fetched again; an unknown key id fetches earlier.
    pub cache_seconds: u64,
}

impl Default for Egress {
    fn default() -> Self {
        Self { allow: Vec::new(), ca_file: None, timeout_seconds: 5, max_body_kib: 256, cache_seconds: 3600 }
    }
}

impl Egress {
    pub(super) fn validate(&self, problems: &mut Vec<Problem>) {
        let mut within = |key: &str, value: u64, least: u64, most: u64| {
            if !(least..=most).contains(&value) {
                problems.push(Problem::new(key, format!("is {value}, but must be from {least} to {most}")));
            }
        };
        within("egress.timeout_seconds", self.timeout_seconds, 1, 60);
        within("egress.max_body_kib", self.max_body_kib as u64, 1, 16 * 1024);
        within("egress.cache_seconds", self.cache_seconds, 10, 24 * 3600);
    }
}

/// Where the server may go: a network such as `10.0.0.0/8`, or a host name with whatever addresses it resolves to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Destination {
    Network(Network),
    /// In lower case, without a dot at its end.
    Host(String),
}

impl Destination {
    /// Whether an address that `host` stands for is meant.
    pub fn covers(&self, host: &str, address: IpAddr) -> bool {
        match self {
            Self::Network(network) => network.contains(address),
            Self::Host(name) => name.eq_ignore_ascii_case(host.trim_end_matches('.')),
        }
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(network) = text.parse() {
            return Ok(Self::Network(network));
        }
        let name = text.trim_end_matches('.');
        let label =
            |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        // A last label of digits would be a mistyped address.
        let last_is_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        if name.split('.').all(label) && !last_is_number {
            Ok(Self::Host(name.to_ascii_lowercase()))
        } else {
            Err(format!("{text:?} is neither a host name nor an address nor a network such as 10.0.0.0/8"))
        }
    }
}

impl TryFrom<String> for Destination {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.to_string()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => f.write_str(&String::from(*network)),
            Self::Host(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_network_or_a_name() {
        let covers = |written: &str, host: &str, address: &str| {
            written.parse::<Destination>().expect("a destination").covers(host, address.parse().expect("an address"))
        };
        assert!(covers("10.0.0.0/8", "app.internal", "10.1.2.3") && !covers("10.0.0.0/8", "app.internal", "11.1.2.3"));
        assert!(covers("127.0.0.1", "localhost", "127.0.0.1"));
        assert!(covers("App.Internal.", "app.internal", "10.1.2.3") && covers("app.internal", "APP.internal.", "::1"));
        assert!(!covers("app.internal", "app.internal.evil.example", "10.1.2.3"));
        for refused in ["", "10.0.0", "10.0.0.0/33", "http://app", "app:80", "*.internal", "a..b"] {
            assert!(refused.parse::<Destination>().is_err(), "{refused}");
        }
    }
}
