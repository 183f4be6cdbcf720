//! The Wallaroo SDK itself, and what the platform's API asks of its Keycloak.

use std::process::Command;

use serde_json::json;

use super::{DevServer, installed, run, source};
use crate::support::app::TestApp;
use crate::support::http::Request;

#[tokio::test]
#[ignore = "the SDK brings 600 MB along: make test-all (tests/clients/setup.sh --all)"]
async fn the_wallaroo_sdk_signs_in_refreshes_twice_with_one_token_administers_users_and_runs_pipelines_offline() {
    let server = DevServer::start().await;
    let cache = tempfile::tempdir().expect("a directory");
    let mut python = Command::new(installed("wallaroo/bin/python"));
    python.arg("-").env("KEYWRIGHT_URL", &server.process.url).env("XDG_CACHE_HOME", cache.path());
    run(python, &source("wallaroo/sdk.py")).await;
}

/// What the platform's own API does behind `/v1/api/users/…` with the token of whoever calls it.
#[tokio::test]
async fn the_platform_invites_lists_deactivates_and_activates_users_with_the_token_of_one() {
    let app = TestApp::new().await;
    app.keywright.development().await.expect("the development clients are made");
    let sign_in = async |username: &str, password: &str| {
        let form = [("grant_type", "password"), ("client_id", "sdk-client"), ("username", username), ("password", password)];
        app.oidc("master", "token", &form).await
    };
    let token = sign_in("jane@example.test", "secret").await.ok().field("access_token");
    let users = app.target("/admin/realms/master/users");
    let ask = async |request: Request| app.send(&request.bearer(&token)).await;

    // `users/invite`: with a password, and without one, when the user has to choose one at the first sign-in.
    let invited = |email: &str| json!({ "username": email, "email": email, "enabled": true, "emailVerified": false });
    let mut bob = invited("bob@example.test");
    bob["credentials"] = json!([{ "type": "password", "value": "bob-secret", "temporary": false }]);
    ask(Request::new("POST", &users).json(&bob)).await.is(201);
    let mut carol = invited("carol@example.test");
    carol["requiredActions"] = json!(["UPDATE_PASSWORD"]);
    let made = ask(Request::new("POST", &users).json(&carol)).await;
    made.is(201);
    let carol = made.header("location").expect("an address").rsplit('/').next().unwrap_or_default().to_owned();
    let temporary = json!({ "type": "password", "value": "carol-temporary", "temporary": true });
    ask(Request::new("PUT", format!("{users}/{carol}/reset-password")).json(&temporary)).await.is(204);
    sign_in("bob@example.test", "bob-secret").await.ok();
    sign_in("carol@example.test", "carol-temporary")
        .await
        .is_refused("invalid_grant", "Account is not fully set up");

    // `users/query`: all of them, or some by their ids, with what the SDK reads of each.
    let all = ask(Request::new("GET", &users)).await.ok().json().expect("JSON");
    let names: Vec<_> = all.as_array().expect("a list").iter().map(|user| user["username"].as_str().unwrap_or_default()).collect();
    assert_eq!(names, ["admin", "bob@example.test", "carol@example.test", "jane@example.test"]);
    for user in all.as_array().expect("a list") {
        assert!(user["id"].is_string() && user["enabled"].is_boolean() && user["createdTimestamp"].is_i64(), "{user}");
    }
    assert_eq!(ask(Request::new("GET", format!("{users}/{carol}/federated-identity"))).await.ok().json(), Some(json!([])));

    // `users/deactivate` and `users/activate`: the whole representation with one member changed.
    let found = ask(Request::new("GET", format!("{users}?email=bob%40example.test"))).await.ok().json().expect("JSON");
    let bob = format!("{users}/{}", found[0]["id"].as_str().expect("an id"));
    let whole = ask(Request::new("GET", &bob)).await.ok().json().expect("JSON");
    for (enabled, status) in [(false, 400), (true, 200)] {
        let mut changed = ask(Request::new("GET", &bob)).await.ok().json().expect("JSON");
        changed["enabled"] = json!(enabled);
        let answer = ask(Request::new("PUT", &bob).json(&changed)).await;
        assert_eq!((answer.status, &*answer.body), (204, &[][..]));
        sign_in("bob@example.test", "bob-secret").await.is(status);
    }
    assert_eq!(ask(Request::new("GET", &bob)).await.ok().json(), Some(whole), "nothing was lost on the way");
    assert_eq!(ask(Request::new("GET", format!("{users}?email=nobody%40example.test"))).await.ok().json(), Some(json!([])));
}
