//! What the server tells of itself, and what it tells of what administrators did to sessions and realms.

use serde_json::json;

use super::Administrator;
use crate::support::app::{ADMINISTRATOR, ADMINISTRATOR_PASSWORD};
use crate::support::http::Request;

#[tokio::test]
async fn tools_learn_what_the_server_has() {
    let admin = Administrator::with_realm().await;
    let ask = async |token: &str, path: &str| admin.app.send(&Request::new("GET", admin.app.target(path)).bearer(token)).await;
    let info = ask(&admin.token, "/admin/serverinfo").await.ok().json().unwrap();
    assert_eq!(info["systemInfo"]["version"], "26.7.3");
    assert!(info["memoryInfo"]["total"].as_u64() > Some(0) && info["cpuInfo"]["processorCount"].as_u64() > Some(0));
    let mappers = info["protocolMapperTypes"]["openid-connect"].as_array().unwrap();
    assert!(
        mappers
            .iter()
            .any(|mapper| mapper["id"] == "oidc-audience-mapper" && mapper["properties"][0]["name"] == "included.client.audience")
    );
    assert!(info["enums"]["eventType"].as_array().unwrap().contains(&json!("LOGIN_ERROR")));
    assert!(info["componentTypes"]["org.keycloak.keys.KeyProvider"].as_array().is_some_and(|types| !types.is_empty()));

    // The machine is the business of master alone.
    let other = admin.with_roles("r", "chief", &["realm-admin"]).await;
    let info = ask(&other, "/admin/serverinfo").await.ok().json().unwrap();
    assert_eq!((info.get("memoryInfo"), info["systemInfo"].as_object().map(serde_json::Map::len)), (None, Some(1)));
    let nobody = admin.with_roles("r", "nobody", &[]).await;
    ask(&nobody, "/admin/serverinfo").await.says(403, json!({ "error": "HTTP 403 Forbidden" }));
}

#[tokio::test]
async fn the_console_is_told_who_is_signed_in() {
    let admin = Administrator::with_realm().await;
    let ask = async |token: &str, path: &str| admin.app.send(&Request::new("GET", admin.app.target(path)).bearer(token)).await;
    let text = "Token issued for an application that is not the admin console: admin-cli";
    ask(&admin.token, "/admin/master/console/whoami?currentRealm=r").await.says(403, json!({ "error": text }));
    let console = admin.read("/master/clients?clientId=security-admin-console").await[0]["id"].as_str().unwrap().to_owned();
    admin
        .put(&format!("/master/clients/{console}"), json!({ "clientId": "security-admin-console", "directAccessGrantsEnabled": true }))
        .await
        .is(204);
    let form = [
        ("grant_type", "password"),
        ("client_id", "security-admin-console"),
        ("username", ADMINISTRATOR),
        ("password", ADMINISTRATOR_PASSWORD),
    ];
    let token = admin.app.oidc("master", "token", &form).await.field("access_token");
    let told = ask(&token, "/admin/master/console/whoami?currentRealm=r").await.ok().json().unwrap();
    assert_eq!((&told["realm"], &told["createRealm"]), (&json!("master"), &json!(true)));
    assert!(told["realm_access"]["r"].as_array().unwrap().contains(&json!("manage-users")), "{told}");
    ask(&token, "/admin/r/console/whoami").await.is(401);
    admin.app.get("/admin/master/console/config").await.says(404, json!({ "error": "HTTP 404 Not Found" }));
    admin.app.get("/admin/nope").await.says(405, json!({ "error": "HTTP 405 Method Not Allowed" }));
}

#[tokio::test]
async fn what_changes_no_configuration_is_told_all_the_same() {
    let admin = Administrator::with_realm().await;
    for realm in ["/r", "/master"] {
        admin.put(realm, json!({ "adminEventsEnabled": true, "adminEventsDetailsEnabled": true })).await.is(204);
    }
    let user = json!({ "username": "sam", "enabled": true, "email": "s@example.org", "firstName": "S", "lastName": "A", "credentials": [{ "type": "password", "value": "secret" }] });
    let id = admin.create("/r/users", user).await;
    let form = [("grant_type", "password"), ("client_id", "admin-cli"), ("username", "sam"), ("password", "secret")];
    admin.app.oidc("r", "token", &form).await.ok();
    let session = admin.read(&format!("/r/users/{id}/sessions")).await[0]["id"].as_str().unwrap().to_owned();
    admin.delete(&format!("/r/sessions/{session}")).await.is(204);
    admin.delete(&format!("/r/sessions/{session}")).await.is(404);
    admin.post("/r/logout-all", json!({})).await.is(200);
    admin.post("/r/push-revocation", json!({})).await.is(200);
    admin.delete(&format!("/r/attack-detection/brute-force/users/{id}")).await.is(204);
    admin.delete("/r/attack-detection/brute-force/users").await.is(204);
    let told = admin.read("/r/admin-events?max=5").await;
    let told: Vec<_> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|event| json!([event["operationType"], event["resourceType"], event["resourcePath"]]))
        .collect();
    let expected = [
        json!(["DELETE", "USER_LOGIN_FAILURE", "attack-detection/brute-force/users"]),
        json!(["DELETE", "USER_LOGIN_FAILURE", format!("attack-detection/brute-force/users/{id}")]),
        json!(["ACTION", "REALM", "push-revocation"]),
        json!(["ACTION", "REALM", "logout-all"]),
        json!(["DELETE", "USER_SESSION", format!("sessions/{session}")]),
    ];
    assert_eq!(told, expected);

    admin.post("", json!({ "realm": "new" })).await.is(201);
    admin.delete("/new").await.is(204);
    let told = admin.read("/master/admin-events?resourceTypes=REALM&max=2").await;
    assert_eq!((&told[0]["operationType"], &told[0]["resourcePath"]), (&json!("DELETE"), &json!("new")));
    assert_eq!((&told[1]["operationType"], &told[1]["resourcePath"]), (&json!("CREATE"), &json!("new")));
}

#[tokio::test]
async fn the_credentials_that_can_be_registered_are_listed() {
    let admin = Administrator::with_realm().await;
    let listed = admin.read("/r/credential-registrators").await;
    assert!(listed.as_array().unwrap().contains(&json!("CONFIGURE_TOTP")), "{listed}");
}
