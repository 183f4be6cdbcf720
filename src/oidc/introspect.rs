//! `POST …/token/introspect` (RFC 7662): a confidential client asks whether a token may be used. It must be in the token's
//! `aud`, also for its own tokens (Keycloak 26.7); a refresh token answers only to its own client and only when named by hint.
//! Two settings relax the rule about the audience, one of the client and one of the realm (docs/compatibility.md).

use actix_web::http::header::ACCEPT;
use actix_web::{HttpResponse, web};
use serde_json::{Map, Value};

use crate::compiled::CompiledClient;
use crate::compiled::Subject;
use crate::grants::{GrantContext, client_auth, judge_by_policies};
use crate::manage::client_policies::Occasion;
use crate::model::event::{Happening, detail};
use crate::model::realm::OWN_TOKENS_WITHOUT_AUDIENCE;
use crate::oauth::error::OAuthError;
use crate::sessions::{self, NotLive};
use crate::store::StoreError;
use crate::tokens::verify::{self, VerifiedAccessToken, VerifiedRefreshToken};
use crate::tokens::{introspection, scope};
use crate::web::oauth_response;
use crate::web::realm::RealmRequest;

use super::token::{grant_context, params};

/// Keycloak's switch of a client that may ask about tokens of any audience.
const WITHOUT_AUDIENCE: &str = "allow.token.introspection.without.audience.check";
/// Keycloak's switch of a client that may have the claims as a token of their own.
const JWT_CLAIM: &str = "client.introspection.response.allow.jwt.claim.enabled";

pub async fn post(cx: RealmRequest, body: web::Bytes) -> HttpResponse {
    let wants_jwt = cx.header(ACCEPT).is_some_and(|accept| accept.trim().eq_ignore_ascii_case("application/jwt"));
    let result = match params(&cx, &body) {
        Ok(params) => {
            let cx = grant_context(&cx, &params);
            cx.event.begin(Happening::IntrospectToken);
            let result = introspect(&cx, wants_jwt).await;
            tell(&cx, &result);
            result
        }
        Err(error) => Err(error),
    };
    match result {
        Ok(answer) => oauth_response::json(200, &answer),
        Err(error) => oauth_response::error(&error),
    }
}

/// A token that is not active fails the event, not the request. Where it is known why, that was told already.
fn tell(cx: &GrantContext<'_>, result: &Result<Map<String, Value>, OAuthError>) {
    match result {
        Ok(answer) if answer.get("active") == Some(&Value::Bool(false)) => {
            cx.event.fail("invalid_token", Some("Access token JWT check failed"));
        }
        _ => cx.tell(result, |_, _| ()),
    }
}

/// Why a token of ours is not active any more, in the words of Keycloak's event log.
fn tell_dead(cx: &GrantContext<'_>, token: &VerifiedAccessToken, dead: NotLive) {
    let of_token = |what: &str| format!("Introspection access token for {} client: {what}", token.azp);
    let (code, reason) = match dead {
        NotLive::Revoked | NotLive::Stale => ("invalid_token", of_token("JWT check failed")),
        NotLive::ClientDisabled => ("client_disabled", format!("Client with clientId {} is disabled", token.azp)),
        NotLive::SessionNotFound => ("user_session_not_found", of_token("user_session_not_found")),
        NotLive::UserDisabled => {
            let session = token.sid.as_ref().map_or("", |id| id.as_str());
            ("user_disabled", format!("Could not find valid user from user session {session}"))
        }
    };
    cx.event.fail(code, Some(&reason));
}

async fn introspect(cx: &GrantContext<'_>, wants_jwt: bool) -> Result<Map<String, Value>, OAuthError> {
    let client = client_auth::authenticate(cx).await.map_err(|refused| match refused.client {
        Some(_) => OAuthError { event: refused.error.event, ..OAuthError::introspection_client_failed().because(refused.error.cause) },
        None => refused.error,
    })?;
    // RFC 7662 §2.1: the endpoint must be protected, or it tells anybody which tokens are good.
    if client.client.public_client {
        return Err(OAuthError::introspection_by_public_client());
    }
    if cx.params.has_duplicates() {
        return Err(OAuthError::duplicated_parameter());
    }
    judge_by_policies(cx, &client, Occasion::Introspect).await?;
    let token = cx.params.get("token").ok_or_else(OAuthError::introspection_token_missing)?;
    let answer = match cx.params.get("token_type_hint") {
        None | Some("access_token") => access_token(cx, &client, token, wants_jwt && client.client.flag(JWT_CLAIM)).await?,
        Some("refresh_token") => refresh_token(cx, &client, token).await?,
        Some("requesting_party_token") => introspection::inactive(),
        Some(_) => return Err(OAuthError::introspection_hint_unknown()),
    };
    cx.store.settle().await?;
    Ok(answer)
}

