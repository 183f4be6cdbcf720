//! Users and what hangs on them, each change seen through another route or in a token.

use serde_json::{Value, json};

use super::Administrator;

fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|user| user["username"].as_str().unwrap_or_default()).collect()
}

async fn anna(admin: &Administrator) -> String {
    let anna = json!({
        "username": "Anna", "enabled": true, "email": "Anna@Example.org", "firstName": "Anna", "lastName": "Adams",
        "credentials": [{ "type": "password", "value": "first" }],
    });
    admin.create("/r/users", anna).await
}

async fn signs_in(admin: &Administrator, password: &str) -> bool {
    let form = [("grant_type", "password"), ("client_id", "admin-cli"), ("username", "anna"), ("password", password)];
    admin.app.oidc("r", "token", &form).await.status == 200
}

#[tokio::test]
async fn a_user_lives_from_creation_to_deletion() {
    let admin = Administrator::with_realm().await;
    let id = anna(&admin).await;
    let read = admin.read(&format!("/r/users/{id}")).await;
    assert_eq!((&read["username"], &read["email"], &read["access"]["manage"]), (&json!("anna"), &json!("anna@example.org"), &json!(true)));
    assert!(signs_in(&admin, "first").await);
    admin.put(&format!("/r/users/{id}"), json!({ "firstName": "Ann" })).await.is(204);
    let read = admin.read(&format!("/r/users/{id}")).await;
    assert_eq!((&read["firstName"], &read["lastName"]), (&json!("Ann"), &json!("Adams")));
    admin.put(&format!("/r/users/{id}"), json!({ "enabled": false })).await.is(204);
    assert!(!signs_in(&admin, "first").await);
    admin.delete(&format!("/r/users/{id}")).await.is(204);
    admin.get(&format!("/r/users/{id}")).await.says(404, json!({ "error": "User not found" }));
    admin.delete(&format!("/r/users/{id}")).await.is(404);
}

#[tokio::test]
async fn what_cannot_be_a_user_is_refused_in_keycloaks_words() {
    let admin = Administrator::with_realm().await;
    anna(&admin).await;
    let post = async |body: Value| admin.post("/r/users", body).await;
    post(json!({ "username": "ANNA" }))
        .await
        .says(409, json!({ "errorMessage": "User exists with same username" }));
    post(json!({ "username": "zoe", "email": "anna@example.org" }))
        .await
        .says(409, json!({ "errorMessage": "User exists with same email" }));
    post(json!({})).await.says(400, json!({ "errorMessage": "User name is missing" }));
    let short = json!({ "field": "username", "errorMessage": "error-invalid-length", "params": ["username", 3, 255] });
    post(json!({ "username": "ab" })).await.says(400, short);
    let unknown = "Invalid json representation for UserRepresentation. Unrecognized field \"nope\" at line 1 column 27.";
    post(json!({ "username": "zoe", "nope": 1 })).await.says(400, json!({ "error": unknown }));
    assert_eq!(names(&admin.read("/r/users").await), ["anna"]);
}

#[tokio::test]
async fn lists_are_searched_filtered_and_paged() {
    let admin = Administrator::with_realm().await;
    for (name, enabled) in [("bert", true), ("berta", false), ("bernd", true), ("anna", true)] {
        let user =
            json!({ "username": name, "email": format!("{name}@example.org"), "firstName": "Bea", "lastName": "X", "enabled": enabled });
        admin.create("/r/users", user).await;
    }
    for (query, found) in [
        ("", vec!["anna", "bernd", "bert", "berta"]),
        ("?first=1&max=2", vec!["bernd", "bert"]),
        ("?search=ber", vec!["bernd", "bert", "berta"]),
        ("?search=*ert*", vec!["bert", "berta"]),
        ("?search=%22bert%22", vec!["bert"]),
        ("?search=ber&enabled=true", vec!["bernd", "bert"]),
        ("?username=BERT&exact=true", vec!["bert"]),
        ("?email=bert%40", vec!["bert"]),
        ("?max=-1", vec!["anna", "bernd", "bert", "berta"]),
        ("?search=nobody", vec![]),
    ] {
        assert_eq!(names(&admin.read(&format!("/r/users{query}")).await), found, "{query}");
        if !query.contains("max") {
            assert_eq!(admin.read(&format!("/r/users/count{query}")).await, json!(found.len()), "{query}");
        }
    }
    admin.get("/r/users?first=x").await.is(404);
}

