//! Components: key providers seen in the JWKS and in tokens, user federations as data.

use serde_json::{Value, json};

use super::Administrator;
use crate::support::http::{Answer, Request};

const COMPONENTS: &str = "/r/components";
const KEYS: &str = "org.keycloak.keys.KeyProvider";
const USERS: &str = "org.keycloak.storage.UserStorageProvider";
const MAPPERS: &str = "org.keycloak.storage.ldap.mappers.LDAPStorageMapper";

impl Administrator {
    /// Makes a key provider; its id.
    async fn key(&self, kind: &str, config: Value) -> String {
        self.create(COMPONENTS, json!({ "name": kind, "providerId": kind, "providerType": KEYS, "config": config }))
            .await
    }

    /// The kids that the realm publishes.
    async fn published(&self) -> Vec<String> {
        let answer = self.app.send(&Request::new("GET", self.app.target("/realms/r/protocol/openid-connect/certs"))).await;
        let keys = answer.json().expect("a JWKS")["keys"].as_array().cloned().expect("keys");
        keys.iter().map(|key| key["kid"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The kid of the key that a provider has.
    async fn kid(&self, provider: &str) -> Option<String> {
        let keys = self.read("/r/keys").await;
        let key = keys["keys"].as_array().and_then(|keys| keys.iter().find(|key| key["providerId"] == provider))?;
        key["kid"].as_str().map(str::to_owned)
    }

    async fn direct_grant(&self, user: &str, more: &[(&str, &str)]) -> Answer {
        let form = [&[("grant_type", "password"), ("client_id", "admin-cli"), ("username", user), ("password", "secret")], more].concat();
        self.app.oidc("r", "token", &form).await
    }

    /// A user who can sign in with `secret`.
    async fn user(&self, name: &str, more: Value) -> String {
        let mut user = json!({ "username": name, "enabled": true, "email": format!("{name}@example.org"), "firstName": "A", "lastName": "B",
            "credentials": [{ "type": "password", "value": "secret" }] });
        if let Some(more) = more.as_object() {
            user["credentials"].as_array_mut().expect("a list").push(Value::Object(more.clone()));
        }
        self.create("/r/users", user).await
    }
}

/// The member `name` of a token's header.
fn header(token: &str, name: &str) -> String {
    use base64::Engine as _;
    let part = token.split('.').next().unwrap_or_default();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).expect("base64url");
    let header: Value = serde_json::from_slice(&bytes).expect("JSON");
    header[name].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_key_with_a_higher_priority_signs_at_once_and_a_passive_one_only_verifies() {
    let admin = Administrator::with_realm().await;
    admin.user("anna", json!(null)).await;
    let token = async || admin.direct_grant("anna", &[]).await.field("access_token");
    let accepted = async |token: &str| {
        let target = admin.app.target("/admin/realms/r/users/profile");
        admin.app.send(&Request::new("GET", target).bearer(token)).await.status
    };
    let before = token().await;
    let new = admin.key("rsa-generated", json!({ "priority": ["200"] })).await;
    let kid = admin.kid(&new).await.expect("a key");
    assert!(admin.published().await.contains(&kid));
    let signed = token().await;
    assert_eq!(header(&signed, "kid"), kid);
    assert_eq!(accepted(&before).await, 403, "the old key still verifies: the token is good, its owner is no administrator");

    let path = format!("{COMPONENTS}/{new}");
    let with = |config: Value| json!({ "name": "rsa", "providerId": "rsa-generated", "providerType": KEYS, "config": config });
    admin.put(&path, with(json!({ "priority": ["50"] }))).await.is(204);
    assert_eq!(header(&token().await, "kid"), header(&before, "kid"));
    assert_eq!(admin.kid(&new).await.as_deref(), Some(kid.as_str()), "the key is the same");
    admin.put(&path, with(json!({ "priority": ["200"], "active": ["false"] }))).await.is(204);
    assert_eq!(header(&token().await, "kid"), header(&before, "kid"));
    assert!(admin.published().await.contains(&kid));
    assert_eq!(accepted(&signed).await, 403);
    admin.put(&path, with(json!({ "priority": ["200"], "enabled": ["false"] }))).await.is(204);
    assert!(!admin.published().await.contains(&kid));
    assert_eq!(accepted(&signed).await, 401, "a disabled key verifies nothing");
    admin.delete(&path).await.is(204);
    assert_eq!(admin.kid(&new).await, None);
}

#[tokio::test]
async fn keys_of_every_kind_are_made_or_imported_and_none_is_shown() {
    let admin = Administrator::with_realm().await;
    admin.put("/r", json!({ "adminEventsEnabled": true, "adminEventsDetailsEnabled": true })).await.is(204);
    let user = admin.user("anna", json!(null)).await;
    assert!(!user.is_empty());
    let pem = include_str!("../../keys/test/rsa-1.b64").trim();
    for (kind, config, algorithm, published) in [
        ("ecdsa-generated", json!({ "ecdsaEllipticCurveKey": ["P-384"] }), "ES384", true),
        ("eddsa-generated", json!({}), "EdDSA", true),
        ("hmac-generated", json!({ "algorithm": ["HS256"], "secretSize": ["64"] }), "HS256", false),
        ("aes-generated", json!({ "secretSize": ["16"], "priority": ["200"] }), "AES", false),
        ("rsa-enc-generated", json!({ "algorithm": ["RSA-OAEP-256"] }), "RSA-OAEP-256", true),
        ("ecdh-generated", json!({ "ecdhAlgorithm": ["ECDH-ES"] }), "ECDH-ES", true),
        ("rsa", json!({ "privateKey": [pem], "algorithm": ["PS256"] }), "PS256", true),
    ] {
        let id = admin.key(kind, config).await;
        let kid = admin.kid(&id).await.unwrap_or_else(|| panic!("{kind} has no key"));
        let keys = admin.read("/r/keys").await;
        assert_eq!(keys["active"][algorithm], json!(kid), "{kind}");
        assert_eq!(admin.published().await.contains(&kid), published, "{kind}");
        // The key is no part of what an administrator reads, and sending that back keeps it.
        let read = admin.read(&format!("{COMPONENTS}/{id}")).await;
        for name in ["privateKey", "secret", "ecdsaPrivateKey", "eddsaPrivateKey", "ecdhPrivateKey"] {
            assert!(read["config"].get(name).is_none_or(|value| *value == json!(["**********"])), "{kind}: {read}");
        }
        admin.put(&format!("{COMPONENTS}/{id}"), read).await.is(204);
        assert_eq!(admin.kid(&id).await, Some(kid), "{kind}");
    }
    // What is signed with a new key: the access token of a client that asks for its algorithm.
    let client = json!({ "clientId": "es", "publicClient": true, "directAccessGrantsEnabled": true,
        "attributes": { "access.token.signed.response.alg": "ES384" } });
    admin.create("/r/clients", client).await;
    let form = [("grant_type", "password"), ("client_id", "es"), ("username", "anna"), ("password", "secret")];
    let token = admin.app.oidc("r", "token", &form).await.field("access_token");
    assert_eq!(header(&token, "alg"), "ES384");
    assert!(!admin.read("/r/admin-events?max=100").await.to_string().contains(&pem[100..140]));
}

#[tokio::test]
async fn bad_components_are_refused_and_change_nothing() {
    let admin = Administrator::with_realm().await;
    let before = admin.read(COMPONENTS).await;
    let key = |kind: &str, config: Value| json!({ "name": "x", "providerId": kind, "providerType": KEYS, "config": config });
    let ldap = |config: Value| json!({ "name": "x", "providerId": "ldap", "providerType": USERS, "config": config });
    let (no_provider, no_parent) = (
        json!({ "error": "Invalid provider type or no such provider" }),
        json!({ "error": "There is no such parent for a component of this type" }),
    );
    let message = |text: &str| json!({ "errorMessage": text });
    for (body, refusal) in [
        (key("nope", json!({})), no_provider.clone()),
        (json!({ "providerId": "rsa", "providerType": "nope" }), no_provider.clone()),
        (key("java-keystore", json!({ "keystore": ["/etc/passwd"] })), no_provider.clone()),
        (key("rsa", json!({ "privateKey": ["garbage"] })), message("Failed to decode private key")),
        (key("rsa-generated", json!({ "keySize": ["1024"] })), message("'Key size' should be 2048, 3072 or 4096")),
        (key("hmac-generated", json!({ "secretSize": ["7"] })), message("'Secret size' should be 16, 24, 32, 64, 128, 256 or 512")),
        (key("aes-generated", json!({ "priority": ["high"] })), message("'Priority' should be a number")),
        (ldap(json!({})), message("Edit Mode is mandatory")),
        (ldap(json!({ "editMode": ["NOPE"] })), no_provider.clone()),
        (ldap(json!({ "editMode": ["READ_ONLY"], "x": ["x".repeat(1 << 17)] })), message("Configuration is too long")),
        (
            json!({ "name": "m", "providerId": "user-attribute-ldap-mapper", "providerType": MAPPERS, "config": {
            "user.model.attribute": ["a"], "ldap.attribute": ["b"] } }),
            no_parent.clone(),
        ),
        (json!({ "name": "m", "providerId": "nope", "providerType": MAPPERS }), no_provider),
        (json!({ "name": "k", "providerId": "aes-generated", "providerType": KEYS, "parentId": "nope" }), no_parent),
    ] {
        admin.post(COMPONENTS, body).await.says(400, refusal);
    }
    assert_eq!(admin.read(COMPONENTS).await, before);
}

#[tokio::test]
async fn a_federation_is_kept_with_its_mappers_and_goes_with_them() {
    let admin = Administrator::with_realm().await;
    let config = json!({ "editMode": ["READ_ONLY"], "bindCredential": ["s3cret"], "usernameLDAPAttribute": ["uid"] });
    let id = admin
        .create(COMPONENTS, json!({ "name": "ldap", "providerId": "ldap", "providerType": USERS, "config": config }))
        .await;
    assert_eq!(id.len(), 22);
    let path = format!("{COMPONENTS}/{id}");
    let read = admin.read(&path).await;
    assert_eq!(
        (&read["config"]["bindCredential"], &read["config"]["krbPrincipalAttribute"]),
        (&json!(["**********"]), &json!(["krb5PrincipalName"]))
    );
    let mappers = admin.read(&format!("{COMPONENTS}?parent={id}")).await;
    assert_eq!(mappers.as_array().map(Vec::len), Some(7));
    let types = admin.read(&format!("{path}/sub-component-types?type={MAPPERS}")).await;
    assert_eq!(types.as_array().map(Vec::len), Some(12));
    assert_eq!(types[2]["metadata"]["fedToKeycloakSyncMessage"], "sync-ldap-groups-to-keycloak");
    admin.get(&format!("{path}/sub-component-types?type=x")).await.is(400);

    let new = json!({ "name": "phone", "providerId": "user-attribute-ldap-mapper", "providerType": MAPPERS, "parentId": id,
        "config": { "user.model.attribute": ["phone"], "ldap.attribute": ["telephoneNumber"] } });
    let mapper = admin.create(COMPONENTS, new).await;
    assert_eq!(admin.read(&format!("{COMPONENTS}/{mapper}")).await["parentId"], json!(id));
    admin.post(&format!("/r/user-storage/{id}/sync?action=triggerFullSync"), json!(null)).await.is(501);
    admin.delete(&path).await.is(204);
    assert_eq!(admin.read(&format!("{COMPONENTS}?parent={id}")).await, json!([]));
    admin.get(&format!("{COMPONENTS}/{mapper}")).await.is(404);
}

/// Whoever leaves a directory behind keeps its users, or not.
#[tokio::test]
async fn users_of_a_federation_show_it_and_are_parted_from_it() {
    let admin = Administrator::with_realm().await;
    let federation = json!({ "name": "ldap", "providerId": "ldap", "providerType": USERS, "config": { "editMode": ["READ_ONLY"] } });
    let (ours, other) = (admin.create(COMPONENTS, federation.clone()).await, admin.create(COMPONENTS, federation).await);
    let bring = async |names: &[&str], from: &str| {
        let users: Vec<_> = names.iter().map(|name| json!({ "username": name, "enabled": true, "federationLink": from })).collect();
        admin.post("/r/partialImport", json!({ "ifResourceExists": "FAIL", "users": users })).await.is(200);
    };
    bring(&["lia", "leo"], &ours).await;
    bring(&["oda"], &other).await;
    let whose = async || {
        let users = admin.read("/r/users?briefRepresentation=true").await;
        let shown = |user: &Value| (user["username"].as_str().map(str::to_owned), user["federationLink"].as_str().map(str::to_owned));
        users.as_array().expect("a list").iter().map(shown).collect::<Vec<_>>()
    };
    let named = |name: &str, from: Option<&str>| (Some(name.to_owned()), from.map(str::to_owned));
    assert_eq!(whose().await, [named("leo", Some(&ours)), named("lia", Some(&ours)), named("oda", Some(&other))]);
    let lia = admin.read("/r/users?username=lia&exact=true").await[0].clone();
    assert_eq!((&lia["origin"], &lia["federationLink"]), (&json!(ours), &json!(ours)));

    let at = |id: &str, what: &str| format!("/r/user-storage/{id}/{what}");
    admin.post(&at(&ours, "unlink-users"), json!(null)).await.is(204);
    assert_eq!(whose().await, [named("leo", None), named("lia", None), named("oda", Some(&other))]);
    admin.post(&at(&ours, "remove-imported-users"), json!(null)).await.is(204);
    admin.post(&at(&other, "remove-imported-users"), json!(null)).await.is(204);
    assert_eq!(whose().await, [named("leo", None), named("lia", None)], "those who were unlinked stay");
    let key = admin.read(&format!("{COMPONENTS}?type={KEYS}")).await[0]["id"].as_str().expect("an id").to_owned();
    for id in ["nope", &key] {
        admin
            .post(&at(id, "unlink-users"), json!(null))
            .await
            .says(404, json!({ "error": "Could not find component" }));
    }
}

/// The requirement of the one-time password in the direct-grant flow is what the password grant asks for.
#[tokio::test]
async fn the_direct_grant_flow_decides_about_the_one_time_password() {
    let admin = Administrator::with_realm().await;
    let generator = json!({ "type": "otp", "secretData": "{\"value\":\"abcdefghijklmnop\"}",
        "credentialData": "{\"subType\":\"totp\",\"digits\":6,\"counter\":0,\"period\":30,\"algorithm\":\"HmacSHA1\"}" });
    admin.user("anna", json!(null)).await;
    admin.user("tina", generator).await;
    let signs_in = async |user: &str| admin.direct_grant(user, &[]).await.status == 200;
    let require = async |flow: &str, place: usize, requirement: &str| {
        let path = format!("/r/authentication/flows/{flow}/executions");
        let mut step = admin.read(&path).await[place].clone();
        step["requirement"] = json!(requirement);
        admin.put(&path, step).await.is(204);
    };
    assert_eq!((signs_in("anna").await, signs_in("tina").await), (true, false), "asked of who has a generator");
    require("direct%20grant", 2, "DISABLED").await;
    assert_eq!((signs_in("anna").await, signs_in("tina").await), (true, true), "asked of nobody");
    require("direct%20grant", 2, "REQUIRED").await;
    assert_eq!((signs_in("anna").await, signs_in("tina").await), (false, false), "asked of everybody");

    // A client with a flow of its own, without one.
    admin.post("/r/authentication/flows/direct%20grant/copy", json!({ "newName": "light" })).await.is(201);
    require("light", 2, "DISABLED").await;
    let flows = admin.read("/r/authentication/flows").await;
    let light = flows.as_array().and_then(|flows| flows.iter().find(|flow| flow["alias"] == "light")).expect("the flow")["id"].clone();
    let client = json!({ "clientId": "light", "publicClient": true, "directAccessGrantsEnabled": true,
        "authenticationFlowBindingOverrides": { "direct_grant": light } });
    admin.create("/r/clients", client).await;
    let form = [("grant_type", "password"), ("client_id", "light"), ("username", "tina"), ("password", "secret")];
    admin.app.oidc("r", "token", &form).await.is(200);

    // A step that nobody passes.
    let flow = "/r/authentication/flows";
    admin
        .create(&format!("{flow}/light/executions/execution"), json!({ "provider": "deny-access-authenticator" }))
        .await;
    admin.app.oidc("r", "token", &form).await.is(200);
    let steps = admin.read(&format!("{flow}/light/executions")).await;
    let last = steps.as_array().map_or(0, Vec::len) - 1;
    require("light", last, "REQUIRED").await;
    let refused = admin.app.oidc("r", "token", &form).await;
    assert_eq!((refused.status, refused.field("error_description").as_str()), (400, "Invalid user credentials"));
}
