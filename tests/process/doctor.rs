//! `keywright doctor`: what it finds, with and without a server.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::{Desk, Ended};
use crate::support::smtp::MailServer;

fn findings(ended: &Ended) -> Vec<Value> {
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{ended:?}"))).collect()
}

fn state<'a>(findings: &'a [Value], check: &str) -> &'a str {
    let finding = findings.iter().find(|finding| finding["check"] == check);
    finding.and_then(|finding| finding["state"].as_str()).unwrap_or_else(|| panic!("no {check} in {findings:?}"))
}

/// Ports that nothing else on this machine has.
const PORTS: &str = "KEYWRIGHT_HTTP__PORT=0 KEYWRIGHT_MANAGEMENT__PORT=0";

#[test]
fn a_stopped_store_is_looked_through() {
    let desk = Desk::with_store();
    let healthy = desk.run(&format!("{PORTS} doctor --json"));
    let found = findings(&healthy);
    assert_eq!(healthy.code, Some(0), "{healthy:?}");
    for check in ["settings", "port", "key file", "store", "keys"] {
        assert_eq!(state(&found, check), "ok", "{check}: {found:?}");
    }
    assert_eq!(state(&found, "server"), "warning");

    let key = desk.path().join("keys/key-encryption-key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("it is ours");
    let open = desk.run(&format!("{PORTS} doctor"));
    assert_eq!(open.code, Some(7), "{open:?}");
    assert!(open.out.contains("✘ key file: keys/key-encryption-key has mode 644\n    chmod 600"), "{open:?}");
    let fixed = desk.run(&format!("{PORTS} doctor --fix"));
    assert_eq!(fixed.code, Some(0), "{fixed:?}");
    assert_eq!(std::fs::metadata(&key).expect("a file").permissions().mode() & 0o777, 0o600);

    desk.write("keys/key-encryption-key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    let other = desk.run(&format!("{PORTS} doctor --json"));
    assert_eq!((other.code, state(&findings(&other), "store")), (Some(7), "problem"), "{other:?}");
    std::fs::remove_file(&key).expect("it is ours");
    let missing = desk.run(&format!("{PORTS} doctor --json"));
    assert_eq!((missing.code, state(&findings(&missing), "key file")), (Some(7), "problem"), "{missing:?}");
    assert!(!key.exists(), "doctor makes no key");
}

#[test]
fn a_running_server_is_asked_as_its_clients_ask_it() {
    let desk = Desk::with_store();
    let server = desk.serve("serve");
    let (http, management) =
        (server.address.rsplit(':').next().unwrap_or_default(), server.management.rsplit(':').next().unwrap_or_default());
    let ports = format!("KEYWRIGHT_HTTP__PORT={http} KEYWRIGHT_MANAGEMENT__PORT={management}");
    let healthy = desk.run(&format!("{ports} doctor --json"));
    let found = findings(&healthy);
    assert_eq!(healthy.code, Some(0), "{healthy:?}");
    for check in ["server", "issuer", "clock", "key file"] {
        assert_eq!(state(&found, check), "ok", "{check}: {found:?}");
    }
    // The issuer's name leads to the server, which calls itself otherwise: every client would refuse its tokens.
    let renamed = desk.run(&format!("{ports} KEYWRIGHT_HOSTNAME__URL=http://127.0.0.1:{http}/auth doctor --json"));
    assert_eq!((renamed.code, state(&findings(&renamed), "issuer")), (Some(7), "problem"), "{renamed:?}");
    let away = desk.run(&format!("{ports} KEYWRIGHT_HOSTNAME__URL=http://127.0.0.1:1/auth doctor --json"));
    assert_eq!((away.code, state(&findings(&away), "issuer")), (Some(7), "problem"), "{away:?}");
}

#[test]
fn settings_that_are_wrong_are_the_first_finding() {
    let desk = Desk::new();
    let wrong = desk.run("KEYWRIGHT_HTTP__PORT=x doctor");
    assert_eq!(wrong.code, Some(7), "{wrong:?}");
    assert!(wrong.out.starts_with("✘ settings: "), "{wrong:?}");
    assert_eq!(desk.run(&format!("{PORTS} doctor")).code, Some(0), "an empty directory is no problem");
    assert!(!desk.path().join("data").exists() && !desk.path().join("keys").exists(), "doctor makes nothing");
}

#[test]
fn mail_settings_are_tried_without_sending_a_mail() {
    let desk = Desk::with_store();
    let mail = MailServer::start_tls_on_demand(None);
    let authority = format!("KEYWRIGHT_EGRESS__CA_FILE={}", mail.ca_file.display());
    let doctor = |more: &str| {
        let ended = desk.run(&format!("{PORTS} {more} doctor --json"));
        let found = findings(&ended).into_iter().find(|finding| finding["check"] == "mail");
        (ended.code, found.unwrap_or_else(|| panic!("{ended:?}")))
    };
    let is = |(code, finding): (Option<i32>, Value), wanted: Option<i32>, state: &str, detail: &str| {
        let told = finding["detail"].as_str().unwrap_or_default();
        assert!(code == wanted && finding["state"] == state && told.contains(detail), "{code:?} {finding}");
    };
    is(doctor(""), Some(0), "ok", "no realm sends mails");
    desk.done(&["realm", "set", "master", "-s", "resetPasswordAllowed=true"]);
    is(doctor(""), Some(0), "warning", "realm master has resetPasswordAllowed and no mail server");

    let set = |settings: Value| desk.done(&["realm", "set", "master", "-s", &format!("smtpServer={settings}")]);
    let secure = serde_json::json!({ "host": "localhost", "port": mail.port.to_string(), "from": "id@example.com", "starttls": "true" });
    set(secure.clone());
    is(doctor(&authority), Some(0), "ok", "answers by TLS; mails come from id@example.com");
    is(doctor(""), Some(7), "problem", "Couldn't establish a secure connection to the SMTP server");
    let with = |name: &str, value: &str| {
        let mut changed = secure.clone();
        changed[name] = value.into();
        changed
    };
    set(with("port", "1"));
    is(doctor(&authority), Some(7), "problem", "localhost:1: Couldn't connect to the SMTP server");
    set(with("from", ""));
    is(doctor(&authority), Some(7), "problem", "Invalid sender address");

    set(secure.clone());
    let server = desk.serve(&format!("{authority} serve"));
    let ports = format!(
        "KEYWRIGHT_HTTP__PORT={} KEYWRIGHT_MANAGEMENT__PORT={} HOME={} {authority}",
        server.address.rsplit(':').next().unwrap_or_default(),
        server.management.rsplit(':').next().unwrap_or_default(),
        desk.path().display()
    );
    let running = |code| {
        let ended = desk.run(&format!("{ports} doctor --json"));
        assert_eq!(ended.code, code, "{ended:?}");
        findings(&ended).into_iter().find(|finding| finding["check"] == "mail").expect("a finding")
    };
    assert!(running(Some(0))["advice"].as_str().is_some_and(|advice| advice.contains("keywright login")));
    desk.write("password", "first");
    let login = desk.run(&format!("{ports} login --user admin --password-file password --url {}", server.base_url));
    assert_eq!(login.code, Some(0), "{login:?}");
    assert_eq!(running(Some(0))["state"], "ok");
}

#[test]
fn what_is_believed_of_proxies_must_fit_the_address_of_the_issuer() {
    let desk = Desk::new();
    for (settings, state, detail) in [
        ("", "ok", "no proxy's headers are believed"),
        ("KC_HOSTNAME=https://id.invalid/auth", "warning", "TLS ends elsewhere"),
        ("KC_PROXY_HEADERS=xforwarded", "warning", "issuers begin with an address of this machine"),
        ("KC_PROXY_HEADERS=xforwarded KC_HOSTNAME=http://id.invalid/auth", "problem", "issuers begin with http://id.invalid/auth"),
        ("KC_PROXY_HEADERS=forwarded KC_HOSTNAME=https://id.invalid/auth", "warning", "from every private address"),
        (
            "KC_PROXY_HEADERS=xforwarded KC_HOSTNAME=https://id.invalid/auth KC_PROXY_TRUSTED_ADDRESSES=10.0.0.5",
            "ok",
            "believed from 10.0.0.5/32",
        ),
        (
            "KC_PROXY_HEADERS=xforwarded KC_HOSTNAME=https://id.invalid/auth KC_PROXY_TRUSTED_ADDRESSES=10.0.0.5,0.0.0.0/0",
            "problem",
            "each client can choose its address",
        ),
    ] {
        let ended = desk.run(&format!("{PORTS} {settings} doctor --json"));
        let found = findings(&ended)
            .into_iter()
            .find(|finding| finding["check"] == "proxy")
            .unwrap_or_else(|| panic!("{ended:?}"));
        let told = found["detail"].as_str().unwrap_or_default();
        assert!(found["state"] == state && told.contains(detail), "{settings}: {found}");
        assert_eq!(ended.code, Some(if state == "problem" { 7 } else { 0 }), "{settings}: {ended:?}");
    }
}
