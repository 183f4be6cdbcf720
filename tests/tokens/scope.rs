//! Which scopes a request gets, against the client's settings and a plain model of the rule.

use keywright::tokens::scope::{self, GrantedScope, InvalidScope};
use proptest::prelude::*;
use serde_json::json;

use super::oracle::{Oracle, client};

const DEFAULT: [&str; 6] = ["acr", "basic", "email", "profile", "roles", "web-origins"];
const OPTIONAL: [&str; 5] = ["address", "microprofile-jwt", "offline_access", "organization", "phone"];

fn words(text: &str) -> Vec<&str> {
    text.split(' ').filter(|word| !word.is_empty()).collect()
}

#[tokio::test]
async fn default_scopes_come_unasked_and_optional_ones_when_named() {
    let oracle = Oracle::new().await;
    let (realm, client) = oracle.client("public-client").await;
    let resolve = |requested| scope::resolve(&realm, &client, requested);
    for nothing in [None, Some(""), Some("  ")] {
        let granted = resolve(nothing).expect("nothing unknown");
        assert_eq!(granted.response_text(), "email profile");
        assert_eq!(granted.full_text(), "acr basic email profile roles web-origins");
        assert!(!granted.is_openid() && !granted.is_offline());
    }
    let granted = resolve(Some("phone openid phone")).expect("all known");
    assert_eq!(granted.response_text(), "openid email phone profile");
    assert!(granted.is_openid());
    assert!(resolve(Some("offline_access")).expect("known").is_offline());
}

#[tokio::test]
async fn an_unknown_scope_is_refused_with_the_whole_text() {
    let oracle = Oracle::new().await;
    let (realm, client) = oracle.client("public-client").await;
    for unknown in ["nope", "openid nope", "email nope openid", "Email", "service_account", "organization:acme", "openid\u{a0}"] {
        assert_eq!(scope::resolve(&realm, &client, Some(unknown)).err(), Some(InvalidScope(unknown.to_owned())), "{unknown:?}");
    }
    assert!(scope::resolve(&realm, &client, Some("organization:* organization")).is_ok());
}

#[tokio::test]
async fn a_scope_that_a_client_lost_is_left_out_of_an_earlier_grant() {
    let oracle = Oracle::new().await;
    let (realm, client) = oracle.client("public-client").await;
    let granted = scope::resolve_granted(&realm, &client, "openid acr basic email gone phone profile roles web-origins");
    assert_eq!(granted.response_text(), "openid email phone profile");
}

/// A scope with role mappings is for users who have one of the roles.
#[tokio::test]
async fn offline_access_needs_its_role() {
    let oracle = Oracle::new().await;
    let proved = oracle.alice("api-client", Some("openid offline_access")).await;
    assert!(oracle.issue(&proved).scope.contains("offline_access"));
    oracle.change_alice(|alice| alice.roles.clear()).await;

    let proved = oracle.alice("api-client", Some("openid offline_access")).await;
    let roles = proved.subject.roles(&proved.realm);
    let permitted = proved.scope.permitted(&proved.client, &roles);
    assert!(proved.scope.is_offline() && !permitted.is_offline());
    assert_eq!(permitted.response_text(), "openid email profile");
    assert_eq!(oracle.issue(&proved).scope, "openid email profile");
}

#[tokio::test]
async fn without_full_scope_only_mapped_roles_show() {
    let oracle = Oracle::new().await;
    oracle.add_client(client("narrow-client", json!({"fullScopeAllowed": false}))).await;
    let token = super::oracle::claims(&oracle.issue(&oracle.alice("narrow-client", None).await).access_token);
    assert_eq!((token.get("realm_access"), token.get("resource_access"), token.get("aud")), (None, None, None));
    // The optional scope offline_access maps the role of that name.
    let token = super::oracle::claims(&oracle.issue(&oracle.alice("narrow-client", Some("offline_access")).await).access_token);
    assert_eq!(token["realm_access"]["roles"], json!(["offline_access"]));
}

#[tokio::test]
async fn resolution_is_that_of_a_plain_model() {
    let oracle = Oracle::new().await;
    let (realm, client) = oracle.client("public-client").await;
    let names = [DEFAULT.as_slice(), &OPTIONAL, &["openid", "nope", ""]].concat();
    proptest!(|(asked in proptest::sample::subsequence(names.clone(), 0..names.len()).prop_shuffle(),
                later in proptest::sample::subsequence(names.clone(), 0..names.len()).prop_shuffle())| {
        let model = |asked: &[&str], within: &dyn Fn(&str) -> bool| {
            let mut granted: Vec<String> = DEFAULT.iter().chain(OPTIONAL.iter().filter(|name| **name != "organization" && asked.contains(name) && within(name)))
                .map(ToString::to_string).collect();
            granted.sort();
            if asked.contains(&"openid") && within("openid") { granted.insert(0, "openid".to_owned()); }
            granted
        };
        let text = asked.join(" ");
        let granted = scope::resolve(&realm, &client, Some(&text));
        if asked.contains(&"nope") {
            prop_assert_eq!(granted.err(), Some(InvalidScope(text)));
            return Ok(());
        }
        let granted: GrantedScope = granted.expect("all known");
        let full = model(&asked, &|_| true);
        prop_assert_eq!(words(granted.full_text()), full.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert!(words(granted.response_text()).iter().all(|name| full.iter().any(|known| known == name)));

        // What a refresh token says resolves to itself, and a refresh never widens it.
        let again = scope::resolve_granted(&realm, &client, granted.full_text());
        prop_assert_eq!(again.full_text(), granted.full_text());
        prop_assert_eq!(again.response_text(), granted.response_text());
        let text = later.join(" ");
        match again.narrow(&realm, &client, Some(&text)) {
            Err(InvalidScope(refused)) => prop_assert!(later.contains(&"nope") && refused == text),
            Ok(narrowed) => {
                prop_assert_eq!(narrowed.full_text(), granted.full_text());
                prop_assert_eq!(narrowed.is_openid(), granted.is_openid());
                let response = words(narrowed.response_text());
                prop_assert!(response.iter().all(|name| words(granted.response_text()).contains(name)));
            }
        }
    });
}
