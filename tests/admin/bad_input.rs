//! Every operation of the Admin REST API with input that is none: an error in Keycloak's shape, never a crash. The rows are
//! enumerated, so a new one is asked without being written here.

use std::collections::{BTreeMap, BTreeSet};

use keywright::routes;
use keywright::web::route::Policy;
use serde_json::{Value, json};

use super::Administrator;
use crate::support::http::Request;

/// What stands in the place of a path's parameters: nothing that is there.
const NOWHERE: [&str; 4] = ["nope", "00000000-0000-4000-8000-000000000000", "%00%0a%22'", "..%2f..%2fmaster"];

struct Operation {
    method: String,
    template: String,
    /// Below `/admin/realms`.
    path: String,
    takes_body: bool,
}

/// Every operation of realm `r`, with `filler` for every other parameter.
fn operations(filler: &str) -> Vec<Operation> {
    let rows = routes::public().into_iter().filter(|row| matches!(row.policy, Policy::Admin(_)));
    rows.filter_map(|row| {
        let path = row.path.strip_prefix("/admin/realms")?;
        let fill = |part: &str| match part {
            "{realm}" => "r".to_owned(),
            part if part.starts_with('{') => filler.to_owned(),
            part => part.to_owned(),
        };
        let filled = path.split('/').map(fill).collect::<Vec<_>>().join("/");
        // The realm itself is needed until the end.
        let keep = !(path == "/{realm}" && row.method.as_str() != "GET");
        keep.then(|| Operation {
            method: row.method.to_string(),
            template: row.path.to_owned(),
            path: filled,
            takes_body: row.body_limit > 0,
        })
    })
    .collect()
}

fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
    let deep_objects = [b"{\"a\":".repeat(10_000), b"1".to_vec(), b"}".repeat(10_000)].concat();
    let many = serde_json::to_vec(&vec![json!({ "name": "x" }); 10_000]).expect("JSON");
    let wrong =
        json!({ "id": {}, "name": [], "username": 7, "alias": {}, "clientId": [], "enabled": "perhaps", "attributes": "x", "config": 1 });
    vec![
        ("nothing", Vec::new()),
        ("no JSON", b"{\"name\": ".to_vec()),
        ("another type", b"7".to_vec()),
        ("null", b"null".to_vec()),
        ("a text", b"\"x\"".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("an empty list", b"[]".to_vec()),
        ("a list of nonsense", b"[null, 7, [], {\"id\": 7}]".to_vec()),
        ("wrong types", wrong.to_string().into_bytes()),
        ("unknown members", b"{\"nonsense\": {\"a\": [1, 2]}}".to_vec()),
        ("invalid UTF-8", b"{\"name\": \"\xff\xfe\"}".to_vec()),
        ("lists in lists", deep),
        ("objects in objects", deep_objects),
        ("a huge list", many),
        (
            "odd names",
            json!({ "name": "\u{0}\u{202e}", "alias": "../..", "username": " ", "clientId": "\n" })
                .to_string()
                .into_bytes(),
        ),
    ]
}

/// A sentence if an answer is not a proper refusal or success.
fn complaint(operation: &Operation, what: &str, status: u16, body: &str, absent: &BTreeSet<String>) -> Option<String> {
    let called = format!("{} {}", operation.method, operation.template);
    // What cannot be sent without a mail server is a 500 of Keycloak's, too.
    let mail =
        called.contains("email") || called.contains("invite-") || called.contains("/resend") || called.contains("testSMTPConnection");
    let fine = match status {
        501 => absent.contains(&called) || mail,
        500 => mail,
        502..=599 => false,
        400..=499 => body.is_empty() || serde_json::from_str::<Value>(body).is_ok_and(|body| is_a_refusal(&body)),
        _ => true,
    };
    (!fine).then(|| format!("{called} with {what}: {status} {body:.200}"))
}

/// One of Keycloak's shapes: `error`, `errorMessage`, or a list of those.
fn is_a_refusal(body: &Value) -> bool {
    ["error", "errorMessage", "errors"].iter().any(|name| body.get(name).is_some())
}

/// The operations whose features are not there: those that answer 501 to a request with nothing wrong in it.
async fn absent(admin: &Administrator) -> BTreeSet<String> {
    let mut absent = BTreeSet::new();
    for operation in operations("nope") {
        let body = operation.takes_body.then(|| json!({}));
        let answer = admin.ask(&operation.method, &operation.path, body.as_ref()).await;
        if answer.status == 501 {
            absent.insert(format!("{} {}", operation.method, operation.template));
        }
    }
    absent
}

#[tokio::test]
async fn input_that_is_none_is_refused_by_every_operation_in_keycloaks_shape() {
    let admin = Administrator::with_realm().await;
    admin.put("/r", json!({ "organizationsEnabled": true, "accessTokenLifespan": 36_000 })).await.is(204);
    let admin = Administrator { token: admin.app.administrator().await.field("access_token"), ..admin };
    let absent = absent(&admin).await;
    let mut complaints: BTreeMap<String, usize> = BTreeMap::new();
    let mut complain = |complaint: Option<String>| {
        if let Some(complaint) = complaint {
            *complaints.entry(complaint).or_default() += 1;
        }
    };
    let bodies = bodies();
    for filler in NOWHERE {
        for operation in operations(filler) {
            let target = admin.app.target(&format!("/admin/realms{}", operation.path));
            let request = Request::new(&operation.method, &target).bearer(&admin.token);
            if !operation.takes_body {
                for query in [
                    "",
                    "?first=-1&max=-1",
                    "?first=99999999999999999999&max=x",
                    "?max=2147483647&search=%00&q=%22:",
                    "?briefRepresentation=7&exact=&a=%ff",
                ] {
                    let request = Request { target: format!("{target}{query}"), ..request.clone() };
                    let answer = admin.app.send(&request).await;
                    complain(complaint(&operation, query, answer.status, &answer.text(), &absent));
                }
                continue;
            }
            // With one filler all bodies, with the others those that come far.
            let wanted = if filler == NOWHERE[0] { &bodies[..] } else { &bodies[5..9] };
            for (what, body) in wanted {
                let mut request = request.clone().header("content-type", "application/json");
                request.body.clone_from(body);
                let answer = admin.app.send(&request).await;
                complain(complaint(&operation, what, answer.status, &answer.text(), &absent));
            }
            let types: &[&str] = if filler == NOWHERE[0] { &["text/html", "application/x-www-form-urlencoded", ""] } else { &[] };
            for content_type in types {
                let mut request = request.clone().header("content-type", *content_type);
                request.body = b"a=%ff&%zz=b".to_vec();
                let answer = admin.app.send(&request).await;
                complain(complaint(&operation, content_type, answer.status, &answer.text(), &absent));
            }
        }
    }
    let all: Vec<&String> = complaints.keys().collect();
    assert!(all.is_empty(), "{} complaints: {all:#?}", all.len());
    assert_eq!(admin.read("/r").await["realm"], "r", "the realm is still there");
}
