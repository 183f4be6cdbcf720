//! `grant_type=urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693), in the extent of Keycloak's standard exchange: an access
//! token of this realm against one for the client that asks, for the same user in the same session. The client must be meant by
//! the subject token; what the new token may do is what the client itself may do, never what the subject token could.

use std::sync::Arc;

use crate::base::id::UserId;
use crate::compiled::{CompiledClient, Subject};
use crate::model::client::ClientKind;
use crate::model::event::detail;
use crate::model::user_session::{ClientSession, Rotation, UserSession};
use crate::oauth::error::OAuthError;
use crate::sessions::{self, Live};
use crate::store::StoreError;
use crate::store::txn::{Reader as _, Sessions, Txn};
use crate::tokens::authorization::{Authorization, FrontChannel, GrantKind, SessionPart};
use crate::tokens::exchange::{Exchange, RequestedToken};
use crate::tokens::scope::{self, GrantedScope};
use crate::tokens::verify::{self, Rejected, VerifiedAccessToken};

use super::{GrantContext, Outcome, requested_scope};

/// Parameters of other kinds of exchange: they would change whose token it becomes.
const UNSUPPORTED: [&str; 3] = ["requested_subject", "subject_issuer", "requested_issuer"];

pub(super) async fn prove(cx: &GrantContext<'_>, client: &Arc<CompiledClient>) -> Result<Authorization, OAuthError> {
    cx.event.fixed_detail(detail::AUTH_METHOD, "token_exchange");
    let presented = presented(cx, client)?;
    let (token, live) = subject(cx, client, presented).await?;
    cx.event.user(&live.user.id);
    cx.event.detail(detail::USERNAME, &live.user.username);
    cx.event.detail(detail::SUBJECT_TOKEN_CLIENT_ID, &token.azp);
    if let Some(session) = &live.session {
        cx.event.session(&session.id);
    }

    let named = cx.params.get("requested_token_type").unwrap_or(RequestedToken::Access.name());
    cx.event.detail(detail::REQUESTED_TOKEN_TYPE, &named.chars().take(255).collect::<String>());
    let scope = requested_scope(cx, client).await?;
    let requested = requested_token(cx, client)?;
    let audience = audience(cx).await?;
    // RFC 8693 §5: whoever comes by a token must not be able to turn it into his own. Only the client that it was issued to and
    // those that it was meant for may.
    if token.azp != client.client.client_id && !token.aud.contains(&client.client.client_id) {
        cx.event.fixed_detail(detail::REASON, "client is not within the token audience");
        return Err(OAuthError::exchange_by_stranger());
    }
    if client.client.consent_required && !is_consented(cx, client, &live.user.id, &scope).await? {
        return Err(OAuthError::exchange_without_consent(&client.client.client_id));
    }
    if requested == RequestedToken::Refresh && scope.is_offline() {
        return Err(OAuthError::exchange_offline());
    }

    let Live { user, session } = live;
    let joined = session.as_ref().is_some_and(|session| is_in(cx, client, session));
    let exchange = Exchange { requested, openid: scope.is_openid(), transient_client: !joined && requested != RequestedToken::Refresh };
    let scope = as_joined(cx, client, session.as_ref(), scope);
    let session = session_part(cx, client, session, requested, &scope).await?;
    let subject = Subject::load(&mut cx.store.peek(), &cx.realm.realm.id, user).await?;
    Ok(Authorization {
        realm: Arc::clone(cx.realm),
        client: Arc::clone(client),
        lightweight: client.lightweight,
        subject: Arc::new(subject),
        auth_time: session.as_ref().and_then(|(_, session)| session.auth_time),
        session: session.map(|(part, _)| part),
        scope,
        grant: GrantKind::TokenExchange,
        audience,
        exchange: Some(exchange),
        nonce: None,
        front_channel: FrontChannel::default(),
        acr: "1".to_owned(),
        client_address: cx.client_address,
    })
}

/// The subject token of a request that may be made at all.
fn presented<'a>(cx: &GrantContext<'a>, client: &CompiledClient) -> Result<&'a str, OAuthError> {
    if client.client.kind() == ClientKind::Public || !client.client.flag("standard.token.exchange.enabled") {
        return Err(OAuthError::exchange_not_enabled());
    }
    if let Some(name) = UNSUPPORTED.into_iter().find(|name| cx.params.get(name).is_some()) {
        return Err(OAuthError::exchange_parameter_unsupported(name));
    }
    let required = |name| cx.params.get(name).ok_or_else(|| OAuthError::exchange_parameter_missing(name));
    let token = required("subject_token")?;
    if required("subject_token_type")? != RequestedToken::Access.name() {
        return Err(OAuthError::exchange_of_other_token());
    }
    Ok(token)
}

/// The subject token and what stands behind it: a live session of an enabled user.
async fn subject(cx: &GrantContext<'_>, client: &CompiledClient, token: &str) -> Result<(VerifiedAccessToken, Live), OAuthError> {
    let token = match verify::access_token(cx.realm, cx.issuer, token, cx.now) {
        Ok(token) => token,
        // RFC 9449 §5: the binding would be lost, and whose key it is nothing here can tell.
        Err(Rejected::Bound) => {
            let bound = verify::any_token(cx.realm, cx.issuer, token, cx.now);
            let strange = bound.is_ok_and(|bound| bound.azp != client.client.client_id);
            return Err(if strange { OAuthError::exchange_of_bound_token() } else { invalid(cx, Rejected::Bound.to_string()) });
        }
        Err(rejected) => return Err(invalid(cx, rejected.to_string())),
    };
    match sessions::validate((cx.store, cx.compiled, cx.stamps), cx.realm, &token, cx.now).await? {
        Ok(live) => Ok((token, live)),
        Err(dead) => Err(invalid(cx, dead.to_string())),
    }
}

