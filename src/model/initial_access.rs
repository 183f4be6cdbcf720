//! What lets somebody without an account register a number of clients within a time: the record behind an initial access token
//! (RFC 7591 §1.2), whose `jti` is its id.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::id::InitialAccessId;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitialAccess {
    pub id: InitialAccessId,
    /// When it was made, in seconds since the epoch.
    pub timestamp: i64,
    /// How many seconds it counts; 0 for ever.
    pub expiration: i64,
    /// How many clients it was made for.
    pub count: i32,
    pub remaining_count: i32,
    /// The origins whose scripts may use it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub web_origins: Vec<String>,
}

impl InitialAccess {
    /// When it stops counting; `None` for never.
    pub fn expires_at(&self) -> Option<Timestamp> {
        (self.expiration > 0).then(|| Timestamp::from_seconds(self.timestamp.saturating_add(self.expiration)))
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at().is_some_and(|end| now.seconds() >= end.seconds())
    }
}
