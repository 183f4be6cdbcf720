//! The Admin REST API as an attacker sees it. Every row is asked; a new row is asked without being written here.

use std::collections::HashMap;

use keywright::web::route::Policy;
use serde_json::{Value, json};

use crate::admin::Administrator;
use crate::support::http::{Answer, Request};

const CLIENT_SECRET: &str = "secret-of-the-client-0123456789";
const MAIL_SECRET: &str = "secret-of-the-mail-server";
const OTP_SECRET: &str = "secretofonetimepassw";

/// A realm `r` with one of everything, and the ids of those by the names that rows use for them.
struct Furnished {
    admin: Administrator,
    ids: HashMap<&'static str, String>,
}

impl Furnished {
    async fn new() -> Self {
        let admin = Administrator::with_realm().await;
        let ids = furnish(&admin, "r").await;
        Self { admin, ids }
    }

    /// Every row below a realm: method, bytes of body, path in the realm `r`.
    fn rows(&self) -> Vec<(String, usize, String)> {
        let rows = keywright::routes::public().into_iter().filter(|route| matches!(route.policy, Policy::Admin(_)));
        rows.filter_map(|route| {
            let path = route.path.strip_prefix("/admin/realms/{realm}")?;
            let parts = path.split('/').map(|part| match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => self.ids.get(name).map_or("x", String::as_str).to_owned(),
                None => part.to_owned(),
            });
            Some((route.method.to_string(), route.body_limit, format!("/r{}", parts.collect::<Vec<_>>().join("/"))))
        })
        .collect()
    }

    async fn raw(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let target = self.admin.app.target(&format!("/admin/realms{path}"));
        let mut request = Request::new(method, target).bearer(&self.admin.token).header("Content-Type", "application/json");
        request.body = body.to_vec();
        self.admin.app.send(&request).await
    }

    /// What must be as before when every request was refused.
    async fn state(&self) -> Vec<Value> {
        let mut state = Vec::new();
        for path in ["/r", "/r/users", "/r/groups", "/r/roles", "/r/client-scopes", "/r/events/config"] {
            state.push(self.admin.read(path).await);
        }
        state
    }
}

async fn furnish(admin: &Administrator, realm: &str) -> HashMap<&'static str, String> {
    let mail = json!({ "host": "mail.example.org", "from": "a@example.org", "auth": "true", "user": "u", "password": MAIL_SECRET });
    admin
        .put(&format!("/{realm}"), json!({ "smtpServer": mail, "adminEventsEnabled": true, "adminEventsDetailsEnabled": true }))
        .await
        .is(204);
    let otp = json!({ "value": OTP_SECRET }).to_string();
    let user = json!({
        "username": "una", "enabled": true, "email": "una@example.org", "firstName": "U", "lastName": "N",
        "credentials": [
            { "type": "password", "value": "secret-password" },
            { "type": "otp", "secretData": otp, "credentialData": "{\"subType\":\"totp\",\"digits\":6,\"period\":30,\"counter\":0,\"algorithm\":\"HmacSHA1\"}" },
        ],
    });
    let user = admin.create(&format!("/{realm}/users"), user).await;
    let client = json!({ "clientId": "c", "secret": CLIENT_SECRET, "serviceAccountsEnabled": true });
    let client = admin.create(&format!("/{realm}/clients"), client).await;
    let group = admin.create(&format!("/{realm}/groups"), json!({ "name": "g" })).await;
    let scope = admin.create(&format!("/{realm}/client-scopes"), json!({ "name": "s", "protocol": "openid-connect" })).await;
    admin.post(&format!("/{realm}/roles"), json!({ "name": "role" })).await.is(201);
    let role = admin.read(&format!("/{realm}/roles/role")).await["id"].as_str().unwrap().to_owned();
    let credential = admin.read(&format!("/{realm}/users/{user}/credentials")).await[0]["id"].as_str().unwrap().to_owned();
    HashMap::from([
        ("user-id", user.clone()),
        ("userId", user),
        ("credentialId", credential.clone()),
        ("newPreviousCredentialId", credential),
        ("client-uuid", client.clone()),
        ("clientUuid", client.clone()),
        ("targetClientUuid", client.clone()),
        ("client-id", client.clone()),
        ("client", client),
        ("group-id", group.clone()),
        ("groupId", group),
        ("client-scope-id", scope.clone()),
        ("clientScopeId", scope),
        ("role-id", role),
        ("role-name", "role".to_owned()),
        ("locale", "de".to_owned()),
        ("key", "k".to_owned()),
    ])
}

