//! How large a request may be, how long it may take, how many connections there may be, how often somebody may ask; and what
//! is left of the server when all of that is tried.

use std::num::NonZeroUsize;
use std::time::Duration;

use keywright::config::ProxyHeaders;
use keywright::testing::TestIssuer;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::app::TestApp;
use crate::support::http::{Answer, Request};

const CERTS: &str = "/auth/realms/master/protocol/openid-connect/certs";
const TOKEN: &str = "/auth/realms/master/protocol/openid-connect/token";

/// One second for everything that can time out, so that a test waits little.
async fn impatient() -> TestApp {
    TestApp::builder()
        .configure(|config| {
            config.http.request_timeout_seconds = 1;
            config.http.body_timeout_seconds = 1;
            config.http.send_timeout_seconds = 1;
            config.http.keep_alive_seconds = 2;
        })
        .start()
        .await
}

/// What comes until the server closes, which it must.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut received)).await;
    assert!(read.is_ok(), "the server holds the connection: {:?}", String::from_utf8_lossy(&received));
    String::from_utf8_lossy(&received).into_owned()
}

async fn connect(app: &TestApp) -> TcpStream {
    TcpStream::connect(&app.address).await.expect("it listens")
}

#[tokio::test]
async fn targets_and_header_fields_have_limits_of_their_own() {
    let app = TestApp::builder()
        .configure(|config| {
            config.http.max_target_bytes = 1000;
            config.http.max_header_bytes = 2000;
        })
        .start()
        .await;
    let target = |bytes: usize| format!("{CERTS}?{}", "a".repeat(bytes - CERTS.len() - 1));
    app.send(&Request::new("GET", target(1000))).await.ok();
    let long = app.send(&Request::new("GET", target(1001))).await;
    long.is_refused("invalid_request", "The request target is too long");
    assert_eq!((long.status, long.header("x-content-type-options")), (414, Some("nosniff")));

    app.send(&Request::new("GET", CERTS).header("X-Long", "a".repeat(1900))).await.ok();
    let large = app.send(&Request::new("GET", CERTS).header("X-Long", "a".repeat(2000))).await;
    large.is_refused("invalid_request", "The request header fields are too large");
    assert_eq!(large.status, 431);

    let many = (0..96).fold(Request::new("GET", CERTS), |request, number| request.header(&format!("X-{number}"), "a"));
    let many = app.send(&many).await;
    assert!((400..500).contains(&many.status), "{}", many.status);
    app.get("/realms/master").await.ok();
}