/// The refusal of a subject token that is worth nothing; only the log says why.
fn invalid(cx: &GrantContext<'_>, cause: String) -> OAuthError {
    cx.event.fixed_detail(detail::REASON, "subject_token validation failure");
    OAuthError::exchange_invalid_token().because(cause)
}

/// Whether the user allowed the client everything that the scopes bring along, where the client must ask him.
async fn is_consented(cx: &GrantContext<'_>, client: &CompiledClient, user: &UserId, scope: &GrantedScope) -> Result<bool, StoreError> {
    let client_id = &client.client.id;
    let consents = cx.store.peek().consents().get(&cx.realm.realm.id, user).await?;
    let Some(consent) = consents.0.into_iter().find(|consent| consent.client == *client_id) else { return Ok(false) };
    Ok(scope.on_consent_screen(client).all(|id| consent.scopes.contains(id)))
}

fn requested_token(cx: &GrantContext<'_>, client: &CompiledClient) -> Result<RequestedToken, OAuthError> {
    let Some(name) = cx.params.get("requested_token_type") else { return Ok(RequestedToken::Access) };
    let requested = RequestedToken::ALL.into_iter().find(|requested| requested.name() == name);
    let refreshes = client.client.attribute("standard.token.exchange.enableRefreshRequestedTokenType") == Some("SAME_SESSION");
    requested
        .filter(|requested| *requested != RequestedToken::Refresh || refreshes)
        .ok_or_else(OAuthError::exchange_token_type_unsupported)
}

/// The clients that the new token is to be for; none means all that it can be for.
async fn audience(cx: &GrantContext<'_>) -> Result<Vec<String>, OAuthError> {
    let mut audience: Vec<String> = Vec::new();
    for name in cx.params.all("audience") {
        if !cx.compiled.client(cx.realm, name).await?.is_some_and(|client| client.client.enabled) {
            cx.event.detail(detail::AUDIENCE, &name.chars().take(255).collect::<String>());
            cx.event.fixed_detail(detail::REASON, "audience not found");
            return Err(OAuthError::exchange_audience_unknown());
        }
        if !audience.iter().any(|known| known == name) {
            audience.push(name.to_owned());
        }
    }
    if !audience.is_empty() {
        cx.event.detail(detail::AUDIENCE, &audience.join(" "));
    }
    Ok(audience)
}

/// Where the client has signed the user in itself, with `openid`, its tokens say so whatever the exchange asks for.
fn as_joined(cx: &GrantContext<'_>, client: &CompiledClient, session: Option<&UserSession>, scope: GrantedScope) -> GrantedScope {
    let own = session
        .filter(|session| is_in(cx, client, session))
        .and_then(|session| session.clients.get(&client.client.id));
    if scope.is_openid() || !own.is_some_and(|own| own.scope.split(' ').any(|name| name == "openid")) {
        return scope;
    }
    scope::resolve_granted(cx.realm, client, &format!("openid {}", scope.requested()))
}

fn is_in(cx: &GrantContext<'_>, client: &CompiledClient, session: &UserSession) -> bool {
    sessions::client_lives(&cx.realm.realm, &client.client, session, cx.now)
}

/// What the mint needs of the session, and the session. A refresh token makes the client a part of it; without one the client is
/// there for this answer only.
async fn session_part(
    cx: &GrantContext<'_>,
    client: &CompiledClient,
    session: Option<UserSession>,
    requested: RequestedToken,
    scope: &GrantedScope,
) -> Result<Option<(SessionPart, UserSession)>, OAuthError> {
    let refresh = requested == RequestedToken::Refresh;
    let mut session = match session {
        Some(session) if !refresh || !session.offline => session,
        // There is no session that a refresh could go on from, and an exchange starts none.
        None if !refresh => return Ok(None),
        _ => return Err(OAuthError::exchange_refresh_without_session()),
    };
    let id = &client.client.id;
    let own = ClientSession { started: cx.now, last_refresh: cx.now, scope: scope.requested().to_owned(), rotation: Rotation::default() };
    if !is_in(cx, client, &session) {
        if refresh {
            let (own, known) = (&own, &session);
            session = cx.store.sessions(|txn| Box::pin(join(txn, cx, known, client, own))).await??;
        } else {
            session.clients.insert(id.clone(), own);
        }
    }
    let rotation = if refresh { sessions::first_of_chain(cx.env, &cx.realm.realm) } else { None };
    let part = sessions::part(&session, id, rotation).expect("the client was put into the session");
    Ok(Some((part, session)))
}

/// Takes the client into the session, if that still lives.
async fn join(
    txn: &mut Txn<'_, Sessions>,
    cx: &GrantContext<'_>,
    known: &UserSession,
    client: &CompiledClient,
    own: &ClientSession,
) -> Outcome<UserSession> {
    let realm = &cx.realm.realm;
    let Some(mut session) = sessions::find(txn, cx.stamps, realm, &known.id, known.offline, cx.now).await? else {
        return Ok(Err(OAuthError::exchange_invalid_token().because("the session ended meanwhile")));
    };
    if !is_in(cx, client, &session) {
        session.clients.insert(client.client.id.clone(), own.clone());
    }
    sessions::put(txn, realm, &mut session);
    Ok(Ok(session))
}
