//! Client policies: what is accepted as one, and what each does, against the answers of a real Keycloak
//! (`tests/fixtures/client-policies.json`, taken from the recordings; a row that it answers with 500 is left out).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Administrator;
use crate::support::http::Request;

const REDIRECTS: [&str; 2] = ["http://127.0.0.1:9999/cb", "http://127.0.0.1:9999/cb/*"];

impl Administrator {
    async fn put_profiles(&self, profiles: Value) -> crate::support::http::Answer {
        self.put("/r/client-policies/profiles", json!({ "profiles": profiles })).await
    }

    async fn put_policies(&self, policies: Value) -> crate::support::http::Answer {
        self.put("/r/client-policies/policies", json!({ "policies": policies })).await
    }

    /// One policy with one executor under one condition.
    async fn enforce(&self, executor: &str, configuration: &Value, condition: &str, when: Value) {
        let executors = json!([{ "executor": executor, "configuration": configuration }]);
        self.put_profiles(json!([{ "name": "x", "executors": executors }])).await.is(204);
        let conditions = json!([{ "condition": condition, "configuration": when }]);
        self.put_policies(json!([{ "name": "p", "enabled": true, "conditions": conditions, "profiles": ["x"] }]))
            .await
            .is(204);
    }

    async fn grant(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let answer = self.app.oidc("r", "token", form).await;
        (answer.status, answer.json().unwrap_or_default())
    }
}

/// A client with a secret and every flow, and a user.
async fn with_client_and_user() -> (Administrator, String) {
    let admin = Administrator::with_realm().await;
    let client = json!({
        "clientId": "pc", "secret": "pc-secret", "enabled": true, "protocol": "openid-connect", "publicClient": false,
        "directAccessGrantsEnabled": true, "serviceAccountsEnabled": true, "implicitFlowEnabled": true, "redirectUris": REDIRECTS, "webOrigins": ["+"],
    });
    let id = admin.create("/r/clients", client).await;
    let user = json!({
        "username": "alice", "enabled": true, "email": "alice@example.org", "firstName": "A", "lastName": "B",
        "credentials": [{ "type": "password", "value": "pw-alice" }],
    });
    admin.create("/r/users", user).await;
    (admin, id)
}

#[tokio::test]
async fn profiles_and_policies_are_stored_when_everything_that_they_name_exists() {
    let admin = Administrator::with_realm().await;
    let unknown = json!([{ "name": "x", "executors": [{ "executor": "nope", "configuration": {} }] }]);
    let text = "proposed client profile contains the executor, which does not have valid provider, or has invalid configuration.";
    admin.put_profiles(unknown).await.says(400, json!({ "errorMessage": text }));
    let twice = admin.put_profiles(json!([{ "name": "x" }, { "name": "x" }])).await;
    twice.says(400, json!({ "errorMessage": "proposed client profile name duplicated." }));
    let global = admin.put_profiles(json!([{ "name": "fapi-1-baseline" }])).await;
    global.says(400, json!({ "errorMessage": "Proposed profile name 'fapi-1-baseline' is duplicated as a global profile" }));
    admin
        .put_profiles(json!([{}]))
        .await
        .says(400, json!({ "errorMessage": "client profile without its name not allowed." }));
    admin.put("/r/client-policies/profiles", json!({})).await.is(204);
    let misspelt = admin.put("/r/client-policies/profiles", json!({ "nope": 1 })).await;
    let text = "Invalid json representation for ClientProfilesRepresentation. Unrecognized field \"nope\" at line 1 column 10.";
    misspelt.says(400, json!({ "error": text }));

    let stored = json!([{ "name": "x", "executors": [{ "executor": "pkce-enforcer", "configuration": { "auto-configure": "true" } }] }]);
    admin.put_profiles(stored.clone()).await.is(204);
    assert_eq!(admin.read("/r/client-policies/profiles").await, json!({ "profiles": stored }));
    let all = admin.read("/r/client-policies/profiles?include-global-profiles=true").await;
    assert_eq!(all["globalProfiles"].as_array().map(Vec::len), Some(10));

    let policy = |condition: &str, profile: &str| json!([{ "name": "p", "enabled": true, "conditions": [{ "condition": condition, "configuration": {} }], "profiles": [profile] }]);
    admin
        .put_policies(policy("any-client", "nope"))
        .await
        .says(400, json!({ "errorMessage": "Policy p contains invalid profile nope" }));
    admin
        .put_policies(policy("nope", "x"))
        .await
        .says(400, json!({ "errorMessage": "Policy p contains invalid condition nope" }));
    admin.put_policies(policy("any-client", "x")).await.is(204);
    assert_eq!(admin.read("/r/client-policies/policies").await, json!({ "policies": policy("any-client", "x") }));
    admin.put_policies(policy("any-client", "fapi-1-baseline")).await.is(204);
    admin.put_profiles(json!([])).await.is(204);
}

