//! The two tokens of client registration, signed with the realm's HMAC key because only we read them: the initial access token
//! (RFC 7591 §1.2), whose record counts what is left of it, and the registration access token (RFC 7592 §3), which counts as long
//! as its `jti` is the one that its client remembers.

use serde::Serialize;
use serde_json::Value;

use crate::base::clock::Timestamp;
use crate::base::id::InitialAccessId;
use crate::compiled::CompiledRealm;
use crate::keyring::Algorithm;
use crate::model::initial_access::InitialAccess;

const INITIAL_ACCESS: &str = "InitialAccessToken";
const REGISTRATION_ACCESS: &str = "RegistrationAccessToken";

/// As whom somebody registers: the registration policies of the realm differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegistrationAuth {
    Anonymous,
    Authenticated,
}

impl RegistrationAuth {
    /// As tokens and the policies' `subType` say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Authenticated => "authenticated",
        }
    }
}

/// A token of client registration that a key of the realm signed and that has not expired. Whether it still counts is its
/// record's or its client's to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RegistrationToken {
    Initial {
        id: InitialAccessId,
    },
    Registration {
        jti: String,
        auth: RegistrationAuth,
    },
    /// An access token, which is another check's to judge.
    Bearer,
}

/// The payload, in Keycloak's order.
#[derive(Serialize)]
struct Payload<'a> {
    /// 0 for a token that does not expire.
    exp: i64,
    iat: i64,
    jti: &'a str,
    iss: &'a str,
    aud: &'a str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_auth: Option<&'static str>,
    #[serde(rename = "allowed-origins", skip_serializing_if = "Option::is_none")]
    allowed_origins: Option<&'a [String]>,
}

/// The initial access token of a record. `None` when the realm has no HMAC key.
pub fn initial_access(realm: &CompiledRealm, issuer: &str, access: &InitialAccess) -> Option<String> {
    let payload = Payload {
        exp: access.expires_at().map_or(0, Timestamp::seconds),
        iat: access.timestamp,
        jti: access.id.as_str(),
        iss: issuer,
        aud: issuer,
        typ: INITIAL_ACCESS,
        registration_auth: None,
        allowed_origins: Some(access.web_origins.as_slice()).filter(|origins| !origins.is_empty()),
    };
    sign(realm, &payload)
}

/// The registration access token with this `jti`. Scripts of `allowed_origins` may use it. `None` when the realm has no HMAC
/// key.
pub fn registration_access(
    realm: &CompiledRealm,
    issuer: &str,
    now: Timestamp,
    jti: &str,
    auth: RegistrationAuth,
    allowed_origins: Option<&[String]>,
) -> Option<String> {
    let payload = Payload {
        exp: 0,
        iat: now.seconds(),
        jti,
        iss: issuer,
        aud: issuer,
        typ: REGISTRATION_ACCESS,
        registration_auth: Some(auth.name()),
        allowed_origins,
    };
    sign(realm, &payload)
}

fn sign(realm: &CompiledRealm, payload: &Payload<'_>) -> Option<String> {
    let claims = serde_json::to_vec(payload).expect("a struct of texts and numbers");
    realm.keyring.sign(Algorithm::Hs512, "JWT", &claims)
}

/// Reads a token that came back. `None` when no key of the realm signed it, another issuer did, it has expired, or it is of no
/// kind that registration knows.
pub fn read(realm: &CompiledRealm, issuer: &str, token: &str, now: Timestamp) -> Option<RegistrationToken> {
    let claims = realm.keyring.verify(token).ok()?.claims;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(issuer) {
        return None;
    }
    let exp = claims.get("exp").map_or(Some(0), Value::as_i64)?;
    // RFC 7519 §4.1.4: "on or after which the JWT MUST NOT be accepted". Keycloak writes 0 for never.
    if exp != 0 && now.seconds() >= exp {
        return None;
    }
    match text("typ")? {
        INITIAL_ACCESS => Some(RegistrationToken::Initial { id: InitialAccessId::from(text("jti")?) }),
        REGISTRATION_ACCESS => {
            let auth = match text("registration_auth") {
                Some("anonymous") => RegistrationAuth::Anonymous,
                _ => RegistrationAuth::Authenticated,
            };
            Some(RegistrationToken::Registration { jti: text("jti")?.to_owned(), auth })
        }
        typ if typ.eq_ignore_ascii_case("Bearer") => Some(RegistrationToken::Bearer),
        _ => None,
    }
}
