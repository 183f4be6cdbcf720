//! What ends a session or its tokens shows at once on introspection, userinfo and refresh, and what must not end it does not.

use keywright::base::id::SessionId;
use keywright::manage::clients::{self, ClientSettings};
use keywright::manage::users::{self, NewPassword, UserSettings};
use keywright::model::realm::OWN_TOKENS_WITHOUT_AUDIENCE;
use keywright::sessions;
use keywright::store::txn::Reader as _;
use keywright::testing::TestIssuer;
use serde_json::json;

use super::{CLIENT, Tokens, introspects, issuer, now, post, realm, refresh, sign_in, userinfo};

/// What still works: introspection and userinfo with the access token, refresh.
async fn works(issuer: &TestIssuer, tokens: &Tokens) -> (bool, bool, bool) {
    (
        introspects(issuer, &tokens.access).await,
        userinfo(issuer, &tokens.access).await == 200,
        refresh(issuer, &tokens.refresh).await.status == 200,
    )
}

const ALL: (bool, bool, bool) = (true, true, true);
const NOTHING: (bool, bool, bool) = (false, false, false);

async fn start() -> TestIssuer {
    let issuer = issuer(json!({})).await;
    issuer
        .change_realm(|realm| drop(realm.attributes.insert(OWN_TOKENS_WITHOUT_AUDIENCE.to_owned(), "true".to_owned())))
        .await;
    issuer
}

async fn change_alice(issuer: &TestIssuer, settings: UserSettings) {
    let (store, realm) = (&issuer.keywright().app().store, realm(issuer).await);
    let alice = store.peek().users().by_username(&realm, "alice").await.expect("readable").expect("there").id;
    let (realm, alice, settings) = (&realm, &alice, &settings);
    store.configuration(|txn| Box::pin(users::update(txn, realm, alice, settings))).await.expect("changed");
}

async fn change_client(issuer: &TestIssuer, settings: serde_json::Value) {
    let (app, realm) = (issuer.keywright().app(), realm(issuer).await);
    let client = app.store.peek().clients().by_client_id(&realm, CLIENT.0).await.expect("readable").expect("there").id;
    let settings: ClientSettings = serde_json::from_value(settings).expect("settings");
    let (realm, client, settings) = (&realm, &client, &settings);
    app.store
        .configuration(|txn| Box::pin(clients::update(txn, &app.env, &app.sealer, realm, client, settings)))
        .await
        .expect("changed");
}

#[tokio::test]
async fn logout_and_the_end_of_a_session_stop_everything() {
    let issuer = start().await;
    for scope in ["openid", "openid offline_access"] {
        let tokens = sign_in(&issuer, scope).await;
        assert_eq!(works(&issuer, &tokens).await, ALL, "{scope}");
        assert_eq!(post(&issuer, "logout", &[("refresh_token", &tokens.refresh)]).await.status, 204);
        assert_eq!(works(&issuer, &tokens).await, NOTHING, "{scope}");
    }
    let (one, other) = (sign_in(&issuer, "openid").await, sign_in(&issuer, "openid").await);
    let store = &issuer.keywright().app().store;
    let ended = sessions::end_session(store, &realm(&issuer).await, &SessionId::from(one.session.as_str()), false).await;
    assert!(ended.expect("writable"));
    assert_eq!((works(&issuer, &one).await, works(&issuer, &other).await), (NOTHING, ALL));
}

#[tokio::test]
async fn revocation_takes_back_what_was_named() {
    let issuer = start().await;
    let tokens = sign_in(&issuer, "openid").await;
    assert_eq!(post(&issuer, "revoke", &[("token", &tokens.access)]).await.status, 200);
    assert_eq!(works(&issuer, &tokens).await, (false, false, true), "an access token alone");
    let tokens = sign_in(&issuer, "openid").await;
    assert_eq!(post(&issuer, "revoke", &[("token", &tokens.refresh)]).await.status, 200);
    assert_eq!(works(&issuer, &tokens).await, NOTHING, "a refresh token takes the client out of the session");
}

