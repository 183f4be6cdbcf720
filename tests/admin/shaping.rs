//! Who may shape roles: what an administration role lets its holder do goes by its name, so who only manages clients must not make, rename or
//! delete such roles, nor reach them by another route.

use serde_json::{Value, json};

use super::Administrator;
use crate::support::http::{Answer, Request};

async fn ask(admin: &Administrator, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let request = Request::new(method, admin.app.target(&format!("/admin/realms{path}"))).bearer(token);
    let request = if method == "DELETE" { request } else { request.json(body) };
    admin.app.send(&request).await
}

/// The id of a client and of its role.
async fn client_and_role(admin: &Administrator, client_id: &str, role: &str) -> (String, String) {
    let client = admin.read(&format!("/r/clients?clientId={client_id}")).await[0]["id"].as_str().expect("an id").to_owned();
    let role = admin.read(&format!("/r/clients/{client}/roles/{role}")).await["id"].as_str().expect("an id").to_owned();
    (client, role)
}

#[tokio::test]
async fn who_only_manages_clients_does_not_shape_the_roles_of_administration() {
    let admin = Administrator::with_realm().await;
    let own = admin.create("/r/clients", json!({ "clientId": "own" })).await;
    admin.post(&format!("/r/clients/{own}/roles"), json!({ "name": "own-role" })).await.is(201);
    let (management, view_users) = client_and_role(&admin, "realm-management", "view-users").await;
    let (_, own_role) = client_and_role(&admin, "own", "own-role").await;
    let clients = admin.with_roles("r", "cleo", &["manage-clients", "view-clients", "manage-realm", "view-realm"]).await;
    let everything = admin.with_roles("r", "rita", &["realm-admin"]).await;

    let made = json!({ "name": "made-up" });
    let changes = [
        ("POST", format!("/r/clients/{management}/roles"), &made),
        ("PUT", format!("/r/clients/{management}/roles/view-users"), &json!({ "name": "view-users", "description": "x" })),
        ("PUT", format!("/r/roles-by-id/{view_users}"), &json!({ "name": "view-users-no-more" })),
        ("DELETE", format!("/r/clients/{management}/roles/view-users"), &json!({})),
        ("DELETE", format!("/r/roles-by-id/{view_users}"), &json!({})),
    ];
    for (method, path, body) in &changes {
        let refused = ask(&admin, &clients, method, path, body).await;
        assert_eq!((refused.status, refused.text().as_str()), (403, "{\"error\":\"HTTP 403 Forbidden\"}"), "{method} {path}");
    }
    assert_eq!(admin.read(&format!("/r/clients/{management}/roles/view-users")).await["id"], json!(view_users), "nothing happened");

    for (method, path, body) in [
        ("POST", format!("/r/clients/{own}/roles"), &made),
        ("PUT", format!("/r/roles-by-id/{own_role}"), &json!({ "name": "renamed" })),
        ("DELETE", format!("/r/clients/{own}/roles/renamed"), &json!({})),
        ("POST", "/r/roles".to_owned(), &made),
    ] {
        let answer = ask(&admin, &clients, method, &path, body).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text());
    }
    for (method, path, body) in &changes[..2] {
        let answer = ask(&admin, &everything, method, path, body).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text());
    }
}
