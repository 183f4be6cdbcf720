//! Realms: created, read, changed, deleted by those who may.

use serde_json::json;

use super::Administrator;
use crate::support::http::Request;

#[tokio::test]
async fn a_realm_lives_from_its_creation_to_its_deletion() {
    let admin = Administrator::with_realm().await;
    let answer = admin.post("", json!({ "realm": "shop", "enabled": true, "displayName": "Shop" })).await;
    answer.is(201);
    assert_eq!(answer.header("location"), Some(format!("{}/admin/realms/shop", admin.app.base).as_str()));
    let read = admin.read("/shop").await;
    assert_eq!((&read["displayName"], &read["defaultRole"]["name"]), (&json!("Shop"), &json!("default-roles-shop")));
    // It is real: it publishes keys and signs people in.
    admin.app.get("/realms/shop/protocol/openid-connect/certs").await.is(200);

    admin.put("/shop", json!({ "realm": "store", "accessTokenLifespan": 77 })).await.is(204);
    assert_eq!(admin.read("/store").await["accessTokenLifespan"], 77);
    admin.get("/shop").await.says(404, json!({ "error": "Realm not found." }));
    admin.delete("/store").await.is(204);
    admin.get("/store").await.is(404);
    admin.app.get("/realms/store/protocol/openid-connect/certs").await.is(404);
}

#[tokio::test]
async fn what_cannot_be_a_realm_is_refused_in_keycloaks_words() {
    let admin = Administrator::with_realm().await;
    let unreadable = json!({ "errorMessage": "unable to read contents from stream" });
    admin.post("", json!({ "realm": "r" })).await.says(409, json!({ "errorMessage": "Realm r already exists" }));
    admin.post("", json!({})).await.says(400, json!({ "errorMessage": "Realm name cannot be empty" }));
    admin.post("", json!({ "realm": "a b/c" })).await.says(400, json!({ "error": "Character '/' not allowed." }));
    for body in [json!({ "realm": "x", "nope": 1 }), json!({ "realm": "x", "accessTokenLifespan": "abc" }), json!([])] {
        admin.post("", body).await.says(400, unreadable.clone());
    }
    admin.post("", json!({ "realm": "x", "users": [], "clients": [7] })).await.is(400);
    admin.delete("/master").await.says(400, json!({ "errorMessage": "Can't remove master realm" }));
    let text = Request::new("POST", admin.app.target("/admin/realms"))
        .bearer(&admin.token)
        .header("Content-Type", "text/plain");
    admin.app.send(&text).await.is(415);
    let unknown = admin.put("/r", json!({ "nope": 1 })).await;
    unknown.is(400);
    assert!(unknown.text().contains("Unrecognized field \\\"nope\\\" at line 1 column 10"), "{}", unknown.text());
    assert!(admin.get("/x").await.status == 404);
}

#[tokio::test]
async fn without_a_good_token_nobody_learns_anything() {
    let admin = Administrator::with_realm().await;
    let unauthorized = json!({ "error": "HTTP 401 Unauthorized" });
    for path in ["", "/r", "/nope", "/r/nope"] {
        let target = admin.app.target(&format!("/admin/realms{path}"));
        admin.app.send(&Request::new("GET", &*target)).await.says(401, unauthorized.clone());
        admin.ask_as("garbage", "GET", path).await.says(401, unauthorized.clone());
        admin
            .ask_as("e30.eyJpc3MiOiJodHRwOi8vZXZpbC5leGFtcGxlIn0.x", "GET", path)
            .await
            .says(401, unauthorized.clone());
    }
    admin.get("/r/nope").await.says(404, json!({ "error": "HTTP 404 Not Found" }));
    admin.ask("PATCH", "/r", None).await.says(405, json!({ "error": "HTTP 405 Method Not Allowed" }));
}

#[tokio::test]
async fn pages_of_foreign_origins_are_refused_before_anything_happens() {
    let admin = Administrator::with_realm().await;
    let target = admin.app.target("/admin/realms/r");
    let foreign = Request::new("DELETE", &*target).bearer(&admin.token).header("Origin", "https://evil.example");
    admin.app.send(&foreign).await.says(403, json!({ "error": "Invalid origin" }));
    admin.get("/r").await.is(200);
    let preflight = Request::new("OPTIONS", &*target).header("Origin", "https://app.example.org");
    let preflight = admin.app.send(&preflight).await;
    assert_eq!(preflight.header("access-control-allow-methods"), Some("DELETE, POST, GET, PUT"));
}
