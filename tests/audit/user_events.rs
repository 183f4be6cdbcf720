use std::net::IpAddr;
use std::time::Duration;

use keywright::audit::query::UserEventQuery;
use keywright::base::clock::Clock as _;
use keywright::base::id::UserId;
use keywright::base::password_hash::HashingOptions;
use keywright::config::Engine;
use keywright::model::event::{EventType, Happening};
use keywright::store::events::{Direction, Page};
use keywright::testing::TestIssuer;
use serde_json::json;

use crate::support::http::Request;

use super::{CLIENT, USER, events, issuer, newest, post, search};

#[tokio::test]
async fn nothing_is_stored_before_the_realm_wants_it() {
    let issuer = TestIssuer::start().await;
    issuer.confidential_client(CLIENT.0, CLIENT.1).await;
    issuer.user(USER.0, USER.1).await;
    issuer.password_tokens(CLIENT, USER, "openid").await;
    assert!(events(&issuer).await.is_empty());
}

#[tokio::test]
async fn a_login_tells_its_tokens_and_its_session() {
    let issuer = issuer(&[]).await;
    let tokens = issuer.password_tokens(CLIENT, USER, "openid").await;
    let event = newest(&issuer).await;
    let (kind, refresh) = tokens.ids.refresh.unwrap();
    let user = event["userId"].clone();
    // Text, because the order counts.
    let expected = format!(
        r#"{{"type":"LOGIN","clientId":"api-client","userId":{user},"sessionId":"{}","ipAddress":"127.0.0.1","details":{{"auth_method":"openid-connect","token_id":"{}","grant_type":"password","refresh_token_type":"{kind}","scope":"{}","refresh_token_id":"{refresh}","client_auth_method":"client-secret","username":"alice"}}}}"#,
        tokens.session_state.unwrap(),
        tokens.ids.access,
        tokens.scope,
    );
    assert_eq!(event.to_string(), expected);
}

#[tokio::test]
async fn the_event_log_tells_apart_what_the_answers_do_not() {
    let issuer = issuer(&[]).await;
    let grant = |username: &'static str, password: &'static str| {
        let issuer = &issuer;
        async move { issuer.grant(CLIENT, &[("grant_type", "password"), ("username", username), ("password", password)]).await }
    };
    let unknown = grant("nobody", "x").await.unwrap_err();
    assert_eq!(newest(&issuer).await["error"], "user_not_found");
    let wrong = grant(USER.0, "x").await.unwrap_err();
    let event = newest(&issuer).await;
    assert_eq!((&event["error"], &event["userId"].is_string()), (&json!("invalid_user_credentials"), &true));
    assert_eq!((unknown.status, unknown.description), (wrong.status, wrong.description));

    let secret = issuer.grant((CLIENT.0, "wrong"), &[("grant_type", "client_credentials")]).await.unwrap_err();
    let expected = json!({"type": "CLIENT_LOGIN_ERROR", "clientId": "api-client", "ipAddress": "127.0.0.1",
        "error": "invalid_client_credentials", "details": {"grant_type": "client_credentials"}});
    assert_eq!(newest(&issuer).await, expected);
    let client = issuer.grant(("nope", "wrong"), &[("grant_type", "client_credentials")]).await.unwrap_err();
    let expected = json!({"type": "CLIENT_LOGIN_ERROR", "ipAddress": "127.0.0.1",
        "error": "client_not_found", "details": {"grant_type": "client_credentials"}});
    assert_eq!(newest(&issuer).await, expected);
    assert_eq!(secret.description, client.description);
}

