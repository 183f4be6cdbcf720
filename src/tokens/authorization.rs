//! What a grant proves: the value between `grants` and the mint. [`super::issue::issue`] takes everything from it and from nothing else.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::base::clock::Timestamp;
use crate::base::id::SessionId;
use crate::compiled::mapper::TokenKind;
use crate::compiled::{CompiledClient, CompiledRealm, Subject};
use crate::model::lifetimes::SessionAge;

use super::exchange::Exchange;
use super::scope::GrantedScope;

/// Who may have which tokens, proved by a grant.
pub struct Authorization {
    pub realm: Arc<CompiledRealm>,
    pub client: Arc<CompiledClient>,
    /// Whether the access token carries as little as possible: by a setting of the client or a policy of the realm.
    pub lightweight: bool,
    pub subject: Arc<Subject>,
    /// `None`: no session, so no refresh token and no `sid` (client credentials).
    pub session: Option<SessionPart>,
    pub scope: GrantedScope,
    pub grant: GrantKind,
    /// The only audiences that the access token may have, if the client named some; else all that mappers give.
    pub audience: Vec<String>,
    /// Set by a token exchange.
    pub exchange: Option<Exchange>,
    /// When the user proved himself in a browser (OIDC Core §2). `None` for direct grants.
    pub auth_time: Option<Timestamp>,
    pub nonce: Option<String>,
    /// What stands beside an ID token that a browser carries; the token endpoint has nothing of it.
    pub front_channel: FrontChannel,
    /// `1` for a fresh sign-in, `0` through the cookie of an earlier one, or a name of the realm's map.
    pub acr: String,
    /// The caller, for `clientHost` and `clientAddress` of client credentials.
    pub client_address: IpAddr,
}

impl Authorization {
    /// Which switches of the mappers count for the access token.
    pub const fn access_token_kind(&self) -> TokenKind {
        if self.lightweight { TokenKind::LightweightAccess } else { TokenKind::Access }
    }
}

/// What an answer of the authorization endpoint carries beside the ID token, which vouches for it (OIDC Core §3.3.2.11).
#[derive(Clone, Debug, Default)]
pub struct FrontChannel {
    pub code: Option<String>,
    pub state: Option<String>,
}

/// The session of a token: what its lifetimes and its refresh token need.
#[derive(Clone, Debug)]
pub struct SessionPart {
    pub id: SessionId,
    pub offline: bool,
    pub remember_me: bool,
    pub started: Timestamp,
    /// When this client joined the session.
    pub client_started: Timestamp,
    pub notes: BTreeMap<String, String>,
    /// `Some` when the realm rotates refresh tokens.
    pub rotation: Option<RotationPart>,
}

/// The place of the new refresh token in its chain.
#[derive(Clone, Debug)]
pub struct RotationPart {
    pub reuse_id: String,
    /// Written into the token's `jti`; below 2^48.
    pub generation: u64,
}

/// The grant that a token came from; its letters stand in the access token's `jti`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum GrantKind {
    Password,
    RefreshToken,
    ClientCredentials,
    AuthorizationCode,
    DeviceCode,
    TokenExchange,
    /// None: an example for an administrator.
    Example,
}

impl GrantKind {
    /// The two letters of the `jti` prefix, as Keycloak writes them since 26.2.
    pub const fn letters(self) -> &'static str {
        match self {
            Self::Password => "ro",
            Self::RefreshToken => "rt",
            Self::ClientCredentials => "cc",
            Self::AuthorizationCode => "ac",
            Self::DeviceCode => "dg",
            Self::TokenExchange => "te",
            Self::Example => "na",
        }
    }
}

impl SessionPart {
    /// The session as lifetimes see it.
    pub const fn age(&self) -> SessionAge {
        SessionAge { offline: self.offline, remember_me: self.remember_me, started: self.started, client_started: self.client_started }
    }
}
