//! What the grants promise beyond single answers: exact counting, one winner, one hash per attempt.

pub mod client_auth;
mod client_credentials;
pub(crate) mod password;
mod refresh_token;
mod token_exchange;

use keywright::base::password_hash::HashingOptions;
use keywright::config::Engine;
use keywright::testing::{REALM, TestIssuer};
use tempfile::TempDir;

use crate::support::http::{Answer, Request};

pub(crate) const CLIENT: (&str, &str) = ("grants-client", "grants-secret");

/// An issuer with one confidential client; its hashing queue takes everybody.
pub(crate) async fn issuer(directory: Option<&TempDir>) -> TestIssuer {
    let paths = directory.map(|directory| (directory.path().join("data"), directory.path().join("keys")));
    let issuer = TestIssuer::builder()
        .configure(|config| {
            if let Some((data, keys)) = paths {
                config.store.engine = Engine::Sled;
                config.store.directory = data;
                config.keys.directory = keys;
            }
        })
        .build_with(|builder| builder.hashing(HashingOptions { queue: 1000, ..HashingOptions::cheap() }))
        .start()
        .await;
    issuer.confidential_client(CLIENT.0, CLIENT.1).await;
    issuer
}

/// `POST` to the token endpoint as the client.
pub(crate) async fn token(issuer: &TestIssuer, form: &[(&str, &str)]) -> Answer {
    let path = format!("/auth/realms/{REALM}/protocol/openid-connect/token");
    let address = issuer.address().to_string();
    Request::new("POST", path).basic(CLIENT.0, CLIENT.1).form(form).send(&address).await.expect("an answer")
}

pub(crate) async fn password(issuer: &TestIssuer, username: &str, password: &str) -> Answer {
    token(issuer, &[("grant_type", "password"), ("username", username), ("password", password)]).await
}