/// Types that come with every request of an application are stored only when the realm names them.
#[tokio::test]
async fn a_realm_chooses_its_types() {
    let quiet = issuer(&[]).await;
    let tokens = quiet.password_tokens(CLIENT, USER, "openid").await;
    quiet.refreshed_tokens(CLIENT, &tokens.refresh_token.unwrap()).await;
    assert_eq!(events(&quiet).await.iter().map(|event| event.event_type.name()).collect::<Vec<_>>(), ["LOGIN"]);

    let issuer =
        issuer(&["REFRESH_TOKEN", "REFRESH_TOKEN_ERROR", "INTROSPECT_TOKEN", "USER_INFO_REQUEST", "USER_INFO_REQUEST_ERROR"]).await;
    let tokens = issuer.password_tokens(CLIENT, USER, "openid").await;
    let refresh_token = tokens.refresh_token.unwrap();
    issuer.clock().advance_seconds(7);
    let refreshed = issuer.refreshed_tokens(CLIENT, &refresh_token).await;
    let event = newest(&issuer).await;
    assert_eq!(event["type"], "REFRESH_TOKEN");
    let details: Vec<_> = event["details"].as_object().unwrap().iter().map(|(name, value)| (&**name, value.as_str().unwrap())).collect();
    assert_eq!(
        details,
        [
            ("token_id", &*refreshed.ids.access),
            ("grant_type", "refresh_token"),
            ("refresh_token_type", "Refresh"),
            ("access_token_expiration_time", "300"),
            ("updated_refresh_token_id", &*refreshed.ids.refresh.unwrap().1),
            ("scope", &*refreshed.scope),
            ("age_of_refresh_token", "7"),
            ("refresh_token_id", &*tokens.ids.refresh.unwrap().1),
            ("client_auth_method", "client-secret"),
        ]
    );
    issuer.grant(CLIENT, &[("grant_type", "refresh_token"), ("refresh_token", "x")]).await.unwrap_err();
    let event = newest(&issuer).await;
    assert_eq!((&event["error"], &event["details"]["reason"]), (&json!("invalid_token"), &json!("Invalid refresh token")));

    let userinfo = |token: &str| {
        Request::new("GET", "/auth/realms/test/protocol/openid-connect/userinfo").header("authorization", format!("Bearer {token}"))
    };
    userinfo(&refreshed.access_token).send(&issuer.address().to_string()).await.unwrap();
    let event = newest(&issuer).await;
    assert_eq!((&event["type"], &event["details"]["username"]), (&json!("USER_INFO_REQUEST"), &json!("alice")));
    userinfo("x").send(&issuer.address().to_string()).await.unwrap();
    assert_eq!(newest(&issuer).await["error"], "invalid_token");
}

#[tokio::test]
async fn a_session_is_logged_out_and_a_grant_revoked() {
    let issuer = issuer(&[]).await;
    let tokens = issuer.password_tokens(CLIENT, USER, "openid").await;
    let refresh_token = tokens.refresh_token.unwrap();
    post(&issuer, "logout", &[("refresh_token", &refresh_token)]).await;
    let event = newest(&issuer).await;
    assert_eq!((&event["type"], &event["sessionId"]), (&json!("LOGOUT"), &json!(tokens.session_state)));

    let tokens = issuer.password_tokens(CLIENT, USER, "openid").await;
    post(&issuer, "revoke", &[("token", &tokens.refresh_token.unwrap())]).await;
    let event = newest(&issuer).await;
    assert_eq!(event["type"], "REVOKE_GRANT");
    assert_eq!(
        event["details"],
        json!({"refresh_token_type": "Refresh", "revoked_client": "api-client", "refresh_token_id": tokens.ids.refresh.unwrap().1,
               "client_auth_method": "client-secret"})
    );
    post(&issuer, "revoke", &[("token", "x")]).await;
    assert_eq!(newest(&issuer).await["error"], "invalid_token");
}

#[tokio::test]
async fn a_search_filters_pages_and_turns_round() {
    let issuer = issuer(&[]).await;
    let start = issuer.clock().now();
    for _ in 0..5 {
        issuer.client_tokens(CLIENT).await;
        issuer.clock().advance_seconds(10);
    }
    issuer.password_tokens(CLIENT, USER, "openid").await;

    let times = |events: Vec<keywright::model::event::UserEvent>| events.iter().map(|event| event.time - start).collect::<Vec<_>>();
    let all = UserEventQuery::default();
    assert_eq!(times(search(&issuer, &all, Page::default()).await), [50, 40, 30, 20, 10, 0]);
    let page = Page { first: 1, max: 2, direction: Direction::OldestFirst, ..Page::default() };
    assert_eq!(times(search(&issuer, &all, page).await), [10, 20]);
    assert_eq!(times(search(&issuer, &all, Page { first: 1, max: 2, ..Page::default() }).await), [40, 30]);
    let page = Page { from: Some(start + 10), to: Some(start + 30), ..Page::default() };
    assert_eq!(times(search(&issuer, &all, page).await), [30, 20, 10]);

    let login = EventType { happening: Happening::Login, failed: false };
    let query = UserEventQuery { types: vec![login], ..UserEventQuery::default() };
    let found = search(&issuer, &query, Page::default()).await;
    assert_eq!(found.len(), 1);
    let user = UserEventQuery { user: found[0].user_id.clone(), ..UserEventQuery::default() };
    assert_eq!(search(&issuer, &user, Page::default()).await, found);
    let nobody = UserEventQuery { user: Some(UserId::from("nobody")), ..UserEventQuery::default() };
    assert!(search(&issuer, &nobody, Page::default()).await.is_empty());
    let client = UserEventQuery { client: Some("other".to_owned()), ..UserEventQuery::default() };
    assert!(search(&issuer, &client, Page::default()).await.is_empty());
    let elsewhere = UserEventQuery { address: Some(IpAddr::from([10, 0, 0, 1])), ..UserEventQuery::default() };
    assert!(search(&issuer, &elsewhere, Page::default()).await.is_empty());
}

