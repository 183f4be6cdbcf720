//! The live check of an access token: its own claims were verified before, here the world is asked whether they still hold.

use crate::base::clock::Timestamp;
use crate::compiled::{Compiled, CompiledRealm};
use crate::model::user::User;
use crate::model::user_session::UserSession;
use crate::store::single_use::REVOKED_TOKEN;
use crate::store::txn::Reader as _;
use crate::store::{Store, StoreError};
use crate::tokens::verify::VerifiedAccessToken;

use super::Stamps;

/// What stands behind a token that may be used.
pub struct Live {
    pub user: User,
    /// `None` for tokens of client credentials.
    pub session: Option<UserSession>,
}

/// Why a genuine token must not be used any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotLive {
    #[error("revoked")]
    Revoked,
    #[error("issued before the not-before of realm, client or user")]
    Stale,
    #[error("its client is gone or disabled")]
    ClientDisabled,
    #[error("its session ended")]
    SessionNotFound,
    #[error("its user is disabled")]
    UserDisabled,
}

/// Whether client, session and user of a verified token still allow its use.
///
/// # Errors
/// When the store fails.
pub async fn validate(
    (store, compiled, stamps): (&Store, &Compiled, &Stamps),
    realm: &std::sync::Arc<CompiledRealm>,
    token: &VerifiedAccessToken,
    now: Timestamp,
) -> Result<Result<Live, NotLive>, StoreError> {
    let Some(client) = compiled.client(realm, &token.azp).await?.filter(|client| client.client.enabled) else {
        return Ok(Err(NotLive::ClientDisabled));
    };
    let mut peek = store.peek();
    if peek.single_use().get(&realm.realm.id, REVOKED_TOKEN, &token.jti).await?.is_some() {
        return Ok(Err(NotLive::Revoked));
    }
    let session = match &token.sid {
        Some(sid) => {
            let mut found = super::find(&mut peek, stamps, &realm.realm, sid, token.offline, now).await?;
            // An exchange that asked for `offline_access` says so in the token, though the session stays what it was.
            if found.is_none() && token.is_exchanged() {
                found = super::find(&mut peek, stamps, &realm.realm, sid, !token.offline, now).await?;
            }
            let lives =
                |session: &UserSession| token.has_transient_client() || super::client_lives(&realm.realm, &client.client, session, now);
            match found {
                Some(session) if lives(&session) => Some(session),
                _ => return Ok(Err(NotLive::SessionNotFound)),
            }
        }
        None => None,
    };
    let Some(user_id) = session.as_ref().map(|session| &session.user).or(token.sub.as_ref()) else {
        return Ok(Err(NotLive::SessionNotFound));
    };
    let mut user = peek.users().get(&realm.realm.id, user_id).await?;
    if user.is_none() && session.is_none() {
        // Nothing else has no session; a pairwise subject does not say which user it is.
        user = client.service_account(store, realm).await?.map(|subject| subject.user.clone());
    }
    let Some(user) = user else { return Ok(Err(NotLive::SessionNotFound)) };
    let not_before = realm.realm.not_before.max(client.client.not_before).max(user.not_before);
    if token.iat.seconds() < not_before {
        return Ok(Err(NotLive::Stale));
    }
    if !user.enabled {
        return Ok(Err(NotLive::UserDisabled));
    }
    Ok(Ok(Live { user, session }))
}
