//! Epochs: what was compiled from the configuration learns that it is stale.

use keywright::base::id::{ClientId, RealmId, RoleId, UserId};
use keywright::model::client::Client;
use keywright::model::credential::Credentials;
use keywright::model::realm::Realm;
use keywright::store::txn::{Configuration, Reader as _, Txn};
use keywright::store::{Store, StoreError};

async fn commit(store: &Store, write: impl Fn(&mut Txn<'_, Configuration>) + Send + Sync) {
    let write = &write;
    store
        .configuration::<_, StoreError, _>(|txn| {
            write(txn);
            Box::pin(async { Ok(()) })
        })
        .await
        .unwrap();
}

fn client(name: &str) -> Client {
    Client { id: ClientId::from(name), client_id: name.to_owned(), ..Client::default() }
}

#[tokio::test]
async fn a_change_moves_the_epoch_of_its_realm_and_of_no_other() {
    let store = Store::memory();
    let (a, b) = (RealmId::from("a"), RealmId::from("b"));
    let before = (store.epoch(&a), store.epoch(&b), store.realms_epoch());

    commit(&store, |txn| txn.clients().insert(&a, &client("c"))).await;
    let after_client = store.epoch(&a);
    assert!(after_client > before.0);
    assert_eq!((store.epoch(&b), store.realms_epoch()), (before.1, before.2));

    let realm = Realm::new(a.clone(), "first", RoleId::from("x"));
    commit(&store, |txn| txn.realms().insert(&realm)).await;
    assert!(store.epoch(&a) > after_client);
    assert!(store.realms_epoch() > before.2);
}

#[tokio::test]
async fn only_a_new_name_or_a_new_realm_moves_the_epoch_of_the_realms() {
    let store = Store::memory();
    let realm = Realm::new(RealmId::from("a"), "first", RoleId::from("x"));
    commit(&store, |txn| txn.realms().insert(&realm)).await;
    let (epoch, realms) = (store.epoch(&realm.id), store.realms_epoch());

    let shorter = Realm { access_token_lifespan: 60, ..realm.clone() };
    commit(&store, |txn| txn.realms().put(&realm, &shorter)).await;
    assert!(store.epoch(&realm.id) > epoch);
    assert_eq!(store.realms_epoch(), realms);

    let renamed = Realm { name: "second".to_owned(), ..realm.clone() };
    commit(&store, |txn| txn.realms().put(&realm, &renamed)).await;
    assert!(store.realms_epoch() > realms);
}

#[tokio::test]
async fn users_credentials_and_failed_commits_leave_it_alone() {
    let store = Store::memory();
    let realm = RealmId::from("a");
    commit(&store, |txn| txn.clients().insert(&realm, &client("c"))).await;
    let epoch = store.epoch(&realm);

    let user = serde_json::from_value(
        serde_json::json!({ "id": "u", "username": "jane", "email": "j@example.test", "enabled": true, "createdTimestamp": 0 }),
    )
    .unwrap();
    commit(&store, |txn| txn.users().insert(&realm, &user, true)).await;
    commit(&store, |txn| txn.credentials().put(&realm, &UserId::from("u"), &Credentials::default())).await;
    assert_eq!(store.epoch(&realm), epoch);

    let taken = store.configuration(|txn| {
        txn.clients().insert(&realm, &client("c"));
        Box::pin(async { Ok::<_, StoreError>(()) })
    });
    assert!(matches!(taken.await, Err(StoreError::Exists { .. })));
    assert_eq!(store.epoch(&realm), epoch);
}

/// The caller may be a request whose connection is gone; its change counts nevertheless.
#[tokio::test]
async fn a_commit_whose_caller_went_away_moves_the_epoch_all_the_same() {
    let engine = super::engines::Engine::sled();
    let store = engine.store();
    let realm = RealmId::from("a");
    {
        let mut abandoned = Box::pin(commit(&store, |txn| txn.clients().insert(&realm, &client("c"))));
        // Far enough to have handed the commit over, not far enough to hear of it.
        assert!(futures_util::poll!(&mut abandoned).is_pending());
    }
    while store.epoch(&realm) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(store.peek().clients().by_client_id(&realm, "c").await.unwrap().is_some());
}
