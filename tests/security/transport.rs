//! Classes 33 (Host header), 34 (proxy headers), 54 (header injection), 60 (paths), 63 (holes in rate limits), and the smuggling
//! of requests past a proxy that reads their ends differently.

use keywright::config::ProxyHeaders;
use keywright::testing::TestIssuer;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::http::{Answer, Request};

const CERTS: &str = "/auth/realms/test/protocol/openid-connect/certs";
const DISCOVERY: &str = "/auth/realms/test/.well-known/openid-configuration";
const TOKEN: &str = "/auth/realms/test/protocol/openid-connect/token";

async fn get(issuer: &TestIssuer, target: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(Request::new("GET", target), |request, (name, value)| request.header(name, *value));
    request.send(&issuer.address().to_string()).await.expect("an answer")
}

/// Everything that comes back for these bytes on one connection.
async fn raw(issuer: &TestIssuer, bytes: &str) -> String {
    let mut stream = TcpStream::connect(issuer.address()).await.expect("connects");
    let _refused_early = stream.write_all(bytes.as_bytes()).await;
    let _end_of_request = stream.shutdown().await;
    let mut received = Vec::new();
    let _reset = stream.read_to_end(&mut received).await;
    String::from_utf8_lossy(&received).into_owned()
}

/// An issuer with `sslRequired: external` behind proxies in 127.0.0.0/8 and 10.0.0.0/8.
async fn behind(proxy_headers: ProxyHeaders) -> TestIssuer {
    let issuer = TestIssuer::builder().configure(move |config| {
        config.http.proxy_headers = proxy_headers;
        config.http.trusted_proxies = ["127.0.0.0/8", "10.0.0.0/8"].map(|network| network.parse().expect("a network")).to_vec();
    });
    issuer.start().await
}

