//! The Admin REST API over HTTP: who gets in, and what each resource does.

mod at_once;
mod authentication;
mod bad_input;
mod certificates;
mod client_policies;
mod clients;
mod components;
mod documents;
mod identity_providers;
mod import;
mod mail;
mod matrix;
mod organizations;
mod pairwise;
mod realms;
mod resources;
mod server;
mod shaping;
mod users;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::http::{Answer, Request};

/// An administrator of a server of his own.
pub struct Administrator {
    pub app: TestApp,
    pub token: String,
}

impl Administrator {
    /// Of a fresh server, with a realm `r` in it.
    pub async fn with_realm() -> Self {
        Self::of(TestApp::new().await).await
    }

    /// Of this server, which gets a realm `r`.
    pub async fn of(app: TestApp) -> Self {
        let token = app.administrator().await.field("access_token");
        let admin = Self { app, token };
        admin.post("", json!({ "realm": "r", "enabled": true })).await.is(201);
        admin
    }

    /// A request to a path below `/admin/realms`.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let request = Request::new(method, self.app.target(&format!("/admin/realms{path}"))).bearer(&self.token);
        self.app.send(&body.into_iter().fold(request, Request::json)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    /// The document at `path`.
    pub async fn read(&self, path: &str) -> Value {
        self.get(path).await.ok().json().expect("a JSON document")
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, Some(&body)).await
    }

    /// Makes something at `path`; its id.
    pub async fn create(&self, path: &str, body: Value) -> String {
        let answer = self.post(path, body).await;
        answer.is(201);
        answer.header("location").expect("an address").rsplit('/').next().unwrap_or_default().to_owned()
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask("PUT", path, Some(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, None).await
    }

    /// The same server as somebody else sees it.
    pub async fn ask_as(&self, token: &str, method: &str, path: &str) -> Answer {
        self.app.send(&Request::new(method, self.app.target(&format!("/admin/realms{path}"))).bearer(token)).await
    }
}

impl Answer {
    /// Asserts the status.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Asserts status and body.
    #[track_caller]
    pub fn says(&self, status: u16, body: Value) {
        assert_eq!((self.status, self.json().unwrap_or_default()), (status, body));
    }
}
