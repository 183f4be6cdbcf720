//! Documents over REST: a realm with contents, a part of one into a realm that is there, and out again.

use serde_json::{Value, json};

use super::Administrator;
use crate::support::http::Request;

fn shop() -> Value {
    json!({
        "realm": "shop", "enabled": true,
        "roles": { "realm": [{ "name": "buyer" }], "client": { "till": [{ "name": "cashier" }] } },
        "clients": [{ "clientId": "till", "enabled": true, "publicClient": true, "directAccessGrantsEnabled": true }],
        "groups": [{ "name": "staff", "path": "/staff", "clientRoles": { "till": ["cashier"] } }],
        "users": [{
            "username": "uma", "enabled": true, "email": "uma@example.org", "firstName": "U", "lastName": "M",
            "credentials": [{ "type": "password", "value": "secret" }], "realmRoles": ["buyer"], "groups": ["/staff"],
        }],
    })
}

#[tokio::test]
async fn a_realm_with_contents_is_there_with_all_of_them_or_not_at_all() {
    let admin = Administrator::with_realm().await;
    admin.put("/master", json!({ "adminEventsEnabled": true })).await.is(204);
    let answer = admin.post("", shop()).await;
    answer.is(201);
    assert_eq!(answer.header("location"), Some(format!("{}/admin/realms/shop", admin.app.base).as_str()));
    let form = [("grant_type", "password"), ("client_id", "till"), ("username", "uma"), ("password", "secret")];
    let token = admin.app.oidc("shop", "token", &form).await.field("access_token");
    let claims = crate::support::payload(&token);
    assert_eq!(claims["resource_access"]["till"]["roles"], json!(["cashier"]));
    assert!(claims["realm_access"]["roles"].as_array().unwrap().contains(&json!("buyer")));
    let told = admin.read("/master/admin-events?resourceTypes=REALM&operationTypes=CREATE").await;
    assert_eq!(told[0]["resourcePath"], "shop");

    admin.post("", shop()).await.says(409, json!({ "errorMessage": "Realm shop already exists" }));
    let mut broken = shop();
    broken["realm"] = json!("kiosk");
    broken["users"][0]["groups"] = json!(["/nowhere"]);
    let refused = admin.post("", broken).await;
    refused.is(400);
    assert!(refused.text().contains("/nowhere"), "{}", refused.text());
    admin.get("/kiosk").await.is(404);
    // The name is free, and the environment of the server is nobody's business.
    let mut again = shop();
    again["realm"] = json!("kiosk");
    again["displayName"] = json!("${PATH}");
    admin.post("", again).await.is(201);
    assert_eq!(admin.read("/kiosk").await["displayName"], "${PATH}");
}

#[tokio::test]
async fn who_may_only_create_realms_administers_the_one_that_he_imports() {
    let admin = Administrator::with_realm().await;
    let role = admin.read("/master/roles/create-realm").await;
    let user = json!({ "username": "maker", "enabled": true, "credentials": [{ "type": "password", "value": "secret" }] });
    let id = admin.create("/master/users", user).await;
    admin.post(&format!("/master/users/{id}/role-mappings/realm"), json!([role])).await.is(204);
    let form = [("grant_type", "password"), ("client_id", "admin-cli"), ("username", "maker"), ("password", "secret")];
    let token = admin.app.oidc("master", "token", &form).await.field("access_token");
    let request = Request::new("POST", admin.app.target("/admin/realms")).bearer(&token).json(&shop());
    admin.app.send(&request).await.is(201);
    admin.ask_as(&token, "GET", "/shop/users").await.is(200);
    admin.ask_as(&token, "GET", "/r/users").await.is(403);
}

#[tokio::test]
async fn a_partial_import_adds_skips_or_replaces_and_says_which() {
    let admin = Administrator::with_realm().await;
    admin.put("/r", json!({ "adminEventsEnabled": true })).await.is(204);
    let first = admin.create("/r/users", json!({ "username": "uma", "firstName": "Old" })).await;
    let mut part = shop();
    part.as_object_mut().unwrap().remove("realm");
    admin
        .post("/r/partialImport", part.clone())
        .await
        .says(409, json!({ "errorMessage": "User with user name uma already exists." }));
    admin.get("/r/roles/buyer").await.is(404);

    part["ifResourceExists"] = json!("SKIP");
    let answer = admin.post("/r/partialImport", part.clone()).await.ok().json().unwrap();
    assert_eq!((&answer["added"], &answer["skipped"], &answer["overwritten"]), (&json!(4), &json!(1), &json!(0)));
    assert_eq!(admin.read(&format!("/r/users/{first}")).await["firstName"], "Old");
    let told = admin.read("/r/admin-events?resourceTypes=CLIENT_ROLE").await;
    assert!(told[0]["resourcePath"].as_str().unwrap().ends_with("/roles/cashier"), "{told}");

    part["ifResourceExists"] = json!("OVERWRITE");
    let answer = admin.post("/r/partialImport", part).await.ok().json().unwrap();
    assert_eq!(answer["skipped"], 0, "{answer}");
    admin.get(&format!("/r/users/{first}")).await.is(404);
    let form = [("grant_type", "password"), ("client_id", "till"), ("username", "uma"), ("password", "secret")];
    let token = admin.app.oidc("r", "token", &form).await.field("access_token");
    assert_eq!(crate::support::payload(&token)["resource_access"]["till"]["roles"], json!(["cashier"]));
}

