//! Clients: what they are made with, their secrets, their service accounts, what goes with them.

use std::collections::HashSet;

use keywright::base::id::{ClientId, RealmId};
use keywright::manage::clients::{
    ClientSettings, NewClient, ScopeAttachment, add_scope, create, delete, read_secret, regenerate_secret, remove_scope, set_enabled,
    update,
};
use keywright::manage::error::{ManageError, Refusal};
use keywright::manage::protocol_mappers::Holder;
use keywright::manage::roles::{self, NewRole};
use keywright::manage::scope_mappings;
use keywright::model::client::Client;
use keywright::model::role::RoleContainer;
use keywright::store::txn::Reader as _;
use serde_json::{Value, json};

use super::{World, fresh_realm, in_txn};

fn new(settings: &Value) -> NewClient {
    serde_json::from_value(settings.clone()).unwrap()
}

async fn make(world: &World, realm: &RealmId, settings: Value) -> Result<Client, ManageError> {
    let new = new(&settings);
    in_txn!(world, |txn| create(txn, &world.env, &world.sealer, realm, &new))
}

async fn change(world: &World, realm: &RealmId, id: &ClientId, settings: Value) -> Result<Client, ManageError> {
    let settings: ClientSettings = serde_json::from_value(settings).unwrap();
    in_txn!(world, |txn| update(txn, &world.env, &world.sealer, realm, id, &settings))
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, ManageError>) -> Refusal {
    match answer.unwrap_err() {
        ManageError::NotFound(refusal) | ManageError::Conflict(refusal) | ManageError::Invalid(refusal) => refusal,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_new_client_reads_back_as_keycloaks() {
    let (world, realm) = World::with_realm().await;
    let rows: Value = serde_json::from_str(include_str!("../fixtures/manage/new-clients.json")).unwrap();
    for row in rows.as_array().unwrap() {
        let made = make(&world, &realm, row["request"].clone()).await.unwrap();
        let mut ours = fresh_realm::client(&world, &realm, &made).await;
        let mut theirs = row["answer"].clone();
        let secret = read_secret(&world.sealer, &realm, &made).unwrap();
        assert_eq!(secret.is_some(), theirs["secret"].is_string(), "{}", row["name"]);
        assert!(
            secret.is_none_or(|secret| secret.expose().len() == 86 && secret.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()))
        );
        assert_eq!(ours["attributes"]["client.secret.creation.time"], "1800000000");
        for side in [&mut ours, &mut theirs] {
            side["attributes"]["client.secret.creation.time"] = Value::Null;
        }
        assert_eq!(
            fresh_realm::normalised(&json!([ours]), &[]),
            fresh_realm::normalised(&json!([theirs]), &["id", "access", "secret"]),
            "{}",
            row["name"]
        );
    }
}

#[tokio::test]
async fn a_stored_secret_is_sealed_for_its_client() {
    let (world, realm) = World::with_realm().await;
    let one = make(&world, &realm, json!({"clientId": "one", "secret": "known"})).await.unwrap();
    let other = make(&world, &realm, json!({"clientId": "other"})).await.unwrap();
    assert!(!serde_json::to_string(&one).unwrap().contains("known"));
    assert_eq!(read_secret(&world.sealer, &realm, &one).unwrap(), Some("known".into()));
    let stolen = Client { secret: one.secret.clone(), ..other };
    assert!(matches!(read_secret(&world.sealer, &realm, &stolen), Err(ManageError::Sealed(_))));
}

#[tokio::test]
async fn writing_the_mask_back_keeps_the_secret_and_regenerating_replaces_it() {
    let (world, realm) = World::with_realm().await;
    let client = make(&world, &realm, json!({"clientId": "c", "secret": "known"})).await.unwrap();
    let client = change(&world, &realm, &client.id, json!({"secret": "**********", "name": "C"})).await.unwrap();
    assert_eq!(read_secret(&world.sealer, &realm, &client).unwrap(), Some("known".into()));
    assert_eq!(client.name.as_deref(), Some("C"));

    let fresh = in_txn!(world, |txn| regenerate_secret(txn, &world.env, &world.sealer, &realm, &client.id)).unwrap();
    let stored = world.store.peek().clients().get(&realm, &client.id).await.unwrap().unwrap();
    assert_eq!(read_secret(&world.sealer, &realm, &stored).unwrap().as_ref(), Some(&fresh));
    assert_eq!(fresh.expose().len(), 86);
}

#[tokio::test]
async fn a_public_client_that_becomes_confidential_gets_a_secret() {
    let (world, realm) = World::with_realm().await;
    let client = make(&world, &realm, json!({"clientId": "c", "publicClient": true})).await.unwrap();
    assert_eq!(client.secret, None);
    let client = change(&world, &realm, &client.id, json!({"publicClient": false})).await.unwrap();
    assert!(client.secret.is_some());
}

#[tokio::test]
async fn a_client_id_and_an_id_are_given_once() {
    let (world, realm) = World::with_realm().await;
    let client = make(&world, &realm, json!({"clientId": "c"})).await.unwrap();
    let exists = Refusal::Message("Client c already exists".into());
    assert_eq!(refusal(make(&world, &realm, json!({"clientId": "c"})).await), exists);
    assert_eq!(
        refusal(make(&world, &realm, json!({"clientId": "d", "id": client.id})).await),
        Refusal::Message("Client d already exists".into())
    );
    let other = make(&world, &realm, json!({"clientId": "C"})).await.unwrap();
    let renamed = change(&world, &realm, &other.id, json!({"clientId": "c"})).await;
    assert_eq!(refusal(renamed), Refusal::Described { code: "conflict", description: "Duplicate resource error".into() });
    assert!(make(&world, &realm, json!({})).await.is_ok_and(|client| client.client_id == client.id.to_string()));
}

#[tokio::test]
async fn bad_clients_are_refused_with_keycloaks_words() {
    let (world, realm) = World::with_realm().await;
    let invalid = |description: &'static str| Refusal::Described { code: "invalid_input", description: description.into() };
    let rows = [
        (json!({"clientId": ""}), invalid("Client ID cannot be blank")),
        (json!({"clientId": "b", "redirectUris": ["javascript:alert(1)"]}), invalid("A redirect URI uses an illegal scheme")),
        (json!({"clientId": "b", "redirectUris": ["http://x/#f"]}), invalid("A redirect URI must not contain an URL fragment")),
        (json!({"clientId": "b", "rootUrl": "javascript:x"}), invalid("Root URL uses an illegal scheme")),
        (json!({"clientId": "b", "protocol": "nope"}), invalid("Invalid protocol: nope")),
        (json!({"clientId": "b", "id": "a/b"}), Refusal::Error("Character '/' not allowed.".into())),
        (
            json!({"clientId": "b", "protocolMappers": [{"name": "m", "protocolMapper": "nope"}]}),
            Refusal::Error("ProtocolMapper provider not found".into()),
        ),
    ];
    for (settings, expected) in rows {
        assert_eq!(refusal(make(&world, &realm, settings.clone()).await), expected, "{settings}");
    }
    assert_eq!(world.store.peek().clients().list(&realm).await.unwrap().len(), 6, "nothing half-done stays");
}

#[tokio::test]
async fn an_update_keeps_what_it_does_not_name_and_removes_emptied_attributes() {
    let (world, realm) = World::with_realm().await;
    let made = make(&world, &realm, json!({"clientId": "c", "description": "hi", "attributes": {"custom": "1"}}))
        .await
        .unwrap();
    let changed = change(&world, &realm, &made.id, json!({"name": "C", "attributes": {"custom": "", "other": "2"}}))
        .await
        .unwrap();
    assert_eq!((changed.description.as_deref(), changed.name.as_deref()), (Some("hi"), Some("C")));
    assert_eq!((changed.attribute("custom"), changed.attribute("other")), (None, Some("2")));
    assert_eq!(changed.attribute("realm_client"), Some("false"));
}

#[tokio::test]
async fn a_service_account_follows_its_client() {
    let (world, realm) = World::with_realm().await;
    let default_role = world.store.peek().realms().get(&realm).await.unwrap().unwrap().default_role;
    let client = make(&world, &realm, json!({"clientId": "Conf", "serviceAccountsEnabled": true})).await.unwrap();
    let mut peek = world.store.peek();
    let account = peek.users().service_account(&realm, &client.id).await.unwrap().unwrap();
    assert_eq!((account.username.as_str(), account.enabled, account.roles), ("service-account-conf", true, vec![default_role]));
    let scope = peek.client_scopes().by_name(&realm, "service_account").await.unwrap().unwrap().id;
    assert!(client.default_client_scopes.contains(&scope));

    change(&world, &realm, &client.id, json!({"clientId": "other"})).await.unwrap();
    assert_eq!(peek.users().service_account(&realm, &client.id).await.unwrap().unwrap().username, "service-account-other");
    assert!(peek.users().by_username(&realm, "service-account-conf").await.unwrap().is_none());

    let off = change(&world, &realm, &client.id, json!({"serviceAccountsEnabled": false})).await.unwrap();
    assert!(!off.default_client_scopes.contains(&scope));
    assert!(peek.users().by_username(&realm, "service-account-other").await.unwrap().is_none());
}

/// An import keeps what it does not know, so that nothing is lost; whoever writes back what he read changes nothing.
#[tokio::test]
async fn a_mapper_of_an_unknown_type_stays_until_somebody_changes_it() {
    let (world, realm) = World::with_realm().await;
    let mapper = json!({"name": "m", "protocol": "openid-connect", "protocolMapper": "script-claims.js", "config": {"a": "1"}});
    let client = make(&world, &realm, json!({"clientId": "c"})).await.unwrap();
    let mut stored = mapper.clone();
    stored["id"] = json!("m-id");
    let imported = Client { protocol_mappers: vec![serde_json::from_value(stored).unwrap()], ..client.clone() };
    in_txn!(world, |txn| async {
        txn.clients().put(&realm, &client, &imported);
        Ok::<_, ManageError>(())
    })
    .unwrap();

    let known = json!({"name": "n", "protocol": "openid-connect", "protocolMapper": "oidc-full-name-mapper"});
    let changed = change(&world, &realm, &client.id, json!({"description": "d", "protocolMappers": [mapper, known]}))
        .await
        .unwrap();
    assert_eq!((changed.description.as_deref(), changed.protocol_mappers.len()), (Some("d"), 2));
    assert_eq!(changed.protocol_mappers[0], imported.protocol_mappers[0], "with its id");

    let mut other = mapper.clone();
    other["config"]["a"] = json!("2");
    for refused in [json!([other]), json!([mapper, mapper])] {
        refusal(change(&world, &realm, &client.id, json!({"protocolMappers": refused})).await);
    }
    let stays = world.store.peek().clients().get(&realm, &client.id).await.unwrap().unwrap();
    assert_eq!(stays.protocol_mappers, changed.protocol_mappers);
}

#[tokio::test]
async fn a_deleted_client_takes_its_roles_its_account_and_every_mention_along() {
    let (world, realm) = World::with_realm().await;
    let client = make(&world, &realm, json!({"clientId": "c", "serviceAccountsEnabled": true})).await.unwrap();
    let other = make(&world, &realm, json!({"clientId": "other", "fullScopeAllowed": false})).await.unwrap();
    let role = NewRole::named("r", RoleContainer::Client(client.id.clone()));
    let role = in_txn!(world, |txn| roles::create(txn, &world.env, &realm, &role)).unwrap();
    let holder = NewRole { composites: vec![role.id.clone()], ..NewRole::named("holder", RoleContainer::Realm) };
    let holder = in_txn!(world, |txn| roles::create(txn, &world.env, &realm, &holder)).unwrap();
    let mapped = [role.id.clone()];
    in_txn!(world, |txn| scope_mappings::add(txn, &realm, &Holder::Client(other.id.clone()), &mapped)).unwrap();

    in_txn!(world, |txn| delete(txn, &realm, &client.id)).unwrap();
    let mut peek = world.store.peek();
    assert!(peek.clients().by_client_id(&realm, "c").await.unwrap().is_none());
    assert!(peek.roles().get(&realm, &role.id).await.unwrap().is_none());
    assert!(peek.roles().get(&realm, &holder.id).await.unwrap().unwrap().composites.is_empty());
    assert!(peek.clients().get(&realm, &other.id).await.unwrap().unwrap().scope_mappings.is_empty());
    assert!(peek.users().by_username(&realm, "service-account-c").await.unwrap().is_none());
    assert_eq!(refusal(in_txn!(world, |txn| delete(txn, &realm, &client.id))), Refusal::Error("Could not find client".into()));
    assert!(make(&world, &realm, json!({"clientId": "c", "serviceAccountsEnabled": true})).await.is_ok(), "its names are free again");
}

#[tokio::test]
async fn built_in_clients_stay() {
    let (world, realm) = World::with_realm().await;
    let mut peek = world.store.peek();
    for client in peek.clients().list(&realm).await.unwrap() {
        let refused = refusal(in_txn!(world, |txn| delete(txn, &realm, &client.id)));
        assert_eq!(refused, Refusal::Described { code: "invalid_request", description: "Could not delete client".into() });
    }
    assert_eq!(peek.clients().list(&realm).await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_scope_is_attached_one_way() {
    let (world, realm) = World::with_realm().await;
    let client = make(&world, &realm, json!({"clientId": "c"})).await.unwrap();
    let phone = world.store.peek().client_scopes().by_name(&realm, "phone").await.unwrap().unwrap().id;
    in_txn!(world, |txn| add_scope(txn, &realm, &client.id, &phone, ScopeAttachment::Default)).unwrap();
    let same = world.store.peek().clients().get(&realm, &client.id).await.unwrap().unwrap();
    assert!(same.optional_client_scopes.contains(&phone) && !same.default_client_scopes.contains(&phone));

    in_txn!(world, |txn| remove_scope(txn, &realm, &client.id, &phone)).unwrap();
    in_txn!(world, |txn| add_scope(txn, &realm, &client.id, &phone, ScopeAttachment::Default)).unwrap();
    let moved = world.store.peek().clients().get(&realm, &client.id).await.unwrap().unwrap();
    assert!(moved.default_client_scopes.contains(&phone) && !moved.optional_client_scopes.contains(&phone));

    let unknown = "nope".into();
    let refused = refusal(in_txn!(world, |txn| add_scope(txn, &realm, &client.id, &unknown, ScopeAttachment::Default)));
    assert_eq!(refused, Refusal::Error("Client scope not found".into()));
}

#[tokio::test]
async fn scopes_by_name_replace_those_of_the_realm() {
    let (world, realm) = World::with_realm().await;
    let client = make(&world, &realm, json!({"clientId": "c", "defaultClientScopes": ["email", "nope"]})).await.unwrap();
    let email = world.store.peek().client_scopes().by_name(&realm, "email").await.unwrap().unwrap().id;
    assert_eq!((client.default_client_scopes, client.optional_client_scopes), (vec![email], vec![]));
}

#[tokio::test]
async fn a_client_can_be_switched_off() {
    let (world, realm) = World::with_realm().await;
    let client = make(&world, &realm, json!({"clientId": "c"})).await.unwrap();
    in_txn!(world, |txn| set_enabled(txn, &realm, &client.id, false)).unwrap();
    assert!(!world.store.peek().clients().get(&realm, &client.id).await.unwrap().unwrap().enabled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_want_a_client_id_at_once_one_gets_it() {
    let (world, realm) = World::with_realm().await;
    let world = std::sync::Arc::new(world);
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let (world, realm) = (std::sync::Arc::clone(&world), realm.clone());
            tokio::spawn(async move { make(&world, &realm, json!({"clientId": "wanted", "name": format!("{number}")})).await })
        })
        .collect();
    let mut winners = HashSet::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(client) => drop(winners.insert(client.name)),
            Err(ManageError::Conflict(refusal)) => assert_eq!(refusal, Refusal::Message("Client wanted already exists".into())),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(winners.len(), 1);
}
