//! `[passwords]`: what password policies of realms refer to on this server.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Passwords {
    /// Where the files of the policy `passwordBlacklist(FILE)` are. Relative to the working directory.
    pub blacklists: PathBuf,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { blacklists: PathBuf::from("data/password-blacklists") }
    }
}