#[tokio::test]
async fn what_a_partial_import_cannot_take_changes_nothing() {
    let admin = Administrator::with_realm().await;
    let before = admin.read("/r/roles").await;
    for (part, status) in [
        (json!({ "roles": { "realm": [{ "name": "a" }, { "name": "a" }] } }), 400),
        (json!({ "roles": { "realm": [{ "name": "a" }] }, "users": [{ "username": "x", "realmRoles": ["nope"] }] }), 400),
        (json!({ "roles": { "realm": [{ "name": "a" }] }, "groups": [{ "name": "nopath" }] }), 400),
        (json!({ "roles": { "realm": [{ "name": "a" }] }, "clients": 7 }), 400),
        (json!({ "ifResourceExists": "PERHAPS" }), 400),
        (json!({ "roles": { "realm": vec![json!({ "name": "a" }); 2_001] } }), 400),
        (json!({ "roles": { "realm": [{ "name": "a" }] }, "clients": [{ "clientId": "c", "redirectUris": ["javascript:x"] }] }), 400),
    ] {
        admin.post("/r/partialImport", part.clone()).await.is(status);
        assert_eq!(admin.read("/r/roles").await, before, "{part:.80}");
    }
}

/// Security class 56: a document brings nothing that its sender could not give by hand.
#[tokio::test]
async fn class_56_a_partial_import_is_no_way_to_roles_that_one_does_not_have() {
    let admin = Administrator::with_realm().await;
    let realm_only = admin.with_roles("r", "settings", &["manage-realm"]).await;
    let both = admin.with_roles("r", "both", &["manage-realm", "manage-users"]).await;
    let all = admin.with_roles("r", "chief", &["realm-admin"]).await;
    let import = async |token: &str, part: &Value| {
        let request = Request::new("POST", admin.app.target("/admin/realms/r/partialImport")).bearer(token).json(part);
        admin.app.send(&request).await.status
    };
    let user = json!({ "users": [{ "username": "u1" }] });
    assert_eq!((import(&realm_only, &user).await, import(&both, &user).await), (403, 200));
    let chief = json!({ "users": [{ "username": "u2", "clientRoles": { "realm-management": ["realm-admin"] } }] });
    assert_eq!((import(&both, &chief).await, import(&all, &chief).await), (403, 200));
    let composite =
        json!({ "roles": { "realm": [{ "name": "c", "composites": { "client": { "realm-management": ["manage-clients"] } } }] } });
    assert_eq!(import(&both, &composite).await, 403);
    let group = json!({ "groups": [{ "name": "g", "path": "/g", "clientRoles": { "realm-management": ["realm-admin"] } }] });
    assert_eq!(import(&both, &group).await, 403);
    let client = json!({ "clients": [{ "clientId": "mine" }] });
    assert_eq!((import(&both, &client).await, import(&all, &client).await), (403, 200));
}

#[tokio::test]
async fn a_partial_export_has_what_was_asked_for_and_no_secret() {
    let admin = Administrator::with_realm().await;
    let mut part = shop();
    part["clients"][0]["publicClient"] = json!(false);
    part["clients"][0]["secret"] = json!("a-secret-of-the-till");
    part["clients"][0]["serviceAccountsEnabled"] = json!(true);
    admin.post("/r/partialImport", part).await.is(200);
    admin
        .put("/r", json!({ "smtpServer": { "host": "h", "from": "a@b.c", "password": "a-secret-of-the-mail" } }))
        .await
        .is(204);
    let all = admin.post("/r/partial-export?exportClients=true&exportGroupsAndRoles=true", json!({})).await.ok();
    for secret in ["a-secret-of", "privateKey", "secretData", "\"credentials\":[{"] {
        assert!(!all.text().contains(secret), "{secret}");
    }
    let all = all.json().unwrap();
    assert_eq!(all["users"].as_array().unwrap().len(), 1, "the user of the client, and no other");
    assert_eq!(all["users"][0]["username"], "service-account-till");
    assert_eq!(all["groups"][0]["path"], "/staff");
    let little = admin.post("/r/partial-export", json!({})).await.ok().json().unwrap();
    for member in ["users", "clients", "roles", "groups"] {
        assert_eq!(little.get(member), None, "{member}");
    }
    assert_eq!(little["clientScopes"].as_array().map(Vec::is_empty), Some(false));
    // It is a document that a new realm can be made of.
    let mut copy = all;
    copy["realm"] = json!("copy");
    copy.as_object_mut().unwrap().remove("id");
    admin.post("", copy).await.is(201);
    assert_eq!(admin.read("/copy/groups").await[0]["name"], "staff");

    let viewer = admin.with_roles("r", "settings", &["manage-realm"]).await;
    admin.ask_as(&viewer, "POST", "/r/partial-export").await.is(200);
    admin.ask_as(&viewer, "POST", "/r/partial-export?exportClients=true").await.is(403);
    admin.ask_as(&viewer, "POST", "/r/partial-export?exportGroupsAndRoles=true").await.is(403);
}
