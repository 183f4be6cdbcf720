//! The shared pipeline of the token endpoint, for whoever wants a grant proved: the endpoint itself, a dialect, an embedder.
//! Client authentication, repeated parameters, what the client may do and the scope are settled here, so that a grant's file
//! only proves the grant and the next grant cannot forget a phase.

pub mod client_auth;
mod client_credentials;
mod password;
mod refresh_token;

use std::net::IpAddr;
use std::sync::Arc;

use crate::base::clock::Timestamp;
use crate::base::env::Env;
use crate::base::id::UserId;
use crate::base::password_hash::HashingPool;
use crate::base::seal::Sealer;
use crate::compiled::{Compiled, CompiledClient, CompiledRealm};
use crate::model::user_session::UserSession;
use crate::oauth::error::OAuthError;
use crate::oauth::grant_type::GrantType;
use crate::oauth::params::Params;
use crate::sessions::{self, NewSession, Stamps};
use crate::store::{Store, StoreError};
use crate::tokens::authorization::Authorization;
use crate::tokens::issue::{TokenResponse, issue};
use crate::tokens::scope::{self, GrantedScope};

/// One request for tokens, with what proving it needs.
pub struct GrantContext<'a> {
    pub env: &'a Env,
    pub store: &'a Store,
    pub compiled: &'a Compiled,
    pub hashing: &'a HashingPool,
    pub sealer: &'a Sealer,
    pub stamps: &'a Stamps,
    pub realm: &'a Arc<CompiledRealm>,
    /// The realm's issuer URL.
    pub issuer: &'a str,
    pub client_address: IpAddr,
    /// The header `Authorization`.
    pub authorization: Option<&'a str>,
    /// The header `Origin`.
    pub origin: Option<&'a str>,
    pub params: &'a Params,
    /// The moment of the request.
    pub now: Timestamp,
}

/// The client whose web origins the answer is for, as soon as it is known: refusals carry CORS headers too.
pub type ClientOrigins = Option<Arc<CompiledClient>>;

/// A transaction's answer that may refuse and still keep its writes: an `Err` of the store would discard them.
type Outcome<T> = Result<Result<T, OAuthError>, StoreError>;

impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        Self::server_error(error)
    }
}

/// Proves the grant that the parameters ask for and mints its tokens. Nobody is answered before what was seen is durable.
pub async fn token(cx: &GrantContext<'_>) -> (ClientOrigins, Result<TokenResponse, OAuthError>) {
    let (client, proved) = prove(cx).await;
    let minted = proved.and_then(|authorization| issue(cx.env, cx.issuer, &authorization));
    match cx.store.settle().await {
        Ok(()) => (client, minted),
        Err(error) => (client, Err(error.into())),
    }
}

async fn prove(cx: &GrantContext<'_>) -> (ClientOrigins, Result<Authorization, OAuthError>) {
    // Keycloak judges the grant type before it looks at the client.
    let grant_type = match cx.params.get("grant_type") {
        None => return (None, Err(OAuthError::grant_type_missing())),
        Some(name) => match GrantType::parse(name) {
            None => return (None, Err(OAuthError::grant_type_unknown())),
            Some(grant_type) => grant_type,
        },
    };
    let client = match client_auth::authenticate(cx).await {
        Ok(client) => client,
        Err(refused) => return (refused.client, Err(refused.error)),
    };
    let proved = match accept(cx, &client) {
        Ok(()) => match grant_type {
            GrantType::Password => password::prove(cx, &client).await,
            GrantType::RefreshToken => refresh_token::prove(cx, &client).await,
            GrantType::ClientCredentials => client_credentials::prove(cx, &client).await,
        },
        Err(error) => Err(error),
    };
    (Some(client), proved)
}

/// What holds for every grant of an authenticated client.
fn accept(cx: &GrantContext<'_>, client: &CompiledClient) -> Result<(), OAuthError> {
    // RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once".
    if cx.params.has_duplicates() {
        return Err(OAuthError::duplicated_parameter());
    }
    if client.client.bearer_only {
        return Err(OAuthError::bearer_only());
    }
    if client.client.protocol.as_deref().is_some_and(|protocol| protocol != "openid-connect") {
        return Err(OAuthError::wrong_client_protocol());
    }
    // Before the grant does anything: a page of a foreign origin must not leave a session behind.
    if cx.origin.is_some_and(|origin| !client.allows_origin(origin)) {
        return Err(OAuthError::invalid_origin());
    }
    Ok(())
}

/// The scope of a new grant.
fn requested_scope(cx: &GrantContext<'_>, client: &CompiledClient) -> Result<GrantedScope, OAuthError> {
    scope::resolve(cx.realm, client, cx.params.get("scope")).map_err(|unknown| OAuthError::invalid_scope(&unknown.0))
}

/// The session that a new grant starts: an offline one when `offline_access` was granted (OIDC Core §11).
fn new_session(cx: &GrantContext<'_>, client: &CompiledClient, user: &UserId, scope: &GrantedScope) -> UserSession {
    sessions::start(
        cx.env,
        &NewSession {
            realm: &cx.realm.realm,
            user,
            client: &client.client.id,
            scope: scope.requested(),
            offline: scope.is_offline(),
            address: cx.client_address,
        },
    )
}
