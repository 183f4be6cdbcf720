//! TLS: a real chain, ALPN, versions, replacement without a restart. The clients are curl and `openssl s_client`.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use keywright::base::clock::{Clock as _, SystemClock};
use keywright::config::{ManagementScheme, TlsVersion};
use serde_json::{Value, json};

use super::certificates::{Authority, replace};
use crate::support::app::{TestApp, TestAppBuilder};
use crate::support::http::Request;

/// A server with this certificate, beside plain HTTP.
fn server(certificate: &Path, key: &Path) -> TestAppBuilder {
    let (certificate, key) = (certificate.to_owned(), key.to_owned());
    TestApp::builder().configure(move |config| {
        config.https.certificate_file = Some(certificate);
        config.https.certificate_key_file = Some(key);
        config.https.port = 0;
    })
}

fn port(app: &TestApp) -> u16 {
    app.keywright.app().config.https.port
}

/// curl of a path below the realm master; answers what `-w` and the body say.
async fn curl(app: &TestApp, authority: &Authority, words: &[&str], path: &str) -> Result<String, String> {
    let url = format!("https://localhost:{}/auth/realms/master{path}", port(app));
    let output = tokio::process::Command::new("curl")
        .args(["-sS", "--max-time", "20", "--resolve", &format!("localhost:{}:127.0.0.1", port(app)), "--cacert"])
        .arg(authority.root())
        .args(words)
        .arg(url)
        .output()
        .await
        .expect("curl is installed");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// `openssl s_client` until the handshake is over.
async fn s_client(port: u16, authority: &Authority, words: &'static str) -> String {
    let root = authority.root();
    let run = move || -> Output {
        Command::new("openssl")
            .args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", "localhost", "-showcerts", "-CAfile"])
            .arg(root)
            .args(words.split_whitespace())
            .stdin(Stdio::null())
            .output()
            .expect("openssl is installed")
    };
    let output = tokio::task::spawn_blocking(run).await.expect("it ran");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn both_listeners_serve_and_each_knows_whether_it_is_tls() {
    let authority = Authority::new();
    let (certificate, key) = authority.server("one", 30);
    let app = server(&certificate, &key).start().await;
    let plain = app.get("/realms/master/.well-known/openid-configuration").await.ok().json().expect("JSON");
    for (words, version) in [(&["--http1.1"][..], "1.1"), (&["--http2"], "2")] {
        let words = [words, &["-w", "\n%{http_version} %{ssl_verify_result}"]].concat();
        let answer = curl(&app, &authority, &words, "/.well-known/openid-configuration").await.expect("an answer");
        let (body, said) = answer.rsplit_once('\n').expect("two lines");
        assert_eq!(said, format!("{version} 0"));
        assert_eq!(serde_json::from_str::<Value>(body).expect("JSON"), plain, "the issuer comes from the configuration");
    }
    let shown = s_client(port(&app), &authority, "-tls1_3").await;
    assert!(shown.contains("Verify return code: 0 (ok)"), "{shown}");
    assert_eq!(shown.matches("BEGIN CERTIFICATE").count(), 2, "the leaf and the intermediate");

    app.keywright
        .manage()
        .update_realm("master", &settings(json!({"sslRequired": "all"})))
        .await
        .expect("allowed");
    assert_eq!(app.get("/realms/master/protocol/openid-connect/certs").await.status, 403);
    curl(&app, &authority, &["-f"], "/protocol/openid-connect/certs")
        .await
        .expect("TLS is what the realm asks for");
}

fn settings(value: Value) -> keywright::manage::realms::Settings {
    let Value::Object(settings) = value else { panic!("an object") };
    settings
}

#[tokio::test]
async fn tokens_come_over_http_2_and_many_requests_share_one_connection() {
    let authority = Authority::new();
    let (certificate, key) = authority.server("one", 30);
    let app = server(&certificate, &key).start().await;
    let url = format!("https://localhost:{}/auth/realms/master/protocol/openid-connect/token", port(&app));
    let form = "grant_type=password&client_id=admin-cli&username=admin&password=admin-0123456789";
    let many = vec![url.as_str(); 10];
    let output = tokio::process::Command::new("curl")
        .args(["-sS", "--http2", "--parallel", "--max-time", "30", "-d", form, "-w", "\n%{http_code} %{num_connects}\n", "--cacert"])
        .arg(authority.root())
        .args(many)
        .output()
        .await
        .expect("curl is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said.matches("\"access_token\"").count(), 10, "{said} {}", String::from_utf8_lossy(&output.stderr));
    assert!(said.matches("200 0\n").count() >= 8, "connections are shared: {said}");
}

#[tokio::test]
async fn plain_http_can_be_off_and_management_speaks_tls_as_well() {
    let authority = Authority::new();
    let (certificate, key) = authority.server("one", 30);
    let app = server(&certificate, &key);
    let app = app.and_configure(|config| config.http.enabled = false).start().await;
    assert!(Request::new("GET", "/").send(&app.address).await.is_err(), "it does not speak plain HTTP");
    let document = curl(&app, &authority, &["-f"], "/.well-known/openid-configuration").await.expect("TLS serves");
    assert!(document.contains(&format!("\"issuer\":\"https://localhost:{}/auth/realms/master\"", port(&app))), "{document}");

    let management = app.management.clone().expect("on");
    let health = tokio::process::Command::new("curl")
        .args(["-sS", "-f", "--cacert"])
        .arg(authority.root())
        .arg(format!("https://{management}/auth/health/ready"))
        .output();
    assert!(health.await.expect("curl is installed").status.success());

    let plain = server(&certificate, &key)
        .and_configure(|config| config.management.scheme = ManagementScheme::Http)
        .start()
        .await;
    let management = plain.management.clone().expect("on");
    plain.send_to(&management, &Request::new("GET", "/auth/health/ready")).await.ok();
}

#[tokio::test]
async fn old_versions_of_tls_are_not_spoken() {
    let authority = Authority::new();
    let (certificate, key) = authority.server("one", 30);
    let app = server(&certificate, &key).start().await;
    let agreed = |shown: &str| shown.contains("Verify return code: 0 (ok)") && !shown.contains("Cipher is (NONE)");
    for (version, spoken) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let shown = s_client(port(&app), &authority, version).await;
        assert_eq!(agreed(&shown), spoken, "{version}: {shown}");
    }
    let strict = server(&certificate, &key)
        .and_configure(|config| config.https.minimum_version = TlsVersion::V1_3)
        .start()
        .await;
    assert!(!agreed(&s_client(port(&strict), &authority, "-tls1_2").await));
    assert!(agreed(&s_client(port(&strict), &authority, "-tls1_3").await));
}

