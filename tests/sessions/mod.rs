//! How long sessions live, and what ends them at once: black box, over HTTP.

mod at_once;
mod lifetimes;

use keywright::base::clock::Clock as _;
use keywright::base::id::RealmId;
use keywright::manage::clients::NewClient;
use keywright::testing::{REALM, TestIssuer};
use serde_json::{Value, json};

use keywright::store::txn::Reader as _;

use crate::support::http::{Answer, Request};

const CLIENT: (&str, &str) = ("app", "app-secret");

/// Tokens of one sign-in.
struct Tokens {
    access: String,
    refresh: String,
    session: String,
}

/// An issuer with alice and a client that has these attributes.
async fn issuer(attributes: Value) -> TestIssuer {
    let issuer = TestIssuer::start().await;
    issuer.user("alice", "right").await;
    let settings = json!({"clientId": CLIENT.0, "secret": CLIENT.1, "enabled": true, "publicClient": false, "protocol": "openid-connect",
        "directAccessGrantsEnabled": true, "fullScopeAllowed": true, "attributes": attributes});
    let new: NewClient = serde_json::from_value(settings).expect("a client");
    issuer.client(new).await;
    issuer
}

async fn post(issuer: &TestIssuer, endpoint: &str, form: &[(&str, &str)]) -> Answer {
    let path = format!("/auth/realms/{REALM}/protocol/openid-connect/{endpoint}");
    let address = issuer.address().to_string();
    Request::new("POST", path).basic(CLIENT.0, CLIENT.1).form(form).send(&address).await.expect("an answer")
}

fn tokens(answer: &Answer) -> Tokens {
    assert_eq!(answer.status, 200, "{}", answer.text());
    Tokens { access: answer.field("access_token"), refresh: answer.field("refresh_token"), session: answer.field("session_state") }
}

async fn sign_in(issuer: &TestIssuer, scope: &str) -> Tokens {
    tokens(&post(issuer, "token", &[("grant_type", "password"), ("username", "alice"), ("password", "right"), ("scope", scope)]).await)
}

async fn refresh(issuer: &TestIssuer, token: &str) -> Answer {
    post(issuer, "token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

async fn userinfo(issuer: &TestIssuer, token: &str) -> u16 {
    let request = Request::new("GET", format!("/auth/realms/{REALM}/protocol/openid-connect/userinfo")).bearer(token);
    request.send(&issuer.address().to_string()).await.expect("an answer").status
}

async fn introspects(issuer: &TestIssuer, token: &str) -> bool {
    post(issuer, "token/introspect", &[("token", token)]).await.json().expect("an answer")["active"] == true
}

async fn realm(issuer: &TestIssuer) -> RealmId {
    issuer.keywright().app().store.peek().realms().by_name(REALM).await.expect("readable").expect("there").id
}

fn now(issuer: &TestIssuer) -> i64 {
    issuer.clock().now().seconds()
}
