//! What a deletion leaves for later: mentions of roles and groups in users, who may be too many for one transaction. Until the
//! job is done such a mention means nothing, because nothing has its id.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::base::id::{GroupId, OrganizationId, RealmId, RoleId, UserId};
use crate::store::job::{Job, Jobs, Progress, STEP};
use crate::store::txn::{Configuration, Reader as _, Txn};
use crate::store::{Store, StoreError};

use super::error::ManageError;
use super::organizations;

const FORGET: &str = "forget";
const DISBAND: &str = "disband";
/// Members that one step lets go: each is a document with its index keys.
const MEMBERS: usize = 100;

/// Teaches the jobs of this module to whoever runs jobs.
#[must_use]
pub fn register(jobs: Jobs) -> Jobs {
    let jobs = super::components::register(super::identity_links::register(super::import::register(jobs)));
    jobs.with(FORGET, Arc::new(|store, job| async move { step(&store, &job).await }.boxed()))
        .with(DISBAND, Arc::new(|store, job| async move { disband_step(&store, &job).await }.boxed()))
}

/// Leaves the members, groups and invitations of a deleted organization to be removed.
pub(super) fn disband(txn: &mut Txn<'_, Configuration>, realm: &RealmId, organization: &OrganizationId) {
    let input = json!({ "realm": realm, "organization": organization });
    txn.add_job(&format!("{DISBAND} {realm} {organization}"), &Job { kind: DISBAND.to_owned(), input, cursor: Value::Null });
}

/// Leaves the users of a realm to be looked through; `deleted` is the id of what was deleted.
pub(super) fn forget(txn: &mut Txn<'_, Configuration>, realm: &RealmId, deleted: &str) {
    let job = Job { kind: FORGET.to_owned(), input: json!({ "realm": realm }), cursor: Value::Null };
    txn.add_job(&format!("{FORGET} {realm} {deleted}"), &job);
}

/// Looks through some users, from where the last step ended.
async fn step(store: &Store, job: &Job) -> Result<Progress, StoreError> {
    let realm = RealmId::from(job.input["realm"].as_str().unwrap_or_default());
    let (realm, after) = (&realm, job.cursor.as_str().map(UserId::from));
    let after = after.as_ref();
    let last = store.configuration(|txn| Box::pin(forget_some(txn, realm, after))).await?;
    Ok(last.map_or(Progress::Done, |last| Progress::Next(json!(last))))
}

/// The last user that was looked at; `None` when there are no more.
async fn forget_some(txn: &mut Txn<'_, Configuration>, realm: &RealmId, after: Option<&UserId>) -> Result<Option<UserId>, StoreError> {
    let users = txn.users().list(realm, after, STEP).await?;
    let mut roles: HashMap<RoleId, bool> = HashMap::new();
    let mut groups: HashMap<GroupId, bool> = HashMap::new();
    for user in &users {
        for id in unknown(&roles, &user.roles) {
            roles.insert(id.clone(), txn.roles().get(realm, &id).await?.is_some());
        }
        for id in unknown(&groups, &user.groups) {
            groups.insert(id.clone(), txn.groups().get(realm, &id).await?.is_some());
        }
        if user.roles.iter().all(|id| roles[id]) && user.groups.iter().all(|id| groups[id]) {
            continue;
        }
        // The list is a peek: read again, as part of the transaction. Ids that appeared meanwhile are somebody's fresh gift.
        let Some(old) = txn.users().get(realm, &user.id).await? else { continue };
        let mut user = old.clone();
        user.roles.retain(|id| roles.get(id).copied().unwrap_or(true));
        user.groups.retain(|id| groups.get(id).copied().unwrap_or(true));
        // Only an address that changes is written, so whether it must be unique does not matter.
        txn.users().put(realm, &old, &user, false);
    }
    Ok(if users.len() < STEP { None } else { users.last().map(|user| user.id.clone()) })
}

fn unknown<T: Clone + Eq + Hash>(known: &HashMap<T, bool>, ids: &[T]) -> Vec<T> {
    ids.iter().filter(|id| !known.contains_key(id)).cloned().collect()
}

/// Lets some members go, then removes what is left. The cursor counts steps only: who was let go is not found again.
async fn disband_step(store: &Store, job: &Job) -> Result<Progress, StoreError> {
    let text = |name: &str| job.input[name].as_str().unwrap_or_default();
    let (realm, organization) = (&RealmId::from(text("realm")), &OrganizationId::from(text("organization")));
    let members = store.peek().organizations().members(realm, organization, None, MEMBERS).await?;
    let members = &members;
    let done = store.configuration(|txn| Box::pin(disband_some(txn, realm, organization, members))).await?;
    Ok(if done { Progress::Done } else { Progress::Next(json!(job.cursor.as_u64().unwrap_or(0) + 1)) })
}

/// Whether nothing is left.
async fn disband_some(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    organization: &OrganizationId,
    members: &[(String, UserId)],
) -> Result<bool, StoreError> {
    if members.is_empty() {
        return txn.organizations().clear(realm, organization, STEP / 4).await;
    }
    for (username, id) in members {
        let Some(user) = txn.users().get(realm, id).await?.filter(|user| organizations::membership(user, organization).is_some()) else {
            // Nobody is behind it: it must not be found again.
            txn.organizations().strike(realm, organization, username);
            continue;
        };
        match organizations::part(txn, realm, organization, &user).await {
            Ok(()) => {}
            Err(ManageError::Store(error)) => return Err(error),
            Err(refusal) => return Err(StoreError::Failed(refusal.to_string())),
        }
    }
    Ok(false)
}
