//! Inside an application of somebody else: below a scope of his, with routes of his own beside and within.

use actix_web::App;
use actix_web::test::TestRequest;
use actix_web::web::{self, ServiceConfig};
use keywright::base::password_hash::HashingOptions;
use keywright::config::{Config, Engine};
use keywright::embed::Keywright;
use keywright::embed::protect::Bearer;
use keywright::keyring::KeySource;
use keywright::manage::bootstrap::FirstStart;
use keywright::manage::realms::NewRealm;
use keywright::manage::users;
use keywright::testing::TestIssuer;
use serde_json::json;

use crate::support::http::{Answer, Request};

/// The host's own routes.
fn host(config: &mut ServiceConfig) {
    config.route("/hello", web::get().to(async || "hello from the host"));
    config.route("/ssoap", web::get().to(async || "no issuer"));
}

async fn get(issuer: &TestIssuer, target: &str) -> Answer {
    Request::new("GET", target).send(&issuer.address().to_string()).await.expect("an answer")
}

#[tokio::test]
async fn the_issuer_lives_under_a_scope_beside_the_hosts_own_routes() {
    let issuer = TestIssuer::builder().mounted("/sso", host).start().await;
    assert_eq!(get(&issuer, "/hello").await.text(), "hello from the host");
    assert_eq!(get(&issuer, "/ssoap").await.text(), "no issuer");
    assert_eq!(get(&issuer, "/nope").await.status, 404);
    let document = get(&issuer, "/sso/realms/test/.well-known/openid-configuration").await.ok().json().expect("JSON");
    assert_eq!(document["issuer"], json!(format!("http://{}/sso/realms/test", issuer.address())));
    assert_eq!(get(&issuer, "/sso").await.header("location"), Some(format!("http://{}/sso/", issuer.address()).as_str()));
    get(&issuer, "/sso/realms/test/../master")
        .await
        .is_refused("missingNormalization", "Request path not normalized");
    assert_eq!(get(&issuer, "/sso/realms/nope").await.json(), Some(json!({ "error": "Realm does not exist" })));
    assert_eq!(get(&issuer, "/auth/realms/test").await.status, 404);
}

#[tokio::test]
async fn a_token_from_below_a_scope_names_that_scope_and_works_there() {
    let issuer = TestIssuer::builder().mounted("/sso", host).start().await;
    issuer.confidential_client("api", "api-secret").await;
    issuer.user("jane", "jane-password").await;
    let form = [
        ("grant_type", "password"),
        ("client_id", "api"),
        ("client_secret", "api-secret"),
        ("username", "jane"),
        ("password", "jane-password"),
        ("scope", "openid"),
    ];
    let token = Request::new("POST", "/sso/realms/test/protocol/openid-connect/token").form(&form);
    let token = token.send(&issuer.address().to_string()).await.expect("an answer").ok().field("access_token");
    let userinfo = Request::new("GET", "/sso/realms/test/protocol/openid-connect/userinfo").bearer(&token);
    let userinfo = userinfo.send(&issuer.address().to_string()).await.expect("an answer").ok();
    assert_eq!(userinfo.field("preferred_username"), "jane");
}

#[tokio::test]
async fn the_root_of_a_server_can_be_the_base_path() {
    let issuer = TestIssuer::builder().path("").start().await;
    let document = get(&issuer, "/realms/test/.well-known/openid-configuration").await.ok().json().expect("JSON");
    assert_eq!(document["issuer"], json!(format!("http://{}/realms/test", issuer.address())));
    assert_eq!(get(&issuer, "/").await.header("location"), Some(format!("http://{}/admin/", issuer.address()).as_str()));
}

/// A route of the host that tokens of realm `test` open.
async fn me(bearer: Bearer) -> String {
    format!("{} by {}", bearer.user.username, bearer.token.azp)
}

