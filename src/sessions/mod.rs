//! The life of a user session: it starts with a proved grant, is stamped by every use, and ends by logout, idleness or age.
//! [`validate`] is the one live check of an access token; userinfo, introspection and the bearer extractor all ask it.

pub mod continued;
mod end;
mod stamp;
mod validate;

pub use end::{end_session, end_sessions_of, revoke_offline};
pub use stamp::Stamps;
pub use validate::{Live, NotLive, validate};

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::base::clock::Timestamp;
use crate::base::env::Env;
use crate::base::id::{ClientId, RealmId, SessionId, UserId};
use crate::model::client::Client;
use crate::model::lifetimes::{self, SessionAge};
use crate::model::realm::Realm;
use crate::model::user_session::{ClientSession, Rotation, UserSession};
use crate::store::StoreError;
use crate::store::txn::{Reader, Sessions, Txn};
use crate::tokens::authorization::{RotationPart, SessionPart};

/// How much older than the last use a stored session may be: a crash takes the stamps of the last minute with it.
const STAMP_DELAY_SECONDS: i64 = 60;

/// How long the store keeps a session after its end: longer than a stamp may be late, so that nothing alive is purged.
const PURGE_GRACE_SECONDS: i64 = 300;

/// A chain of refresh tokens per sign-in of a client; more are not kept.
const MAX_CHAINS: usize = 64;

/// What a new session is made from.
pub struct NewSession<'a> {
    pub realm: &'a Realm,
    pub user: &'a UserId,
    pub client: &'a ClientId,
    /// The scope as requested.
    pub scope: &'a str,
    pub offline: bool,
    pub address: IpAddr,
}

/// Makes a session with one client in it. It exists once it was [`insert`]ed.
pub fn start(env: &Env, new: &NewSession<'_>) -> UserSession {
    let now = env.now();
    let client = ClientSession { started: now, last_refresh: now, scope: new.scope.to_owned(), rotation: Rotation::default() };
    let clients = BTreeMap::from([(new.client.clone(), client)]);
    let blank = blank(env, new.user, new.address);
    indexed(new.realm, UserSession { offline: new.offline, auth_time: None, clients, ..blank })
}

/// Makes a session of a browser that no client has asked for yet. It exists once it was [`insert`]ed.
pub fn begin(env: &Env, realm: &Realm, user: &UserId, address: IpAddr) -> UserSession {
    indexed(realm, blank(env, user, address))
}

fn blank(env: &Env, user: &UserId, address: IpAddr) -> UserSession {
    let now = env.now();
    UserSession {
        id: SessionId::generate(env.random()),
        user: user.clone(),
        offline: false,
        remember_me: false,
        ip_address: address.to_string(),
        started: now,
        last_refresh: now,
        auth_time: Some(now),
        notes: BTreeMap::new(),
        clients: BTreeMap::new(),
        indexed_until: now,
    }
}

fn indexed(realm: &Realm, session: UserSession) -> UserSession {
    UserSession { indexed_until: index_until(realm, &session), ..session }
}

/// Writes a new session.
pub fn insert(txn: &mut Txn<'_, Sessions>, realm: &Realm, session: &UserSession) {
    txn.user_sessions().insert(&realm.id, session, purge_at(realm, session));
}

/// Writes a changed session. Its index key lives as long again as the session may stay idle, so that most uses write one key.
pub fn put(txn: &mut Txn<'_, Sessions>, realm: &Realm, session: &mut UserSession) {
    let expires_at = purge_at(realm, session);
    let index_moves = expires_at > session.indexed_until;
    if index_moves {
        session.indexed_until = index_until(realm, session);
    }
    txn.user_sessions().put(&realm.id, session, expires_at, index_moves);
}

/// The session, if it still lives. `stamps` knows uses that the store does not have yet.
///
/// # Errors
/// When the store fails.
pub async fn find(
    reader: &mut impl Reader,
    stamps: &Stamps,
    realm: &Realm,
    id: &SessionId,
    offline: bool,
    now: Timestamp,
) -> Result<Option<UserSession>, StoreError> {
    let stored = reader.user_sessions().get(&realm.id, id, offline).await?;
    Ok(stored.and_then(|session| alive(stamps, realm, session, now)))
}

/// A stored session as of now, if it still lives: what [`find`] says of a session that was read already.
pub fn alive(stamps: &Stamps, realm: &Realm, mut session: UserSession, now: Timestamp) -> Option<UserSession> {
    // A realm that no longer remembers anybody ends what it remembered at once.
    if session.remember_me && !session.offline && !realm.remember_me {
        return None;
    }
    stamps.apply(&realm.id, &mut session);
    (lifetimes::user_session_ends(realm, &session) + STAMP_DELAY_SECONDS > now).then_some(session)
}

/// Whether a client is in the session, and has neither been idle there nor been there for longer than it may be.
pub fn client_lives(realm: &Realm, client: &Client, session: &UserSession, now: Timestamp) -> bool {
    session.clients.get(&client.id).is_some_and(|part| {
        let age = SessionAge {
            offline: session.offline,
            remember_me: session.remember_me,
            started: session.started,
            client_started: part.started,
        };
        lifetimes::client_session_ends(realm, client, age, part.last_refresh) + STAMP_DELAY_SECONDS > now
    })
}

/// Ends a session: its tokens stop working at once.
pub fn end(txn: &mut Txn<'_, Sessions>, realm: &RealmId, session: &UserSession) {
    txn.user_sessions().delete(realm, session);
}