#[tokio::test]
async fn class_33_nothing_in_a_request_changes_the_issuer() {
    for headers in [ProxyHeaders::None, ProxyHeaders::Forwarded, ProxyHeaders::Xforwarded] {
        let issuer = behind(headers).await;
        for poison in [
            ("Host", "evil.example"),
            ("X-Forwarded-Host", "evil.example"),
            ("X-Forwarded-Port", "666"),
            ("X-Forwarded-Prefix", "/evil"),
            ("X-Forwarded-Server", "evil.example"),
            ("Forwarded", "for=10.0.0.1;host=evil.example;proto=https"),
            ("X-Original-URL", "http://evil.example/"),
            ("X-Original-URI", "http://evil.example/"),
            ("X-Rewrite-URL", "/evil"),
            ("X-Host", "evil.example"),
        ] {
            let document = get(&issuer, DISCOVERY, &[poison]).await.ok();
            assert!(!document.text().contains("evil") && !document.text().contains("666"), "{headers:?} {poison:?}");
            assert_eq!(document.field("issuer"), issuer.issuer());
            let redirect = get(&issuer, "/auth/", &[poison]).await;
            assert!(redirect.header("location").is_some_and(|to| to.starts_with(issuer.base_url())), "{poison:?} {redirect:?}");
        }
        let absolute = format!("GET http://evil.example{DISCOVERY} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        let answer = raw(&issuer, &absolute).await;
        assert!(!answer.contains("evil"), "{answer}");
    }
}

#[tokio::test]
async fn class_34_an_address_that_cannot_be_read_is_never_a_local_one() {
    let issuer = behind(ProxyHeaders::Xforwarded).await;
    let refused = async |list: &str| get(&issuer, CERTS, &[("X-Forwarded-For", list)]).await;
    get(&issuer, CERTS, &[("X-Forwarded-For", "10.1.1.1")]).await.ok();
    for garbage in [
        "garbage",
        "127.0.0.1, garbage",
        "127.0.0.1x",
        "0x7f.1",
        "2130706433",
        "127.1",
        "localhost",
        "::ffff:7f00:1.2.3.4",
        "127.0.0.1:99999",
        "[::1",
        "10.0.0.1;10.0.0.2",
        "\"127.0.0.1\"",
        "unknown",
        "\u{ff11}27.0.0.1",
    ] {
        let answer = refused(garbage).await;
        assert_eq!(answer.status, 403, "{garbage}");
        answer.is_refused("invalid_request", "HTTPS required");
    }
    // The client writes on the left, the proxy on the right.
    for spoofed in ["127.0.0.1, 198.51.100.7", "10.0.0.1, 198.51.100.7, 10.0.0.2", "::1,198.51.100.7"] {
        assert_eq!(refused(spoofed).await.status, 403, "{spoofed}");
    }
    let lines = get(&issuer, CERTS, &[("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "198.51.100.7")]).await;
    assert_eq!(lines.status, 403, "the second line was written last");

    let standard = behind(ProxyHeaders::Forwarded).await;
    for header in ["for=127.0.0.1, for=198.51.100.7", "for=unknown", "for=127.0.0.1, proto=http", "for=\"127.0.0.1", "by=127.0.0.1"] {
        assert_eq!(get(&standard, CERTS, &[("Forwarded", header)]).await.status, 403, "{header}");
    }
    let other = get(&standard, CERTS, &[("X-Forwarded-For", "198.51.100.7")]).await;
    assert_eq!(other.status, 200, "the other kind of header means nothing");
}

#[tokio::test]
async fn class_34_headers_of_somebody_who_is_no_proxy_of_ours_mean_nothing() {
    let issuer = TestIssuer::builder().configure(|config| {
        config.http.proxy_headers = ProxyHeaders::Xforwarded;
        config.http.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
        (config.rate_limit.address_per_second, config.rate_limit.address_burst) = (1, 5);
    });
    let issuer = issuer.start().await;
    for number in 0..5 {
        let spoofed = format!("198.51.100.{number}");
        get(&issuer, CERTS, &[("X-Forwarded-For", &spoofed), ("X-Forwarded-Proto", "http")]).await.ok();
    }
    assert_eq!(get(&issuer, CERTS, &[("X-Forwarded-For", "198.51.100.77")]).await.status, 429, "it is still one client");
}

#[tokio::test]
async fn class_54_a_setting_with_a_line_break_makes_no_header() {
    let issuer = TestIssuer::start().await;
    issuer
        .change_realm(|realm| {
            let headers = &mut realm.browser_security_headers;
            headers.insert("xRobotsTag".to_owned(), "none\r\nX-Injected: 1".to_owned());
            headers.insert("referrerPolicy".to_owned(), "origin\nX-Injected: 1".to_owned());
            headers.insert("xContentTypeOptions".to_owned(), "nosniff\0".to_owned());
            headers.insert("strictTransportSecurity".to_owned(), "max-age=1".to_owned());
        })
        .await;
    let answer = get(&issuer, CERTS, &[]).await.ok();
    let header = |name| answer.header(name);
    assert_eq!(
        (header("x-injected"), header("x-robots-tag"), header("referrer-policy"), header("x-content-type-options")),
        (None, None, None, None)
    );
    assert_eq!(header("strict-transport-security"), Some("max-age=1"), "the others are there");
}

#[tokio::test]
async fn security_headers_of_a_realm_hold_from_the_next_answer_on() {
    let issuer = TestIssuer::start().await;
    let page = async || get(&issuer, "/auth/realms/test/nope", &[("Accept", "text/html")]).await;
    assert_eq!(page().await.header("content-security-policy-report-only"), None);
    issuer
        .change_realm(|realm| {
            let headers = &mut realm.browser_security_headers;
            headers.insert("contentSecurityPolicy".to_owned(), "default-src 'none'".to_owned());
            headers.insert("contentSecurityPolicyReportOnly".to_owned(), "script-src 'self'".to_owned());
            headers.insert("xFrameOptions".to_owned(), "DENY".to_owned());
            headers.insert("referrerPolicy".to_owned(), String::new());
        })
        .await;
    let changed = page().await;
    for (name, value) in [
        ("content-security-policy", Some("default-src 'none'")),
        ("content-security-policy-report-only", Some("script-src 'self'")),
        ("x-frame-options", Some("DENY")),
        ("referrer-policy", None),
        ("x-content-type-options", Some("nosniff")),
    ] {
        assert_eq!(changed.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn class_60_a_path_has_one_spelling() {
    let issuer = TestIssuer::start().await;
    for path in [
        "/auth//realms/test",
        "/auth/realms/test;x=1",
        "/auth/realms/%2e%2e/realms/test",
        "/auth/./realms/test",
        "/auth/realms/test/protocol/openid-connect/certs/..;/token",
    ] {
        assert_eq!(get(&issuer, path, &[]).await.status, 400, "{path}");
    }
    for path in ["/auth/realms%2ftest", "/auth/Realms/test", "/AUTH/realms/test", "/auth/realms/TEST", "/auth/realms/test%2fprotocol"] {
        assert_eq!(get(&issuer, path, &[]).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn class_63_neither_loopback_nor_a_header_nor_an_unreadable_address_is_a_way_around_the_limit() {
    let issuer = TestIssuer::builder().configure(|config| {
        config.http.proxy_headers = ProxyHeaders::Xforwarded;
        (config.rate_limit.address_per_second, config.rate_limit.address_burst) = (1, 5);
    });
    let issuer = issuer.start().await;
    let status = async |forwarded_for: Option<String>| {
        let headers: Vec<_> = forwarded_for.iter().map(|address| ("X-Forwarded-For", address.as_str())).collect();
        get(&issuer, "/auth/realms/test", &headers).await.status
    };
    let used_up = async |name: &str, forwarded_for: fn(usize) -> Option<String>| {
        let mut refused = 0;
        for number in 0..10 {
            refused += usize::from(status(forwarded_for(number)).await == 429);
        }
        assert_eq!(refused, 5, "{name}");
    };
    used_up("loopback", |_| None).await;
    used_up("unreadable addresses", |number| Some(format!("garbage-{number}"))).await;
    used_up("a list that the client began", |number| Some(format!("203.0.113.{number}, 198.51.100.7"))).await;
    used_up("one IPv6 network", |number| Some(format!("2001:db8::{number}"))).await;
    issuer.clock().advance_seconds(60);
    assert_eq!(status(None).await, 200);
}

#[tokio::test]
async fn a_request_ends_where_it_says_or_the_connection_does() {
    let issuer = TestIssuer::start().await;
    let hidden = format!("GET {CERTS} HTTP/1.1\r\nHost: x\r\n\r\n");
    let post = |headers: &str, body: &str| format!("POST {TOKEN} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n{body}");
    for (what, bytes) in [
        ("CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked", &format!("0\r\n\r\n{hidden}"))),
        ("TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4", &format!("1\r\nZ\r\n0\r\n\r\n{hidden}"))),
        ("two lengths", post("Content-Length: 0\r\nContent-Length: 40", &hidden)),
        ("a list of lengths", post("Content-Length: 0, 40", &hidden)),
        ("a sign before the length", post("Content-Length: +0", &hidden)),
        ("two codings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", &format!("0\r\n\r\n{hidden}"))),
        ("an unknown coding", post("Transfer-Encoding: xchunked", &format!("0\r\n\r\n{hidden}"))),
        ("a coding after chunked", post("Transfer-Encoding: chunked, identity", &format!("0\r\n\r\n{hidden}"))),
        ("a tab for the coding", post("Transfer-Encoding:\u{b}chunked", &format!("0\r\n\r\n{hidden}"))),
        ("a space before the colon", post("Transfer-Encoding : chunked", &format!("0\r\n\r\n{hidden}"))),
        ("a folded line", post("X: y\r\n Transfer-Encoding: chunked", &format!("0\r\n\r\n{hidden}"))),
        ("an endless chunk size", post("Transfer-Encoding: chunked", &format!("fffffffffffffffff\r\nabc\r\n0\r\n\r\n{hidden}"))),
        ("a negative chunk size", post("Transfer-Encoding: chunked", &format!("-1\r\nabc\r\n0\r\n\r\n{hidden}"))),
        ("two hosts", format!("GET {CERTS} HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n{hidden}")),
        ("no host", format!("GET {CERTS} HTTP/1.1\r\n\r\n{hidden}")),
        ("chunks in HTTP/1.0", format!("POST {TOKEN} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}")),
    ] {
        let answers = raw(&issuer, &bytes).await;
        assert_eq!(answers.matches("HTTP/1.1 200").count() + answers.matches("HTTP/1.0 200").count(), 0, "{what}: {answers}");
        assert!(answers.starts_with("HTTP/1.1 4") || answers.starts_with("HTTP/1.0 4") || answers.is_empty(), "{what}: {answers}");
    }
    // What is well-formed is two requests, answered one after the other.
    let both = raw(&issuer, &(post("Content-Length: 3\r\nContent-Type: application/x-www-form-urlencoded", "a=b") + &hidden)).await;
    assert_eq!((both.matches("HTTP/1.1 400").count(), both.matches("HTTP/1.1 200").count()), (1, 1), "{both}");
    assert_eq!(get(&issuer, "/auth/realms/test", &[]).await.json().map(|body| body["realm"].clone()), Some(json!("test")));
}
