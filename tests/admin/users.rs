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

#[tokio::test]
async fn impersonation_starts_a_session_of_the_user_and_sets_its_cookies() {
    let admin = Administrator::with_realm().await;
    admin.put("/r/events/config", json!({ "eventsEnabled": true })).await.is(204);
    let id = anna(&admin).await;
    let path = format!("/r/users/{id}/impersonation");
    let answer = admin.post(&path, json!(null)).await;
    assert_eq!(answer.is(200).json(), Some(json!({ "redirect": format!("{}/realms/r/account", admin.app.base), "sameRealm": false })));
    let cookies: Vec<&String> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value).collect();
    let path_of_realm = format!(";Version=1;Path={}/realms/r/;", admin.app.path);
    assert!(
        cookies[0].starts_with("KEYCLOAK_IDENTITY=eyJ") && cookies[0].ends_with(&format!("{path_of_realm}Secure;HttpOnly;SameSite=None")),
        "{cookies:?}"
    );
    assert!(
        cookies[1].starts_with("KEYCLOAK_SESSION=") && cookies[1].contains(&format!("{path_of_realm}Max-Age=36000;Secure")),
        "{cookies:?}"
    );
    assert!(!cookies[1].contains(&id) && !cookies[1].contains("HttpOnly"), "{cookies:?}");
    let sessions = admin.read(&format!("/r/users/{id}/sessions")).await;
    assert_eq!((sessions.as_array().map(Vec::len), &sessions[0]["clients"]), (Some(1), &json!({})));
    // The cookie opens nothing but a browser session.
    let token = cookies[0].trim_start_matches("KEYCLOAK_IDENTITY=").split(';').next().unwrap_or_default();
    admin.ask_as(token, "GET", "/r/users").await.is(401);
    let events = admin.read("/r/events?type=IMPERSONATE").await;
    assert_eq!(
        (&events[0]["userId"], &events[0]["details"]),
        (&json!(id), &json!({ "impersonator_realm": "master", "impersonator": "admin" })),
        "{events}"
    );
    admin.put(&format!("/r/users/{id}"), json!({ "enabled": false })).await.is(204);
    admin.post(&path, json!(null)).await.says(400, json!({ "errorMessage": "User is disabled" }));
}

#[tokio::test]
async fn a_hash_from_elsewhere_is_shown_as_it_was_given_and_without_the_old_label() {
    let admin = Administrator::with_realm().await;
    let user = format!("/r/users/{}", anna(&admin).await);
    let data = "{\"hashIterations\": 27500, \"algorithm\": \"pbkdf2-sha256\"}";
    let hash =
        json!({ "credentials": [{ "type": "password", "secretData": "{\"value\":\"AAAA\",\"salt\":\"AAAA\"}", "credentialData": data }] });
    admin.put(&user, hash).await.is(204);
    let list = admin.read(&format!("{user}/credentials")).await;
    assert_eq!((&list[0]["credentialData"], &list[0]["userLabel"]), (&json!(data), &Value::Null));
    admin.put(&format!("{user}/reset-password"), json!({ "value": "second" })).await.is(204);
    let list = admin.read(&format!("{user}/credentials")).await;
    assert!(
        list[0]["credentialData"]
            .as_str()
            .is_some_and(|shown| shown != data && shown.contains("additionalParameters")),
        "{list}"
    );
}

#[tokio::test]
async fn a_search_sees_every_change_that_was_answered() {
    let admin = Administrator::with_realm().await;
    let found =
        async |query: &str| names(&admin.read(&format!("/r/users?{query}")).await).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let mut profile = admin.read("/r/users/profile").await;
    profile["unmanagedAttributePolicy"] = json!("ENABLED");
    admin.put("/r/users/profile", profile).await.is(200);
    assert_eq!(found("search=*nn*").await, Vec::<String>::new());
    let id = anna(&admin).await;
    assert_eq!(found("search=*nn*").await, ["anna"]);
    let group = admin.create("/r/groups", json!({ "name": "staff" })).await;
    admin.put(&format!("/r/users/{id}/groups/{group}"), json!(null)).await.is(204);
    assert_eq!(names(&admin.read(&format!("/r/groups/{group}/members")).await), ["anna"]);
    let change =
        json!({ "firstName": "Änne", "lastName": "Adams", "email": "anna@example.org", "attributes": { "Team": ["Red Sox", "x"] } });
    admin.put(&format!("/r/users/{id}"), change).await.is(204);
    for (query, hits) in [
        ("q=Team:%22red%20sox%22", 1),
        ("q=team:x", 0),
        ("q=Team:x%20Team:y", 0),
        ("firstName=%C3%84NN", 1),
        ("firstName=anna", 0),
        ("search=%C3%A4nne%20ada", 1),
    ] {
        assert_eq!(found(query).await.len(), hits, "{query}");
        assert_eq!(admin.read(&format!("/r/users/count?{query}")).await, json!(hits), "{query}");
    }
    admin.delete(&format!("/r/users/{id}/groups/{group}")).await.is(204);
    assert_eq!(admin.read(&format!("/r/groups/{group}/members")).await, json!([]));
    admin.delete(&format!("/r/users/{id}")).await.is(204);
    assert_eq!(found("").await, Vec::<String>::new());
    assert_eq!(admin.read("/r/users/count").await, json!(0));
}

