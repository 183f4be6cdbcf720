//! Protocol mappers through whole tokens: each type, each switch.

use keywright::tokens::authorization::Authorization;
use serde_json::{Map, Value, json};

use super::oracle::{Oracle, claims, client, mapper};

/// Access and ID token of alice for a client with these mappers.
async fn tokens(mappers: Vec<Value>) -> (Map<String, Value>, Map<String, Value>) {
    let oracle = Oracle::new().await;
    tokens_of(&oracle, mappers).await
}

async fn tokens_of(oracle: &Oracle, mappers: Vec<Value>) -> (Map<String, Value>, Map<String, Value>) {
    oracle.add_client(client("mapped", json!({"protocolMappers": mappers}))).await;
    let (_, compiled) = oracle.client("mapped").await;
    assert_eq!(compiled.skipped_mappers, [], "every mapper of this test works");
    let response = oracle.issue(&oracle.alice("mapped", Some("openid")).await);
    (claims(&response.access_token), claims(response.id_token.as_deref().expect("openid was asked for")))
}

fn on(mut config: Value) -> Value {
    config["access.token.claim"] = json!("true");
    config["id.token.claim"] = json!("true");
    config
}

#[tokio::test]
async fn user_attributes_are_typed_single_or_many() {
    let oracle = Oracle::new().await;
    oracle
        .change_alice(|alice| {
            let mut put =
                |name: &str, values: &[&str]| alice.attributes.insert(name.to_owned(), values.iter().map(|v| (*v).to_owned()).collect());
            put("age", &["42"]);
            put("vip", &["true"]);
            put("empty", &[""]);
            put("word", &["x"]);
            put("numbers", &["1", "x", "2"]);
        })
        .await;
    let attribute = |name: &str, kind: &str, multivalued: &str| {
        let config = json!({"user.attribute": name, "claim.name": format!("c.{name}"), "jsonType.label": kind, "multivalued": multivalued});
        mapper("oidc-usermodel-attribute-mapper", on(config))
    };
    let (access, id) = tokens_of(
        &oracle,
        vec![
            attribute("age", "long", "false"),
            attribute("vip", "boolean", "false"),
            attribute("empty", "String", "false"),
            attribute("word", "int", "false"),
            attribute("numbers", "int", "true"),
            attribute("nowhere", "String", "true"),
            attribute("username", "String", "false"),
        ],
    )
    .await;
    assert_eq!(access["c"], json!({"age": 42, "vip": true, "numbers": [1, 2], "username": "alice"}));
    assert_eq!(access["c"], id["c"]);
}

#[tokio::test]
async fn a_user_inherits_attributes_of_groups_and_their_ancestors() {
    let floor = |aggregate: &str, claim: &str| {
        let config = json!({"user.attribute": "floor", "claim.name": claim, "aggregate.attrs": aggregate, "multivalued": "true"});
        mapper("oidc-usermodel-attribute-mapper", on(config))
    };
    let oracle = Oracle::new().await;
    oracle.change_alice(|alice| drop(alice.groups.remove(0))).await;
    oracle.add_client(client("inherits", json!({"protocolMappers": [floor("false", "floor")]}))).await;
    let (_, _) = oracle.client("inherits").await;
    let night = claims(&oracle.issue(&oracle.alice("inherits", None).await).access_token);
    assert_eq!(night["floor"], json!(["3"]), "/staff/night has it from /staff");

    oracle.change_alice(|alice| drop(alice.attributes.insert("floor".to_owned(), vec!["9".to_owned()]))).await;
    let (access, _) = tokens_of(&oracle, vec![floor("false", "own"), floor("true", "all")]).await;
    assert_eq!((&access["own"], &access["all"]), (&json!(["9"]), &json!(["9", "3"])));
}