/// Whether an answer is a decision and not an accident: 501 is that of a feature which is switched off.
fn is_decent(status: u16) -> bool {
    (200..500).contains(&status) || status == 501
}

/// Keycloak's 500 for a mail that does not get away; the realms here have no mail server.
fn is_unsent_mail(path: &str, answer: &Answer) -> bool {
    let mails = ["-email", "/testSMTPConnection", "/invite-user", "/invite-existing-user"];
    answer.status == 500 && mails.iter().any(|mail| path.ends_with(mail)) && answer.text().contains("email")
}

/// Security classes 48 and 50, and the list of bad input: malformed, of the wrong type, nested 10 000 deep, no UTF-8, huge.
#[tokio::test]
async fn class_50_no_body_of_any_operation_is_an_accident() {
    let furnished = Furnished::new().await;
    let before = furnished.state().await;
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000)).into_bytes();
    let bodies: [(&str, Vec<u8>); 9] = [
        ("no end", b"{".to_vec()),
        ("a number", b"7".to_vec()),
        ("a text", b"\"x\"".to_vec()),
        (
            "the wrong types",
            br#"{"realm":{},"username":[],"clientId":{},"name":[],"enabled":"perhaps","config":7,"attributes":7}"#.to_vec(),
        ),
        ("lists in lists", deep("[", "]")),
        ("objects in objects", deep("{\"a\":", "}")),
        ("no UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec()),
        ("a huge list", format!("[{}0]", "0,".repeat(20_000)).into_bytes()),
        ("a list of nothing", b"[null,null]".to_vec()),
    ];
    let (mut asked, mut accidents) = (0, Vec::new());
    for (method, limit, path) in furnished.rows() {
        // These two do what they do whatever the body says.
        if limit == 0 || path.ends_with("/logout-all") || path.ends_with("/logout") {
            continue;
        }
        for (what, body) in &bodies {
            let answer = furnished.raw(&method, &path, body).await;
            asked += 1;
            if !is_decent(answer.status) && !is_unsent_mail(&path, &answer) {
                accidents.push(format!("{method} {path}: {what}: {} {}", answer.status, answer.text()));
            }
        }
    }
    assert!(asked > 500, "{asked}");
    assert!(accidents.is_empty(), "{accidents:#?}");
    for (before, after) in before.iter().zip(furnished.state().await) {
        assert_eq!(*before, after);
    }
}

/// What belongs to another realm is not there, and neither is what never was; absurd pages are pages.
#[tokio::test]
async fn class_56_ids_of_other_realms_lead_nowhere() {
    let mut furnished = Furnished::new().await;
    furnished.admin.post("", json!({ "realm": "other", "enabled": true })).await.is(201);
    let foreign = furnish(&furnished.admin, "other").await;
    let secrets: Vec<String> = foreign.values().filter(|id| id.len() > 20).cloned().collect();
    furnished.ids = foreign;
    for (method, limit, path) in furnished.rows() {
        if !secrets.iter().any(|id| path.contains(id.as_str())) {
            continue;
        }
        let body: &[u8] = if limit == 0 { b"" } else { b"{}" };
        let answer = furnished.raw(&method, &path, body).await;
        let brute_force = path.contains("/attack-detection/");
        assert!(matches!(answer.status, 400 | 404 | 501) || brute_force, "{method} {path}: {} {}", answer.status, answer.text());
    }
    // The other realm has lost nothing.
    for id in ["user-id", "group-id", "client-uuid", "client-scope-id"] {
        let collection = match id {
            "user-id" => "users",
            "group-id" => "groups",
            "client-uuid" => "clients",
            _ => "client-scopes",
        };
        furnished.admin.get(&format!("/other/{collection}/{}", furnished.ids[id])).await.is(200);
    }
}

#[tokio::test]
async fn class_48_absurd_pages_are_no_accident() {
    let furnished = Furnished::new().await;
    for (method, _, path) in furnished.rows() {
        if method != "GET" {
            continue;
        }
        for query in [
            "first=-1&max=-5",
            "first=99999999999999999999",
            "max=abc",
            "first=2147483647&max=2147483647",
            "search=%FF%00*%22&q=::&exact=true",
        ] {
            let answer = furnished.raw("GET", &format!("{path}?{query}"), b"").await;
            assert!(is_decent(answer.status), "GET {path}?{query}: {} {}", answer.status, answer.text());
        }
    }
}

