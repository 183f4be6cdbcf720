//! Identity providers and their mappers, as data.

use serde_json::{Value, json};

use super::Administrator;
use crate::support::http::Request;

const INSTANCES: &str = "/r/identity-provider/instances";

fn provider(alias: &str) -> Value {
    json!({ "alias": alias, "providerId": "oidc", "config": {
        "clientId": "x", "clientSecret": "s3cret", "authorizationUrl": "https://idp.example/a", "tokenUrl": "https://idp.example/t" } })
}

fn aliases(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|one| one["alias"].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_provider_is_made_listed_changed_and_deleted() {
    let admin = Administrator::with_realm().await;
    assert_eq!(admin.create(INSTANCES, provider("ext")).await, "ext");
    let read = admin.read(&format!("{INSTANCES}/ext")).await;
    assert_eq!((&read["enabled"], &read["config"]["clientSecret"]), (&json!(true), &json!("**********")));
    assert_eq!(read.get("trustEmail"), None, "what nobody said is not shown");
    let by_id = format!("{INSTANCES}/{}", read["internalId"].as_str().expect("an id"));
    assert_eq!(admin.read(&by_id).await, read);

    let mut other = provider("other");
    other["enabled"] = json!(false);
    other["hideOnLogin"] = json!(true);
    other["displayName"] = json!("Other");
    admin.create(INSTANCES, other).await;
    assert_eq!(aliases(&admin.read(INSTANCES).await), ["ext", "other"]);
    assert_eq!(aliases(&admin.read(&format!("{INSTANCES}?search=oth&max=1")).await), ["other"]);
    assert_eq!(aliases(&admin.read(&format!("{INSTANCES}?first=1")).await), ["other"]);
    assert_eq!(aliases(&admin.read(&format!("{INSTANCES}?type=CLIENT_ASSERTION&search=*x*")).await), ["ext"]);
    let brief = admin.read(&format!("{INSTANCES}?briefRepresentation=true")).await;
    assert_eq!((&brief[1]["displayName"], &brief[1]["config"]), (&json!("Other"), &json!({})));
    assert_eq!(brief[1].get("hideOnLogin"), None);

    let mut changed = read.clone();
    changed["trustEmail"] = json!(true);
    changed["config"]["prompt"] = json!("login");
    admin.put(&format!("{INSTANCES}/ext"), changed).await.is(204);
    let after = admin.read(&format!("{INSTANCES}/ext")).await;
    assert_eq!(
        (&after["trustEmail"], &after["config"]["prompt"], &after["internalId"]),
        (&json!(true), &json!("login"), &read["internalId"])
    );
    admin.delete(&format!("{INSTANCES}/ext")).await.is(204);
    admin.get(&format!("{INSTANCES}/ext")).await.says(404, json!({ "error": "HTTP 404 Not Found" }));
    admin.delete(&format!("{INSTANCES}/ext")).await.is(404);
    admin.create(INSTANCES, provider("ext")).await;
}

/// Class 57: what is masked is shown nowhere.
#[tokio::test]
async fn the_secret_is_shown_nowhere() {
    let admin = Administrator::with_realm().await;
    admin.put("/r", json!({ "adminEventsEnabled": true, "adminEventsDetailsEnabled": true })).await.is(204);
    admin.create(INSTANCES, provider("ext")).await;
    let mut changed = admin.read(&format!("{INSTANCES}/ext")).await;
    changed["config"]["clientSecret"] = json!("n3w-s3cr3t");
    admin.put(&format!("{INSTANCES}/ext"), changed).await.is(204);
    for path in [INSTANCES, &format!("{INSTANCES}/ext"), &format!("{INSTANCES}?briefRepresentation=true"), "/r/admin-events", "/r"] {
        let text = admin.read(path).await.to_string();
        assert!(!text.contains("s3cret") && !text.contains("n3w-s3cr3t"), "{path}: {text}");
    }
}

#[tokio::test]
async fn bad_providers_are_refused_and_change_nothing() {
    let admin = Administrator::with_realm().await;
    admin.create(INSTANCES, provider("ext")).await;
    let before = admin.read(INSTANCES).await;
    let with = |name: &str, value: &str| {
        let mut given = provider("bad");
        given["config"][name] = json!(value);
        given
    };
    let message = |text: &str| json!({ "errorMessage": text });
    for (body, status, refusal) in [
        (provider("ext"), 409, message("Identity Provider ext already exists")),
        (provider("a b"), 400, json!({ "error": "Empty Space not allowed." })),
        (provider("a/b"), 400, json!({ "error": "Character '/' not allowed." })),
        (json!({ "providerId": "oidc" }), 400, message("path is null")),
        (json!({ "alias": "bad", "providerId": "nope" }), 400, message("Invalid identity provider id [nope]")),
        (json!({ "alias": "bad" }), 400, message("Invalid identity provider id [null]")),
        (with("tokenUrl", "javascript:x"), 400, message("The url [token_url] is malformed")),
        (with("jwksUrl", "nope"), 400, message("The url [jwks_url] is malformed")),
        (with("userInfoUrl", "ftp://x.example/"), 400, message("Invalid protocol/scheme for url [userinfo_url]")),
        (with("logoutUrl", "http://x.example/"), 400, message("The url [logout_url] requires secure connections")),
        (with("logoutUrl", "https://x.example/\tx"), 400, message("The url [logout_url] is malformed")),
        (with("pkceEnabled", "true"), 400, message("PKCE Method not supported: null")),
        (with("large", &"x".repeat(1 << 17)), 400, message("Configuration is too long")),
        (
            json!({ "alias": "bad", "providerId": "oidc", "firstBrokerLoginFlowAlias": "nope" }),
            400,
            message("No available authentication flow with alias: nope"),
        ),
    ] {
        admin.post(INSTANCES, body).await.says(status, refusal);
    }
    let mut renamed = provider("ext2");
    renamed["displayName"] = json!("x");
    admin
        .put(&format!("{INSTANCES}/ext"), renamed)
        .await
        .says(400, message("Identity Provider alias cannot be changed"));
    assert_eq!(admin.read(INSTANCES).await, before);
    // On the own network plain http is what `sslRequired: external` lets through.
    admin.post(INSTANCES, with("logoutUrl", "http://127.0.0.1:1/")).await.is(201);
    admin.put("/r", json!({ "sslRequired": "all" })).await.is(204);
    admin.put(&format!("{INSTANCES}/bad"), with("logoutUrl", "http://127.0.0.1:1/")).await.is(400);
}

#[tokio::test]
async fn mappers_belong_to_their_provider() {
    let admin = Administrator::with_realm().await;
    admin.create(INSTANCES, provider("ext")).await;
    let mappers = format!("{INSTANCES}/ext/mappers");
    let kind = "oidc-user-attribute-idp-mapper";
    let new = json!({ "name": "m", "identityProviderAlias": "somebody else's", "identityProviderMapper": kind, "config": { "claim": "x", "n": null } });
    let id = admin.create(&mappers, new.clone()).await;
    let read = admin.read(&format!("{mappers}/{id}")).await;
    let stored =
        json!({ "id": id, "name": "m", "identityProviderAlias": "ext", "identityProviderMapper": kind, "config": { "claim": "x" } });
    assert_eq!(read, stored);
    let refusal = json!({ "errorMessage": "Failed to add mapper 'm' to identity provider [oidc]." });
    admin.post(&mappers, new).await.says(400, refusal);
    let mut changed = read.clone();
    changed["name"] = json!("n");
    changed["config"] = json!({ "claim": "y" });
    admin.put(&format!("{mappers}/{id}"), changed).await.is(204);
    assert_eq!(admin.read(&mappers).await[0]["config"], json!({ "claim": "y" }));
    // Changing the provider leaves its mappers alone.
    admin.put(&format!("{INSTANCES}/ext"), provider("ext")).await.is(204);
    assert_eq!(admin.read(&mappers).await.as_array().map(Vec::len), Some(1));
    admin.delete(&format!("{mappers}/{id}")).await.is(204);
    admin.get(&format!("{mappers}/{id}")).await.says(404, json!({ "error": "Model not found" }));
    assert_eq!(admin.read(&mappers).await, json!([]));

    let types = admin.read(&format!("{INSTANCES}/ext/mapper-types")).await;
    assert_eq!(types[kind]["properties"][2]["defaultValue"], "false");
    assert!(types.get("saml-role-idp-mapper").is_none() && types.get("github-user-attribute-mapper").is_none());
}

/// Whoever makes another provider under the alias of a deleted one must not inherit its users.
#[tokio::test]
async fn deleting_a_provider_unlinks_its_users() {
    let admin = Administrator::with_realm().await;
    admin.create(INSTANCES, provider("ext")).await;
    admin.create(INSTANCES, provider("other")).await;
    let user = admin.create("/r/users", json!({ "username": "anna" })).await;
    for alias in ["ext", "other"] {
        let link = json!({ "userId": "1", "userName": "a" });
        admin.post(&format!("/r/users/{user}/federated-identity/{alias}"), link).await.is(204);
    }
    admin.delete(&format!("{INSTANCES}/ext")).await.is(204);
    admin.create(INSTANCES, provider("ext")).await;
    let links = admin.read(&format!("/r/users/{user}/federated-identity")).await;
    assert_eq!(links, json!([{ "identityProvider": "other", "userId": "1", "userName": "a" }]));
}

#[tokio::test]
async fn flows_and_providers_know_of_each_other() {
    let admin = Administrator::with_realm().await;
    let flows = "/r/authentication/flows";
    let flow = admin.create(flows, json!({ "alias": "first", "providerId": "basic-flow", "topLevel": true })).await;
    let mut given = provider("ext");
    given["firstBrokerLoginFlowAlias"] = json!("first");
    given["postBrokerLoginFlowAlias"] = json!("");
    admin.create(INSTANCES, given).await;
    admin
        .delete(&format!("{flows}/{flow}"))
        .await
        .says(409, json!({ "errorMessage": "Flow first is used by identity provider ext" }));
    admin.put(&format!("{flows}/{flow}"), json!({ "alias": "renamed" })).await.is(204);
    let read = admin.read(&format!("{INSTANCES}/ext")).await;
    assert_eq!((&read["firstBrokerLoginFlowAlias"], read.get("postBrokerLoginFlowAlias")), (&json!("renamed"), None));
    admin.delete(&format!("{INSTANCES}/ext")).await.is(204);
    admin.delete(&format!("{flows}/{flow}")).await.is(204);
}

/// Class 47: what is fetched for an administrator goes the same way out as everything else.
#[tokio::test]
async fn settings_are_read_from_what_a_provider_publishes_and_not_from_the_own_network() {
    let admin = Administrator::with_realm().await;
    let import = "/r/identity-provider/import-config";
    for url in ["http://127.0.0.1:1/x", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "nope"] {
        let answer = admin.post(import, json!({ "providerId": "oidc", "fromUrl": url })).await;
        assert_eq!(answer.status, 400, "{url}: {}", answer.text());
    }
    admin
        .post(import, json!({ "providerId": "oidc" }))
        .await
        .says(400, json!({ "error": "HTTP 400 Bad Request" }));
    admin.post(import, json!({ "providerId": "nope", "fromUrl": "https://x.example" })).await.is(400);
    admin.post(import, json!({ "providerId": "saml", "fromUrl": "https://x.example" })).await.is(501);

    let metadata = r#"{"issuer":"https://idp.example","token_endpoint":"https://idp.example/t","jwks_uri":"https://idp.example/k"}"#;
    let part = |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let upload = async |kind: &str, file: &str| {
        let body = format!("{}{}--b--\r\n", part("providerId", kind), part("file", file));
        let target = admin.app.target(&format!("/admin/realms{import}"));
        let mut request = Request::new("POST", target).bearer(&admin.token).header("content-type", "multipart/form-data; boundary=b");
        request.body = body.into_bytes();
        admin.app.send(&request).await
    };
    let settings = json!({ "issuer": "https://idp.example", "jwksUrl": "https://idp.example/k", "tokenUrl": "https://idp.example/t",
        "useJwksUrl": "true", "validateSignature": "true" });
    assert_eq!(upload("oidc", metadata).await.ok().json(), Some(settings));
    upload("oidc", "no metadata")
        .await
        .says(400, json!({ "error": "unknown_error", "error_description": "Cannot parse the JSON" }));
    upload("nope", metadata).await.is(400);

    let mut given = provider("ext");
    given["config"]["useJwksUrl"] = json!("true");
    given["config"]["jwksUrl"] = json!("https://127.0.0.1:1/certs");
    admin.create(INSTANCES, given).await;
    assert_eq!(admin.read(&format!("{INSTANCES}/ext/reload-keys")).await, json!(false));
    admin.get(&format!("{INSTANCES}/ext/export")).await.is(204);
    admin.create(INSTANCES, json!({ "alias": "saml", "providerId": "saml" })).await;
    admin.get(&format!("{INSTANCES}/saml/export")).await.is(404);
    admin.get(&format!("{INSTANCES}/ext/management/permissions")).await.is(501);
    assert_eq!(admin.read("/r/identity-provider/providers/oidc").await["name"], "OpenID Connect v1.0");
    admin.get("/r/identity-provider/providers/nope").await.is(400);
}
