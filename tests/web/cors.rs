//! CORS: the origin is echoed, never `*`, and only where the row or the client allows it.

use keywright::testing::TestIssuer;

use crate::support::http::Request;

const ORIGIN: &str = "https://app.example.org";

fn named(text: Option<&str>) -> Vec<&str> {
    text.unwrap_or_default().split(", ").collect()
}

#[tokio::test]
async fn public_documents_echo_the_origin_and_say_nothing_without_one() {
    let issuer = TestIssuer::start().await;
    let address = issuer.address().to_string();
    for path in ["/realms/test", "/realms/test/.well-known/openid-configuration", "/realms/test/protocol/openid-connect/certs"] {
        let target = format!("/auth{path}");
        let with = Request::new("GET", &target).header("Origin", ORIGIN).send(&address).await.expect("an answer");
        assert_eq!(with.header("access-control-allow-origin"), Some(ORIGIN), "{path}");
        assert_eq!(with.header("access-control-allow-credentials"), Some("true"), "{path}");
        let without = Request::new("GET", &target).send(&address).await.expect("an answer");
        assert!(without.headers.iter().all(|(name, _)| !name.starts_with("access-control")), "{path}");
    }
}

#[tokio::test]
async fn preflights_follow_from_the_table() {
    let issuer = TestIssuer::start().await;
    let address = issuer.address().to_string();
    for (path, methods) in [
        ("", Some("GET, HEAD, OPTIONS")),
        ("/protocol/openid-connect/certs", Some("GET")),
        ("/protocol/openid-connect/token", Some("POST, OPTIONS")),
        ("/protocol/openid-connect/userinfo", Some("GET, HEAD, OPTIONS")),
        ("/protocol/openid-connect/revoke", Some("POST, OPTIONS")),
        ("/protocol/openid-connect/token/introspect", None),
    ] {
        let preflight = |origin: bool| {
            let request = Request::new("OPTIONS", format!("/auth/realms/test{path}")).header("Access-Control-Request-Method", "POST");
            if origin { request.header("Origin", ORIGIN) } else { request }
        };
        let answer = preflight(true).send(&address).await.expect("an answer");
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), methods, "{path}");
        match methods {
            Some(_) => {
                assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "{path}");
                assert_eq!(answer.header("access-control-max-age"), Some("3600"), "{path}");
                assert!(named(answer.header("access-control-allow-headers")).contains(&"Authorization"), "{path}");
                assert_eq!(answer.header("allow"), None, "{path}");
            }
            None => assert_eq!(answer.header("allow"), Some("HEAD, POST, OPTIONS"), "{path}"),
        }
        let answer = preflight(false).send(&address).await.expect("an answer");
        assert!(answer.headers.iter().all(|(name, _)| !name.starts_with("access-control")), "{path}");
    }
}

#[tokio::test]
async fn an_origin_that_is_no_header_value_is_not_echoed() {
    let issuer = TestIssuer::start().await;
    let answer = Request::new("GET", "/auth/realms/test")
        .header("Origin", "https://\u{e4}")
        .send(&issuer.address().to_string())
        .await;
    assert_eq!(answer.expect("an answer").header("access-control-allow-origin"), None);
}
