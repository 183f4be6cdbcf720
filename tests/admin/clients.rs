//! Clients: what a change of one does, seen through other routes, in tokens, and by those who may only look.

use serde_json::{Value, json};

use super::Administrator;
use crate::support::app::TestApp;
use crate::support::http::Request;
use crate::support::upstream::{Reply, Upstream};

impl Administrator {
    async fn client(&self, settings: Value) -> String {
        format!("/r/clients/{}", self.create("/r/clients", settings).await)
    }

    async fn by_secret(&self, client_id: &str, secret: &str) -> u16 {
        let form = [("grant_type", "client_credentials"), ("client_id", client_id), ("client_secret", secret)];
        self.app.oidc("r", "token", &form).await.status
    }

    /// Somebody who signs in with the password `secret`; his id.
    async fn user_with_password(&self, username: &str) -> String {
        let user = json!({ "username": username, "enabled": true, "email": format!("{username}@example.org"), "firstName": "A",
            "lastName": "B", "credentials": [{ "value": "secret" }] });
        self.create("/r/users", user).await
    }

    /// The answer of the token endpoint to the password of `username`.
    async fn signed_in(&self, client_id: &str, username: &str, scope: &str) -> Value {
        let form = [("grant_type", "password"), ("client_id", client_id), ("username", username), ("password", "secret"), ("scope", scope)];
        self.app.oidc("r", "token", &form).await.ok().json().expect("tokens")
    }
}

fn public(client_id: &str) -> Value {
    json!({ "clientId": client_id, "publicClient": true, "directAccessGrantsEnabled": true })
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(|client| client["clientId"].as_str()).collect()
}

fn claims(token: &Value) -> Value {
    Value::Object(crate::live::normalise::claims(token.as_str().expect("a token")))
}

#[tokio::test]
async fn a_rotated_secret_counts_until_it_is_invalidated() {
    let admin = Administrator::with_realm().await;
    let client = admin.client(json!({ "clientId": "c", "secret": "new", "serviceAccountsEnabled": true })).await;
    let until = (admin.app.now().seconds() + 600).to_string();
    let attributes = json!({ "client.secret.rotated": "old", "client.secret.rotated.expiration.time": until });
    admin.put(&client, json!({ "attributes": attributes })).await.is(204);
    assert_eq!((admin.by_secret("c", "old").await, admin.by_secret("c", "new").await), (200, 200));
    let rotated = format!("{client}/client-secret/rotated");
    assert_eq!(admin.read(&rotated).await, json!({ "type": "secret", "value": "old" }));
    assert!(!admin.read(&client).await.to_string().contains("old"), "no attribute is secret");
    admin.delete(&rotated).await.is(204);
    assert_eq!((admin.by_secret("c", "old").await, admin.by_secret("c", "new").await), (401, 200));
    admin.get(&rotated).await.says(404, json!({ "error": "Client does not have a rotated secret" }));
}

/// Class 58.
#[tokio::test]
async fn who_may_only_look_at_clients_sees_no_secret_and_cannot_overwrite_one_with_the_mask() {
    let admin = Administrator::with_realm().await;
    let client = admin
        .client(json!({ "clientId": "c", "secret": "the-secret", "protocol": "openid-connect", "publicClient": false }))
        .await;
    admin.put(&client, json!({ "attributes": { "client.secret.rotated": "the-secret-before" } })).await.is(204);
    admin.put(&client, json!({ "attributes": { "jwt.credential.private.key": "the-secret-key" } })).await.is(204);
    let viewer = admin.with_roles("r", "viewer", &["view-clients", "query-clients"]).await;
    for path in [
        client.clone(),
        "/r/clients".to_owned(),
        "/r/clients?clientId=c".to_owned(),
        format!("{client}/client-secret"),
        format!("{client}/client-secret/rotated"),
        format!("{client}/certificates/jwt.credential"),
        format!("{client}/installation/providers/keycloak-oidc-keycloak-json"),
        format!("{client}/installation/providers/keycloak-oidc-jboss-subsystem"),
        format!("{client}/installation/providers/keycloak-oidc-jboss-subsystem-cli"),
    ] {
        let answer = admin.ask_as(&viewer, "GET", &path).await;
        answer.is(200);
        assert!(!answer.text().contains("the-secret") && answer.text().contains("**********"), "{path}: {}", answer.text());
    }
    let seen = admin.ask_as(&viewer, "GET", &client).await.json().expect("a client");
    assert_eq!((&seen["access"]["view"], &seen["access"]["configure"]), (&json!(true), &json!(false)));
    admin.put(&client, seen).await.is(204);
    assert_eq!(admin.read(&format!("{client}/client-secret")).await["value"], "the-secret");
    assert_eq!(admin.read(&format!("{client}/client-secret/rotated")).await["value"], "the-secret-before");
    for (method, path) in
        [("POST", "client-secret"), ("DELETE", "client-secret/rotated"), ("POST", "registration-access-token"), ("POST", "nodes")]
    {
        admin.ask_as(&viewer, method, &format!("{client}/{path}")).await.is(403);
    }
    // Nor does the export of the events tell.
    let whole = admin.get("/r/admin-events").await;
    assert!(!whole.text().contains("the-secret"));
}

