//! Every error of the token endpoint that could be provoked.

use serde_json::json;

use super::oracle::{Form, TOTP_SECRET, totp};
use super::replay::{Replay, Report, token_of};
use crate::support::app::TestApp;
use crate::support::assertion::{JWT_BEARER, hs256, tampered, unsigned};

pub async fn replay(app: TestApp) -> Report {
    let mut run = Replay::start("token-errors", app).await;

    run.row("a parameter twice").await.also("scope", "openid").ask().await;
    run.row("grant_type twice").await.also("grant_type", "password").ask().await;
    run.row("an unknown parameter twice").await.also("foo", "1").ask().await;

    assertions(&mut run).await;
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

/// Clients that authenticate with a signed statement about themselves.
async fn assertions(run: &mut Replay) {
    let now = run.app().now().seconds();
    for row in ["assertion type missing", "assertion type wrong"] {
        let assertion = run.oracle.by_key(json!({}));
        run.with(row, &assertion).await;
    }
    let (by_key, by_secret) = (run.oracle.by_key(json!({})), run.oracle.by_secret("jwt-secret-client", json!({})));
    run.with("assertion bad signature (key)", &tampered(&by_key)).await;
    run.with("assertion bad signature (secret)", &tampered(&by_secret)).await;
    for (row, changes) in [
        ("assertion expired", json!({"exp": now - 60, "iat": now - 120})),
        ("assertion wrong audience", json!({"aud": "https://elsewhere"})),
        ("assertion without exp", json!({"exp": null})),
        ("assertion without jti", json!({"jti": null})),
        ("assertion iss differs from sub", json!({"iss": "other"})),
    ] {
        let assertion = run.oracle.by_key(changes);
        run.with(row, &assertion).await;
    }
    let unknown = run.oracle.by_key_named("", "nope");
    run.with("assertion of unknown client", &unknown).await;
    for (row, changes) in [
        ("assertion far future exp (1 day)", json!({"exp": now + 86_400})),
        ("assertion iat in the future", json!({"iat": now + 300, "exp": now + 360})),
    ] {
        let assertion = run.oracle.by_key(changes);
        run.with(row, &assertion).await;
    }
    let once = run.oracle.by_key(json!({}));
    run.up_to("assertion used twice").await;
    let form = Form::default()
        .with("grant_type", "client_credentials")
        .with("client_assertion_type", JWT_BEARER)
        .with("client_assertion", &once);
    run.token(&form).await.ok();
    run.with("assertion used twice", &once).await;
    let claims = run.oracle.claims("jwt-key-client", json!({}));
    run.with("assertion wrong alg for client (HS256 for RS256)", &hs256(&[b'x'; 40], &claims)).await;
    run.with("assertion alg none", &unsigned(&claims)).await;
    let unknown_key = run.oracle.by_key_named("nope", "jwt-key-client");
    run.with("assertion unknown kid", &unknown_key).await;
    let of_another = run.oracle.by_key(json!({}));
    run.with("assertion client_id differs", &of_another).await;
    let by_secret = run.oracle.by_secret("api-client", json!({}));
    run.with("client_secret client tries an assertion", &by_secret).await;
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
