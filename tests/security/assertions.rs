//! Assertions of clients: used twice, meant for somebody else, signed by the wrong key or by none.

use futures_util::future::join_all;
use keywright::manage::realms::NewRealm;
use keywright::testing::{REALM, TestIssuer};
use serde_json::{Value, json};

use crate::grants::client_auth::{SECRET, by_assertion, claims, client, issuer, post, with_key};
use crate::support::assertion::{ClientKey, JWT_BEARER, changed, hs256, unsigned};
use crate::support::http::{Answer, Request};
use crate::support::upstream::{Reply, Upstream};

async fn refused(issuer: &TestIssuer, assertion: &str, description: &str) {
    let answer = by_assertion(issuer, assertion).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    answer.is_refused("invalid_client", description);
}

/// Presents an assertion at an endpoint other than the token endpoint.
async fn present(issuer: &TestIssuer, endpoint: &str, assertion: &str) -> Answer {
    post(issuer, endpoint, &[("client_assertion_type", JWT_BEARER), ("client_assertion", assertion), ("token", "x")]).await
}

#[tokio::test]
async fn class_22_an_assertion_is_good_once_wherever_it_is_presented() {
    let issuer = issuer(None).await;
    let key = ClientKey::generate();
    with_key(&issuer, "keyed", &key).await;
    client(&issuer, "sealed", "client-secret-jwt", &[]).await;
    for assertion in [key.sign("k1", &claims(&issuer, "keyed")), hs256(SECRET.as_bytes(), &claims(&issuer, "sealed"))] {
        let tokens = join_all((0..25).map(|_| by_assertion(&issuer, &assertion)));
        let questions = join_all((0..25).map(|_| present(&issuer, "token/introspect", &assertion)));
        let (tokens, questions) = futures_util::join!(tokens, questions);
        let winners = tokens.iter().chain(&questions).filter(|answer| answer.status == 200).count();
        assert_eq!(winners, 1, "one of fifty, at two endpoints");
        for lost in tokens.iter().filter(|answer| answer.status != 200) {
            lost.is_refused("invalid_client", "Token reuse detected");
        }
    }
}

#[tokio::test]
async fn class_22_an_assertion_without_end_or_name_is_worth_nothing() {
    let issuer = issuer(None).await;
    let key = ClientKey::generate();
    with_key(&issuer, "keyed", &key).await;
    let now = issuer.keywright().app().env.now().seconds();
    let judge = async |changes: Value, description: &str| {
        let assertion = key.sign("k1", &changed(claims(&issuer, "keyed"), changes));
        refused(&issuer, &assertion, description).await;
    };
    for nameless in [json!({"jti": null}), json!({"jti": ""}), json!({"jti": 7}), json!({"jti": ["x"]})] {
        judge(nameless, "Token jti claim is required").await;
    }
    for endless in [json!({"exp": null}), json!({"exp": "9999999999"}), json!({"exp": [now + 60]}), json!({"exp": true})] {
        judge(endless, "Token exp claim is required").await;
    }
    for dead in [json!({"exp": 0}), json!({"exp": -1}), json!({"exp": now - 3600}), json!({"nbf": now + 3600})] {
        judge(dead, "Token is not active").await;
    }
    judge(json!({"iat": i64::MIN, "exp": i64::MAX}), "Token was issued too far in the past to be used now").await;
    judge(json!({"iat": i64::MAX, "exp": i64::MAX}), "Token was issued in the future").await;
    judge(json!({"iat": null, "exp": i64::MAX}), "Token expiration is too far in the future and iat claim not present in token").await;
}

