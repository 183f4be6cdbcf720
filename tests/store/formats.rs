//! Data of every format that was ever written stays readable: `tests/fixtures/store/` has a specimen of each.

use std::path::PathBuf;

use keywright::base::clock::Timestamp;
use keywright::base::id::{RealmId, RoleId};
use keywright::model::single_use::SingleUse;
use keywright::model::user::User;
use keywright::store::snapshot::SnapshotError;
use keywright::store::txn::Reader as _;
use keywright::store::{Store, value};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store").join(name)
}

#[test]
fn values_of_format_1_are_read() {
    let user: User = value::decode(b"user/r/u-1", &std::fs::read(fixture("value-1.bin")).unwrap()).unwrap();
    assert_eq!((&*user.username, user.created, &*user.roles), ("jane", Timestamp(1_763_769_600_000), &[RoleId::from("r-1")][..]));

    let bytes = std::fs::read(fixture("value-1-expiring.bin")).unwrap();
    let mark: SingleUse = value::decode(b"single_use/r/revoked/j-1", &bytes).unwrap();
    assert_eq!((mark.at, value::expires_at(&bytes)), (Timestamp(1_763_769_600_000), Some(Timestamp(1_763_773_200_000))));

    let bytes = std::fs::read(fixture("value-1-tombstone.bin")).unwrap();
    assert!(value::is_tombstone(&bytes));
    assert_eq!(bytes, value::tombstone(b"realm/r"));
}

#[test]
fn what_is_written_today_is_format_1() {
    let bytes = std::fs::read(fixture("value-1-expiring.bin")).unwrap();
    let mark = SingleUse { at: Timestamp(1_763_769_600_000) };
    let written = value::encode(b"single_use/r/revoked/j-1", &mark, Some(Timestamp(1_763_773_200_000))).unwrap();
    assert_eq!(written, bytes, "a change of the encoding needs a new format number and a new fixture");
}

#[tokio::test]
async fn snapshots_of_format_1_are_restored() {
    let store = Store::memory();
    assert_eq!(store.restore(&fixture("snapshot-1.ndjson")).await.unwrap(), 3);
    let realm = RealmId::from("r");
    assert_eq!(store.peek().users().by_username(&realm, "jane").await.unwrap().unwrap().email.unwrap(), "jane@example.test");
    assert_eq!(store.peek().realms().get(&RealmId::from("gone")).await.unwrap(), None);
    assert!(matches!(store.restore(&fixture("snapshot-1.ndjson")).await, Err(SnapshotError::NotEmpty)));
}
