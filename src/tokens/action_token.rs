//! The action token: a JWT in a mailed link, by which its bearer does one thing to one account, once. Signed with the realm's
//! HMAC key, and of a type of its own, so it passes nowhere else. Claims and order are Keycloak's.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::clock::Timestamp;
use crate::base::env::Env;
use crate::base::id::{OrganizationId, UserId};
use crate::compiled::CompiledRealm;
use crate::keyring::Algorithm;

use super::verify::{Rejected, Times, required, signed, text};

/// What the bearer may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// These required actions, by alias.
    Execute(Vec<String>),
    /// Confirm the e-mail address.
    VerifyEmail,
    /// Join this organization; without an account, after making one.
    Join(OrganizationId),
}

impl Action {
    /// The `typ` of its tokens.
    const fn typ(&self) -> &'static str {
        match self {
            Self::Execute(_) => EXECUTE_ACTIONS,
            Self::VerifyEmail => VERIFY_EMAIL,
            Self::Join(_) => JOIN,
        }
    }
}

const EXECUTE_ACTIONS: &str = "execute-actions";
const VERIFY_EMAIL: &str = "verify-email";
const JOIN: &str = "ORGIVT";

/// What a token is made from.
#[derive(Clone, Copy, Debug)]
pub struct NewActionToken<'a> {
    /// What something is kept under that the token is worth nothing without; a fresh one where there is no such thing.
    pub id: Option<&'a str>,
    pub action: &'a Action,
    /// `None`: somebody who has no account yet.
    pub user: Option<&'a UserId>,
    /// The address that the link goes to: the token dies when the user gets another one.
    pub email: &'a str,
    /// The client that the user goes on to.
    pub client_id: &'a str,
    /// Where the user goes on to.
    pub redirect_uri: Option<&'a str>,
    /// Seconds.
    pub lifespan: i64,
}

/// A token of this realm whose own claims allow its use at the given moment. Whether it was used before is the store's to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedActionToken {
    pub jti: String,
    pub action: Action,
    /// `None`: somebody who has no account yet.
    pub user: Option<UserId>,
    pub email: String,
    pub client_id: String,
    pub redirect_uri: Option<String>,
    pub exp: Timestamp,
}

/// The payload, in Keycloak's order.
#[derive(Serialize)]
struct Payload<'a> {
    exp: i64,
    iat: i64,
    jti: String,
    iss: &'a str,
    aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    typ: &'static str,
    azp: &'a str,
    nonce: String,
    eml: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reduri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rqac: Option<&'a [String]>,
}

/// A token, or `None` when the realm has no key to sign it with.
pub fn mint(env: &Env, realm: &CompiledRealm, issuer: &str, new: &NewActionToken<'_>) -> Option<String> {
    let now = env.now();
    let payload = Payload {
        exp: (now + new.lifespan).seconds(),
        iat: now.seconds(),
        jti: new.id.map_or_else(|| env.random().uuid().to_string(), str::to_owned),
        iss: issuer,
        aud: issuer,
        sub: new.user.map(UserId::as_str),
        typ: new.action.typ(),
        azp: new.client_id,
        nonce: env.random().uuid().to_string(),
        eml: new.email,
        reduri: new.redirect_uri,
        org_id: match new.action {
            Action::Join(organization) => Some(organization.as_str()),
            _ => None,
        },
        rqac: match new.action {
            Action::Execute(actions) => Some(actions),
            _ => None,
        },
    };
    let claims = serde_json::to_vec(&payload).ok()?;
    realm.keyring.sign(Algorithm::Hs512, "JWT", &claims)
}

/// Checks a token.
///
/// # Errors
/// Why it is refused.
pub fn verify(realm: &CompiledRealm, issuer: &str, token: &str, now: Timestamp) -> Result<VerifiedActionToken, Rejected> {
    let claims = signed(realm, token)?;
    let action = match text(&claims, "typ") {
        Some(EXECUTE_ACTIONS) => Action::Execute(list(&claims, "rqac")),
        Some(VERIFY_EMAIL) => Action::VerifyEmail,
        Some(JOIN) => Action::Join(OrganizationId::from(required(&claims, "org_id")?)),
        other => return Err(Rejected::WrongType(other.unwrap_or_default().to_owned())),
    };
    let times = Times::check(issuer, &claims, now)?;
    let user = text(&claims, "sub").map(UserId::from);
    // Only an invitation may go to somebody without an account.
    if user.is_none() && !matches!(action, Action::Join(_)) {
        return Err(Rejected::Malformed("no sub"));
    }
    Ok(VerifiedActionToken {
        jti: required(&claims, "jti")?.to_owned(),
        action,
        user,
        email: required(&claims, "eml")?.to_owned(),
        client_id: required(&claims, "azp")?.to_owned(),
        redirect_uri: text(&claims, "reduri").map(str::to_owned),
        exp: times.exp.ok_or(Rejected::Malformed("no exp"))?,
    })
}

fn list(claims: &Map<String, Value>, name: &str) -> Vec<String> {
    let values = claims.get(name).and_then(Value::as_array);
    values.into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}