#[tokio::test]
async fn every_executor_answers_as_keycloaks_does() {
    let probes: Vec<Value> = serde_json::from_str(include_str!("../fixtures/client-policies.json")).expect("the fixture");
    assert_eq!(probes.len(), 22);
    let mut wrong = Vec::new();
    let mut asked = 0;
    for probe in &probes {
        let answers = ask_everything(probe["executor"].as_str().expect("a name"), &probe["configuration"]).await;
        for (what, expected) in probe["answers"].as_object().expect("answers") {
            let Some((_, status, body)) = answers.iter().find(|(name, ..)| name == what) else {
                wrong.push(format!("{}: {what} was not asked", probe["executor"]));
                continue;
            };
            asked += 1;
            let fits = expected[0] == *status && (expected[1].is_null() || expected[1] == *body);
            if !fits {
                wrong.push(format!("{} {}: {what}: {expected} but {status} {body}", probe["executor"], probe["configuration"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{asked} asked\n{}", wrong.join("\n"));
    assert!(asked > 120, "{asked}");
}

/// What the recordings asked of one executor: names, statuses and bodies.
async fn ask_everything(executor: &str, configuration: &Value) -> Vec<(String, u16, Value)> {
    let (admin, pc) = with_client_and_user().await;
    let access = admin.post("/r/clients-initial-access", json!({ "count": 5 })).await.field("token");
    let old = admin.read(&format!("/r/clients/{pc}")).await;
    admin.enforce(executor, configuration, "any-client", json!({})).await;
    let mut answers = Vec::new();
    let bodies = [
        (
            "confidential",
            json!({ "clientId": "t1", "secret": "s", "redirectUris": ["http://a.example/*"], "publicClient": false, "implicitFlowEnabled": true,
                "directAccessGrantsEnabled": true, "rootUrl": "http://a.example" }),
        ),
        ("public", json!({ "clientId": "t2", "publicClient": true, "redirectUris": ["https://a.example/cb"] })),
    ];
    for (kind, body) in bodies {
        let made = admin.post("/r/clients", body).await;
        let shown = if made.status == 201 { Value::Null } else { made.json().unwrap_or_default() };
        answers.push((format!("admin creates a {kind} client"), made.status, shown));
        let Some(id) = made.header("location").and_then(|location| location.rsplit('/').next().map(str::to_owned)) else { continue };
        let path = format!("/r/clients/{id}");
        let seen = admin.read(&path).await;
        answers.push((format!("the {kind} client as made"), 200, view(&seen)));
        admin.delete(&path).await.is(204);
    }
    let read = admin.get(&format!("/r/clients/{pc}")).await;
    answers.push(("admin reads a client".into(), read.status, read.json().unwrap_or_default()));
    let updated = admin.put(&format!("/r/clients/{pc}"), old).await;
    answers.push(("admin updates a client unchanged".into(), updated.status, updated.json().unwrap_or_default()));
    let metadata = json!({ "redirect_uris": ["https://a.example/cb"], "grant_types": ["authorization_code", "implicit"],
        "response_types": ["code", "id_token token"] });
    let target = admin.app.target("/realms/r/clients-registrations/openid-connect");
    let registered = admin.app.send(&Request::new("POST", target).bearer(&access).json(&metadata)).await;
    answers.push(("registration".into(), registered.status, registered.json().unwrap_or_default()));
    let client = [("client_id", "pc"), ("client_secret", "pc-secret")];
    let password = [("grant_type", "password"), ("username", "alice"), ("password", "pw-alice"), ("scope", "openid")];
    let (status, body) = admin.grant(&[&client[..], &password].concat()).await;
    answers.push(("password grant".into(), status, body));
    let (status, body) = admin.grant(&[&client[..], &[("grant_type", "client_credentials")]].concat()).await;
    answers.push(("client_credentials".into(), status, body));
    answers
}

/// What the recordings kept of a client.
fn view(client: &Value) -> Value {
    let names = [
        "clientAuthenticatorType",
        "publicClient",
        "implicitFlowEnabled",
        "directAccessGrantsEnabled",
        "fullScopeAllowed",
        "consentRequired",
        "standardFlowEnabled",
        "attributes",
    ];
    let mut seen: serde_json::Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), client[name].clone())).collect();
    if let Some(attributes) = seen.get_mut("attributes").and_then(Value::as_object_mut) {
        attributes.remove("client.secret.creation.time");
    }
    Value::Object(seen)
}

#[tokio::test]
async fn a_policy_judges_only_where_its_conditions_hold() {
    let (admin, _) = with_client_and_user().await;
    let client = [("client_id", "pc"), ("client_secret", "pc-secret")];
    let password = [&client[..], &[("grant_type", "password"), ("username", "alice"), ("password", "pw-alice")]].concat();
    let offline = [&password[..], &[("scope", "openid offline_access")]].concat();
    let own = [&client[..], &[("grant_type", "client_credentials")]].concat();
    // Condition, its settings, and what is refused: a password grant, one with offline access, client credentials.
    for (condition, when, refused) in [
        ("client-access-type", json!({ "type": ["public"] }), [false, false, false]),
        ("client-access-type", json!({ "type": ["confidential"] }), [true, true, true]),
        ("client-access-type", json!({ "type": ["public"], "is-negative-logic": true }), [true, true, true]),
        ("grant-type", json!({ "grant_types": ["password"] }), [true, true, false]),
        ("client-scopes", json!({ "type": "Optional", "scopes": ["offline_access"] }), [false, true, false]),
        ("client-scopes", json!({ "type": "Default", "scopes": ["email"] }), [true, true, true]),
        ("client-roles", json!({ "roles": ["nope"] }), [false, false, false]),
        ("client-attributes", json!({ "attributes": "[{\"key\":\"realm_client\",\"value\":\"false\"}]" }), [true, true, true]),
        ("client-updater-context", json!({ "update-client-source": ["ByAuthenticatedUser"] }), [false, false, false]),
    ] {
        admin.enforce("reject-request", &json!({}), condition, when.clone()).await;
        let mut seen = Vec::new();
        for form in [&password, &offline, &own] {
            seen.push(admin.grant(form).await.0 == 400);
        }
        assert_eq!(seen, refused, "{condition} {when}");
    }
}

#[tokio::test]
async fn who_changes_a_client_is_a_condition_and_a_token_may_be_kept() {
    let admin = Administrator::with_realm().await;
    let access = admin.post("/r/clients-initial-access", json!({ "count": 5 })).await.field("token");
    let by = json!({ "update-client-source": ["ByInitialAccessToken"] });
    admin.enforce("reject-request", &json!({}), "client-updater-context", by).await;
    admin.create("/r/clients", json!({ "clientId": "by-admin" })).await;
    let target = admin.app.target("/realms/r/clients-registrations/openid-connect");
    let register = Request::new("POST", target.clone()).bearer(&access).json(&json!({}));
    admin.app.send(&register).await.is_refused("insufficient_scope", "invalid_request");

    admin.enforce("registration-access-token-rotation-disabled", &json!({}), "any-client", json!({})).await;
    let made = admin.app.send(&register).await;
    let (id, token) = (made.field("client_id"), made.field("registration_access_token"));
    for name in ["one", "two"] {
        let change = Request::new("PUT", format!("{target}/{id}"))
            .bearer(&token)
            .json(&json!({ "client_id": id, "client_name": name }));
        admin.app.send(&change).await.ok();
    }
}

/// Where Keycloak triggers them: introspection, revocation, logout by refresh token, userinfo.
#[tokio::test]
async fn policies_judge_what_is_done_with_tokens_as_well() {
    let (admin, _) = with_client_and_user().await;
    let client = [("client_id", "pc"), ("client_secret", "pc-secret")];
    let password =
        [&client[..], &[("grant_type", "password"), ("username", "alice"), ("password", "pw-alice"), ("scope", "openid")]].concat();
    let tokens = admin.grant(&password).await.1;
    let token = |name: &str| tokens[name].as_str().expect("a token").to_owned();
    let (access, refresh) = (token("access_token"), token("refresh_token"));
    let use_it = async |endpoint: &str, name: &str, token: &str| {
        let form = [&client[..], &[(name, token)]].concat();
        let answer = admin.app.oidc("r", endpoint, &form).await;
        (answer.status, answer.json().unwrap_or_default()["error_description"].as_str().unwrap_or_default().to_owned())
    };
    let userinfo = async || {
        let target = admin.app.target("/realms/r/protocol/openid-connect/userinfo");
        admin.app.send(&Request::new("GET", target).bearer(&access)).await
    };
    let uses = [("token/introspect", "token", &access), ("revoke", "token", &access), ("logout", "refresh_token", &refresh)];

    admin.enforce("reject-request", &json!({}), "any-client", json!({})).await;
    for (endpoint, name, token) in uses {
        assert_eq!(use_it(endpoint, name, token).await, (400, "Request not allowed".to_owned()), "{endpoint}");
    }
    let refused = userinfo().await;
    let expected = "Bearer realm=\"r\", error=\"invalid_request\", error_description=\"Request not allowed\"";
    assert_eq!((refused.status, refused.header("www-authenticate")), (400, Some(expected)));
    // A condition about the client holds there, too; one about a grant has nothing to say.
    admin.enforce("reject-request", &json!({}), "client-access-type", json!({ "type": ["public"] })).await;
    assert_eq!(use_it("token/introspect", "token", &access).await.0, 200);
    admin.enforce("reject-request", &json!({}), "grant-type", json!({ "grant_types": ["password"] })).await;
    userinfo().await.ok();

    let signed = json!({ "allowed-client-authenticators": ["client-jwt"], "default-client-authenticator": "client-jwt" });
    admin.enforce("secure-client-authenticator", &signed, "any-client", json!({})).await;
    let text = "Configured client authentication method not allowed for client";
    for (endpoint, name, token) in uses {
        assert_eq!(use_it(endpoint, name, token).await, (400, text.to_owned()), "{endpoint}");
    }
    userinfo().await.ok();
    admin.put_policies(json!([])).await.is(204);
    assert_eq!(use_it("token/introspect", "token", &access).await.0, 200, "nothing was revoked");
    assert_eq!(use_it("logout", "refresh_token", &refresh).await.0, 204);
}

/// As recorded: `onltro`, and neither subject nor roles in the access token; the ID token says all as before.
#[tokio::test]
async fn a_policy_makes_access_tokens_lightweight() {
    let (admin, _) = with_client_and_user().await;
    let client = [("client_id", "pc"), ("client_secret", "pc-secret")];
    let password =
        [&client[..], &[("grant_type", "password"), ("username", "alice"), ("password", "pw-alice"), ("scope", "openid")]].concat();
    let claims = |tokens: &Value, name: &str| {
        let payload = tokens[name].as_str().and_then(|token| token.split('.').nth(1)).expect("a token");
        serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("claims")
    };
    admin.enforce("use-lightweight-access-token", &json!({}), "any-client", json!({})).await;
    let tokens = admin.grant(&password).await.1;
    let access = claims(&tokens, "access_token");
    let names: Vec<&str> = access.as_object().expect("claims").keys().map(String::as_str).collect();
    assert_eq!(names, ["exp", "iat", "jti", "iss", "typ", "azp", "sid", "scope"]);
    assert!(access["jti"].as_str().is_some_and(|jti| jti.starts_with("onltro:")), "{access}");
    assert_eq!(claims(&tokens, "id_token")["preferred_username"], "alice");
    let own = admin.grant(&[&client[..], &[("grant_type", "client_credentials")]].concat()).await.1;
    assert!(claims(&own, "access_token")["jti"].as_str().is_some_and(|jti| jti.starts_with("trltcc:")));
    let refresh =
        [&client[..], &[("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().expect("a token"))]].concat();
    assert!(claims(&admin.grant(&refresh).await.1, "access_token")["sub"].is_null());
    admin.put_policies(json!([])).await.is(204);
    assert!(claims(&admin.grant(&refresh).await.1, "access_token")["sub"].is_string());
}

#[tokio::test]
async fn a_registration_policy_is_stored_when_its_settings_mean_something() {
    let admin = Administrator::with_realm().await;
    let all = admin
        .read("/r/components?type=org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy")
        .await;
    let find = |provider: &str| {
        let found = all
            .as_array()
            .expect("components")
            .iter()
            .find(|one| one["providerId"] == provider && one["subType"] == "anonymous");
        found.expect("the policy").clone()
    };
    let put = async |provider: &str, config: Value| {
        let mut policy = find(provider);
        policy["config"] = config;
        admin.put(&format!("/r/components/{}", policy["id"].as_str().expect("an id")), policy).await
    };
    let (sender, uris) = ("host-sending-registration-request-must-match", "client-uris-must-match");
    let off = "At least one of hosts verification or client URIs validation must be enabled";
    for (provider, config, text) in [
        ("trusted-hosts", json!({ sender: ["false"], uris: ["false"] }), off),
        ("trusted-hosts", json!({ sender: ["true"] }), "'client-uris-must-match.label' is required"),
        (
            "trusted-hosts",
            json!({ sender: ["perhaps"], uris: ["true"] }),
            "'host-sending-registration-request-must-match.label' should be 'true' or 'false'",
        ),
        ("max-clients", json!({}), "'max-clients.label' is required"),
        ("max-clients", json!({ "max-clients": ["many"] }), "'max-clients.label' should be a number"),
        ("allowed-client-templates", json!({ "allow-default-scopes": ["x"] }), "'allow-default-scopes.label' should be 'true' or 'false'"),
    ] {
        put(provider, config).await.says(400, json!({ "errorMessage": text }));
    }
    assert_eq!(
        admin.read(&format!("/r/components/{}", find("max-clients")["id"].as_str().expect("an id"))).await["config"],
        json!({ "max-clients": ["200"] })
    );
    put("max-clients", json!({ "max-clients": ["7"] })).await.is(204);
    put("trusted-hosts", json!({ sender: ["false"], uris: ["true"], "trusted-hosts": ["*.example.org"] }))
        .await
        .is(204);
    let new =
        json!({ "name": "x", "providerId": "max-clients", "providerType": find("max-clients")["providerType"], "subType": "anonymous" });
    admin.post("/r/components", new).await.says(400, json!({ "errorMessage": "'max-clients.label' is required" }));
}
