//! Tokens that come back: signature, type, issuer and time. Whether an access token was revoked since, and whether its session
//! and user are still alive, is the question of `sessions`.

use serde_json::{Map, Value};

use crate::base::clock::Timestamp;
use crate::base::id::{SessionId, UserId};
use crate::compiled::CompiledRealm;
use crate::keyring::InvalidToken;

use super::refresh_token;

/// Why a token is not accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejected {
    /// No JWS, or a signature that no key of the realm made.
    #[error("malformed or wrongly signed: {0}")]
    Malformed(&'static str),
    /// `typ` is not that of the expected token.
    #[error("wrong token type {0:?}")]
    WrongType(String),
    /// It has `cnf`: only who holds that key may use it, and nothing here asks for a proof (RFC 9449 §7.1, RFC 8705 §3).
    #[error("bound to a key")]
    Bound,
    /// `iss` is another issuer.
    #[error("issued by {0:?}")]
    Issuer(String),
    #[error("expired")]
    Expired,
    /// `nbf` lies ahead.
    #[error("not valid yet")]
    NotYetValid,
    /// Issued before the not-before of the realm.
    #[error("issued before the realm's not-before")]
    Stale,
}

/// An access token of this realm whose own claims allow its use at the given moment.
#[derive(Clone, Debug)]
pub struct VerifiedAccessToken {
    pub jti: String,
    /// Absent in lightweight tokens.
    pub sub: Option<UserId>,
    /// Absent in tokens without a session.
    pub sid: Option<SessionId>,
    /// The `client_id` that the token was issued to.
    pub azp: String,
    pub iat: Timestamp,
    /// `None` when the token does not expire.
    pub exp: Option<Timestamp>,
    pub scope: String,
    pub aud: Vec<String>,
    /// By its `jti`: introspection then adds the claims that the token lacks.
    pub lightweight: bool,
    /// From an offline session, by its `jti`.
    pub offline: bool,
    /// All claims, in the token's order.
    pub claims: Map<String, Value>,
}

/// A refresh or offline token of this realm whose own claims allow its use at the given moment.
#[derive(Clone, Debug)]
pub struct VerifiedRefreshToken {
    pub jti: String,
    pub session: SessionId,
    /// `typ` is `Offline`.
    pub offline: bool,
    /// Absent for clients with lightweight access tokens: the session knows the user.
    pub subject: Option<UserId>,
    /// The `client_id` that the token was issued to.
    pub client: String,
    /// The granted scope, in full.
    pub scope: String,
    pub iat: Timestamp,
    /// `None` when the token does not expire.
    pub exp: Option<Timestamp>,
    /// The place in the chain of rotation; 0 without rotation.
    pub generation: u64,
    /// The chain; `None` without rotation.
    pub reuse_id: Option<String>,
    /// The only audiences that access tokens may have; empty for all that the client's mappers give.
    pub audience: Vec<String>,
    /// All claims, in the token's order.
    pub claims: Map<String, Value>,
}

impl VerifiedAccessToken {
    /// Whether a token exchange made it.
    pub fn is_exchanged(&self) -> bool {
        self.jti.get(4..7) == Some("te:")
    }

    /// Whether its client is no part of the session, only of this token: an exchange may hand out such.
    pub fn has_transient_client(&self) -> bool {
        self.is_exchanged() && matches!(self.jti.get(..2), Some("nt" | "ft"))
    }
}

/// Checks an access token that whoever bears it may use. One that is bound to a key is none, though the key of the realm signed it:
/// a server that moved here issued it.
///
/// # Errors
/// Why it is refused.
pub fn access_token(realm: &CompiledRealm, issuer: &str, token: &str, now: Timestamp) -> Result<VerifiedAccessToken, Rejected> {
    let claims = signed(realm, token)?;
    if claims.contains_key("cnf") {
        return Err(Rejected::Bound);
    }
    match text(&claims, "typ") {
        Some(typ) if typ.eq_ignore_ascii_case("Bearer") => {}
        other => return Err(Rejected::WrongType(other.unwrap_or_default().to_owned())),
    }
    bearer(issuer, claims, now)
}

/// Checks a token of any type, as introspection does it: there the audience decides, not the type.
///
/// # Errors
/// Why it is refused.
pub fn any_token(realm: &CompiledRealm, issuer: &str, token: &str, now: Timestamp) -> Result<VerifiedAccessToken, Rejected> {
    bearer(issuer, signed(realm, token)?, now)
}

