//! Input that is large, deep, endless or forged for the log, and secrets that are compared.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::{Either, join_all};
use keywright::authn::password as authentication;
use keywright::base::clock::Clock as _;
use keywright::base::env::Env;
use keywright::base::password_hash::HashingOptions;
use keywright::config;
use keywright::egress::{Egress, EgressError, Request as Fetch};
use keywright::manage::bootstrap::FirstStart;
use keywright::testing::TestIssuer;
use keywright::tokens::scope;

use super::{get, post};
use crate::grants::{CLIENT, issuer, password};
use crate::support::app::TestApp;
use crate::support::http::Request;

/// CVE-2024-52307 and others: an `==` on a secret tells by its time how far it was right.
#[test]
fn class_46_secrets_are_compared_in_constant_time_only() {
    let comparison =
        regex::Regex::new(r"(\.expose\(\)|client_secret)\s*(==|!=)|(==|!=)\s*[^&|,;>]*(\.expose\(\)|client_secret)|\.expose\(\)\.eq\(")
            .unwrap();
    let compares = |line: &str| comparison.is_match(line.split("//").next().unwrap_or_default());
    assert!(compares("if secret.expose() == given {") && compares("given != client_secret"), "the check sees a planted mistake");
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the source is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                let production = text.split("#[cfg(test)]").next().unwrap_or_default();
                for (number, line) in (1..).zip(production.lines()).filter(|(_, line)| compares(line)) {
                    let allowed = [".is_empty()", ".len()", "MASK", "\"client_secret", "client_secret_"];
                    if !allowed.iter().any(|reason| line.contains(reason)) {
                        found.push(format!("{}:{number}: {}", path.display(), line.trim()));
                    }
                }
            }
        }
    }
    assert!(found.is_empty(), "use base::digest::equal:\n{}", found.join("\n"));
}

#[tokio::test]
async fn class_47_the_server_fetches_nothing_from_inside() {
    let egress = Egress::new(&config::Egress::default(), Env::system()).expect("an egress");
    let inside = [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://0.0.0.0/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "http://93.184.216.34/",
    ];
    for url in inside {
        assert!(matches!(egress.fetch(&Fetch::get(url, "*/*")).await, Err(EgressError::Forbidden(_) | EgressError::Url(..))), "{url}");
    }
    for url in [
        "file:///etc/passwd",
        "gopher://example.org/",
        "ftp://example.org/",
        "data:text/plain,x",
        "https://user:pw@example.org/",
        "",
        "//x",
    ] {
        assert!(matches!(egress.fetch(&Fetch::get(url, "*/*")).await, Err(EgressError::Url(..))), "{url}");
    }
}

