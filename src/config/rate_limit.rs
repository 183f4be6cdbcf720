//! `[rate_limit]`: how many requests one address and one client may make. Off by default, as in Keycloak, which leaves it to
//! a proxy; a server that stands in the open should switch it on.

use serde::{Deserialize, Serialize};

use super::Problem;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimit {
    /// Requests a second that one address (IPv6: one /64) may make in the long run; 0 for no limit.
    pub address_per_second: u32,
    /// Requests that it may make at once; 0 is ten times the rate.
    pub address_burst: u32,
    /// Token requests a second that one client may make in the long run once it has authenticated; 0 for no limit.
    pub client_per_second: u32,
    /// Token requests that it may make at once; 0 is ten times the rate.
    pub client_burst: u32,
}

/// A limit that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    pub per_second: u32,
    pub burst: u32,
}

impl RateLimit {
    /// The limit for addresses, if there is one.
    pub fn address(&self) -> Option<Rates> {
        rates(self.address_per_second, self.address_burst)
    }

    /// The limit for clients, if there is one.
    pub fn client(&self) -> Option<Rates> {
        rates(self.client_per_second, self.client_burst)
    }

    pub(super) fn validate(&self, problems: &mut Vec<Problem>) {
        for (key, value) in [
            ("rate_limit.address_per_second", self.address_per_second),
            ("rate_limit.address_burst", self.address_burst),
            ("rate_limit.client_per_second", self.client_per_second),
            ("rate_limit.client_burst", self.client_burst),
        ] {
            if value > 1_000_000 {
                problems.push(Problem::new(key, format!("is {value}, but must be from 0 to 1000000")));
            }
        }
    }
}

fn rates(per_second: u32, burst: u32) -> Option<Rates> {
    let burst = if burst == 0 { per_second.saturating_mul(10) } else { burst };
    (per_second > 0).then_some(Rates { per_second, burst })
}
