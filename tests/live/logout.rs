//! Logout by refresh token; everything else of the topic happens in a browser.

use super::oracle::Form;
use super::replay::{Replay, Report, token_of};
use crate::support::app::TestApp;

pub async fn replay(app: TestApp) -> Report {
    let mut run = Replay::start("logout", app).await;
    let hugo = run.token(&Form::password("hugo").scope("openid")).await;
    let refresh = token_of(&hugo, "refresh_token");
    for row in ["of another client", "wrong secret", "no client"] {
        let name = if row.starts_with("of") { format!("POST refresh_token {row}") } else { format!("POST {row}") };
        run.with(&name, &refresh).await;
    }
    run.with("POST access token as refresh token", &token_of(&hugo, "access_token")).await;
    run.with("POST refresh_token", &refresh).await;
    run.with("POST refresh_token again", &refresh).await;
    let public = run.token(&Form::password("hugo").by("public-client")).await;
    run.with("POST refresh_token, public client", &token_of(&public, "refresh_token")).await;
    let hugo = run.token(&Form::password("hugo")).await;
    run.with("POST refresh_token with Origin", &token_of(&hugo, "refresh_token")).await;
    run.finish().await
}
