//! Authentication management: flows, their steps and configurations, required actions; seen through other routes and in tokens.

use serde_json::{Value, json};

use super::Administrator;

const FLOWS: &str = "/r/authentication/flows";

/// Level, name and requirement of everything that a flow runs.
async fn steps(admin: &Administrator, flow: &str) -> Vec<(u64, String, String)> {
    let list = admin.read(&format!("{FLOWS}/{flow}/executions")).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |step: &Value| (step["level"].as_u64().unwrap_or(99), text(&step["displayName"]), text(&step["requirement"]));
    list.as_array().expect("a list").iter().map(line).collect()
}

async fn names(admin: &Administrator, flow: &str) -> Vec<String> {
    steps(admin, flow).await.into_iter().map(|(_, name, _)| name).collect()
}

async fn aliases(admin: &Administrator) -> Vec<String> {
    let list = admin.read(FLOWS).await;
    list.as_array()
        .expect("a list")
        .iter()
        .map(|flow| flow["alias"].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn new_flow(admin: &Administrator, alias: &str) -> String {
    admin
        .create(FLOWS, json!({ "alias": alias, "providerId": "basic-flow", "topLevel": true, "builtIn": false }))
        .await
}

async fn add(admin: &Administrator, flow: &str, provider: &str) -> String {
    admin.create(&format!("{FLOWS}/{flow}/executions/execution"), json!({ "provider": provider })).await
}

#[tokio::test]
async fn a_flow_is_copied_with_everything_below_and_deleted_with_it() {
    let admin = Administrator::with_realm().await;
    let copy = admin.post(&format!("{FLOWS}/browser/copy"), json!({ "newName": "mine" })).await;
    copy.is(201);
    let id = copy.header("location").and_then(|at| at.rsplit('/').next()).expect("an address").to_owned();
    let (original, copied) = (steps(&admin, "browser").await, steps(&admin, "mine").await);
    assert_eq!(original.len(), copied.len());
    for ((level, name, requirement), (copied_level, copied_name, copied_requirement)) in original.iter().zip(&copied) {
        assert_eq!((level, requirement), (copied_level, copied_requirement));
        assert!(copied_name == name || *copied_name == format!("mine {name}"), "{name} became {copied_name}");
    }
    // The configuration of the condition is a copy, too: changing it leaves the original alone.
    let list = admin.read(&format!("{FLOWS}/mine/executions")).await;
    let condition = list.as_array().and_then(|list| list.iter().find(|step| step["providerId"] == "conditional-credential"));
    let config = condition.and_then(|step| step["authenticationConfig"].as_str()).expect("a configuration").to_owned();
    let config = format!("/r/authentication/config/{config}");
    assert_eq!(admin.read(&config).await["alias"], "mine browser-conditional-credential");

    let flow = admin.read(&format!("{FLOWS}/{id}")).await;
    assert_eq!((&flow["builtIn"], &flow["topLevel"], &flow["alias"]), (&json!(false), &json!(true), &json!("mine")));
    admin.delete(&format!("{FLOWS}/{id}")).await.is(204);
    assert!(!aliases(&admin).await.contains(&"mine".to_owned()));
    admin.get(&format!("{FLOWS}/mine%20forms/executions")).await.says(404, json!({ "error": "Flow not found" }));
    admin.get(&config).await.says(404, json!({ "error": "Could not find authenticator config" }));
    assert_eq!(steps(&admin, "browser").await, original);
}

#[tokio::test]
async fn a_flow_that_something_is_bound_to_stays_and_a_new_name_reaches_what_is_bound() {
    let admin = Administrator::with_realm().await;
    let id = new_flow(&admin, "mine").await;
    let flow = format!("{FLOWS}/{id}");
    let in_use = |by: &str| json!({ "errorMessage": format!("Flow mine is used by {by}") });

    admin.put("/r", json!({ "browserFlow": "mine" })).await.is(204);
    admin.delete(&flow).await.says(409, in_use("the realm"));
    admin.put(&flow, json!({ "alias": "ours", "description": "d" })).await.is(204);
    let realm = admin.read("/r").await;
    assert_eq!((&realm["browserFlow"], &realm["directGrantFlow"]), (&json!("ours"), &json!("direct grant")));
    admin.put(&flow, json!({ "alias": "mine" })).await.is(204);
    assert_eq!(admin.read(&flow).await["description"], "d");
    admin.put("/r", json!({ "browserFlow": "browser" })).await.is(204);

    let overrides = json!({ "clientId": "app", "authenticationFlowBindingOverrides": { "browser": id } });
    let client = admin.create("/r/clients", overrides).await;
    admin.delete(&flow).await.says(409, in_use("client app"));
    admin.delete(&format!("/r/clients/{client}")).await.is(204);
    admin.delete(&flow).await.is(204);
    admin.put("/r", json!({ "browserFlow": "mine" })).await.is(400);
}

#[tokio::test]
async fn steps_are_added_at_the_end_moved_by_one_place_and_deleted_with_what_they_run() {
    let admin = Administrator::with_realm().await;
    new_flow(&admin, "f").await;
    let cookie = add(&admin, "f", "auth-cookie").await;
    let password = add(&admin, "f", "auth-password-form").await;
    let sub = json!({ "alias": "sub", "type": "basic-flow", "description": "d", "provider": "ignored" });
    let sub = admin.create(&format!("{FLOWS}/f/executions/flow"), sub).await;
    let otp = add(&admin, "sub", "auth-otp-form").await;
    let disabled = |level, name: &str| (level, name.to_owned(), "DISABLED".to_owned());
    // What can only be required is.
    let form = (0, "Password Form".to_owned(), "REQUIRED".to_owned());
    assert_eq!(steps(&admin, "f").await, [disabled(0, "Cookie"), form, disabled(0, "sub"), disabled(1, "OTP Form")]);

    admin.post(&format!("/r/authentication/executions/{password}/raise-priority"), json!(null)).await.is(204);
    admin.post(&format!("/r/authentication/executions/{password}/raise-priority"), json!(null)).await.is(204);
    assert_eq!(names(&admin, "f").await, ["Password Form", "Cookie", "sub", "OTP Form"]);
    admin.post(&format!("/r/authentication/executions/{password}/lower-priority"), json!(null)).await.is(204);
    admin.post(&format!("/r/authentication/executions/{cookie}/lower-priority"), json!(null)).await.is(204);
    assert_eq!(names(&admin, "f").await, ["Password Form", "Cookie", "sub", "OTP Form"]);

    admin
        .put(&format!("{FLOWS}/f/executions"), json!({ "id": cookie, "requirement": "ALTERNATIVE", "priority": 77 }))
        .await
        .is(204);
    let read = admin.read(&format!("/r/authentication/executions/{cookie}")).await;
    assert_eq!((&read["requirement"], &read["priority"]), (&json!("ALTERNATIVE"), &json!(77)));
    assert_eq!(names(&admin, "f").await, ["Password Form", "sub", "OTP Form", "Cookie"]);
    let list = admin.read(&format!("{FLOWS}/f/executions")).await;
    let line = list
        .as_array()
        .and_then(|list| list.iter().find(|line| line["flowId"] == json!(sub)))
        .expect("the sub-flow")
        .clone();
    let mut renamed = line.clone();
    renamed["displayName"] = json!("other");
    admin.put(&format!("{FLOWS}/f/executions"), renamed).await.is(204);
    assert_eq!(admin.read(&format!("{FLOWS}/{sub}")).await["alias"], "other");

    admin.delete(&format!("/r/authentication/executions/{}", line["id"].as_str().expect("an id"))).await.is(204);
    admin
        .get(&format!("/r/authentication/executions/{otp}"))
        .await
        .says(404, json!({ "error": "Illegal execution" }));
    admin.get(&format!("{FLOWS}/{sub}")).await.says(404, json!({ "error": "Could not find flow with id" }));
}

#[tokio::test]
async fn a_configuration_belongs_to_its_steps() {
    let admin = Administrator::with_realm().await;
    new_flow(&admin, "f").await;
    let step = add(&admin, "f", "identity-provider-redirector").await;
    let of_step = format!("/r/authentication/executions/{step}/config");
    let first = admin.create(&of_step, json!({ "alias": "c", "config": { "defaultProvider": "google", "empty": "" } })).await;
    let read = admin.read(&format!("{of_step}/{first}")).await;
    assert_eq!(read, json!({ "id": first, "alias": "c", "config": { "defaultProvider": "google" } }));
    let line = admin.read(&format!("{FLOWS}/f/executions")).await[0].clone();
    assert_eq!((&line["alias"], &line["authenticationConfig"]), (&json!("c"), &json!(first)));
    admin.post(&of_step, json!({ "alias": "c" })).await.is(409);
    admin.post(&of_step, json!({ "config": {} })).await.says(400, json!({ "errorMessage": "Alias missing" }));

    admin
        .put(&format!("/r/authentication/config/{first}"), json!({ "alias": "d", "config": { "defaultProvider": "x" } }))
        .await
        .is(204);
    assert_eq!(admin.read(&format!("/r/authentication/config/{first}")).await["config"]["defaultProvider"], "x");
    // A new one takes the place of the old one, which nobody uses then.
    let second = admin.create(&of_step, json!({ "alias": "e" })).await;
    admin.get(&format!("/r/authentication/config/{first}")).await.is(404);
    admin.delete(&format!("/r/authentication/config/{second}")).await.is(204);
    assert_eq!(admin.read(&format!("{FLOWS}/f/executions")).await[0].get("authenticationConfig"), None);

    let own = admin.create("/r/authentication/config", json!({ "alias": "own", "config": { "k": "v" } })).await;
    let flow = admin.read(FLOWS).await;
    let flow = flow.as_array().and_then(|list| list.iter().find(|flow| flow["alias"] == "f")).expect("the flow")["id"].clone();
    let given = json!({ "parentFlow": flow, "authenticator": "auth-cookie", "requirement": "ALTERNATIVE", "authenticatorConfig": own });
    let whole = admin.create("/r/authentication/executions", given).await;
    assert_eq!(admin.read(&format!("/r/authentication/executions/{whole}")).await["authenticatorConfig"], json!(own));
}

#[tokio::test]
async fn what_every_realm_begins_with_is_protected() {
    let admin = Administrator::with_realm().await;
    let list = admin.read(FLOWS).await;
    let browser = list.as_array().and_then(|list| list.iter().find(|flow| flow["alias"] == "browser")).expect("browser")["id"].clone();
    let browser = browser.as_str().expect("an id");
    admin.delete(&format!("{FLOWS}/{browser}")).await.says(400, json!({ "error": "Can't delete built in flow" }));
    let before = admin.read(&format!("{FLOWS}/browser/executions")).await;
    let first = before[0]["id"].as_str().expect("an id");
    for (method, path, body, refusal) in [
        ("DELETE", format!("/r/authentication/executions/{first}"), None, "It is illegal to remove execution from a built in flow"),
        (
            "POST",
            format!("/r/authentication/executions/{first}/lower-priority"),
            None,
            "It is illegal to modify execution in a built in flow",
        ),
        (
            "POST",
            format!("{FLOWS}/browser/executions/flow"),
            Some(json!({ "alias": "x", "type": "basic-flow" })),
            "It is illegal to add sub-flow to a built in flow",
        ),
        (
            "POST",
            "/r/authentication/executions".to_owned(),
            Some(json!({ "parentFlow": browser, "authenticator": "auth-cookie" })),
            "It is illegal to add execution to a built in flow",
        ),
        (
            "PUT",
            format!("{FLOWS}/browser/executions"),
            Some(json!({ "id": first, "priority": 99 })),
            "It is illegal to modify execution in a built in flow",
        ),
    ] {
        admin.ask(method, &path, body.as_ref()).await.says(400, json!({ "error": refusal }));
    }
    // Not even by claiming that it is not built in.
    admin
        .put(&format!("{FLOWS}/{browser}"), json!({ "alias": "browser", "builtIn": false, "topLevel": false }))
        .await
        .is(204);
    admin.delete(&format!("{FLOWS}/{browser}")).await.is(400);
    assert_eq!(admin.read(&format!("{FLOWS}/browser/executions")).await, before);
}

#[tokio::test]
async fn bad_input_changes_nothing() {
    let admin = Administrator::with_realm().await;
    let outer = new_flow(&admin, "outer").await;
    let inner = admin
        .create(&format!("{FLOWS}/outer/executions/flow"), json!({ "alias": "inner", "type": "basic-flow" }))
        .await;
    let before = admin.read(FLOWS).await;
    let long = "x".repeat(300);
    let executions = "/r/authentication/executions".to_owned();
    for (path, body, status) in [
        (FLOWS.to_owned(), json!({ "alias": long }), 400),
        (FLOWS.to_owned(), json!({ "alias": "a/b" }), 400),
        (FLOWS.to_owned(), json!({ "alias": "a", "providerId": "nope" }), 400),
        (FLOWS.to_owned(), json!({ "alias": "a", "nope": 1 }), 400),
        (FLOWS.to_owned(), json!(["a"]), 400),
        (format!("{FLOWS}/outer/copy"), json!({}), 409),
        (format!("{FLOWS}/outer/copy"), json!({ "newName": long }), 400),
        (format!("{FLOWS}/nope/executions/execution"), json!({ "provider": "auth-cookie" }), 400),
        (format!("{FLOWS}/outer/executions/execution"), json!({ "provider": "client-secret" }), 400),
        (format!("{FLOWS}/outer/executions/flow"), json!({ "alias": "browser", "type": "basic-flow" }), 409),
        // A flow inside itself, directly and around a corner; one that stands alone; one of nobody.
        (executions.clone(), json!({ "parentFlow": inner, "flowId": inner }), 400),
        (executions.clone(), json!({ "parentFlow": inner, "flowId": outer }), 400),
        (executions.clone(), json!({ "parentFlow": outer, "flowId": "nope" }), 400),
        (executions.clone(), json!({ "parentFlow": "nope", "authenticator": "auth-cookie" }), 400),
        (executions.clone(), json!({ "parentFlow": outer, "authenticator": "auth-cookie", "requirement": "nope" }), 400),
        (executions, json!({ "parentFlow": outer, "authenticator": "auth-cookie", "authenticatorConfig": "nope" }), 404),
        ("/r/authentication/config".to_owned(), json!({ "alias": "c", "config": { "k": "v".repeat(1 << 17) } }), 400),
        ("/r/authentication/register-required-action".to_owned(), json!({ "providerId": "nope" }), 400),
        ("/r/authentication/register-required-action".to_owned(), json!({ "providerId": "VERIFY_EMAIL" }), 409),
    ] {
        let answer = admin.post(&path, body.clone()).await;
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text());
    }
    assert_eq!(admin.read(FLOWS).await, before);

    // The ids of one realm mean nothing in another.
    admin.post("", json!({ "realm": "other", "enabled": true })).await.is(201);
    admin.get(&format!("/other/authentication/flows/{outer}")).await.is(404);
    admin.delete(&format!("/other/authentication/flows/{outer}")).await.is(404);
}

#[tokio::test]
async fn flows_do_not_nest_without_end() {
    let admin = Administrator::with_realm().await;
    new_flow(&admin, "f0").await;
    let mut made = 0;
    for level in 1..50 {
        let body = json!({ "alias": format!("f{level}"), "type": "basic-flow" });
        let answer = admin.post(&format!("{FLOWS}/f{}/executions/flow", level - 1), body).await;
        if answer.status != 201 {
            answer.is(400);
            break;
        }
        made = level;
    }
    assert!((20..40).contains(&made), "{made}");
    assert_eq!(steps(&admin, "f0").await.len(), made);
    admin.post(&format!("{FLOWS}/f0/copy"), json!({ "newName": "c" })).await.is(201);
    assert_eq!(steps(&admin, "c").await.len(), made);
}

#[tokio::test]
async fn required_actions_are_ordered_registered_and_given_to_new_users() {
    let admin = Administrator::with_realm().await;
    let actions = "/r/authentication/required-actions";
    let order = async || {
        let list = admin.read(actions).await;
        list.as_array()
            .expect("a list")
            .iter()
            .map(|action| action["alias"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let before = order().await;
    let at = before.iter().position(|alias| alias == "UPDATE_PASSWORD").expect("an action");
    admin.post(&format!("{actions}/UPDATE_PASSWORD/raise-priority"), json!(null)).await.is(204);
    assert_eq!(order().await[at - 1], "UPDATE_PASSWORD");
    admin.post(&format!("{actions}/UPDATE_PASSWORD/lower-priority"), json!(null)).await.is(204);
    assert_eq!(order().await, before);

    admin.delete(&format!("{actions}/delete_account")).await.is(204);
    let free = json!([{ "providerId": "delete_account", "name": "Delete Account" }]);
    assert_eq!(admin.read("/r/authentication/unregistered-required-actions").await, free);
    admin
        .post("/r/authentication/register-required-action", json!({ "providerId": "delete_account", "name": "Leave" }))
        .await
        .is(204);
    let read = admin.read(&format!("{actions}/delete_account")).await;
    assert_eq!((&read["name"], &read["enabled"]), (&json!("Leave"), &json!(true)));
    assert_eq!(order().await.last().map(String::as_str), Some("delete_account"));

    let config = format!("{actions}/UPDATE_PASSWORD/config");
    admin.put(&config, json!({ "config": { "max_auth_age": "60" } })).await.is(204);
    assert_eq!(admin.read(&config).await, json!({ "config": { "max_auth_age": "60" } }));
    admin.put(&config, json!({ "config": { "max_auth_age": "soon" } })).await.is(400);
    admin.put(&config, json!({ "config": { "max_auth_age": "-1" } })).await.is(400);
    assert_eq!(admin.read(&format!("{actions}/UPDATE_PASSWORD")).await["config"], json!({ "max_auth_age": "60" }));
    admin.delete(&config).await.is(204);
    assert_eq!(admin.read(&config).await, json!({ "config": {} }));
    admin
        .get(&format!("{actions}/NOPE/config"))
        .await
        .says(400, json!({ "error": "RequiredAction is not configurable" }));

    // A default action stands on new users, and between them and a token.
    let user = |name: &str| {
        json!({ "username": name, "enabled": true, "email": format!("{name}@example.org"), "firstName": "A", "lastName": "B",
            "credentials": [{ "value": "secret" }] })
    };
    let sign_in = async |name: &str| {
        let form = [("grant_type", "password"), ("client_id", "admin-cli"), ("username", name), ("password", "secret")];
        admin.app.oidc("r", "token", &form).await
    };
    admin.create("/r/users", user("anna")).await;
    let read = admin.read(&format!("{actions}/VERIFY_EMAIL")).await;
    let mut given = read.clone();
    given["defaultAction"] = json!(true);
    admin.put(&format!("{actions}/VERIFY_EMAIL"), given).await.is(204);
    let bert = admin.create("/r/users", user("bert")).await;
    assert_eq!(admin.read(&format!("/r/users/{bert}")).await["requiredActions"], json!(["VERIFY_EMAIL"]));
    sign_in("anna").await.is(200);
    let refused = sign_in("bert").await;
    assert_eq!((refused.status, refused.field("error_description").as_str()), (400, "Account is not fully set up"));
    let mut other = read;
    other["alias"] = json!("VERIFY_PHONE");
    admin.put(&format!("{actions}/VERIFY_EMAIL"), other).await.is(400);
}

#[tokio::test]
async fn the_lists_say_what_a_flow_can_be_made_of() {
    let admin = Administrator::with_realm().await;
    let base = "/r/authentication";
    let basic = admin.read(&format!("{base}/authenticator-providers")).await;
    assert_eq!(basic.as_array().map(Vec::len), Some(42));
    assert_eq!(
        basic[2],
        json!({ "displayName": "Cookie", "description": "Validates the SSO cookie set by the auth server.", "id": "auth-cookie" })
    );
    assert_eq!(admin.read(&format!("{base}/client-authenticator-providers")).await[1]["supportsSecret"], true);
    assert_eq!(admin.read(&format!("{base}/form-providers")).await[0]["id"], "registration-page-form");
    assert_eq!(admin.read(&format!("{base}/form-action-providers")).await.as_array().map(Vec::len), Some(5));
    // Everything that is listed can be added to a flow of its kind, and describes its settings.
    for (kind, list) in [
        ("basic-flow", "authenticator-providers"),
        ("form-flow", "form-action-providers"),
        ("client-flow", "client-authenticator-providers"),
    ] {
        admin.post(FLOWS, json!({ "alias": kind, "providerId": kind, "topLevel": true })).await.is(201);
        let listed = admin.read(&format!("{base}/{list}")).await;
        for provider in listed.as_array().expect("a list") {
            let id = provider["id"].as_str().expect("an id");
            add(&admin, kind, id).await;
            assert_eq!(admin.read(&format!("{base}/config-description/{id}")).await["name"], provider["displayName"]);
        }
        assert_eq!(steps(&admin, kind).await.len(), listed.as_array().map_or(0, Vec::len));
    }
    assert_eq!(admin.read(&format!("{base}/per-client-config-description")).await["client-jwt"], json!([]));
}

#[tokio::test]
async fn every_change_is_told() {
    let admin = Administrator::with_realm().await;
    admin.put("/r", json!({ "adminEventsEnabled": true, "adminEventsDetailsEnabled": true })).await.is(204);
    let flow = new_flow(&admin, "f").await;
    let step = add(&admin, "f", "auth-cookie").await;
    admin.post(&format!("/r/authentication/executions/{step}/raise-priority"), json!(null)).await.is(204);
    admin.delete("/r/authentication/required-actions/delete_account").await.is(204);
    admin.delete(&format!("{FLOWS}/{flow}")).await.is(204);
    let events = admin.read("/r/admin-events?max=5").await;
    let told: Vec<_> = events
        .as_array()
        .expect("a list")
        .iter()
        .rev()
        .map(|event| ["operationType", "resourceType", "resourcePath"].map(|name| event[name].as_str().unwrap_or_default().to_owned()))
        .collect();
    let expected = [
        ["CREATE", "AUTH_FLOW", &format!("authentication/flows/{flow}")],
        ["CREATE", "AUTH_EXECUTION", "authentication/flows/f/executions/execution"],
        ["UPDATE", "AUTH_EXECUTION", &format!("authentication/executions/{step}/raise-priority")],
        ["DELETE", "REQUIRED_ACTION", "authentication/required-actions/delete_account"],
        ["DELETE", "AUTH_FLOW", &format!("authentication/flows/{flow}")],
    ];
    assert_eq!(told, expected.map(|row| row.map(str::to_owned)));
}
