use keywright::audit;
use keywright::audit::query::AdminEventQuery;
use keywright::base::id::{RealmId, UserId};
use keywright::manage::users::{self, UserSettings};
use keywright::model::event::{AdminEvent, AuthDetails, Operation, Resource};
use keywright::model::realm::Realm;
use keywright::store::StoreError;
use keywright::store::events::Page;
use keywright::store::txn::Reader as _;
use keywright::testing::{REALM, TestIssuer};
use serde_json::json;

const ROOT: &str = "root";

/// An issuer with a user and what its realm wants of admin events.
async fn issuer(enabled: bool, details: bool) -> (TestIssuer, Realm, UserId) {
    let issuer = TestIssuer::start().await;
    issuer
        .change_realm(move |realm| {
            realm.admin_events_enabled = enabled;
            realm.admin_events_details_enabled = details;
        })
        .await;
    let user = issuer.user("alice", "alice-password").await.id;
    let realm = issuer.keywright().app().compiled.realm(REALM).await.unwrap().unwrap().realm.clone();
    (issuer, realm, user)
}

fn actor() -> AuthDetails {
    AuthDetails {
        realm_id: RealmId::from("master"),
        client_id: Some("admin-cli".to_owned()),
        user_id: Some(UserId::from(ROOT)),
        ip_address: Some([127, 0, 0, 1].into()),
    }
}

/// Renames the user's family and records it, in one transaction that fails at its end if `fail`.
async fn rename(issuer: &TestIssuer, realm: &Realm, user: &UserId, fail: bool) -> Result<(), StoreError> {
    let app = issuer.keywright().app();
    let settings = UserSettings { last_name: Some("Changed".to_owned()), ..UserSettings::default() };
    let event = app
        .audit
        .admin_event(&app.env, &actor(), &realm.id, Operation::Update, Resource::User)
        .at(format!("users/{user}"))
        .representing(&settings);
    let (settings, recorded) = (&settings, &event);
    app.store
        .configuration(|txn| {
            Box::pin(async move {
                users::update(txn, &realm.id, user, settings).await.map_err(|error| StoreError::Failed(error.to_string()))?;
                audit::admin::record(txn, realm, recorded);
                if fail { Err(StoreError::Failed("planted".to_owned())) } else { Ok(()) }
            })
        })
        .await?;
    app.audit.administered(realm, &event);
    Ok(())
}

async fn events(issuer: &TestIssuer, realm: &Realm, query: &AdminEventQuery) -> Vec<AdminEvent> {
    let app = issuer.keywright().app();
    app.audit.admin_events(&app.store, &realm.id, query, Page::default()).await.unwrap()
}

#[tokio::test]
async fn an_admin_event_commits_with_its_change_or_not_at_all() {
    let (issuer, realm, user) = issuer(true, true).await;
    rename(&issuer, &realm, &user, true).await.unwrap_err();
    let last_name = async || issuer.keywright().app().store.peek().users().get(&realm.id, &user).await.unwrap().unwrap().last_name;
    assert_eq!(last_name().await.as_deref(), Some("User"));
    assert!(events(&issuer, &realm, &AdminEventQuery::default()).await.is_empty());

    rename(&issuer, &realm, &user, false).await.unwrap();
    assert_eq!(last_name().await.as_deref(), Some("Changed"));
    let [event] = &events(&issuer, &realm, &AdminEventQuery::default()).await[..] else { panic!("one event") };
    let mut event = serde_json::to_value(event).unwrap();
    event.as_object_mut().unwrap().retain(|name, _| !["id", "time"].contains(&&**name));
    let representation = event["representation"].take();
    assert!(representation.as_str().unwrap().contains(r#""lastName":"Changed""#), "{representation}");
    let expected = json!({
        "realmId": realm.id,
        "authDetails": {"realmId": "master", "clientId": "admin-cli", "userId": ROOT, "ipAddress": "127.0.0.1"},
        "operationType": "UPDATE", "resourceType": "USER", "resourcePath": format!("users/{user}"), "representation": null,
    });
    assert_eq!(event.to_string(), expected.to_string());
}

#[tokio::test]
async fn a_realm_says_whether_and_how_much() {
    let (issuer_without_details, realm, user) = issuer(true, false).await;
    rename(&issuer_without_details, &realm, &user, false).await.unwrap();
    assert_eq!(events(&issuer_without_details, &realm, &AdminEventQuery::default()).await[0].representation, None);

    let (issuer, realm, user) = issuer(false, true).await;
    rename(&issuer, &realm, &user, false).await.unwrap();
    assert!(events(&issuer, &realm, &AdminEventQuery::default()).await.is_empty());
}

#[tokio::test]
async fn admin_events_are_found_by_what_and_by_whom() {
    let (issuer, realm, user) = issuer(true, true).await;
    rename(&issuer, &realm, &user, false).await.unwrap();
    let all = AdminEventQuery::default;
    for (found, query) in [
        (true, AdminEventQuery { operations: vec![Operation::Create, Operation::Update], ..all() }),
        (false, AdminEventQuery { operations: vec![Operation::Delete], ..all() }),
        (true, AdminEventQuery { resources: vec![Resource::User], ..all() }),
        (false, AdminEventQuery { resources: vec![Resource::Client], ..all() }),
        (true, AdminEventQuery { path: Some("users/*".to_owned()), ..all() }),
        (false, AdminEventQuery { path: Some("clients/*".to_owned()), ..all() }),
        (true, AdminEventQuery { auth_user: Some(UserId::from(ROOT)), ..all() }),
        (false, AdminEventQuery { auth_user: Some(user), ..all() }),
        (true, AdminEventQuery { auth_client: Some("admin-cli".to_owned()), ..all() }),
        (false, AdminEventQuery { auth_realm: Some(realm.id.clone()), ..all() }),
        (false, AdminEventQuery { auth_address: Some([10, 0, 0, 1].into()), ..all() }),
    ] {
        assert_eq!(!events(&issuer, &realm, &query).await.is_empty(), found, "{query:?}");
    }
    let app = issuer.keywright().app();
    app.audit.clear_admin_events(&app.store, &realm.id).await.unwrap();
    assert!(events(&issuer, &realm, &AdminEventQuery::default()).await.is_empty());
}
