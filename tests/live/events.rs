//! One event of every kind that realm `oracle` recorded. What happened in front of it is done again here; then the newest event of each
//! kind is compared, with the order of its fields and details.

use std::collections::BTreeMap;

use keywright::audit::query::UserEventQuery;
use keywright::model::event::{UserEvent, detail};
use keywright::store::events::Page;
use keywright::store::txn::Reader as _;
use serde_json::{Value, json};

use super::admin_events;
use super::oracle::Form;
use super::recording::Recording;
use super::replay::{Replay, Report, token_of};
use crate::support::app::TestApp;
use crate::support::assertion::JWT_BEARER;

pub async fn replay(app: TestApp) -> Report {
    let mut run = Replay::start("events", app).await;
    run.oracle.update_realm("oracle", json!({"eventsEnabled": true})).await;
    learn_service_account(&mut run).await;
    client_credentials(&run).await;
    revocations(&run).await;
    exchanges(&run).await;
    passwords(&run).await;
    for form in [Form::of("nope"), Form::of("api-client").with("client_secret", "wrong")] {
        run.oracle.post("oracle", "logout", &form).await;
    }

    let ours = newest_of_each_kind(&run).await;
    for row in Recording::load("events").rows {
        if let Some(event) = ours.get(&kind_of(&row.answer["body"])) {
            let body = run.oracle.names.value(event, "");
            run.observe(&row.name, json!({"body": body})).await;
        }
    }
    admin_events::replay(&mut run).await;
    run.finish().await
}

async fn learn_service_account(run: &mut Replay) {
    let store = &run.app().keywright.app().store;
    let realm = store.peek().realms().by_name("oracle").await.expect("the store answers").expect("the realm exists").id;
    let user = store.peek().users().by_username(&realm, "service-account-other-client").await.expect("the store answers");
    let id = user.expect("the client has a service account").id;
    run.oracle.names.learn_id(id.as_str(), "service account of other-client");
}

async fn client_credentials(run: &Replay) {
    for form in [
        Form::client_credentials("api-client").scope("openid"),
        Form::client_credentials("noflow-client"),
        Form::client_credentials("jwt-key-client"),
        Form::client_credentials("api-client").scope("nope"),
        by_assertion(&run.oracle.by_secret("api-client", json!({}))),
        by_assertion(&run.oracle.by_key_named("nope", "jwt-key-client")),
    ] {
        run.oracle.post("oracle", "token", &form).await;
    }
    run.oracle.update_user("oracle", "service-account-other-client", json!({"enabled": false})).await;
    run.oracle.post("oracle", "token", &Form::client_credentials("other-client")).await;
    run.oracle.update_user("oracle", "service-account-other-client", json!({"enabled": true})).await;
}

fn by_assertion(assertion: &str) -> Form {
    let form = Form::default().with("grant_type", "client_credentials");
    form.with("client_assertion_type", JWT_BEARER).with("client_assertion", assertion)
}

async fn passwords(run: &Replay) {
    let name = Recording::load("events").row("user event LOGIN_ERROR / user_not_found / password / openid-connect").answer["body"]["details"]
        ["username"]
        .as_str()
        .expect("a name")
        .to_owned();
    for form in [
        Form::password("alice"),
        Form::password("alice").by("disabled-client"),
        Form::password("alice").by("nope"),
        Form::password("alice").by("consent-client"),
        Form::password("alice").by("saml-client"),
        Form::password("alice").by("saml-client").with("client_secret", "wrong"),
        Form::password("alice").scope("openid nope"),
        Form::password("alice").with("password", "wrong"),
        Form::password("alice").by("noflow-client"),
        Form::password("noname"),
        Form::password("dora"),
        Form::password(&name),
    ] {
        run.oracle.post("oracle", "token", &form).await;
    }
}

async fn revocations(run: &Replay) {
    let hugo = run.token(&Form::password("hugo").scope("openid")).await;
    let (access, refresh) = (token_of(&hugo, "access_token"), token_of(&hugo, "refresh_token"));
    let revoke = |client: &str, token: &str| Form::of(client).with("token", token);
    for form in [
        revoke("nope", &access),
        revoke("api-client", &access).with("client_secret", "wrong"),
        revoke("other-client", &access),
        revoke("api-client", &format!("{}AAAAAA", &access[..access.len() - 6])),
        revoke("api-client", &token_of(&hugo, "id_token")),
        revoke("api-client", &refresh),
        revoke("api-client", &refresh),
    ] {
        run.oracle.post("oracle", "revoke", &form).await;
    }
}

async fn exchanges(run: &Replay) {
    let own = token_of(&run.token(&Form::password("alice").scope("openid")).await, "access_token");
    let mapped = token_of(&run.token(&Form::password("alice").by("mapper-client").scope("openid")).await, "access_token");
    let exchange = |client: &str, token: &str| {
        Form::of(client)
            .with("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .with("subject_token_type", "urn:ietf:params:oauth:token-type:access_token")
            .with("subject_token", token)
    };
    for form in [
        exchange("api-client", &own).with("audience", "account"),
        exchange("other-client", &mapped).with("audience", "nope"),
        exchange("other-client", &mapped).scope("nope"),
        exchange("other-client", "garbage"),
        exchange("other-client", &own),
    ] {
        run.oracle.post("oracle", "token", &form).await;
    }
}

/// What makes two events the same kind in the recordings.
fn kind_of(event: &Value) -> [String; 4] {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let details = &event["details"];
    [text(&event["type"]), text(&event["error"]), text(&details[detail::GRANT_TYPE]), text(&details[detail::AUTH_METHOD])]
}

async fn newest_of_each_kind(run: &Replay) -> BTreeMap<[String; 4], Value> {
    let app = run.app().keywright.app();
    let realm = app.compiled.realm("oracle").await.expect("the store answers").expect("the realm exists").realm.id.clone();
    let page = Page { max: 1000, ..Page::default() };
    let events: Vec<UserEvent> = app.audit.user_events(&app.store, &realm, &UserEventQuery::default(), page).await.expect("events");
    let mut kinds = BTreeMap::new();
    for event in events {
        let event = serde_json::to_value(event).expect("an event is JSON");
        kinds.entry(kind_of(&event)).or_insert(event);
    }
    kinds
}
