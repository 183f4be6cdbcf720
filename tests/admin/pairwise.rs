//! The sector of a pairwise subject (OIDC Core §8.1) is checked when the mapper is made or changed, with a real document.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::Administrator;
use crate::support::app::TestApp;
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
