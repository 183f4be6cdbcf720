//! Password hashes: what is stored, in Keycloak's own fields, and how it is made and verified. The work runs in a pool of its
//! own ([`HashingPool`]), so a storm of logins leaves every other request fast.

mod algorithm;
mod pool;
mod representation;

pub use algorithm::{Argon2Parameters, HashAlgorithm, HashChoice};
pub use pool::{HashingOptions, HashingPool};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// A stored hash with everything that verifying needs; the names are those of Keycloak's `credentialData` and `secretData`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    /// `argon2`, `pbkdf2-sha512`, `pbkdf2-sha256`, `pbkdf2`; `bcrypt`, whose `value` is then the whole `$2b$…` text.
    pub algorithm: String,
    pub hash_iterations: u32,
    /// `type`, `version`, `memory` (KiB), `parallelism`, `hashLength` for argon2, each as text.
    #[serde(default)]
    pub additional_parameters: BTreeMap<String, String>,
    /// Base64 with padding.
    pub value: Secret<String>,
    /// Base64 with padding.
    pub salt: Secret<String>,
    /// The text of `credentialData` as it came, of a hash that was made elsewhere: it is shown as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_data: Option<String>,
}

impl PasswordHash {
    /// Whether the pool knows how to verify a password against it.
    pub fn is_verifiable(&self) -> bool {
        algorithm::Recipe::parse(self).is_some()
    }
}

/// The queue is full: answer 503 with `Retry-After`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("too many password checks are waiting")]
pub struct Overloaded;
