//! What userinfo answers (OIDC Core §5.3.2): `sub` and the claims of the mappers that are switched on for it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::base::clock::Timestamp;
use crate::compiled::claim_path::ClaimName;
use crate::compiled::mapper::TokenKind;
use crate::compiled::{CompiledClient, CompiledRealm};
use crate::oauth::error::OAuthError;

use super::authorization::SessionPart;
use super::claims::{Claims, HashOrdered, Node};
use super::encryption;
use super::mappers::{self, Context};
use super::scope::GrantedScope;
use crate::compiled::Subject;

/// What a client gets.
pub enum Answer {
    Json(Map<String, Value>),
    /// A JWS, a JWE or one inside the other.
    Jwt(String),
}

/// The answer in the form that the client wants: plain, signed (`user.info.response.signature.alg`; OIDC Core §5.3.2: with `iss`
/// and `aud`), encrypted (`user.info.encrypted.response.alg`) or both.
///
/// # Errors
/// The realm has no key to sign with, or the client none to encrypt for.
pub fn answer(
    realm: &CompiledRealm,
    client: &CompiledClient,
    subject: &Subject,
    session: Option<&SessionPart>,
    scope: &GrantedScope,
    (issuer, now): (&str, Timestamp),
) -> Result<Answer, OAuthError> {
    let mut claims = collect(realm, client, subject, session, scope, now);
    let Some(algorithm) = client.userinfo_algorithm else {
        let claims = claims.into_map();
        if client.userinfo_encryption.is_none() {
            return Ok(Answer::Json(claims));
        }
        let text = Value::Object(claims).to_string();
        return Ok(Answer::Jwt(encryption::encrypted(client, client.userinfo_encryption, "JSON", text)?));
    };
    put(&mut claims, "iss", issuer);
    put(&mut claims, "aud", &client.client.client_id);
    let claims = serde_json::to_vec(&claims.into_map()).expect("a map of values is JSON");
    let signed = client.keyring(realm).sign(algorithm, "JWT", &claims);
    let signed = signed.ok_or_else(|| OAuthError::server_error(format_args!("the realm has no active key for {}", algorithm.as_str())))?;
    Ok(Answer::Jwt(encryption::encrypted(client, client.userinfo_encryption, "JWT", signed)?))
}

/// The claims of the answer before it is signed or encrypted, for whoever only wants to look at them.
pub fn claims(
    realm: &CompiledRealm,
    client: &CompiledClient,
    subject: &Subject,
    session: Option<&SessionPart>,
    scope: &GrantedScope,
    now: Timestamp,
) -> Map<String, Value> {
    collect(realm, client, subject, session, scope, now).into_map()
}

fn collect(
    realm: &CompiledRealm,
    client: &CompiledClient,
    subject: &Subject,
    session: Option<&SessionPart>,
    scope: &GrantedScope,
    now: Timestamp,
) -> HashOrdered<Node> {
    let (scope, roles) = scope.for_subject(realm, client, subject, &[TokenKind::UserInfo]);
    let cx = Context {
        realm,
        client,
        subject,
        session,
        now,
        auth_time: None,
        nonce: None,
        acr: "",
        caller: None,
        organizations: scope.organizations(),
    };
    let mut claims = Claims { sub: Some(Cow::Borrowed(subject.user.id.as_str())), ..Claims::default() };
    mappers::run(scope.mappers(), TokenKind::UserInfo, &cx, &roles, &mut claims);
    claims.demote_roles();

    let mut answer = HashOrdered::default();
    put(&mut answer, "sub", claims.sub.as_deref().unwrap_or_default());
    answer.extend(claims.other);
    answer
}

fn put(claims: &mut HashOrdered<Node>, name: &str, value: &str) {
    claims.put(&ClaimName::new(name), Node::Value(Value::from(value)));
}