#[tokio::test]
async fn properties_names_and_addresses_come_from_the_user() {
    let property = |name: &str, kind: &str| {
        mapper(
            "oidc-usermodel-property-mapper",
            on(json!({"user.attribute": name, "claim.name": format!("p.{name}"), "jsonType.label": kind})),
        )
    };
    let (access, _) = tokens(vec![
        property("emailVerified", "boolean"),
        property("enabled", "String"),
        property("createdTimestamp", "long"),
        property("lastName", "String"),
        property("serviceAccountClientLink", "String"),
        mapper("oidc-address-mapper", on(json!({"user.attribute.street": "locality"}))),
        mapper("oidc-full-name-mapper", on(json!({}))),
    ])
    .await;
    assert_eq!(
        access["p"],
        json!({"emailVerified": true, "enabled": "true", "createdTimestamp": 1_800_000_000_000_i64, "lastName": "Example"})
    );
    assert_eq!(access["address"], json!({"street_address": "Town", "locality": "Town"}));
    assert_eq!(access["name"], "Alice Example");
}

#[tokio::test]
async fn groups_show_by_path_or_by_name() {
    let groups =
        |full_path: &str, claim: &str| mapper("oidc-group-membership-mapper", on(json!({"full.path": full_path, "claim.name": claim})));
    let (access, _) = tokens(vec![groups("true", "paths"), groups("false", "names")]).await;
    assert_eq!((&access["paths"], &access["names"]), (&json!(["/staff", "/staff/night"]), &json!(["staff", "night"])));
}

#[tokio::test]
async fn roles_are_renamed_then_added_then_resolved_then_written() {
    let (access, id) = tokens(vec![
        mapper("oidc-hardcoded-role-mapper", json!({"role": "other-client.guest"})),
        mapper("oidc-hardcoded-role-mapper", json!({"role": "everyone"})),
        mapper("oidc-role-name-mapper", json!({"role": "boss", "new.role.name": "api-client.chief"})),
        mapper("oidc-role-name-mapper", json!({"role": "nobody", "new.role.name": "somebody"})),
        mapper(
            "oidc-usermodel-realm-role-mapper",
            json!({"claim.name": "realm_access.roles", "multivalued": "true", "id.token.claim": "true"}),
        ),
        mapper("oidc-usermodel-realm-role-mapper", on(json!({"claim.name": "flat", "usermodel.realmRoleMapping.rolePrefix": "r-"}))),
        mapper(
            "oidc-usermodel-client-role-mapper",
            on(json!({"claim.name": "${client_id}", "usermodel.clientRoleMapping.clientId": "api-client",
                "usermodel.clientRoleMapping.rolePrefix": "api:", "multivalued": "true"})),
        ),
    ])
    .await;
    assert_eq!(
        access["realm_access"]["roles"],
        json!(["default-roles-oracle", "offline_access", "reader", "uma_authorization", "everyone"])
    );
    assert_eq!(access["resource_access"]["api-client"]["roles"], json!(["api-role", "chief"]));
    assert_eq!(access["resource_access"]["other-client"]["roles"], json!(["guest"]));
    assert!(access["aud"].as_array().is_some_and(|audiences| audiences.contains(&json!("other-client"))));
    assert_eq!(access["api-client"], json!(["api:api-role", "api:chief"]));
    assert_eq!(access["flat"], "[r-default-roles-oracle, r-offline_access, r-reader, r-uma_authorization, r-everyone]");
    assert_eq!(id["realm_access"]["roles"], access["realm_access"]["roles"], "an ID token can carry roles too");
}

