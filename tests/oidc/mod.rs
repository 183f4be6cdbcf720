//! Endpoints of the protocol with settings that the recordings do not vary.

mod introspect;
mod password_refusals;
mod registration;
mod userinfo;

use keywright::manage::clients::NewClient;
use keywright::testing::{REALM, TestIssuer};
use serde_json::{Value, json};

use crate::support::http::{Answer, Request};

/// A confidential client with direct grants and these settings; its secret is its name with `-secret`.
async fn client(issuer: &TestIssuer, client_id: &str, settings: Value) {
    let mut all = json!({"clientId": client_id, "secret": secret(client_id), "enabled": true, "publicClient": false, "protocol": "openid-connect",
        "directAccessGrantsEnabled": true, "fullScopeAllowed": true});
    let (Value::Object(fields), Value::Object(more)) = (&mut all, settings) else { panic!("settings are objects") };
    fields.extend(more);
    let new: NewClient = serde_json::from_value(all).expect("a client");
    issuer.client(new).await;
}

fn secret(client_id: &str) -> String {
    format!("{client_id}-secret")
}

fn endpoint(name: &str) -> String {
    format!("/auth/realms/{REALM}/protocol/openid-connect/{name}")
}

async fn post(issuer: &TestIssuer, client_id: &str, name: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Answer {
    let mut request = Request::new("POST", endpoint(name)).basic(client_id, &secret(client_id)).form(form);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.send(&issuer.address().to_string()).await.expect("an answer")
}

/// The tokens of alice, whose password is `right`.
async fn tokens(issuer: &TestIssuer, client_id: &str, scope: &str) -> Value {
    let form = [("grant_type", "password"), ("username", "alice"), ("password", "right"), ("scope", scope)];
    let answer = post(issuer, client_id, "token", &[], &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("tokens")
}