#[tokio::test]
async fn events_go_when_they_are_old_enough_or_somebody_clears_them() {
    let issuer = issuer(&[]).await;
    issuer.client_tokens(CLIENT).await;
    issuer.clock().advance_seconds(100);
    issuer.client_tokens(CLIENT).await;
    let app = issuer.keywright().app();
    assert_eq!(events(&issuer).await.len(), 2);

    keywright::audit::expire(&app.store, issuer.clock().now()).await.unwrap();
    assert_eq!(events(&issuer).await.len(), 2, "without a limit they stay");
    issuer.change_realm(|realm| realm.events_expiration = Some(60)).await;
    keywright::audit::expire(&app.store, issuer.clock().now()).await.unwrap();
    assert_eq!(events(&issuer).await.len(), 1);

    let realm = events(&issuer).await[0].realm_id.clone();
    app.audit.clear_user_events(&app.store, &realm).await.unwrap();
    assert!(events(&issuer).await.is_empty());
}

/// Within a second, says the documentation: nobody asks for the event, and yet it is in the store after the process went away.
#[tokio::test]
async fn events_reach_the_disk_behind_their_requests() {
    let directory = tempfile::TempDir::new().unwrap();
    let (data, keys) = (directory.path().join("data"), directory.path().join("keys"));
    let issuer = TestIssuer::builder()
        .configure(move |config| {
            config.store.engine = Engine::Sled;
            config.store.directory = data;
            config.keys.directory = keys;
        })
        .build_with(|builder| builder.hashing(HashingOptions::cheap()))
        .start()
        .await;
    issuer.confidential_client(CLIENT.0, CLIENT.1).await;
    issuer.change_realm(|realm| realm.events_enabled = true).await;
    issuer.client_tokens(CLIENT).await;

    let app = issuer.keywright().app();
    let realm = app.compiled.realm("test").await.unwrap().unwrap().realm.id.clone();
    let stored = async {
        use keywright::store::txn::Reader as _;
        while app.store.peek().user_events().search(&realm, Page::default(), |_| true).await.unwrap().len() != 1 {
            tokio::task::yield_now().await;
        }
    };
    // Long enough for any machine: this waits for "at all", not for "fast".
    tokio::time::timeout(Duration::from_mins(1), stored).await.expect("the event is stored");
}

/// What brute force protection did to an account is an event of its own, beside that of the attempt.
#[tokio::test]
async fn a_lockout_is_an_event_of_its_own() {
    let issuer = issuer(&[]).await;
    let lock = |permanent: bool| {
        issuer.change_realm(move |realm| {
            (realm.brute_force_protected, realm.permanent_lockout, realm.failure_factor) = (true, permanent, 2);
            (realm.quick_login_check_milli_seconds, realm.wait_increment_seconds) = (0, 59);
        })
    };
    let fail = async || {
        let form = [("grant_type", "password"), ("username", USER.0), ("password", "wrong")];
        issuer.grant(CLIENT, &form).await.unwrap_err();
    };
    let about_the_lock = async || {
        let events = events(&issuer).await;
        let event = events.iter().find(|event| event.event_type.name().starts_with("USER_DISABLED"));
        let mut event = serde_json::to_value(event.expect("an event of the lock")).unwrap();
        for name in ["id", "time", "realmId"] {
            event.as_object_mut().unwrap().shift_remove(name);
        }
        assert!(event.as_object_mut().unwrap().shift_remove("userId").is_some_and(|user| user.is_string()));
        event
    };
    lock(false).await;
    fail().await;
    fail().await;
    let until = issuer.clock().now() + 59;
    let expected = json!({"type": "USER_DISABLED_BY_TEMPORARY_LOCKOUT", "ipAddress": "127.0.0.1",
        "details": {"reason": "brute_force_attack detected", "num_failures": "2", "not_before": until.to_local_date_time()}});
    assert_eq!(about_the_lock().await, expected);
    fail().await;
    assert_eq!(events(&issuer).await.iter().filter(|event| event.event_type.name().starts_with("USER_DISABLED")).count(), 1);

    issuer.clock().advance_seconds(60);
    lock(true).await;
    fail().await;
    let expected = json!({"type": "USER_DISABLED_BY_PERMANENT_LOCKOUT", "ipAddress": "127.0.0.1",
        "details": {"reason": "brute_force_attack detected", "num_failures": "3"}});
    assert_eq!(about_the_lock().await, expected);
}
