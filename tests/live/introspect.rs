//! Token introspection (RFC 7662).

use serde_json::json;

use super::oracle::Form;
use super::replay::{Replay, Report, token_of};
use crate::support::app::TestApp;
use crate::support::http::Answer;

fn access_token(answer: &Answer) -> String {
    token_of(answer, "access_token")
}

fn refresh_token(answer: &Answer) -> String {
    token_of(answer, "refresh_token")
}

fn tampered(token: &str) -> String {
    format!("{}AAAAAA", &token[..token.len() - 6])
}

pub async fn replay(app: TestApp) -> Report {
    let mut run = Replay::start("introspect", app).await;
    let alice = run.token(&Form::password("alice").scope("openid")).await;
    let offline = run.token(&Form::password("alice").scope("openid offline_access")).await;

    own_tokens(&mut run, &alice, &offline).await;
    tokens_of_others(&mut run, &alice).await;
    callers_and_ended_tokens(&mut run, &alice).await;
    run.finish().await
}

async fn own_tokens(run: &mut Replay, alice: &Answer, offline: &Answer) {
    let token = access_token(alice);
    for row in ["", ", Basic", ", hint access_token", ", hint refresh_token", ", unknown hint", ", hint requesting_party_token"] {
        run.with(&format!("access token{row}"), &token).await;
    }
    let own = access_token(&run.token(&Form::password("alice").by("selfaud-client").scope("openid")).await);
    run.with("own access token, own client in aud (audience mapper)", &own).await;
    run.with("own access token, own client in aud, Basic, unknown hint", &own).await;
    let service = run.token(&Form::client_credentials("selfaud-client")).await;
    run.with("own client_credentials token, own client in aud", &access_token(&service)).await;
    run.with("own access token, own client in aud, tampered", &tampered(&own)).await;
    let hugo = run.token(&Form::password("hugo").by("selfaud-client")).await;
    run.oracle
        .post("oracle", "logout", &Form::of("selfaud-client").with("refresh_token", &refresh_token(&hugo)))
        .await
        .ok();
    run.with("own access token, own client in aud, logged out", &access_token(&hugo)).await;
    run.with("own offline token with hint refresh_token", &refresh_token(offline)).await;
    run.with("own refresh token with hint access_token", &refresh_token(alice)).await;
    run.with("JWT answer, own client in aud", &own).await;
    run.with("refresh token", &refresh_token(alice)).await;
    run.with("refresh token, hint refresh_token", &refresh_token(alice)).await;
    run.with("id token", &token_of(alice, "id_token")).await;
    run.with("offline token", &refresh_token(offline)).await;
}

async fn tokens_of_others(run: &mut Replay, alice: &Answer) {
    run.with("access token of another client (not in aud)", &access_token(alice)).await;
    run.with("refresh token of another client", &refresh_token(alice)).await;
    let mapped = run.token(&Form::password("alice").by("mapper-client").scope("openid")).await;
    run.with("access token of another client (in aud)", &access_token(&mapped)).await;
    let service = run.token(&Form::client_credentials("api-client")).await;
    run.with("client_credentials token", &access_token(&service)).await;
    let light = run.token(&Form::password("alice").by("light-client").scope("openid")).await;
    run.with("lightweight token", &access_token(&light)).await;
}

async fn callers_and_ended_tokens(run: &mut Replay, alice: &Answer) {
    let token = access_token(alice);
    for row in [
        "no client authentication",
        "wrong secret",
        "unknown client",
        "public client",
        "bearer-only client",
        "disabled client",
        "Bearer instead of client authentication",
    ] {
        run.with(row, &token).await;
    }
    run.with("tampered", &tampered(&token)).await;
    let admin = run.oracle.administrator().await;
    run.with("token of another realm", &access_token(&admin)).await;
    let short = run.token(&Form::password("alice").by("short-client")).await;
    run.app().advance(5);
    run.with("expired", &access_token(&short)).await;
    let hugo = run.token(&Form::password("hugo")).await;
    run.oracle
        .post("oracle", "logout", &Form::of("api-client").with("refresh_token", &refresh_token(&hugo)))
        .await
        .ok();
    run.with("logged out", &access_token(&hugo)).await;
    run.with("refresh token after logout", &refresh_token(&hugo)).await;
    let hugo = run.token(&Form::password("hugo")).await;
    run.oracle.update_user("oracle", "hugo", json!({"enabled": false})).await;
    run.with("user disabled", &access_token(&hugo)).await;
    run.oracle.update_user("oracle", "hugo", json!({"enabled": true})).await;

    run.with("GET", &token).await;
    run.with("JSON body", &token).await;
    run.row("token twice").await.also("token", &token).ask().await;
    let signed = access_token(&run.token(&Form::password("alice").by("signed-userinfo-client").scope("openid")).await);
    run.with("Accept: application/jwt, client allows the jwt claim", &signed).await;
    run.with("client allows the jwt claim, Accept json", &signed).await;
    run.with("Accept: application/jwt, client does not allow", &token).await;
    run.with("Accept: application/token-introspection+jwt", &signed).await;
    run.with("token issued for another Host", &token).await;
}
