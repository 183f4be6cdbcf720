//! Token revocation (RFC 7009).

use super::oracle::Form;
use super::replay::{Replay, Report, token_of};
use crate::support::app::TestApp;
use crate::support::http::Answer;

pub async fn replay(app: TestApp) -> Report {
    let mut run = Replay::start("revoke", app).await;
    for (kind, field, scope) in [
        ("access token", "access_token", "openid"),
        ("refresh token", "refresh_token", "openid"),
        ("offline token", "refresh_token", "openid offline_access"),
    ] {
        let hugo = run.token(&Form::password("hugo").scope(scope)).await;
        run.with(kind, &token_of(&hugo, field)).await;
        what_is_left(&mut run, kind, &hugo).await;
        if kind != "offline token" {
            run.with(&format!("{kind} again"), &token_of(&hugo, field)).await;
        }
    }

    let hugo = run.token(&Form::password("hugo").scope("openid")).await;
    let (access, refresh) = (token_of(&hugo, "access_token"), token_of(&hugo, "refresh_token"));
    run.with("id token", &token_of(&hugo, "id_token")).await;
    run.with("tampered", &format!("{}AAAAAA", &access[..access.len() - 6])).await;
    run.with("token of other client", &access).await;
    run.with("refresh token of other client", &refresh).await;
    for row in ["wrong secret", "no client", "unknown hint"] {
        run.with(row, &access).await;
    }
    let public = run.token(&Form::password("alice").by("public-client").scope("openid")).await;
    run.with("public client", &token_of(&public, "refresh_token")).await;
    run.with("with Origin", &refresh).await;
    run.row("parameter twice").await.also("token", "x").ask().await;
    run.finish().await
}

async fn what_is_left(run: &mut Replay, revoked: &str, tokens: &Answer) {
    let access = token_of(tokens, "access_token");
    run.with(&format!("after revoking the {revoked}: userinfo"), &access).await;
    run.with(&format!("after revoking the {revoked}: introspect access token"), &access).await;
    run.with(&format!("after revoking the {revoked}: refresh"), &token_of(tokens, "refresh_token")).await;
}
