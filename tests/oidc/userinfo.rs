//! Userinfo and ID tokens for the eyes of one client.

use josekit::jwe::{self, RSA_OAEP};
use josekit::jwk::alg::rsa::RsaKeyPair;
use josekit::jwk::{Jwk, KeyPair as _};
use keywright::testing::TestIssuer;
use serde_json::{Value, json};

use super::{client, endpoint, post, tokens};
use crate::live::normalise;
use crate::support::http::{Answer, Request};
use crate::support::upstream::{Reply, Upstream};

fn key() -> (Jwk, Value) {
    let pair = RsaKeyPair::generate(2048).expect("a key");
    let mut public = pair.to_jwk_public_key();
    public.set_key_id("enc-1");
    public.set_key_use("enc");
    (pair.to_jwk_private_key(), json!({"keys": [public.as_ref()]}))
}

fn decrypted(token: &str, private: &Jwk) -> (String, Option<String>) {
    let decrypter = RSA_OAEP.decrypter_from_jwk(private).expect("a key");
    let (payload, header) = jwe::deserialize_compact(token, &decrypter).expect("decrypts");
    (String::from_utf8(payload).expect("text"), header.content_type().map(str::to_owned))
}

async fn userinfo(issuer: &TestIssuer, tokens: &Value) -> Answer {
    let request = Request::new("GET", endpoint("userinfo")).bearer(tokens["access_token"].as_str().expect("a token"));
    request.send(&issuer.address().to_string()).await.expect("an answer")
}

#[tokio::test]
async fn userinfo_is_plain_encrypted_or_signed_and_encrypted_as_the_client_wants() {
    let issuer = TestIssuer::start().await;
    issuer.user("alice", "right").await;
    let (private, jwks) = key();
    let encrypted = json!({"use.jwks.string": "true", "jwks.string": jwks.to_string(), "user.info.encrypted.response.alg": "RSA-OAEP",
        "user.info.encrypted.response.enc": "A256GCM"});
    let mut both = encrypted.clone();
    both["user.info.response.signature.alg"] = json!("ES256");
    client(&issuer, "encrypted", json!({"attributes": encrypted})).await;
    client(&issuer, "both", json!({"attributes": both})).await;

    let answer = userinfo(&issuer, &tokens(&issuer, "encrypted", "openid").await).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jwt")));
    let (payload, content_type) = decrypted(&answer.text(), &private);
    let claims: Value = serde_json::from_str(&payload).expect("plain claims");
    assert_eq!((content_type.as_deref(), &claims["preferred_username"]), (Some("JSON"), &json!("alice")));

    let answer = userinfo(&issuer, &tokens(&issuer, "both", "openid").await).await;
    let (payload, content_type) = decrypted(&answer.text(), &private);
    let claims = normalise::claims(&payload);
    assert_eq!((content_type.as_deref(), &claims["aud"], &claims["iss"]), (Some("JWT"), &json!("both"), &json!(issuer.issuer())));
}

/// The keys that a client publishes are fetched, and fetched again when they are old; an address that is not allowed is not asked.
#[tokio::test]
async fn the_key_may_come_from_the_client_itself() {
    let issuer = TestIssuer::builder()
        .configure(|config| config.egress.allow = vec!["localhost".parse().expect("a name")])
        .start()
        .await;
    issuer.user("alice", "right").await;
    let (private, jwks) = key();
    let upstream = Upstream::start(move |_| Reply::ok(jwks.to_string()));
    let attributes = |url: &str| {
        json!({"attributes": {"use.jwks.url": "true", "jwks.url": url, "id.token.encrypted.response.alg": "RSA-OAEP",
            "user.info.encrypted.response.alg": "RSA-OAEP"}})
    };
    client(&issuer, "far", attributes(&upstream.url("/certs"))).await;
    let all = tokens(&issuer, "far", "openid").await;
    let (id_token, content_type) = decrypted(all["id_token"].as_str().expect("one"), &private);
    assert_eq!((content_type.as_deref(), &normalise::claims(&id_token)["aud"]), (Some("JWT"), &json!("far")));
    let answer = userinfo(&issuer, &all).await;
    assert!(decrypted(&answer.text(), &private).0.contains("alice"));
    assert_eq!(upstream.asked().len(), 1, "one fetch serves both");

    client(&issuer, "inside", attributes("http://127.0.0.1:1/certs")).await;
    let form = [("grant_type", "password"), ("username", "alice"), ("password", "right"), ("scope", "openid")];
    let answer = post(&issuer, "inside", "token", &[], &form).await;
    assert_eq!((answer.status, answer.field("error")), (400, "invalid_request".to_owned()));
}

/// Keycloak answers 500 here.
#[tokio::test]
async fn a_client_that_wants_encryption_and_has_no_key_gets_nothing_in_the_clear() {
    let issuer = TestIssuer::start().await;
    issuer.user("alice", "right").await;
    for (id, jwks) in [("none", ""), ("broken", "{"), ("empty", "{\"keys\":[]}")] {
        let attributes = json!({"use.jwks.string": "true", "jwks.string": jwks, "id.token.encrypted.response.alg": "RSA-OAEP",
            "user.info.encrypted.response.alg": "RSA-OAEP"});
        client(&issuer, id, json!({"attributes": attributes})).await;
        let form = [("grant_type", "password"), ("username", "alice"), ("password", "right"), ("scope", "openid")];
        let answer = post(&issuer, id, "token", &[], &form).await;
        assert_eq!((answer.status, answer.field("error")), (400, "invalid_request".to_owned()), "{id}");
    }
    let attributes = json!({"user.info.encrypted.response.alg": "ECDH-ES"});
    client(&issuer, "userinfo", json!({"attributes": attributes})).await;
    let answer = userinfo(&issuer, &tokens(&issuer, "userinfo", "openid").await).await;
    assert_eq!((answer.status, answer.field("error")), (400, "invalid_request".to_owned()));
}
