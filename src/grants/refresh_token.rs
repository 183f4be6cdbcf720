//! `grant_type=refresh_token` (RFC 6749 §6). Owns the question "may this refresh token be used now?".
//! Rotation is a generation counter per reuse chain on the client session, so of many concurrent presentations exactly as
//! many win as the realm allows; without rotation nothing is committed and the use is stamped behind the request.

use std::sync::Arc;

use crate::base::clock::Timestamp;
use crate::compiled::CompiledClient;
use crate::compiled::Subject;
use crate::model::event::detail;
use crate::oauth::error::OAuthError;
use crate::sessions::{self, Reuse, continued};
use crate::store::txn::{Reader as _, Sessions, Txn};
use crate::tokens::authorization::{Authorization, FrontChannel, GrantKind, RotationPart, SessionPart};
use crate::tokens::refresh_token::{OFFLINE, REFRESH};
use crate::tokens::scope;
use crate::tokens::verify::{self, Rejected, VerifiedRefreshToken};

use super::{GrantContext, Outcome};

pub(super) async fn prove(cx: &GrantContext<'_>, client: &Arc<CompiledClient>) -> Result<Authorization, OAuthError> {
    let presented = cx.params.get("refresh_token").ok_or_else(OAuthError::no_refresh_token)?;
    let token = verify::refresh_token(cx.realm, cx.issuer, presented, cx.now).map_err(|rejected| refuse(cx, &rejected))?;
    cx.event.session(&token.session);
    cx.event.detail(detail::REFRESH_TOKEN_ID, &token.jti);
    cx.event.fixed_detail(detail::REFRESH_TOKEN_TYPE, if token.offline { OFFLINE } else { REFRESH });
    if token.client != client.client.client_id {
        return Err(OAuthError::refresh_token_of_another_client());
    }
    if token.iat.seconds() < client.client.not_before {
        return Err(OAuthError::stale_token().because("issued before the client's not-before"));
    }
    // RFC 6749 §6: a refresh may narrow the scope and never widens it.
    let scope = scope::resolve_granted(cx.realm, client, &token.scope)
        .narrow(cx.realm, client, cx.params.get("scope"))
        .map_err(|unknown| OAuthError::invalid_scope(&unknown.0).event_with_reason("invalid_token"))?;

    let verified = &token;
    let (subject, session) = cx.store.sessions(|txn| Box::pin(present(txn, cx, client, verified))).await??;
    if session.part.rotation.is_none() {
        cx.stamps.note(&cx.realm.realm.id, &session.part, &client.client.id, cx.now);
    }
    cx.event.detail(detail::AGE_OF_REFRESH_TOKEN, &(cx.now - token.iat).to_string());
    Ok(Authorization {
        realm: Arc::clone(cx.realm),
        client: Arc::clone(client),
        lightweight: client.lightweight,
        subject: Arc::new(subject),
        session: Some(session.part),
        scope,
        grant: GrantKind::RefreshToken,
        audience: token.audience.clone(),
        exchange: None,
        auth_time: session.auth_time,
        nonce: None,
        front_channel: FrontChannel::default(),
        acr: "1".to_owned(),
        client_address: cx.client_address,
    })
}

struct Presented {
    part: SessionPart,
    auth_time: Option<Timestamp>,
}

/// Presents the token to its session.
async fn present(
    txn: &mut Txn<'_, Sessions>,
    cx: &GrantContext<'_>,
    client: &CompiledClient,
    token: &VerifiedRefreshToken,
) -> Outcome<(Subject, Presented)> {
    let realm = &cx.realm.realm;
    let gone = if token.offline { OAuthError::offline_session_not_found } else { OAuthError::session_not_active };
    let found = sessions::find(txn, cx.stamps, realm, &token.session, token.offline, cx.now).await?;
    // A token of the server that this realm came from may bring its session along.
    let claims = continued::Claims::of(token, &client.client.id);
    let Some(mut session) = continued::resume(txn, realm, claims, found, cx.now).await? else {
        return Ok(Err(gone()));
    };
    let Some(user) = txn.users().get(&realm.id, &session.user).await? else { return Ok(Err(gone().because("the user is gone"))) };
    cx.event.user(&user.id);
    if token.iat.seconds() < user.not_before {
        return Ok(Err(OAuthError::stale_token().because("issued before the user's not-before")));
    }
    if !user.enabled {
        return Ok(Err(OAuthError::user_disabled()));
    }
    let id = &client.client.id;
    if session.clients.contains_key(id) && !sessions::client_lives(realm, &client.client, &session, cx.now) {
        return Ok(Err(gone().because("the client was idle for too long")));
    }
    let Some(client_session) = session.clients.get_mut(id) else { return Ok(Err(OAuthError::session_without_client())) };

    let rotation = if realm.revoke_refresh_token {
        let reuse_id = token.reuse_id.as_deref().unwrap_or_default();
        let max_reuse = u64::try_from(realm.refresh_token_max_reuse).unwrap_or(0);
        // The old server's ids are random: what looks like a generation in one is none.
        let generation = if continued::is_continued(realm, token.iat, cx.now) { 0 } else { token.generation };
        match sessions::rotate(client_session, reuse_id, generation, max_reuse) {
            Ok(generation) => {
                client_session.last_refresh = cx.now;
                session.last_refresh = cx.now;
                sessions::put(txn, realm, &mut session);
                Some(RotationPart { reuse_id: reuse_id.to_owned(), generation })
            }
            // RFC 9700 §4.14.2: whether the token was stolen or an answer was lost cannot be told; the client session ends.
            // The writes must survive the refusal, hence no `Err` of the store.
            Err(reuse) => {
                sessions::detach(txn, realm, &mut session, id);
                return Ok(Err(match reuse {
                    Reuse::Exceeded => OAuthError::refresh_reuse_exceeded(),
                    Reuse::Stale => OAuthError::stale_token().because("a newer token of the chain was used"),
                }));
            }
        }
    } else {
        None
    };
    let part = sessions::part(&session, id, rotation).expect("the client session was found above");
    let auth_time = session.auth_time;
    Ok(Ok((Subject::load(txn, &realm.id, user).await?, Presented { part, auth_time })))
}

fn refuse(cx: &GrantContext<'_>, rejected: &Rejected) -> OAuthError {
    let error = match rejected {
        Rejected::Malformed(_) | Rejected::WrongType(_) | Rejected::Bound => OAuthError::invalid_refresh_token(),
        Rejected::Issuer(_) => OAuthError::wrong_issuer(cx.issuer),
        Rejected::Expired | Rejected::NotYetValid => OAuthError::token_not_active(),
        Rejected::Stale => OAuthError::stale_token(),
    };
    error.because(rejected.to_string())
}