#[tokio::test]
async fn passwords_and_other_credentials_are_managed_one_by_one() {
    let admin = Administrator::with_realm().await;
    let id = anna(&admin).await;
    let user = format!("/r/users/{id}");
    admin.put(&format!("{user}/reset-password"), json!({ "value": "second" })).await.is(204);
    assert!(!signs_in(&admin, "first").await && signs_in(&admin, "second").await);
    admin
        .put(&format!("{user}/reset-password"), json!({}))
        .await
        .says(400, json!({ "error": "No password provided" }));
    admin.put(&format!("{user}/reset-password"), json!({ "value": "third", "temporary": true })).await.is(204);
    assert_eq!(admin.read(&user).await["requiredActions"], json!(["UPDATE_PASSWORD"]));
    let otp =
        json!({ "credentials": [{ "type": "otp", "userLabel": "phone", "secretData": "{\"value\":\"seed\"}", "credentialData": "{}" }] });
    admin.put(&user, otp).await.is(204);
    let list = admin.read(&format!("{user}/credentials")).await;
    assert_eq!((&list[0]["type"], &list[1]["type"], &list[1]["secretData"]), (&json!("password"), &json!("otp"), &Value::Null));
    let phone = list[1]["id"].as_str().expect("an id").to_owned();
    admin.post(&format!("{user}/credentials/{phone}/moveToFirst"), json!(null)).await.is(204);
    assert_eq!(admin.read(&format!("{user}/credentials")).await[0]["userLabel"], "phone");
    admin.delete(&format!("{user}/credentials/{phone}")).await.is(204);
    assert_eq!(admin.read(&user).await["totp"], false);
    admin
        .delete(&format!("{user}/credentials/{phone}"))
        .await
        .says(404, json!({ "error": "Credential not found" }));
}

#[tokio::test]
async fn sessions_are_seen_and_ended() {
    let admin = Administrator::with_realm().await;
    let id = anna(&admin).await;
    assert!(signs_in(&admin, "first").await && signs_in(&admin, "first").await);
    let sessions = admin.read(&format!("/r/users/{id}/sessions")).await;
    assert_eq!((sessions.as_array().map(Vec::len), &sessions[0]["username"]), (Some(2), &json!("anna")));
    let one = sessions[0]["id"].as_str().expect("an id");
    admin.delete(&format!("/r/sessions/{one}")).await.is(204);
    admin.delete(&format!("/r/sessions/{one}")).await.says(404, json!({ "error": "Sesssion not found" }));
    admin.post(&format!("/r/users/{id}/logout"), json!(null)).await.is(204);
    assert_eq!(admin.read(&format!("/r/users/{id}/sessions")).await, json!([]));
}

#[tokio::test]
async fn changes_are_told_as_admin_events_beside_the_change() {
    let admin = Administrator::with_realm().await;
    admin
        .put("/r/events/config", json!({ "adminEventsEnabled": true, "adminEventsDetailsEnabled": true }))
        .await
        .is(204);
    let id = anna(&admin).await;
    admin.put(&format!("/r/users/{id}/reset-password"), json!({ "value": "hush-hush" })).await.is(204);
    admin.delete(&format!("/r/users/{id}")).await.is(204);
    admin.post("/r/users", json!({ "username": "ab" })).await.is(400);
    let events = admin.read("/r/admin-events?resourceTypes=USER&direction=asc").await;
    let told: Vec<String> = events
        .as_array()
        .expect("events")
        .iter()
        .map(|event| {
            format!("{} {}", event["operationType"].as_str().unwrap_or_default(), event["resourcePath"].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(told, [format!("CREATE users/{id}"), format!("ACTION users/{id}/reset-password"), format!("DELETE users/{id}")]);
    assert!(!events.to_string().contains("hush-hush") && !events.to_string().contains("first\""), "{events}");
}

#[tokio::test]
async fn a_link_with_an_account_elsewhere_is_kept_found_and_removed() {
    let admin = Administrator::with_realm().await;
    let id = anna(&admin).await;
    let path = format!("/r/users/{id}/federated-identity/ext");
    let link = json!({ "identityProvider": "ext", "userId": "e1", "userName": "ext-anna" });
    admin.post(&path, link.clone()).await.is(204);
    admin
        .post(&path, link.clone())
        .await
        .says(409, json!({ "errorMessage": "User is already linked with provider" }));
    assert_eq!(admin.read(&format!("/r/users/{id}/federated-identity")).await, json!([link]));
    assert_eq!(names(&admin.read("/r/users?idpAlias=ext&idpUserId=e1").await), ["anna"]);
    assert_eq!(names(&admin.read("/r/users?idpAlias=other").await), Vec::<&str>::new());
    admin.delete(&path).await.is(204);
    admin.delete(&path).await.says(404, json!({ "error": "Link not found" }));
}
