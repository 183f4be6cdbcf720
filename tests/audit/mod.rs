//! What is recorded of users and administrators, and what is not.

mod admin;
mod trace;
mod user_events;

use keywright::audit::query::UserEventQuery;
use keywright::model::event::UserEvent;
use keywright::store::events::Page;
use keywright::testing::{REALM, TestIssuer};
use serde_json::Value;

use crate::support::http::{Answer, Request};

const CLIENT: (&str, &str) = ("api-client", "api-secret");
const USER: (&str, &str) = ("alice", "alice-password");

/// An issuer whose realm stores the events of these types, or those that are stored by default.
async fn issuer(types: &[&str]) -> TestIssuer {
    let issuer = TestIssuer::start().await;
    issuer.confidential_client(CLIENT.0, CLIENT.1).await;
    issuer.user(USER.0, USER.1).await;
    let types: Vec<_> = types.iter().map(|name| (*name).to_owned()).collect();
    issuer
        .change_realm(move |realm| {
            realm.events_enabled = true;
            realm.enabled_event_types.clone_from(&types);
        })
        .await;
    issuer
}

/// All stored events, the newest first.
async fn events(issuer: &TestIssuer) -> Vec<UserEvent> {
    search(issuer, &UserEventQuery::default(), Page::default()).await
}

async fn search(issuer: &TestIssuer, query: &UserEventQuery, page: Page) -> Vec<UserEvent> {
    let app = issuer.keywright().app();
    let realm = app.compiled.realm(REALM).await.unwrap().unwrap();
    app.audit.user_events(&app.store, &realm.realm.id, query, page).await.unwrap()
}

/// The newest event as the administration API shows it, without what no two have in common.
async fn newest(issuer: &TestIssuer) -> Value {
    let mut event = serde_json::to_value(events(issuer).await.first().expect("an event")).unwrap();
    for name in ["id", "time", "realmId"] {
        assert!(event.as_object_mut().unwrap().shift_remove(name).is_some(), "every event has {name}");
    }
    event
}

/// `POST` to an endpoint as the client.
async fn post(issuer: &TestIssuer, endpoint: &str, form: &[(&str, &str)]) -> Answer {
    let path = format!("/auth/realms/{REALM}/protocol/openid-connect/{endpoint}");
    let request = Request::new("POST", path).basic(CLIENT.0, CLIENT.1).form(form);
    request.send(&issuer.address().to_string()).await.expect("an answer")
}
