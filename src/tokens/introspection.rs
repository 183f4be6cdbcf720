//! What introspection answers for a live token (RFC 7662 §2.2): the frame of the token, and what its client's mappers say
//! today. So a lightweight token shows all claims here, and a revoked role shows no more.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::base::clock::Timestamp;
use crate::compiled::mapper::TokenKind;
use crate::compiled::{CompiledClient, CompiledRealm};

use super::authorization::SessionPart;
use super::claims::Claims;
use super::mappers::{self, Context};
use super::scope::GrantedScope;
use super::verify::VerifiedAccessToken;
use crate::compiled::Subject;

/// The claims of `token`, issued to `client`, as they are today: what an answer says, and what its `jwt` signs.
pub fn claims(
    realm: &CompiledRealm,
    client: &CompiledClient,
    token: &VerifiedAccessToken,
    subject: &Subject,
    session: Option<&SessionPart>,
    scope: &GrantedScope,
    now: Timestamp,
) -> Map<String, Value> {
    let (scope, roles) = scope.for_subject(realm, client, subject, &[TokenKind::Introspection]);
    let text = |name: &str| token.claims.get(name).and_then(Value::as_str);
    let cx = Context {
        realm,
        client,
        subject,
        session,
        now,
        auth_time: token.claims.get("auth_time").and_then(Value::as_i64).map(Timestamp::from_seconds),
        nonce: None,
        acr: text("acr").unwrap_or("1"),
        caller: None,
        organizations: scope.organizations(),
    };
    let mut claims = Claims {
        exp: token.exp.map(Timestamp::seconds),
        iat: Some(token.iat.seconds()),
        jti: Some(token.jti.clone()),
        iss: text("iss").map(Cow::Borrowed),
        aud: token.aud.iter().map(|audience| Cow::Borrowed(audience.as_str())).collect(),
        sub: text("sub").map(Cow::Borrowed),
        typ: text("typ").map(Cow::Borrowed),
        azp: Some(Cow::Borrowed(&token.azp)),
        sid: text("sid").map(Cow::Borrowed),
        scope: text("scope").filter(|scope| !scope.is_empty()).map(Cow::Borrowed),
        ..Claims::default()
    };
    mappers::run(scope.mappers(), TokenKind::Introspection, &cx, &roles, &mut claims);
    if token.is_exchanged() && !token.lightweight {
        // An exchange may have been for some audiences only, and the answer says no more than the token.
        claims.retain_audience(|given| {
            let in_roles = token.claims.get("resource_access").is_some_and(|clients| clients.get(given).is_some());
            in_roles || token.aud.iter().any(|audience| audience == given)
        });
    }

    claims.into_map()
}

/// The answer for a token that may be used: its claims, and the members of RFC 7662 §2.2.
pub fn active(mut claims: Map<String, Value>, token: &VerifiedAccessToken, subject: &Subject) -> Map<String, Value> {
    let username = claims.get("preferred_username").cloned().unwrap_or_else(|| Value::from(subject.user.username.as_str()));
    claims.insert("client_id".to_owned(), Value::from(token.azp.as_str()));
    claims.insert("username".to_owned(), username);
    claims.insert("token_type".to_owned(), Value::from(token.claims.get("typ").and_then(Value::as_str)));
    claims.insert("active".to_owned(), Value::Bool(true));
    claims
}

/// The answer for any other token, which says nothing else.
pub fn inactive() -> Map<String, Value> {
    Map::from_iter([("active".to_owned(), Value::Bool(false))])
}

/// The claims as a token that resource servers can verify: a small token turned into a full one. It is signed as access tokens
/// for `caller` are; `None` when the realm has no key for that.
pub fn signed(realm: &CompiledRealm, caller: &CompiledClient, claims: &Map<String, Value>) -> Option<String> {
    let claims = serde_json::to_vec(claims).expect("a map of values is JSON");
    caller.keyring(realm).sign(caller.access_token_algorithm, "JWT", &claims)
}
