//! What userinfo answers (OIDC Core §5.3.2): `sub` and the claims of the mappers that are switched on for it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::compiled::claim_path::ClaimName;
use crate::compiled::mapper::TokenKind;
use crate::compiled::{CompiledClient, CompiledRealm};

use super::authorization::{SessionPart, Subject};
use super::claims::{Claims, HashOrdered, Node};
use super::mappers::{self, Context};
use super::scope::GrantedScope;

/// The claims of `subject` for `client` in `scope`, in Keycloak's order.
pub fn claims(
    realm: &CompiledRealm,
    client: &CompiledClient,
    subject: &Subject,
    session: Option<&SessionPart>,
    scope: &GrantedScope,
) -> Map<String, Value> {
    collect(realm, client, subject, session, scope).into_map()
}

/// The same as a JWT, for a client that wants its answers signed (`user.info.response.signature.alg`; OIDC Core §5.3.2: with
/// `iss` and `aud`). `None` when it does not, or when the realm has no key for the algorithm.
pub fn signed(
    realm: &CompiledRealm,
    client: &CompiledClient,
    subject: &Subject,
    session: Option<&SessionPart>,
    scope: &GrantedScope,
    issuer: &str,
) -> Option<String> {
    let algorithm = client.userinfo_algorithm?;
    let mut claims = collect(realm, client, subject, session, scope);
    put(&mut claims, "iss", issuer);
    put(&mut claims, "aud", &client.client.client_id);
    client
        .keyring(realm)
        .sign(algorithm, "JWT", &serde_json::to_vec(&claims.into_map()).expect("a map of values is JSON"))
}

fn collect(
    realm: &CompiledRealm,
    client: &CompiledClient,
    subject: &Subject,
    session: Option<&SessionPart>,
    scope: &GrantedScope,
) -> HashOrdered<Node> {
    let (scope, roles) = scope.for_subject(realm, client, subject, &[TokenKind::UserInfo]);
    let cx = Context { realm, client, subject, session, auth_time: None, nonce: None, acr: "", caller: None };
    let mut claims = Claims { sub: Some(Cow::Borrowed(subject.user.id.as_str())), ..Claims::default() };
    mappers::run(scope.mappers(), TokenKind::UserInfo, &cx, roles, &mut claims);
    claims.demote_roles();

    let mut answer = HashOrdered::default();
    put(&mut answer, "sub", claims.sub.as_deref().unwrap_or_default());
    answer.extend(claims.other);
    answer
}

fn put(claims: &mut HashOrdered<Node>, name: &str, value: &str) {
    claims.put(&ClaimName::new(name), Node::Value(Value::from(value)));
}