#[tokio::test]
async fn a_registration_access_token_replaces_the_one_before() {
    let admin = Administrator::with_realm().await;
    let client = admin.client(public("c")).await;
    let path = format!("{client}/registration-access-token");
    let (first, second) = (admin.post(&path, json!(null)).await.ok(), admin.post(&path, json!(null)).await.ok());
    let (first, second) = (first.json().expect("a client"), second.json().expect("a client"));
    assert_eq!((&first["clientId"], &first["access"]), (&json!("c"), &Value::Null));
    let (one, two) = (claims(&first["registrationAccessToken"]), claims(&second["registrationAccessToken"]));
    assert_eq!(
        (&one["typ"], &one["exp"], &one["registration_auth"]),
        (&json!("RegistrationAccessToken"), &json!(0), &json!("authenticated"))
    );
    assert_ne!(one["jti"], two["jti"]);
    assert!(admin.read(&client).await["registrationAccessToken"].is_null(), "it is told once");
}

#[tokio::test]
async fn nodes_are_registered_tested_and_told_of_a_revocation() {
    let app = TestApp::builder()
        .configure(|config| config.egress.allow = vec!["localhost".parse().expect("a name")])
        .start()
        .await;
    let admin = Administrator::of(app).await;
    admin.put("/r", json!({ "adminEventsEnabled": true })).await.is(204);
    let adapter = Upstream::start(|asked| Reply { status: if asked.path.starts_with("/app/k_") { 204 } else { 404 }, ..Reply::default() });
    let url = adapter.url("/app");
    let client = admin.client(json!({ "clientId": "c", "adminUrl": url, "notBefore": 77 })).await;
    let test = format!("{client}/test-nodes-available");
    assert_eq!(admin.read(&test).await, json!({ "successRequests": [url] }));
    assert_eq!(adapter.asked()[0].path, "/app/k_test_available");

    admin
        .post(&format!("{client}/push-revocation"), json!(null))
        .await
        .says(200, json!({ "successRequests": [url] }));
    let message = claims(&json!(String::from_utf8_lossy(&adapter.asked()[1].body)));
    assert_eq!(adapter.asked()[1].path, "/app/k_push_not_before");
    assert_eq!((&message["action"], &message["notBefore"], &message["resource"]), (&json!("PUSH_NOT_BEFORE"), &json!(77), &json!("c")));
    admin.post("/r/push-revocation", json!(null)).await.says(200, json!({ "successRequests": [url] }));

    admin.post(&format!("{client}/nodes"), json!({ "node": "127.0.0.1" })).await.is(204);
    admin.post(&format!("{client}/nodes"), json!({ "node": "localhost" })).await.is(204);
    let nodes = admin.read(&client).await["registeredNodes"].clone();
    assert_eq!(nodes, json!({ "127.0.0.1": admin.app.now().seconds(), "localhost": admin.app.now().seconds() }));
    let asked = adapter.asked().len();
    let forbidden = url.replace("localhost", "127.0.0.1");
    assert_eq!(admin.read(&test).await, json!({ "successRequests": [url], "failedRequests": [forbidden] }));
    assert_eq!(adapter.asked().len(), asked + 1, "class 47: an address that is not allowed is not even connected");
    // Who does not register again is forgotten.
    admin.put(&client, json!({ "nodeReRegistrationTimeout": 60 })).await.is(204);
    admin.delete(&format!("{client}/nodes/127.0.0.1")).await.is(204);
    admin
        .delete(&format!("{client}/nodes/127.0.0.1"))
        .await
        .says(404, json!({ "error": "Client does not have node " }));
    for bad in [json!({}), json!({ "node": "" }), json!({ "node": "a/b" }), json!({ "node": "a b" }), json!({ "node": 1 })] {
        admin.post(&format!("{client}/nodes"), bad).await.is(400);
    }
    let events = admin.read("/r/admin-events?resourceTypes=CLUSTER_NODE").await;
    let told: Vec<_> = events
        .as_array()
        .expect("events")
        .iter()
        .map(|event| event["operationType"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(told, ["DELETE", "CREATE", "CREATE"]);
    let silent = admin.client(json!({ "clientId": "silent" })).await;
    assert_eq!(admin.read(&format!("{silent}/test-nodes-available")).await, json!({}));
}

#[tokio::test]
async fn installation_documents_say_what_the_application_needs() {
    let admin = Administrator::with_realm().await;
    let client = admin
        .client(json!({ "clientId": "a\"<b", "secret": "s&t", "protocol": "openid-connect", "publicClient": false }))
        .await;
    let provider = |client: &str, name: &str| format!("{client}/installation/providers/keycloak-oidc-{name}");
    let json_document = admin.get(&provider(&client, "keycloak-json")).await.ok();
    assert_eq!(json_document.header("content-type"), Some("text/plain"));
    let settings = json_document.json().expect("JSON");
    assert_eq!((&settings["resource"], &settings["credentials"]["secret"]), (&json!("a\"<b"), &json!("s&t")));
    let xml = admin.get(&provider(&client, "jboss-subsystem")).await.ok();
    assert_eq!(xml.header("content-type"), Some("application/xml"));
    assert!(xml.text().contains("<resource>a&quot;&lt;b</resource>") && xml.text().contains("s&amp;t"), "{}", xml.text());
    let cli = admin.get(&provider(&client, "jboss-subsystem-cli")).await.ok().text();
    assert!(cli.contains("resource=\"a\\\"<b\"") && cli.contains("secret=\"s&t\""), "{cli}");

    let open = admin.client(public("open")).await;
    let settings = admin.get(&provider(&open, "keycloak-json")).await.ok().json().expect("JSON");
    assert_eq!((&settings["public-client"], &settings["credentials"]), (&json!(true), &Value::Null));
    admin.get(&provider(&open, "nope")).await.says(404, json!({ "error": "Unknown Provider" }));
}

#[tokio::test]
async fn examples_say_what_real_tokens_and_userinfo_say() {
    let admin = Administrator::with_realm().await;
    let client = admin.client(public("c")).await;
    let mapper = json!({ "name": "hard", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper",
        "config": { "claim.name": "x", "claim.value": "7", "access.token.claim": "true", "userinfo.token.claim": "true" } });
    let mapper = admin.create(&format!("{client}/protocol-mappers/models"), mapper).await;
    let user = admin.user_with_password("evan").await;
    let tokens = admin.signed_in("c", "evan", "openid phone").await;
    let access = tokens["access_token"].as_str().expect("a token");
    let userinfo = admin
        .app
        .send(&Request::new("GET", admin.app.target("/realms/r/protocol/openid-connect/userinfo")).bearer(access))
        .await;
    let example = |what: &str| format!("{client}/evaluate-scopes/generate-example-{what}?userId={user}&scope=openid%20phone");
    let userinfo = userinfo.ok().json().expect("claims");
    assert_eq!((admin.read(&example("userinfo")).await, &userinfo["x"]), (userinfo.clone(), &json!("7")));

    for (what, token) in [("access-token", &tokens["access_token"]), ("id-token", &tokens["id_token"])] {
        let (mut example, mut real) = (admin.read(&example(what)).await, claims(token));
        assert!(what == "id-token" || example["jti"].as_str().is_some_and(|jti| jti.starts_with("onrtna:")), "{example}");
        for side in [&mut example, &mut real] {
            for volatile in ["jti", "sid", "at_hash", "session_state"] {
                side.as_object_mut().expect("claims").shift_remove(volatile);
            }
        }
        assert_eq!(example, real, "{what}");
    }
    for what in ["access-token", "id-token"] {
        let nobody = admin.get(&format!("{}&audience=nobody", example(what))).await;
        nobody.says(400, json!({ "error": "invalid_request", "error_description": "Requested audience not available: nobody" }));
    }
    for (query, text) in [("", "No userId provided"), ("?userId=nobody", "No user found")] {
        admin
            .get(&format!("{client}/evaluate-scopes/generate-example-userinfo{query}"))
            .await
            .says(404, json!({ "error": text }));
    }

    let mappers = admin.read(&format!("{client}/evaluate-scopes/protocol-mappers?scope=openid")).await;
    assert!(
        mappers
            .as_array()
            .expect("mappers")
            .iter()
            .any(|row| row["mapperId"] == json!(mapper) && row["containerType"] == "client")
    );
    admin.delete(&format!("{client}/protocol-mappers/models/{mapper}")).await.is(204);
    assert!(admin.read(&example("userinfo")).await["x"].is_null());
}

#[tokio::test]
async fn scope_mappings_decide_which_roles_stand_in_tokens() {
    let admin = Administrator::with_realm().await;
    let mut settings = public("c");
    settings["fullScopeAllowed"] = json!(false);
    let client = admin.client(settings).await;
    let user = admin.user_with_password("evan").await;
    let other = admin.client(json!({ "clientId": "other" })).await;
    admin.post("/r/roles", json!({ "name": "reader" })).await.is(201);
    admin.post(&format!("{other}/roles"), json!({ "name": "writer" })).await.is(201);
    let (reader, writer) = (admin.read("/r/roles/reader").await, admin.read(&format!("{other}/roles/writer")).await);
    let other = other.rsplit('/').next().expect("an id");
    admin.post(&format!("/r/users/{user}/role-mappings/realm"), json!([reader])).await.is(204);
    admin.post(&format!("/r/users/{user}/role-mappings/clients/{other}"), json!([writer])).await.is(204);
    let in_token = async || {
        let claims = claims(&admin.signed_in("c", "evan", "openid").await["access_token"]);
        (claims["realm_access"]["roles"].clone(), claims["resource_access"]["other"]["roles"].clone())
    };
    let (of_realm, of_client) = (format!("{client}/scope-mappings/realm"), format!("{client}/scope-mappings/clients/{other}"));
    let granted = |what: &str| format!("{client}/evaluate-scopes/scope-mappings/r/{what}");
    let names = |list: Value| list.as_array().expect("roles").iter().map(|role| role["name"].clone()).collect::<Vec<_>>();
    assert_eq!(in_token().await, (Value::Null, Value::Null));
    assert!(names(admin.read(&granted("not-granted")).await).contains(&json!("reader")));

    admin.post(&of_realm, json!([reader])).await.is(204);
    admin.post(&of_client, json!([writer])).await.is(204);
    assert_eq!(in_token().await, (json!(["reader"]), json!(["writer"])));
    assert_eq!(names(admin.read(&granted("granted")).await), ["reader"]);
    assert_eq!(names(admin.read(&format!("{of_client}/composite")).await), ["writer"]);
    assert!(!names(admin.read(&format!("{of_realm}/available")).await).contains(&json!("reader")));
    let all = admin.read(&format!("{client}/scope-mappings")).await;
    assert_eq!(all["clientMappings"]["other"]["mappings"][0]["name"], "writer");

    admin.ask("DELETE", &of_realm, Some(&json!([reader]))).await.is(204);
    assert_eq!(in_token().await, (Value::Null, json!(["writer"])));
    admin.ask("DELETE", &of_client, None).await.is(204);
    assert_eq!(in_token().await, (Value::Null, Value::Null));
    admin.put(&client, json!({ "fullScopeAllowed": true })).await.is(204);
    assert!(in_token().await.0.as_array().is_some_and(|roles| roles.contains(&json!("reader"))));
}

#[tokio::test]
async fn client_scopes_come_by_default_by_request_or_not_at_all() {
    let admin = Administrator::with_realm().await;
    let new = json!({ "name": "s1", "protocol": "openid-connect", "attributes": { "include.in.token.scope": "true" } });
    let scope = admin.create("/r/client-scopes", new).await;
    let mapper = json!({ "name": "m", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper",
        "config": { "claim.name": "from_s1", "claim.value": "yes", "access.token.claim": "true" } });
    admin.post(&format!("/r/client-scopes/{scope}/protocol-mappers/add-models"), json!([mapper])).await.is(204);
    admin.user_with_password("evan").await;
    let client = admin.client(public("c")).await;
    let seen = async |asked: &str| {
        let claims = claims(&admin.signed_in("c", "evan", asked).await["access_token"]);
        (claims["scope"].as_str().unwrap_or_default().split(' ').any(|name| name == "s1"), claims["from_s1"] == "yes")
    };
    let (default, optional) = (format!("{client}/default-client-scopes/{scope}"), format!("{client}/optional-client-scopes/{scope}"));
    let refused = [("grant_type", "password"), ("client_id", "c"), ("username", "evan"), ("password", "secret"), ("scope", "s1")];
    admin.app.oidc("r", "token", &refused).await.is_refused("invalid_scope", "Invalid scopes: s1");
    admin.put(&optional, json!(null)).await.is(204);
    assert_eq!((seen("openid").await, seen("openid s1").await), ((false, false), (true, true)));
    admin.put(&default, json!(null)).await.is(204);
    assert_eq!(seen("openid").await, (false, false), "as it is attached already, it stays as it is");
    admin.delete(&optional).await.is(204);
    admin.put(&default, json!(null)).await.is(204);
    assert_eq!(seen("openid").await, (true, true));
    admin
        .put(&format!("/r/client-scopes/{scope}"), json!({ "name": "s1", "attributes": { "include.in.token.scope": "false" } }))
        .await
        .is(204);
    assert_eq!(seen("openid").await, (false, true));
    admin.delete(&default).await.is(204);
    assert_eq!(seen("openid").await, (false, false));

    admin.put(&format!("/r/default-default-client-scopes/{scope}"), json!(null)).await.is(204);
    let later = admin.client(public("later")).await;
    assert!(admin.read(&later).await["defaultClientScopes"].as_array().is_some_and(|names| names.contains(&json!("s1"))));
    admin.delete(&format!("/r/default-default-client-scopes/{scope}")).await.is(204);
    let last = admin.client(public("last")).await;
    assert!(!admin.read(&last).await.to_string().contains("\"s1\""));
}

#[tokio::test]
async fn sessions_are_counted_and_listed_by_client() {
    let admin = Administrator::with_realm().await;
    let (client, other) = (admin.client(public("c")).await, admin.client(public("other")).await);
    let user = admin.user_with_password("evan").await;
    admin.signed_in("c", "evan", "openid").await;
    admin.signed_in("c", "evan", "openid offline_access").await;
    let count = async |client: &str, what: &str| admin.read(&format!("{client}/{what}")).await["count"].clone();
    assert_eq!((count(&client, "session-count").await, count(&client, "offline-session-count").await), (json!(1), json!(1)));
    assert_eq!((count(&other, "session-count").await, count(&other, "offline-session-count").await), (json!(0), json!(0)));
    let listed = admin.read(&format!("{client}/user-sessions")).await;
    assert_eq!((&listed[0]["userId"], &listed[0]["username"], &listed[1]), (&json!(user), &json!("evan"), &Value::Null));
    assert_eq!(admin.read(&format!("{client}/offline-sessions?first=1")).await, json!([]));
    let id = listed[0]["id"].as_str().expect("an id");
    admin.delete(&format!("/r/sessions/{id}")).await.is(204);
    assert_eq!(count(&client, "session-count").await, json!(0));
}

#[tokio::test]
async fn the_list_is_searched_and_paged_by_client_id() {
    let admin = Administrator::with_realm().await;
    for number in 0..12 {
        admin.client(json!({ "clientId": format!("App-{number:02}") })).await;
    }
    let list = async |query: &str| admin.read(&format!("/r/clients?{query}")).await;
    assert_eq!(ids(&list("clientId=app-&search=true&first=3&max=2").await), ["App-03", "App-04"]);
    assert_eq!(ids(&list("clientId=P-1&search=true").await), ["App-10", "App-11"]);
    assert_eq!(ids(&list("clientId=App-07").await), ["App-07"]);
    assert_eq!(ids(&list("clientId=app-07").await), [""; 0], "a client id is what it is");
    assert_eq!(ids(&list("clientId=App-07&first=1").await), [""; 0]);
    assert_eq!((ids(&list("").await).len(), ids(&list("max=-1").await).len(), ids(&list("first=17").await).len()), (18, 18, 1));
    assert_eq!(ids(&list("first=1000000").await), [""; 0]);
    admin.get("/r/clients?first=x").await.is(404);
    let refused = json!({ "error": "invalid_request", "error_description": "Attributes [a] not allowed for search" });
    admin.get("/r/clients?q=a:b").await.says(400, refused);
}

#[tokio::test]
async fn what_is_refused_changes_nothing_and_what_is_absent_stays() {
    let admin = Administrator::with_realm().await;
    let client = admin
        .client(json!({ "clientId": "c", "secret": "s", "redirectUris": ["/b", "/a", "/b"], "webOrigins": ["+", "+"] }))
        .await;
    let before = admin.read(&client).await;
    assert_eq!((&before["redirectUris"], &before["webOrigins"]), (&json!(["/b", "/a"]), &json!(["+"])));
    let invalid = |text: &str| json!({ "error": "invalid_input", "error_description": text });
    for (change, text) in [
        (json!({ "name": "x", "redirectUris": ["java\tscript:x"] }), "A redirect URI uses an illegal scheme"),
        (json!({ "name": "x", "redirectUris": ["https://a/#b"] }), "A redirect URI must not contain an URL fragment"),
        (json!({ "name": "x", "redirectUris": ["https://a b/"] }), "A redirect URI is not a valid URI"),
        (json!({ "name": "x", "baseUrl": "data:text/html,x" }), "Base URL uses an illegal scheme"),
        (json!({ "name": "x", "rootUrl": "vbscript:x" }), "Root URL uses an illegal scheme"),
        (json!({ "name": "x", "webOrigins": ["https://a\r\nX: y"] }), "A web origin is not a valid origin"),
        (json!({ "name": "x", "attributes": { "logoUri": "javascript:x" } }), "Logo URL uses an illegal scheme"),
        (json!({ "name": "x", "protocol": "nope" }), "Invalid protocol: nope"),
        (json!({ "name": "x", "clientId": " " }), "Client ID cannot be blank"),
    ] {
        admin.put(&client, change.clone()).await.says(400, invalid(text));
        let mut new = change;
        new["clientId"] = new["clientId"].as_str().map_or(json!("new"), |given| json!(given));
        admin.post("/r/clients", new).await.says(400, invalid(text));
    }
    let huge = vec!["/x"; 100_000].iter().enumerate().map(|(number, uri)| format!("{uri}{number}")).collect::<Vec<_>>();
    admin.put(&client, json!({ "redirectUris": huge })).await.is(400);
    admin.put(&client, json!({ "secret": "x".repeat(5000) })).await.is(400);
    assert_eq!(admin.read(&client).await, before);
    assert_eq!(ids(&admin.read("/r/clients?clientId=new").await), [""; 0]);

    admin.put(&client, json!({ "secret": "**********", "name": "N" })).await.is(204);
    let after = admin.read(&client).await;
    assert_eq!((&after["name"], &after["secret"], &after["redirectUris"]), (&json!("N"), &json!("s"), &before["redirectUris"]));
    // A switch has its effect at the next request.
    admin.put(&client, json!({ "serviceAccountsEnabled": true })).await.is(204);
    assert_eq!(admin.by_secret("c", "s").await, 200);
    admin.put(&client, json!({ "serviceAccountsEnabled": false })).await.is(204);
    assert_eq!(admin.by_secret("c", "s").await, 401);
}

#[tokio::test]
async fn descriptions_from_elsewhere_become_clients() {
    let admin = Administrator::with_realm().await;
    let convert = async |description: Value| admin.post("/r/client-description-converter", description).await;
    let described =
        convert(json!({ "client_name": "n", "redirect_uris": ["https://app.example/cb"], "grant_types": ["client_credentials"] }))
            .await
            .ok();
    let mut client = described.json().expect("a client");
    assert_eq!((&client["name"], &client["serviceAccountsEnabled"], &client["publicClient"]), (&json!("n"), &json!(true), &json!(false)));
    assert_eq!(admin.read("/r/clients?clientId=described").await, json!([]), "nothing was made");
    client["clientId"] = json!("described");
    client["secret"] = json!("s");
    assert_eq!(convert(client.clone()).await.ok().json(), Some(client.clone()), "a representation of Keycloak's stays as it is");
    admin.client(client).await;
    assert_eq!(admin.by_secret("described", "s").await, 200);
    for bad in [json!([]), json!({}), json!({ "redirect_uris": 1 }), json!({ "redirect_uris": [], "response_types": ["nope"] }), json!("x")]
    {
        convert(bad).await.says(400, json!({ "error": "Unsupported format" }));
    }
}
