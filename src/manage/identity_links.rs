//! The accounts elsewhere that a user is linked with: one per provider. A provider that is deleted takes them along; of a realm
//! with many users a job does that.

use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::base::id::{RealmId, UserId};
use crate::model::identity_provider::IdentityLink;
use crate::store::job::{Job, Jobs, Progress, STEP};
use crate::store::txn::{Configuration, Reader as _, Txn};
use crate::store::{Store, StoreError};

use super::error::ManageError;
use super::users;

const UNLINK: &str = "unlink";

/// Teaches the job of this module to whoever runs jobs.
#[must_use]
pub(super) fn register(jobs: Jobs) -> Jobs {
    jobs.with(UNLINK, Arc::new(|store, job| async move { step(&store, &job).await }.boxed()))
}

/// Links a user with an account at a provider.
///
/// # Errors
/// No such user, or he is linked with that provider already.
pub async fn add(txn: &mut Txn<'_, Configuration>, realm: &RealmId, user: &UserId, link: &IdentityLink) -> Result<(), ManageError> {
    users::existing(txn, realm, user).await?;
    let mut links = txn.identity_providers().links(realm, user).await?;
    if links.accounts.iter().any(|known| known.identity_provider == link.identity_provider) {
        return Err(ManageError::already_linked());
    }
    links.accounts.push(link.clone());
    txn.identity_providers().put_links(realm, user, &links);
    Ok(())
}

/// Takes a link away.
///
/// # Errors
/// No such user or link.
pub async fn remove(txn: &mut Txn<'_, Configuration>, realm: &RealmId, user: &UserId, provider: &str) -> Result<(), ManageError> {
    users::existing(txn, realm, user).await?;
    let mut links = txn.identity_providers().links(realm, user).await?;
    let before = links.accounts.len();
    links.accounts.retain(|link| link.identity_provider != provider);
    if links.accounts.len() == before {
        return Err(ManageError::no_link());
    }
    txn.identity_providers().put_links(realm, user, &links);
    Ok(())
}

/// Removes every link to a provider that is gone: those of the first users at once, those of the others by a job.
pub(super) async fn forget_provider(txn: &mut Txn<'_, Configuration>, realm: &RealmId, alias: &str) -> Result<(), ManageError> {
    if let Some(last) = unlink_some(txn, realm, alias, None).await? {
        let job = Job { kind: UNLINK.to_owned(), input: json!({ "realm": realm, "provider": alias }), cursor: json!(last) };
        txn.add_job(&job_id(realm, alias), &job);
    }
    Ok(())
}

/// Whether links to a provider that is gone are still being removed.
pub(super) async fn is_forgetting(txn: &mut Txn<'_, Configuration>, realm: &RealmId, alias: &str) -> Result<bool, StoreError> {
    Ok(txn.job(&job_id(realm, alias)).await?.is_some())
}

fn job_id(realm: &RealmId, alias: &str) -> String {
    format!("{UNLINK} {realm} {alias}")
}

/// Looks through some users, from where the last step ended.
async fn step(store: &Store, job: &Job) -> Result<Progress, StoreError> {
    let text = |name: &str| job.input[name].as_str().unwrap_or_default().to_owned();
    let (realm, alias, after) = (&RealmId::from(text("realm")), &text("provider"), job.cursor.as_str().map(UserId::from));
    let after = after.as_ref();
    let last = store.configuration(|txn| Box::pin(unlink_some(txn, realm, alias, after))).await?;
    Ok(last.map_or(Progress::Done, |last| Progress::Next(Value::from(last.to_string()))))
}

/// The last user that was looked at; `None` when there are no more.
async fn unlink_some(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    alias: &str,
    after: Option<&UserId>,
) -> Result<Option<UserId>, StoreError> {
    let linked = txn.peek().identity_providers().linked(realm, after, STEP).await?;
    for (user, _) in linked.iter().filter(|(_, links)| links.accounts.iter().any(|link| link.identity_provider == alias)) {
        let mut links = txn.identity_providers().links(realm, user).await?;
        links.accounts.retain(|link| link.identity_provider != alias);
        txn.identity_providers().put_links(realm, user, &links);
    }
    Ok(if linked.len() < STEP { None } else { linked.last().map(|(user, _)| user.clone()) })
}
