//! `keywright backup`: of a running server under load, of a stopped one, torn, changed, and back.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::Desk;

/// A sign-in of admin at `admin-cli`; the refresh token.
async fn sign_in(client: &reqwest::Client, base_url: &str) -> String {
    let request = client.post(format!("{base_url}/realms/master/protocol/openid-connect/token"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request
        .body("grant_type=password&client_id=admin-cli&username=admin&password=first")
        .send()
        .await
        .expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    answer["refresh_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

async fn refresh(client: &reqwest::Client, base_url: &str, token: &str) -> u16 {
    let request = client.post(format!("{base_url}/realms/master/protocol/openid-connect/token"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let body = format!("grant_type=refresh_token&client_id=admin-cli&refresh_token={token}");
    request.body(body).send().await.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_before_a_backup_under_load_comes_back() {
    let desk = Desk::with_store();
    let server = desk.serve("KEYWRIGHT_HOSTNAME__URL=http://issuer.test/auth serve");
    let base = format!("http://{}/auth", server.address);
    let client = reqwest::Client::new();
    let mut before = Vec::new();
    for _ in 0..6 {
        before.push(sign_in(&client, &base).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..3)
        .map(|_| {
            let (client, base, stop) = (client.clone(), base.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    sign_in(&client, &base).await;
                    count += 1;
                }
                count
            })
        })
        .collect();
    let management = format!("{}/auth", server.management);
    let taken = desk.json(&["backup", "create", "b.ndjson", "--url", &management, "--json"]);
    stop.store(true, Ordering::Relaxed);
    let mut during = 0;
    for task in load {
        during += task.await.expect("the load runs");
    }
    assert!(during > 0, "there was no load");
    assert_eq!((&taken["classes"][0]["class"], &taken["classes"][1]["class"]), (&json!("sessions"), &json!("configuration")));
    assert!(taken["classes"].as_array().expect("a list").iter().all(|class| class["sequence"].as_u64() > Some(0)), "{taken}");
    let mode = std::fs::metadata(desk.path().join("b.ndjson")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(server.stop().code, Some(0));

    assert_eq!(desk.json(&["backup", "verify", "b.ndjson", "--json"])["records"], taken["records"]);
    let refused = desk.run("backup restore b.ndjson");
    assert!(refused.code == Some(4) && refused.log.contains("is not empty"), "{refused:?}");
    assert_eq!(desk.run("backup restore b.ndjson --data restored").code, Some(0));
    let again = desk.run("backup restore b.ndjson --data restored");
    assert_eq!(again.code, Some(4), "{again:?}");

    let server = desk.serve("KEYWRIGHT_HOSTNAME__URL=http://issuer.test/auth serve --data restored");
    let base = format!("http://{}/auth", server.address);
    for token in &before {
        assert_eq!(refresh(&client, &base, token).await, 200, "a sign-in from before the backup is lost");
    }
    sign_in(&client, &base).await;
}

#[tokio::test]
async fn a_running_server_gives_a_backup_to_the_key_holder_only() {
    let desk = Desk::with_store();
    let key = desk.done(&["backup", "key"]);
    assert!(
        key.trim().len() >= 43
            && !key.contains(std::fs::read_to_string(desk.path().join("keys/key-encryption-key")).expect("a key").trim())
    );
    let server = desk.serve("serve");
    let url = format!("{}/auth/backup", server.management);
    let client = reqwest::Client::new();
    assert_eq!(client.post(&url).send().await.expect("an answer").status(), 401);
    assert_eq!(client.post(&url).bearer_auth("wrong").send().await.expect("an answer").status(), 401);
    assert_eq!(client.get(&url).send().await.expect("an answer").status(), 405);
    assert_eq!(client.post(format!("{url}?x=y")).bearer_auth(key.trim()).send().await.expect("an answer").status(), 400);
    let public = format!("{}/backup", server.base_url);
    assert_eq!(client.post(&public).bearer_auth(key.trim()).send().await.expect("an answer").status(), 404, "the public port has none");

    let management = format!("{}/auth", server.management);
    let refused = desk.run(&format!("KEYWRIGHT_BACKUP_KEY=wrong backup create b --url {management}"));
    assert!(refused.code == Some(5) && refused.log.contains("keywright backup key"), "{refused:?}");
    assert!(!desk.path().join("b").exists() && !desk.path().join("b.unfinished").exists(), "nothing half-done stays");
    desk.write("backup-key", &key);
    let elsewhere = Desk::new();
    elsewhere.write("backup-key", &key);
    let small = elsewhere.json(&["backup", "create", "b", "--url", &management, "--key-file", "backup-key", "--no-sessions", "--json"]);
    assert_eq!(small["classes"].as_array().map(Vec::len), Some(1));
    let exists = elsewhere.run(&format!("backup create b --url {management} --key-file backup-key"));
    assert_eq!(exists.code, Some(4), "{exists:?}");
    let piped = elsewhere.run(&format!("backup create - --url {management} --key-file backup-key"));
    assert!(piped.code == Some(0) && piped.out.starts_with("{\"keywright_backup\":1,") && piped.out.contains("\"backup_end\""));
    drop(server);
    assert_eq!(elsewhere.run(&format!("backup create c --url {management} --key-file backup-key")).code, Some(6));
}

#[test]
fn a_torn_or_changed_file_is_refused_with_a_plain_message() {
    let desk = Desk::with_store();
    desk.done(&["backup", "create", "whole", "--local"]);
    let whole = std::fs::read_to_string(desk.path().join("whole")).expect("a backup");
    assert!(!whole.contains(":\"first\""), "the administrator's password is in it");
    let lines: Vec<&str> = whole.lines().collect();
    let without =
        |index: usize| lines.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, line)| format!("{line}\n")).collect::<String>();
    let files = [
        ("torn", whole[..whole.len() / 2].to_owned(), "the copy was interrupted"),
        ("endless", without(lines.len() - 1), "the copy was interrupted"),
        ("shorter", without(lines.len() / 2), "a checksum is wrong"),
        ("changed", whole.replace("\"username\":\"admin\"", "\"username\":\"xdmin\""), "a checksum is wrong"),
        ("longer", format!("{whole}{}\n", lines[1]), "something behind its end"),
        ("empty", String::new(), "it does not begin like one"),
        ("other", "{\"realm\":\"acme\"}\n".to_owned(), "it does not begin like one"),
        ("newer", whole.replacen("\"keywright_backup\":1", "\"keywright_backup\":99", 1), "newer version"),
    ];
    for (name, text, expected) in files {
        desk.write(name, &text);
        let verified = desk.run(&format!("backup verify {name}"));
        assert!(matches!(verified.code, Some(1 | 7)) && verified.log.contains(expected), "{name}: {verified:?}");
        let restored = desk.run(&format!("backup restore {name} --data new"));
        assert!(matches!(restored.code, Some(1 | 7)) && restored.log.contains(expected), "{name}: {restored:?}");
        assert!(!desk.path().join("new").exists(), "{name}: nothing half-done stays");
    }
    assert_eq!(desk.run("backup verify nothing").code, Some(3));
    assert_eq!(desk.run("backup restore nothing --data new").code, Some(3));
    assert_eq!(desk.run("backup restore whole --data new").code, Some(0));
    assert_eq!(desk.done(&["user", "list", "--data", "new", "-o", "name"]), "admin\n");
}

#[test]
fn the_same_store_comes_back_record_by_record() {
    let desk = Desk::with_store();
    desk.done(&["realm", "create", "acme"]);
    desk.done(&["backup", "create", "first", "--local"]);
    desk.done(&["backup", "restore", "first", "--data", "new"]);
    desk.done(&["backup", "create", "second", "--local", "--data", "new"]);
    let records = |name: &str| {
        let text = std::fs::read_to_string(desk.path().join(name)).expect("a backup");
        text.lines().filter(|line| line.starts_with("{\"key\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(records("first").len() > 100);
    assert_eq!(records("first"), records("second"));
}

/// Users of realm `big` and the size of each: together more than is kept for a copy.
const BIG_USERS: usize = 1_700;
const BIG_USER: usize = 60_000;

/// What changes behind the back of a copy is kept in memory for it. A receiver that takes nothing must not make that grow without
/// end, nor keep others from their answers, nor from the next backup.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a hundred megabytes change behind a copy: make test-all"]
async fn a_receiver_that_does_not_read_costs_a_bounded_memory_and_gets_no_backup() {
    let desk = Desk::with_store();
    desk.write("big.json", &big_realm());
    desk.done(&["import", "big.json"]);
    let key = desk.done(&["backup", "key"]);
    // The connection itself must outlive the test: it is the copy that gives up.
    let mut server = desk.serve("KEYWRIGHT_HTTP__SEND_TIMEOUT_SECONDS=600 serve");
    let (base, client) = (format!("{}/auth", server.address), reqwest::Client::new());
    let base = format!("http://{base}");
    let before = resident(server.child.id());

    let mut sloth = Sloth::ask(&server.management, key.trim());
    let admin = access_token(&client, &base).await;
    let gone = client.delete(format!("{base}/admin/realms/big")).bearer_auth(&admin).send().await.expect("an answer");
    assert_eq!(gone.status(), 204);
    // The id is free again when the last of the realm is purged.
    let again = json!({ "id": "big-id", "realm": "again" });
    while client
        .post(format!("{base}/admin/realms"))
        .bearer_auth(&admin)
        .json(&again)
        .send()
        .await
        .expect("an answer")
        .status()
        != 201
    {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    sign_in(&client, &base).await;
    let grown = resident(server.child.id()).saturating_sub(before);
    assert!(grown < 256 << 20, "{} MiB", grown >> 20);

    let received = sloth.wake();
    assert!(received.len() > 1 << 20 && !received.contains("\"backup_end\""), "a part of a copy must not look whole");
    let why = server.wait_for_log("a backup failed");
    assert!(why.contains("the receiver is too slow: more than 64 MiB have changed"), "{why}");
    desk.done(&["backup", "create", "next", "--url", &format!("{}/auth", server.management)]);
}

fn big_realm() -> String {
    let text = "x".repeat(BIG_USER);
    let users: Vec<Value> = (0..BIG_USERS)
        .map(|number| json!({ "username": format!("u{number}"), "enabled": true, "attributes": { "text": [text] } }))
        .collect();
    json!({ "id": "big-id", "realm": "big", "enabled": true, "users": users }).to_string()
}

async fn access_token(client: &reqwest::Client, base_url: &str) -> String {
    let request = client.post(format!("{base_url}/realms/master/protocol/openid-connect/token"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body("grant_type=password&client_id=admin-cli&username=admin&password=first").send().await;
    let answer: Value = answer.expect("an answer").json().await.expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}

/// Bytes of memory that a process holds.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") << 10
}

/// Somebody who asks for a backup, sees it begin, and takes no more.
struct Sloth(std::net::TcpStream);

impl Sloth {
    fn ask(management: &str, key: &str) -> Self {
        let address = management.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(address).expect("it listens");
        write!(stream, "POST /auth/backup HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nContent-Length: 0\r\n\r\n")
            .expect("it reads");
        // The first piece of the body is of the configuration already: there is hardly a session.
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n{") {
            stream.read_exact(&mut byte).expect("the backup begins");
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
        Self(stream)
    }

    /// Everything else that comes until the connection ends.
    fn wake(&mut self) -> String {
        let mut rest = Vec::new();
        // Ended in the middle, by whichever side.
        let _ = self.0.read_to_end(&mut rest);
        String::from_utf8_lossy(&rest).into_owned()
    }
}
