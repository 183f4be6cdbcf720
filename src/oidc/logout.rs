//! `POST …/logout` with a refresh token and client authentication: ends the whole user session (Keycloak's way for clients
//! without a browser; RP-initiated logout of OpenID Connect needs one).

use actix_web::{HttpResponse, web};

use crate::base::clock::Timestamp;
use crate::compiled::CompiledClient;
use crate::grants::{ClientOrigins, GrantContext, client_auth};
use crate::oauth::error::OAuthError;
use crate::sessions;
use crate::store::StoreError;
use crate::store::txn::{Reader as _, Sessions, Txn};
use crate::tokens::verify::{self, VerifiedRefreshToken};
use crate::web::oauth_response;
use crate::web::realm::RealmRequest;

use super::token::{for_client, grant_context, params};

pub async fn post(cx: RealmRequest, body: web::Bytes) -> HttpResponse {
    let (client, result) = match params(&cx, &body) {
        Ok(params) => logout(&grant_context(&cx, &params)).await,
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
    let token = cx.params.get("refresh_token").ok_or_else(OAuthError::no_refresh_token)?;
    // Judged as of long ago: an expired token may still end the session that newer ones keep alive.
    let token = verify::refresh_token(cx.realm, cx.issuer, token, Timestamp::default())
        .map_err(|rejected| OAuthError::invalid_refresh_token().because(rejected.to_string()))?;
    if token.client != client.client.client_id {
        return Err(OAuthError::refresh_token_of_another_client());
    }
    let token = &token;
    Ok(cx.store.sessions(|txn| Box::pin(end(txn, cx, token))).await?)
}

/// A session that is gone already is as good as ended.
async fn end(txn: &mut Txn<'_, Sessions>, cx: &GrantContext<'_>, token: &VerifiedRefreshToken) -> Result<(), StoreError> {
    let realm = &cx.realm.realm.id;
    if let Some(session) = txn.user_sessions().get(realm, &token.session, token.offline).await? {
        sessions::end(txn, realm, &session);
    }
    Ok(())
}
