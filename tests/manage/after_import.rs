//! A real export, imported and used over HTTP: every row of `after-import.json`, which is what a real Keycloak does with these
//! passwords and tokens after importing the same file; and sessions that go on, which Keycloak's do not.

use keywright::base::clock::Timestamp;
use keywright::base::totp;
use keywright::manage::import::{OnConflict, Outcome, Source};
use keywright::store::job;
use keywright::store::txn::Reader as _;
use serde_json::{Value, json};

use super::import::{EXPORT, file};
use crate::support::app::TestApp;
use crate::support::http::{Answer, Request};

const REALM: &str = "migration";
const API: (&str, &str) = ("api-client", "api-client-secret-0123456789abcdef");
const OTHER: (&str, &str) = ("other-client", "other-client-secret-0123456789abcde");
const ES: (&str, &str) = ("es-client", "es-client-secret-0123456789abcdefg");

fn tokens() -> Value {
    serde_json::from_str(include_str!("../fixtures/keycloak-export/tokens.json")).unwrap()
}

fn expected() -> Value {
    serde_json::from_str(include_str!("../fixtures/keycloak-export/after-import.json")).unwrap()
}

/// A server under the old one's address with the realm in it; with `days`, old sessions go on for that long.
async fn imported(days: Option<i64>, change: impl FnOnce(&mut Value)) -> TestApp {
    let app = TestApp::builder()
        .configure(|config| config.hostname.url = Some("http://localhost:8080/auth".parse().unwrap()))
        .start()
        .await;
    let mut export: Value = serde_json::from_str(EXPORT).unwrap();
    change(&mut export);
    let (_dir, path) = file(&export.to_string());
    let owner = job::owner(app.keywright.app().env.random());
    let manage = app.keywright.manage();
    let importer = manage.importer(&owner);
    let mut plan = importer.plan(&Source::open(&path).unwrap(), OnConflict::Fail).await.unwrap().pop().unwrap();
    if let Some(days) = days {
        plan.continue_sessions(app.now(), app.now() + days * 86_400);
    }
    assert_eq!(importer.apply(plan, &mut |_| {}).await.unwrap(), Outcome::Imported { users: 13 });
    app
}

async fn post(app: &TestApp, endpoint: &str, (client, secret): (&str, &str), form: &[(&str, &str)]) -> Answer {
    let path = app.target(&format!("/realms/{REALM}/protocol/openid-connect/{endpoint}"));
    app.send(&Request::new("POST", path).basic(client, secret).form(form)).await
}

async fn password(app: &TestApp, user: &str, otp: Option<&str>) -> Answer {
    let password = format!("{}{}-pw-123!", user[..1].to_uppercase(), &user[1..]);
    let mut form = vec![("grant_type", "password"), ("username", user), ("password", &*password), ("scope", "openid")];
    form.extend(otp.map(|code| ("totp", code)));
    post(app, "token", API, &form).await
}

