//! The shared pipeline of the token endpoint, for whoever wants a grant proved: the endpoint itself, a dialect, an embedder.
//! Client authentication, repeated parameters, what the client may do and the scope are settled here, so that a grant's file
//! only proves the grant and the next grant cannot forget a phase.

pub mod client_auth;
mod client_credentials;
mod password;
mod refresh_token;
mod token_exchange;

use std::net::IpAddr;
use std::sync::Arc;

use crate::audit::Report;
use crate::base::clock::Timestamp;
use crate::base::env::Env;
use crate::base::id::UserId;
use crate::base::password_hash::HashingPool;
use crate::base::rate_limit::RateLimits;
use crate::base::seal::Sealer;
use crate::compiled::{Compiled, CompiledClient, CompiledRealm};
use crate::egress::Egress;
use crate::manage::client_policies::{self, Asked, Occasion, TokenRules};
use crate::model::event::{Happening, detail};
use crate::model::realm::REFUSED_PASSWORDS_UNAUTHORIZED;
use crate::model::user_session::UserSession;
use crate::oauth::error::OAuthError;
use crate::oauth::grant_type::GrantType;
use crate::oauth::params::Params;
use crate::sessions::{self, NewSession, Stamps};
use crate::store::txn::Reader as _;
use crate::store::{Store, StoreError};
use crate::tokens::authorization::{Authorization, GrantKind};
use crate::tokens::encryption;
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
    pub limits: &'a RateLimits,
    pub egress: &'a Egress,
    pub realm: &'a Arc<CompiledRealm>,
    /// The realm's issuer URL.
    pub issuer: &'a str,
    pub client_address: IpAddr,
    /// The header `Authorization`.
    pub authorization: Option<&'a str>,
    /// The header `Origin`.
    pub origin: Option<&'a str>,
    /// The header `DPoP`.
    pub dpop: Option<&'a str>,
    pub params: &'a Params,
    /// The moment of the request.
    pub now: Timestamp,
    /// What the request will have been: the pipeline tells it at the end.
    pub event: Report<'a>,
}

impl GrantContext<'_> {
    /// Tells the event of a request that began one: a refusal as it says itself, a success with what `complete` notes.
    pub fn tell<T>(&self, result: &Result<T, OAuthError>, complete: impl FnOnce(&Report<'_>, &T)) {
        match result {
            Ok(done) => self.event.succeed(|event| complete(event, done)),
            Err(error) => {
                self.event.refused(error.code);
                if let Some(told) = error.event {
                    self.event.fail(told.code, error.description.as_deref().filter(|_| told.says_why));
                }
            }
        }
    }
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
    let minted = proved.and_then(|authorization| Ok((issue(cx.env, cx.issuer, &authorization)?, authorization)));
    let settled = match cx.store.settle().await {
        Ok(()) => minted,
        Err(error) => Err(error.into()),
    };
    if let (Ok((_, authorization)), Some(grant)) = (&settled, cx.params.get("grant_type").and_then(GrantType::parse)) {
        cx.event.issued(grant, authorization.client.client.public_client);
    }
    cx.tell(&settled, |event, (tokens, authorization)| note_issued(event, authorization, tokens));
    (client, settled.map(|(tokens, _)| tokens))
}

/// The event of a grant; every grant has one.
const fn happening(grant: GrantType) -> Happening {
    match grant {
        GrantType::Password => Happening::Login,
        GrantType::RefreshToken => Happening::RefreshToken,
        GrantType::ClientCredentials => Happening::ClientLogin,
        GrantType::TokenExchange => Happening::TokenExchange,
    }
}