#[tokio::test]
async fn class_23_an_assertion_is_for_this_realm_alone() {
    let issuer = issuer(None).await;
    let key = ClientKey::generate();
    with_key(&issuer, "keyed", &key).await;
    issuer.keywright().manage().create_realm(NewRealm::enabled("neighbour")).await.unwrap();
    let (own, base) = (issuer.issuer(), issuer.base_url().to_owned());
    let protocol = format!("{own}/protocol/openid-connect");
    let signed = |audience: Value| key.sign("k1", &changed(claims(&issuer, "keyed"), json!({ "aud": audience })));
    for right in [json!(own), json!([own]), json!(format!("{protocol}/token")), json!(format!("{protocol}/token/introspect"))] {
        assert_eq!(by_assertion(&issuer, &signed(right.clone())).await.status, 200, "{right}");
    }
    for wrong in [
        json!(format!("{base}/realms/neighbour")),
        json!(format!("{base}/realms/neighbour/protocol/openid-connect/token")),
        json!(format!("{own}/")),
        json!(format!("{own}2")),
        json!(own.to_uppercase()),
        json!(own.replace("http://", "https://")),
        json!(own.replace("127.0.0.1", "localhost")),
        json!(format!("{protocol}/userinfo")),
        json!(format!("{protocol}/token?x=1")),
        json!(base),
        json!("keyed"),
        json!(""),
        json!([]),
        json!({"0": own}),
        json!(["https://elsewhere.example", "https://another.example"]),
    ] {
        refused(&issuer, &signed(wrong), "Invalid token audience").await;
    }
    let without = key.sign("k1", &changed(claims(&issuer, "keyed"), json!({"aud": null})));
    refused(&issuer, &without, "Invalid token audience").await;
    // Whoever else it is for could present it here.
    for many in [json!([own, "https://elsewhere.example"]), json!([own, format!("{protocol}/token")]), json!([own, own])] {
        refused(&issuer, &signed(many), "Multiple audiences not allowed").await;
    }
    // A Host header does not make its name an audience.
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", &*signed(json!(format!("http://evil.example/auth/realms/{REALM}")))),
    ];
    let path = format!("/auth/realms/{REALM}/protocol/openid-connect/token");
    let request = Request::new("POST", path).header("Host", "evil.example").form(&form);
    let answer = request.send(&issuer.address().to_string()).await.expect("an answer");
    answer.is_refused("invalid_client", "Invalid token audience");
}

#[tokio::test]
async fn class_21_an_assertion_counts_only_by_the_key_that_its_client_registered() {
    let issuer = issuer(None).await;
    let (key, other, thief) = (ClientKey::generate(), ClientKey::generate(), ClientKey::generate());
    with_key(&issuer, "keyed", &key).await;
    with_key(&issuer, "other", &other).await;
    let says = || claims(&issuer, "keyed");
    let keys_of_the_thief = thief.jwks("k1");
    let upstream = Upstream::start(move |_| Reply::ok(keys_of_the_thief.clone()));

    let algorithm = "Invalid signature algorithm";
    refused(&issuer, &unsigned(&says()), algorithm).await;
    for name in ["None", "NONE", "nOnE", "", "HS256 ", "RS257"] {
        refused(&issuer, &key.sign_with_header(&json!({"alg": name, "kid": "k1"}), &says()), algorithm).await;
    }
    // The public key is no secret, in whatever form it is taken for one.
    let public = key.private();
    for secret in [public.public_key_to_pem().unwrap(), public.public_key_to_der().unwrap(), key.jwks("k1").into_bytes()] {
        refused(&issuer, &hs256(&secret, &says()), algorithm).await;
    }
    let signature = "Client authentication with signed JWT failed: Signature on JWT token failed validation";
    refused(&issuer, &thief.sign("k1", &says()), signature).await;
    refused(&issuer, &other.sign("k1", &says()), signature).await;
    refused(&issuer, &thief.sign("", &says()), signature).await;
    for bring in
        [json!({"jwk": thief.jwk("k1")}), json!({"jku": upstream.url("/")}), json!({"x5u": upstream.url("/")}), json!({"x5c": ["MIIB"]})]
    {
        let header = changed(json!({"alg": "RS256", "kid": "k1"}), bring);
        refused(&issuer, &thief.sign_with_header(&header, &says()), signature).await;
    }
    assert!(upstream.asked().is_empty(), "nobody fetches what a token points to");
    // Nobody speaks for another client.
    let of_other = other.sign("k1", &claims(&issuer, "other"));
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "keyed"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", &*of_other),
    ];
    post(&issuer, "token", &form)
        .await
        .is_refused("invalid_client", "client_id parameter does not match authenticated client");
    by_assertion(&issuer, &key.sign("k1", &says())).await.ok();
}
