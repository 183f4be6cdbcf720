//! Pure arithmetic of lifetimes: what is left of a session, what `exp` may be. The rules are Keycloak's: a client may shorten
//! what its realm allows, 0 means "not set", and no token outlives its session.

use crate::base::clock::Timestamp;

use super::client::Client;
use super::realm::Realm;
use super::user_session::UserSession;

/// Keycloak's values for timeouts that a realm does not set.
const DEFAULT_SSO_IDLE: i64 = 1800;
const DEFAULT_SSO_MAX: i64 = 36_000;
const DEFAULT_OFFLINE_IDLE: i64 = 30 * 86_400;
const DEFAULT_OFFLINE_MAX: i64 = 60 * 86_400;

/// A session, as far as its age goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionAge {
    pub offline: bool,
    pub remember_me: bool,
    pub started: Timestamp,
    /// When the client joined the session.
    pub client_started: Timestamp,
}

/// When a user session ends if nobody uses it again: idle for too long or at its maximal age, whichever comes first.
pub fn user_session_ends(realm: &Realm, session: &UserSession) -> Timestamp {
    let idle = session.last_refresh + user_idle(realm, session.offline, session.remember_me);
    match user_max(realm, session.offline, session.remember_me) {
        Some(max) => idle.min(session.started + max),
        None => idle,
    }
}

/// When a client's part of a session ends if the client does not refresh again.
pub fn client_session_ends(realm: &Realm, client: &Client, age: SessionAge, last_refresh: Timestamp) -> Timestamp {
    let idle = last_refresh + client_idle(realm, client, age);
    client_max(realm, client, age).map_or(idle, |max| idle.min(max))
}

/// `exp` of an access token and of the ID token beside it, in whole seconds. Without a session only the lifespan counts.
pub fn access_token_expires(realm: &Realm, client: &Client, age: Option<SessionAge>, now: Timestamp) -> i64 {
    let session_ends = age.and_then(|age| client_max(realm, client, age));
    let lifespan = match client.attribute("access.token.lifespan").and_then(|lifespan| lifespan.parse().ok()) {
        // Keycloak's console calls this "expires with the session".
        Some(-1) => None,
        Some(lifespan) if lifespan > 0 => Some(lifespan),
        _ if realm.access_token_lifespan == -1 => None,
        _ => Some(realm.access_token_lifespan),
    };
    let with_session = age.map_or(now, |age| age.started) + positive(realm.sso_session_max_lifespan).unwrap_or(DEFAULT_SSO_MAX);
    let expires = lifespan.map_or(with_session, |lifespan| now + lifespan);
    session_ends.map_or(expires, |end| expires.min(end)).seconds()
}

/// `exp` of a refresh token, in whole seconds. `None` for an offline token where the realm does not limit the age of offline
/// sessions: it ends by idleness only.
pub fn refresh_token_expires(realm: &Realm, client: &Client, age: SessionAge, now: Timestamp) -> Option<i64> {
    if age.offline && !realm.offline_session_max_lifespan_enabled {
        return None;
    }
    Some(client_session_ends(realm, client, age, now).seconds())
}

/// Seconds that a user session may go unused.
fn user_idle(realm: &Realm, offline: bool, remember_me: bool) -> i64 {
    if offline {
        return positive(realm.offline_session_idle_timeout).unwrap_or(DEFAULT_OFFLINE_IDLE);
    }
    let idle = positive(realm.sso_session_idle_timeout).unwrap_or(DEFAULT_SSO_IDLE);
    if remember_me { idle.max(realm.sso_session_idle_timeout_remember_me) } else { idle }
}

/// Seconds that a user session may last in all; `None` for an offline session without limit.
fn user_max(realm: &Realm, offline: bool, remember_me: bool) -> Option<i64> {
    if offline {
        let max = positive(realm.offline_session_max_lifespan).unwrap_or(DEFAULT_OFFLINE_MAX);
        return realm.offline_session_max_lifespan_enabled.then_some(max);
    }
    let max = positive(realm.sso_session_max_lifespan).unwrap_or(DEFAULT_SSO_MAX);
    Some(if remember_me { max.max(realm.sso_session_max_lifespan_remember_me) } else { max })
}

