//! Every error of the token endpoint that could be provoked.

use serde_json::json;

use super::oracle::{Form, TOTP_SECRET, totp};
use super::replay::{Replay, Report, token_of};
use crate::support::app::TestApp;

pub async fn replay(app: TestApp) -> Report {
    let mut run = Replay::start("token-errors", app).await;

    run.row("a parameter twice").await.also("scope", "openid").ask().await;
    run.row("grant_type twice").await.also("grant_type", "password").ask().await;
    run.row("an unknown parameter twice").await.also("foo", "1").ask().await;

    one_time_passwords(&mut run).await;
    run.row("unknown scope among good ones").await.put("scope", "openid nope").ask().await;
    run.up_to("password: by e-mail while login with e-mail is off").await;
    let settings = json!({"enabled": true, "duplicateEmailsAllowed": true, "loginWithEmailAllowed": false, "bruteForceProtected": true,
        "failureFactor": 2, "waitIncrementSeconds": 60, "quickLoginCheckMilliSeconds": 0});
    run.oracle.create_realm("oracle2", settings).await;
    run.oracle.create_client("oracle2", "c", json!({"publicClient": true})).await;
    for user in ["u1xx", "u2xx"] {
        run.oracle.create_user("oracle2", user, "pw", json!({"email": "same@example.org"})).await;
    }
    run.up_to("password: e-mail matches two users").await;
    run.oracle
        .update_realm("oracle2", json!({"loginWithEmailAllowed": true, "duplicateEmailsAllowed": true}))
        .await;
    brute_force(&mut run).await;

    run.up_to("client_credentials: service user disabled").await;
    run.oracle.update_user("oracle", "service-account-other-client", json!({"enabled": false})).await;
    run.up_to("device authorization: not enabled on client").await;
    run.oracle.update_user("oracle", "service-account-other-client", json!({"enabled": true})).await;

    let mapped = token_of(&run.token(&Form::password("alice").by("mapper-client").scope("openid")).await, "access_token");
    let own = run.token(&Form::password("alice").scope("openid")).await;
    run.with("token exchange: subject type missing", &mapped).await;
    run.with("token exchange: subject type refresh_token", &token_of(&own, "refresh_token")).await;
    run.with("token exchange: subject type id_token", &token_of(&own, "id_token")).await;
    run.with("token exchange: audience unknown", &mapped).await;
    run.with("token exchange: audience not available", &mapped).await;
    run.with("token exchange: requester not in subject aud", &token_of(&own, "access_token")).await;
    for row in ["public client", "not enabled on client", "requested type unknown", "requested saml2", "requested_subject"] {
        run.with(&format!("token exchange: {row}"), &mapped).await;
    }
    run.with("token exchange: unknown scope", &mapped).await;
    run.finish().await
}

/// A code counts once, and one period ahead at the most.
async fn one_time_passwords(run: &mut Replay) {
    run.row("password: totp wrong").await.put("totp", "000000").ask().await;
    let next = totp(TOTP_SECRET, run.app().now().seconds() + 30);
    run.row("password: otp of the next period (look-ahead 1)").await.put("otp", &next).ask().await;
    run.row("password: otp used twice").await.put("otp", &next).ask().await;
}

async fn brute_force(run: &mut Replay) {
    run.up_to("brute force: before").await;
    run.oracle.create_user("oracle2", "brute", "pw", json!({})).await;
    run.up_to("brute force: after clear").await;
    run.oracle.clear_failures("oracle2", "brute").await;

    run.up_to("brute force: status, permanent lockout").await;
    run.oracle.update_realm("oracle2", json!({"permanentLockout": true})).await;
    let wrong = Form::of("c").with("grant_type", "password").with("username", "brute").with("password", "wrong");
    for _ in 0..2 {
        run.oracle.post("oracle2", "token", &wrong).await;
    }
}