#[tokio::test]
async fn a_changed_certificate_is_used_without_a_restart_and_a_bad_one_is_not() {
    let authority = Authority::new();
    let (certificate, key) = authority.server("one", 30);
    let (other, other_key) = authority.server("two", 4000);
    let (expired, expired_key) = authority.server("three", 1);
    let app = server(&certificate, &key).start().await;
    let subject = async || {
        let shown = s_client(port(&app), &authority, "").await;
        let line = shown.lines().find(|line| line.starts_with("subject=")).unwrap_or_default().to_owned();
        line.rsplit("= ").next().unwrap_or_default().rsplit('=').next().unwrap_or_default().trim().to_owned()
    };
    let wait_for_log = async |text: &str| {
        while !app.log().contains(text) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    assert_eq!(subject().await, "one");

    // Key first, certificate later: in between the two do not fit.
    replace(&key, &other_key);
    app.advance(61);
    wait_for_log("the new TLS certificate is not usable; the one of before stays in use").await;
    assert_eq!(subject().await, "one");
    replace(&certificate, &other);
    app.advance(61);
    wait_for_log("the TLS certificate was replaced").await;
    assert_eq!(subject().await, "two");

    // Between the ends of the two certificates.
    app.clock.set(SystemClock.now() + 5 * 365 * 86_400);
    for (broken, broken_key, said) in [
        (Some(&expired), Some(&expired_key), "has expired"),
        (Some(&other_key), None, "has no certificate in PEM"),
        (None, None, "cannot be read"),
    ] {
        match broken {
            Some(file) => replace(&certificate, file),
            None => std::fs::remove_file(&certificate).expect("ours"),
        }
        if let Some(file) = broken_key {
            replace(&key, file);
        }
        app.advance(61);
        wait_for_log(said).await;
        assert_eq!(subject().await, "two", "{said}");
    }
    assert!(!app.log().contains("PRIVATE KEY"));
}
