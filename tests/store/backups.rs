//! Backups of a store that is written to: each class comes back as it was at one commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keywright::base::clock::Timestamp;
use keywright::base::id::RealmId;
use keywright::model::single_use::SingleUse;
use keywright::store::backup::{self, BackupError};
use keywright::store::sled::{Options, Sled};
use keywright::store::txn::{Reader as _, Sessions, Txn};
use keywright::store::{Store, StoreError};

const FAR: Timestamp = Timestamp::from_seconds(4_000_000_000);
/// Documents that every commit writes together.
const TOGETHER: usize = 40;

/// One commit that gives all documents the same number.
async fn number(txn: &mut Txn<'_, Sessions>, realm: &RealmId, number: i64) -> Result<(), StoreError> {
    for name in 0..TOGETHER {
        // Far apart in key order, so that a copy reaches them at different times.
        let id = format!("{name:03}-{}", "x".repeat(name * 20));
        txn.single_use().get(realm, "number", &id).await?;
        txn.put_until(&keywright::store::key::single_use(realm, "number", &id), &SingleUse { at: Timestamp(number) }, FAR);
    }
    Ok(())
}

async fn numbers(store: &Store, realm: &RealmId) -> Vec<i64> {
    let mut numbers = Vec::new();
    for name in 0..TOGETHER {
        let id = format!("{name:03}-{}", "x".repeat(name * 20));
        numbers.extend(store.peek().single_use().get(realm, "number", &id).await.expect("it can be read").map(|found| found.at.0));
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_writes_is_one_commits_state_and_has_all_that_was_acknowledged_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::on_sled(Sled::open(&Options::at(directory.path().join("old"))).expect("it opens"));
    let realm = RealmId::from("r");
    // Enough in between that a copy takes many steps.
    for filler in 0..40 {
        let realm = &realm;
        let fill = store.sessions(|txn| {
            for number in 0..100 {
                let key = keywright::store::key::single_use(realm, "filler", &format!("{filler:02}-{number:03}"));
                txn.put_until(&key, &SingleUse { at: Timestamp(0) }, FAR);
            }
            Box::pin(std::future::ready(Ok::<_, StoreError>(())))
        });
        fill.await.expect("a commit");
    }
    let (acknowledged, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let writer = {
        let (store, realm, acknowledged, stop) = (store.clone(), realm.clone(), Arc::clone(&acknowledged), Arc::clone(&stop));
        tokio::spawn(async move {
            let realm = &realm;
            for value in 1.. {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                store.sessions(|txn| Box::pin(number(txn, realm, value))).await.expect("a commit");
                acknowledged.store(value.unsigned_abs(), Ordering::SeqCst);
            }
        })
    };
    while acknowledged.load(Ordering::SeqCst) < 3 {
        tokio::task::yield_now().await;
    }
    for round in 0..4 {
        let path = directory.path().join(format!("backup-{round}"));
        let before = acknowledged.load(Ordering::SeqCst);
        let file = std::io::BufWriter::new(std::fs::File::create(&path).expect("a file"));
        let (taken, file) = store.backup(file, true, Timestamp(7)).await.expect("a backup");
        drop(file);
        let read = backup::verify(&path).expect("it is whole");
        assert_eq!((read.taken, read.bytes, read.classes.len()), (taken.taken, taken.bytes, 2));

        let new = Store::on_sled(Sled::open(&Options::at(directory.path().join(format!("new-{round}")))).expect("it opens"));
        new.restore_backup(&path).await.expect("it is restored");
        let found = numbers(&new, &realm).await;
        assert_eq!(found.len(), TOGETHER);
        assert!(found.iter().all(|number| *number == found[0]), "a commit is torn: {found:?}");
        assert!(found[0].unsigned_abs() >= before, "{} was acknowledged before the backup, {} is in it", before, found[0]);
        assert!(matches!(new.restore_backup(&path).await, Err(BackupError::NotEmpty)));
        new.close().await;
    }
    stop.store(true, Ordering::SeqCst);
    writer.await.expect("the writer ends");
}

#[tokio::test]
async fn memory_has_nothing_to_back_up() {
    let refused = Store::memory().backup(Vec::new(), true, Timestamp(0)).await;
    assert!(matches!(refused, Err(BackupError::NothingToKeep)));
}
