//! Leases: who of many processes does something that only one may do. A lease ends by itself, so a process that died holds
//! nobody up for longer than its term.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;

use super::StoreError;
use super::key;
use super::txn::{Configuration, Reader as _, Txn};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    pub owner: String,
    pub until: Timestamp,
}

/// Takes or renews the lease `name` for that many seconds; false while somebody else has it. Of concurrent callers one gets it:
/// the others' commits conflict.
pub async fn take(txn: &mut Txn<'_, Configuration>, name: &str, owner: &str, now: Timestamp, seconds: i64) -> Result<bool, StoreError> {
    let key = key::lease(name);
    if let Some(lease) = txn.read(&key).await?
        && lease.owner != owner
        && lease.until > now
    {
        return Ok(false);
    }
    txn.put(&key, &Lease { owner: owner.to_owned(), until: now + seconds });
    Ok(true)
}

/// Gives the lease back, if `owner` has it.
pub async fn release(txn: &mut Txn<'_, Configuration>, name: &str, owner: &str) -> Result<(), StoreError> {
    let key = key::lease(name);
    if txn.read(&key).await?.is_some_and(|lease| lease.owner == owner) {
        txn.delete(&key);
    }
    Ok(())
}

/// Ends a lease whoever has it, because what it was about is over.
pub fn forget(txn: &mut Txn<'_, Configuration>, name: &str) {
    txn.delete(&key::lease(name));
}
