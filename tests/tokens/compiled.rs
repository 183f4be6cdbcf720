//! Compiled realms: current after every acknowledged change, read once in between, and no larger than the configuration.

use std::sync::Arc;

use keywright::keyring::Algorithm;
use keywright::tokens::verify;
use serde_json::json;

use super::oracle::{ISSUER, NOW, Oracle, client};

#[tokio::test]
async fn a_change_shows_at_once_and_nothing_is_compiled_twice() {
    let oracle = Oracle::new().await;
    let (first, api_client) = oracle.client("api-client").await;
    let (second, again) = oracle.client("api-client").await;
    assert!(Arc::ptr_eq(&first, &second) && Arc::ptr_eq(&api_client, &again));

    oracle.change_realm(|realm| realm.access_token_lifespan = 77).await;
    let (third, client) = oracle.client("api-client").await;
    assert_eq!(third.realm.access_token_lifespan, 77);
    assert!(!Arc::ptr_eq(&api_client, &client));
    assert_eq!(first.realm.access_token_lifespan, 300, "whoever holds the old one keeps it");
}

#[tokio::test]
async fn users_do_not_make_a_realm_stale() {
    let oracle = Oracle::new().await;
    let before = oracle.realm().await;
    oracle.change_alice(|alice| alice.enabled = false).await;
    assert!(Arc::ptr_eq(&before, &oracle.realm().await));
}

#[tokio::test]
async fn a_renamed_realm_answers_to_its_new_name_only() {
    let oracle = Oracle::new().await;
    oracle.realm().await;
    oracle.change_realm(|realm| realm.name = "renamed".to_owned()).await;
    assert!(oracle.compiled.realm("oracle").await.expect("the store works").is_none());
    let renamed = oracle.compiled.realm("renamed").await.expect("the store works").expect("it is there");
    assert_eq!(renamed.id(), &oracle.realm);
}

#[tokio::test]
async fn unknown_names_are_not_remembered() {
    let oracle = Oracle::new().await;
    let realm = oracle.realm().await;
    for number in 0..100 {
        assert!(oracle.compiled.client(&realm, &format!("nobody-{number}")).await.expect("the store works").is_none());
        assert!(oracle.compiled.realm(&format!("nowhere-{number}")).await.expect("the store works").is_none());
    }
    assert_eq!(oracle.compiled.remembered(), (1, 0));
    oracle.client("api-client").await;
    assert_eq!(oracle.compiled.remembered(), (1, 1));
    // A client that appears later is found: its absence was not remembered either.
    oracle.add_client(client("nobody-1", json!({}))).await;
    oracle.client("nobody-1").await;
}

#[tokio::test]
async fn many_requests_at_once_share_one_compilation() {
    let oracle = Arc::new(Oracle::new().await);
    let compile = |_| {
        let oracle = Arc::clone(&oracle);
        tokio::spawn(async move { oracle.client("api-client").await })
    };
    let mut compiled = Vec::new();
    for task in (0..50).map(compile).collect::<Vec<_>>() {
        compiled.push(task.await.expect("no panic"));
    }
    assert!(
        compiled
            .iter()
            .all(|(realm, client)| Arc::ptr_eq(realm, &compiled[0].0) && Arc::ptr_eq(client, &compiled[0].1))
    );
}

#[tokio::test]
async fn a_secret_opens_and_a_mapper_without_effect_says_why() {
    let oracle = Oracle::new().await;
    oracle
        .add_client(client(
            "told",
            json!({"secret": "s3cret", "protocolMappers": [
                super::oracle::mapper("oidc-usermodel-attribute-mapper", json!({"claim.name": "x"}))
            ]}),
        ))
        .await;
    let (_, client) = oracle.client("told").await;
    assert_eq!(client.secret.as_ref().map(|secret| secret.expose().as_str()), Some("s3cret"));
    assert_eq!(client.skipped_mappers.iter().map(|(_, reason)| reason.as_str()).collect::<Vec<_>>(), ["user.attribute is missing"]);
    assert!(!format!("{client:?}").contains("s3cret"));
}

/// Keycloak adds a fallback provider; later requests find it among the realm's own.
#[tokio::test]
async fn an_algorithm_without_key_gets_one_that_stays() {
    let oracle = Oracle::new().await;
    oracle.add_client(client("ps512", json!({"attributes": {"access.token.signed.response.alg": "PS512"}}))).await;
    let before = oracle.realm().await;
    let first = oracle.issue(&oracle.alice("ps512", None).await).access_token;
    let after = oracle.realm().await;
    assert!(!Arc::ptr_eq(&before, &after));
    assert_eq!(super::oracle::header(&first)["alg"], "PS512");
    assert_eq!(super::oracle::header(&first)["kid"], after.keyring.signing_kid(Algorithm::Ps512).expect("it stays"));
    let second = oracle.issue(&oracle.alice("ps512", None).await).access_token;
    assert_eq!(super::oracle::header(&first), super::oracle::header(&second));
    assert!(Arc::ptr_eq(&after, &oracle.realm().await));
    assert!(verify::access_token(&after, ISSUER, &first, NOW).is_ok());
}
