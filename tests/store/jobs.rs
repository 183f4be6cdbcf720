//! Jobs, leases and burials: long work that survives whoever does it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use keywright::base::clock::{SettableClock, Timestamp};
use keywright::base::id::{RealmId, RoleId, SessionId, UserId};
use keywright::base::random::SeededRandom;
use keywright::model::realm::Realm;
use keywright::model::user::User;
use keywright::store::backend::{Backend, Class, KeyRange};
use keywright::store::job::{self, Body, Job, Jobs, Progress};
use keywright::store::memory::Memory;
use keywright::store::txn::{Configuration, Reader as _, Txn};
use keywright::store::{Store, StoreError, key, lease};
use serde_json::{Value, json};

async fn commit(store: &Store, write: impl Fn(&mut Txn<'_, Configuration>) + Send + Sync) -> Result<(), StoreError> {
    let write = &write;
    store
        .configuration(|txn| {
            write(txn);
            Box::pin(async { Ok(()) })
        })
        .await
}

fn user(number: usize) -> User {
    serde_json::from_value(
        serde_json::json!({ "id": format!("{number}"), "username": format!("u{number}"), "enabled": true, "createdTimestamp": 0 }),
    )
    .unwrap()
}

async fn filled_realm(store: &Store, id: &str) -> Realm {
    let realm = Realm::new(RealmId::from(id), id, RoleId::from("x"));
    commit(store, |txn| txn.realms().insert(&realm)).await.unwrap();
    commit(store, |txn| (0..1_300).for_each(|number| txn.users().insert(&realm.id, &user(number), false)))
        .await
        .unwrap();
    let session = key::session_of_user(&realm.id, &UserId::from("1"), false, &SessionId::from("s"));
    let session = &session;
    store
        .sessions::<_, StoreError, _>(|txn| {
            txn.put(session, &());
            Box::pin(async { Ok(()) })
        })
        .await
        .unwrap();
    realm
}

async fn bury(store: &Store, realm: &Realm) {
    commit(store, |txn| {
        txn.delete(&key::realm_by_name(&realm.name));
        txn.bury(&key::realm(&realm.id), key::branches_of_realm(&realm.id));
    })
    .await
    .unwrap();
}

async fn keys(backend: &dyn Backend) -> Vec<String> {
    let mut keys = Vec::new();
    for class in [Class::Configuration, Class::Sessions] {
        let all = KeyRange { start: std::ops::Bound::Unbounded, end: std::ops::Bound::Unbounded };
        let rows = backend.scan(class, all, 100_000).await.unwrap();
        keys.extend(rows.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()));
    }
    keys
}

/// The jobs of a process of its own.
fn jobs(store: &Store, seed: u64) -> Jobs {
    Jobs::new(store.clone(), &job::owner(&SeededRandom::new(seed)))
}

#[tokio::test]
async fn a_large_deletion_frees_the_name_at_once_and_the_id_when_all_is_gone() {
    let backend = Arc::new(Memory::new());
    let store = Store::new(Arc::<Memory>::clone(&backend));
    let (doomed, other) = (filled_realm(&store, "doomed").await, filled_realm(&store, "other").await);
    let epoch = store.epoch(&doomed.id);
    bury(&store, &doomed).await;
    assert!(store.epoch(&doomed.id) > epoch);

    assert_eq!(store.peek().realms().get(&doomed.id).await.unwrap(), None);
    assert_eq!(store.peek().realms().list().await.unwrap(), std::slice::from_ref(&other));
    let again = Realm::new(RealmId::from("new"), "doomed", RoleId::from("x"));
    commit(&store, |txn| txn.realms().insert(&again)).await.expect("the name is free");
    let same_id = Realm::new(doomed.id.clone(), "reborn", RoleId::from("x"));
    let blind = commit(&store, |txn| txn.realms().insert(&same_id)).await;
    assert!(matches!(blind, Err(StoreError::BeingDeleted { .. })), "{blind:?}");
    let looked = store.configuration::<_, StoreError, _>(|txn| {
        let same_id = &same_id;
        Box::pin(async move {
            assert_eq!(txn.realms().get(&same_id.id).await?, None);
            txn.realms().insert(same_id);
            Ok(())
        })
    });
    assert!(matches!(looked.await, Err(StoreError::BeingDeleted { .. })));

    let clock = SettableClock::at(Timestamp(0));
    assert_eq!(jobs(&store, 1).run_pending(&clock).await.unwrap(), 1);
    let left = keys(&*backend).await;
    assert!(left.iter().all(|key| !key.contains("doomed") || key == "realm.name/doomed"), "{left:?}");
    assert_eq!(left.iter().filter(|key| key.contains("other")).count(), 2 * 1_300 + 3, "the neighbour is whole");
    assert!(left.iter().all(|key| !key.starts_with("job") && !key.starts_with("lease")));
    commit(&store, |txn| txn.realms().insert(&same_id)).await.expect("the id is free again");
    assert_eq!(jobs(&store, 1).run_pending(&clock).await.unwrap(), 0);
}