/// The sample of the Hasura document: one object under a name with dots.
#[tokio::test]
async fn hasura_claims_meet_in_one_object() {
    let name = |claim: &str| format!(r"https://hasura\.io/jwt/claims.{claim}");
    let constant = |claim: &str, kind: &str, value: &str| {
        mapper("oidc-hardcoded-claim-mapper", on(json!({"claim.name": name(claim), "jsonType.label": kind, "claim.value": value})))
    };
    let oracle = Oracle::new().await;
    let id = oracle.subject("alice").await.user.id.to_string();
    let (access, _) = tokens_of(
        &oracle,
        vec![
            mapper(
                "oidc-usermodel-property-mapper",
                on(json!({"user.attribute": "id", "claim.name": name("x-hasura-user-id"), "jsonType.label": "String"})),
            ),
            constant("x-hasura-default-role", "String", "user"),
            constant("x-hasura-allowed-roles", "JSON", r#"["user"]"#),
            constant("x-hasura-user-groups", "String", "{}"),
        ],
    )
    .await;
    assert_eq!(
        access["https://hasura.io/jwt/claims"],
        json!({"x-hasura-user-id": id, "x-hasura-default-role": "user", "x-hasura-allowed-roles": ["user"], "x-hasura-user-groups": "{}"})
    );
}

#[tokio::test]
async fn notes_and_constants_can_stand_beside_the_tokens() {
    let oracle = Oracle::new().await;
    let beside = |mut config: Value| {
        config["access.tokenResponse.claim"] = json!("true");
        config
    };
    oracle
        .add_client(client("beside", json!({"protocolMappers": [
            mapper("oidc-hardcoded-claim-mapper", beside(json!({"claim.name": "region", "claim.value": "eu"}))),
            mapper("oidc-usersessionmodel-note-mapper", beside(json!({"user.session.note": "broker", "claim.name": "via", "access.token.claim": "true"}))),
        ]})))
        .await;
    let mut proved = oracle.alice("beside", None).await;
    proved.session.as_mut().expect("a session").notes.insert("broker".to_owned(), "up".to_owned());
    let response = serde_json::to_value(oracle.issue(&proved)).expect("JSON");
    assert_eq!((&response["region"], &response["via"]), (&json!("eu"), &json!("up")));
    let access = claims(response["access_token"].as_str().expect("a token"));
    assert_eq!((access.get("region"), access.get("via")), (None, Some(&json!("up"))));
}

#[tokio::test]
async fn a_pairwise_subject_differs_between_sectors_and_not_within_one() {
    let oracle = Oracle::new().await;
    let pairwise = mapper("oidc-sha256-pairwise-sub-mapper", json!({"pairwiseSubAlgorithmSalt": "salt"}));
    let mut subjects = Vec::new();
    for (name, redirect) in [("a1", "https://a.example/cb"), ("a2", "https://a.example/other"), ("b", "https://b.example/cb")] {
        oracle.add_client(client(name, json!({"redirectUris": [redirect], "protocolMappers": [pairwise]}))).await;
        let response = oracle.issue(&oracle.alice(name, Some("openid")).await);
        let (access, id) = (claims(&response.access_token), claims(response.id_token.as_deref().expect("one")));
        assert_eq!(access["sub"], id["sub"]);
        subjects.push(access["sub"].clone());
    }
    assert_eq!(subjects[0], subjects[1]);
    assert_ne!(subjects[0], subjects[2]);
    assert_ne!(subjects[0], oracle.subject("alice").await.user.id.as_str());
}

#[tokio::test]
async fn old_adapters_find_nonce_and_session_state_again() {
    let oracle = Oracle::new().await;
    oracle
        .add_client(client(
            "old",
            json!({"protocolMappers": [
                mapper("oidc-nonce-backwards-compatible-mapper", json!({})),
                mapper("oidc-session-state-mapper", on(json!({}))),
            ]}),
        ))
        .await;
    let proved = Authorization { nonce: Some("n".to_owned()), ..oracle.alice("old", Some("openid")).await };
    let response = oracle.issue(&proved);
    let access = claims(&response.access_token);
    assert_eq!(access["nonce"], "n");
    assert_eq!(access["session_state"], response.session_state.expect("a session").as_str());
}

#[tokio::test]
async fn lightweight_tokens_carry_what_is_marked_for_them() {
    let oracle = Oracle::new().await;
    let marked = json!({"claim.name": "region", "claim.value": "eu", "lightweight.claim": "true"});
    let settings = json!({
        "attributes": {"client.use.lightweight.access.token.enabled": "true"},
        "protocolMappers": [mapper("oidc-hardcoded-claim-mapper", marked)]
    });
    oracle.add_client(client("light", settings)).await;
    let access = claims(&oracle.issue(&oracle.alice("light", None).await).access_token);
    assert_eq!(access.keys().collect::<Vec<_>>(), ["exp", "iat", "jti", "iss", "typ", "azp", "sid", "scope", "region"]);
}
