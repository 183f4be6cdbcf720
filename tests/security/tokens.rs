//! Tokens that are forged, stolen, used twice or used for something else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use keywright::keyring::Algorithm;
use keywright::manage::realms::NewRealm;
use keywright::testing::{REALM, TestIssuer};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::{Value, json};

use super::{get, post};
use crate::grants::{CLIENT, issuer, password, token};
use crate::support::http::{Answer, Request};

const OTHER: (&str, &str) = ("other-client", "other-secret");

async fn userinfo(issuer: &TestIssuer, token: &str) -> Answer {
    get(issuer, &format!("/realms/{REALM}/protocol/openid-connect/userinfo"), &[("Authorization", &format!("Bearer {token}"))]).await
}

async fn is_active(issuer: &TestIssuer, client: (&str, &str), token: &str) -> bool {
    let answer = post(issuer, client, "token/introspect", &[("token", token)]).await;
    answer.json().is_some_and(|body| body["active"] == json!(true))
}

async fn openid(issuer: &TestIssuer) -> Answer {
    token(issuer, &[("grant_type", "password"), ("username", "alice"), ("password", "right"), ("scope", "openid")])
        .await
        .ok()
}

fn decode(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn mac(digest: MessageDigest, key: &[u8], input: &str) -> String {
    let key = PKey::hmac(key).unwrap();
    let mut signer = Signer::new(digest, &key).unwrap();
    signer.update(input.as_bytes()).unwrap();
    URL_SAFE_NO_PAD.encode(signer.sign_to_vec().unwrap())
}

#[tokio::test]
async fn class_16_of_fifty_parallel_refreshes_as_many_win_as_the_realm_allows() {
    let issuer = issuer(None).await;
    issuer.user("alice", "right").await;
    issuer.change_realm(|realm| (realm.revoke_refresh_token, realm.refresh_token_max_reuse) = (true, 1)).await;
    let first = password(&issuer, "alice", "right").await.ok().field("refresh_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", first.as_str())];
    let answers = join_all((0..50).map(|_| token(&issuer, &form))).await;
    let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(winners.len(), 2);
    let newest = winners[1].field("refresh_token");
    let late = token(&issuer, &[("grant_type", "refresh_token"), ("refresh_token", &newest)]).await;
    late.is_refused("invalid_grant", "Session doesn't have required client");
}