#[tokio::test]
async fn a_slow_head_is_timed_out_and_so_is_the_second_one_of_a_connection() {
    let app = impatient().await;
    let mut first = connect(&app).await;
    first.write_all(b"GET /auth/realms/master HTTP/1.1\r\nHost: x\r\n").await.expect("sent");
    let answer = until_closed(&mut first).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");

    let mut second = connect(&app).await;
    let request = format!("GET {CERTS} HTTP/1.1\r\nHost: x\r\n\r\n");
    second.write_all(request.as_bytes()).await.expect("sent");
    let mut buffer = [0; 16_384];
    let read = second.read(&mut buffer).await.expect("an answer");
    assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
    // One byte after the other: the time counts from the first one.
    let dripping = async {
        for byte in request.bytes().cycle() {
            if byte == b'\n' || second.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        until_closed(&mut second).await
    };
    assert!(!dripping.await.contains("HTTP/1.1 200 OK\r\nHTTP"), "nothing was answered");
    app.get("/realms/master").await.ok();
}

#[tokio::test]
async fn a_slow_body_is_timed_out_in_the_protocols_shape_and_a_steady_one_is_not() {
    let app = impatient().await;
    let head = |length: usize| {
        format!("POST {TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n")
    };
    let mut slow = connect(&app).await;
    slow.write_all(head(100).as_bytes()).await.expect("sent");
    slow.write_all(b"grant_type=").await.expect("sent");
    let answer = until_closed(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains(r#"{"error":"invalid_request","error_description":"The request body took too long"}"#), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");

    // Two KiB in 1.6 seconds: slower than one second, faster than a KiB a second.
    let mut steady = connect(&app).await;
    steady.write_all(head(2048).as_bytes()).await.expect("sent");
    for _ in 0..8 {
        steady.write_all(&[b'a'; 256]).await.expect("the connection is open");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut buffer = [0; 1024];
    let read = steady.read(&mut buffer).await.expect("an answer");
    assert!(buffer[..read].starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&buffer[..read]));
}

#[tokio::test]
async fn idle_connections_and_answers_that_nobody_takes_are_let_go() {
    let app = impatient().await;
    let mut idle = connect(&app).await;
    let request = format!("GET {CERTS} HTTP/1.1\r\nHost: x\r\n\r\n");
    idle.write_all(request.as_bytes()).await.expect("sent");
    let answer = until_closed(&mut idle).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    // Requests without end, of whose answers nothing is read: the buffers between fill up, and then nothing moves.
    let (_reader, mut writer) = connect(&app).await.into_split();
    let many = request.repeat(64);
    let flooding = async { while writer.write_all(many.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(30), flooding).await.expect("the server gives the connection up");
    app.get("/realms/master").await.ok();
}

#[tokio::test]
async fn connections_beyond_the_cap_are_refused_with_a_reason_and_those_within_go_on() {
    let app = TestApp::builder()
        .configure(|config| config.http.max_connections = NonZeroUsize::new(8).expect("above 0"))
        .start()
        .await;
    let mut held = Vec::new();
    for _ in 0..8 {
        let mut stream = connect(&app).await;
        stream.write_all(format!("GET {CERTS} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.expect("sent");
        let mut buffer = [0; 16_384];
        let read = stream.read(&mut buffer).await.expect("an answer");
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
        held.push(stream);
    }
    for _ in 0..3 {
        let refused = Request::new("GET", CERTS).send(&app.address).await.expect("an answer");
        refused.is_refused("temporarily_unavailable", "Too many connections, try again");
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    }
    assert_eq!(app.log().matches("connections are refused").count(), 1, "said once");
    let management = app.management.clone().expect("on");
    app.send_to(&management, &Request::new("GET", "/auth/health/ready")).await.ok();

    held.pop();
    let answer = async {
        loop {
            let answer = Request::new("GET", CERTS).send(&app.address).await.expect("an answer");
            if answer.status == 200 {
                break answer;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), answer).await.expect("a place was free");
    held[0].write_all(format!("GET {CERTS} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.expect("sent");
    assert!(held[0].read(&mut [0; 1024]).await.expect("an answer") > 0);
}

/// Holds idle connections and asks in between.
async fn hold(count: usize) {
    let app = TestApp::new().await;
    let mut held = Vec::with_capacity(count);
    for _ in 0..count {
        held.push(connect(&app).await);
    }
    // Each worker has accepted what came before these.
    for _ in 0..10 {
        app.get("/realms/master").await.ok();
        app.administrator().await;
    }
    let mut buffer = [0; 16_384];
    for stream in held.iter_mut().step_by(count / 50) {
        stream
            .write_all(format!("GET {CERTS} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
            .await
            .expect("the connection was held");
        let read = stream.read(&mut buffer).await.expect("an answer");
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..read]));
    }
}

#[tokio::test]
async fn two_hundred_idle_connections_hold_without_harm() {
    Box::pin(hold(200)).await;
}

#[tokio::test]
#[ignore = "20 000 sockets: make test-all"]
async fn ten_thousand_idle_connections_hold_without_harm() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let enough = rustix::process::Rlimit { current: Some(limit.maximum.unwrap_or(30_000).min(30_000)), maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, enough).expect("the soft limit may rise to the hard one");
    // Both ends are in this process.
    let most = usize::try_from(enough.current.unwrap_or_default()).expect("fits") / 2 - 500;
    assert!(most >= 4000, "this machine allows only {most} connections: ulimit -Hn");
    Box::pin(hold(most.min(10_000))).await;
}

/// An issuer with these limits, behind a proxy on loopback.
async fn limited(address: (u32, u32), client: (u32, u32)) -> TestIssuer {
    let issuer = TestIssuer::builder().configure(move |config| {
        (config.rate_limit.address_per_second, config.rate_limit.address_burst) = address;
        (config.rate_limit.client_per_second, config.rate_limit.client_burst) = client;
        config.http.proxy_headers = ProxyHeaders::Xforwarded;
    });
    issuer.start().await
}

async fn ask(issuer: &TestIssuer, forwarded_for: Option<&str>) -> Answer {
    let request = Request::new("GET", "/auth/realms/test");
    let request = forwarded_for.into_iter().fold(request, |request, address| request.header("X-Forwarded-For", address));
    request.send(&issuer.address().to_string()).await.expect("an answer")
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_when_to_come_back() {
    let issuer = limited((2, 5), (0, 0)).await;
    for _ in 0..5 {
        ask(&issuer, Some("198.51.100.7")).await.ok();
    }
    let refused = ask(&issuer, Some("198.51.100.7")).await;
    refused.is_refused("temporarily_unavailable", "Too many requests. Try again later.");
    assert_eq!((refused.status, refused.header("retry-after"), refused.header("x-robots-tag")), (429, Some("1"), Some("none")));
    ask(&issuer, Some("198.51.100.8")).await.ok();
    issuer.clock().advance_seconds(1);
    ask(&issuer, Some("198.51.100.7")).await.ok();
    ask(&issuer, Some("198.51.100.7")).await.ok();
    assert_eq!(ask(&issuer, Some("198.51.100.7")).await.status, 429);
}

#[tokio::test]
async fn a_client_uses_up_only_its_own_rate_and_only_after_it_has_proved_itself() {
    let issuer = limited((0, 0), (1, 3)).await;
    issuer.confidential_client("busy", "busy-secret").await;
    issuer.confidential_client("calm", "calm-secret").await;
    let token = async |client: &str, secret: &str| {
        let form = [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", secret)];
        let request = Request::new("POST", "/auth/realms/test/protocol/openid-connect/token").form(&form);
        request.send(&issuer.address().to_string()).await.expect("an answer")
    };
    for _ in 0..10 {
        assert_eq!(token("busy", "wrong").await.status, 401);
    }
    for _ in 0..3 {
        token("busy", "busy-secret").await.ok();
    }
    let refused = token("busy", "busy-secret").await;
    refused.is_refused("temporarily_unavailable", "Too many requests. Try again later.");
    assert_eq!((refused.status, refused.header("retry-after"), refused.header("cache-control")), (429, Some("1"), Some("no-store")));
    token("calm", "calm-secret").await.ok();
    issuer.clock().advance_seconds(1);
    token("busy", "busy-secret").await.ok();
    assert_eq!(token("busy", "wrong").await.json().map(|body| body["error"].clone()), Some(json!("unauthorized_client")));
}
