//! `POST …/logout` with a refresh token and client authentication: ends the whole user session (Keycloak's way for clients
//! without a browser; RP-initiated logout of OpenID Connect needs one).

use actix_web::{HttpResponse, web};

use crate::base::clock::Timestamp;
use crate::compiled::CompiledClient;
use crate::grants::{ClientOrigins, GrantContext, client_auth, judge_by_policies};
use crate::manage::client_policies::Occasion;
use crate::model::event::Happening;
use crate::oauth::error::OAuthError;
use crate::sessions;
use crate::sessions::continued::Claims;
use crate::store::StoreError;
use crate::store::txn::{Reader as _, Sessions, Txn};
use crate::tokens::verify::{self, VerifiedRefreshToken};
use crate::web::oauth_response;
use crate::web::realm::RealmRequest;

use super::token::{for_client, grant_context, params};

pub async fn post(cx: RealmRequest, body: web::Bytes) -> HttpResponse {
    let (client, result) = match params(&cx, &body) {
        Ok(params) => {
            let cx = grant_context(&cx, &params);
            cx.event.begin(Happening::Logout);
            let (client, result) = logout(&cx).await;
            cx.tell(&result, |_, ()| ());
            (client, result)
        }
        Err(error) => (None, Err(error)),
    };
    let response = match result {
        Ok(()) => oauth_response::empty(204),
        Err(error) => oauth_response::error(&error),
    };
    for_client(&cx, response, &client)
}

async fn logout(cx: &GrantContext<'_>) -> (ClientOrigins, Result<(), OAuthError>) {
    let client = match client_auth::authenticate(cx).await {
        Ok(client) => client,
        Err(refused) => return (refused.client, Err(refused.error)),
    };
    let ended = end_session(cx, &client).await;
    (Some(client), ended)
}

async fn end_session(cx: &GrantContext<'_>, client: &CompiledClient) -> Result<(), OAuthError> {
    if cx.params.has_duplicates() {
        return Err(OAuthError::duplicated_parameter());
    }
    let token = cx.params.get("refresh_token").ok_or_else(|| OAuthError::no_refresh_token().event("invalid_token"))?;
    judge_by_policies(cx, client, Occasion::Logout).await?;
    // Judged as of long ago: an expired token may still end the session that newer ones keep alive.
    let token = verify::refresh_token(cx.realm, cx.issuer, token, Timestamp::default())
        .map_err(|rejected| OAuthError::invalid_refresh_token().because(rejected.to_string()).event("invalid_token"))?;
    if token.client != client.client.client_id {
        return Err(OAuthError::refresh_token_of_another_client().event("invalid_token"));
    }
    let token = &token;
    Ok(cx.store.sessions(|txn| Box::pin(end(txn, cx, client, token))).await?)
}

/// A session that is gone already is as good as ended.
async fn end(
    txn: &mut Txn<'_, Sessions>,
    cx: &GrantContext<'_>,
    client: &CompiledClient,
    token: &VerifiedRefreshToken,
) -> Result<(), StoreError> {
    let realm = &cx.realm.realm.id;
    if let Some(session) = txn.user_sessions().get(realm, &token.session, token.offline).await? {
        cx.event.user(&session.user);
        cx.event.session(&session.id);
        sessions::end(txn, realm, &session);
    } else {
        sessions::continued::end(txn, &cx.realm.realm, Claims::of(token, &client.client.id), cx.now).await?;
    }
    Ok(())
}