#[tokio::test]
async fn a_disabled_user_or_client_stops_everything_while_it_is_disabled() {
    let issuer = start().await;
    let tokens = sign_in(&issuer, "openid").await;
    change_alice(&issuer, UserSettings { enabled: Some(false), ..UserSettings::default() }).await;
    assert_eq!(works(&issuer, &tokens).await, NOTHING);
    change_alice(&issuer, UserSettings { enabled: Some(true), ..UserSettings::default() }).await;
    assert_eq!(works(&issuer, &tokens).await, ALL, "no session was ended");

    change_client(&issuer, json!({"enabled": false})).await;
    assert_eq!(works(&issuer, &tokens).await, NOTHING);
    change_client(&issuer, json!({"enabled": true})).await;
    assert_eq!(works(&issuer, &tokens).await, ALL);
}

#[tokio::test]
async fn not_before_of_realm_client_and_user_refuses_what_is_older() {
    let issuer = start().await;
    for level in ["realm", "client", "user"] {
        let old = sign_in(&issuer, "openid").await;
        issuer.clock().advance_seconds(1);
        let now = now(&issuer);
        match level {
            "realm" => issuer.change_realm(|realm| realm.not_before = now).await,
            "client" => change_client(&issuer, json!({"notBefore": now})).await,
            _ => {
                let (store, realm) = (&issuer.keywright().app().store, realm(&issuer).await);
                let alice = store.peek().users().by_username(&realm, "alice").await.expect("readable").expect("there").id;
                let (realm, alice) = (&realm, &alice);
                store.configuration(|txn| Box::pin(users::set_not_before(txn, realm, alice, now))).await.expect("changed");
            }
        }
        assert_eq!(works(&issuer, &old).await, NOTHING, "{level}");
        assert_eq!(works(&issuer, &sign_in(&issuer, "openid").await).await, ALL, "{level}: newer ones are good");
    }
}

/// Live: an administrator's password reset ends no session.
#[tokio::test]
async fn a_password_reset_by_an_administrator_ends_no_session() {
    let issuer = start().await;
    let tokens = sign_in(&issuer, "openid").await;
    let (app, realm) = (issuer.keywright().app(), realm(&issuer).await);
    let alice = app.store.peek().users().by_username(&realm, "alice").await.expect("readable").expect("there").id;
    let hash = app.hashing.hash("new".into()).await.expect("the queue has room");
    let password = NewPassword::stored(hash, false);
    let (realm, alice, password) = (&realm, &alice, &password);
    app.store
        .configuration(|txn| Box::pin(users::set_password(txn, &app.env, realm, alice, password)))
        .await
        .expect("changed");
    assert_eq!(works(&issuer, &tokens).await, ALL);
}

/// What a realm remembered ends when it stops remembering, and comes back with the setting; offline sessions are no business of it.
#[tokio::test]
async fn remembered_sessions_end_when_the_realm_no_longer_remembers() {
    let issuer = start().await;
    let remember = |on: bool| issuer.change_realm(move |realm| realm.remember_me = on);
    remember(true).await;
    let (usual, remembered, offline) =
        (sign_in(&issuer, "openid").await, sign_in(&issuer, "openid").await, sign_in(&issuer, "openid offline_access").await);
    let (store, realm) = (&issuer.keywright().app().store, realm(&issuer).await);
    let id = issuer.keywright().app().compiled.realm(keywright::testing::REALM).await.expect("readable").expect("there");
    for (tokens, is_offline) in [(&remembered, false), (&offline, true)] {
        let (realm, settings) = (&realm, &id.realm);
        let session = SessionId::from(tokens.session.as_str());
        let session = &session;
        let marked = store.sessions(|txn| {
            Box::pin(async move {
                let mut known = txn.user_sessions().get(realm, session, is_offline).await?.expect("there");
                known.remember_me = true;
                sessions::put(txn, settings, &mut known);
                Ok::<_, keywright::store::StoreError>(())
            })
        });
        marked.await.expect("writable");
    }
    assert_eq!((works(&issuer, &remembered).await, works(&issuer, &offline).await), (ALL, ALL));
    remember(false).await;
    assert_eq!((works(&issuer, &remembered).await, works(&issuer, &offline).await, works(&issuer, &usual).await), (NOTHING, ALL, ALL));
}