#[tokio::test]
async fn class_48_lists_without_end_are_refused_at_once() {
    let issuer = issuer(None).await;
    let scopes = "a ".repeat(100_000);
    let nonce = "n".repeat(1_000_000);
    let duplicates: Vec<(&str, &str)> = (0..5_000).map(|_| ("scope", "openid")).collect();
    let many: Vec<(String, String)> = (0..5_000).map(|n| (format!("p{n}"), "x".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let forms: [&[(&str, &str)]; 5] = [
        &[("grant_type", "client_credentials"), ("scope", &scopes)],
        &[("grant_type", "client_credentials"), ("nonce", &nonce)],
        &[("grant_type", "client_credentials"), ("claims", &nonce)],
        &duplicates,
        &many,
    ];
    for form in forms {
        let answer = post(&issuer, CLIENT, "token", form).await;
        assert!(matches!(answer.status, 400 | 413), "{}", answer.status);
    }
    // What fits into the limits is bounded, too: as many scopes as a request can carry.
    let scopes = "a ".repeat(2_000);
    let answer = post(&issuer, CLIENT, "token", &[("grant_type", "client_credentials"), ("scope", &scopes)]).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn class_49_nothing_is_remembered_of_names_that_do_not_exist() {
    let issuer = issuer(None).await;
    post(&issuer, CLIENT, "token", &[("grant_type", "client_credentials")]).await.ok();
    let compiled = &issuer.keywright().app().compiled;
    let before = compiled.remembered();
    for chunk in 0..10 {
        let probes = (0..50).map(|n| {
            let (issuer, n) = (&issuer, chunk * 50 + n);
            async move {
                let (client, scope) = (format!("client-{n}"), format!("s{n}"));
                post(issuer, (&client, "x"), "token", &[("grant_type", "client_credentials"), ("scope", &scope)]).await;
                get(issuer, &format!("/realms/realm-{n}"), &[("Accept-Language", &format!("x-{n}"))]).await;
                let header = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"RS256\",\"kid\":\"kid-{n}\"}}"));
                post(issuer, CLIENT, "token/introspect", &[("token", &format!("{header}.e30.AA"))]).await;
            }
        });
        join_all(probes).await;
    }
    assert_eq!(compiled.remembered(), before);
}

/// Asks for so many names that do not exist, below HTTP, where everything is that could remember them; what the process has grown by,
/// in KiB.
async fn unknown_names(count: u32) -> u64 {
    let issuer = TestIssuer::builder().configure(|config| {
        (config.rate_limit.address_per_second, config.rate_limit.client_per_second) = (1000, 1000);
    });
    let issuer = issuer.start().await;
    issuer.confidential_client(CLIENT.0, CLIENT.1).await;
    issuer.user("alice", "right").await;
    let app = issuer.keywright().app();
    let realm = app.compiled.realm(keywright::testing::REALM).await.expect("readable").expect("there");
    let client = app.compiled.client(&realm, CLIENT.0).await.expect("readable").expect("there");
    let (remembered, before) = (app.compiled.remembered(), resident());
    let (by_address, by_client) = (app.limits.address.as_ref().expect("on"), app.limits.client.as_ref().expect("on"));
    let now = issuer.clock().now();
    for number in 0..count {
        let name = format!("nobody-{number}");
        assert!(app.compiled.realm(&name).await.expect("readable").is_none());
        assert!(app.compiled.client(&realm, &name).await.expect("readable").is_none());
        assert!(scope::resolve(&realm, &client, Some(&name)).is_err());
        let _ = (by_address.take(&number, now), by_client.take(&name, now));
        let mut peek = app.store.peek();
        assert!(authentication::identify(&mut peek, &realm.realm, &name).await.expect("readable").is_none());
    }
    assert_eq!(app.compiled.remembered(), remembered);
    resident().saturating_sub(before)
}

/// KiB of this process in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// So many names that a request each would take minutes, in a process of their own, whose memory nobody else uses.
#[test]
#[ignore = "a million of everything: make test-all"]
fn class_49_a_million_names_that_do_not_exist_take_no_memory() {
    const ALONE: &str = "--exact";
    if !std::env::args().any(|word| word == ALONE) {
        let name = "security::limits::class_49_a_million_names_that_do_not_exist_take_no_memory";
        let itself = std::env::current_exe().expect("a running test has a file");
        let output = std::process::Command::new(itself).args([name, ALONE, "--ignored", "--nocapture"]).output();
        let output = output.expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("{said}");
        assert!(output.status.success() && said.contains("1 000 000"), "{said}{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let grown = runtime.block_on(unknown_names(1_000_000));
    println!("1 000 000 unknown realms, clients, scopes, users and addresses: {grown} KiB more in memory");
    assert!(grown < 16 * 1024, "{grown} KiB");
}

#[tokio::test]
async fn class_49_ten_thousand_names_that_do_not_exist_are_not_remembered() {
    unknown_names(10_000).await;
}

#[tokio::test]
async fn class_50_depth_is_bounded_before_the_stack_is() {
    let app = TestApp::new().await;
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    for token in [
        format!("{}.e30.AA", encode(&format!("{{\"alg\":\"RS256\",\"x\":{deep}}}"))),
        format!("{}.{}.AA", encode("{\"alg\":\"RS256\"}"), encode(&deep)),
    ] {
        let bearer = Request::new("POST", app.target("/realms/master/protocol/openid-connect/userinfo")).form(&[("access_token", &token)]);
        assert!((400..500).contains(&app.send(&bearer).await.status));
        let assertion = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", token.as_str()),
        ];
        assert!((400..500).contains(&app.oidc("master", "token", &assertion).await.status));
    }
    let administrator = app.administrator().await.field("access_token");
    for (method, path) in [("PUT", "/admin/realms/master"), ("POST", "/admin/realms"), ("POST", "/admin/realms/master/users")] {
        let mut request = Request::new(method, app.target(path)).bearer(&administrator).header("Content-Type", "application/json");
        request.body = deep.clone().into_bytes();
        let answer = app.send(&request).await;
        assert!((400..500).contains(&answer.status), "{method} {path}: {}", answer.status);
    }
    assert_eq!(app.get("/realms/master").await.status, 200, "the process lives");
}

#[tokio::test]
async fn class_54_line_ends_make_neither_headers_nor_log_lines() {
    let app = TestApp::new().await;
    let hostile = "nosniff\r\nX-Injected: 1\r\n\r\n<script>";
    let change = app.keywright.app().store.configuration(|txn| {
        Box::pin(async move {
            use keywright::store::txn::Reader as _;
            let old = txn.realms().by_name("master").await?.expect("there");
            let mut new = old.clone();
            for value in new.browser_security_headers.values_mut() {
                hostile.clone_into(value);
            }
            txn.realms().put(&old, &new);
            Ok::<_, keywright::store::StoreError>(())
        })
    });
    change.await.expect("changed");
    for path in ["/realms/master", "/realms/master/.well-known/openid-configuration", "/realms/master/protocol/openid-connect/certs"] {
        let answer = app.get(path).await;
        assert_eq!(answer.header("x-injected"), None, "{path}");
        assert!(!answer.text().contains("<script>"), "{path}");
    }
    let name = "jane\n2027-01-15T08:00:00Z  INFO forged: everything is fine\r\u{1b}[31m";
    app.oidc("master", "token", &[("grant_type", "password"), ("client_id", "admin-cli"), ("username", name), ("password", "x")])
        .await;
    app.oidc("master", "token", &[("grant_type", "client_credentials"), ("client_id", name), ("client_secret", "x")])
        .await;
    app.oidc("master", "token", &[("grant_type", name)]).await;
    let log = app.log();
    assert!(!log.lines().any(|line| line.starts_with("2027-01-15T08:00:00Z  INFO forged")), "a line of the log was forged");
    assert!(!log.contains("\u{1b}[31m"), "the terminal of whoever reads the log is not ours to colour");
}

#[tokio::test]
async fn class_62_of_first_starts_at_the_same_time_one_makes_the_administrator() {
    let issuer = Arc::new(TestIssuer::start().await);
    let starts = join_all((0..8).map(|_| issuer.keywright().first_start())).await;
    let created = starts.into_iter().filter(|start| matches!(start, Ok(FirstStart::Created { .. }))).count();
    assert_eq!(created, 1);
}

#[tokio::test]
async fn class_52_the_server_answers_others_while_it_hashes() {
    // Hashes that take as long as an operator's: a storm of those that other tests make can be over before anybody asks.
    let builder =
        TestIssuer::builder().build_with(|builder| builder.hashing(HashingOptions { queue: 1000, ..HashingOptions::production() }));
    let issuer = builder.start().await;
    issuer.confidential_client(CLIENT.0, CLIENT.1).await;
    let storm = join_all((0..100).map(|_| password(&issuer, "nobody", "x")));
    let other = get(&issuer, "/realms/test", &[]);
    // The other one asks after the storm, and has his answer before it is over.
    match futures_util::future::select(Box::pin(storm), Box::pin(other)).await {
        Either::Left(_) => panic!("the answer waited for a hundred hashes"),
        Either::Right((answer, _)) => drop(answer.ok()),
    }
}