#[tokio::test]
async fn the_profiles_validators_judge_what_administrators_write() {
    let admin = Administrator::with_realm().await;
    let mut profile = admin.read("/r/users/profile").await;
    let permissions = json!({ "view": ["admin"], "edit": ["admin"] });
    let attribute = |name: &str, validations: Value| json!({ "name": name, "permissions": permissions, "validations": validations, "multivalued": true });
    let own = [
        attribute("site", json!({ "uri": {} })),
        attribute("code", json!({ "pattern": { "pattern": "[A-Z]{3}", "error-message": "three letters" } })),
        attribute("born", json!({ "iso-date": {} })),
        attribute("size", json!({ "double": { "min": 1, "max": 2.5 } })),
        attribute("tags", json!({ "multivalued": { "max": "2" } })),
    ];
    profile["attributes"].as_array_mut().expect("attributes").extend(own);
    admin.put("/r/users/profile", profile.clone()).await.is(200);
    let id = anna(&admin).await;
    for (name, good, bad, message) in [
        ("site", json!(["https://a.example"]), json!(["javascript:alert(1)"]), "error-invalid-uri-scheme"),
        ("code", json!(["ABC"]), json!(["ABC", "abc"]), "three letters"),
        ("born", json!(["2000-02-29"]), json!(["2001-02-29"]), "error-invalid-date"),
        ("size", json!(["2.5"]), json!(["2.6"]), "error-number-out-of-range"),
        ("tags", json!(["a", "b"]), json!(["a", "b", "c"]), "error-invalid-multivalued-size"),
    ] {
        let put = async |value: &Value| admin.put(&format!("/r/users/{id}"), json!({ "attributes": { name: value } })).await;
        put(&good).await.is(204);
        let refused = put(&bad).await;
        assert_eq!(refused.is(400).json().map(|body| body["errorMessage"].clone()), Some(json!(message)), "{name}");
        assert_eq!(admin.read(&format!("/r/users/{id}")).await["attributes"][name], good, "{name}");
    }
    for broken in [
        attribute("x", json!({ "pattern": { "pattern": "(" } })),
        attribute("x", json!({ "length": {} })),
        json!({ "name": "a b" }),
        json!({ "name": "x", "group": "nope" }),
    ] {
        let mut changed = profile.clone();
        changed["attributes"].as_array_mut().expect("attributes").push(broken.clone());
        assert_eq!(admin.put("/r/users/profile", changed).await.status, 400, "{broken}");
    }
    assert_eq!(admin.read("/r/users/profile").await, profile);
}

#[tokio::test]
async fn the_end_of_a_session_and_a_new_profile_are_told() {
    let admin = Administrator::with_realm().await;
    admin.put("/r/events/config", json!({ "adminEventsEnabled": true })).await.is(204);
    let id = anna(&admin).await;
    assert!(signs_in(&admin, "first").await);
    let sessions = admin.read(&format!("/r/users/{id}/sessions")).await;
    let session = sessions[0]["id"].as_str().expect("an id").to_owned();
    admin.delete(&format!("/r/sessions/{session}")).await.is(204);
    let profile = admin.read("/r/users/profile").await;
    admin.put("/r/users/profile", profile).await.is(200);
    for (kind, operation, path) in
        [("USER_SESSION", "DELETE", format!("sessions/{session}")), ("USER_PROFILE", "UPDATE", "users/profile".to_owned())]
    {
        let events = admin.read(&format!("/r/admin-events?resourceTypes={kind}")).await;
        assert_eq!((&events[0]["operationType"], &events[0]["resourcePath"]), (&json!(operation), &json!(path)), "{events}");
    }
}

/// An administrator who enables an account that brute force protection disabled gives it back whole: the next wrong password is the
/// first again.
#[tokio::test]
async fn enabling_a_user_forgets_why_he_was_disabled() {
    let admin = Administrator::with_realm().await;
    let id = anna(&admin).await;
    let settings = json!({ "bruteForceProtected": true, "permanentLockout": true, "failureFactor": 2, "quickLoginCheckMilliSeconds": 0 });
    admin.put("/r", settings).await.is(204);
    for _ in 0..2 {
        assert!(!signs_in(&admin, "wrong").await);
    }
    assert!(!signs_in(&admin, "first").await);
    let failures = format!("/r/attack-detection/brute-force/users/{id}");
    assert_eq!(admin.read(&failures).await["numFailures"], 2);
    admin.put(&format!("/r/users/{id}"), json!({ "enabled": true })).await.is(204);
    assert_eq!(admin.read(&failures).await["numFailures"], 0);
    assert!(!signs_in(&admin, "wrong").await && signs_in(&admin, "first").await);
}
