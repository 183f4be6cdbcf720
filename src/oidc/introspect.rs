//! `POST …/token/introspect` (RFC 7662): a confidential client asks whether a token may be used. It must be in the token's
//! `aud`, also for its own tokens (Keycloak 26.7); a refresh token answers only to its own client and only when named by hint.

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};

use crate::compiled::CompiledClient;
use crate::grants::{GrantContext, client_auth};
use crate::oauth::error::OAuthError;
use crate::sessions;
use crate::store::StoreError;
use crate::tokens::authorization::Subject;
use crate::tokens::verify::{self, VerifiedAccessToken, VerifiedRefreshToken};
use crate::tokens::{introspection, scope};
use crate::web::oauth_response;
use crate::web::realm::RealmRequest;

use super::token::{grant_context, params};

pub async fn post(cx: RealmRequest, body: web::Bytes) -> HttpResponse {
    let result = match params(&cx, &body) {
        Ok(params) => introspect(&grant_context(&cx, &params)).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(claims) => oauth_response::json(200, &claims),
        Err(error) => oauth_response::error(&error),
    }
}

async fn introspect(cx: &GrantContext<'_>) -> Result<Value, OAuthError> {
    let client = client_auth::authenticate(cx).await.map_err(|refused| match refused.client {
        Some(_) => OAuthError::introspection_client_failed().because(refused.error.cause),
        None => refused.error,
    })?;
    // RFC 7662 §2.1: the endpoint must be protected, or it tells anybody which tokens are good.
    if client.client.public_client {
        return Err(OAuthError::introspection_by_public_client());
    }
    if cx.params.has_duplicates() {
        return Err(OAuthError::duplicated_parameter());
    }
    let token = cx.params.get("token").ok_or_else(OAuthError::introspection_token_missing)?;
    let claims = match cx.params.get("token_type_hint") {
        None | Some("access_token") => access_token(cx, &client, token).await?,
        Some("refresh_token") => refresh_token(cx, &client, token).await?,
        Some("requesting_party_token") => None,
        Some(_) => return Err(OAuthError::introspection_hint_unknown()),
    };
    cx.store.settle().await?;
    Ok(claims.map_or_else(|| json!({ "active": false }), Value::Object))
}

/// A token for a client in its audience: access tokens, and ID tokens for their own client.
async fn access_token(cx: &GrantContext<'_>, caller: &CompiledClient, token: &str) -> Result<Option<Map<String, Value>>, StoreError> {
    match verify::any_token(cx.realm, cx.issuer, token, cx.now) {
        Ok(token) if token.aud.contains(&caller.client.client_id) => claims(cx, &token).await,
        _ => Ok(None),
    }
}

/// A refresh token, for its own client.
async fn refresh_token(cx: &GrantContext<'_>, caller: &CompiledClient, token: &str) -> Result<Option<Map<String, Value>>, StoreError> {
    match verify::refresh_token(cx.realm, cx.issuer, token, cx.now) {
        Ok(token) if token.client == caller.client.client_id => claims(cx, &as_access_token(token)).await,
        _ => Ok(None),
    }
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
async fn claims(cx: &GrantContext<'_>, token: &VerifiedAccessToken) -> Result<Option<Map<String, Value>>, StoreError> {
    let Ok(live) = sessions::validate((cx.store, cx.compiled, cx.stamps), cx.realm, token, cx.now).await? else {
        return Ok(None);
    };
    let Some(client) = cx.compiled.client(cx.realm, &token.azp).await? else { return Ok(None) };
    let scope = scope::resolve_granted(cx.realm, &client, &token.scope);
    let subject = Subject::load(&mut cx.store.peek(), &cx.realm.realm.id, live.user).await?;
    let session = live.session.as_ref().and_then(|session| sessions::part(session, &client.client.id, None));
    Ok(Some(introspection::claims(cx.realm, &client, token, &subject, session.as_ref(), &scope)))
}
