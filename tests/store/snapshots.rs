//! Snapshots: consistent while commits go on, regular, restorable, and honest about what they are not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use keywright::base::clock::Timestamp;
use keywright::base::id::{RealmId, RoleId};
use keywright::model::realm::Realm;
use keywright::model::user::User;
use keywright::store::sled::{Options, Sled};
use keywright::store::snapshot::{self, SnapshotError};
use keywright::store::txn::Reader as _;
use keywright::store::{Store, StoreError};
use tempfile::tempdir;

const NOON: Timestamp = Timestamp(1_763_812_800_000);

fn store(directory: &Path) -> (Store, Sled) {
    let engine = Sled::open(&Options::at(directory)).unwrap();
    (Store::on_sled(engine.clone()), engine)
}

fn user(name: &str) -> User {
    serde_json::from_value(serde_json::json!({ "id": name, "username": name, "enabled": true, "createdTimestamp": 0 })).unwrap()
}

async fn insert(store: &Store, names: &[String]) {
    let realm = &RealmId::from("r");
    store
        .configuration::<_, StoreError, _>(|txn| {
            for name in names {
                txn.users().insert(realm, &user(name), false);
            }
            Box::pin(async { Ok(()) })
        })
        .await
        .unwrap();
}

async fn rename(store: &Store, from: &str, to: &str) {
    let realm = &RealmId::from("r");
    store
        .configuration::<_, StoreError, _>(|txn| {
            let (old, new) = (user(from), User { username: to.to_owned(), ..user(from) });
            txn.users().put(realm, &old, &new, false);
            Box::pin(async { Ok(()) })
        })
        .await
        .unwrap();
}

/// Records with their index keys, restored elsewhere, large ones among them.
#[tokio::test]
async fn a_snapshot_restores_everything_into_an_empty_store() {
    let (directory, target) = (tempdir().unwrap(), tempdir().unwrap());
    let (store, engine) = store(directory.path());
    insert(&store, &(0..1_200).map(|number| format!("u{number:04}")).collect::<Vec<_>>()).await;
    let mut realm = Realm::new(RealmId::from("r"), "first", RoleId::from("x"));
    realm.attributes.insert("large".to_owned(), "x".repeat(20_000));
    store
        .configuration::<_, StoreError, _>(|txn| {
            txn.realms().insert(&realm);
            Box::pin(async { Ok(()) })
        })
        .await
        .unwrap();

    let path = snapshot::take(&engine, &directory.path().join("snapshots"), NOON).unwrap();
    assert!(path.file_name().unwrap().to_str().unwrap().starts_with("configuration-2025-11-22T12-00-00Z-"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let (restored, _) = self::store(target.path());
    assert_eq!(restored.restore(&path).await.unwrap(), 2 * 1_200 + 2);
    assert_eq!(restored.peek().realms().by_name("first").await.unwrap(), Some(realm));
    for number in [0, 499, 500, 1_199] {
        let name = format!("u{number:04}");
        assert_eq!(restored.peek().users().by_username(&RealmId::from("r"), &name).await.unwrap(), Some(user(&name)));
    }
}

/// Users are renamed in both directions of the copy's way while it is made: every name in it has its user and the other way round.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_snapshot_is_of_one_moment_while_commits_go_on() {
    let directory = tempdir().unwrap();
    let (store, engine) = store(directory.path());
    insert(&store, &(0..3_000).map(|number| format!("u{number:04}")).collect::<Vec<_>>()).await;
    let renaming = {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..400 {
                let from = format!("u{:04}", (number * 7) % 3_000);
                let to = if number % 2 == 0 { format!("a{number}") } else { format!("z{number}") };
                rename(&store, &from, &to).await;
            }
        })
    };
    let mut snapshots = 0;
    while !renaming.is_finished() {
        let (engine, target) = (engine.clone(), directory.path().join("snapshots"));
        let path = tokio::task::spawn_blocking(move || snapshot::take(&engine, &target, NOON).unwrap()).await.unwrap();
        snapshots += 1;
        let restored = Store::memory();
        assert_eq!(restored.restore(&path).await.unwrap(), 2 * 3_000);
        let realm = RealmId::from("r");
        for user in restored.peek().users().list(&realm, None, 5_000).await.unwrap() {
            let found = restored.peek().users().by_username(&realm, &user.username).await.unwrap();
            assert_eq!(found.map(|found| found.id), Some(user.id), "{}", user.username);
        }
    }
    renaming.await.unwrap();
    assert!(snapshots > 0);
}

#[tokio::test]
async fn a_snapshot_is_due_after_an_hour_if_something_changed_and_old_ones_go() {
    let directory = tempdir().unwrap();
    let (store, _) = store(directory.path());
    let snapshots = directory.path().join("snapshots");
    insert(&store, &["a".to_owned()]).await;
    assert!(store.snapshot_if_due(&snapshots, NOON).await.unwrap().is_some(), "there is none yet");
    assert_eq!(store.snapshot_if_due(&snapshots, NOON + 7_200).await.unwrap(), None, "nothing changed");
    insert(&store, &["b".to_owned()]).await;
    assert_eq!(store.snapshot_if_due(&snapshots, NOON + 3_599).await.unwrap(), None, "the newest is young");
    for hour in 1..12 {
        insert(&store, &[format!("c{hour}")]).await;
        assert!(store.snapshot_if_due(&snapshots, NOON + hour * 3_600).await.unwrap().is_some());
    }
    let mut names: Vec<_> = fs::read_dir(&snapshots).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names.len(), 8, "{names:?}");
    assert!(names[7].contains("T23-00-00Z"), "{names:?}");

    assert_eq!(Store::memory().snapshot_if_due(&snapshots, NOON + 100_000).await.unwrap(), None);
}

#[tokio::test]
async fn a_damaged_snapshot_is_refused_before_anything_is_written() {
    let directory = tempdir().unwrap();
    let (store, engine) = store(directory.path());
    insert(&store, &["jane".to_owned()]).await;
    let path = snapshot::take(&engine, directory.path(), NOON).unwrap();
    let whole = fs::read(&path).unwrap();
    let restored = Store::memory();

    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        // The newline at the end is no loss.
        if cut + 1 < whole.len() {
            let error = restored.restore(&path).await.unwrap_err();
            assert!(matches!(error, SnapshotError::Damaged { .. }), "{error}");
        }
    }
    for byte in 0..whole.len() - 1 {
        let mut flipped = whole.clone();
        flipped[byte] ^= 1;
        fs::write(&path, flipped).unwrap();
        restored.restore(&path).await.expect_err("a flipped bit");
    }
    let newer = String::from_utf8(whole).unwrap().replacen(":1,", ":2,", 1);
    fs::write(&path, newer).unwrap();
    let error = restored.restore(&path).await.unwrap_err().to_string();
    assert!(error.contains("was written by a newer version of Keywright (snapshot format 2)"), "{error}");
    assert!(restored.restore(&directory.path().join("none")).await.unwrap_err().to_string().contains("cannot be read"));
    assert_eq!(restored.peek().users().list(&RealmId::from("r"), None, 1).await.unwrap(), []);
}
