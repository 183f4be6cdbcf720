//! A user session: one sign-in of one user, with a client session for each client that got tokens from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::id::{ClientId, SessionId, UserId};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserSession {
    pub id: SessionId,
    pub user: UserId,
    /// Offline sessions outlive the sign-in; their tokens have no `exp` unless the realm limits them.
    pub offline: bool,
    pub remember_me: bool,
    pub ip_address: String,
    pub started: Timestamp,
    /// The last refresh, at most a minute old ([`crate::sessions`] stamps it behind the request).
    pub last_refresh: Timestamp,
    /// When the user proved himself in a browser; `None` for direct grants, whose tokens have no `auth_time`.
    pub auth_time: Option<Timestamp>,
    #[serde(default)]
    pub notes: BTreeMap<String, String>,
    #[serde(default)]
    pub clients: BTreeMap<ClientId, ClientSession>,
    /// When the store may forget that this is a session of its user.
    #[serde(default)]
    pub indexed_until: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientSession {
    pub started: Timestamp,
    pub last_refresh: Timestamp,
    /// The granted scope as requested, space separated (`openid offline_access`); default scopes are not listed.
    pub scope: String,
    #[serde(default)]
    pub rotation: Rotation,
}

/// Refresh-token rotation: a chain per `reuse_id`, so that a second tab does not log out the first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rotation(pub BTreeMap<String, Chain>);

/// The state of one chain of refresh tokens (docs/architecture.md, Storage).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    /// The generation that was handed out last.
    pub newest: u64,
    /// The generation that was presented last.
    pub last_used: u64,
    /// How often `last_used` was presented.
    pub uses: u64,
}
