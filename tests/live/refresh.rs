//! Refresh tokens: reuse, rotation, and everything that ends them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::normalise;
use super::oracle::Form;
use super::replay::{Replay, Report, token_of};
use crate::support::app::TestApp;
use crate::support::http::Answer;

pub async fn replay(app: TestApp) -> Report {
    let mut run = Replay::start("refresh", app).await;
    reuse_and_bad_tokens(&mut run).await;
    ends_of_sessions(&mut run).await;
    changes_of_users(&mut run).await;
    not_before_and_disabled_clients(&mut run).await;
    offline_sessions(&mut run).await;
    lifetimes(&mut run).await;
    rotation_without_reuse(&mut run).await;
    rotation_with_one_reuse(&mut run).await;
    run.finish().await
}

async fn login(run: &Replay, user: &str, scope: &str) -> Answer {
    run.token(&Form::password(user).scope(scope)).await.ok()
}

fn refresh_token(answer: &Answer) -> String {
    token_of(answer, "refresh_token")
}

/// What a refresh gives whose row is not recorded.
async fn refresh(run: &Replay, token: &str) -> Answer {
    run.token(&Form::refresh(token)).await
}

async fn reuse_and_bad_tokens(run: &mut Replay) {
    let login = login(run, "alice", "openid").await;
    let token = refresh_token(&login);
    let next = run.with("use 1 of a refresh token (rotation off)", &token).await;
    run.with("use 2 of the same (rotation off)", &token).await;
    run.with("the one given at use 1", &refresh_token(&next)).await;

    run.with("tampered signature", &format!("{}AAAAAAAA", &token[..token.len() - 8])).await;
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims = normalise::claims(&token);
    claims["sub"] = json!(run.oracle.names.id("user bob").expect("bob has an id"));
    let claims = URL_SAFE_NO_PAD.encode(Value::Object(claims).to_string());
    run.with("tampered payload", &format!("{}.{claims}.{}", parts[0], parts[2])).await;
    run.with("access token as refresh token", &token_of(&login, "access_token")).await;
    run.with("id token as refresh token", &token_of(&login, "id_token")).await;
    run.with("alg none", &format!("{}.{}.", URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"}"), parts[1])).await;
    for row in [
        "wrong client",
        "wrong secret",
        "unknown scope",
        "wider scope than granted",
        "offline_access asked at refresh",
        "other issuer (other Host header)",
    ] {
        run.with(row, &token).await;
    }
    let admin = run.oracle.administrator().await;
    run.with("token of another realm", &refresh_token(&admin)).await;

    let short = run.token(&Form::password("alice").by("short-client")).await;
    observe_lifetimes(run, "lifetimes of short-client (access.token.lifespan 2, client.session.max.lifespan 3)", &short).await;
    run.app().advance(5);
    run.with("expired", &refresh_token(&short)).await;
}

async fn observe_lifetimes(run: &mut Replay, name: &str, answer: &Answer) {
    let body = answer.json().unwrap_or_default();
    run.observe(name, json!({"expires_in": body["expires_in"], "refresh_expires_in": body["refresh_expires_in"]}))
        .await;
}

async fn ends_of_sessions(run: &mut Replay) {
    let hugo = login(run, "hugo", "").await;
    run.with("logout by POST with refresh token", &refresh_token(&hugo)).await;
    run.with("after logout", &refresh_token(&hugo)).await;
    run.with("userinfo after logout", &token_of(&hugo, "access_token")).await;

    let hugo = login(run, "hugo", "").await;
    let session = normalise::claims(&token_of(&hugo, "access_token"))["sid"].as_str().expect("a session").to_owned();
    run.oracle.end_session("oracle", "hugo", &session).await;
    run.with("after the admin deleted the session", &refresh_token(&hugo)).await;
}

