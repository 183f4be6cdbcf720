//! Who may do what: every row of the Admin REST API that `routes.rs` has, against every role, in the own realm, in another one
//! and without a token. The rows are enumerated, so a new one is in the matrix without being written here.

use std::collections::BTreeMap;

use keywright::manage::defaults::roles::{ADMINISTRATION, ORGANIZATIONS};
use keywright::web::administrator::Admission;
use keywright::web::route::Policy;
use serde_json::{Value, json};

use super::Administrator;
use crate::support::http::Request;

/// A row: method, path with dummies for its parameters, and who may.
struct Row {
    method: String,
    path: String,
    admission: Admission,
}

fn rows() -> Vec<Row> {
    let rows = keywright::routes::public().into_iter().filter_map(|route| match route.policy {
        Policy::Admin(admission) => {
            let parts = route.path.strip_prefix("/admin/realms")?.split('/').map(|part| match part {
                "{realm}" => "r",
                parameter if parameter.starts_with('{') => "x",
                literal => literal,
            });
            let path = parts.collect::<Vec<_>>().join("/");
            Some(Row { method: route.method.to_string(), path, admission })
        }
        _ => None,
    });
    rows.collect()
}

fn all_roles() -> Vec<&'static str> {
    ADMINISTRATION.iter().chain(ORGANIZATIONS).map(|(name, _)| *name).collect()
}

/// A role with those that it contains.
fn with_contents(role: &str) -> Vec<&'static str> {
    let table = ADMINISTRATION.iter().chain(ORGANIZATIONS);
    let (name, contained) = table.into_iter().find(|(name, _)| *name == role).expect("a role of the table");
    [*name].into_iter().chain(contained.iter().copied()).collect()
}

impl Administrator {
    /// The token of a new user of `realm` with these roles of `realm-management`.
    pub async fn with_roles(&self, realm: &str, name: &str, roles: &[&str]) -> String {
        let user = json!({
            "username": name, "enabled": true, "email": format!("{name}@example.org"), "firstName": "A", "lastName": "B",
            "credentials": [{ "type": "password", "value": "secret" }],
        });
        let id = self.create(&format!("/{realm}/users"), user).await;
        let clients = self.read(&format!("/{realm}/clients?clientId=realm-management")).await;
        let client = clients[0]["id"].as_str().expect("an id").to_owned();
        let known = self.read(&format!("/{realm}/clients/{client}/roles")).await;
        let given: Vec<Value> = known
            .as_array()
            .expect("roles")
            .iter()
            .filter(|role| roles.contains(&role["name"].as_str().unwrap_or_default()))
            .cloned()
            .collect();
        assert_eq!(given.len(), roles.len());
        self.post(&format!("/{realm}/users/{id}/role-mappings/clients/{client}"), json!(given)).await.is(204);
        let form = [("grant_type", "password"), ("client_id", "admin-cli"), ("username", name), ("password", "secret")];
        self.app.oidc(realm, "token", &form).await.field("access_token")
    }
}

#[tokio::test]
async fn every_row_refuses_everybody_without_one_of_its_roles_and_lets_the_others_in() {
    let admin = Administrator::with_realm().await;
    admin.put("/r", json!({ "accessTokenLifespan": 36000 })).await.is(204);
    let rows = rows();
    assert!(rows.len() > 200, "the rows were not found: {}", rows.len());

    let mut excluded: BTreeMap<Vec<&str>, String> = BTreeMap::new();
    let mut single: BTreeMap<&str, String> = BTreeMap::new();
    for row in &rows {
        let Admission::AnyOf(allowed) = row.admission else { continue };
        if !excluded.contains_key(allowed) {
            // Everything but what opens this row: whoever has all that is still refused.
            let others: Vec<&str> = all_roles()
                .into_iter()
                .filter(|role| !with_contents(role).iter().any(|role| allowed.contains(role)))
                .collect();
            let token = admin.with_roles("r", &format!("without-{}", excluded.len()), &others).await;
            excluded.insert(allowed.to_vec(), token);
        }
        let answer = admin.ask_as(&excluded[allowed], &row.method, &row.path).await;
        assert_eq!((answer.status, answer.text().as_str()), (403, "{\"error\":\"HTTP 403 Forbidden\"}"), "{} {}", row.method, row.path);
        if row.method != "GET" {
            continue;
        }
        for role in allowed {
            if !single.contains_key(role) {
                let token = admin.with_roles("r", &format!("only-{role}"), &[role]).await;
                single.insert(role, token);
            }
            let answer = admin.ask_as(&single[role], "GET", &row.path).await;
            // Whether the object is there, and finer rules, are the operation's: a query role sees less.
            let fine = answer.status < 500 || answer.status == 501;
            assert!(fine && answer.status != 401, "GET {} with {role}: {} {}", row.path, answer.status, answer.text());
            assert!(answer.status != 403 || role.starts_with("query"), "GET {} with {role}: {}", row.path, answer.text());
        }
    }
}

