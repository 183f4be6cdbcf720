//! Clients that register and look after themselves: RFC 7591, RFC 7592, and the policies of the realm.

use serde_json::{Value, json};

use crate::admin::Administrator;
use crate::support::http::{Answer, Request};

const CALLBACK: &str = "https://app.example/cb";

/// A realm with registration, as an applicant sees it.
struct Registry {
    admin: Administrator,
}

impl Registry {
    async fn new() -> Self {
        Self { admin: Administrator::with_realm().await }
    }

    async fn initial_access(&self, count: i32, expiration: i32) -> Value {
        let wanted = json!({ "count": count, "expiration": expiration });
        let answer = self.admin.post("/r/clients-initial-access", wanted).await;
        answer.is(201);
        answer.json().expect("the token")
    }

    async fn token(&self, count: i32) -> String {
        self.initial_access(count, 0).await["token"].as_str().expect("a token").to_owned()
    }

    async fn ask(&self, method: &str, path: &str, bearer: Option<&str>, body: Option<&Value>) -> Answer {
        let target = self.admin.app.target(&format!("/realms/r/clients-registrations/{path}"));
        let request = bearer.into_iter().fold(Request::new(method, target), Request::bearer);
        self.admin.app.send(&body.into_iter().fold(request, Request::json)).await
    }

    async fn register(&self, token: &str, metadata: Value) -> Answer {
        self.ask("POST", "openid-connect", Some(token), Some(&metadata)).await
    }

    /// The client as an administrator sees it.
    async fn client(&self, client_id: &str) -> Value {
        self.admin.read(&format!("/r/clients?clientId={client_id}")).await[0].clone()
    }

    /// Changes the anonymous policy of this provider.
    async fn set_policy(&self, audience: &str, provider: &str, config: Value) {
        let all = self.admin.read("/r/components").await;
        let is_it = |policy: &&Value| policy["providerId"] == provider && policy["subType"] == audience;
        let mut policy = all.as_array().expect("components").iter().find(is_it).expect("the policy").clone();
        policy["config"] = config;
        let path = format!("/r/components/{}", policy["id"].as_str().expect("an id"));
        self.admin.put(&path, policy).await.is(204);
    }

    /// Anonymous registration from this machine for apps on `localhost`.
    async fn trust_localhost(&self) {
        self.set_policy(
            "anonymous",
            "trusted-hosts",
            json!({ "trusted-hosts": ["127.0.0.1", "localhost"],
            "host-sending-registration-request-must-match": ["true"], "client-uris-must-match": ["true"] }),
        )
        .await;
    }
}