#[tokio::test]
async fn the_list_of_a_realms_branches_names_every_kind_of_key() {
    let realm = RealmId::from("r");
    let branches = serde_json::to_string(&key::branches_of_realm(&realm)).unwrap();
    let source = include_str!("../../src/store/key.rs");
    let kinds: std::collections::BTreeSet<_> = source
        .lines()
        .filter(|line| line.trim_start().starts_with("Key::new(&[") || line.trim_start().starts_with("Counter::new(&["))
        .flat_map(|line| line.split("realm.as_str()").next().unwrap().split('"').skip(1).step_by(2))
        .filter(|kind| !["realm", "realm.name", "meta", "key_check", "job", "lease", ""].contains(kind))
        .collect();
    assert!(kinds.len() > 20, "{kinds:?}");
    for kind in kinds {
        let named = [format!("\"{kind}/r/\""), format!("\"{kind}/r\"")].iter().any(|prefix| branches.contains(prefix));
        assert!(named, "deleting a realm leaves keys of kind {kind}");
    }
}

/// A job that counts to 5 and whose process is killed in the middle of its third step.
fn counting(steps: &Arc<AtomicUsize>, fails_at: usize) -> Body {
    let steps = Arc::clone(steps);
    Arc::new(move |_, job| {
        let steps = Arc::clone(&steps);
        async move {
            let cursor = job.cursor.as_u64().unwrap_or(0);
            if steps.fetch_add(1, Ordering::SeqCst) == fails_at {
                return Err(StoreError::Failed("killed".to_owned()));
            }
            Ok(if cursor == 4 { Progress::Done } else { Progress::Next(json!(cursor + 1)) })
        }
        .boxed()
    })
}

#[tokio::test]
async fn a_job_goes_on_where_a_dead_process_left_it() {
    let store = Store::memory();
    let clock = SettableClock::at(Timestamp(0));
    commit(&store, |txn| txn.add_job("count", &Job { kind: "count".to_owned(), input: Value::Null, cursor: Value::Null }))
        .await
        .unwrap();
    let steps = Arc::new(AtomicUsize::new(0));
    jobs(&store, 1).with("count", counting(&steps, 2)).run_pending(&clock).await.unwrap_err();
    assert_eq!(steps.load(Ordering::SeqCst), 3);

    let second = jobs(&store, 2).with("count", counting(&steps, usize::MAX));
    assert_eq!(second.run_pending(&clock).await.unwrap(), 0, "the first may still be at it");
    assert_eq!(steps.load(Ordering::SeqCst), 3);
    clock.advance_seconds(30);
    assert_eq!(second.run_pending(&clock).await.unwrap(), 1);
    assert_eq!(steps.load(Ordering::SeqCst), 6, "the unfinished step again, then two more");
    assert_eq!(jobs(&store, 3).run_pending(&clock).await.unwrap(), 0);
}

#[tokio::test]
async fn a_job_that_nobody_knows_waits() {
    let store = Store::memory();
    let clock = SettableClock::at(Timestamp(0));
    commit(&store, |txn| txn.add_job("x", &Job { kind: "of a newer version".to_owned(), input: Value::Null, cursor: Value::Null }))
        .await
        .unwrap();
    assert_eq!(jobs(&store, 1).run_pending(&clock).await.unwrap(), 0);
    assert_eq!(store.peek().scan(&key::jobs(), None, 10).await.unwrap().len(), 1);
}

async fn take(store: &Store, owner: &str, now: Timestamp) -> bool {
    store
        .configuration::<_, StoreError, _>(|txn| Box::pin(lease::take(txn, "snapshot", owner, now, 10)))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_lease_has_one_owner_until_it_ends_or_is_given_back() {
    let store = Store::memory();
    assert!(take(&store, "a", Timestamp(0)).await);
    assert!(!take(&store, "b", Timestamp(9_999)).await);
    assert!(take(&store, "a", Timestamp(9_999)).await, "renewed");
    assert!(!take(&store, "b", Timestamp(10_000)).await);
    assert!(take(&store, "b", Timestamp(19_999)).await);
    for owner in ["a", "b"] {
        store.configuration::<_, StoreError, _>(|txn| Box::pin(lease::release(txn, "snapshot", owner))).await.unwrap();
    }
    assert!(take(&store, "a", Timestamp(19_999)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_reach_for_a_lease_one_gets_it() {
    let store = Store::memory();
    let tasks: Vec<_> = (0..32)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { take(&store, &number.to_string(), Timestamp(0)).await })
        })
        .collect();
    let mut owners = 0;
    for task in tasks {
        owners += usize::from(task.await.unwrap());
    }
    assert_eq!(owners, 1);
}

/// The tombstone and the job are one commit on sled, and a restart between two steps changes nothing.
#[tokio::test]
async fn a_deletion_goes_on_after_a_restart() {
    use keywright::store::sled::{Integrity, Options, Sled};
    let directory = tempfile::tempdir().unwrap();
    let open = || Sled::open(&Options::at(directory.path())).unwrap();
    let realm = {
        let store = Store::on_sled(open());
        let realm = filled_realm(&store, "doomed").await;
        bury(&store, &realm).await;
        realm
    };
    let engine = open();
    let store = Store::on_sled(engine.clone());
    assert_eq!(store.peek().realms().list().await.unwrap(), []);
    assert_eq!(jobs(&store, 1).run_pending(&SettableClock::at(Timestamp(0))).await.unwrap(), 1);
    assert_eq!(keys(&engine).await, [] as [&str; 0]);
    commit(&store, |txn| txn.realms().insert(&realm)).await.unwrap();
    assert_eq!(engine.checked().await, Integrity::Sound);
}
