//! What brute force protection knows of a user: one document for all spellings of his name. Not commutative: it is reset,
//! locks and unlocks, hence a versioned document and no counter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;

/// The attribute by which Keycloak remembers why it disabled a user, and its value.
pub const DISABLED_REASON: (&str, &str) = ("disabledReason", "permanentLockout");

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginFailures {
    pub num_failures: i64,
    pub num_temporary_lockouts: i64,
    /// Failures of the second factor after a right password.
    #[serde(default)]
    pub num_secondary_auth_failures: i64,
    pub last_failure: Option<Timestamp>,
    #[serde(rename = "lastIPFailure")]
    pub last_ip_failure: String,
    /// No login before this moment.
    pub failed_login_not_before: Option<Timestamp>,
    /// A failure decided that the account is disabled for good, and it may not be yet: the two are different commits. Whoever
    /// meets this finishes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub to_disable: bool,
    /// Where the realm locks addresses instead of the account: what is known of each. These have none of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub addresses: BTreeMap<String, LoginFailures>,
}
