//! `[tracing]`: traces of requests for a collector of OpenTelemetry.

use serde::{Deserialize, Serialize};

use super::Problem;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tracing {
    /// The collector, without `/v1/traces`. `None`: no traces.
    pub endpoint: Option<String>,
    /// How many of a hundred requests are traced that no caller has decided about.
    pub sample_percent: u32,
    /// `service.name`.
    pub service_name: String,
}

impl Default for Tracing {
    fn default() -> Self {
        Self { endpoint: None, sample_percent: 100, service_name: "keywright".to_owned() }
    }
}

impl Tracing {
    pub(super) fn validate(&self, problems: &mut Vec<Problem>) {
        if self.endpoint.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            problems.push(Problem::new("tracing.endpoint", "is no URL such as http://localhost:4318"));
        }
        if self.sample_percent > 100 {
            problems.push(Problem::new("tracing.sample_percent", format!("is {}, but must be from 0 to 100", self.sample_percent)));
        }
    }
}
