//! `POST …/revoke` (RFC 7009). A refresh token takes its client out of the session, an access token is remembered as revoked
//! until it expires. A token that is not valid any more is no error of the request.

use actix_web::{HttpResponse, web};

use crate::base::clock::Timestamp;
use crate::base::id::{SessionId, UserId};
use crate::compiled::CompiledClient;
use crate::grants::{ClientOrigins, GrantContext, client_auth, judge_by_policies};
use crate::manage::client_policies::Occasion;
use crate::model::event::{Happening, detail};
use crate::model::single_use::SingleUse;
use crate::oauth::error::OAuthError;
use crate::sessions;
use crate::sessions::continued::Claims;
use crate::store::StoreError;
use crate::store::single_use::REVOKED_TOKEN;
use crate::store::txn::{Reader as _, Sessions, Txn};
use crate::tokens::refresh_token::{OFFLINE, REFRESH};
use crate::tokens::verify::{self, Rejected, VerifiedAccessToken, VerifiedRefreshToken};
use crate::web::oauth_response;
use crate::web::realm::RealmRequest;

use super::token::{for_client, grant_context, params};

/// How long a revoked token that never expires is remembered: longer than any signing key lives.
const FOREVER_SECONDS: i64 = 10 * 365 * 86_400;

pub async fn post(cx: RealmRequest, body: web::Bytes) -> HttpResponse {
    let (client, result) = match params(&cx, &body) {
        Ok(params) => {
            let cx = grant_context(&cx, &params);
            cx.event.begin(Happening::RevokeGrant);
            let (client, result) = revoke(&cx).await;
            cx.tell(&result, |_, ()| ());
            (client, result)
        }
        Err(error) => (None, Err(error)),
    };
    let response = match result {
        Ok(()) => oauth_response::empty(200),
        Err(error) => oauth_response::error(&error),
    };
    for_client(&cx, response, &client)
}

async fn revoke(cx: &GrantContext<'_>) -> (ClientOrigins, Result<(), OAuthError>) {
    let client = match client_auth::authenticate(cx).await {
        Ok(client) => client,
        Err(refused) => return (refused.client, Err(refused.error)),
    };
    let revoked = revoke_for(cx, &client).await;
    (Some(client), revoked)
}

async fn revoke_for(cx: &GrantContext<'_>, client: &CompiledClient) -> Result<(), OAuthError> {
    if cx.params.has_duplicates() {
        return Err(OAuthError::duplicated_parameter());
    }
    if client.client.bearer_only {
        return Err(OAuthError::bearer_only());
    }
    judge_by_policies(cx, client, Occasion::Revoke).await?;
    let token = cx.params.get("token").ok_or_else(OAuthError::revocation_token_missing)?;
    match verify::refresh_token(cx.realm, cx.issuer, token, cx.now) {
        Ok(token) if token.client != client.client.client_id => Err(OAuthError::revocation_by_another_client()),
        Ok(token) => {
            let token = &token;
            let ended = cx.store.sessions(|txn| Box::pin(revoke_refresh_token(txn, cx, client, token))).await?;
            if !ended {
                return Err(OAuthError::revocation_invalid_token().because("its session ended already").event("user_session_not_found"));
            }
            note_revoked(cx, Some(&token.session), token.subject.as_ref());
            cx.event.fixed_detail(detail::REFRESH_TOKEN_TYPE, if token.offline { OFFLINE } else { REFRESH });
            cx.event.detail(detail::REVOKED_CLIENT, &client.client.client_id);
            cx.event.detail(detail::REFRESH_TOKEN_ID, &token.jti);
            Ok(())
        }
        Err(_) => match verify::access_token(cx.realm, cx.issuer, token, cx.now) {
            Ok(token) if token.azp != client.client.client_id => Err(OAuthError::revocation_by_another_client()),
            Ok(token) => {
                let token = &token;
                let revoked = cx.store.sessions(|txn| {
                    Box::pin(async move {
                        revoke_access_token(txn, cx, token);
                        Ok::<_, StoreError>(())
                    })
                });
                revoked.await?;
                note_revoked(cx, token.sid.as_ref(), token.sub.as_ref());
                cx.event.detail(detail::TOKEN_ID, &token.jti);
                Ok(())
            }
            Err(Rejected::WrongType(_) | Rejected::Bound) => Err(OAuthError::revocation_unsupported_type()),
            Err(rejected) => Err(OAuthError::revocation_invalid_token().because(rejected.to_string())),
        },
    }
}

fn note_revoked(cx: &GrantContext<'_>, session: Option<&SessionId>, user: Option<&UserId>) {
    if let Some(session) = session {
        cx.event.session(session);
    }
    if let Some(user) = user {
        cx.event.user(user);
    }
}

/// Takes the client out of the session, which ends with its last client. `false`: there is no such session any more.
async fn revoke_refresh_token(
    txn: &mut Txn<'_, Sessions>,
    cx: &GrantContext<'_>,
    client: &CompiledClient,
    token: &VerifiedRefreshToken,
) -> Result<bool, StoreError> {
    let realm = &cx.realm.realm;
    let id = &client.client.id;
    match sessions::find(txn, cx.stamps, realm, &token.session, token.offline, cx.now).await? {
        Some(mut session) if session.clients.contains_key(id) => {
            sessions::leave(txn, realm, &mut session, id);
            Ok(true)
        }
        _ => sessions::continued::end(txn, realm, Claims::of(token, id), cx.now).await,
    }
}

fn revoke_access_token(txn: &mut Txn<'_, Sessions>, cx: &GrantContext<'_>, token: &VerifiedAccessToken) {
    let until: Timestamp = token.exp.unwrap_or(cx.now + FOREVER_SECONDS);
    txn.single_use().put(&cx.realm.realm.id, REVOKED_TOKEN, &token.jti, &SingleUse { at: cx.now }, until);
}
