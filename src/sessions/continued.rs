//! Sessions of the server that a realm was imported from. Its export holds none, but its refresh tokens say who signed in where and
//! since when, and the imported HMAC key proves that it said so. A realm that wants it ([`CONTINUE_FROM`], [`CONTINUE_UNTIL`]) lets
//! such a token bring its session back, once: a mark that outlives the switch keeps out what was ended here.

use std::collections::BTreeMap;

use crate::base::clock::Timestamp;
use crate::base::id::{ClientId, SessionId, UserId};
use crate::model::lifetimes;
use crate::model::realm::Realm;
use crate::model::single_use::SingleUse;
use crate::model::user_session::{ClientSession, Rotation, UserSession};
use crate::store::StoreError;
use crate::store::txn::{Reader as _, Sessions, Txn};
use crate::tokens::verify::VerifiedRefreshToken;

use super::STAMP_DELAY_SECONDS;

/// Realm attribute: tokens issued before this moment (whole seconds since 1970) are the old server's.
pub const CONTINUE_FROM: &str = "keywright.continue.sessions.from";
/// Realm attribute: until this moment they bring their sessions back.
pub const CONTINUE_UNTIL: &str = "keywright.continue.sessions.until";

const CONTINUED: &str = "continued";

/// What a verified refresh token says about its session.
#[derive(Clone, Copy)]
pub struct Claims<'a> {
    pub session: &'a SessionId,
    pub offline: bool,
    pub user: Option<&'a UserId>,
    pub client: &'a ClientId,
    pub scope: &'a str,
    pub issued: Timestamp,
}

impl<'a> Claims<'a> {
    pub fn of(token: &'a VerifiedRefreshToken, client: &'a ClientId) -> Self {
        Self {
            session: &token.session,
            offline: token.offline,
            user: token.subject.as_ref(),
            client,
            scope: &token.scope,
            issued: token.iat,
        }
    }
}

/// Whether a token that was issued then is the old server's, in a realm that still continues its sessions.
pub fn is_continued(realm: &Realm, issued: Timestamp, now: Timestamp) -> bool {
    let moment = |name: &str| realm.attributes.get(name).and_then(|text| text.parse::<i64>().ok());
    moment(CONTINUE_FROM).is_some_and(|from| issued.seconds() < from) && moment(CONTINUE_UNTIL).is_some_and(|until| now.seconds() < until)
}

/// The session of a token, with its client in it where the token may bring it back; otherwise `found` as it is. What was ended
/// here, idle too long or too old stays out.
///
/// # Errors
/// When the store fails.
pub async fn resume(
    txn: &mut Txn<'_, Sessions>,
    realm: &Realm,
    token: Claims<'_>,
    found: Option<UserSession>,
    now: Timestamp,
) -> Result<Option<UserSession>, StoreError> {
    let has_client = found.as_ref().is_some_and(|session| session.clients.contains_key(token.client));
    let Some(user) = token.user.filter(|_| !has_client && is_continued(realm, token.issued, now)) else { return Ok(found) };
    let (whole, part) = (mark_of(token, None), mark_of(token, Some(token.client)));
    let was_here = txn.single_use().get(&realm.id, CONTINUED, &whole).await?.is_some();
    // A session that began here is nobody's to join, and one that is gone was ended here.
    if was_here == found.is_none() || txn.single_use().get(&realm.id, CONTINUED, &part).await?.is_some() {
        return Ok(found);
    }
    let client =
        ClientSession { started: token.issued, last_refresh: token.issued, scope: token.scope.to_owned(), rotation: Rotation::default() };
    let is_new = found.is_none();
    let mut session = found.unwrap_or_else(|| rebuilt(token, user));
    if session.user != *user || lifetimes::user_session_ends(realm, &session) + STAMP_DELAY_SECONDS <= now {
        return Ok(Some(session).filter(|_| !is_new));
    }
    session.clients.insert(token.client.clone(), client);
    session.last_refresh = now;
    if is_new {
        session.indexed_until = super::index_until(realm, &session);
        super::insert(txn, realm, &session);
        mark(txn, realm, &whole, now);
    } else {
        super::put(txn, realm, &mut session);
    }
    mark(txn, realm, &part, now);
    Ok(Some(session))
}

/// Notes that a session is over which the old server's token would still bring back; `false` if it could not.
///
/// # Errors
/// When the store fails.
pub async fn end(txn: &mut Txn<'_, Sessions>, realm: &Realm, token: Claims<'_>, now: Timestamp) -> Result<bool, StoreError> {
    let whole = mark_of(token, None);
    let open = is_continued(realm, token.issued, now) && txn.single_use().get(&realm.id, CONTINUED, &whole).await?.is_none();
    if open {
        mark(txn, realm, &whole, now);
    }
    Ok(open)
}

/// The beginning of a session is not in its tokens: it counts from the token, which is the latest that it can be.
fn rebuilt(token: Claims<'_>, user: &UserId) -> UserSession {
    UserSession {
        id: token.session.clone(),
        user: user.clone(),
        offline: token.offline,
        remember_me: false,
        ip_address: String::new(),
        started: token.issued,
        last_refresh: token.issued,
        auth_time: None,
        notes: BTreeMap::new(),
        clients: BTreeMap::new(),
        indexed_until: token.issued,
    }
}

fn mark_of(token: Claims<'_>, client: Option<&ClientId>) -> String {
    let kind = if token.offline { "offline" } else { "online" };
    format!("{kind} {} {}", token.session, client.map_or("", ClientId::as_str))
}

/// Kept until the switch is off; then no token brings anything back.
fn mark(txn: &mut Txn<'_, Sessions>, realm: &Realm, id: &str, now: Timestamp) {
    let until = realm.attributes.get(CONTINUE_UNTIL).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
    txn.single_use().put(&realm.id, CONTINUED, id, &SingleUse { at: now }, Timestamp::from_seconds(until) + 1);
}
