//! What brute force protection knows of a user: one document for all spellings of his name. Not commutative: it is reset,
//! locks and unlocks, hence a versioned document and no counter.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginFailures {
    pub num_failures: i64,
    pub num_temporary_lockouts: i64,
    pub last_failure: Option<Timestamp>,
    #[serde(rename = "lastIPFailure")]
    pub last_ip_failure: String,
    /// No login before this moment.
    pub failed_login_not_before: Option<Timestamp>,
}
