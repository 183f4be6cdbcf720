//! Userinfo, its errors with `WWW-Authenticate` (RFC 6750 §3).

use serde_json::json;

use super::oracle::Form;
use super::replay::{Replay, Report, token_of};
use crate::support::app::TestApp;
use crate::support::http::Answer;

fn access_token(answer: &Answer) -> String {
    token_of(answer, "access_token")
}

pub async fn replay(app: TestApp) -> Report {
    let mut run = Replay::start("userinfo", app).await;
    let alice = run.token(&Form::password("alice").scope("openid")).await;
    let token = access_token(&alice);
    let full = run.token(&Form::password("alice").scope("openid profile email address phone microprofile-jwt")).await;

    run.with("GET", &token).await;
    run.with("GET, all scopes", &access_token(&full)).await;
    for row in [
        "POST, header",
        "POST, access_token in form",
        "GET, access_token in query",
        "POST, header and form",
        "HEAD",
        "scheme in lower case",
        "with Origin",
        "DPoP scheme without proof",
    ] {
        run.with(row, &token).await;
    }
    run.with("tampered", &format!("{}AAAAAA", &token[..token.len() - 6])).await;
    run.with("refresh token", &token_of(&alice, "refresh_token")).await;
    run.with("id token", &token_of(&alice, "id_token")).await;
    let admin = run.oracle.administrator().await;
    run.with("token of another realm", &access_token(&admin)).await;
    let without_openid = run.token(&Form::password("alice")).await;
    run.with("openid scope absent", &access_token(&without_openid)).await;
    let service = run.token(&Form::client_credentials("api-client").scope("openid")).await;
    run.with("client_credentials token with openid", &access_token(&service)).await;

    ended_tokens(&mut run).await;

    for (row, client) in [
        ("signed answer (user.info.response.signature.alg)", "signed-userinfo-client"),
        ("mappers", "mapper-client"),
        ("lightweight access token", "light-client"),
    ] {
        let answer = run.token(&Form::password("alice").by(client).scope("openid")).await;
        run.with(row, &access_token(&answer)).await;
    }
    run.with("another Host header than at issue", &token).await;
    run.with("PUT", &token).await;
    run.finish().await
}

async fn ended_tokens(run: &mut Replay) {
    let short = run.token(&Form::password("alice").by("short-client").scope("openid")).await;
    run.app().advance(5);
    run.with("expired", &access_token(&short)).await;

    let hugo = Form::password("hugo").scope("openid");
    let answer = run.token(&hugo).await;
    run.oracle.update_user("oracle", "hugo", json!({"enabled": false})).await;
    run.with("user disabled", &access_token(&answer)).await;
    run.oracle.update_user("oracle", "hugo", json!({"enabled": true})).await;

    let answer = run.token(&hugo).await;
    run.oracle
        .post("oracle", "logout", &Form::of("api-client").with("refresh_token", &token_of(&answer, "refresh_token")))
        .await
        .ok();
    run.with("session logged out", &access_token(&answer)).await;

    let answer = run.token(&Form::password("ivan").scope("openid")).await;
    run.oracle.delete_user("oracle", "ivan").await;
    run.with("user deleted", &access_token(&answer)).await;
    run.oracle.create_user("oracle", "ivan", "pw-ivan", json!({})).await;

    let answer = run.token(&hugo).await;
    run.oracle.post("oracle", "revoke", &Form::of("api-client").with("token", &access_token(&answer))).await.ok();
    run.with("revoked access token", &access_token(&answer)).await;

    let answer = run.token(&hugo).await;
    run.oracle.update_client("oracle", "api-client", json!({"enabled": false})).await;
    run.with("client disabled", &access_token(&answer)).await;
    run.oracle.update_client("oracle", "api-client", json!({"enabled": true})).await;
}