async fn changes_of_users(run: &mut Replay) {
    let hugo = login(run, "hugo", "").await;
    run.oracle.update_user("oracle", "hugo", json!({"enabled": false})).await;
    run.with("after the user was disabled", &refresh_token(&hugo)).await;
    run.oracle.update_user("oracle", "hugo", json!({"enabled": true})).await;
    run.with("after the user was enabled again", &refresh_token(&hugo)).await;

    let hugo = login(run, "hugo", "").await;
    run.oracle.set_password("oracle", "hugo", "pw-hugo").await;
    run.with("after an admin password reset", &refresh_token(&hugo)).await;

    let hugo = login(run, "hugo", "").await;
    run.oracle.log_out("oracle", "hugo").await;
    run.with("after the admin logged the user out", &refresh_token(&hugo)).await;
    run.up_to("after a required action was set").await;

    run.app().advance(2);
    let ivan = login(run, "ivan", "").await;
    run.oracle.update_user("oracle", "ivan", json!({"requiredActions": ["UPDATE_PASSWORD"]})).await;
    run.with("after a required action was set", &refresh_token(&ivan)).await;
    run.oracle.update_user("oracle", "ivan", json!({"requiredActions": []})).await;

    let ivan = login(run, "ivan", "").await;
    run.oracle.delete_user("oracle", "ivan").await;
    run.with("after the user was deleted", &refresh_token(&ivan)).await;
    run.oracle.create_user("oracle", "ivan", "pw-ivan", json!({})).await;
}

async fn not_before_and_disabled_clients(run: &mut Replay) {
    let judy = login(run, "judy", "").await;
    let soon = run.app().now().seconds() + 1;
    run.oracle.update_realm("oracle", json!({"notBefore": soon})).await;
    run.with("after realm not-before", &refresh_token(&judy)).await;
    run.with("userinfo after realm not-before", &token_of(&judy, "access_token")).await;
    run.with("introspect after realm not-before", &token_of(&judy, "access_token")).await;
    run.app().advance(3);
    run.row("new login shows not-before-policy")
        .await
        .view(|body| json!({"not-before-policy": body["not-before-policy"]}))
        .ask()
        .await;
    run.oracle.update_realm("oracle", json!({"notBefore": 0})).await;

    let judy = login(run, "judy", "").await;
    let soon = run.app().now().seconds() + 1;
    run.oracle.update_client("oracle", "api-client", json!({"notBefore": soon})).await;
    run.with("after client not-before", &refresh_token(&judy)).await;
    run.oracle.update_client("oracle", "api-client", json!({"notBefore": 0})).await;

    let judy = login(run, "judy", "").await;
    run.oracle.update_client("oracle", "api-client", json!({"enabled": false})).await;
    run.with("while the client is disabled", &refresh_token(&judy)).await;
    run.oracle.update_client("oracle", "api-client", json!({"enabled": true})).await;
    run.with("after the client was enabled again", &refresh_token(&judy)).await;
}

async fn offline_sessions(run: &mut Replay) {
    let judy = login(run, "judy", "openid offline_access").await;
    run.oracle.revoke_offline("oracle", "judy", "api-client").await;
    run.with("offline token after revocation", &refresh_token(&judy)).await;

    let judy = login(run, "judy", "openid offline_access").await;
    run.with("logout with an offline token", &refresh_token(&judy)).await;
    run.with("offline token after logout with it", &refresh_token(&judy)).await;

    let judy = login(run, "judy", "openid offline_access").await;
    run.oracle.log_out("oracle", "judy").await;
    run.with("offline token after admin logout of the user", &refresh_token(&judy)).await;

    run.oracle
        .update_realm(
            "oracle",
            json!({"offlineSessionIdleTimeout": 1, "offlineSessionMaxLifespanEnabled": true, "offlineSessionMaxLifespan": 2}),
        )
        .await;
    run.app().advance(2);
    let judy = login(run, "judy", "openid offline_access").await;
    let token = refresh_token(&judy);
    let decoded = run.oracle.names.decode(&token);
    let lifetime = judy.json().unwrap_or_default()["refresh_expires_in"].clone();
    run.observe(
        "offline token with offlineSessionMaxLifespan 2",
        json!({"refresh_expires_in": lifetime, "decoded": {"refresh_token": decoded}}),
    )
    .await;
    run.app().advance(4);
    run.with("offline token expired", &token).await;
    run.oracle.update_realm("oracle", json!({"offlineSessionIdleTimeout": 2_592_000, "offlineSessionMaxLifespanEnabled": false, "offlineSessionMaxLifespan": 5_184_000})).await;
}

