//! What `/metrics` prints is what docs/metrics.md, the dashboard and the alert rules talk about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::http::Request;

/// A server on sled in which everything that is measured has happened once.
async fn printed() -> String {
    let app = TestApp::builder().sled().start().await;
    app.administrator().await;
    let form = [("grant_type", "password"), ("client_id", "admin-cli"), ("username", "admin"), ("password", "wrong")];
    app.oidc("master", "token", &form).await;
    let answer = app.send_to(app.management.as_ref().unwrap(), &Request::new("GET", "/auth/metrics")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    answer.text()
}

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// Type and labels by name. A histogram has one name; the bound of a bucket is no label of ours.
fn described(text: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut metrics = BTreeMap::new();
    for line in text.lines() {
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, kind) = typed.split_once(' ').expect("a type");
            assert!(metrics.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new())).is_none(), "{name} stands twice");
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().expect("a name");
            let labels = line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(labels, _)| labels);
            let names = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0.to_owned())).filter(|name| name != "le");
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end))
                .filter(|name| metrics.contains_key(*name));
            let metric = metrics.get_mut(family.unwrap_or(name)).unwrap_or_else(|| panic!("{name} has no type"));
            metric.1.extend(names);
        }
    }
    metrics
}

#[tokio::test]
async fn every_metric_stands_in_the_documentation_with_its_type_and_labels() {
    let printed = described(&printed().await);
    let mut documented = BTreeMap::new();
    for row in file("docs/metrics.md").lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let labels = cells[2].split(',').map(|label| label.trim().trim_matches('`').to_owned()).filter(|label| !label.is_empty());
        documented.insert(cells[0].trim_matches('`').to_owned(), (cells[1].to_owned(), labels.collect::<BTreeSet<_>>()));
    }
    assert_eq!(printed, documented);
}

#[tokio::test]
async fn numbers_are_what_happened() {
    let text = printed().await;
    let line = |wanted: &str| text.lines().find(|line| line.starts_with(wanted)).unwrap_or_else(|| panic!("{wanted}: {text}"));
    let number = |wanted: &str| line(wanted).rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    let is = |wanted: &str, expected: f64| assert!((number(wanted) - expected).abs() < 0.5, "{}", line(wanted));
    is(r#"keycloak_user_events_total{error="",event="login",realm="master"}"#, 1.0);
    is(r#"keycloak_user_events_total{error="invalid_user_credentials",event="login",realm="master"}"#, 1.0);
    is(r#"keywright_tokens_issued_total{client_type="public",grant_type="password"}"#, 1.0);
    is(r#"keywright_tokens_issued_total{client_type="confidential",grant_type="password"}"#, 0.0);
    is(r#"keywright_refusals_total{error="invalid_grant"}"#, 1.0);
    is(r#"keycloak_credentials_password_hashing_validations_total{outcome="valid"}"#, 1.0);
    is(r#"keycloak_credentials_password_hashing_validations_total{outcome="invalid"}"#, 1.0);
    is(r#"keywright_sessions{kind="online"}"#, 1.0);
    is(r#"keywright_documents{kind="realm"}"#, 1.0);
    is("http_server_active_requests", 0.0);
    let uri = "/realms/{realm}/protocol/openid-connect/token";
    is(&format!("http_server_requests_seconds_count{{method=\"POST\",outcome=\"SUCCESS\",uri=\"{uri}\"}}"), 1.0);
    is(&format!("http_server_requests_seconds_count{{method=\"POST\",outcome=\"CLIENT_ERROR\",uri=\"{uri}\"}}"), 1.0);
    assert!(number(r#"keywright_store_commit_seconds_count{class="sessions"}"#) >= 1.0);
    assert!(number(r#"keywright_store_size_bytes{class="configuration"}"#) > 0.0);
    assert!(number("process_resident_memory_bytes") > 1e6);
}

/// The dashboard and the alerts ask for metrics that there are.
#[tokio::test]
async fn dashboard_and_alerts_ask_for_metrics_that_exist() {
    let known = described(&printed().await);
    let dashboard: Value = serde_json::from_str(&file("packaging/grafana/keywright.json")).unwrap();
    let mut queries = Vec::new();
    collect(&dashboard, "expr", &mut queries);
    let rules = file("packaging/prometheus/keywright-alerts.yml");
    queries.extend(rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(str::to_owned));
    assert!(queries.len() > 15, "{queries:?}");
    let name = regex::Regex::new(r"\b(?:keywright|keycloak|http_server|process|system)_[a-z0-9_]+").unwrap();
    for query in &queries {
        let asked: Vec<_> = name.find_iter(query).map(|found| found.as_str()).collect();
        assert!(!asked.is_empty(), "{query} asks for nothing of ours");
        for metric in asked {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| metric.strip_suffix(end)).unwrap_or(metric);
            assert!(known.contains_key(metric) || known.contains_key(family), "{metric} of {query:?} does not exist");
        }
    }
}

fn collect(value: &Value, field: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == field => found.push(text.to_owned()),
                    _ => collect(value, field, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, field, found)),
        _ => {}
    }
}

/// Names that Keycloak has mean the same here.
#[test]
fn names_of_keycloak_are_kept_where_they_mean_the_same() {
    let recorded: Value = serde_json::from_str(&file("tests/fixtures/live/public.json")).unwrap();
    let row = recorded["answers"].as_array().unwrap().iter().find(|row| row["name"] == "management metrics").unwrap();
    let theirs: BTreeSet<_> = row["metric_names"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for name in [
        "http_server_requests_seconds_count",
        "http_server_requests_seconds_sum",
        "http_server_active_requests",
        "keycloak_credentials_password_hashing_validations_total",
        "process_cpu_time_ns_total",
        "process_files_max_files",
        "process_files_open_files",
        "process_uptime_seconds",
        "system_cpu_count",
    ] {
        assert!(theirs.contains(name), "{name}");
    }
}
