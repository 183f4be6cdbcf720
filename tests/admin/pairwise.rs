//! The sector of a pairwise subject (OIDC Core §8.1) is checked when the mapper is made or changed, and whenever the client of one is
//! saved or registered, with a real document.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::Administrator;
use crate::support::app::TestApp;
use crate::support::http::Request;
use crate::support::upstream::{Reply, Upstream};

fn pairwise(sector: Option<&str>) -> Value {
    let config = sector.map_or_else(|| json!({}), |uri| json!({ "sectorIdentifierUri": uri }));
    json!({ "name": "p", "protocol": "openid-connect", "protocolMapper": "oidc-sha256-pairwise-sub-mapper", "config": config })
}

fn refusal(text: &str) -> Value {
    json!({ "error": text, "error_description": text })
}

#[tokio::test]
async fn the_sector_of_a_pairwise_subject_is_beyond_doubt() {
    let app = TestApp::builder()
        .configure(|config| config.egress.allow = vec!["localhost".parse().expect("a name")])
        .start()
        .await;
    let token = app.administrator().await.field("access_token");
    let admin = Administrator { app, token };
    admin.post("", json!({ "realm": "r", "enabled": true })).await.is(201);
    let client = |id: &str, uris: &[&str]| json!({ "clientId": id, "rootUrl": "https://a.example", "redirectUris": uris });
    let one = admin.create("/r/clients", client("one", &["https://a.example/cb", "/other"])).await;
    let two = admin.create("/r/clients", client("two", &["https://a.example/cb", "https://b.example/cb"])).await;
    let none = admin.create("/r/clients", client("none", &["urn:x"])).await;
    let models = |id: &str| format!("/r/clients/{id}/protocol-mappers/models");

    admin.post(&models(&one), pairwise(None)).await.is(201);
    let several = "Without a configured Sector Identifier URI, client redirect URIs must not contain multiple host components.";
    admin.post(&models(&two), pairwise(None)).await.says(400, refusal(several));
    let no_host = "Client redirect URIs must contain a valid host component.";
    admin.post(&models(&none), pairwise(None)).await.says(400, refusal(no_host));

    let served = Arc::new(Mutex::new(json!(["https://a.example/cb"]).to_string()));
    let answers = Arc::clone(&served);
    let upstream = Upstream::start(move |asked| match asked.path.as_str() {
        "/elsewhere" => Reply::redirect("http://169.254.169.254/"),
        _ => Reply::ok(answers.lock().unwrap().clone()),
    });
    let mismatch = "Client redirect URIs does not match redirect URIs fetched from the Sector Identifier URI.";
    admin.post(&models(&two), pairwise(Some(&upstream.url("/one")))).await.says(400, refusal(mismatch));
    let unfetched = "Failed to get redirect URIs from the Sector Identifier URI.";
    *served.lock().unwrap() = "{}".to_owned();
    admin.post(&models(&two), pairwise(Some(&upstream.url("/object")))).await.says(400, refusal(unfetched));
    for uri in ["https://127.0.0.1:1/x", "https://10.0.0.1/x", &upstream.url("/elsewhere")] {
        admin.post(&models(&two), pairwise(Some(uri))).await.says(400, refusal(unfetched));
    }
    admin.post(&models(&two), pairwise(Some("sector"))).await.says(400, refusal("Invalid Sector Identifier URI."));

    *served.lock().unwrap() = json!(["https://b.example/cb", "https://a.example/cb", "https://c.example/"]).to_string();
    let mapper = admin.create(&models(&two), pairwise(Some(&upstream.url("/two")))).await;
    let changed = json!({ "id": mapper, "name": "p", "protocol": "openid-connect", "protocolMapper": "oidc-sha256-pairwise-sub-mapper",
        "config": {} });
    admin.put(&format!("{}/{mapper}", models(&two)), changed).await.says(400, refusal(several));
    let asked = upstream.asked().len();
    assert!(asked >= 4, "each document was fetched: {asked}");
}

/// A server that may fetch from `localhost`, with realm `r`.
async fn with_egress() -> Administrator {
    let app = TestApp::builder()
        .configure(|config| config.egress.allow = vec!["localhost".parse().expect("a name")])
        .start()
        .await;
    Administrator::of(app).await
}

fn invalid(text: &str) -> Value {
    json!({ "error": "invalid_input", "error_description": text })
}

const SEVERAL: &str = "Without a configured Sector Identifier URI, client redirect URIs must not contain multiple host components.";
const MISMATCH: &str = "Client redirect URIs does not match redirect URIs fetched from the Sector Identifier URI.";
const UNFETCHED: &str = "Failed to get redirect URIs from the Sector Identifier URI.";

