//! How clients prove themselves beyond single answers: assertions count once however many come at the same time, keys are fetched
//! and renewed, an old secret counts exactly as long as it should, and nobody gets in by another way than his own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use keywright::config::Engine;
use keywright::manage::client_secrets::{self, SecretRotation};
use keywright::manage::clients::{self, ClientSettings, NewClient};
use keywright::model::client::Client;
use keywright::testing::{REALM, TestIssuer};
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::x509::{X509, X509NameBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::assertion::{self, ClientKey, JWT_BEARER, changed, hs256, hs512};
use crate::support::http::{Answer, Request};
use crate::support::upstream::{Reply, Upstream};

pub const SECRET: &str = "a-secret-of-more-than-thirty-two-characters";

/// An issuer that may fetch keys from this machine.
pub async fn issuer(directory: Option<&TempDir>) -> TestIssuer {
    let paths = directory.map(|directory| (directory.path().join("data"), directory.path().join("keys")));
    let start = TestIssuer::builder().configure(|config| {
        config.egress.allow = vec!["localhost".parse().unwrap()];
        if let Some((data, keys)) = paths {
            config.store.engine = Engine::Sled;
            config.store.directory = data;
            config.keys.directory = keys;
        }
    });
    start.start().await
}

/// A client with a service account that proves itself in the given way.
pub async fn client(issuer: &TestIssuer, client_id: &str, method: &str, attributes: &[(&str, &str)]) -> Client {
    let settings = ClientSettings {
        client_id: Some(client_id.to_owned()),
        client_authenticator_type: Some(method.to_owned()),
        secret: Some(SECRET.into()),
        public_client: Some(false),
        service_accounts_enabled: Some(true),
        direct_access_grants_enabled: Some(true),
        attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect(),
        ..ClientSettings::default()
    };
    issuer.client(NewClient { id: None, settings }).await
}

pub async fn with_key(issuer: &TestIssuer, client_id: &str, key: &ClientKey) -> Client {
    client(issuer, client_id, "client-jwt", &[("use.jwks.string", "true"), ("jwks.string", &key.jwks("k1"))]).await
}

pub async fn post(issuer: &TestIssuer, endpoint: &str, form: &[(&str, &str)]) -> Answer {
    let path = format!("/auth/realms/{REALM}/protocol/openid-connect/{endpoint}");
    Request::new("POST", path).form(form).send(&issuer.address().to_string()).await.expect("an answer")
}

pub async fn by_assertion(issuer: &TestIssuer, assertion: &str) -> Answer {
    let form = [("grant_type", "client_credentials"), ("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)];
    post(issuer, "token", &form).await
}

async fn by_secret(issuer: &TestIssuer, client_id: &str, secret: &str) -> Answer {
    post(issuer, "token", &[("grant_type", "client_credentials"), ("client_id", client_id), ("client_secret", secret)]).await
}

pub fn claims(issuer: &TestIssuer, client_id: &str) -> Value {
    assertion::claims(client_id, &issuer.issuer(), issuer.keywright().app().env.now())
}

/// Fifty at once: one is answered with a token, all others learn that the assertion was used.
async fn one_assertion_in_fifty_hands(issuer: &TestIssuer) {
    let key = ClientKey::generate();
    with_key(issuer, "signer", &key).await;
    let assertion = key.sign("k1", &claims(issuer, "signer"));
    let answers = join_all((0..50).map(|_| by_assertion(issuer, &assertion))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1);
    lost.iter().for_each(|answer| answer.is_refused("invalid_client", "Token reuse detected"));
    by_assertion(issuer, &key.sign("k1", &claims(issuer, "signer"))).await.ok();
}

#[tokio::test]
async fn an_assertion_in_fifty_hands_counts_once_in_memory() {
    one_assertion_in_fifty_hands(&issuer(None).await).await;
}

#[tokio::test]
async fn an_assertion_in_fifty_hands_counts_once_on_sled() {
    let directory = TempDir::new().unwrap();
    one_assertion_in_fifty_hands(&issuer(Some(&directory)).await).await;
}

#[tokio::test]
async fn an_assertion_that_was_refused_is_not_spent_and_a_jti_belongs_to_its_client() {
    let issuer = issuer(None).await;
    let (key, other) = (ClientKey::generate(), ClientKey::generate());
    with_key(&issuer, "one", &key).await;
    with_key(&issuer, "two", &other).await;
    let mine = changed(claims(&issuer, "one"), json!({"jti": "same"}));
    // Neither a forged signature nor another client's assertion uses up what is mine.
    by_assertion(&issuer, &other.sign("k1", &mine))
        .await
        .is_refused("invalid_client", "Client authentication with signed JWT failed: Signature on JWT token failed validation");
    by_assertion(&issuer, &other.sign("k1", &changed(claims(&issuer, "two"), json!({"jti": "same"})))).await.ok();
    by_assertion(&issuer, &key.sign("k1", &mine)).await.ok();
    by_assertion(&issuer, &key.sign("k1", &changed(mine, json!({"x": 1}))))
        .await
        .is_refused("invalid_client", "Token reuse detected");
}

#[tokio::test]
async fn the_age_of_an_assertion_is_bounded_by_the_client() {
    let issuer = issuer(None).await;
    let key = ClientKey::generate();
    let attributes = [("use.jwks.string", "true"), ("jwks.string", &*key.jwks("k1")), ("token.endpoint.auth.signing.max.exp", "300")];
    client(&issuer, "patient", "client-jwt", &attributes).await;
    with_key(&issuer, "usual", &key).await;
    let now = issuer.keywright().app().env.now().seconds();
    let judge = async |client: &str, changes: Value| {
        let answer = by_assertion(&issuer, &key.sign("k1", &changed(claims(&issuer, client), changes))).await;
        answer.json().and_then(|body| body["error_description"].as_str().map(str::to_owned))
    };
    let too_old = Some("Token was issued too far in the past to be used now".to_owned());
    let too_long = Some("Token expiration is too far in the future and iat claim not present in token".to_owned());
    let inactive = Some("Token is not active".to_owned());
    assert_eq!(judge("usual", json!({"iat": now - 60, "exp": now + 1})).await, None);
    assert_eq!(judge("usual", json!({"iat": now - 61, "exp": now + 600})).await, too_old);
    assert_eq!(judge("patient", json!({"iat": now - 300, "exp": now + 600})).await, None);
    assert_eq!(judge("patient", json!({"iat": now - 301, "exp": now + 600})).await, too_old);
    assert_eq!(judge("usual", json!({"iat": null, "exp": now + 60})).await, None);
    assert_eq!(judge("usual", json!({"iat": null, "exp": now + 61})).await, too_long);
    assert_eq!(judge("patient", json!({"iat": null, "exp": now + 300})).await, None);
    assert_eq!(judge("usual", json!({"iat": now + 15})).await, None, "clocks differ a little");
    assert_eq!(judge("usual", json!({"iat": now + 16})).await, Some("Token was issued in the future".to_owned()));
    assert_eq!(judge("usual", json!({"nbf": now + 15})).await, None);
    assert_eq!(judge("usual", json!({"nbf": now + 16})).await, inactive);
    assert_eq!(judge("usual", json!({"exp": now})).await, inactive);
    assert_eq!(judge("usual", json!({"iat": null, "exp": now - 14})).await, None);
    assert_eq!(judge("usual", json!({"iat": null, "exp": now - 15})).await, inactive);
}

/// An assertion is refused as used for as long as its times would let it pass.
#[tokio::test]
async fn a_used_assertion_stays_used_until_it_is_too_old() {
    let issuer = issuer(None).await;
    let key = ClientKey::generate();
    with_key(&issuer, "signer", &key).await;
    let now = issuer.keywright().app().env.now().seconds();
    let without_iat = key.sign("k1", &changed(claims(&issuer, "signer"), json!({"iat": null, "exp": now + 50})));
    let lasting = key.sign("k1", &changed(claims(&issuer, "signer"), json!({"exp": now + 86_400})));
    for assertion in [&without_iat, &lasting] {
        by_assertion(&issuer, assertion).await.ok();
    }
    let store = &issuer.keywright().app().store;
    for second in 1..=100 {
        issuer.clock().advance_seconds(1);
        store.purge(issuer.keywright().app().env.now(), 500).await.unwrap();
        if second % 5 == 0 || (58..68).contains(&second) {
            for assertion in [&without_iat, &lasting] {
                assert_eq!(by_assertion(&issuer, assertion).await.status, 400, "second {second}");
            }
        }
    }
}

#[tokio::test]
async fn keys_are_fetched_from_the_client_and_again_when_it_has_a_new_one() {
    let issuer = issuer(None).await;
    let (old, new) = (ClientKey::generate(), ClientKey::generate());
    let published = Arc::new(Mutex::new(old.jwks("old")));
    let served = Arc::clone(&published);
    let upstream = Upstream::start(move |_| Reply::ok(served.lock().unwrap().clone()));
    client(&issuer, "far", "client-jwt", &[("use.jwks.url", "true"), ("jwks.url", &upstream.url("/certs"))]).await;
    let assertion = |key: &ClientKey, kid: &str| key.sign(kid, &claims(&issuer, "far"));
    for _ in 0..5 {
        by_assertion(&issuer, &assertion(&old, "old")).await.ok();
    }
    assert_eq!(upstream.asked().len(), 1);

    *published.lock().unwrap() = new.jwks("new");
    let refused = by_assertion(&issuer, &assertion(&new, "new")).await;
    refused.is_refused("invalid_client", "Unable to load public key");
    assert_eq!(upstream.asked().len(), 1, "not twice within ten seconds");
    issuer.clock().advance_seconds(10);
    by_assertion(&issuer, &assertion(&new, "new")).await.ok();
    assert_eq!(upstream.asked().len(), 2);
    // The key that is gone opens nothing any more, and asking for it does not make us ask.
    for _ in 0..20 {
        by_assertion(&issuer, &assertion(&old, "old")).await.is_refused("invalid_client", "Unable to load public key");
    }
    assert_eq!(upstream.asked().len(), 2);
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_let_nobody_in_and_tell_nothing() {
    let issuer = issuer(None).await;
    let key = ClientKey::generate();
    let hidden = Upstream::start({
        let jwks = key.jwks("k1");
        move |_| Reply::ok(jwks.clone())
    });
    let failing = Upstream::start(|_| Reply { status: 500, ..Reply::ok("internal") });
    let garbage = Upstream::start(|_| Reply::ok("{\"keys\": 1}"));
    for (client_id, url) in [
        ("forbidden", format!("http://127.0.0.1:{}/certs", hidden.port)),
        ("failing", failing.url("/")),
        ("garbage", garbage.url("/")),
        ("file", "file:///etc/passwd".to_owned()),
        ("nothing", String::new()),
    ] {
        client(&issuer, client_id, "client-jwt", &[("use.jwks.url", "true"), ("jwks.url", &url)]).await;
        let refused = by_assertion(&issuer, &key.sign("k1", &claims(&issuer, client_id))).await;
        assert_eq!(refused.status, 400, "{client_id}");
        refused.is_refused("invalid_client", "Unable to load public key");
    }
    assert!(hidden.asked().is_empty(), "an address that is not allowed was not even connected");
    client(&issuer, "keyless", "client-jwt", &[]).await;
    by_assertion(&issuer, &key.sign("k1", &claims(&issuer, "keyless")))
        .await
        .is_refused("invalid_client", "Unable to load public key");
}

#[tokio::test]
async fn a_path_as_jwks_url_stands_below_the_root_url_of_the_client() {
    let issuer = issuer(None).await;
    let key = ClientKey::generate();
    let jwks = key.jwks("k1");
    let upstream = Upstream::start(move |asked| if asked.path == "/app/keys" { Reply::ok(jwks.clone()) } else { Reply::default() });
    let settings = ClientSettings {
        client_id: Some("rooted".to_owned()),
        client_authenticator_type: Some("client-jwt".to_owned()),
        public_client: Some(false),
        service_accounts_enabled: Some(true),
        root_url: Some(upstream.url("/app")),
        attributes: [("use.jwks.url", "true"), ("jwks.url", "/keys")]
            .map(|(name, value)| (name.to_owned(), Some(value.to_owned())))
            .into(),
        ..ClientSettings::default()
    };
    issuer.client(NewClient { id: None, settings }).await;
    by_assertion(&issuer, &key.sign("k1", &claims(&issuer, "rooted"))).await.ok();
}

#[tokio::test]
async fn the_key_may_stand_in_a_certificate_or_by_itself() {
    let issuer = issuer(None).await;
    let key = ClientKey::generate();
    let certificate = STANDARD.encode(self_signed(&key).to_der().unwrap());
    let public = STANDARD.encode(key.private().public_key_to_der().unwrap());
    let kid = {
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        use sha2::{Digest as _, Sha256};
        URL_SAFE_NO_PAD.encode(Sha256::digest(key.private().public_key_to_der().unwrap()))
    };
    for (client_id, attribute, value) in [
        ("der", "jwt.credential.certificate", certificate),
        ("pem", "jwt.credential.certificate", String::from_utf8(self_signed(&key).to_pem().unwrap()).unwrap()),
        ("bare", "jwt.credential.public.key", public),
    ] {
        client(&issuer, client_id, "client-jwt", &[(attribute, &value)]).await;
        by_assertion(&issuer, &key.sign("", &claims(&issuer, client_id))).await.ok();
        by_assertion(&issuer, &key.sign(&kid, &claims(&issuer, client_id))).await.ok();
        by_assertion(&issuer, &key.sign("another", &claims(&issuer, client_id)))
            .await
            .is_refused("invalid_client", "Unable to load public key");
    }
}

fn self_signed(key: &ClientKey) -> X509 {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "client").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(key.private()).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.sign(key.private(), MessageDigest::sha256()).unwrap();
    builder.build()
}

/// RFC 6749 §2.3: the method is the client's, and it is one.
#[tokio::test]
async fn a_client_proves_itself_in_its_own_way_and_no_other() {
    let issuer = issuer(None).await;
    let key = ClientKey::generate();
    with_key(&issuer, "keyed", &key).await;
    client(&issuer, "sealed", "client-secret-jwt", &[]).await;
    client(&issuer, "plain", "client-secret", &[]).await;
    client(&issuer, "certified", "client-x509", &[]).await;

    by_secret(&issuer, "plain", SECRET).await.ok();
    for client_id in ["keyed", "sealed"] {
        by_secret(&issuer, client_id, SECRET)
            .await
            .is_refused("invalid_client", "Parameter client_assertion_type is missing");
    }
    let by_hmac = |client_id: &str| hs256(SECRET.as_bytes(), &claims(&issuer, client_id));
    by_assertion(&issuer, &by_hmac("sealed")).await.ok();
    by_assertion(&issuer, &hs512(SECRET.as_bytes(), &claims(&issuer, "sealed"))).await.ok();
    by_assertion(&issuer, &key.sign("k1", &claims(&issuer, "keyed"))).await.ok();
    by_assertion(&issuer, &by_hmac("keyed")).await.is_refused("invalid_client", "Invalid signature algorithm");
    by_assertion(&issuer, &key.sign("k1", &claims(&issuer, "sealed")))
        .await
        .is_refused("invalid_client", "Invalid signature algorithm");
    for (answer, client_id) in [
        (by_assertion(&issuer, &by_hmac("plain")).await, "plain"),
        (by_assertion(&issuer, &by_hmac("certified")).await, "certified"),
        (by_secret(&issuer, "certified", SECRET).await, "certified, secret"),
    ] {
        assert_eq!(answer.status, 401, "{client_id}");
        answer.is_refused("invalid_client", "Invalid client or Invalid client credentials");
    }
}

#[tokio::test]
async fn introspection_revocation_and_logout_take_assertions_too() {
    let issuer = issuer(None).await;
    let key = ClientKey::generate();
    with_key(&issuer, "keyed", &key).await;
    issuer.user("jane", "pw").await;
    let ask = async |endpoint: &str, more: &[(&str, &str)]| {
        let assertion = key.sign("k1", &claims(&issuer, "keyed"));
        let form = [&[("client_assertion_type", JWT_BEARER), ("client_assertion", &*assertion)], more].concat();
        (post(&issuer, endpoint, &form).await, assertion)
    };
    let login = [("grant_type", "password"), ("username", "jane"), ("password", "pw")];
    let (tokens, used) = ask("token", &login).await;
    let (access, refresh) = (tokens.field("access_token"), tokens.field("refresh_token"));
    let (answer, _) = ask("token/introspect", &[("token", &refresh), ("token_type_hint", "refresh_token")]).await;
    assert_eq!(answer.ok().json().unwrap()["active"], true);
    assert_eq!(ask("revoke", &[("token", &access)]).await.0.status, 200);
    assert_eq!(ask("logout", &[("refresh_token", &refresh)]).await.0.status, 204);
    for (endpoint, error, description) in [
        ("token/introspect", "invalid_client", "Client authentication failed."),
        ("revoke", "invalid_client", "Token reuse detected"),
        ("logout", "invalid_client", "Token reuse detected"),
    ] {
        let form = [("client_assertion_type", JWT_BEARER), ("client_assertion", &*used), ("token", &access), ("refresh_token", &refresh)];
        post(&issuer, endpoint, &form).await.is_refused(error, description);
    }
}

async fn change(issuer: &TestIssuer, client: &Client, attributes: &[(&str, Option<&str>)]) {
    let app = issuer.keywright().app();
    let realm = app.compiled.realm(REALM).await.unwrap().unwrap().realm.id.clone();
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
    let settings = ClientSettings { attributes, ..ClientSettings::default() };
    let (realm, settings) = (&realm, &settings);
    app.store
        .configuration(|txn| Box::pin(clients::update(txn, &app.env, &app.sealer, realm, &client.id, settings)))
        .await
        .unwrap();
}

#[tokio::test]
async fn two_secrets_overlap_for_exactly_as_long_as_was_said() {
    let issuer = issuer(None).await;
    let plain = client(&issuer, "plain", "client-secret", &[]).await;
    let sealed = client(&issuer, "sealed", "client-secret-jwt", &[]).await;
    let manage = issuer.keywright().manage();
    let rotation = SecretRotation { overlap: 3600, lifetime: None };
    let new = manage.rotate_client_secret(REALM, &plain.id, rotation).await.unwrap();
    let new_jwt = manage.rotate_client_secret(REALM, &sealed.id, rotation).await.unwrap();
    let wrong = async |secret: &str| {
        let refused = by_secret(&issuer, "plain", secret).await;
        refused.is_refused("unauthorized_client", "Invalid client or Invalid client credentials");
    };
    let by_hmac = async |secret: &str| by_assertion(&issuer, &hs256(secret.as_bytes(), &claims(&issuer, "sealed"))).await.status;

    by_secret(&issuer, "plain", new.expose()).await.ok();
    by_secret(&issuer, "plain", SECRET).await.ok();
    wrong("neither").await;
    assert_eq!((by_hmac(new_jwt.expose()).await, by_hmac(SECRET).await, by_hmac("a-third-secret-that-is-none").await), (200, 200, 400));
    issuer.clock().advance_seconds(3599);
    by_secret(&issuer, "plain", SECRET).await.ok();
    assert_eq!(by_hmac(SECRET).await, 200);
    issuer.clock().advance_seconds(1);
    wrong(SECRET).await;
    assert_eq!(by_hmac(SECRET).await, 400);
    by_secret(&issuer, "plain", new.expose()).await.ok();
    assert_eq!(by_hmac(new_jwt.expose()).await, 200);
}

#[tokio::test]
async fn at_most_two_secrets_count_and_each_can_end() {
    let issuer = issuer(None).await;
    let plain = client(&issuer, "plain", "client-secret", &[]).await;
    let (manage, app) = (issuer.keywright().manage(), issuer.keywright().app());
    let realm = &app.compiled.realm(REALM).await.unwrap().unwrap().realm.id.clone();
    let counts = async |secret: &str| by_secret(&issuer, "plain", secret).await.status == 200;

    let rotation = SecretRotation { overlap: 3600, lifetime: Some(7200) };
    let second = manage.rotate_client_secret(REALM, &plain.id, rotation).await.unwrap();
    let third = manage.rotate_client_secret(REALM, &plain.id, rotation).await.unwrap();
    assert!(!counts(SECRET).await && counts(second.expose()).await && counts(third.expose()).await);
    app.store.configuration(|txn| Box::pin(client_secrets::end_rotation(txn, realm, &plain.id))).await.unwrap();
    assert!(!counts(second.expose()).await && counts(third.expose()).await);
    issuer.clock().advance_seconds(7199);
    assert!(counts(third.expose()).await);
    issuer.clock().advance_seconds(1);
    assert!(!counts(third.expose()).await, "a secret with a lifetime ends");

    // An expired secret does not come back by being rotated.
    let fourth = manage.rotate_client_secret(REALM, &plain.id, rotation).await.unwrap();
    assert!(!counts(third.expose()).await && counts(fourth.expose()).await);
    let fifth = manage.rotate_client_secret(REALM, &plain.id, rotation).await.unwrap();
    let sixth = app
        .store
        .configuration(|txn| Box::pin(clients::regenerate_secret(txn, &app.env, &app.sealer, realm, &plain.id)))
        .await
        .unwrap();
    assert!(!counts(fourth.expose()).await && !counts(fifth.expose()).await && counts(sixth.expose()).await);
    issuer.clock().advance_seconds(100_000);
    assert!(counts(sixth.expose()).await, "a regenerated secret has no end");
}

/// Keycloak keeps the rotated secret among the attributes; ours is sealed and no attribute.
#[tokio::test]
async fn a_rotated_secret_among_the_attributes_counts_and_is_sealed() {
    let issuer = issuer(None).await;
    let plain = client(&issuer, "plain", "client-secret", &[]).await;
    let until = (issuer.keywright().app().env.now() + 60).seconds().to_string();
    change(
        &issuer,
        &plain,
        &[("client.secret.rotated", Some("from-keycloak-0123")), ("client.secret.rotated.expiration.time", Some(&until))],
    )
    .await;
    by_secret(&issuer, "plain", "from-keycloak-0123").await.ok();
    let app = issuer.keywright().app();
    let realm = app.compiled.realm(REALM).await.unwrap().unwrap();
    let stored = app.compiled.client(&realm, "plain").await.unwrap().unwrap().client.clone();
    assert!(!format!("{stored:?}").contains("from-keycloak-0123"));
    assert_eq!(client_secrets::read_rotated(&app.sealer, &realm.realm.id, &stored).unwrap().unwrap().expose(), "from-keycloak-0123");
    issuer.clock().advance_seconds(60);
    assert_eq!(by_secret(&issuer, "plain", "from-keycloak-0123").await.status, 401);
    by_secret(&issuer, "plain", SECRET).await.ok();
}

#[tokio::test]
async fn a_crowd_with_an_unknown_key_makes_us_ask_once() {
    let issuer = issuer(None).await;
    let (key, asked) = (ClientKey::generate(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&asked);
    let upstream = Upstream::start(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Reply::ok("{\"keys\": []}")
    });
    client(&issuer, "far", "client-jwt", &[("use.jwks.url", "true"), ("jwks.url", &upstream.url("/"))]).await;
    let assertions: Vec<_> = (0..30).map(|n| key.sign(&format!("k{n}"), &claims(&issuer, "far"))).collect();
    for answer in join_all(assertions.iter().map(|assertion| by_assertion(&issuer, assertion))).await {
        answer.is_refused("invalid_client", "Unable to load public key");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
