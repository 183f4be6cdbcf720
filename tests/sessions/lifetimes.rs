//! Idle and maximal times of user, client and offline sessions, each with its remember-me variant and the client's own.

use keywright::base::id::SessionId;
use keywright::model::realm::Realm;
use keywright::sessions;
use keywright::store::StoreError;
use keywright::store::txn::Reader as _;
use keywright::testing::{REALM, TestIssuer};
use serde_json::{Value, json};

use super::{Tokens, issuer, refresh, sign_in, tokens, userinfo};

/// A stored session may know its last use a minute late, so it is kept a minute longer than it may idle; a refresh token with `exp`
/// is exact.
const LATE: i64 = 60;

struct Case {
    name: &'static str,
    realm: fn(&mut Realm),
    client: Value,
    scope: &'static str,
    remember_me: bool,
    /// Seconds after which a first refresh still works, and another one no more.
    lives: i64,
    dies: Option<i64>,
}

fn online(name: &'static str, realm: fn(&mut Realm), client: Value, seconds: i64) -> Case {
    Case { name, realm, client, scope: "openid", remember_me: false, lives: seconds - 1, dies: Some(seconds) }
}

fn remembered(name: &'static str, realm: fn(&mut Realm), client: Value, seconds: i64) -> Case {
    Case { remember_me: true, ..online(name, realm, client, seconds) }
}

fn offline(name: &'static str, realm: fn(&mut Realm), client: Value, lives: i64, dies: Option<i64>) -> Case {
    Case { name, realm, client, scope: "openid offline_access", remember_me: false, lives, dies }
}

fn cases() -> Vec<Case> {
    vec![
        online("realm: idle", |realm| realm.sso_session_idle_timeout = 600, json!({}), 600),
        online("realm: maximum", |realm| realm.sso_session_max_lifespan = 900, json!({}), 900),
        online("realm: idle of clients", |realm| realm.client_session_idle_timeout = 300, json!({}), 300),
        online("realm: maximum of clients", |realm| realm.client_session_max_lifespan = 400, json!({}), 400),
        online("client: idle", |realm| realm.client_session_idle_timeout = 300, json!({"client.session.idle.timeout": "200"}), 200),
        online(
            "client: longer than its realm's for clients",
            |realm| realm.client_session_idle_timeout = 300,
            json!({"client.session.idle.timeout": "500"}),
            500,
        ),
        online(
            "client: never longer than the session",
            |realm| realm.sso_session_idle_timeout = 600,
            json!({"client.session.idle.timeout": "9999"}),
            600,
        ),
        online("client: maximum", |_| {}, json!({"client.session.max.lifespan": "250"}), 250),
        online(
            "0 is not set",
            |realm| realm.sso_session_idle_timeout = 600,
            json!({"client.session.idle.timeout": "0", "client.session.max.lifespan": "0"}),
            600,
        ),
        remembered(
            "remember me: idle",
            |realm| (realm.sso_session_idle_timeout, realm.sso_session_idle_timeout_remember_me) = (600, 3000),
            json!({}),
            3000,
        ),
        remembered(
            "remember me: maximum",
            |realm| {
                (realm.sso_session_idle_timeout, realm.sso_session_max_lifespan, realm.sso_session_max_lifespan_remember_me) =
                    (9000, 900, 5000);
            },
            json!({}),
            5000,
        ),
        remembered(
            "remember me: never shorter",
            |realm| (realm.sso_session_idle_timeout, realm.sso_session_idle_timeout_remember_me) = (600, 60),
            json!({}),
            600,
        ),
        remembered(
            "remember me: a client shortens",
            |realm| (realm.sso_session_idle_timeout, realm.sso_session_idle_timeout_remember_me) = (600, 3000),
            json!({"client.session.idle.timeout": "700"}),
            700,
        ),
        offline("offline: idle", |realm| realm.offline_session_idle_timeout = 600, json!({}), 599, Some(600 + LATE)),
        offline("offline: client idle", |_| {}, json!({"client.offline.session.idle.timeout": "200"}), 199, Some(200 + LATE)),
        offline(
            "offline: realm idle of clients",
            |realm| realm.client_offline_session_idle_timeout = 200,
            json!({}),
            199,
            Some(200 + LATE),
        ),
        offline(
            "offline: maximum",
            |realm| (realm.offline_session_max_lifespan_enabled, realm.offline_session_max_lifespan) = (true, 900),
            json!({}),
            899,
            Some(900),
        ),
        offline(
            "offline: client maximum",
            |realm| realm.offline_session_max_lifespan_enabled = true,
            json!({"client.offline.session.max.lifespan": "300"}),
            299,
            Some(300),
        ),
        offline("offline: no maximum unless switched on", |_| {}, json!({"client.offline.session.max.lifespan": "300"}), 500_000, None),
    ]
}

#[tokio::test]
async fn every_setting_ends_a_session_to_the_second() {
    for case in cases() {
        let mut attributes = case.client.clone();
        attributes["access.token.lifespan"] = json!("1000000");
        let issuer = issuer(attributes).await;
        issuer.change_realm(|realm| realm.remember_me = true).await;
        issuer.change_realm(case.realm).await;
        let (first, second) = (begin(&issuer, &case).await, begin(&issuer, &case).await);

        issuer.clock().advance_seconds(case.lives);
        assert_eq!(refresh(&issuer, &first.refresh).await.status, 200, "{}: after {} s", case.name, case.lives);
        let Some(dies) = case.dies else { continue };
        issuer.clock().advance_seconds(dies - case.lives);
        let refused = refresh(&issuer, &second.refresh).await;
        assert_eq!((refused.status, refused.field("error").as_str()), (400, "invalid_grant"), "{}: after {dies} s", case.name);
        issuer.clock().advance_seconds(LATE);
        assert_eq!(userinfo(&issuer, &second.access).await, 401, "{}: the access token goes with the session", case.name);
    }
}

/// Tokens whose session was begun as the case wants it.
async fn begin(issuer: &TestIssuer, case: &Case) -> Tokens {
    let signed_in = sign_in(issuer, case.scope).await;
    if !case.remember_me {
        return signed_in;
    }
    // Only a browser can tick the box.
    let store = &issuer.keywright().app().store;
    let realm = store.peek().realms().by_name(REALM).await.expect("readable").expect("there");
    let (realm, id) = (&realm, SessionId::from(signed_in.session.as_str()));
    let id = &id;
    let remembered = store.sessions(|txn| {
        Box::pin(async move {
            let mut session = txn.user_sessions().get(&realm.id, id, false).await?.expect("there");
            session.remember_me = true;
            sessions::put(txn, realm, &mut session);
            Ok::<_, StoreError>(())
        })
    });
    remembered.await.expect("written");
    tokens(&refresh(issuer, &signed_in.refresh).await)
}