/// Takes a client out of its session; the sign-in itself goes on.
pub fn detach(txn: &mut Txn<'_, Sessions>, realm: &Realm, session: &mut UserSession, client: &ClientId) {
    session.clients.remove(client);
    put(txn, realm, session);
}

/// A client gives its tokens back: it leaves the session, which ends with its last client.
pub fn leave(txn: &mut Txn<'_, Sessions>, realm: &Realm, session: &mut UserSession, client: &ClientId) {
    if session.clients.len() == 1 {
        end(txn, &realm.id, session);
    } else {
        detach(txn, realm, session, client);
    }
}

/// What the mint needs of a session. `None` when the client is not in it.
pub fn part(session: &UserSession, client: &ClientId, rotation: Option<RotationPart>) -> Option<SessionPart> {
    Some(SessionPart {
        id: session.id.clone(),
        offline: session.offline,
        remember_me: session.remember_me,
        started: session.started,
        client_started: session.clients.get(client)?.started,
        notes: session.notes.clone(),
        rotation,
    })
}

/// The place of a session's first refresh token in its chain; `None` where refresh tokens do not rotate.
pub fn first_of_chain(env: &Env, realm: &Realm) -> Option<RotationPart> {
    realm.revoke_refresh_token.then(|| RotationPart { reuse_id: env.random().uuid().to_string(), generation: 0 })
}

/// Why a refresh token of a rotating realm is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reuse {
    /// Presented more often than the realm allows.
    Exceeded,
    /// A newer token of the chain was used already.
    Stale,
}

/// Presents generation `generation` of the chain `reuse_id`: the generation of the next token, or why not. RFC 9700 §4.14.2:
/// an old generation means that the token was stolen or that an answer was lost; `max_reuse` says how often the latter may be.
///
/// # Errors
/// The token was used too often or is superseded.
pub fn rotate(client: &mut ClientSession, reuse_id: &str, generation: u64, max_reuse: u64) -> Result<u64, Reuse> {
    let chains = &mut client.rotation.0;
    if !chains.contains_key(reuse_id) && chains.len() >= MAX_CHAINS {
        let oldest = chains.iter().min_by_key(|(_, chain)| chain.newest).map(|(id, _)| id.clone());
        oldest.and_then(|id| chains.remove(&id));
    }
    let chain = chains.entry(reuse_id.to_owned()).or_default();
    if generation == chain.newest {
        (chain.last_used, chain.uses) = (generation, 1);
    } else if generation == chain.last_used && chain.uses > 0 {
        if chain.uses > max_reuse {
            return Err(Reuse::Exceeded);
        }
        chain.uses += 1;
    } else {
        return Err(Reuse::Stale);
    }
    chain.newest += 1;
    Ok(chain.newest)
}

fn index_until(realm: &Realm, session: &UserSession) -> Timestamp {
    let expires_at = purge_at(realm, session);
    expires_at + (expires_at - session.last_refresh)
}

fn purge_at(realm: &Realm, session: &UserSession) -> Timestamp {
    lifetimes::user_session_ends(realm, session) + PURGE_GRACE_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_session() -> ClientSession {
        ClientSession { started: Timestamp(0), last_refresh: Timestamp(0), scope: String::new(), rotation: Rotation::default() }
    }

    #[test]
    fn a_chain_of_rotation_hands_out_one_generation_after_another() {
        let mut session = client_session();
        assert_eq!(rotate(&mut session, "r", 0, 0), Ok(1));
        assert_eq!(rotate(&mut session, "r", 1, 0), Ok(2));
        assert_eq!(rotate(&mut session, "r", 1, 0), Err(Reuse::Exceeded));
        assert_eq!(rotate(&mut session, "r", 0, 0), Err(Reuse::Stale));
    }

    #[test]
    fn the_allowed_second_use_makes_the_first_successor_stale() {
        let mut session = client_session();
        assert_eq!(rotate(&mut session, "r", 0, 1), Ok(1));
        assert_eq!(rotate(&mut session, "r", 0, 1), Ok(2));
        assert_eq!(rotate(&mut session, "r", 1, 1), Err(Reuse::Stale));
        assert_eq!(rotate(&mut session, "r", 0, 1), Err(Reuse::Exceeded));
        assert_eq!(rotate(&mut session, "r", 2, 1), Ok(3));
    }

    #[test]
    fn a_generation_that_was_never_handed_out_is_stale() {
        assert_eq!(rotate(&mut client_session(), "r", 7, 5), Err(Reuse::Stale));
    }

    #[test]
    fn chains_are_independent_and_their_number_is_bounded() {
        let mut session = client_session();
        for chain in 0..200 {
            assert_eq!(rotate(&mut session, &format!("r{chain}"), 0, 0), Ok(1));
        }
        assert_eq!(session.rotation.0.len(), MAX_CHAINS);
    }

    /// Whatever is presented in whatever order, no generation is accepted more than `1 + max_reuse` times.
    #[test]
    fn no_generation_wins_more_often_than_allowed() {
        use proptest::prelude::*;
        proptest!(|(presented in proptest::collection::vec(0u64..6, 0..60), max_reuse in 0u64..3)| {
            let mut session = client_session();
            let mut wins = [0u64; 6];
            for generation in presented {
                if rotate(&mut session, "r", generation, max_reuse).is_ok() {
                    wins[usize::try_from(generation).expect("below 6")] += 1;
                }
            }
            prop_assert!(wins.iter().all(|wins| *wins <= 1 + max_reuse));
        });
    }
}
