//! The value of the cookie that proves a sign-in to this server: a JWT that only we read, signed with the realm's HMAC key, of
//! a type of its own so that it passes nowhere else. Claims and order are Keycloak's.

use std::fmt::Write as _;

use serde::Serialize;

use crate::base::digest::sha256;
use crate::base::env::Env;
use crate::compiled::CompiledRealm;
use crate::keyring::Algorithm;
use crate::model::user_session::UserSession;

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    iat: i64,
    jti: String,
    iss: &'a str,
    sub: &'a str,
    typ: &'static str,
    sid: &'a str,
    /// What forms of the account must repeat.
    state_checker: String,
}

/// The cookie of `session`, or `None` when the realm has no key to sign it with.
pub fn mint(env: &Env, realm: &CompiledRealm, issuer: &str, session: &UserSession) -> Option<String> {
    let lifespan = realm.realm.sso_session_max_lifespan;
    let payload = Payload {
        exp: (lifespan > 0).then(|| (session.started + lifespan).seconds()),
        iat: env.now().seconds(),
        jti: env.random().uuid().to_string(),
        iss: issuer,
        sub: session.user.as_str(),
        typ: "Serialized-ID",
        sid: session.id.as_str(),
        state_checker: env.random().base64url::<32>(),
    };
    realm.keyring.sign(Algorithm::Hs512, "JWT", &serde_json::to_vec(&payload).ok()?)
}

/// By what pages recognise `session` without learning anything of it.
pub fn fingerprint(realm: &CompiledRealm, session: &UserSession) -> String {
    let named = format!("{}/{}/{}", realm.realm.name, session.user, session.id);
    sha256(named.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}