/// Who got which tokens.
fn note_issued(event: &Report<'_>, authorization: &Authorization, tokens: &TokenResponse) {
    event.user(&authorization.subject.user.id);
    event.detail(detail::TOKEN_ID, &tokens.ids.access);
    if !tokens.ids.audience.is_empty() {
        event.detail(detail::AUDIENCE, &tokens.ids.audience.join(" "));
    }
    // Beside the refresh token that was presented stands its successor.
    let is_refresh = authorization.grant == GrantKind::RefreshToken;
    if is_refresh {
        event.detail(detail::ACCESS_TOKEN_EXPIRATION_TIME, &tokens.expires_in.to_string());
    }
    if let Some((kind, id)) = &tokens.ids.refresh {
        event.detail(if is_refresh { detail::UPDATED_REFRESH_TOKEN_ID } else { detail::REFRESH_TOKEN_ID }, id);
        event.fixed_detail(detail::REFRESH_TOKEN_TYPE, kind);
    }
    event.detail(detail::SCOPE, &tokens.scope);
    if let Some(session) = &authorization.session {
        event.session(&session.id);
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
    cx.event.begin(happening(grant_type));
    cx.event.fixed_detail(detail::GRANT_TYPE, grant_type.name());
    let client = match client_auth::authenticate(cx).await {
        Ok(client) => client,
        Err(refused) => return (refused.client, Err(refused.error)),
    };
    // Only who has proved to be the client uses up what the client may do: naming somebody else costs him nothing.
    if let Some(limit) = &cx.limits.client
        && let Err(seconds) = limit.take(&(&cx.realm.realm.id, &client.client.id), cx.now)
    {
        return (Some(client), Err(OAuthError::too_many_requests(seconds).because("the rate limit of the client")));
    }
    let proved = prove_for(cx, &client, grant_type).await;
    (Some(client), proved)
}

/// The grant of a client that has proved to be itself.
async fn prove_for(cx: &GrantContext<'_>, client: &Arc<CompiledClient>, grant_type: GrantType) -> Result<Authorization, OAuthError> {
    accept(cx, client, grant_type)?;
    let rules = judge_by_policies(cx, client, Occasion::Grant(grant_type)).await?;
    ready_to_encrypt(cx, client).await?;
    // Boxed where the future is large and the grant is rare or dear, so that the others do not carry it.
    let mut authorization = match grant_type {
        GrantType::Password => Box::pin(password::prove(cx, client)).await.map_err(|refused| password_refusal(cx, refused)),
        GrantType::RefreshToken => refresh_token::prove(cx, client).await,
        GrantType::ClientCredentials => client_credentials::prove(cx, client).await,
        GrantType::TokenExchange => Box::pin(token_exchange::prove(cx, client)).await,
    }?;
    authorization.lightweight |= rules.lightweight;
    Ok(authorization)
}

/// What the client policies of the realm say to a request, if it has any.
///
/// # Errors
/// The refusal of the first executor that forbids it.
pub async fn judge_by_policies(cx: &GrantContext<'_>, client: &CompiledClient, occasion: Occasion) -> Result<TokenRules, OAuthError> {
    let (realm, client, address, scope) = (&cx.realm.realm, &client.client, cx.client_address, cx.params.get("scope"));
    let judged = client_policies::judge_request(&mut cx.store.peek(), Asked { realm, client, occasion, address, scope }).await?;
    judged.map_err(|violation| OAuthError::new(400, violation.code, violation.description).because("a client policy").event("not_allowed"))
}

/// A client that wants its ID tokens encrypted must have a key before a session begins that it could not be told of.
async fn ready_to_encrypt(cx: &GrantContext<'_>, client: &CompiledClient) -> Result<(), OAuthError> {
    let ready = encryption::prepare(cx.egress, client, client.id_token_encryption).await;
    let is_openid = cx.params.get("scope").is_some_and(|scope| scope.split(' ').any(|name| name == "openid"));
    if is_openid { ready } else { Ok(()) }
}

/// A realm may answer refused passwords as older servers did.
fn password_refusal(cx: &GrantContext<'_>, refused: OAuthError) -> OAuthError {
    if cx.realm.realm.flag(REFUSED_PASSWORDS_UNAUTHORIZED) { refused.with_unauthorized_for_passwords() } else { refused }
}

/// What holds for every grant of an authenticated client.
fn accept(cx: &GrantContext<'_>, client: &CompiledClient, grant_type: GrantType) -> Result<(), OAuthError> {
    // RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once".
    // RFC 8693 §2.1 lets an exchange name several.
    let repeatable: &[&str] = if grant_type == GrantType::TokenExchange { &["audience", "resource"] } else { &[] };
    if cx.params.has_duplicates_besides(repeatable) {
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
    accept_bearer(cx, client)
}

/// RFC 9449, RFC 8705 §3: nothing here verifies a proof or asks for a certificate, so no token is bound to a key. Whoever insists on a
/// bound one, by his client's setting or by sending a proof, is refused: an unbound token in its place would be good for any thief.
fn accept_bearer(cx: &GrantContext<'_>, client: &CompiledClient) -> Result<(), OAuthError> {
    if client.client.flag("tls.client.certificate.bound.access.tokens") {
        return Err(OAuthError::certificate_missing());
    }
    match cx.dpop.filter(|proof| !proof.is_empty()) {
        None if client.client.flag("dpop.bound.access.tokens") => Err(OAuthError::dpop_proof_missing()),
        None => Ok(()),
        Some(proof) if proof.split('.').filter(|part| !part.is_empty()).count() != 3 => Err(OAuthError::dpop_header()),
        Some(_) => Err(OAuthError::dpop_unsupported()),
    }
}

/// The scope of a new grant.
async fn requested_scope(cx: &GrantContext<'_>, client: &CompiledClient) -> Result<GrantedScope, OAuthError> {
    let requested = cx.params.get("scope");
    let scope = scope::resolve(cx.realm, client, requested).map_err(|unknown| OAuthError::invalid_scope(&unknown.0))?;
    // Which organizations there are is not compiled: a realm may have thousands.
    if let Some(alias) = scope.named_organization() {
        let organization = cx.store.peek().organizations().by_alias(&cx.realm.realm.id, alias).await?;
        if !organization.is_some_and(|organization| organization.enabled) {
            return Err(OAuthError::invalid_scope(requested.unwrap_or_default()));
        }
    }
    Ok(scope)
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