#[tokio::test]
async fn a_realms_administrator_is_nobody_in_another_realm_and_without_a_token_everybody_is() {
    let admin = Administrator::with_realm().await;
    admin.post("", json!({ "realm": "other", "enabled": true })).await.is(201);
    let foreign = admin.with_roles("other", "chief", &["realm-admin"]).await;
    for row in rows() {
        let target = admin.app.target(&format!("/admin/realms{}", row.path));
        admin
            .app
            .send(&Request::new(&row.method, target))
            .await
            .says(401, json!({ "error": "HTTP 401 Unauthorized" }));
        if row.path.starts_with("/r") {
            admin.ask_as(&foreign, &row.method, &row.path).await.says(403, json!({ "error": "HTTP 403 Forbidden" }));
        }
    }
    // Neither may he make realms, and the list shows his own only.
    admin.ask_as(&foreign, "POST", "").await.is(403);
    let list = admin.ask_as(&foreign, "GET", "?briefRepresentation=true").await.json().unwrap_or_default();
    assert_eq!(list.as_array().map(|list| list.iter().map(|realm| realm["realm"].clone()).collect::<Vec<_>>()), Some(vec![json!("other")]));
}

#[tokio::test]
async fn a_role_that_was_taken_away_is_gone_before_the_token_expires() {
    let admin = Administrator::with_realm().await;
    let token = admin.with_roles("r", "carl", &["view-users"]).await;
    admin.ask_as(&token, "GET", "/r/users").await.is(200);
    let found = admin.read("/r/users?username=carl&exact=true").await;
    let id = found[0]["id"].as_str().expect("an id").to_owned();
    admin.put(&format!("/r/users/{id}"), json!({ "enabled": false })).await.is(204);
    admin.ask_as(&token, "GET", "/r/users").await.is(401);
    admin.put(&format!("/r/users/{id}"), json!({ "enabled": true })).await.is(204);
    let clients = admin.read("/r/clients?clientId=realm-management").await;
    let client = clients[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/r/users/{id}/role-mappings/clients/{client}");
    let held = admin.read(&path).await;
    admin.ask("DELETE", &path, Some(&held)).await.is(204);
    admin.ask_as(&token, "GET", "/r/users").await.is(403);
}

#[tokio::test]
async fn nobody_gives_an_administration_role_that_he_does_not_have() {
    let admin = Administrator::with_realm().await;
    let token = admin.with_roles("r", "help-desk", &["manage-users", "view-users"]).await;
    let victim = admin.create("/r/users", json!({ "username": "mallory" })).await;
    let clients = admin.read("/r/clients?clientId=realm-management").await;
    let client = clients[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/r/users/{victim}/role-mappings/clients/{client}");
    let role = |name: &str| format!("/r/clients/{client}/roles/{name}");
    let give = async |role: Value, path: &str| {
        let request = Request::new("POST", admin.app.target(&format!("/admin/realms{path}"))).bearer(&token).json(&json!([role]));
        admin.app.send(&request).await.status
    };
    let (highest, own) = (admin.read(&role("realm-admin")).await, admin.read(&role("manage-users")).await);
    assert_eq!((give(highest.clone(), &path).await, give(own, &path).await), (403, 204));

    // Not by way of a composite, of a group, or of a group that becomes a default one either.
    admin
        .post("/r/roles", json!({ "name": "harmless", "composites": { "client": { "realm-management": ["realm-admin"] } } }))
        .await
        .is(201);
    let harmless = admin.read("/r/roles/harmless").await;
    assert_eq!(give(harmless, &format!("/r/users/{victim}/role-mappings/realm")).await, 403);
    let group = admin.create("/r/groups", json!({ "name": "chiefs" })).await;
    admin.post(&format!("/r/groups/{group}/role-mappings/clients/{client}"), json!([highest])).await.is(204);
    admin.ask_as(&token, "PUT", &format!("/r/users/{victim}/groups/{group}")).await.is(403);
    let available = admin.ask_as(&token, "GET", &format!("{path}/available")).await.json().unwrap_or_default();
    assert_eq!(available.as_array().map(|list| list.iter().filter(|role| role["name"] == "realm-admin").count()), Some(0));
}