#[tokio::test]
async fn the_hosts_own_routes_open_to_live_tokens_only() {
    let issuer = TestIssuer::start().await;
    issuer.confidential_client("api", "api-secret").await;
    let jane = issuer.user("jane", "jane-password").await;
    let keywright = issuer.keywright().clone();
    let host = actix_web::test::init_service(
        App::new()
            .service(web::scope("/api").app_data(keywright.protect("test")).route("/me", web::get().to(me)))
            .service(web::scope("/master").app_data(keywright.protect("master")).route("/me", web::get().to(me)))
            .route("/forgotten", web::get().to(me)),
    )
    .await;
    let ask = async |path: &str, header: Option<&str>| {
        let mut request = TestRequest::get().uri(path);
        if let Some(header) = header {
            request = request.insert_header(("Authorization", header));
        }
        let response = actix_web::test::call_service(&host, request.to_request()).await;
        let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().expect("ASCII").to_owned());
        (response.status().as_u16(), challenge, actix_web::test::read_body(response).await)
    };
    let invalid = Some(r#"Bearer realm="test", error="invalid_token""#.to_owned());

    let tokens = issuer.password_tokens(("api", "api-secret"), ("jane", "jane-password"), "openid").await;
    let good = format!("Bearer {}", tokens.access_token);
    assert_eq!(ask("/api/me", Some(&good)).await, (200, None, "jane by api".into()));
    assert_eq!(ask("/api/me", None).await.1, Some(r#"Bearer realm="test""#.to_owned()));
    assert_eq!(ask("/api/me", Some("Bearer x.y.z")).await.1, invalid);
    let id_token = tokens.id_token.expect("scope openid");
    assert_eq!(ask("/api/me", Some(&format!("Bearer {id_token}"))).await.1, invalid, "an ID token opens nothing");
    assert_eq!(ask("/master/me", Some(&good)).await.0, 401, "another realm");
    assert_eq!(ask("/forgotten", Some(&good)).await.0, 500);

    let realm = issuer.keywright().app().compiled.realm("test").await.expect("the store answers").expect("the realm");
    let disabled = issuer.keywright().app().store.configuration(|txn| {
        let (realm, jane) = (realm.realm.id.clone(), jane.id.clone());
        Box::pin(async move { users::set_enabled(txn, &realm, &jane, false).await })
    });
    disabled.await.expect("the rules allow it");
    assert_eq!(ask("/api/me", Some(&good)).await.1, invalid, "her account was disabled meanwhile");
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart_and_only_under_the_same_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = || {
        let mut config = Config::in_memory("http://localhost/auth").expect("a URL");
        config.store.engine = Engine::Sled;
        config.store.directory = directory.path().join("data");
        config.keys.directory = directory.path().join("keys");
        config.bootstrap.admin_password = Some("first-password".into());
        config
    };
    let build = |config| Keywright::builder(config).hashing(HashingOptions::cheap()).key_source(KeySource::Fixed).build();

    let first = build(config()).await.expect("a first start");
    let made = first.first_start().await.expect("a first start");
    assert!(matches!(made, FirstStart::Created { generated_password: None, .. }));
    first.manage().create_realm(NewRealm::enabled("kept")).await.expect("a realm");
    let in_use = build(config()).await.err().expect("the directory is in use").to_string();
    assert!(in_use.contains("in use"), "{in_use}");
    first.close().await.expect("closes");
    drop(first);

    let second = build(config()).await.expect("a second start");
    assert!(matches!(second.first_start().await.expect("a second start"), FirstStart::Existing));
    assert!(second.app().compiled.realm("kept").await.expect("the store answers").is_some());
    second.close().await.expect("closes");
    drop(second);

    let mut other_key = config();
    other_key.keys.key_encryption_key = Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into());
    let wrong = build(other_key).await.err().expect("a wrong key starts nothing").to_string();
    assert!(wrong.contains("start with the key that belongs to this data"), "{wrong}");
    std::fs::remove_dir_all(directory.path().join("keys")).expect("the key is gone");
    let missing = build(config()).await.err().expect("a lost key starts nothing").to_string();
    assert!(missing.contains("restore the file"), "{missing}");
    assert!(!directory.path().join("keys").exists(), "no new key over old data");
}