/// "no GET ever returns SMTP password, TOTP seed, private key, identity provider or bind secret; a client secret only to `manage-clients`, as
/// Keycloak does": Keycloak shows it to `view-clients`, too, and so do we.
#[tokio::test]
async fn class_58_no_secret_is_read_with_any_role() {
    let furnished = Furnished::new().await;
    let everything = furnished.admin.with_roles("r", "chief", &["realm-admin"]).await;
    let without_clients = furnished
        .admin
        .with_roles("r", "viewer", &["view-realm", "view-users", "view-events", "view-identity-providers", "view-authorization"])
        .await;
    let hash = "\"value\":\"";
    for (method, _, path) in furnished.rows() {
        if method != "GET" {
            continue;
        }
        let text = furnished.admin.ask_as(&everything, "GET", &path).await.text();
        for secret in [MAIL_SECRET, OTP_SECRET, "secret-password", "PRIVATE KEY", "\"privateKey\":[\"MII", "secretData"] {
            assert!(!text.contains(secret), "GET {path} shows {secret}");
        }
        let shows_client_secret = text.contains(CLIENT_SECRET);
        assert!(!shows_client_secret || path.contains("/clients"), "GET {path} shows the secret of a client");
        let text = furnished.admin.ask_as(&without_clients, "GET", &path).await.text();
        assert!(!text.contains(CLIENT_SECRET), "GET {path} shows the secret of a client to who may not see clients");
        assert!(!path.contains("credentials") || !text.contains(hash), "GET {path} shows a hash");
    }
}

/// Default deny: whatever has `/admin` in front has a policy of its own, and an ordinary user of the realm gets through none of them.
#[tokio::test]
async fn class_59_every_operation_asks_for_a_role() {
    let furnished = Furnished::new().await;
    for route in keywright::routes::public() {
        assert_eq!(route.path.starts_with("/admin"), matches!(route.policy, Policy::Admin(_)), "{}", route.path);
    }
    let nobody = furnished.admin.with_roles("r", "nobody", &[]).await;
    for (method, limit, path) in furnished.rows() {
        let target = furnished.admin.app.target(&format!("/admin/realms{path}"));
        let mut request = Request::new(&method, target).bearer(&nobody).header("Content-Type", "application/json");
        if limit > 0 {
            request.body = b"{}".to_vec();
        }
        furnished.admin.app.send(&request).await.says(403, json!({ "error": "HTTP 403 Forbidden" }));
    }
}