/// Seconds that a client's part of a session may go unused.
fn client_idle(realm: &Realm, client: &Client, age: SessionAge) -> i64 {
    let user = user_idle(realm, age.offline, age.remember_me);
    let (attribute, of_realm) = if age.offline {
        ("client.offline.session.idle.timeout", realm.client_offline_session_idle_timeout)
    } else {
        ("client.session.idle.timeout", realm.client_session_idle_timeout)
    };
    own_or(client, attribute, of_realm).map_or(user, |idle| idle.min(user))
}

/// The moment at which a client's part of a session ends, however busy it is.
fn client_max(realm: &Realm, client: &Client, age: SessionAge) -> Option<Timestamp> {
    let user = user_max(realm, age.offline, age.remember_me).map(|max| age.started + max);
    let (attribute, of_realm) = if age.offline {
        ("client.offline.session.max.lifespan", realm.client_offline_session_max_lifespan)
    } else {
        ("client.session.max.lifespan", realm.client_session_max_lifespan)
    };
    let limited = !age.offline || realm.offline_session_max_lifespan_enabled;
    let own = own_or(client, attribute, of_realm).filter(|_| limited).map(|max| age.client_started + max);
    match (user, own) {
        (Some(user), Some(own)) => Some(user.min(own)),
        (user, own) => user.or(own),
    }
}

fn own_or(client: &Client, attribute: &str, of_realm: i64) -> Option<i64> {
    client.seconds(attribute).and_then(positive).or(positive(of_realm))
}

