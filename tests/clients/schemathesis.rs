//! schemathesis: every operation of our OpenAPI document, called with what its schemas allow and with what they do not. It knows
//! nothing of Keycloak, so it asks what no client would.

use std::path::Path;
use std::process::{Command, Output};

use keywright::routes;
use keywright::web::route::Feature;
use serde_json::Value;

use super::{installed, source};
use crate::support::app::TestApp;
use crate::support::http::Request;

/// How much is asked.
struct Extent {
    seconds: u32,
    /// Requests to one operation before it is the next one's turn; with time left there is another round.
    examples: u32,
    phases: &'static str,
}

/// Calls the operations of a server of its own as master's administrator; what it answered, by status and by operation.
async fn fuzz(extent: Extent) -> (Output, Value) {
    let app = TestApp::new().await;
    let token = app.administrator().await.field("access_token");
    let files = tempfile::tempdir().expect("a directory");
    let management = app.management.clone().expect("a standalone server has one");
    let document = app.send_to(&management, &Request::new("GET", "/auth/openapi.json")).await.ok();
    let (description, report) = (files.path().join("openapi.json"), files.path().join("report.json"));
    std::fs::write(&description, &document.body).expect("the document is kept");
    let mut command = Command::new(installed("schemathesis/bin/schemathesis"));
    command
        .arg("run")
        .arg(&description)
        .args(["--url", &app.base, "--checks", "serves", "--seed", "20261122", "--phases", extent.phases])
        .args(["--max-time", &extent.seconds.to_string(), "--max-examples", &extent.examples.to_string()])
        .args(["--header", &format!("Authorization: Bearer {token}"), "--request-timeout", "60"])
        .args(["--suppress-health-check", "all", "--generation-database", "none", "--warnings", "off", "--no-color"])
        .args(["--continue-on-failure", "--no-shrink"])
        .current_dir(files.path())
        .env("SCHEMATHESIS_HOOKS", source("schemathesis/hooks.py"))
        .env("KEYWRIGHT_URL", &app.base)
        .env("KEYWRIGHT_TOKEN", &token)
        .env("KEYWRIGHT_REPORT", &report);
    let output = tokio::task::spawn_blocking(move || command.output().expect("schemathesis runs; tests/clients/setup.sh installs it"));
    let output = output.await.expect("it ended");
    (output, read(&report))
}

fn read(report: &Path) -> Value {
    std::fs::read(report).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// No fault, no crash, 501 only where the document says so (the check stands in hooks.py), and it was let in.
fn judge((output, report): (Output, Value), least: u64) {
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let count = |range: std::ops::Range<u16>| -> u64 {
        let answers = report["answers"].as_object().into_iter().flatten();
        let counted = answers.filter(|(status, _)| status.parse().is_ok_and(|status| range.contains(&status)));
        counted.map(|(_, count)| count.as_u64().unwrap_or(0)).sum()
    };
    let (all, good) = (count(100..600), count(200..300));
    assert!(all >= least, "only {all} requests were sent: {told}");
    assert!(report["answers"].get("locked out").is_none(), "the administrator was locked out: {}", report["answers"]);
    for row in routes::public().iter().filter(|row| row.feature == Feature::Off) {
        let answers = &report["operations"][format!("{} {}", row.method, row.path.replace("*}", "}"))];
        let is_served = answers.as_object().is_some_and(|answers| !answers.contains_key("501"));
        assert!(!is_served, "{} {} is switched off and answers {answers}", row.method, row.path);
    }
    assert!(good * 4 > all, "{good} of {all} requests did something: {}", report["answers"]);
}

#[tokio::test]
async fn a_minute_of_generated_requests_finds_no_fault() {
    // On a machine that is busy with other things these are few; the long run makes up for it.
    let least = 60;
    judge(fuzz(Extent { seconds: 50, examples: 4, phases: "fuzzing" }).await, least);
}

#[tokio::test]
#[ignore = "ten minutes: make test-all"]
async fn ten_minutes_of_generated_requests_find_no_fault() {
    let least = 4_000;
    judge(fuzz(Extent { seconds: 600, examples: 100, phases: "coverage,fuzzing" }).await, least);
}