async fn lifetimes(run: &mut Replay) {
    run.oracle.update_realm("oracle", json!({"ssoSessionIdleTimeout": 2})).await;
    let judy = login(run, "judy", "").await;
    observe_lifetimes(run, "lifetimes with ssoSessionIdleTimeout 2", &judy).await;
    run.app().advance(4);
    run.with("idle session expired", &refresh_token(&judy)).await;
    run.oracle.update_realm("oracle", json!({"ssoSessionIdleTimeout": 1800})).await;

    run.oracle.update_realm("oracle", json!({"ssoSessionMaxLifespan": 3})).await;
    let judy = login(run, "judy", "").await;
    observe_lifetimes(run, "lifetimes with ssoSessionMaxLifespan 3", &judy).await;
    run.oracle.update_realm("oracle", json!({"ssoSessionMaxLifespan": 36_000})).await;
}

async fn rotation_without_reuse(run: &mut Replay) {
    run.oracle.update_realm("oracle", json!({"revokeRefreshToken": true, "refreshTokenMaxReuse": 0})).await;
    let first = run.row("rotation on, reuse 0: login").await.ask().await;
    let second = run.with("rotation on, reuse 0: first refresh", &refresh_token(&first)).await;
    run.with("rotation on, reuse 0: old token again", &refresh_token(&first)).await;
    run.with("rotation on, reuse 0: newest token after that", &refresh_token(&second)).await;
    run.with("rotation on, reuse 0: access token after that, userinfo", &token_of(&second, "access_token")).await;
    run.with("rotation on, reuse 0: introspect access token after that", &token_of(&second, "access_token")).await;

    let first = login(run, "alice", "openid").await;
    let second = refresh(run, &refresh_token(&first)).await;
    run.with("rotation on, reuse 0: second refresh in a chain", &refresh_token(&second)).await;
    run.with("rotation on, reuse 0: the middle token again", &refresh_token(&second)).await;

    let [first, second, ..] = chain(run, 2).await;
    run.with("rotation on, reuse 0: old token again, seconds later", &first).await;
    run.with("rotation on, reuse 0: its successor after that", &second).await;

    let [first, _, third] = chain(run, 3).await;
    run.with("rotation on, reuse 0: first token after two refreshes, seconds later", &first).await;
    run.with("rotation on, reuse 0: newest after that", &third).await;
}

async fn rotation_with_one_reuse(run: &mut Replay) {
    run.oracle.update_realm("oracle", json!({"refreshTokenMaxReuse": 1})).await;
    let first = refresh_token(&run.row("rotation on, reuse 1: login").await.ask().await);
    run.with("rotation on, reuse 1: use 1", &first).await;
    let second_use = run.with("rotation on, reuse 1: use 2", &first).await;
    run.with("rotation on, reuse 1: use 3", &first).await;
    run.with("rotation on, reuse 1: token of use 2 afterwards", &refresh_token(&second_use)).await;

    let [first, _, third] = chain(run, 3).await;
    run.with("rotation on, reuse 1: old token (seconds older) after a newer one was used", &first).await;
    run.with("rotation on, reuse 1: newest afterwards", &third).await;

    let [first, second, ..] = chain(run, 2).await;
    run.with("rotation on, reuse 1: same token twice, seconds apart, before the newer one was used", &first).await;
    run.with("rotation on, reuse 1: then the newer one", &second).await;

    let offline = refresh_token(&login(run, "alice", "openid offline_access").await);
    run.with("rotation on: offline token refresh", &offline).await;
    refresh(run, &offline).await;
    run.with("rotation on, reuse 1: offline token use 3", &offline).await;
    run.oracle.update_realm("oracle", json!({"revokeRefreshToken": false, "refreshTokenMaxReuse": 0})).await;
}

/// A login and `length - 1` refreshes, each of the newest token, seconds apart; the first three refresh tokens.
async fn chain(run: &Replay, length: usize) -> [String; 3] {
    let mut tokens = vec![refresh_token(&login(run, "alice", "openid").await)];
    run.app().advance(2);
    while tokens.len() < length {
        let next = refresh_token(&refresh(run, &tokens[tokens.len() - 1]).await);
        tokens.push(next);
        run.app().advance(2);
    }
    tokens.resize(3, String::new());
    tokens.try_into().expect("three tokens")
}
