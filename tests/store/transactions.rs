//! `Store` and `Txn`: what a closure sees, what its commit promises, and how often it runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keywright::base::clock::Timestamp;
use keywright::base::id::{RealmId, RoleId, SessionId, UserId};
use keywright::model::single_use::SingleUse;
use keywright::model::user::User;
use keywright::model::user_session::UserSession;
use keywright::store::backend::Durability;
use keywright::store::txn::{Configuration, Reader as _, Sessions, Txn};
use keywright::store::{Store, StoreError, key};

use super::engines::Engine;

fn realm() -> RealmId {
    RealmId::from("r")
}

fn user(id: &str, name: &str) -> User {
    serde_json::from_value(
        serde_json::json!({ "id": id, "username": name, "email": format!("{name}@example.test"), "enabled": true, "createdTimestamp": 0 }),
    )
    .unwrap()
}

fn session(id: &str) -> UserSession {
    UserSession {
        id: SessionId::from(id),
        user: UserId::from("u"),
        offline: false,
        remember_me: false,
        ip_address: "127.0.0.1".to_owned(),
        started: Timestamp(0),
        last_refresh: Timestamp(0),
        auth_time: None,
        notes: BTreeMap::new(),
        clients: BTreeMap::new(),
        indexed_until: Timestamp(0),
    }
}

async fn insert_user(store: &Store, user: &User) -> Result<(), StoreError> {
    let realm = &realm();
    store
        .configuration(|txn| {
            Box::pin(async move {
                txn.users().insert(realm, user, true);
                Ok(())
            })
        })
        .await
}

