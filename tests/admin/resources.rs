//! Roles, groups, clients, client scopes, components, texts: each lives its life, seen through other routes and in tokens.

use serde_json::{Value, json};

use super::Administrator;

fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|one| one["name"].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn roles_contain_others_and_stand_in_tokens() {
    let admin = Administrator::with_realm().await;
    admin.post("/r/roles", json!({ "name": "reader", "attributes": { "a": ["1"] } })).await.is(201);
    let answer = admin.post("/r/roles", json!({ "name": "a b/\u{fc}", "composites": { "realm": ["reader"] } })).await;
    assert_eq!(answer.header("location"), Some(format!("{}/admin/realms/r/roles/a%20b%2F%C3%BC", admin.app.base).as_str()));
    let boss = admin.read("/r/roles/a%20b%2F%C3%BC").await;
    assert_eq!((&boss["composite"], names(&admin.read("/r/roles/a%20b%2F%C3%BC/composites").await)), (&json!(true), vec!["reader"]));
    admin
        .post("/r/roles", json!({ "name": "reader" }))
        .await
        .says(409, json!({ "errorMessage": "Role with name reader already exists" }));
    admin.get("/r/roles/nope").await.says(404, json!({ "error": "Could not find role" }));

    let user = json!({ "username": "anna", "enabled": true, "email": "a@example.org", "firstName": "A", "lastName": "B",
        "credentials": [{ "value": "secret" }] });
    let user = admin.create("/r/users", user).await;
    admin.post(&format!("/r/users/{user}/role-mappings/realm"), json!([boss])).await.is(204);
    let effective = admin.read(&format!("/r/users/{user}/role-mappings/realm/composite")).await;
    assert!(names(&effective).contains(&"reader"), "{effective}");
    assert!(!names(&admin.read(&format!("/r/users/{user}/role-mappings/realm/available")).await).contains(&"a b/\u{fc}"));
    admin
        .post(&format!("/r/users/{user}/role-mappings/realm"), json!([{ "name": "reader" }]))
        .await
        .says(404, json!({ "error": "Role not found" }));
    let id = boss["id"].as_str().expect("an id");
    assert_eq!(admin.read(&format!("/r/roles-by-id/{id}")).await["name"], "a b/\u{fc}");
    admin.delete(&format!("/r/roles-by-id/{id}")).await.is(204);
    assert!(!names(&admin.read(&format!("/r/users/{user}/role-mappings/realm")).await).contains(&"a b/\u{fc}"));
}

#[tokio::test]
async fn groups_form_a_tree_that_is_moved_and_searched() {
    let admin = Administrator::with_realm().await;
    let staff = admin.create("/r/groups", json!({ "name": "staff", "attributes": { "floor": ["3"] } })).await;
    let night = admin.post(&format!("/r/groups/{staff}/children"), json!({ "name": "night" })).await;
    night.is(201);
    let night = night.field("id");
    assert_eq!(admin.read(&format!("/r/groups/{night}")).await["path"], "/staff/night");
    assert_eq!(admin.read("/r/group-by-path/staff/night").await["id"], json!(night));
    assert_eq!(admin.read("/r/groups/count").await, json!({ "count": 2 }));
    let found = admin.read("/r/groups?search=night").await;
    assert_eq!((&found[0]["name"], &found[0]["subGroups"][0]["name"]), (&json!("staff"), &json!("night")));
    assert_eq!(names(&admin.read("/r/groups?q=floor:3").await), ["staff"]);
    admin
        .post("/r/groups", json!({ "name": "staff" }))
        .await
        .says(409, json!({ "errorMessage": "Top level group named 'staff' already exists." }));

    let user = admin.create("/r/users", json!({ "username": "anna" })).await;
    admin.put(&format!("/r/users/{user}/groups/{night}"), json!(null)).await.is(204);
    assert_eq!(admin.read(&format!("/r/groups/{night}/members")).await[0]["username"], "anna");
    admin.post("/r/groups", json!({ "id": night, "name": "night" })).await.is(204);
    assert_eq!(names(&admin.read(&format!("/r/users/{user}/groups")).await), ["night"]);
    assert_eq!(admin.read(&format!("/r/groups/{night}")).await["path"], "/night");
    admin.delete(&format!("/r/groups/{staff}")).await.is(204);
    admin.get(&format!("/r/groups/{staff}")).await.says(404, json!({ "error": "Could not find group by id" }));
}