/// A token for a client in its audience: access tokens, and ID tokens for their own client.
async fn access_token(cx: &GrantContext<'_>, caller: &CompiledClient, token: &str, jwt: bool) -> Result<Map<String, Value>, StoreError> {
    let Ok(token) = verify::any_token(cx.realm, cx.issuer, token, cx.now) else { return Ok(introspection::inactive()) };
    let own = token.azp == caller.client.client_id;
    let permitted = token.aud.contains(&caller.client.client_id)
        || caller.client.flag(WITHOUT_AUDIENCE)
        || (own && cx.realm.realm.flag(OWN_TOKENS_WITHOUT_AUDIENCE));
    // What a token of another client says is for its audience, also as a signed answer (class 19 of docs/compatibility.md).
    if !(permitted || own && jwt) {
        return Ok(introspection::inactive());
    }
    let Some((claims, subject)) = live(cx, &token).await? else { return Ok(introspection::inactive()) };
    let signed = if jwt { introspection::signed(cx.realm, caller, &claims) } else { None };
    let mut answer = if permitted { introspection::active(claims, &token, &subject) } else { introspection::inactive() };
    if let Some(signed) = signed {
        answer.insert("jwt".to_owned(), Value::from(signed));
    }
    Ok(answer)
}

/// A refresh token, for its own client.
async fn refresh_token(cx: &GrantContext<'_>, caller: &CompiledClient, token: &str) -> Result<Map<String, Value>, StoreError> {
    let token = match verify::refresh_token(cx.realm, cx.issuer, token, cx.now) {
        Ok(token) if token.client == caller.client.client_id => as_access_token(token),
        _ => return Ok(introspection::inactive()),
    };
    let answer = live(cx, &token).await?;
    Ok(answer.map_or_else(introspection::inactive, |(claims, subject)| introspection::active(claims, &token, &subject)))
}

/// A refresh token is judged by the same session, client and user as the access tokens that it brings.
fn as_access_token(token: VerifiedRefreshToken) -> VerifiedAccessToken {
    VerifiedAccessToken {
        jti: token.jti,
        sub: token.subject,
        sid: Some(token.session),
        azp: token.client,
        iat: token.iat,
        exp: token.exp,
        scope: token.scope,
        aud: token.claims.get("aud").and_then(Value::as_str).map(str::to_owned).into_iter().collect(),
        lightweight: false,
        offline: token.offline,
        claims: token.claims,
    }
}

/// The claims of a verified token whose client, session and user still live.
async fn live(cx: &GrantContext<'_>, token: &VerifiedAccessToken) -> Result<Option<(Map<String, Value>, Subject)>, StoreError> {
    cx.event.detail(detail::TOKEN_ID, &token.jti);
    cx.event.detail(detail::TOKEN_TYPE, token.claims.get("typ").and_then(Value::as_str).unwrap_or_default());
    cx.event.detail(detail::TOKEN_ISSUED_FOR, &token.azp);
    if let Some(session) = &token.sid {
        cx.event.session(session);
    }
    let live = match sessions::validate((cx.store, cx.compiled, cx.stamps), cx.realm, token, cx.now).await? {
        Ok(live) => live,
        Err(dead) => {
            tell_dead(cx, token, dead);
            return Ok(None);
        }
    };
    let Some(client) = cx.compiled.client(cx.realm, &token.azp).await? else { return Ok(None) };
    cx.event.user(&live.user.id);
    let scope = scope::resolve_granted(cx.realm, &client, &token.scope);
    let subject = Subject::load(&mut cx.store.peek(), &cx.realm.realm.id, live.user).await?;
    let session = live.session.as_ref().and_then(|session| sessions::part(session, &client.client.id, None));
    Ok(Some((introspection::claims(cx.realm, &client, token, &subject, session.as_ref(), &scope, cx.now), subject)))
}
