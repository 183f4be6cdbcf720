//! What the server answers beside the protocol: its root, unknown places, odd paths, methods that a place does not have.

use keywright::testing::TestIssuer;
use serde_json::{Value, json};

use crate::support::http::{Answer, Request};

pub async fn ask(issuer: &TestIssuer, method: &str, path: &str) -> Answer {
    Request::new(method, format!("/auth{path}")).send(&issuer.address().to_string()).await.expect("an answer")
}

async fn page(issuer: &TestIssuer, path: &str) -> Answer {
    let request = Request::new("GET", format!("/auth{path}")).header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    request.send(&issuer.address().to_string()).await.expect("an answer")
}

#[tokio::test]
async fn the_root_leads_to_the_base_path_and_that_to_the_console() {
    let issuer = TestIssuer::start().await;
    let root = Request::new("GET", "/").send(&issuer.address().to_string()).await.expect("an answer");
    assert_eq!((root.status, root.header("location"), root.text().as_str()), (302, Some("/auth"), "Redirecting to /auth."));
    let base = ask(&issuer, "GET", "").await;
    assert_eq!((base.status, base.header("location")), (303, Some(format!("{}/", issuer.base_url()).as_str())));
    let base = ask(&issuer, "GET", "/").await;
    assert_eq!((base.status, base.header("location")), (302, Some(format!("{}/admin/", issuer.base_url()).as_str())));
}

#[tokio::test]
async fn unknown_places_are_told_apart_and_a_person_gets_a_page() {
    let issuer = TestIssuer::start().await;
    for (path, error) in [
        ("/nope", "Unable to find matching target resource method"),
        ("/realms", "Unable to find matching target resource method"),
        ("/realms/nope", "Realm does not exist"),
        ("/realms/nope/protocol/openid-connect/certs", "Realm does not exist"),
        ("/realms/%00", "Realm does not exist"),
        ("/realms/%ff%fe", "Realm does not exist"),
        ("/realms/test/nope", "HTTP 404 Not Found"),
        ("/realms/test/protocol/nope", "Protocol not found"),
        ("/realms/test/protocol/openid-connect/nope", "HTTP 404 Not Found"),
        ("/.well-known/nope/realms/test", "HTTP 404 Not Found"),
    ] {
        let answer = ask(&issuer, "GET", path).await;
        assert_eq!((answer.status, answer.json()), (404, Some(json!({ "error": error }))), "{path}");
        let answer = page(&issuer, path).await;
        if error == "Protocol not found" {
            continue;
        }
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("text/html;charset=utf-8")), "{path}");
        assert!(answer.text().contains("Page not found"), "{path}");
    }
    let beside = Request::new("GET", "/beside").send(&issuer.address().to_string()).await.expect("an answer");
    assert_eq!(beside.status, 404);
}

#[tokio::test]
async fn a_path_that_two_programs_could_read_differently_is_refused() {
    let issuer = TestIssuer::start().await;
    for path in ["/realms/test/../master", "/realms/test/%2e%2e/master", "/realms/./test", "/realms//test", "/realms/test//"] {
        let answer = ask(&issuer, "GET", path).await;
        answer.is_refused("missingNormalization", "Request path not normalized");
        assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/json; charset=UTF-8")), "{path}");
    }
    let answer = ask(&issuer, "GET", "/realms/test;a=b").await;
    answer.is_refused("invalidCharacter", "Request path contains invalid character ';'");
    let beside = Request::new("GET", "//").send(&issuer.address().to_string()).await.expect("an answer");
    beside.is_refused("missingNormalization", "Request path not normalized");
}