async fn refresh(app: &TestApp, client: (&str, &str), token: &Value) -> Answer {
    post(app, "token", client, &[("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap())]).await
}

/// What the recording has of an answer.
fn told(answer: &Answer) -> Value {
    let body = answer.json().unwrap_or_default();
    match (answer.status, body["error_description"].as_str()) {
        (200, _) => json!([200, "tokens"]),
        (status, Some(description)) => json!([status, description]),
        (status, None) => json!([status]),
    }
}

#[tokio::test]
async fn every_row_of_a_real_keycloak_after_the_import_holds() {
    let app = imported(None, |_| {}).await;
    let (expected, tokens) = (expected(), tokens());
    let mut rows = 0;
    let mut check = |name: &str, found: Value| {
        assert!(!expected[name].is_null(), "{name} is recorded");
        assert_eq!(found, expected[name], "{name}");
        rows += 1;
    };
    for user in ["ada", "bob", "cyn", "gus", "eve", "fay", "hal"] {
        check(&format!("password login {user}"), told(&password(&app, user, None).await));
    }
    check("dan without OTP", json!([password(&app, "dan", None).await.status]));
    let step = u64::try_from(app.now().seconds() / 30).unwrap();
    let code = totp::code("HmacSHA1", b"dMzWXkVgKzvJqPnLhR2Y", 6, step).unwrap();
    check("password login dan", told(&password(&app, "dan", Some(&code)).await));
    let code = totp::code("HmacSHA1", b"aBcDeFgHiJkLmNoPqRsT", 6, 5).unwrap();
    check("password login ivy", told(&password(&app, "ivy", Some(&code)).await));

    for name in ["ada_online", "hal_offline", "service_account", "ada_es256", "dan_online", "hal_organization"] {
        let response = &tokens[name]["response"];
        let access = response["access_token"].as_str().unwrap();
        let answer = post(&app, "token/introspect", OTHER, &[("token", access)]).await;
        check(&format!("{name}: introspect access token"), json!([answer.status, answer.json().unwrap()["active"]]));

        let path = app.target(&format!("/realms/{REALM}/protocol/openid-connect/userinfo"));
        let answer = app.send(&Request::new("GET", path).bearer(access)).await;
        check(&format!("{name}: userinfo"), json!([answer.status, answer.header("WWW-Authenticate")]));

        if name != "service_account" {
            let client = if name == "ada_es256" { ES } else { API };
            check(&format!("{name}: refresh"), told(&refresh(&app, client, &response["refresh_token"]).await));
        }
    }
    let certs: Value = app.get(&format!("/realms/{REALM}/protocol/openid-connect/certs")).await.json().unwrap();
    check("JWKS: same kids and keys as before the export", json!([certs == tokens["jwks"]]));

    let app_parts = app.keywright.app();
    let mut peek = app_parts.store.peek();
    let realm = peek.realms().by_name(REALM).await.unwrap().unwrap();
    let users = peek.users().list(&realm.id, None, 100).await.unwrap();
    let mut names: Vec<_> = users.iter().filter(|user| user.service_account_client.is_none()).map(|user| user.username.clone()).collect();
    names.sort();
    check("users", json!([200, names]));
    let hal = users.iter().find(|user| user.username == "hal").unwrap();
    let mut consents = Vec::new();
    for consent in peek.consents().get(&realm.id, &hal.id).await.unwrap().0 {
        let client = peek.clients().get(&realm.id, &consent.client).await.unwrap().unwrap();
        let mut scopes = Vec::new();
        for scope in consent.scopes {
            scopes.push(peek.client_scopes().get(&realm.id, &scope).await.unwrap().unwrap().name);
        }
        scopes.sort();
        consents.push(json!([client.client_id, scopes]));
    }
    check("consents of hal", json!([200, consents]));
    let export: Value = serde_json::from_str(EXPORT).unwrap();
    let kept = export["users"]
        .as_array()
        .unwrap()
        .iter()
        .all(|user| users.iter().any(|stored| user["id"] == stored.id.as_str()));
    check("user ids kept", json!([kept]));
    assert_eq!(rows, expected.as_object().unwrap().len());
}

#[tokio::test]
async fn old_sessions_go_on_where_the_realm_wants_it() {
    let app = imported(Some(30), |_| {}).await;
    let tokens = tokens();
    let old = |name: &str| tokens[name]["response"]["refresh_token"].clone();
    let answer = refresh(&app, API, &old("ada_online")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let fresh = answer.json().unwrap();
    assert_eq!(fresh["session_state"], "FYGJcYCqZ_ZDTSbTIWQjZs2j", "the same session");
    assert_eq!(refresh(&app, API, &fresh["refresh_token"]).await.status, 200, "and its new tokens go on");
    let access = fresh["access_token"].as_str().unwrap();
    assert_eq!(post(&app, "token/introspect", OTHER, &[("token", access)]).await.json().unwrap()["active"], true);
    assert_eq!(refresh(&app, API, &old("hal_offline")).await.status, 200);
    assert_eq!(refresh(&app, ES, &old("ada_es256")).await.status, 200);
}

#[tokio::test]
async fn a_continued_session_that_was_logged_out_stays_out() {
    let app = imported(Some(30), |_| {}).await;
    let tokens = tokens();
    let logout = async |token: &Value| post(&app, "logout", API, &[("refresh_token", token.as_str().unwrap())]).await.status;
    // One that had gone on, and one that nobody had presented yet.
    let ada = &tokens["ada_online"]["response"]["refresh_token"];
    assert_eq!(refresh(&app, API, ada).await.status, 200);
    assert_eq!(logout(ada).await, 204);
    refresh(&app, API, ada).await.is_refused("invalid_grant", "Session not active");
    let dan = &tokens["dan_online"]["response"]["refresh_token"];
    assert_eq!(logout(dan).await, 204);
    refresh(&app, API, dan).await.is_refused("invalid_grant", "Session not active");
    let hal = tokens["hal_offline"]["response"]["refresh_token"].as_str().unwrap();
    assert_eq!(post(&app, "revoke", API, &[("token", hal)]).await.status, 200);
    refresh(&app, API, &json!(hal)).await.is_refused("invalid_grant", "Offline user session not found");
}

#[tokio::test]
async fn continuing_ends_with_its_day() {
    let app = imported(Some(30), |_| {}).await;
    let tokens = tokens();
    app.advance(30 * 86_400);
    refresh(&app, API, &tokens["ada_online"]["response"]["refresh_token"])
        .await
        .is_refused("invalid_grant", "Session not active");
}

#[tokio::test]
async fn a_continued_session_obeys_lifetimes_not_before_and_the_user() {
    let app = imported(Some(30), |export| export["ssoSessionIdleTimeout"] = json!(1800)).await;
    refresh(&app, API, &tokens()["ada_online"]["response"]["refresh_token"])
        .await
        .is_refused("invalid_grant", "Session not active");

    let app = imported(Some(30), |export| export["users"][0]["enabled"] = json!(false)).await;
    refresh(&app, API, &tokens()["ada_online"]["response"]["refresh_token"])
        .await
        .is_refused("invalid_grant", "User disabled");

    let app = imported(Some(30), |export| export["notBefore"] = json!(1_799_999_999)).await;
    refresh(&app, API, &tokens()["ada_online"]["response"]["refresh_token"])
        .await
        .is_refused("invalid_grant", "Stale token");
}

#[tokio::test]
async fn an_old_token_of_a_rotating_realm_is_used_once() {
    let app = imported(Some(30), |export| export["revokeRefreshToken"] = json!(true)).await;
    let old = &tokens()["ada_online"]["response"]["refresh_token"];
    let first = refresh(&app, API, old).await;
    assert_eq!(first.status, 200, "{}", first.text());
    refresh(&app, API, old).await.is_refused("invalid_grant", "Maximum allowed refresh token reuse exceeded");
    // The detachment holds: neither the successor nor the old token brings the client back.
    assert_eq!(refresh(&app, API, &first.json().unwrap()["refresh_token"]).await.status, 400);
    assert_eq!(refresh(&app, API, old).await.status, 400);
}

#[test]
fn the_recorded_tokens_are_older_than_the_tests() {
    assert!(Timestamp::from_seconds(tokens()["minted_at"].as_i64().unwrap()) < crate::support::app::START);
}
