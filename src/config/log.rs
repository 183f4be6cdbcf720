//! `[log]`: how much is written about the server's work, and in which form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub level: LogLevel,
    pub format: LogFormat,
    pub requests: RequestLog,
}

/// At which level each request gets a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestLog {
    Off,
    #[default]
    Debug,
    Info,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    Text,
    Json,
}

/// `info`, or a list such as `info,keywright::store=debug`: a level, then exceptions for modules of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogLevel(String);

impl LogLevel {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The level as directives of tracing's `EnvFilter`. It is about our own modules: from the crates below us nothing under
    /// a warning is written, because what they say about bytes and pages may contain secrets.
    pub fn filter(&self) -> String {
        let of_others = |level: &str| if matches!(level, "off" | "error") { level.to_owned() } else { "warn".to_owned() };
        let directive = |directive: &str| match directive.split_once('=') {
            Some(_) => directive.to_owned(),
            None => format!("{},keywright={directive}", of_others(directive)),
        };
        self.0.split(',').map(directive).collect::<Vec<_>>().join(",")
    }
}

impl Default for LogLevel {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        for directive in lower.split(',') {
            let (module, level) = directive.split_once('=').unwrap_or(("keywright", directive));
            let is_ours = module.split("::").next() == Some("keywright");
            if !is_ours || !module.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':')) {
                return Err(format!("{module:?} is not one of our modules, such as keywright::store"));
            }
            if !LEVELS.contains(&level) {
                return Err(format!("{level:?} is not a level: use {}", LEVELS.join(", ")));
            }
        }
        Ok(Self(lower))
    }
}

impl TryFrom<String> for LogLevel {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<LogLevel> for String {
    fn from(level: LogLevel) -> Self {
        level.0
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_word_with_exceptions_by_module() {
        for (given, kept) in [("info", "info"), ("WARN", "warn"), ("info,keywright::store=debug", "info,keywright::store=debug")] {
            assert_eq!(given.parse::<LogLevel>().unwrap().as_str(), kept);
        }
        for refused in ["", "loud", "info,", "keywright=", "=info", "a b=info", "sled=trace", "keywrighter=info"] {
            assert!(refused.parse::<LogLevel>().is_err(), "{refused}");
        }
    }

    #[test]
    fn a_level_opens_our_own_modules_only() {
        let filter = |text: &str| text.parse::<LogLevel>().unwrap().filter();
        assert_eq!(filter("trace"), "warn,keywright=trace");
        assert_eq!(filter("error"), "error,keywright=error");
        assert_eq!(filter("info,keywright::store=debug"), "warn,keywright=info,keywright::store=debug");
    }
}