fn positive(seconds: i64) -> Option<i64> {
    (seconds > 0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn fresh(offline: bool) -> SessionAge {
        SessionAge { offline, remember_me: false, started: NOW, client_started: NOW }
    }

    fn client(attributes: &[(&str, &str)]) -> Client {
        Client { attributes: attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(), ..Client::default() }
    }

    fn access(realm: &Realm, client: &Client, age: SessionAge, now: Timestamp) -> i64 {
        access_token_expires(realm, client, Some(age), now) - now.seconds()
    }

    fn refresh(realm: &Realm, client: &Client, age: SessionAge, now: Timestamp) -> Option<i64> {
        refresh_token_expires(realm, client, age, now).map(|expires| expires - now.seconds())
    }

    /// `keycloak-live/numbers.json`, `token-success.json` (short-client), `refresh.json` (lifetimes …).
    #[test]
    fn the_numbers_are_those_of_a_real_keycloak() {
        let (realm, plain) = (Realm::default(), client(&[]));
        assert_eq!(access(&realm, &plain, fresh(false), NOW), 300);
        assert_eq!(refresh(&realm, &plain, fresh(false), NOW), Some(1800));
        assert_eq!(refresh(&realm, &plain, fresh(true), NOW), None);
        assert_eq!(access(&Realm { access_token_lifespan: 60, ..Realm::default() }, &plain, fresh(false), NOW), 60);
        assert_eq!(access(&realm, &client(&[("access.token.lifespan", "3600")]), fresh(false), NOW), 3600);

        let short = client(&[("access.token.lifespan", "2"), ("client.session.max.lifespan", "3")]);
        assert_eq!(access(&realm, &short, fresh(false), NOW), 2);
        assert_eq!(refresh(&realm, &short, fresh(false), NOW), Some(3));

        let idle = Realm { sso_session_idle_timeout: 2, ..Realm::default() };
        assert_eq!((access(&idle, &plain, fresh(false), NOW), refresh(&idle, &plain, fresh(false), NOW)), (300, Some(2)));
        let max = Realm { sso_session_max_lifespan: 3, ..Realm::default() };
        assert_eq!((access(&max, &plain, fresh(false), NOW), refresh(&max, &plain, fresh(false), NOW)), (3, Some(3)));
        let offline = Realm { offline_session_max_lifespan_enabled: true, offline_session_max_lifespan: 2, ..Realm::default() };
        assert_eq!(refresh(&offline, &plain, fresh(true), NOW), Some(2));
    }

    #[test]
    fn an_old_session_shortens_its_tokens() {
        let (realm, plain) = (Realm::default(), client(&[]));
        let old = SessionAge { started: Timestamp::from_seconds(NOW.seconds() - 35_900), ..fresh(false) };
        assert_eq!(access(&realm, &plain, old, NOW), 100);
        assert_eq!(refresh(&realm, &plain, old, NOW), Some(100));
    }

    #[test]
    fn remembered_sessions_live_longer_and_never_shorter() {
        let realm = Realm { sso_session_idle_timeout_remember_me: 7200, sso_session_max_lifespan_remember_me: 60, ..Realm::default() };
        let remembered = SessionAge { remember_me: true, ..fresh(false) };
        assert_eq!(refresh(&realm, &client(&[]), remembered, NOW), Some(7200));
        assert_eq!(refresh(&Realm::default(), &client(&[]), remembered, NOW), Some(1800));
    }

    #[test]
    fn a_client_shortens_idle_and_age_but_not_beyond_its_realm() {
        let realm = Realm { client_session_idle_timeout: 600, ..Realm::default() };
        assert_eq!(refresh(&realm, &client(&[]), fresh(false), NOW), Some(600));
        assert_eq!(refresh(&realm, &client(&[("client.session.idle.timeout", "900")]), fresh(false), NOW), Some(900));
        assert_eq!(refresh(&realm, &client(&[("client.session.idle.timeout", "99999")]), fresh(false), NOW), Some(1800));
        assert_eq!(refresh(&realm, &client(&[("client.session.idle.timeout", "")]), fresh(false), NOW), Some(600));
    }

    #[test]
    fn an_access_token_may_expire_with_its_session() {
        let with_session = client(&[("access.token.lifespan", "-1")]);
        assert_eq!(access(&Realm::default(), &with_session, fresh(false), NOW), 36_000);
        assert_eq!(access_token_expires(&Realm::default(), &client(&[]), None, NOW) - NOW.seconds(), 300);
    }

    proptest! {
        /// Whatever is configured: a refresh token ends with its session at the latest, and an access token too.
        #[test]
        fn no_token_outlives_its_session(
            seconds in proptest::collection::vec(0_i64..100_000, 12), attributes in proptest::collection::vec(-5_i64..100_000, 5),
            offline: bool, remember_me: bool, limited: bool, age in 0_i64..200_000, joined in 0_i64..200_000,
        ) {
            let realm = Realm {
                access_token_lifespan: seconds[0], sso_session_idle_timeout: seconds[1], sso_session_max_lifespan: seconds[2],
                sso_session_idle_timeout_remember_me: seconds[3], sso_session_max_lifespan_remember_me: seconds[4],
                offline_session_idle_timeout: seconds[5], offline_session_max_lifespan_enabled: limited,
                offline_session_max_lifespan: seconds[6], client_session_idle_timeout: seconds[7], client_session_max_lifespan: seconds[8],
                client_offline_session_idle_timeout: seconds[9], client_offline_session_max_lifespan: seconds[10], ..Realm::default()
            };
            let texts: Vec<String> = attributes.iter().map(ToString::to_string).collect();
            let client = client(&[
                ("access.token.lifespan", &texts[0]), ("client.session.idle.timeout", &texts[1]), ("client.session.max.lifespan", &texts[2]),
                ("client.offline.session.idle.timeout", &texts[3]), ("client.offline.session.max.lifespan", &texts[4]),
            ]);
            let started = Timestamp::from_seconds(NOW.seconds() - age);
            let client_started = Timestamp::from_seconds(NOW.seconds() - joined.min(age));
            let session = SessionAge { offline, remember_me, started, client_started };
            let ends = user_session_ends(&realm, &UserSession {
                id: crate::base::id::SessionId::default(), user: crate::base::id::UserId::default(), offline, remember_me,
                ip_address: String::new(), started, last_refresh: NOW, auth_time: None, notes: BTreeMap::new(), clients: BTreeMap::new(),
                indexed_until: Timestamp(0),
            });
            match refresh_token_expires(&realm, &client, session, NOW) {
                Some(expires) => prop_assert!(expires <= ends.seconds()),
                None => prop_assert!(offline && !limited),
            }
            let max = user_max(&realm, offline, remember_me).map(|max| (started + max).seconds());
            prop_assert!(max.is_none_or(|max| access_token_expires(&realm, &client, Some(session), NOW) <= max));
        }
    }
}
