//! Of the newer protocols what needs no browser: encryption, names for levels of authentication.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::rsa::Rsa;
use serde_json::{Value, json};

use super::oracle::Form;
use super::replay::{Replay, Report, token_of};
use crate::support::app::TestApp;

const REALM: &str = "oracle-modern";

pub async fn replay(app: TestApp) -> Report {
    let mut run = Replay::start("modern", app).await;
    run.oracle.create_realm(REALM, json!({"enabled": true})).await;
    run.oracle.create_user(REALM, "alice", "pw-alice", json!({})).await;
    run.oracle.create_client(REALM, "enc", json!({"attributes": attributes(&key_set())})).await;

    run.row("encrypted ID token").await.ask().await;
    let form = Form::of("enc").with("grant_type", "password").with("username", "alice").with("password", "pw-alice");
    let tokens = run.oracle.post(REALM, "token", &form.scope("openid")).await;
    run.with("encrypted userinfo", &token_of(&tokens, "access_token")).await;
    run.oracle.update_client(REALM, "enc", json!({"attributes": attributes("{\"keys\":[]}")})).await;
    run.row("encrypted ID token, client without an encryption key").await.ask().await;

    let levels = json!({"silver": "1", "gold": "2"}).to_string();
    run.oracle.update_realm(REALM, json!({"attributes": {"acr.loa.map": levels}})).await;
    let view = |body: &Value| json!({"acr_values_supported": body["acr_values_supported"]});
    run.row("LoA: acr_values_supported").await.view(view).ask().await;
    run.finish().await
}

fn attributes(key_set: &str) -> Value {
    json!({"use.jwks.string": "true", "jwks.string": key_set, "user.info.response.signature.alg": "RS256",
        "id.token.encrypted.response.alg": "RSA-OAEP", "id.token.encrypted.response.enc": "A256GCM",
        "user.info.encrypted.response.alg": "RSA-OAEP", "user.info.encrypted.response.enc": "A256GCM"})
}

fn key_set() -> String {
    let key = Rsa::generate(2048).expect("OpenSSL makes a key");
    let key = json!({"kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "kid": "test-enc", "n": URL_SAFE_NO_PAD.encode(key.n().to_vec()),
        "e": URL_SAFE_NO_PAD.encode(key.e().to_vec())});
    json!({"keys": [key]}).to_string()
}
