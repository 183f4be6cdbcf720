//! What a request claims about where it comes from and where it went.

use keywright::config::ProxyHeaders;
use keywright::model::realm::SslRequired;
use keywright::testing::{REALM, TestIssuer};
use serde_json::Value;

use super::get;
use crate::grants::password::failures;
use crate::grants::{CLIENT, issuer};
use crate::support::http::{Answer, Request};

const DISCOVERY: &str = "/realms/test/.well-known/openid-configuration";

#[tokio::test]
async fn class_33_no_header_and_no_request_line_makes_the_issuer() {
    let issuer = issuer(None).await;
    issuer.user("alice", "right").await;
    let expected = issuer.issuer();
    let poison = [
        ("Host", "evil.example"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Port", "666"),
        ("X-Forwarded-Prefix", "/evil"),
        ("Forwarded", "for=1.2.3.4;host=evil.example;proto=https"),
        ("X-Original-URI", "https://evil.example/"),
        ("X-Original-URL", "https://evil.example/"),
        ("X-Rewrite-URL", "/auth/realms/master"),
        ("X-HTTP-Method-Override", "DELETE"),
    ];
    for header in poison {
        let answer = get(&issuer, DISCOVERY, &[header]).await.ok();
        let document = answer.text();
        assert!(!document.contains("evil") && !document.contains("666"), "{header:?}");
        assert_eq!(answer.json().expect("JSON")["issuer"], Value::String(expected.clone()), "{header:?}");

        let form = [("grant_type", "password"), ("username", "alice"), ("password", "right")];
        let request = Request::new("POST", format!("/auth/realms/{REALM}/protocol/openid-connect/token")).basic(CLIENT.0, CLIENT.1);
        let token = request.header(header.0, header.1).form(&form).send(&issuer.address().to_string()).await.expect("an answer");
        let claims = token.ok().field("access_token").split('.').nth(1).map(str::to_owned).expect("a JWT");
        let claims: Value = {
            use base64::Engine as _;
            serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON")
        };
        assert_eq!(claims["iss"], Value::String(expected.clone()), "{header:?}");
    }
    let absolute = Request::new("GET", format!("http://evil.example/auth{DISCOVERY}"));
    let answer: Answer = absolute.send(&issuer.address().to_string()).await.expect("an answer");
    assert!(!answer.text().contains("evil"), "{}", answer.text());
}

/// A wrong password for alice, with these headers.
async fn wrong(issuer: &TestIssuer, headers: &[(&str, &str)]) -> Answer {
    let form = [("grant_type", "password"), ("username", "alice"), ("password", "wrong")];
    let mut request = Request::new("POST", format!("/auth/realms/{REALM}/protocol/openid-connect/token")).basic(CLIENT.0, CLIENT.1);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.form(&form).send(&issuer.address().to_string()).await.expect("an answer")
}

#[tokio::test]
async fn class_34_garbage_in_proxy_headers_never_opens_anything() {
    let garbage: &[&[(&str, &str)]] = &[
        &[("X-Forwarded-For", "garbage")],
        &[("X-Forwarded-For", "")],
        &[("X-Forwarded-For", ", ,,")],
        &[("X-Forwarded-For", "127.0.0.1, garbage")],
        &[("X-Forwarded-For", "999.1.1.1")],
        &[("X-Forwarded-For", "::ffff:::1")],
        &[("X-Forwarded-For", "\u{e9}")],
        &[("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "garbage")],
        &[("Forwarded", "for=\"")],
    ];
    for mode in [ProxyHeaders::None, ProxyHeaders::Xforwarded, ProxyHeaders::Forwarded] {
        let issuer = TestIssuer::builder().configure(move |config| config.http.proxy_headers = mode).start().await;
        issuer.confidential_client(CLIENT.0, CLIENT.1).await;
        issuer.user("alice", "right").await;
        issuer
            .change_realm(|realm| {
                realm.ssl_required = SslRequired::None;
                (realm.brute_force_protected, realm.quick_login_check_milli_seconds) = (true, 0);
            })
            .await;
        for headers in garbage {
            let answer = wrong(&issuer, headers).await;
            assert!((400..500).contains(&answer.status), "{mode:?} {headers:?}: {}", answer.status);
        }
        let master = get(&issuer, DISCOVERY, &[]).await;
        assert_eq!(master.status, 200, "the server goes on");
    }
}

#[tokio::test]
async fn class_34_an_address_that_nobody_vouches_for_is_not_believed() {
    let issuer = TestIssuer::builder()
        .configure(|config| {
            config.http.proxy_headers = ProxyHeaders::Xforwarded;
            config.http.trusted_proxies = vec!["192.0.2.0/24".parse().expect("a network")];
        })
        .start()
        .await;
    issuer.confidential_client(CLIENT.0, CLIENT.1).await;
    let alice = issuer.user("alice", "right").await;
    issuer.change_realm(|realm| realm.brute_force_protected = true).await;
    wrong(&issuer, &[("X-Forwarded-For", "198.51.100.7"), ("Forwarded", "for=198.51.100.7")]).await;
    let known = failures(&issuer, &alice).await.1.expect("known");
    assert_eq!(known.last_ip_failure, "127.0.0.1");
}

/// Neither is loopback exempt nor does a header that anybody may write make a new address.
#[tokio::test]
async fn class_63_a_rate_limit_has_no_holes() {
    let issuer = TestIssuer::builder()
        .configure(|config| {
            (config.rate_limit.address_per_second, config.rate_limit.address_burst) = (1, 5);
            config.http.proxy_headers = ProxyHeaders::Xforwarded;
            config.http.trusted_proxies = vec!["192.0.2.0/24".parse().expect("a network")];
        })
        .start()
        .await;
    let mut refused = 0;
    for n in 0..20 {
        let answer = get(&issuer, DISCOVERY, &[("X-Forwarded-For", &format!("198.51.100.{n}")), ("X-Real-IP", "10.0.0.1")]).await;
        if answer.status == 429 {
            refused += 1;
            assert!(answer.header("retry-after").is_some());
        } else {
            assert_eq!(answer.status, 200);
        }
    }
    assert!(refused >= 10, "{refused} of twenty at once were refused");
}