#[tokio::test]
async fn a_client_registers_gets_tokens_changes_itself_and_goes() {
    let registry = Registry::new().await;
    let metadata = json!({ "client_name": "App", "redirect_uris": [CALLBACK], "grant_types": ["client_credentials"] });
    let made = registry.register(&registry.token(1).await, metadata).await;
    made.is(201);
    let (id, secret) = (made.field("client_id"), made.field("client_secret"));
    assert!(
        made.header("location")
            .is_some_and(|location| location.ends_with(&format!("/clients-registrations/openid-connect/{id}")))
    );

    let form = [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", &secret)];
    registry.admin.app.oidc("r", "token", &form).await.ok();

    let first = made.field("registration_access_token");
    let path = format!("openid-connect/{id}");
    let seen = registry.ask("GET", &path, Some(&first), None).await.ok();
    assert_eq!(seen.field("client_name"), "App");

    let mut changed = seen.json().expect("metadata");
    changed["client_name"] = json!("App 2");
    let answer = registry.ask("PUT", &path, Some(&first), Some(&changed)).await.ok();
    assert_eq!(registry.client(&id).await["name"], "App 2");
    let stale = registry.ask("PUT", &path, Some(&first), Some(&changed)).await;
    stale.is_refused("invalid_token", "Not authorized to update client. Maybe missing token or bad token type.");

    let next = answer.field("registration_access_token");
    registry.ask("DELETE", &path, Some(&next), None).await.is(204);
    assert_eq!(registry.client(&id).await, Value::Null);
    registry.admin.app.oidc("r", "token", &form).await.is(401);
}

#[tokio::test]
async fn an_initial_access_makes_as_many_clients_as_it_is_for_whoever_comes_at_once() {
    let registry = Registry::new().await;
    let access = registry.initial_access(5, 0).await;
    let token = access["token"].as_str().expect("a token");
    let attempts = (0..20).map(|_| registry.register(token, json!({ "redirect_uris": [CALLBACK] })));
    let answers = futures_util::future::join_all(attempts).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!((made, refused), (5, 15), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    let left = registry.admin.read("/r/clients-initial-access").await;
    assert_eq!((&left[0]["count"], &left[0]["remainingCount"]), (&json!(5), &json!(0)));
    registry
        .register(token, json!({}))
        .await
        .is_refused("invalid_token", "No remaining count on initial access token");
}

#[tokio::test]
async fn of_two_changes_with_one_registration_token_one_is_made() {
    let registry = Registry::new().await;
    let made = registry.register(&registry.token(1).await, json!({ "redirect_uris": [CALLBACK] })).await;
    let (id, token) = (made.field("client_id"), made.field("registration_access_token"));
    let path = format!("openid-connect/{id}");
    let bodies: Vec<Value> = (0..8).map(|n| json!({ "client_id": id, "client_name": format!("n{n}") })).collect();
    let answers = futures_util::future::join_all(bodies.iter().map(|body| registry.ask("PUT", &path, Some(&token), Some(body)))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 7);
}

#[tokio::test]
async fn an_initial_access_that_expired_or_was_deleted_registers_nobody() {
    let registry = Registry::new().await;
    let short = registry.initial_access(1, 60).await["token"].as_str().expect("a token").to_owned();
    let deleted = registry.initial_access(1, 0).await;
    let path = format!("/r/clients-initial-access/{}", deleted["id"].as_str().expect("an id"));
    registry.admin.delete(&path).await.is(204);
    registry.admin.delete(&path).await.is(204);
    let answer = registry.register(deleted["token"].as_str().expect("a token"), json!({})).await;
    answer.is_refused("invalid_token", "Initial Access Token not found");
    registry.admin.app.advance(60);
    registry.register(&short, json!({})).await.is_refused("invalid_token", "Failed decode token");
}

#[tokio::test]
async fn nobody_registers_anonymously_until_a_host_is_trusted_and_then_with_less_rights() {
    let registry = Registry::new().await;
    let metadata = json!({ "redirect_uris": ["http://localhost:9999/cb"] });
    let refused = registry.ask("POST", "openid-connect", None, Some(&metadata)).await;
    refused.is_refused(
        "insufficient_scope",
        "Policy 'Trusted Hosts' rejected request to client-registration service. Details: Host not trusted.",
    );
    registry.trust_localhost().await;
    let elsewhere = json!({ "redirect_uris": ["https://evil.example/cb"] });
    registry.ask("POST", "openid-connect", None, Some(&elsewhere)).await.is(403);

    let made = registry.ask("POST", "openid-connect", None, Some(&metadata)).await;
    made.is(201);
    let client = registry.client(&made.field("client_id")).await;
    assert_eq!((&client["consentRequired"], &client["fullScopeAllowed"]), (&json!(true), &json!(false)));

    // What the policies gave it, it cannot take back by its own token.
    let (id, token) = (made.field("client_id"), made.field("registration_access_token"));
    for change in [json!({ "clientId": id, "consentRequired": false }), json!({ "clientId": id, "fullScopeAllowed": true })] {
        registry.ask("PUT", &format!("default/{id}"), Some(&token), Some(&change)).await.is(403);
    }
}

/// KC CVE-2026-15572: what a registration may not ask for, a change may not either. A refused change leaves the client and its token
/// as they are.
#[tokio::test]
async fn class_57_a_change_is_judged_like_a_registration() {
    let registry = Registry::new().await;
    registry.trust_localhost().await;
    let made = registry.ask("POST", "openid-connect", None, Some(&json!({ "redirect_uris": ["http://localhost/cb"] }))).await;
    made.is(201);
    let (id, token) = (made.field("client_id"), made.field("registration_access_token"));
    let before = registry.client(&id).await;
    let script = json!({ "name": "m", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper", "config": {} });
    for (dialect, change, status) in [
        ("openid-connect", json!({ "client_id": id, "redirect_uris": ["https://evil.example/cb"] }), 403),
        ("openid-connect", json!({ "client_id": id, "redirect_uris": ["JaVaScRiPt:alert(1)"] }), 403),
        ("openid-connect", json!({ "client_id": id, "redirect_uris": ["http://localhost/cb"], "scope": "nope" }), 403),
        ("openid-connect", json!({ "client_id": "other", "redirect_uris": ["http://localhost/cb"] }), 400),
        ("default", json!({ "clientId": id, "redirectUris": ["https://evil.example/*"] }), 403),
        ("default", json!({ "clientId": id, "rootUrl": "https://evil.example" }), 403),
        ("default", json!({ "clientId": id, "consentRequired": false }), 403),
        ("default", json!({ "clientId": id, "fullScopeAllowed": true }), 403),
        ("default", json!({ "clientId": id, "protocolMappers": [script] }), 403),
    ] {
        let refused = registry.ask("PUT", &format!("{dialect}/{id}"), Some(&token), Some(&change)).await;
        assert_eq!(refused.status, status, "{change}: {}", refused.text());
        assert_eq!(registry.client(&id).await, before, "{change}");
    }
    let good = json!({ "client_id": id, "redirect_uris": ["http://localhost/other"] });
    registry.ask("PUT", &format!("openid-connect/{id}"), Some(&token), Some(&good)).await.ok();
}

#[tokio::test]
async fn policies_bound_the_number_of_clients_their_scopes_and_their_mappers() {
    let registry = Registry::new().await;
    registry.trust_localhost().await;
    registry.set_policy("anonymous", "max-clients", json!({ "max-clients": ["7"] })).await;
    let metadata = json!({ "redirect_uris": ["http://localhost/cb"] });
    let attempts = (0..4).map(|_| registry.ask("POST", "openid-connect", None, Some(&metadata)));
    let answers = futures_util::future::join_all(attempts).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "a fresh realm has six clients");

    let token = registry.token(10).await;
    let scoped = registry.register(&token, json!({ "scope": "phone nope" })).await;
    scoped.is(403);
    registry.register(&token, json!({ "scope": "phone" })).await.is(201);
    let mapper = json!({ "name": "m", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper", "config": {} });
    let with_mapper = json!({ "clientId": "mapped", "protocolMappers": [mapper] });
    registry.ask("POST", "default", Some(&token), Some(&with_mapper)).await.is(403);
}

#[tokio::test]
async fn a_user_registers_and_sees_clients_only_with_the_roles_for_it() {
    let registry = Registry::new().await;
    let token = registry.token(1).await;
    let made = registry.register(&token, json!({ "redirect_uris": [CALLBACK] })).await;
    let path = format!("openid-connect/{}", made.field("client_id"));
    let creator = registry.admin.with_roles("r", "creator", &["create-client"]).await;
    registry.register(&creator, json!({ "redirect_uris": [CALLBACK] })).await.is(201);
    registry.ask("GET", &path, Some(&creator), None).await.is_refused("insufficient_scope", "Forbidden");
    let viewer = registry.admin.with_roles("r", "viewer", &["view-clients"]).await;
    let seen = registry.ask("GET", &path, Some(&viewer), None).await.ok();
    assert!(seen.json().is_some_and(|seen| seen.get("registration_access_token").is_none()));
    registry.register(&viewer, json!({})).await.is(403);
    registry.ask("DELETE", &path, Some(&viewer), None).await.is(403);
    let manager = registry.admin.with_roles("r", "manager", &["manage-clients"]).await;
    registry.ask("DELETE", &path, Some(&manager), None).await.is(204);
}

#[tokio::test]
async fn a_token_of_one_client_is_good_for_no_other_and_for_no_other_realm() {
    let registry = Registry::new().await;
    let token = registry.token(2).await;
    let one = registry.register(&token, json!({ "redirect_uris": [CALLBACK] })).await;
    let other = registry.register(&token, json!({ "redirect_uris": [CALLBACK] })).await;
    let path = format!("openid-connect/{}", other.field("client_id"));
    registry.ask("GET", &path, Some(&one.field("registration_access_token")), None).await.is(401);
    registry
        .ask("GET", &path, Some(&token), None)
        .await
        .is_refused("invalid_token", "Not initial access token allowed");
    registry.ask("GET", &path, None, None).await.is(401);
    let master = registry.admin.app.target("/realms/master/clients-registrations/openid-connect");
    let foreign = Request::new("POST", master).bearer(&token).json(&json!({}));
    registry.admin.app.send(&foreign).await.is_refused("invalid_token", "Failed decode token");
}

#[tokio::test]
async fn malformed_metadata_change_nothing_and_are_refused_in_the_standards_shape() {
    let registry = Registry::new().await;
    let token = registry.token(5).await;
    let deep = format!("{{\"client_name\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for body in ["{", "[]", "null", "1", "\u{0}", &deep] {
        let target = registry.admin.app.target("/realms/r/clients-registrations/openid-connect");
        let mut request = Request::new("POST", target).bearer(&token).json(&json!(null));
        request.body = body.as_bytes().to_vec();
        registry.admin.app.send(&request).await.is_refused("invalid_request", "Cannot parse the JSON");
    }
    registry
        .register(&token, json!({ "redirect_uris": ["javascript:x"] }))
        .await
        .is_refused("invalid_redirect_uri", "A redirect URI uses an illegal scheme");
    registry
        .register(&token, json!({ "token_endpoint_auth_method": "nope" }))
        .await
        .is_refused("invalid_client_metadata", "Client metadata invalid");
    registry
        .register(&token, json!({ "client_id": "x" }))
        .await
        .is_refused("invalid_client_metadata", "Client Identifier included");
    assert_eq!(registry.admin.read("/r/clients-initial-access").await[0]["remainingCount"], 5);
}

#[tokio::test]
async fn a_client_is_shown_its_adapters_settings_and_discovery_says_where_to_register() {
    let registry = Registry::new().await;
    let made = registry.register(&registry.token(1).await, json!({ "redirect_uris": [CALLBACK] })).await;
    let (id, secret) = (made.field("client_id"), made.field("client_secret"));
    let basic =
        Request::new("GET", registry.admin.app.target(&format!("/realms/r/clients-registrations/install/{id}"))).basic(&id, &secret);
    let shown = registry.admin.app.send(&basic).await.ok().json().expect("settings");
    assert_eq!((&shown["resource"], &shown["credentials"]["secret"]), (&json!(id), &json!(secret)));
    let document = registry.admin.app.get("/realms/r/.well-known/openid-configuration").await.ok();
    assert!(document.field("registration_endpoint").ends_with("/realms/r/clients-registrations/openid-connect"));
    let bad = Request::new("GET", registry.admin.app.target(&format!("/realms/r/clients-registrations/install/{id}"))).basic(&id, "x");
    registry.admin.app.send(&bad).await.is(401);
}

/// Keycloak's `updateClientProtocolMappers`: known by name and protocol, and those that are not named go. Of the other dialect only the
/// subject type decides about a mapper.
#[tokio::test]
async fn an_update_replaces_mappers_by_name_in_one_dialect_and_keeps_them_in_the_other() {
    let registry = Registry::new().await;
    let allowed =
        json!({ "allowed-protocol-mapper-types": ["oidc-full-name-mapper", "oidc-address-mapper", "oidc-sha256-pairwise-sub-mapper"] });
    registry.set_policy("authenticated", "allowed-protocol-mappers", allowed).await;
    let mapper = |name: &str, kind: &str| json!({ "name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": {} });
    let new = json!({ "clientId": "app", "protocolMappers": [mapper("a", "oidc-full-name-mapper"), mapper("b", "oidc-address-mapper")] });
    let made = registry.ask("POST", "default", Some(&registry.token(1).await), Some(&new)).await;
    made.is(201);
    let mappers = async || {
        let mut mappers = registry.client("app").await["protocolMappers"].as_array().cloned().unwrap_or_default();
        mappers.sort_by_key(|mapper| mapper["name"].to_string());
        mappers
    };
    let before = mappers().await;

    let mut token = made.field("registrationAccessToken");
    let silent = registry
        .ask("PUT", "default/app", Some(&token), Some(&json!({ "clientId": "app", "name": "App" })))
        .await
        .ok();
    assert_eq!(mappers().await, before, "what is not named stays");
    token = silent.field("registrationAccessToken");
    let mut changed = mapper("a", "oidc-full-name-mapper");
    changed["config"] = json!({ "id.token.claim": "true" });
    let body = json!({ "clientId": "app", "protocolMappers": [changed, mapper("c", "oidc-address-mapper")] });
    token = registry.ask("PUT", "default/app", Some(&token), Some(&body)).await.ok().field("registrationAccessToken");
    let after = mappers().await;
    let names: Vec<&str> = after.iter().filter_map(|mapper| mapper["name"].as_str()).collect();
    assert_eq!((names, &after[0]["id"], &after[0]["config"]), (vec!["a", "c"], &before[0]["id"], &json!({ "id.token.claim": "true" })));

    let pairwise = json!({ "client_id": "app", "redirect_uris": [CALLBACK], "subject_type": "pairwise" });
    token = registry
        .ask("PUT", "openid-connect/app", Some(&token), Some(&pairwise))
        .await
        .ok()
        .field("registration_access_token");
    let with_pairwise = mappers().await;
    assert_eq!(with_pairwise.len(), 3);
    token = registry
        .ask("PUT", "openid-connect/app", Some(&token), Some(&pairwise))
        .await
        .ok()
        .field("registration_access_token");
    assert_eq!(mappers().await, with_pairwise, "its salt stays, or every user would be somebody else");
    let public = json!({ "client_id": "app", "redirect_uris": [CALLBACK], "subject_type": "public" });
    registry.ask("PUT", "openid-connect/app", Some(&token), Some(&public)).await.ok();
    assert_eq!(mappers().await, after);
}