#[tokio::test]
async fn a_client_is_made_used_changed_and_deleted() {
    let admin = Administrator::with_realm().await;
    let new = json!({ "clientId": "api", "protocol": "openid-connect", "publicClient": false, "serviceAccountsEnabled": true });
    let id = admin.create("/r/clients", new).await;
    let client = format!("/r/clients/{id}");
    let token = async |secret: &str| {
        let form = [("grant_type", "client_credentials"), ("client_id", "api"), ("client_secret", secret)];
        admin.app.oidc("r", "token", &form).await.status
    };
    let first = admin.read(&format!("{client}/client-secret")).await["value"].as_str().expect("a secret").to_owned();
    assert_eq!(token(&first).await, 200);
    let second = admin.post(&format!("{client}/client-secret"), json!(null)).await.field("value");
    assert_eq!((token(&first).await, token(&second).await), (401, 200));

    let whole = admin.read(&client).await;
    admin.put(&client, whole.clone()).await.is(204);
    assert_eq!(admin.read(&client).await, whole, "what was read can be written back");
    assert_eq!(admin.read(&format!("{client}/service-account-user")).await["username"], "service-account-api");
    let mapper = json!({ "name": "hard", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper",
        "config": { "claim.name": "x", "claim.value": "7", "access.token.claim": "true" } });
    admin.create(&format!("{client}/protocol-mappers/models"), mapper).await;
    let user = admin.create("/r/users", json!({ "username": "evan" })).await;
    let example = admin
        .read(&format!("{client}/evaluate-scopes/generate-example-access-token?userId={user}&scope=openid"))
        .await;
    assert_eq!((&example["x"], &example["sub"], &example["azp"]), (&json!("7"), &json!(user), &json!("api")));

    admin.put(&client, json!({ "enabled": false })).await.is(204);
    assert_eq!(token(&second).await, 401);
    admin.delete(&client).await.is(204);
    admin.get(&client).await.says(404, json!({ "error": "Could not find client" }));
    assert_eq!(admin.read("/r/users?username=service-account-api&exact=true").await, json!([]));
    let account = admin.read("/r/clients?clientId=account").await[0]["id"].as_str().expect("an id").to_owned();
    admin.delete(&format!("/r/clients/{account}")).await.is(400);
}

#[tokio::test]
async fn scopes_keys_and_texts_of_a_realm_are_managed() {
    let admin = Administrator::with_realm().await;
    let scope = admin.create("/r/client-scopes", json!({ "name": "s1", "protocol": "openid-connect" })).await;
    admin.put(&format!("/r/default-optional-client-scopes/{scope}"), json!(null)).await.is(204);
    let id = admin.create("/r/clients", json!({ "clientId": "c" })).await;
    assert!(names(&admin.read(&format!("/r/clients/{id}/optional-client-scopes")).await).contains(&"s1"));
    admin.delete(&format!("/r/client-scopes/{scope}")).await.is(204);
    assert!(!names(&admin.read(&format!("/r/clients/{id}/optional-client-scopes")).await).contains(&"s1"));

    let key = json!({ "name": "es", "providerId": "ecdsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
        "config": { "priority": ["101"], "ecdsaEllipticCurveKey": ["P-256"] } });
    let key = admin.create("/r/components", key).await;
    assert!(admin.read("/r/keys").await["active"]["ES256"].is_string());
    assert!(!admin.read(&format!("/r/components/{key}")).await.to_string().contains("rivateKey"));
    admin.delete(&format!("/r/components/{key}")).await.is(204);
    assert!(admin.read("/r/keys").await["active"]["ES256"].is_null());

    admin.post("/r/localization/de", json!({ "hello": "Hallo" })).await.is(204);
    assert_eq!(
        (admin.read("/r/localization").await, admin.get("/r/localization/de/hello").await.text()),
        (json!(["de"]), "Hallo".to_owned())
    );
    admin.delete("/r/localization/de").await.is(204);
    admin.get("/r/localization/de/hello").await.says(404, json!({ "error": "Localization text not found" }));
}

#[tokio::test]
async fn features_that_are_not_there_say_so() {
    let admin = Administrator::with_realm().await;
    let answer = json!({ "error": "Feature not enabled", "error_description": "For more on this error consult the server log." });
    for path in [
        "/r/client-types",
        "/r/users-management-permissions",
        "/r/groups/x/management/permissions",
        "/r/workflows/x",
        "/r/clients/x/authz/resource-server/scope/y",
    ] {
        admin.get(path).await.says(501, answer.clone());
    }
}