#[tokio::test]
async fn class_19_a_client_can_neither_read_end_nor_refresh_the_tokens_of_another() {
    let issuer = issuer(None).await;
    issuer.confidential_client(OTHER.0, OTHER.1).await;
    issuer.public_client("public").await;
    issuer.user("alice", "right").await;
    let tokens = openid(&issuer).await;
    let (access, refresh) = (tokens.field("access_token"), tokens.field("refresh_token"));

    assert!(!is_active(&issuer, OTHER, &access).await, "introspection by a client that is not in the audience");
    let public = post(&issuer, ("public", ""), "token/introspect", &[("token", &access)]).await;
    assert!(matches!(public.status, 401 | 403), "a public client: {}", public.status);
    for stolen in [&access, &refresh] {
        let revoked = post(&issuer, OTHER, "revoke", &[("token", stolen)]).await;
        assert!(matches!(revoked.status, 200 | 400), "{}", revoked.status);
    }
    userinfo(&issuer, &access).await.ok();
    let refreshed = post(&issuer, OTHER, "token", &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
    assert_eq!(refreshed.status, 400);
    token(&issuer, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await.ok();
}

#[tokio::test]
async fn class_20_no_grant_widens_the_scope_that_was_granted() {
    let issuer = issuer(None).await;
    issuer.user("alice", "right").await;
    let tokens = openid(&issuer).await;
    let granted = tokens.field("scope");
    let refresh = tokens.field("refresh_token");
    for wider in ["openid offline_access", "openid phone address", "openid profile email phone"] {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("scope", wider)];
        let answer = token(&issuer, &form).await;
        if answer.status == 200 {
            for scope in answer.field("scope").split(' ') {
                assert!(granted.split(' ').any(|one| one == scope), "{scope} was not granted before");
            }
        } else {
            answer.is_refused("invalid_scope", &format!("Invalid scopes: {wider}"));
        }
    }
    for (grant, scope) in [("client_credentials", "no-such-scope"), ("client_credentials", "openid no-such-scope"), ("password", "admin")] {
        let answer = token(&issuer, &[("grant_type", grant), ("username", "alice"), ("password", "right"), ("scope", scope)]).await;
        assert_eq!((answer.status, answer.field("error")), (400, "invalid_scope".to_owned()), "{grant} {scope}");
    }
}

#[tokio::test]
async fn class_21_a_signature_counts_only_by_our_keys_and_their_own_algorithm() {
    let issuer = issuer(None).await;
    issuer.user("alice", "right").await;
    let tokens = openid(&issuer).await;
    let access = tokens.field("access_token");
    let refresh = tokens.field("refresh_token");
    userinfo(&issuer, &access).await.ok();

    let app = issuer.keywright().app();
    let realm = app.compiled.realm(REALM).await.unwrap().unwrap();
    let jwks = realm.keyring.jwks().to_vec();
    let public = realm.keyring.public_key().expect("an RSA key").to_owned();
    let der = base64::engine::general_purpose::STANDARD.decode(&public).unwrap();
    let pem = PKey::public_key_from_der(&der).unwrap().public_key_to_pem().unwrap();
    let own = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let own_jwk = {
        let rsa = own.rsa().unwrap();
        json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(rsa.n().to_vec()), "e": URL_SAFE_NO_PAD.encode(rsa.e().to_vec())})
    };
    let rs256 = |input: &str| {
        let mut signer = Signer::new(MessageDigest::sha256(), &own).unwrap();
        signer.update(input.as_bytes()).unwrap();
        URL_SAFE_NO_PAD.encode(signer.sign_to_vec().unwrap())
    };
    let hmac_kid = realm.keyring.signing_kid(Algorithm::Hs512).map(str::to_owned);

    for token in [&access, &refresh] {
        let [header, payload, signature]: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        let (good, claims) = (decode(header), payload.to_owned());
        let with = |changes: Value| {
            let mut changed = good.clone();
            for (name, value) in changes.as_object().unwrap() {
                changed[name] = value.clone();
            }
            changed
        };
        let mut forged: Vec<String> = Vec::new();
        for none in ["none", "None", "NONE", "nOnE", ""] {
            for kept in ["", signature] {
                forged.push(format!("{}.{claims}.{kept}", encode(&with(json!({"alg": none})))));
            }
        }
        for (name, digest) in [("HS256", MessageDigest::sha256()), ("HS384", MessageDigest::sha384()), ("HS512", MessageDigest::sha512())] {
            for key in [&pem, &der, &jwks, &public.clone().into_bytes(), &Vec::from(*b"\0")] {
                let input = format!("{}.{claims}", encode(&with(json!({"alg": name}))));
                forged.push(format!("{input}.{}", mac(digest, key, &input)));
            }
        }
        for embedded in [
            json!({"alg": "RS256", "jwk": own_jwk}),
            json!({"alg": "RS256", "jwk": own_jwk, "kid": null}),
            json!({"alg": "RS256", "jku": "http://127.0.0.1:1/keys"}),
            json!({"alg": "RS256", "x5u": "http://127.0.0.1:1/cert"}),
            json!({"alg": "RS256", "kid": hmac_kid}),
            json!({"alg": "RS256", "kid": "unknown"}),
            json!({"alg": "RS256", "kid": "../../../../dev/null"}),
            json!({"alg": "RS256", "crit": ["exp"]}),
        ] {
            let input = format!("{}.{claims}", encode(&with(embedded)));
            forged.push(format!("{input}.{}", rs256(&input)));
        }
        let mut widened = decode(payload);
        widened["sub"] = json!("somebody-else");
        forged.push(format!("{header}.{}.{signature}", encode(&widened)));
        forged.push(format!("{header}.{payload}."));
        forged.push(format!("{header}.{payload}"));
        forged.push(format!("{header}.{payload}.{signature}.{signature}"));
        for forged in forged {
            assert_eq!(userinfo(&issuer, &forged).await.status, 401, "{forged}");
            assert!(!is_active(&issuer, CLIENT, &forged).await, "{forged}");
            let refreshed = super::post(&issuer, CLIENT, "token", &[("grant_type", "refresh_token"), ("refresh_token", &forged)]).await;
            assert_eq!(refreshed.field("error"), "invalid_grant", "{forged}");
        }
    }
}

