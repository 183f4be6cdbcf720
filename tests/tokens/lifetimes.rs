//! Lifetimes end to end: what is set on realm and client stands in the tokens.

use serde_json::json;

use super::oracle::{Oracle, claims, client};

#[tokio::test]
async fn a_limited_offline_token_expires_and_says_so() {
    let oracle = Oracle::new().await;
    oracle
        .change_realm(|realm| {
            realm.offline_session_max_lifespan_enabled = true;
            realm.offline_session_max_lifespan = 500;
        })
        .await;
    let response = oracle.issue(&oracle.alice("api-client", Some("offline_access")).await);
    assert_eq!((response.refresh_expires_in, response.expires_in), (500, 500));
    let names: Vec<String> = claims(response.refresh_token.as_deref().expect("one")).keys().take(2).cloned().collect();
    assert_eq!(names, ["exp", "iat"]);
}

#[tokio::test]
async fn not_before_is_the_latest_of_realm_client_and_user() {
    let oracle = Oracle::new().await;
    oracle.change_realm(|realm| realm.not_before = 10).await;
    assert_eq!(oracle.issue(&oracle.alice("api-client", None).await).not_before_policy, 10);
    oracle.change_alice(|alice| alice.not_before = 20).await;
    assert_eq!(oracle.issue(&oracle.alice("api-client", None).await).not_before_policy, 20);
}

#[tokio::test]
async fn an_old_session_shortens_what_is_left() {
    let oracle = Oracle::new().await;
    let proved = oracle.alice("public-client", None).await;
    oracle.clock.advance_seconds(36_000 - 100);
    let response = oracle.issue(&proved);
    assert_eq!((response.expires_in, response.refresh_expires_in), (100, 100));
}

/// RFC 9068 §2.1 on demand.
#[tokio::test]
async fn the_header_type_of_access_tokens_can_be_that_of_rfc_9068() {
    let oracle = Oracle::new().await;
    oracle.add_client(client("typed", json!({"attributes": {"access.token.header.type.rfc9068": "true"}}))).await;
    let response = oracle.issue(&oracle.alice("typed", Some("openid")).await);
    assert_eq!(super::oracle::header(&response.access_token)["typ"], "at+jwt");
    assert_eq!(super::oracle::header(response.id_token.as_deref().expect("one"))["typ"], "JWT");
}