#[tokio::test]
async fn methods_that_a_place_does_not_have_are_refused_by_the_table() {
    let issuer = TestIssuer::start().await;
    let token = "/realms/test/protocol/openid-connect/token";
    for method in ["GET", "PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
        let answer = ask(&issuer, method, token).await;
        assert_eq!((answer.status, answer.json()), (405, Some(json!({ "error": "HTTP 405 Method Not Allowed" }))), "{method}");
    }
    let head = ask(&issuer, "HEAD", token).await;
    assert_eq!(head.status, 405);
    let document = ask(&issuer, "POST", "/realms/test/.well-known/openid-configuration").await;
    assert_eq!((document.status, document.json()), (404, Some(json!({ "error": "HTTP 404 Not Found" }))));
}

#[tokio::test]
async fn head_answers_as_get_without_the_body() {
    let issuer = TestIssuer::start().await;
    for path in ["/realms/test", "/realms/test/.well-known/openid-configuration", "/realms/test/protocol/openid-connect/certs"] {
        let (get, head) = (ask(&issuer, "GET", path).await, ask(&issuer, "HEAD", path).await);
        let without_date = |answer: &Answer| answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect::<Vec<_>>();
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(without_date(&head), without_date(&get), "{path}");
    }
}

#[tokio::test]
async fn discovery_names_what_works_and_every_url_in_it_answers() {
    let issuer = TestIssuer::start().await;
    let document = ask(&issuer, "GET", "/realms/test/.well-known/openid-configuration").await.ok().json().expect("JSON");
    let realm = format!("{}/realms/test", issuer.base_url());
    assert_eq!(document["issuer"], json!(realm));
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    assert_eq!(document["grant_types_supported"], json!(["client_credentials", "password", "refresh_token", exchange]));
    assert_eq!(document["id_token_signing_alg_values_supported"], json!(["RS256"]));
    assert_eq!(document["scopes_supported"][0], json!("openid"));
    for same in ["/realms/test/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/realms/test"] {
        assert_eq!(ask(&issuer, "GET", same).await.json(), Some(document.clone()));
    }
    let base = format!("http://{}", issuer.address());
    for (name, url) in document
        .as_object()
        .expect("an object")
        .iter()
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
    {
        let target = url.as_str().and_then(|url| url.strip_prefix(&base)).expect("a URL of ours");
        let answer = Request::new("OPTIONS", target).send(&issuer.address().to_string()).await.expect("an answer");
        // Named because Discovery 1.0 §3 requires it; response_types_supported is empty until it works.
        let expected = if name == "authorization_endpoint" { 404 } else { 200 };
        assert_eq!(answer.status, expected, "{name}");
    }
    assert_eq!(document["response_types_supported"], json!([]));
}

#[tokio::test]
async fn a_change_of_the_realm_is_seen_by_the_next_request() {
    let issuer = TestIssuer::start().await;
    assert_eq!(ask(&issuer, "GET", "/realms/test").await.ok().json().expect("JSON")["tokens-not-before"], json!(0));
    issuer
        .change_realm(|realm| {
            realm.not_before = 77;
            realm.browser_security_headers.insert("xRobotsTag".to_owned(), "all".to_owned());
        })
        .await;
    let changed = ask(&issuer, "GET", "/realms/test").await.ok();
    assert_eq!(changed.json().expect("JSON")["tokens-not-before"], json!(77));
    assert_eq!(changed.header("x-robots-tag"), Some("all"));
}

#[tokio::test]
async fn jwks_are_served_as_they_are_asked_for() {
    let issuer = TestIssuer::start().await;
    let certs = "/auth/realms/test/protocol/openid-connect/certs";
    for (accept, content_type) in
        [("*/*", "application/json"), ("application/jwk-set+json", "application/jwk-set+json"), ("text/html", "application/json")]
    {
        let answer = Request::new("GET", certs)
            .header("Accept", accept)
            .send(&issuer.address().to_string())
            .await
            .expect("an answer");
        assert_eq!(
            (answer.status, answer.header("content-type"), answer.header("cache-control")),
            (200, Some(content_type), Some("no-cache"))
        );
        let keys = answer.json().and_then(|body: Value| body["keys"].as_array().map(Vec::len));
        assert_eq!(keys, Some(2), "RS256 and RSA-OAEP");
    }
}
