//! Two administrators at the same object: what both of them said is there afterwards, or one of them was told no. On sled, where
//! commits really meet.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::Administrator;
use crate::support::app::TestApp;

/// How many administrators work at the same time.
const MANY: usize = 12;

async fn on_sled() -> Administrator {
    let app = TestApp::builder().sled().start().await;
    let token = app.administrator().await.field("access_token");
    let admin = Administrator { app, token };
    admin.post("", json!({ "realm": "r", "enabled": true })).await.is(201);
    admin
}

fn flow(alias: &str) -> Value {
    json!({ "alias": alias, "providerId": "basic-flow", "topLevel": true, "builtIn": false })
}

fn provider(alias: &str) -> Value {
    let config = json!({ "clientId": "x", "authorizationUrl": "https://idp.example/a", "tokenUrl": "https://idp.example/t" });
    json!({ "alias": alias, "providerId": "oidc", "config": config })
}

fn texts<'v>(list: &'v Value, member: &str) -> Vec<&'v str> {
    list.as_array().expect("a list").iter().map(|one| one[member].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn what_several_administrators_add_to_one_object_is_all_there() {
    let admin = on_sled().await;
    let user = admin.create("/r/users", json!({ "username": "olga" })).await;
    let client = admin.create("/r/clients", json!({ "clientId": "c", "serviceAccountsEnabled": true })).await;
    let composite = async {
        admin.post("/r/roles", json!({ "name": "all" })).await.is(201);
    };
    composite.await;
    let parent = admin.create("/r/groups", json!({ "name": "parent" })).await;
    admin.create("/r/authentication/flows", flow("f")).await;
    admin.create("/r/identity-provider/instances", provider("idp")).await;
    let mut groups = Vec::new();
    for n in 0..MANY {
        admin.post("/r/roles", json!({ "name": format!("role{n}") })).await.is(201);
        groups.push(admin.create("/r/groups", json!({ "name": format!("group{n}") })).await);
    }
    let each = (0..MANY).map(|n| {
        let (admin, group, parent, user, client) = (&admin, &groups[n], &parent, &user, &client);
        async move {
            let role = admin.read(&format!("/r/roles/role{n}")).await;
            admin.post(&format!("/r/users/{user}/role-mappings/realm"), json!([role])).await.is(204);
            admin.put(&format!("/r/users/{user}/groups/{group}"), json!(null)).await.is(204);
            admin.post("/r/roles/all/composites", json!([role])).await.is(204);
            let mapper = json!({ "name": format!("m{n}"), "protocol": "openid-connect", "protocolMapper": "oidc-full-name-mapper" });
            admin.post(&format!("/r/clients/{client}/protocol-mappers/models"), mapper).await.is(201);
            admin.post(&format!("/r/localization/l{n}"), json!({ "hello": n.to_string() })).await.is(204);
            admin.post(&format!("/r/groups/{parent}/children"), json!({ "name": format!("child{n}") })).await.is(201);
            let step = json!({ "provider": "auth-cookie" });
            admin.post("/r/authentication/flows/f/executions/execution", step).await.is(201);
            let mapper =
                json!({ "name": format!("m{n}"), "identityProviderAlias": "idp", "identityProviderMapper": "oidc-username-idp-mapper" });
            admin.post("/r/identity-provider/instances/idp/mappers", mapper).await.is(201);
        }
    });
    join_all(each).await;
    let given = admin.read(&format!("/r/users/{user}/role-mappings/realm")).await;
    assert_eq!(texts(&given, "name").iter().filter(|name| name.starts_with("role")).count(), MANY);
    assert_eq!(admin.read(&format!("/r/users/{user}/groups")).await.as_array().map(Vec::len), Some(MANY));
    assert_eq!(admin.read("/r/roles/all/composites").await.as_array().map(Vec::len), Some(MANY));
    let mappers = admin.read(&format!("/r/clients/{client}/protocol-mappers/models")).await;
    assert_eq!(texts(&mappers, "name").iter().filter(|name| name.starts_with('m')).count(), MANY);
    for list in ["/r/localization", &format!("/r/groups/{parent}/children?max=100"), "/r/identity-provider/instances/idp/mappers"] {
        assert_eq!(admin.read(list).await.as_array().map(Vec::len), Some(MANY), "{list}");
    }
    let steps = admin.read("/r/authentication/flows/f/executions").await;
    let mut priorities: Vec<_> = steps.as_array().expect("a list").iter().filter_map(|step| step["priority"].as_u64()).collect();
    priorities.sort_unstable();
    priorities.dedup();
    assert_eq!(priorities.len(), MANY, "each step has a place of its own: {steps}");
}

#[tokio::test]
async fn updates_of_different_settings_of_one_object_all_take_effect() {
    let admin = on_sled().await;
    let user = admin.create("/r/users", json!({ "username": "olga", "email": "o@example.org" })).await;
    let client = admin.create("/r/clients", json!({ "clientId": "c" })).await;
    let scope = admin.create("/r/client-scopes", json!({ "name": "s", "protocol": "openid-connect" })).await;
    let group = admin.create("/r/groups", json!({ "name": "g" })).await;
    let (user, client, scope) = (format!("/r/users/{user}"), format!("/r/clients/{client}"), format!("/r/client-scopes/{scope}"));
    let (group, action) = (format!("/r/groups/{group}"), "/r/authentication/required-actions/UPDATE_PASSWORD");
    // Each administrator sends what he changes; what he does not name is not his to reset.
    let changes: Vec<(&str, Value)> = vec![
        ("/r", json!({ "displayName": "D" })),
        ("/r", json!({ "accessTokenLifespan": 77 })),
        ("/r", json!({ "rememberMe": true })),
        (&user, json!({ "firstName": "Olga" })),
        (&user, json!({ "lastName": "X" })),
        (&user, json!({ "enabled": true })),
        (&client, json!({ "clientId": "c", "description": "d" })),
        (&client, json!({ "clientId": "c", "rootUrl": "https://c.example" })),
        (&client, json!({ "clientId": "c", "attributes": { "access.token.lifespan": "60" } })),
        ("/r/events/config", json!({ "eventsEnabled": true })),
        ("/r/events/config", json!({ "adminEventsEnabled": true })),
        ("/r/events/config", json!({ "eventsExpiration": 3600 })),
        (&scope, json!({ "name": "s", "description": "d" })),
        (&scope, json!({ "name": "s", "attributes": { "display.on.consent.screen": "true" } })),
        (&scope, json!({ "name": "s", "protocol": "saml" })),
        (&group, json!({ "name": "renamed" })),
        (action, json!({ "alias": "UPDATE_PASSWORD", "name": "New password", "enabled": true })),
        ("/r/authentication/required-actions/VERIFY_EMAIL", json!({ "alias": "VERIFY_EMAIL", "name": "E-mail", "enabled": false })),
    ];
    join_all(changes.iter().map(|(path, change)| async { admin.put(path, change.clone()).await.is(204).status })).await;
    for (path, change) in &changes {
        let now = admin.read(path).await;
        for (name, value) in change.as_object().expect("an object") {
            match value.as_object() {
                None => assert_eq!(now[name], *value, "{path} {name}"),
                Some(parts) => parts.iter().for_each(|(part, value)| assert_eq!(now[name][part], *value, "{path} {name}.{part}")),
            }
        }
    }
}

#[tokio::test]
async fn of_many_who_make_the_same_thing_one_wins_and_the_others_are_told() {
    let admin = on_sled().await;
    admin.put("/r", json!({ "organizationsEnabled": true })).await.is(204);
    for (path, body) in [
        ("/r/users", json!({ "username": "olga" })),
        ("/r/clients", json!({ "clientId": "c" })),
        ("/r/roles", json!({ "name": "x" })),
        ("/r/groups", json!({ "name": "x" })),
        ("/r/client-scopes", json!({ "name": "x", "protocol": "openid-connect" })),
        ("/r/organizations", json!({ "name": "x" })),
        ("/r/authentication/flows", flow("x")),
        ("/r/identity-provider/instances", provider("x")),
    ] {
        let answers = join_all((0..MANY).map(|_| async { admin.post(path, body.clone()).await.status })).await;
        let (made, refused): (Vec<u16>, Vec<u16>) = answers.into_iter().partition(|status| *status == 201);
        assert_eq!((made.len(), refused), (1, vec![409; MANY - 1]), "{path}");
    }
}

#[tokio::test]
async fn a_deletion_and_an_addition_at_the_same_time_leave_nothing_half_done() {
    let admin = on_sled().await;
    admin.put("/r", json!({ "organizationsEnabled": true })).await.is(204);
    for n in 0..MANY {
        let (organization, group) = (
            admin.create("/r/organizations", json!({ "name": format!("o{n}") })).await,
            admin.create("/r/groups", json!({ "name": format!("g{n}") })).await,
        );
        let (at, below) = (format!("/r/organizations/{organization}"), format!("/r/groups/{group}"));
        let (inner, children) = (format!("{at}/groups"), format!("{below}/children"));
        let (made, gone, made_below, gone_below) = tokio::join!(
            admin.post(&inner, json!({ "name": "inner" })),
            admin.delete(&at),
            admin.post(&children, json!({ "name": "child" })),
            admin.delete(&below),
        );
        assert_eq!((gone.status, gone_below.status), (204, 204), "a deletion is not refused for what comes at the same time");
        assert!([201, 404].contains(&made.status) && [201, 404].contains(&made_below.status), "{} {}", made.text(), made_below.text());
        admin.get(&at).await.is(404);
        admin.get(&inner).await.is(404);
    }
    assert_eq!(admin.read("/r/groups/count").await, json!({ "count": 0 }), "no child without its parent");

    // In the tree of an organization that stays.
    let groups = format!("/r/organizations/{}/groups", admin.create("/r/organizations", json!({ "name": "stays" })).await);
    for n in 0..MANY {
        let id = admin.create(&groups, json!({ "name": format!("g{n}") })).await;
        let elsewhere = admin.create(&groups, json!({ "name": format!("moves{n}") })).await;
        let (below, children) = (format!("{groups}/{id}"), format!("{groups}/{id}/children"));
        let (made, moved, gone) = tokio::join!(
            admin.post(&children, json!({ "name": "child" })),
            admin.post(&children, json!({ "id": elsewhere, "name": format!("moves{n}") })),
            admin.delete(&below),
        );
        assert_eq!(gone.status, 204);
        assert!([201, 404].contains(&made.status) && [201, 204, 404].contains(&moved.status), "{} {}", made.text(), moved.text());
        let (stays, expected) = (admin.get(&format!("{groups}/{elsewhere}")).await.status, if moved.status == 404 { 200 } else { 404 });
        assert_eq!(stays, expected, "what was moved into the branch went with it");
        if made.status == 201 {
            admin.get(&format!("{groups}/{}", made.field("id"))).await.is(404);
        }
    }
}