#[tokio::test]
async fn class_60_no_spelling_of_a_path_gets_around_its_policy() {
    let furnished = Furnished::new().await;
    let (nobody, viewer) =
        (furnished.admin.with_roles("r", "nobody", &[]).await, furnished.admin.with_roles("r", "viewer", &["query-users"]).await);
    let id = &furnished.ids["client-uuid"];
    for path in [
        format!("/admin/realms/r/clients/{id}"),
        format!("/admin/realms//r/clients/{id}"),
        format!("/admin//realms/r/clients/{id}"),
        format!("/admin/realms/r/clients/{id}/"),
        format!("/admin/realms/r;x=1/clients/{id}"),
        format!("/admin/realms/r/clients;x=1/{id}"),
        format!("/admin/realms/r%2fclients%2f{id}"),
        format!("/admin/realms/r/%63lients/{id}"),
        format!("/admin/realms/R/clients/{id}"),
        format!("/admin/realms/r/CLIENTS/{id}"),
        format!("/ADMIN/realms/r/clients/{id}"),
        format!("/admin/realms/r/users/../clients/{id}"),
        format!("/admin/realms/r/users/%2e%2e/clients/{id}"),
        format!("/admin/realms/master/../r/clients/{id}"),
        format!("/admin/serverinfo/../realms/r/clients/{id}"),
        format!("/admin/x/console/whoami/../../../realms/r/clients/{id}"),
        format!("/admin/realms/r/clients/{id}%00"),
        format!("/admin/realms/r/clients/{id}\\"),
    ] {
        for token in [&nobody, &viewer] {
            let request = Request::new("GET", furnished.admin.app.target(&path)).bearer(token);
            let answer = furnished.admin.app.send(&request).await;
            assert!(
                (400..500).contains(&answer.status) && !answer.text().contains(CLIENT_SECRET),
                "{path}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
}

/// What a policy forbids at registration it forbids at every update, and what an administrator gave the client is not the client's to change.
#[tokio::test]
async fn class_57_an_update_by_the_client_gets_around_no_policy() {
    let admin = Administrator::with_realm().await;
    let access = admin.post("/r/clients-initial-access", json!({ "count": 1 })).await.field("token");
    let ask = async |method: &str, path: &str, token: &str, body: &Value| {
        let target = admin.app.target(&format!("/realms/r/clients-registrations/{path}"));
        admin.app.send(&Request::new(method, target).bearer(token).json(body)).await
    };
    let made = ask("POST", "default", &access, &json!({ "clientId": "app", "redirectUris": ["https://app.example/cb"] })).await;
    made.is(201);
    let token = made.field("registrationAccessToken");
    let path = format!("/r/clients/{}", made.field("id"));
    // A role by mapper, from an administrator: kept as it is, never another one.
    let role = |name: &str| json!({ "name": "role", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-role-mapper", "config": { "role": name } });
    admin.post(&format!("{path}/protocol-mappers/models"), role("offline_access")).await.is(201);
    admin.post("/r/client-scopes", json!({ "name": "secret-scope", "protocol": "openid-connect" })).await.is(201);
    admin.put(&path, json!({ "fullScopeAllowed": false, "consentRequired": true, "enabled": true })).await.is(204);
    let of = |audience: &str, provider: &str| {
        json!({ "name": provider, "providerId": provider, "subType": audience,
        "providerType": "org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy" })
    };
    for provider in ["scope", "consent-required"] {
        admin.post("/r/components", of("authenticated", provider)).await.is(201);
    }
    let before = admin.read(&path).await;
    for forbidden in [
        json!({ "protocolMappers": [role("admin")] }),
        json!({ "protocolMappers": [role("offline_access"), { "name": "x", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-role-mapper", "config": { "role": "admin" } }] }),
        json!({ "protocolMappers": [{ "name": "role", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper", "config": {} }] }),
        json!({ "optionalClientScopes": ["secret-scope"] }),
        json!({ "defaultClientScopes": ["secret-scope"] }),
        json!({ "fullScopeAllowed": true }),
        json!({ "consentRequired": false }),
        json!({ "redirectUris": ["javascript:alert(1)"] }),
        json!({ "clientId": "admin-cli" }),
        json!({ "attributes": { "logoUri": "data:text/html,x" } }),
    ] {
        let mut body = forbidden.clone();
        body["clientId"] = forbidden.get("clientId").cloned().unwrap_or_else(|| json!("app"));
        let answer = ask("PUT", "default/app", &token, &body).await;
        assert!((400..500).contains(&answer.status), "{forbidden}: {} {}", answer.status, answer.text());
    }
    assert_eq!(admin.read(&path).await, before, "nothing changed");
    ask("PUT", "default/app", &token, &json!({ "clientId": "app", "protocolMappers": [role("offline_access")] }))
        .await
        .is(200);
}

/// Names that are one name to a person are one name: case and normalization (Unicode TR 15). And no URL of anything is script.
#[tokio::test]
async fn bad_input_names_in_every_spelling_are_taken_and_script_is_no_address() {
    let admin = Administrator::with_realm().await;
    admin.put("/r", json!({ "organizationsEnabled": true })).await.is(204);
    let (composed, decomposed) = ("zo\u{eb}", "zoe\u{308}");
    let user = |name: &str, email: String| json!({ "username": name, "email": email });
    admin.post("/r/users", user(composed, format!("{composed}@example.org"))).await.is(201);
    for name in [decomposed.to_owned(), "ZO\u{cb}".to_owned(), format!(" {composed}")] {
        let answer = admin.post("/r/users", user(&name, format!("{name}.other@example.org"))).await;
        assert!([400, 409].contains(&answer.status), "{name:?}: {} {}", answer.status, answer.text());
    }
    admin.post("/r/users", user("other", format!("{decomposed}@EXAMPLE.org"))).await.is(409);
    assert_eq!(admin.read("/r/users/count").await, json!(1));
    let of = |name: &str, domain: &str| json!({ "name": name, "domains": [{ "name": domain }] });
    admin.post("/r/organizations", of("one", "acme.org")).await.is(201);
    admin.post("/r/organizations", of("two", "ACME.org")).await.is(400);

    for script in ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:x", " javascript:x", "data:text/html,x", "vbscript:x"] {
        for body in [
            json!({ "redirectUris": [script] }),
            json!({ "rootUrl": script }),
            json!({ "baseUrl": script }),
            json!({ "adminUrl": script }),
            json!({ "attributes": { "post.logout.redirect.uris": format!("+##{script}") } }),
            json!({ "attributes": { "tosUri": script } }),
            json!({ "attributes": { "backchannel.logout.url": script } }),
        ] {
            let answer = admin.post("/r/clients", body.clone()).await;
            assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        }
        let organization = json!({ "name": "script", "redirectUrl": script });
        admin.post("/r/organizations", organization).await.is(400);
    }
    assert_eq!(admin.read("/r/organizations/count").await, json!(1));
}