#[tokio::test]
async fn a_transaction_reads_what_it_wrote_and_its_error_discards_it() {
    let store = Store::memory();
    let realm = &realm();
    let answer: Result<(), StoreError> = store
        .configuration(|txn| {
            Box::pin(async move {
                txn.users().insert(realm, &user("1", "jane"), true);
                txn.users().insert(realm, &user("2", "john"), true);
                assert_eq!(txn.users().by_username(realm, "JANE").await?.unwrap().id, UserId::from("1"));
                assert_eq!(txn.users().list(realm, None, 10).await?.len(), 2);
                txn.users().delete(realm, &user("1", "jane"));
                assert_eq!(txn.users().by_username(realm, "jane").await?, None);
                assert_eq!(txn.users().list(realm, None, 1).await?, [user("2", "john")]);
                assert_eq!(txn.peek().users().list(realm, None, 1).await?, [], "a peek sees only what is committed");
                Err(StoreError::Contention)
            })
        })
        .await;
    assert!(matches!(answer, Err(StoreError::Contention)));
    assert_eq!(store.peek().users().list(realm, None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_scan_overlays_own_writes_on_full_pages() {
    let store = Store::memory();
    let realm = &realm();
    for number in [1, 3, 5, 7] {
        insert_user(&store, &user(&number.to_string(), &format!("u{number}"))).await.unwrap();
    }
    let ids = |users: Vec<User>| users.into_iter().map(|user| user.id.as_str().to_owned()).collect::<Vec<_>>();
    store
        .configuration::<_, StoreError, _>(|txn| {
            Box::pin(async move {
                txn.users().delete(realm, &user("1", "u1"));
                txn.users().delete(realm, &user("3", "u3"));
                txn.users().insert(realm, &user("4", "u4"), true);
                assert_eq!(ids(txn.users().list(realm, None, 2).await?), ["4", "5"]);
                assert_eq!(ids(txn.users().list(realm, Some(&UserId::from("4")), 9).await?), ["5", "7"]);
                Ok(())
            })
        })
        .await
        .unwrap();
    assert_eq!(ids(store.peek().users().list(realm, None, 9).await.unwrap()), ["4", "5", "7"]);
}

#[tokio::test]
async fn inserting_what_exists_is_an_error_and_not_a_struggle() {
    let store = Store::memory();
    insert_user(&store, &user("1", "jane")).await.unwrap();
    let runs = AtomicUsize::new(0);
    let (realm, runs) = (&realm(), &runs);
    let answer: Result<(), StoreError> = store
        .configuration(|txn| {
            Box::pin(async move {
                runs.fetch_add(1, Ordering::Relaxed);
                txn.users().insert(realm, &user("2", "jane"), true);
                Ok(())
            })
        })
        .await;
    assert!(matches!(answer, Err(StoreError::Exists { .. })), "{answer:?}");
    assert_eq!(runs.load(Ordering::Relaxed), 2);

    let twice = store.configuration(|txn| {
        Box::pin(async move {
            txn.users().insert(realm, &user("3", "same"), true);
            txn.users().insert(realm, &user("4", "same"), true);
            Ok::<_, StoreError>(())
        })
    });
    assert!(matches!(twice.await, Err(StoreError::Exists { .. })));
    assert_eq!(store.peek().users().list(realm, None, 9).await.unwrap(), [user("1", "jane")]);
}

#[tokio::test]
async fn a_name_may_go_and_come_back_within_one_transaction() {
    let store = Store::memory();
    insert_user(&store, &user("1", "jane")).await.unwrap();
    let realm = &realm();
    store
        .configuration::<_, StoreError, _>(|txn| {
            Box::pin(async move {
                let jane = txn.users().by_username(realm, "jane").await?.unwrap();
                let joan = User { username: "joan".to_owned(), ..jane.clone() };
                txn.users().put(realm, &jane, &joan, true);
                txn.users().put(realm, &joan, &jane, true);
                Ok(())
            })
        })
        .await
        .unwrap();
    assert!(store.peek().users().by_username(realm, "jane").await.unwrap().is_some());
    assert!(store.peek().users().by_username(realm, "joan").await.unwrap().is_none());
}

/// The password grant: the sessions transaction looks at the user, whom somebody may change without failing it.
#[tokio::test]
async fn the_other_class_is_read_without_expectations() {
    let store = Store::memory();
    insert_user(&store, &user("1", "jane")).await.unwrap();
    let realm = &realm();
    let (runs, store) = (&AtomicUsize::new(0), &store);
    store
        .sessions::<_, StoreError, _>(|txn| {
            Box::pin(async move {
                runs.fetch_add(1, Ordering::Relaxed);
                let jane = txn.users().by_username(realm, "jane").await?.unwrap();
                change_user(store, realm, &jane).await?;
                txn.user_sessions().insert(realm, &session("s"), Timestamp(10));
                Ok(())
            })
        })
        .await
        .unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

async fn change_user(store: &Store, realm: &RealmId, jane: &User) -> Result<(), StoreError> {
    let changed = User { first_name: Some("Jane".to_owned()), ..jane.clone() };
    let changed = &changed;
    store
        .configuration(|txn| {
            Box::pin(async move {
                txn.users().put(realm, jane, changed, true);
                Ok(())
            })
        })
        .await
}

#[tokio::test]
async fn an_absent_key_that_was_read_may_appear_unless_the_same_transaction_fills_it() {
    let store = &Store::memory();
    let realm = &realm();
    let runs = &AtomicUsize::new(0);
    let mark = |id: &'static str| {
        store.sessions::<_, StoreError, _>(move |txn| {
            Box::pin(async move {
                txn.single_use().put(realm, "p", id, &SingleUse { at: Timestamp(0) }, Timestamp(10));
                Ok(())
            })
        })
    };
    let mark = &mark;
    let read_then_write = |read: &'static str, write: &'static str| {
        store.sessions::<_, StoreError, _>(move |txn| {
            Box::pin(async move {
                let first = runs.fetch_add(1, Ordering::Relaxed) == 0;
                let there = txn.single_use().get(realm, "p", read).await?.is_some();
                if first {
                    mark(read).await?;
                }
                if !there {
                    txn.single_use().put(realm, "p", write, &SingleUse { at: Timestamp(1) }, Timestamp(10));
                }
                Ok(there)
            })
        })
    };
    assert!(!read_then_write("a", "b").await.unwrap());
    assert_eq!(runs.swap(0, Ordering::Relaxed), 1, "another key was filled");
    assert!(read_then_write("c", "c").await.unwrap(), "the second run sees it");
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

async fn count_up(txn: &mut Txn<'_, Sessions>, realm: &RealmId) -> Result<i64, StoreError> {
    let mut session = txn.user_sessions().get(realm, &SessionId::from("s"), false).await?.unwrap();
    session.last_refresh.0 += 1;
    txn.user_sessions().put(realm, &session, Timestamp(10), true);
    Ok(session.last_refresh.0)
}

/// Every increment counts and every answer is different, with more callers than runs are allowed.
async fn many_increments_of_one_document(engine: Engine) {
    let store = engine.store();
    let realm = realm();
    store
        .sessions::<_, StoreError, _>(|txn| {
            let realm = realm.clone();
            Box::pin(async move {
                txn.user_sessions().insert(&realm, &session("s"), Timestamp(10));
                Ok(())
            })
        })
        .await
        .unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let (store, realm) = (store.clone(), realm.clone());
            tokio::spawn(async move { store.sessions(|txn| Box::pin(count_up(txn, &realm))).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap().unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers, (1..=200).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_starves_on_memory() {
    many_increments_of_one_document(Engine::memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_starves_on_sled() {
    many_increments_of_one_document(Engine::sled()).await;
}

#[tokio::test]
async fn counters_add_up_across_transactions() {
    let store = Store::memory();
    let realm = realm();
    for _ in 0..3 {
        store
            .sessions::<_, StoreError, _>(|txn| {
                txn.add(&key::counter(&realm, "logins"), 2);
                txn.add(&key::counter(&realm, "logins"), -1);
                Box::pin(async { Ok(()) })
            })
            .await
            .unwrap();
    }
    assert_eq!(store.peek().count(&key::counter(&realm, "logins")).await.unwrap(), 3);
}

#[tokio::test]
async fn a_stamp_behind_is_dropped_when_somebody_was_faster() {
    let engine = Engine::sled();
    let store = engine.store();
    let realm = &realm();
    store
        .sessions::<_, StoreError, _>(|txn| {
            Box::pin(async move {
                txn.user_sessions().insert(realm, &session("s"), Timestamp(10));
                Ok(())
            })
        })
        .await
        .unwrap();
    store.sessions_behind(Durability::WithinAMinute, |txn| Box::pin(count_up(txn, realm))).await.unwrap();
    store.sessions_behind(Durability::WithinAMinute, |txn| Box::pin(count_up(txn, realm))).await.unwrap();
    let after = store.sessions(|txn| Box::pin(count_up(txn, realm))).await.unwrap();
    assert_eq!(after, 1, "both stamps were behind this commit and lost against it");
}

/// The seam of architecture §7: these must compile, in exactly these forms.
#[tokio::test]
async fn closures_may_borrow_their_context_or_clone_into_a_block() {
    struct Context {
        realm: RealmId,
    }
    async fn prove(txn: &mut Txn<'_, Configuration>, cx: &Context, name: &str) -> Result<Option<User>, StoreError> {
        txn.users().by_username(&cx.realm, name).await
    }
    let store = Store::memory();
    let cx = Context { realm: realm() };
    let name = "jane".to_owned();
    assert_eq!(store.configuration(|txn| Box::pin(prove(txn, &cx, &name))).await.unwrap(), None);
    let owned = (store.clone(), Arc::new(cx), name);
    let spawned = tokio::spawn(async move {
        let (store, cx, name) = owned;
        store
            .configuration(|txn| {
                let (cx, name) = (Arc::clone(&cx), name.clone());
                Box::pin(async move { prove(txn, &cx, &name).await })
            })
            .await
    });
    assert_eq!(spawned.await.unwrap().unwrap(), None);
    let _ = RoleId::from("");
}
