//! Who may introspect what, beyond the rule of Keycloak 26.7 that the caller stands in `aud`.

use keywright::model::realm::OWN_TOKENS_WITHOUT_AUDIENCE;
use keywright::testing::TestIssuer;
use serde_json::{Value, json};

use super::{client, post, tokens};

async fn introspected(issuer: &TestIssuer, caller: &str, accept: &str, token: &Value) -> Value {
    let form = [("token", token["access_token"].as_str().expect("a token"))];
    post(issuer, caller, "token/introspect", &[("accept", accept)], &form).await.json().expect("an answer")
}

async fn issuer() -> TestIssuer {
    let issuer = TestIssuer::start().await;
    issuer.user("alice", "right").await;
    issuer
}

#[tokio::test]
async fn a_realm_may_let_clients_introspect_their_own_tokens_and_only_those() {
    let issuer = issuer().await;
    client(&issuer, "one", json!({})).await;
    client(&issuer, "two", json!({})).await;
    let token = tokens(&issuer, "one", "openid").await;
    assert_eq!(introspected(&issuer, "one", "*/*", &token).await, json!({"active": false}), "off unless set");

    issuer
        .change_realm(|realm| drop(realm.attributes.insert(OWN_TOKENS_WITHOUT_AUDIENCE.to_owned(), "true".to_owned())))
        .await;
    let own = introspected(&issuer, "one", "*/*", &token).await;
    assert_eq!((&own["active"], &own["username"], &own["client_id"]), (&json!(true), &json!("alice"), &json!("one")));
    assert_eq!(introspected(&issuer, "two", "*/*", &token).await, json!({"active": false}), "not the tokens of others");
}

/// `keycloak-live/modern.json`, row "DPoP: introspection of a bound token, audience check off".
#[tokio::test]
async fn a_client_without_audience_check_may_ask_about_any_token() {
    let issuer = issuer().await;
    client(&issuer, "one", json!({})).await;
    client(&issuer, "gateway", json!({"attributes": {"allow.token.introspection.without.audience.check": "true"}})).await;
    let token = tokens(&issuer, "one", "openid").await;
    assert_eq!(introspected(&issuer, "gateway", "*/*", &token).await["active"], true);
}

/// Class 19: what a token says is for its audience, also when the answer is signed.
#[tokio::test]
async fn the_claims_of_another_clients_token_are_not_signed_for_a_stranger() {
    let issuer = issuer().await;
    let attributes = json!({"client.introspection.response.allow.jwt.claim.enabled": "true",
        "client.use.lightweight.access.token.enabled": "true"});
    client(&issuer, "one", json!({"attributes": attributes.clone()})).await;
    client(&issuer, "two", json!({"attributes": attributes})).await;
    let token = tokens(&issuer, "one", "openid").await;
    let own = introspected(&issuer, "one", "application/jwt", &token).await;
    assert!(own["jwt"].is_string() && own["active"] == false, "as Keycloak: {own}");
    assert_eq!(introspected(&issuer, "two", "application/jwt", &token).await, json!({"active": false}));
    for accept in ["*/*", "application/json", "application/jwt, */*"] {
        assert!(introspected(&issuer, "one", accept, &token).await.get("jwt").is_none(), "{accept}");
    }
}
