//! Issuer, client address and TLS: from the configuration, and from a request only as far as the administrator said so.

use keywright::config::ProxyHeaders;
use keywright::model::realm::SslRequired;
use keywright::testing::TestIssuer;
use serde_json::{Value, json};

use crate::support::http::{Answer, Request};

async fn get(issuer: &TestIssuer, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::new("GET", format!("/auth/realms/test{path}"));
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.send(&issuer.address().to_string()).await.expect("an answer")
}

async fn issuer_for(issuer: &TestIssuer, headers: &[(&str, &str)]) -> Value {
    get(issuer, "/.well-known/openid-configuration", headers).await.ok().json().expect("JSON")["issuer"].clone()
}

#[tokio::test]
async fn the_host_header_does_not_make_the_issuer() {
    let issuer = TestIssuer::start().await;
    let configured = json!(format!("{}/realms/test", issuer.base_url()));
    for headers in [&[("Host", "evil.example")][..], &[("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "https")]] {
        assert_eq!(issuer_for(&issuer, headers).await, configured);
    }
}

#[tokio::test]
async fn the_issuer_follows_the_request_when_the_administrator_said_so() {
    let issuer = TestIssuer::builder()
        .configure(|config| {
            config.hostname.url = None;
            config.hostname.from_request = true;
            config.http.proxy_headers = ProxyHeaders::Xforwarded;
        })
        .start()
        .await;
    assert_eq!(issuer_for(&issuer, &[("Host", "id.example:81")]).await, json!("http://id.example:81/auth/realms/test"));
    let forwarded = [("X-Forwarded-Host", "id.example"), ("X-Forwarded-Proto", "https")];
    assert_eq!(issuer_for(&issuer, &forwarded).await, json!("https://id.example/auth/realms/test"));
    assert_eq!(issuer_for(&issuer, &[("Host", "other.example")]).await, json!("http://other.example/auth/realms/test"));
}

#[tokio::test]
async fn https_is_required_as_the_realm_says() {
    let issuer = TestIssuer::builder().configure(|config| config.http.proxy_headers = ProxyHeaders::Xforwarded).start().await;
    let certs = "/protocol/openid-connect/certs";
    let outside = [("X-Forwarded-For", "198.51.100.7")];
    let outside_tls = [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-Proto", "https")];

    get(&issuer, certs, &[]).await.ok();
    get(&issuer, certs, &outside_tls).await.ok();
    let refused = get(&issuer, certs, &outside).await;
    assert_eq!(refused.status, 403);
    refused.is_refused("invalid_request", "HTTPS required");
    assert_eq!(refused.header("cache-control"), None);

    issuer.change_realm(|realm| realm.ssl_required = SslRequired::All).await;
    assert_eq!(get(&issuer, certs, &[]).await.status, 403);
    get(&issuer, certs, &outside_tls).await.ok();
    get(&issuer, "", &[]).await.ok();

    issuer.change_realm(|realm| realm.ssl_required = SslRequired::None).await;
    get(&issuer, certs, &outside).await.ok();
}

#[tokio::test]
async fn proxy_headers_mean_nothing_unless_they_are_switched_on() {
    let issuer = TestIssuer::start().await;
    issuer.change_realm(|realm| realm.ssl_required = SslRequired::All).await;
    assert_eq!(get(&issuer, "/protocol/openid-connect/certs", &[("X-Forwarded-Proto", "https")]).await.status, 403);
}

#[tokio::test]
async fn a_disabled_realm_publishes_its_keys_and_does_nothing_else() {
    let issuer = TestIssuer::start().await;
    issuer.change_realm(|realm| realm.enabled = false).await;
    for path in ["", "/.well-known/openid-configuration", "/protocol/openid-connect/certs"] {
        get(&issuer, path, &[]).await.ok();
    }
    for path in ["token", "token/introspect", "revoke", "logout", "userinfo"] {
        let request = Request::new("POST", format!("/auth/realms/test/protocol/openid-connect/{path}")).form(&[("grant_type", "password")]);
        let answer = request.send(&issuer.address().to_string()).await.expect("an answer");
        assert_eq!(answer.status, 403, "{path}");
        answer.is_refused("access_denied", "Realm not enabled");
    }
}
