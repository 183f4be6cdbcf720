//! The action token: a JWT in a mailed link, by which its bearer does one thing to one account, once. Signed with the realm's
//! HMAC key, and of a type of its own, so it passes nowhere else. Claims and order are Keycloak's.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::clock::Timestamp;
use crate::base::env::Env;
use crate::base::id::UserId;
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
}

impl Action {
    /// The `typ` of its tokens.
    const fn typ(&self) -> &'static str {
        match self {
            Self::Execute(_) => EXECUTE_ACTIONS,
            Self::VerifyEmail => VERIFY_EMAIL,
        }
    }
}

const EXECUTE_ACTIONS: &str = "execute-actions";
const VERIFY_EMAIL: &str = "verify-email";

/// What a token is made from.
#[derive(Clone, Copy, Debug)]
pub struct NewActionToken<'a> {
    pub action: &'a Action,
    pub user: &'a UserId,
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
    pub user: UserId,
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
    sub: &'a str,
    typ: &'static str,
    azp: &'a str,
    nonce: String,
    eml: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reduri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rqac: Option<&'a [String]>,
}

/// A token, or `None` when the realm has no key to sign it with.
pub fn mint(env: &Env, realm: &CompiledRealm, issuer: &str, new: &NewActionToken<'_>) -> Option<String> {
    let now = env.now();
    let payload = Payload {
        exp: (now + new.lifespan).seconds(),
        iat: now.seconds(),
        jti: env.random().uuid().to_string(),
        iss: issuer,
        aud: issuer,
        sub: new.user.as_str(),
        typ: new.action.typ(),
        azp: new.client_id,
        nonce: env.random().uuid().to_string(),
        eml: new.email,
        reduri: new.redirect_uri,
        rqac: match new.action {
            Action::Execute(actions) => Some(actions),
            Action::VerifyEmail => None,
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
        other => return Err(Rejected::WrongType(other.unwrap_or_default().to_owned())),
    };
    let times = Times::check(issuer, &claims, now)?;
    Ok(VerifiedActionToken {
        jti: required(&claims, "jti")?.to_owned(),
        action,
        user: UserId::from(required(&claims, "sub")?),
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
