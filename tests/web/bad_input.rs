//! Input that no honest client sends: each gets the protocol's own error, at once, and the server goes on.

use keywright::testing::TestIssuer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::http::{Answer, Request, form_urlencoded};

const FORM: &str = "application/x-www-form-urlencoded";

/// Every endpoint that reads a form, with what it answers to one that says nothing.
const ENDPOINTS: [&str; 5] = ["token", "token/introspect", "revoke", "logout", "userinfo"];

async fn post(issuer: &TestIssuer, endpoint: &str, content_type: &str, body: &[u8]) -> Answer {
    let mut request =
        Request::new("POST", format!("/auth/realms/test/protocol/openid-connect/{endpoint}")).header("Content-Type", content_type);
    request.body = body.to_vec();
    request.send(&issuer.address().to_string()).await.expect("an answer")
}

async fn is_alive(issuer: &TestIssuer) {
    let answer = Request::new("GET", "/auth/realms/test").send(&issuer.address().to_string()).await.expect("an answer");
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn broken_forms_are_invalid_requests_everywhere() {
    let issuer = TestIssuer::start().await;
    let many: String = (0..10_000).map(|number| format!("a{number}=1&")).collect();
    for (what, body) in [
        ("a percent sign at the end", &b"grant_type=password&username=%"[..]),
        ("no hexadecimal digits", b"grant_type=password&username=%zz"),
        ("no UTF-8", b"grant_type=password&username=%ff%fe"),
        ("raw bytes", b"grant_type=password&username=\xff\xfe"),
        ("10 000 parameters", many.as_bytes()),
    ] {
        for endpoint in ENDPOINTS {
            let answer = post(&issuer, endpoint, FORM, body).await;
            assert_eq!(answer.status, 400, "{what} at {endpoint}: {}", answer.text());
            assert_eq!(answer.json().expect("JSON")["error"], "invalid_request", "{what} at {endpoint}");
        }
    }
    is_alive(&issuer).await;
}

#[tokio::test]
async fn nul_and_other_control_characters_are_values_like_any_other() {
    let issuer = TestIssuer::start().await;
    issuer.confidential_client("api", "api-secret").await;
    issuer.user("jane", "jane-password").await;
    for name in ["jane\0", "\0", "jane\r\nX-Injected: 1", "\u{202e}enaj"] {
        let form = form_urlencoded(&[
            ("grant_type", "password"),
            ("client_id", "api"),
            ("client_secret", "api-secret"),
            ("username", name),
            ("password", "jane-password"),
        ]);
        let answer = post(&issuer, "token", FORM, form.as_bytes()).await;
        answer.is_refused("invalid_grant", "Invalid user credentials");
        assert_eq!(answer.header("x-injected"), None);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_it_announces_itself_or_not() {
    let issuer = TestIssuer::start().await;
    let megabyte = format!("grant_type=password&username={}", "x".repeat(1 << 20));
    for endpoint in ENDPOINTS {
        let answer = post(&issuer, endpoint, FORM, megabyte.as_bytes()).await;
        assert_eq!(answer.status, 413, "{endpoint}");
        answer.is_refused("invalid_request", "The request body is too large");
    }
    let chunks = format!("{:x}\r\n{}\r\n0\r\n\r\n", megabyte.len(), megabyte);
    let head = format!(
        "POST /auth/realms/test/protocol/openid-connect/token HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    assert!(raw(&issuer, (head + &chunks).as_bytes()).await.starts_with("HTTP/1.1 413 "));
    is_alive(&issuer).await;
}

#[tokio::test]
async fn other_content_types_count_as_no_parameters() {
    let issuer = TestIssuer::start().await;
    for content_type in ["application/json", "text/plain", "", "application/x-www-form-urlencodedx", "\u{e9}", ";;;"] {
        let answer = post(&issuer, "token", content_type, b"grant_type=password").await;
        assert_eq!(answer.status, 400, "{content_type:?}");
        answer.is_refused("invalid_request", "Missing form parameter: grant_type");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{content_type:?}");
    }
    let answer = post(&issuer, "token", "multipart/form-data", b"no boundary").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn odd_authorization_headers_authenticate_nobody() {
    let issuer = TestIssuer::start().await;
    for value in ["Basic", "Basic ", "Basic !!!", "Basic YQ==", "Basic OjA=", "Basic /w==", "Bearer", "Bearer  ", "Negotiate x", "\u{e9}"] {
        for endpoint in ["token", "token/introspect", "revoke", "logout"] {
            let request = Request::new("POST", format!("/auth/realms/test/protocol/openid-connect/{endpoint}"));
            let request = request.header("Authorization", value).form(&[
                ("grant_type", "client_credentials"),
                ("token", "x"),
                ("refresh_token", "x"),
            ]);
            let answer = request.send(&issuer.address().to_string()).await.expect("an answer");
            assert!((400..=403).contains(&answer.status), "{value:?} at {endpoint}: {}", answer.status);
            assert!(answer.json().is_some_and(|body| body["error"].is_string()), "{value:?} at {endpoint}");
        }
        let request = Request::new("GET", "/auth/realms/test/protocol/openid-connect/userinfo").header("Authorization", value);
        assert_eq!(request.send(&issuer.address().to_string()).await.expect("an answer").status, 401, "{value:?}");
    }
}

#[tokio::test]
async fn what_is_no_http_does_not_stop_the_server() {
    let issuer = TestIssuer::start().await;
    for bytes in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET /auth/realms/test HTTP/9.9\r\n\r\n",
        b"GET /auth/realms/te st HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /auth/realms/test/protocol/openid-connect/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\nConnection: close\r\n\r\na=b&c",
        b"POST /auth/realms/test/protocol/openid-connect/token HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n",
        b"POST /auth/realms/test/protocol/openid-connect/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
    ] {
        let answer = raw(&issuer, bytes).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{:?}: {answer}", String::from_utf8_lossy(bytes));
    }
    let long = format!("GET /auth/realms/{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "a".repeat(60_000));
    let answer = raw(&issuer, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    is_alive(&issuer).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_leaves_nothing_behind() {
    let issuer = TestIssuer::start().await;
    let mut stream = TcpStream::connect(issuer.address()).await.expect("connects");
    let head = format!(
        "POST /auth/realms/test/protocol/openid-connect/token HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 1000\r\n\r\ngrant"
    );
    stream.write_all(head.as_bytes()).await.expect("writes");
    drop(stream);
    is_alive(&issuer).await;
}

/// Sends bytes and reads whatever comes back.
async fn raw(issuer: &TestIssuer, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(issuer.address()).await.expect("connects");
    let _refused_early = stream.write_all(bytes).await;
    let _end_of_request = stream.shutdown().await;
    let mut received = Vec::new();
    let _reset = stream.read_to_end(&mut received).await;
    String::from_utf8_lossy(&received).into_owned()
}