/// Every type of token at every place that takes another one, of this realm and of a neighbour with the very same keys.
/// RFC 9449: no proof of possession is verified here, so whoever insists on a bound token gets none instead of an unbound one, and a
/// bound token of the server that the realm moved from is nobody's bearer token.
#[tokio::test]
async fn class_25_nothing_passes_for_a_bound_token() {
    let issuer = issuer(None).await;
    issuer.user("alice", "right").await;
    let bound = json!({ "clientId": "bound", "secret": "s", "attributes": { "dpop.bound.access.tokens": "true" },
        "serviceAccountsEnabled": true });
    issuer.client(serde_json::from_value(bound).unwrap()).await;
    let ask = async |client: (&str, &str), proof: &str| {
        let path = format!("/auth/realms/{REALM}/protocol/openid-connect/token");
        let request = Request::new("POST", path).basic(client.0, client.1).header("DPoP", proof);
        request
            .form(&[("grant_type", "client_credentials")])
            .send(&issuer.address().to_string())
            .await
            .expect("an answer")
    };
    let missing = ("invalid_request", "DPoP proof is missing");
    post(&issuer, ("bound", "s"), "token", &[("grant_type", "client_credentials")])
        .await
        .is_refused(missing.0, missing.1);
    ask(("bound", "s"), "").await.is_refused(missing.0, missing.1);
    for garbage in ["x", "a.b", "a.b.c, d.e.f", "..", "a.b."] {
        ask(("bound", "s"), garbage).await.is_refused("invalid_request", "DPoP header verification failure");
    }
    for client in [("bound", "s"), CLIENT] {
        ask(client, "aa.bb.cc").await.is_refused("invalid_request", "DPoP is not supported");
    }
    let by_certificate = json!({ "clientId": "mtls", "secret": "s", "serviceAccountsEnabled": true,
        "attributes": { "tls.client.certificate.bound.access.tokens": "true" } });
    issuer.client(serde_json::from_value(by_certificate).unwrap()).await;
    post(&issuer, ("mtls", "s"), "token", &[("grant_type", "client_credentials")])
        .await
        .is_refused("invalid_request", "Client Certification missing for MTLS HoK Token Binding");
    ask(("bound", "wrong"), "")
        .await
        .is_refused("unauthorized_client", "Invalid client or Invalid client credentials");

    let token = openid(&issuer).await.field("access_token");
    let mut claims = decode(token.split('.').nth(1).unwrap());
    let realm = issuer.keywright().app().compiled.realm(REALM).await.unwrap().unwrap();
    let sign = |claims: &Value| realm.keyring.sign(Algorithm::Rs256, "JWT", claims.to_string().as_bytes()).unwrap();
    userinfo(&issuer, &sign(&claims)).await.ok();
    for (typ, cnf) in [("DPoP", json!({ "jkt": "x" })), ("Bearer", json!({ "x5t#S256": "x" })), ("Bearer", json!({ "jkt": "x" }))] {
        (claims["typ"], claims["cnf"]) = (json!(typ), cnf);
        userinfo(&issuer, &sign(&claims)).await.is(401);
        let path = format!("/admin/realms/{REALM}/users");
        get(&issuer, &path, &[("Authorization", &format!("Bearer {}", sign(&claims)))]).await.is(401);
    }
}

#[tokio::test]
async fn class_28_a_token_is_good_for_its_own_purpose_realm_and_time() {
    let issuer = issuer(None).await;
    issuer.user("alice", "right").await;
    let tokens = openid(&issuer).await;
    let [access, refresh, id] = ["access_token", "refresh_token", "id_token"].map(|name| tokens.field(name));
    for wrong in [&refresh, &id] {
        assert_eq!(userinfo(&issuer, wrong).await.status, 401, "{wrong}");
    }
    for wrong in [&access, &id] {
        let answer = token(&issuer, &[("grant_type", "refresh_token"), ("refresh_token", wrong)]).await;
        assert_eq!(answer.field("error"), "invalid_grant");
    }

    issuer.keywright().manage().create_realm(NewRealm::enabled("neighbour")).await.expect("a realm");
    let path = "/auth/realms/neighbour/protocol/openid-connect/userinfo";
    let elsewhere = Request::new("GET", path).bearer(&access).send(&issuer.address().to_string()).await.expect("an answer");
    assert_eq!(elsewhere.status, 401);

    // Nothing is purged in a test: what has expired is refused because it is looked at.
    issuer.clock().advance_seconds(301);
    assert_eq!(userinfo(&issuer, &access).await.status, 401);
    assert!(!is_active(&issuer, CLIENT, &access).await);
    issuer.clock().advance_seconds(40_000);
    let late = token(&issuer, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
    assert_eq!(late.field("error"), "invalid_grant");
}
