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
            mapper(
                "keywright-postgres-array-mapper",
                on(json!({"source": "attribute", "user.attribute": "nothing", "claim.name": name("x-hasura-user-groups")})),
            ),
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

/// Ours: an array literal of PostgreSQL from groups, roles or an attribute.
#[tokio::test]
async fn a_list_can_be_an_array_literal_of_postgresql() {
    let array = |source: &str, more: Value| {
        let mut config = on(json!({"claim.name": format!("a.{source}"), "source": source}));
        config.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        mapper("keywright-postgres-array-mapper", config)
    };
    let oracle = Oracle::new().await;
    let groups = oracle.subject("alice").await.user.groups;
    let (access, id) = tokens_of(
        &oracle,
        vec![
            array("groups", json!({})),
            array("groups", json!({"full.path": "false", "claim.name": "names"})),
            array("group-ids", json!({})),
            array("realm-roles", json!({})),
            array("client-roles", json!({"usermodel.clientRoleMapping.clientId": "api-client"})),
            array("client-roles", json!({"usermodel.clientRoleMapping.clientId": "nobody", "claim.name": "none"})),
            array("attribute", json!({"user.attribute": "phoneNumber"})),
            mapper("oidc-hardcoded-role-mapper", json!({"role": "night shift"})),
        ],
    )
    .await;
    assert_eq!(
        access["a"],
        json!({"groups": "{/staff,/staff/night}", "group-ids": format!("{{{},{}}}", groups[0], groups[1]), "attribute": "{+491701234567}",
            "client-roles": "{api-role}",
            "realm-roles": r#"{boss,default-roles-oracle,offline_access,reader,uma_authorization,"night shift"}"#})
    );
    assert_eq!((&access["names"], &access["none"], &id["names"]), (&json!("{staff,night}"), &json!("{}"), &json!("{staff,night}")));
}

#[tokio::test]
async fn the_claims_parameter_brings_essential_claims_and_one_value() {
    let oracle = Oracle::new().await;
    let requested = json!({
        "id_token": {"phone_number": {"essential": true}, "birthdate": null, "street": {"essential": true}, "address": {"essential": true},
            "intent": {"value": "i-1", "essential": true}, "given_name": {"essential": false}},
        "userinfo": {"family_name": {"essential": true}}
    });
    let own = json!({"protocolMappers": [
        mapper("oidc-claims-param-token-mapper", on(json!({}))),
        mapper("oidc-claims-param-value-idtoken-mapper", json!({"claim.name": "intent", "id.token.claim": "true"})),
    ], "defaultClientScopes": ["basic"]});
    oracle.add_client(client("asked", own)).await;
    let mut proved = oracle.alice("asked", Some("openid")).await;
    proved.session.as_mut().expect("a session").notes.insert("claims".to_owned(), requested.to_string());
    let response = oracle.issue(&proved);
    let (access, id) = (claims(&response.access_token), claims(response.id_token.as_deref().expect("one")));
    assert_eq!((&id["phone_number"], &id["intent"]), (&json!("+491701234567"), &json!("i-1")));
    assert_eq!(id["address"], json!({"street_address": "Main 1", "locality": "Town"}));
    for absent in ["birthdate", "street", "given_name", "family_name"] {
        assert_eq!(id.get(absent), None, "{absent} was not asked for as essential, or is no claim of the specification");
    }
    assert_eq!((access.get("phone_number"), access.get("intent")), (None, None));
    let quiet = oracle.alice("asked", Some("openid")).await;
    assert_eq!(claims(oracle.issue(&quiet).id_token.as_deref().expect("one")).get("phone_number"), None);
}

/// `acr.loa.map` of the client wins over that of the realm; live rows "LoA: acr.loa.map of the client, …".
#[tokio::test]
async fn levels_of_authentication_have_the_names_of_client_or_realm() {
    let oracle = Oracle::new().await;
    oracle
        .change_realm(|realm| drop(realm.attributes.insert("acr.loa.map".to_owned(), r#"{"silver":"1","gold":"2"}"#.to_owned())))
        .await;
    oracle.add_client(client("own", json!({"attributes": {"acr.loa.map": r#"{"bronze":1}"#}}))).await;
    oracle.add_client(client("empty", json!({"attributes": {"acr.loa.map": "{}"}}))).await;
    oracle.add_client(client("broken", json!({"attributes": {"acr.loa.map": "["}}))).await;
    for (name, acr, expected) in
        [("own", "1", "bronze"), ("own", "2", "bronze"), ("empty", "1", "silver"), ("broken", "2", "gold"), ("empty", "0", "0")]
    {
        let proved = Authorization { acr: acr.to_owned(), ..oracle.alice(name, Some("openid")).await };
        let response = oracle.issue(&proved);
        assert_eq!(claims(&response.access_token)["acr"], expected, "{name} {acr}");
        assert_eq!(claims(response.id_token.as_deref().expect("one"))["acr"], expected, "{name} {acr}");
    }
}

#[tokio::test]
async fn types_with_a_fixed_claim_write_no_other_and_roles_have_a_type() {
    let oracle = Oracle::new().await;
    let named = |kind: &str| mapper(kind, on(json!({"claim.name": "elsewhere"})));
    let (access, _) = tokens_of(
        &oracle,
        vec![
            named("oidc-full-name-mapper"),
            named("oidc-address-mapper"),
            named("oidc-amr-mapper"),
            named("oidc-session-state-mapper"),
            mapper("oidc-hardcoded-role-mapper", json!({"role": "7"})),
            mapper(
                "oidc-usermodel-realm-role-mapper",
                on(json!({"claim.name": "numbers", "multivalued": "true", "jsonType.label": "int"})),
            ),
        ],
    )
    .await;
    assert_eq!(access.get("elsewhere"), None);
    assert_eq!((&access["name"], &access["amr"], &access["numbers"]), (&json!("Alice Example"), &json!([]), &json!([7])));
    assert!(access["address"].is_object() && access["session_state"].is_string());
}

/// A field twice would be read differently by different clients.
#[tokio::test]
async fn a_mapper_cannot_write_a_field_of_the_answer_itself() {
    let oracle = Oracle::new().await;
    let beside = |name: &str| {
        mapper("oidc-hardcoded-claim-mapper", json!({"claim.name": name, "claim.value": "forged", "access.tokenResponse.claim": "true"}))
    };
    let mappers: Vec<Value> = ["access_token", "id_token", "scope", "expires_in", "free"].into_iter().map(beside).collect();
    oracle.add_client(client("forger", json!({"protocolMappers": mappers}))).await;
    let text = serde_json::to_string(&oracle.issue(&oracle.alice("forger", None).await)).expect("JSON");
    assert_eq!(text.matches("forged").count(), 1, "{text}");
    assert!(text.ends_with(r#""free":"forged"}"#));
}

/// OIDC Core §8.1: a salt that nobody knows.
#[tokio::test]
async fn a_pairwise_mapper_without_salt_gets_one_that_stays() {
    let oracle = Oracle::new().await;
    let subject = async |name: &str| {
        let own =
            json!({"redirectUris": ["https://a.example/cb"], "protocolMappers": [mapper("oidc-sha256-pairwise-sub-mapper", json!({}))]});
        oracle.add_client(client(name, own)).await;
        let first = claims(&oracle.issue(&oracle.alice(name, None).await).access_token)["sub"].clone();
        assert_eq!(first, claims(&oracle.issue(&oracle.alice(name, None).await).access_token)["sub"]);
        first
    };
    assert_ne!(subject("one").await, subject("two").await, "each mapper has a salt of its own");
}
