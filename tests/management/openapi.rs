//! The OpenAPI document: every operation is in it with what it takes, and what Keycloak's has beyond it stands in
//! docs/compatibility.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use keywright::management::openapi;
use keywright::routes;
use keywright::web::query::Kind;
use keywright::web::route::{Feature, Policy};
use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::http::Request;
use crate::support::kept;

const BEGIN: &str = "<!-- openapi: begin -->\n";
const END: &str = "<!-- openapi: end -->\n";

fn document() -> Value {
    openapi::document(&routes::public()).expect("every representation has a schema")
}

/// A path without the names of its parameters, which say nothing to a server.
fn anonymous(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn the_management_port_serves_a_document_with_every_operation() {
    let app = TestApp::new().await;
    let Some(management) = &app.management else { return };
    let answer = app.send_to(management, &Request::new("GET", "/auth/openapi.json")).await;
    assert_eq!(answer.status, 200);
    let served = answer.json().expect("JSON");
    assert_eq!(served, document());
    for row in routes::public().iter().filter(|row| matches!(row.policy, Policy::Admin(_))) {
        let operation = &served["paths"][row.path.replace("*}", "}")][row.method.as_str().to_lowercase()];
        assert!(operation.is_object(), "{} {}", row.method, row.path);
        assert_eq!(operation["requestBody"].is_object(), row.body_limit > 0, "{} {}", row.method, row.path);
        assert_eq!(operation["responses"]["501"].is_object(), row.feature != Feature::On, "{} {}", row.method, row.path);
        let declared: Vec<_> = row.query.iter().copied().flatten().map(|parameter| parameter.name).collect();
        let told = operation["parameters"].as_array().into_iter().flatten().map(|one| one["name"].as_str().unwrap_or_default());
        assert_eq!(told.collect::<Vec<_>>(), declared, "{} {}", row.method, row.path);
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_has_an_id_of_its_own() {
    let document = document();
    let mut pending = vec![&document];
    while let Some(value) = pending.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        pending.extend(value.as_object().into_iter().flat_map(serde_json::Map::values));
        pending.extend(value.as_array().into_iter().flatten());
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item").iter().filter(|(name, _)| *name != "parameters") {
            assert!(ids.insert(operation["operationId"].clone().to_string()), "{method} {path}");
        }
    }
    assert!(ids.len() > 250, "{}", ids.len());
}

/// The members of a schema, those of its parts too.
fn members(document: &Value, name: &str) -> BTreeSet<String> {
    let schema = &document["components"]["schemas"][name];
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let inherited = parts.flat_map(|part| match part["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        Some(name) => members(document, name),
        None => part["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect(),
    });
    own.chain(inherited).collect()
}

/// What Keycloak's document has and ours has not, and the other way round, as Markdown.
fn differences() -> String {
    let document = document();
    let ours: BTreeSet<String> = routes::public()
        .iter()
        .filter(|row| matches!(row.policy, Policy::Admin(_)))
        .map(|row| format!("{} {}", row.method, anonymous(row.path)))
        .collect();
    let served = |operation: &str| {
        // A row for whatever is left of a path stands for all operations below it.
        let mut path = operation.to_owned();
        loop {
            if ours.contains(&path) || ours.contains(&format!("{path}/{{}}")) {
                return true;
            }
            match path.rsplit_once('/') {
                Some((above, _)) if above.contains("/authz/resource-server") || above.contains("/workflows") => path = above.to_owned(),
                _ => return false,
            }
        }
    };
    let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut theirs = BTreeSet::new();
    for line in include_str!("../fixtures/openapi/operations.txt").lines() {
        let (operation, resource) = line.split_once('\t').expect("an operation and its resource");
        theirs.insert(anonymous(operation));
        if !served(&anonymous(operation)) {
            let (method, path) = operation.split_once(' ').expect("a method and a path");
            let path = path.strip_prefix("/admin/realms/{realm}").unwrap_or(path);
            missing.entry(resource).or_default().push(format!("`{method} {path}`"));
        }
    }
    let beyond: Vec<String> = ours.difference(&theirs).map(|operation| format!("`{operation}`")).collect();
    let mut text = format!("{BEGIN}\n| Resource | Operations of Keycloak's document that are not here |\n|---|---|\n");
    for (resource, operations) in missing {
        text += &format!("| {resource} | {} |\n", operations.join(", "));
    }
    text += &format!("\nOnly here, by rows that stand for everything below a path: {}.\n\n", beyond.join(", "));
    text += "| Representation | Members of Keycloak's that are not here | Only here |\n|---|---|---|\n";
    let known: BTreeMap<String, BTreeSet<String>> =
        serde_json::from_str(include_str!("../fixtures/openapi/members.json")).expect("names by schema");
    for (name, theirs) in known {
        // Ours are called without the entity's long name in two places.
        let ours = members(&document, &name);
        if ours.is_empty() || ours == theirs {
            continue;
        }
        let list = |names: Vec<&String>| names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        text += &format!("| {name} | {} | {} |\n", list(theirs.difference(&ours).collect()), list(ours.difference(&theirs).collect()));
    }
    text + &query_differences() + "\n" + END
}

/// The parameters of query strings that differ, in name or type.
fn query_differences() -> String {
    let kind = |kind: Kind| match kind {
        Kind::Text => "string",
        Kind::Texts => "array",
        Kind::Flag => "boolean",
        Kind::Number => "integer",
    };
    let known: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_str(include_str!("../fixtures/openapi/query.json")).expect("types by operation and name");
    let known: BTreeMap<String, _> = known.into_iter().map(|(operation, parameters)| (anonymous(&operation), parameters)).collect();
    let mut text = String::from("\n| Operation | Query parameters of Keycloak's that are not here | Only here |\n|---|---|---|\n");
    for row in routes::public().iter().filter(|row| matches!(row.policy, Policy::Admin(_)) && row.feature != Feature::Off) {
        let own = row.query.iter().copied().flatten();
        let ours: BTreeSet<String> = own.map(|parameter| format!("`{}` ({})", parameter.name, kind(parameter.kind))).collect();
        let theirs = known.get(&format!("{} {}", row.method, anonymous(row.path))).into_iter().flatten();
        let theirs: BTreeSet<String> = theirs.map(|(name, kind)| format!("`{name}` ({kind})")).collect();
        if ours != theirs {
            let list = |names: Vec<&String>| names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let (missing, only) = (list(theirs.difference(&ours).collect()), list(ours.difference(&theirs).collect()));
            let path = row.path.strip_prefix("/admin/realms/{realm}").unwrap_or(row.path);
            text += &format!("| `{} {path}` | {missing} | {only} |\n", row.method);
        }
    }
    text
}

/// A row may declare only what somebody reads: the handler gets the parameter by its name.
#[test]
fn every_parameter_that_a_row_declares_is_read_by_a_handler() {
    let mut source = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the source is there").flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if path.ends_with("query.rs") => {}
                path => source += &std::fs::read_to_string(path).expect("source is text"),
            }
        }
    }
    let mut declared = 0;
    for parameter in routes::public().iter().flat_map(|row| row.query.iter().copied().flatten()) {
        assert!(source.contains(&format!("\"{}\"", parameter.name)), "{} is read nowhere", parameter.name);
        declared += 1;
    }
    assert!(declared > 150, "{declared}");
}

#[test]
fn what_differs_from_keycloaks_document_is_a_table_in_the_documentation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compatibility.md");
    let documentation = std::fs::read_to_string(&path).expect("docs/compatibility.md");
    let (before, rest) = documentation.split_once(BEGIN).expect("the table's beginning");
    let (_, after) = rest.split_once(END).expect("the table's end");
    let expected = format!("{before}{}{after}", differences());
    let kept = kept("docs/compatibility.md", &expected);
    assert!(kept == expected, "docs/compatibility.md must have this table (UPDATE_KEPT=1 writes it):\n{}", differences());
}