/// Checks a refresh or offline token.
///
/// # Errors
/// Why it is refused.
pub fn refresh_token(realm: &CompiledRealm, issuer: &str, token: &str, now: Timestamp) -> Result<VerifiedRefreshToken, Rejected> {
    let claims = signed(realm, token)?;
    let offline = match text(&claims, "typ") {
        Some(refresh_token::REFRESH) => false,
        Some(refresh_token::OFFLINE) => true,
        other => return Err(Rejected::WrongType(other.unwrap_or_default().to_owned())),
    };
    let times = Times::check(issuer, &claims, now)?;
    if times.iat.seconds() < realm.realm.not_before {
        return Err(Rejected::Stale);
    }
    let jti = required(&claims, "jti")?.to_owned();
    Ok(VerifiedRefreshToken {
        generation: refresh_token::generation(&jti),
        jti,
        session: SessionId::from(required(&claims, "sid")?),
        offline,
        subject: text(&claims, "sub").map(UserId::from),
        client: required(&claims, "azp")?.to_owned(),
        scope: text(&claims, "scope").unwrap_or_default().to_owned(),
        iat: times.iat,
        exp: times.exp,
        reuse_id: text(&claims, "reuse_id").map(str::to_owned),
        audience: claims
            .get("requested_aud")
            .and_then(Value::as_array)
            .map_or_else(Vec::new, |all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        claims,
    })
}

fn bearer(issuer: &str, claims: Map<String, Value>, now: Timestamp) -> Result<VerifiedAccessToken, Rejected> {
    let times = Times::check(issuer, &claims, now)?;
    let jti = required(&claims, "jti")?.to_owned();
    // The prefix of an access token's jti: session kind, token kind, grant, two letters each.
    let prefix = jti.split_once(':').map_or("", |(prefix, _)| prefix);
    Ok(VerifiedAccessToken {
        lightweight: prefix.get(2..4) == Some("lt"),
        offline: matches!(prefix.get(..2), Some("of" | "ft")) || text(&claims, "typ") == Some(refresh_token::OFFLINE),
        jti,
        sub: text(&claims, "sub").map(UserId::from),
        sid: text(&claims, "sid").map(SessionId::from),
        azp: required(&claims, "azp")?.to_owned(),
        iat: times.iat,
        exp: times.exp,
        scope: text(&claims, "scope").unwrap_or_default().to_owned(),
        aud: audiences(&claims),
        claims,
    })
}

/// The claims of a token that a key of the realm signed.
pub(super) fn signed(realm: &CompiledRealm, token: &str) -> Result<Map<String, Value>, Rejected> {
    realm
        .keyring
        .verify(token)
        .map(|token| token.claims)
        .map_err(|InvalidToken(reason)| Rejected::Malformed(reason))
}

/// When a token is valid.
pub(super) struct Times {
    pub(super) iat: Timestamp,
    pub(super) exp: Option<Timestamp>,
}

impl Times {
    /// Issuer first, then time, in whole seconds without leeway: both ends of the token are this server.
    pub(super) fn check(issuer: &str, claims: &Map<String, Value>, now: Timestamp) -> Result<Self, Rejected> {
        match text(claims, "iss") {
            Some(iss) if iss == issuer => {}
            other => return Err(Rejected::Issuer(other.unwrap_or_default().to_owned())),
        }
        let exp = moment(claims, "exp")?;
        // RFC 7519 §4.1.4: "on or after which the JWT MUST NOT be accepted".
        if exp.is_some_and(|exp| now.seconds() >= exp.seconds()) {
            return Err(Rejected::Expired);
        }
        if moment(claims, "nbf")?.is_some_and(|nbf| now.seconds() < nbf.seconds()) {
            return Err(Rejected::NotYetValid);
        }
        let iat = moment(claims, "iat")?.ok_or(Rejected::Malformed("no iat"))?;
        Ok(Self { iat, exp })
    }
}

pub(super) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

pub(super) fn required<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, Rejected> {
    text(claims, name).ok_or(Rejected::Malformed("a claim is missing that every token of its kind has"))
}

fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Rejected> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_i64().map(Timestamp::from_seconds).map(Some).ok_or(Rejected::Malformed("a time is no whole number")),
    }
}

fn audiences(claims: &Map<String, Value>) -> Vec<String> {
    match claims.get("aud") {
        Some(Value::String(audience)) => vec![audience.clone()],
        Some(Value::Array(audiences)) => audiences.iter().filter_map(|audience| audience.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}
