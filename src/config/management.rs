//! `[management]`: the listener for health checks, apart from the public one so that a proxy never forwards to it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Http, Https, Problem};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Management {
    /// The address to listen on.
    pub host: IpAddr,
    pub port: ManagementPort,
    pub scheme: ManagementScheme,
    /// How many realms get a label of their own in the metrics.
    pub metrics_realms: usize,
}

/// What the management listener speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ManagementScheme {
    /// TLS with the certificate of `[https]` if there is one, as in Keycloak.
    #[default]
    Inherited,
    Http,
}

impl Default for Management {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: ManagementPort::On(9000),
            scheme: ManagementScheme::Inherited,
            metrics_realms: 100,
        }
    }
}

impl Management {
    pub(super) fn validate(&self, http: &Http, https: &Https, problems: &mut Vec<Problem>) {
        let ManagementPort::On(own) = self.port else { return };
        for (key, on, port) in [("http.port", http.enabled, http.port), ("https.port", https.is_on(), https.port)] {
            if on && own != 0 && own == port {
                problems.push(Problem::new("management.port", format!("is {own}, as {key}: the two listeners need ports of their own")));
            }
        }
    }
}

/// `"off"`, or a port; 0 lets the system choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum ManagementPort {
    Off,
    On(u16),
}

impl FromStr for ManagementPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            _ => text.parse().map(Self::On).map_err(|_| format!("{text:?} is neither a port (0 to 65535) nor \"off\"")),
        }
    }
}

impl fmt::Display for ManagementPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On(port) => write!(f, "{port}"),
        }
    }
}

/// How a [`ManagementPort`] stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a port (0 to 65535) or \"off\"")]
enum Written {
    Port(u16),
    Text(String),
}

impl TryFrom<Written> for ManagementPort {
    type Error = String;
    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Port(port) => Ok(Self::On(port)),
            Written::Text(text) => text.parse(),
        }
    }
}

impl From<ManagementPort> for Written {
    fn from(port: ManagementPort) -> Self {
        match port {
            ManagementPort::Off => Self::Text("off".to_owned()),
            ManagementPort::On(port) => Self::Port(port),
        }
    }
}
