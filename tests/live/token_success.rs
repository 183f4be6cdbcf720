//! Every grant that answers with tokens, decoded.

use serde_json::json;

use super::oracle::{Form, TOTP_SECRET, totp};
use super::replay::{Replay, Report, token_of};
use crate::support::app::{ADMINISTRATOR_PASSWORD, TestApp};

pub async fn replay(app: TestApp) -> Report {
    let mut run = Replay::start("token-success", app).await;

    let login = run.row("password, scope openid").await.ask().await;
    let refresh = token_of(&login, "refresh_token");
    let code = totp(TOTP_SECRET, run.app().now().seconds());
    run.row("password, TOTP in totp").await.put("totp", &code).ask().await;
    run.row("password, admin user in master (60 s)").await.put("password", ADMINISTRATOR_PASSWORD).ask().await;
    run.with("refresh, no scope", &refresh).await;
    run.with("refresh, narrower scope", &refresh).await;
    run.with("refresh, scope without openid", &refresh).await;
    let offline = run.token(&Form::password("alice").scope("openid offline_access")).await;
    run.with("refresh of an offline token", &token_of(&offline, "refresh_token")).await;

    let service = run.row("client_credentials, use_refresh_token=true, lower-case bearer").await.ask().await;
    if let Some(refresh) = service.json().and_then(|body| body["refresh_token"].as_str().map(str::to_owned)) {
        run.with("refresh of a client_credentials token", &refresh).await;
    }

    assertions(&mut run).await;
    let mapped = token_of(&run.token(&Form::password("alice").by("mapper-client").scope("openid")).await, "access_token");
    for row in ["by a client in aud", ", scope openid", ", requested id_token", ", requested refresh_token"] {
        run.with(&format!("token exchange{}{row}", if row.starts_with(',') { "" } else { " " }), &mapped).await;
    }
    let own = token_of(&run.token(&Form::password("alice").scope("openid")).await, "access_token");
    run.with("token exchange of one's own token", &own).await;
    run.with("token exchange, audience = own client id", &mapped).await;
    run.finish().await
}

/// Clients that authenticate with a signed statement about themselves.
async fn assertions(run: &mut Replay) {
    let (issuer, endpoint) = (format!("{}/realms/oracle", run.app().base), run.oracle.token_endpoint());
    for (row, changes) in [("aud = issuer", json!({})), ("aud = token endpoint", json!({ "aud": endpoint }))] {
        let assertion = run.oracle.by_secret("jwt-secret-client", changes);
        run.with(&format!("client_secret_jwt, {row}"), &assertion).await;
    }
    for (row, changes) in [
        ("aud = issuer, client_id sent too", json!({})),
        ("aud = token endpoint", json!({ "aud": endpoint })),
        ("aud = array with issuer and another", json!({ "aud": [issuer, "x"] })),
    ] {
        let assertion = run.oracle.by_key(changes);
        run.with(&format!("private_key_jwt, {row}"), &assertion).await;
    }
    let nameless = run.oracle.by_key_named("", "jwt-key-client");
    run.with("private_key_jwt, no kid in header", &nameless).await;
}
