//! Settings of one server: what an operator decides, never what belongs to a realm (that is data in the store).
//!
//! [`Config`] has one section per file here. [`load::load`] merges defaults, a TOML file, the environment and flags and
//! answers every problem at once; an embedder builds a [`Config`] in code and [`Config::validate`]s it. `template.toml` is
//! the reference that `keywright config init` writes; a test keeps it complete.

pub mod bootstrap;
pub mod egress;
mod gather;
pub mod hashing;
pub mod hostname;
pub mod http;
pub mod https;
pub mod keycloak;
pub mod keys;
pub mod load;
pub mod log;
pub mod management;
pub mod passwords;
pub mod rate_limit;
pub mod store;
pub mod tracing;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use bootstrap::Bootstrap;
pub use egress::{Destination, Egress};
pub use hashing::Hashing;
pub use hostname::{BaseUrl, Hostname};
pub use http::{Http, Network, ProxyHeaders, RelativePath};
pub use https::{Https, TlsVersion};
pub use keys::Keys;
pub use log::{Log, LogFormat, LogLevel, RequestLog};
pub use management::{Management, ManagementPort, ManagementScheme};
pub use passwords::Passwords;
pub use rate_limit::{RateLimit, Rates};
pub use store::{Engine, Store};
pub use tracing::Tracing;

/// All settings. `Default` is what a server without any setting runs with; an embedder must also set [`Hostname::url`].
///
/// ```
/// use keywright::config::Config;
/// let mut config = Config::in_memory("https://id.example.com/auth").unwrap();
/// config.hashing.queue = 16;
/// assert!(config.validate().is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub http: Http,
    pub https: Https,
    pub rate_limit: RateLimit,
    pub hostname: Hostname,
    pub management: Management,
    pub store: Store,
    pub keys: Keys,
    pub log: Log,
    pub bootstrap: Bootstrap,
    pub hashing: Hashing,
    pub passwords: Passwords,
    pub egress: Egress,
    pub tracing: Tracing,
}

/// The settings that no output may show; only these can be read from a file named by `…_FILE`.
pub const SECRETS: &[&str] = &["bootstrap.admin_password", "keys.key_encryption_key"];

/// The text of `keywright config init`: every setting with its explanation and default, commented out.
pub const TEMPLATE: &str = include_str!("template.toml");

impl Config {
    /// The settings of an issuer that keeps nothing: a memory store, its base URL, everything else as by default.
    ///
    /// # Errors
    /// When `base_url` is not an absolute http or https URL.
    pub fn in_memory(base_url: &str) -> Result<Self, String> {
        let mut config = Self::default();
        config.hostname.url = Some(base_url.parse()?);
        config.store.engine = Engine::Memory;
        config.management.port = ManagementPort::Off;
        Ok(config)
    }

    /// The base URL that issuers and endpoint URLs start with, without a slash at its end. Without [`Hostname::url`] it is
    /// `http://localhost:{port}{path}`, where a standalone server can be reached from its own machine, or `https://…` when
    /// plain HTTP is off.
    pub fn base_url(&self) -> String {
        match &self.hostname.url {
            Some(url) => url.as_str().to_owned(),
            None if self.http.enabled => format!("http://localhost:{}{}", self.http.port, self.http.relative_path),
            None => format!("https://localhost:{}{}", self.https.port, self.http.relative_path),
        }
    }

    /// Checks what no single setting can know. Types have checked the rest.
    ///
    /// # Errors
    /// Every problem, each with the key that it is about.
    pub fn validate(&self) -> Result<(), Problems> {
        let mut problems = Vec::new();
        self.hostname.validate(&mut problems);
        self.http.validate(&mut problems);
        self.https.validate(&self.http, &mut problems);
        self.rate_limit.validate(&mut problems);
        self.management.validate(&self.http, &self.https, &mut problems);
        self.store.validate(&mut problems);
        self.keys.validate(&mut problems);
        self.bootstrap.validate(&mut problems);
        self.hashing.validate(&mut problems);
        self.egress.validate(&mut problems);
        self.tracing.validate(&mut problems);
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }

    /// What is allowed but probably not meant, as sentences for the log at start.
    pub fn warnings(&self) -> Vec<String> {
        self.hostname.warnings(&self.http)
    }
}

/// What is wrong with one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting, as `section.key`, or what stands in its place (a line of the file, a variable).
    pub key: String,
    /// Where the value came from: `keywright.toml:3`, `KEYWRIGHT_HTTP__PORT`, `--http-port`. `None` for a default or a
    /// value set in code.
    pub origin: Option<String>,
    pub reason: String,
}

impl Problem {
    pub fn new(key: &str, reason: impl Into<String>) -> Self {
        Self { key: key.to_owned(), origin: None, reason: reason.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{} ({origin}): {}", self.key, self.reason),
            None => write!(f, "{}: {}", self.key, self.reason),
        }
    }
}

/// Everything that is wrong with the settings, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has a problem:")?,
            n => write!(f, "the configuration has {n} problems:")?,
        }
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_name_a_local_base_url() {
        let config = Config::default();
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(config.base_url(), "http://localhost:8080/auth");
        assert!(config.warnings().is_empty());
    }

    #[test]
    fn validation_names_every_problem_and_its_key() {
        let mut config = Config::default();
        config.hostname.url = Some("https://id.example.com".parse().unwrap());
        config.hostname.from_request = true;
        config.management.port = ManagementPort::On(8080);
        config.bootstrap.admin_password = Some("".into());
        config.hashing.queue = 0;
        let Problems(problems) = config.validate().unwrap_err();
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["hostname.from_request", "management.port", "bootstrap.admin_password", "hashing.queue"]);
    }

    #[test]
    fn no_secret_shows_in_debug_output() {
        let mut config = Config::default();
        config.bootstrap.admin_password = Some("hunter2-password".into());
        config.keys.key_encryption_key = Some("hunter2-key".into());
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