#[tokio::test]
async fn a_client_with_a_pairwise_subject_is_saved_only_with_a_sector_beyond_doubt() {
    let admin = with_egress().await;
    let both = ["https://a.example/cb", "https://b.example/cb"];
    let client = |uris: &[&str], mapper: Value| json!({ "clientId": "p", "redirectUris": uris, "protocolMappers": [mapper] });
    admin.post("/r/clients", client(&both, pairwise(None))).await.says(400, invalid(SEVERAL));
    admin
        .post("/r/clients", client(&both, pairwise(Some("https://127.0.0.1:1/x"))))
        .await
        .says(400, invalid(UNFETCHED));
    assert_eq!(admin.read("/r/clients?clientId=p").await, json!([]), "nothing half-done stays");

    let id = admin.create("/r/clients", client(&both[..1], pairwise(None))).await;
    let path = format!("/r/clients/{id}");
    admin.put(&path, json!({ "clientId": "p", "redirectUris": both })).await.says(400, invalid(SEVERAL));
    assert_eq!(admin.read(&path).await["redirectUris"], json!(["https://a.example/cb"]));
    admin.put(&path, json!({ "clientId": "p", "name": "still one host" })).await.is(204);

    // With a document, and no longer when that changes.
    let served = Arc::new(Mutex::new(json!(both).to_string()));
    let answers = Arc::clone(&served);
    let upstream = Upstream::start(move |_| Reply::ok(answers.lock().unwrap().clone()));
    let mut whole = admin.read(&path).await;
    whole["redirectUris"] = json!(both);
    whole["protocolMappers"][0]["config"]["sectorIdentifierUri"] = json!(upstream.url("/sector"));
    admin.put(&path, whole.clone()).await.is(204);
    assert_eq!(admin.read(&path).await["redirectUris"].as_array().map(Vec::len), Some(2));
    *served.lock().unwrap() = json!(["https://a.example/cb"]).to_string();
    whole["protocolMappers"][0]["config"]["sectorIdentifierUri"] = json!(upstream.url("/shorter"));
    admin.put(&path, whole).await.says(400, invalid(MISMATCH));
}

#[tokio::test]
async fn a_client_that_registers_with_pairwise_subjects_is_asked_for_its_sector() {
    let admin = with_egress().await;
    let upstream = Upstream::start(|_| Reply::ok(json!(["https://a.example/cb", "https://b.example/cb"]).to_string()));
    let initial = admin.post("/r/clients-initial-access", json!({ "count": 9 })).await.json().expect("an answer");
    let ask = async |method: &str, client: &str, token: &str, body: &Value| {
        let target = admin.app.target(&format!("/realms/r/clients-registrations/openid-connect{client}"));
        admin.app.send(&Request::new(method, target).bearer(token).json(body)).await
    };
    let initial = initial["token"].as_str().expect("a token");
    let metadata = |uris: &[&str], sector: Option<String>| json!({ "redirect_uris": uris, "subject_type": "pairwise", "sector_identifier_uri": sector });
    let both = ["https://a.example/cb", "https://b.example/cb"];
    for (asked, why) in [
        (metadata(&both, None), SEVERAL),
        (metadata(&["https://c.example/cb"], Some(upstream.url("/sector"))), MISMATCH),
        (metadata(&both, Some("https://10.0.0.1/x".to_owned())), UNFETCHED),
        (metadata(&both, Some("sector".to_owned())), "Invalid Sector Identifier URI."),
    ] {
        ask("POST", "", initial, &asked).await.is_refused("invalid_client_metadata", why);
    }
    let made = ask("POST", "", initial, &metadata(&both, Some(upstream.url("/sector")))).await;
    made.is(201);
    let (id, token) = (format!("/{}", made.field("client_id")), made.field("registration_access_token"));
    let with_id = |mut metadata: Value| {
        metadata["client_id"] = json!(made.field("client_id"));
        metadata
    };
    ask("PUT", &id, &token, &with_id(metadata(&both, None))).await.is_refused("invalid_client_metadata", SEVERAL);

    // What a change says about subjects counts; whoever stays pairwise keeps his salt, or all users would become others.
    let mappers = async || {
        let client = admin.read(&format!("/r/clients?clientId={}", made.field("client_id"))).await;
        client[0]["protocolMappers"].clone()
    };
    let salt = mappers().await[0]["config"]["pairwiseSubAlgorithmSalt"].clone();
    assert!(salt.is_string());
    let one = ask("PUT", &id, &token, &with_id(metadata(&both[..1], None))).await.ok();
    let config = mappers().await[0]["config"].clone();
    assert_eq!((&config["pairwiseSubAlgorithmSalt"], &config["sectorIdentifierUri"]), (&salt, &Value::Null));
    assert_eq!((one.field("subject_type").as_str(), one.json().unwrap().get("sector_identifier_uri")), ("pairwise", None));
    let public = with_id(json!({ "redirect_uris": both, "subject_type": "public" }));
    let public = ask("PUT", &id, &one.field("registration_access_token"), &public).await.ok();
    assert_eq!((public.field("subject_type").as_str(), mappers().await), ("public", Value::Null));
}
