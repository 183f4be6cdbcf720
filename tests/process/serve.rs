//! `keywright serve`: starts, what they print and refuse, and ends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};

use super::{Desk, Server};

/// A password grant of `username` at `admin-cli`, the client that every realm has.
async fn sign_in(server: &Server, username: &str, password: &str) -> (u16, Value) {
    let form = [("grant_type", "password"), ("client_id", "admin-cli"), ("username", username), ("password", password)];
    let body = form.map(|(name, value)| format!("{name}={value}")).join("&");
    let request = reqwest::Client::new()
        .post(format!("{}/realms/master/protocol/openid-connect/token", server.base_url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    let answer = request.send().await.expect("the server answers");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

async fn get(url: &str) -> (u16, Value) {
    let answer = reqwest::get(url).await.expect("the server answers");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_generated_password_is_shown_once_on_standard_output_and_works() {
    let desk = Desk::new();
    let mut server = desk.serve("serve");
    let out = server.wait_for_out("Administrator");
    let (_, password) = out.trim_end().rsplit_once(": ").unwrap_or_else(|| panic!("no password in {out:?}"));
    assert_eq!((out.lines().count(), password.len()), (1, 24), "{out}");
    assert!(out.starts_with("Administrator admin, password (shown this once): "), "{out}");
    assert_eq!(sign_in(&server, "admin", password).await.0, 200);
    let first = server.stop();
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(!first.log.contains(password), "the password is in the log");

    let server = desk.serve("serve");
    assert_eq!(sign_in(&server, "admin", password).await.0, 200, "it is permanent");
    let second = server.stop();
    assert_eq!((second.code, second.out.as_str()), (Some(0), ""), "{second:?}");
}

#[tokio::test]
async fn the_administrator_comes_from_settings_and_its_password_from_a_file() {
    let desk = Desk::new();
    desk.write("secret", "from a file\n");
    let server = desk.serve("KC_BOOTSTRAP_ADMIN_USERNAME=root KEYWRIGHT_BOOTSTRAP__ADMIN_PASSWORD_FILE=secret serve");
    assert_eq!(sign_in(&server, "root", "from+a+file").await.0, 200);
    assert_eq!(sign_in(&server, "root", "wrong").await.1["error"], "invalid_grant");
    let ended = server.stop();
    assert_eq!(ended.out, "");
    assert!(!ended.log.contains("from a file"));
}

#[tokio::test]
async fn keycloaks_variables_are_understood() {
    let desk = Desk::new();
    let server = desk.serve("KC_HTTP_RELATIVE_PATH=/sso KC_HOSTNAME=https://id.example.com/sso KC_LOG_LEVEL=DEBUG KC_DB=postgres serve");
    assert_eq!(server.base_url, "https://id.example.com/sso");
    let discovery = format!("http://{}/sso/realms/master/.well-known/openid-configuration", server.address);
    let (status, body) = get(&discovery).await;
    assert_eq!((status, &body["issuer"]), (200, &json!("https://id.example.com/sso/realms/master")));
    let log = server.stop().log;
    assert!(log.contains("KC_HOSTNAME is read as hostname.url") && log.contains("KC_DB has no meaning here"), "{log}");
    assert!(log.contains("\"level\":\"DEBUG\""), "KC_LOG_LEVEL had no effect:\n{log}");
}

#[tokio::test]
async fn health_is_keycloaks_document_on_a_port_of_its_own() {
    let desk = Desk::new();
    let server = desk.serve("serve");
    let recorded: Value = serde_json::from_str(include_str!("../fixtures/live/public.json")).expect("JSON");
    let mut seen = 0;
    for row in recorded["answers"].as_array().expect("a list") {
        let name = row["name"].as_str().unwrap_or_default();
        let Some(path) = name.strip_prefix("management ").filter(|path| path.starts_with("health")) else { continue };
        let answer = reqwest::get(format!("{}/auth/{path}", server.management)).await.expect("an answer");
        assert_eq!(u64::from(answer.status().as_u16()), row["status"], "{name}");
        for (header, value) in row["headers"].as_object().expect("headers") {
            assert_eq!(answer.headers()[header].to_str().ok(), value.as_str(), "{name}: {header}");
        }
        let text = answer.text().await.expect("a body");
        assert_eq!(text, serde_json::to_string(&row["body"]).expect("JSON"), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 4);
    let public = reqwest::get(format!("{}/health", server.base_url)).await.expect("an answer");
    assert_eq!(public.status(), 404, "the public port does not tell");
    let elsewhere = reqwest::get(format!("{}/auth/elsewhere", server.management)).await.expect("an answer");
    assert_eq!(elsewhere.status(), 404);
    let posted = reqwest::Client::new().post(format!("{}/auth/health", server.management)).send().await.expect("an answer");
    assert_eq!(posted.status(), 405);
}

#[tokio::test]
async fn management_can_be_off() {
    let desk = Desk::new();
    let server = desk.serve("serve --management-port off");
    assert!(server.management.ends_with(":off"));
    assert_eq!(get(&format!("{}/realms/master", server.base_url)).await.0, 200);
}

/// A request whose body is still on its way when the signal comes is answered; meanwhile readiness is red and the port closed.
#[tokio::test]
async fn a_stopped_server_finishes_what_runs_and_leaves_with_0() {
    for signal in ["-TERM", "-INT"] {
        let desk = Desk::new();
        desk.write("secret", "x");
        let mut server = desk.serve("KEYWRIGHT_BOOTSTRAP__ADMIN_PASSWORD_FILE=secret serve");
        // An idle connection must not hold the process up.
        let _idle = TcpStream::connect(&server.address).expect("it listens");

        let body = "grant_type=password&client_id=admin-cli&username=admin&password=x";
        let (early, late) = body.split_at(20);
        let mut running = TcpStream::connect(&server.address).expect("it listens");
        let head = format!(
            "POST /auth/realms/master/protocol/openid-connect/token HTTP/1.1\r\nHost: x\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{early}",
            body.len()
        );
        running.write_all(head.as_bytes()).expect("sent");
        // Whoever was answered after the head was sent knows that a worker has it or takes it from its own queue.
        get(&format!("{}/realms/master", server.base_url)).await;

        server.signal(signal);
        let ready = format!("{}/auth/health/ready", server.management);
        let (status, health) = loop {
            let (status, health) = get(&ready).await;
            if status != 200 {
                break (status, health);
            }
        };
        assert_eq!((status, &health["checks"][0]), (503, &json!({"name": "Graceful Shutdown", "status": "DOWN"})));
        assert!(server.child.try_wait().expect("an own child").is_none(), "it did not wait for the request");

        running.write_all(late.as_bytes()).expect("the connection is still open");
        let mut answer = String::new();
        running.read_to_string(&mut answer).expect("an answer, then the end of the connection");
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("access_token"), "{answer}");
        assert_eq!(server.end().code(), Some(0), "{signal}: {}", server.log.text());
        assert!(server.log.text().contains("\"message\":\"stopped\""));
        assert!(TcpStream::connect(&server.address).is_err());
    }
}

#[tokio::test]
async fn two_racing_first_starts_have_one_winner_and_the_other_says_why() {
    let desk = Desk::new();
    let mut both = [desk.start("serve"), desk.start("serve")];
    let loser = loop {
        let ended = |server: &mut Server| server.child.try_wait().expect("an own child").is_some();
        if let Some(at) = both.iter_mut().position(ended) {
            break at;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    };
    let [first, second] = &mut both;
    let (winner, loser) = if loser == 0 { (second, first) } else { (first, second) };
    assert_eq!(loser.end().code(), Some(1));
    assert!(loser.log.text().contains("data is in use by another process"), "{}", loser.log.text());
    assert_eq!(loser.out.text(), "", "the loser made no administrator");
    winner.wait_for_log("\"message\":\"serving\"");
    // Its standard output is another pipe: read to the end.
    winner.signal("-TERM");
    assert_eq!(winner.end().code(), Some(0));
    assert_eq!(winner.out.text().lines().count(), 1);
}

/// A request that never ends keeps a stopping server waiting; whoever cannot wait presses Ctrl-C again.
#[tokio::test]
async fn a_second_interrupt_ends_a_stopping_server_at_once() {
    let desk = Desk::new();
    let mut server = desk.serve("serve");
    let mut slow = TcpStream::connect(&server.address).expect("it listens");
    write!(slow, "POST /auth/realms/master/protocol/openid-connect/token HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n").expect("sent");
    write!(slow, "Content-Type: application/x-www-form-urlencoded\r\n\r\ng").expect("sent");
    server.signal("-INT");
    server.wait_for_log("Ctrl-C stops at once");
    server.signal("-INT");
    assert_eq!(server.end().code(), Some(130), "{}", server.log.text());
}

#[tokio::test]
async fn a_taken_port_is_named_before_a_store_is_made() {
    let desk = Desk::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    let refused = desk.run(&format!("serve --http-host 127.0.0.1 --http-port {port} --management-port off"));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.log.contains(&format!("cannot listen on 127.0.0.1:{port} (http.port)")), "{refused:?}");
    assert!(!desk.path().join("data").exists());
}

#[test]
fn a_store_is_opened_with_its_own_key_or_not_at_all() {
    let desk = Desk::new();
    assert_eq!(desk.serve("serve").stop().code, Some(0));
    let key = desk.path().join("keys/key-encryption-key");
    let own = std::fs::read(&key).expect("made at the first start");

    std::fs::remove_file(&key).expect("ours");
    let missing = desk.run("serve --http-port 0 --management-port off");
    assert_eq!(missing.code, Some(1));
    assert!(missing.log.contains("is missing, but the store already holds secrets"), "{missing:?}");
    assert!(!key.exists(), "a new key was made over existing data");

    let other = desk
        .run("KEYWRIGHT_KEYS__KEY_ENCRYPTION_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= serve --http-port 0 --management-port off");
    assert_eq!(other.code, Some(1));
    assert!(other.log.contains("start with the key that belongs to this data"), "{other:?}");

    // The text of the file serves as the setting, too.
    let setting = format!("KEYWRIGHT_KEYS__KEY_ENCRYPTION_KEY={}", String::from_utf8(own).expect("text").trim());
    assert_eq!(desk.serve(&format!("{setting} serve")).stop().code, Some(0));
}

#[test]
fn development_refuses_an_address_that_others_reach_unless_it_is_named() {
    let desk = Desk::new();
    let refused = desk.run("KEYWRIGHT_HTTP__HOST=0.0.0.0 serve --dev");
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{refused:?}");
    assert!(refused.log.contains("http.host (KEYWRIGHT_HTTP__HOST): is 0.0.0.0, but --dev has sample users"), "{refused:?}");
    let named = desk.serve("serve --dev --http-host 0.0.0.0");
    assert_eq!(named.stop().code, Some(0));
}

/// `sh` runs what a person pastes: each line is complete, and answers with tokens.
#[test]
fn development_prints_the_same_working_lines_at_every_start() {
    let desk = Desk::new();
    let start = |port: &str| {
        let mut server = desk.serve(&format!("serve --dev --http-port {port}"));
        let out = server.wait_for_out("grant_type=client_credentials");
        (server, out)
    };
    let (server, first) = start("0");
    let port = server.address.rsplit(':').next().unwrap_or_default().to_owned();
    let (password, first) = first.split_once('\n').unwrap_or_default();
    assert!(password.starts_with("Administrator admin, password"));

    let lines: Vec<&str> = first.lines().filter(|line| line.starts_with("curl ")).collect();
    assert_eq!(lines.len(), 3, "{first}");
    for (line, grant) in lines.iter().zip(["grant_type=password", "grant_type=refresh_token", "grant_type=client_credentials"]) {
        assert!(line.contains(grant));
        let output = Command::new("sh").args(["-c", line]).output().expect("sh and curl are installed");
        let tokens: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {line}\n{output:?}"));
        assert!(tokens["access_token"].is_string(), "{line}\n{tokens}");
    }
    assert_eq!(server.stop().code, Some(0));

    let (server, second) = start(&port);
    assert_eq!(second, first);
    assert!(!server.stop().log.contains("api-client"), "secrets belong to standard output");
}

#[tokio::test]
async fn a_hangup_reloads_and_never_ends_the_server() {
    let desk = Desk::new();
    let mut server = desk.serve("serve");
    server.signal("-HUP");
    server.wait_for_log("there is no certificate to reload");
    assert_eq!(get(&format!("{}/realms/master", server.base_url)).await.0, 200);
    assert_eq!(server.stop().code, Some(0));

    let made = Command::new("openssl")
        .args(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost -keyout k.pem -out c.pem".split(' '),
        )
        .current_dir(desk.path())
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{made:?}");
    let words =
        "KC_HTTPS_CERTIFICATE_FILE=c.pem KC_HTTPS_CERTIFICATE_KEY_FILE=k.pem KEYWRIGHT_HTTPS__RELOAD_SECONDS=0 serve --https-port 0";
    let mut server = desk.serve(words);
    desk.write("c.pem", "nothing");
    server.signal("-HUP");
    server.wait_for_log("c.pem has no certificate in PEM");
    assert_eq!(server.stop().code, Some(0));

    let refused = desk.run(&words.replace("serve", "serve --http-port 0 --management-port off"));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.log.contains("c.pem has no certificate in PEM"), "{refused:?}");
}
