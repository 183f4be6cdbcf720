//! What introspection answers for a live token (RFC 7662 §2.2): the frame of the token, and what its client's mappers say
//! today. So a lightweight token shows all claims here, and a revoked role shows no more.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::base::clock::Timestamp;
use crate::compiled::mapper::TokenKind;
use crate::compiled::{CompiledClient, CompiledRealm};

use super::authorization::{SessionPart, Subject};
use super::claims::Claims;
use super::mappers::{self, Context};
use super::scope::GrantedScope;
use super::verify::VerifiedAccessToken;

/// The answer for `token`, issued to `client`. `active` is in it.
pub fn claims(
    realm: &CompiledRealm,
    client: &CompiledClient,
    token: &VerifiedAccessToken,
    subject: &Subject,
    session: Option<&SessionPart>,
    scope: &GrantedScope,
) -> Map<String, Value> {
    let (scope, roles) = scope.for_subject(realm, client, subject, &[TokenKind::Introspection]);
    let text = |name: &str| token.claims.get(name).and_then(Value::as_str);
    let cx = Context {
        realm,
        client,
        subject,
        session,
        auth_time: token.claims.get("auth_time").and_then(Value::as_i64).map(Timestamp::from_seconds),
        nonce: None,
        acr: text("acr").unwrap_or("1"),
        caller: None,
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
    mappers::run(scope.mappers(), TokenKind::Introspection, &cx, roles, &mut claims);

    let mut answer = claims.into_map();
    let username = answer.get("preferred_username").cloned().unwrap_or_else(|| Value::from(subject.user.username.as_str()));
    answer.insert("client_id".to_owned(), Value::from(token.azp.as_str()));
    answer.insert("username".to_owned(), username);
    answer.insert("token_type".to_owned(), Value::from(text("typ")));
    answer.insert("active".to_owned(), Value::Bool(true));
    answer
}
