//! Components: key providers, registration policies, user federations, as data with checked types. Key providers come with
//! their keys made: that takes long and happens before the transaction ([`crate::keyring`]). What belongs to a component goes
//! with it, and so do the users that a federation brought.

pub mod user_storage;

use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::base::id::{ComponentId, RealmId, UserId};
use crate::model::catalogue::user_storage::{LDAP_MAPPER, LDAP_MAPPERS, USER_STORAGE};
use crate::model::component::{Component, KEY_PROVIDER};
use crate::store::job::{Job, Jobs, Progress};
use crate::store::txn::{Configuration, Reader as _, Txn};
use crate::store::{Store, StoreError};

use super::defaults::components::REGISTRATION_POLICY;
use super::error::ManageError;
use super::{realms, registration_policies};
use user_storage::Parting;

/// Configuration keys of user federations whose values are private: sealed at rest, never shown.
pub const FEDERATION_SECRETS: [&str; 1] = ["bindCredential"];

/// Every provider that a component can name.
const PROVIDERS: &[(&str, &[&str])] = &[
    (
        KEY_PROVIDER,
        &[
            "aes-generated",
            "ecdh-generated",
            "ecdsa-generated",
            "eddsa-generated",
            "hmac-generated",
            "java-keystore",
            "rsa",
            "rsa-enc",
            "rsa-enc-generated",
            "rsa-generated",
        ],
    ),
    (
        REGISTRATION_POLICY,
        &[
            "allowed-client-templates",
            "allowed-protocol-mappers",
            "client-disabled",
            "consent-required",
            "max-clients",
            "registration-web-origins",
            "scope",
            "trusted-hosts",
        ],
    ),
    (USER_STORAGE, &["kerberos", "ldap"]),
    ("org.keycloak.userprofile.UserProfileProvider", &["declarative-user-profile"]),
];

/// What one component's configuration may hold.
const MAX_VALUES: usize = 1000;
const MAX_VALUE: usize = 64 << 10;
/// What one realm may have: every key is parsed when the realm is compiled.
const MAX_COMPONENTS: usize = 1000;

const UNFEDERATE: &str = "unfederate";

/// Teaches the job of this module to whoever runs jobs.
#[must_use]
pub(super) fn register(jobs: Jobs) -> Jobs {
    jobs.with(UNFEDERATE, Arc::new(|store, job| async move { unfederate(&store, &job).await }.boxed()))
}

/// Creates a component. Its secrets are sealed already ([`Component::secret_identity`]).
///
/// # Errors
/// No such realm, type or provider; the id is taken; a priority is no number.
pub async fn create(txn: &mut Txn<'_, Configuration>, realm: &RealmId, component: &Component) -> Result<(), ManageError> {
    realms::existing(txn, realm).await?;
    realms::check_id(component.id.as_str())?;
    check(component)?;
    check_parent(txn, realm, component).await?;
    if txn.components().get(realm, &component.id).await?.is_some() {
        return Err(ManageError::component_config("Component with same id exists"));
    }
    if txn.components().list(realm).await?.len() >= MAX_COMPONENTS {
        return Err(ManageError::too_many("components"));
    }
    txn.components().insert(realm, component);
    Ok(())
}

/// Creates a component with what belongs to it.
///
/// # Errors
/// As [`create`].
pub async fn create_with_parts(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    component: &Component,
    parts: &[Component],
) -> Result<ComponentId, ManageError> {
    create(txn, realm, component).await?;
    for part in parts {
        check(part)?;
        txn.components().insert(realm, part);
    }
    Ok(component.id.clone())
}

/// Replaces a component, for example to retire a key (`active` false) or to lock it out (`enabled` false).
///
/// # Errors
/// No such component; otherwise as [`create`].
pub async fn update(txn: &mut Txn<'_, Configuration>, realm: &RealmId, component: &Component) -> Result<(), ManageError> {
    existing(txn, realm, &component.id).await?;
    check(component)?;
    check_parent(txn, realm, component).await?;
    txn.components().put(realm, component);
    Ok(())
}

/// As [`update`], if the component is still `old`: what the caller kept of it, its keys among that, is otherwise not what is there.
///
/// # Errors
/// [`ManageError::Overtaken`] if somebody changed it meanwhile; otherwise as [`update`].
pub async fn replace(txn: &mut Txn<'_, Configuration>, realm: &RealmId, old: &Component, component: &Component) -> Result<(), ManageError> {
    if existing(txn, realm, &old.id).await? != *old {
        return Err(ManageError::Overtaken);
    }
    update(txn, realm, component).await
}

/// Deletes a component and what belongs to it. Tokens that a deleted key signed are worth nothing from then on; users that a
/// deleted federation brought are deleted in the background.
///
/// # Errors
/// No such component.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ComponentId) -> Result<(), ManageError> {
    let component = existing(txn, realm, id).await?;
    for part in txn.components().list(realm).await? {
        if part.parent.as_ref() == Some(id) {
            txn.components().delete(realm, &part.id);
        }
    }
    txn.components().delete(realm, id);
    if component.provider_type == USER_STORAGE {
        let job = Job { kind: UNFEDERATE.to_owned(), input: json!({ "realm": realm, "federation": id }), cursor: Value::Null };
        txn.add_job(&format!("{UNFEDERATE} {realm} {id}"), &job);
    }
    Ok(())
}

/// Parts the users that a federation brought from it: the first of them at once, those of a large realm by a job.
///
/// # Errors
/// No such user federation.
pub async fn part_users(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ComponentId, parting: Parting) -> Result<(), ManageError> {
    if existing(txn, realm, id).await?.provider_type != USER_STORAGE {
        return Err(ManageError::no_component());
    }
    if let Some(last) = user_storage::part_some(txn, realm, id.as_str(), parting, None).await? {
        let input = json!({ "realm": realm, "federation": id, "stay": parting == Parting::Stay });
        txn.add_job(&format!("{UNFEDERATE} {realm} {id}"), &Job { kind: UNFEDERATE.to_owned(), input, cursor: json!(last) });
    }
    Ok(())
}

/// Looks through some users for those of a federation, from where the last step ended.
async fn unfederate(store: &Store, job: &Job) -> Result<Progress, StoreError> {
    let text = |name: &str| job.input[name].as_str().unwrap_or_default().to_owned();
    let (realm, federation, after) = (&RealmId::from(text("realm")), &text("federation"), job.cursor.as_str().map(UserId::from));
    let parting = if job.input["stay"] == true { Parting::Stay } else { Parting::Go };
    let after = after.as_ref();
    let last = store.configuration(|txn| Box::pin(user_storage::part_some(txn, realm, federation, parting, after))).await?;
    Ok(last.map_or(Progress::Done, |last| Progress::Next(json!(last))))
}

async fn existing(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ComponentId) -> Result<Component, ManageError> {
    txn.components().get(realm, id).await?.ok_or_else(ManageError::no_component)
}

/// A mapper belongs to its federation, anything else to the realm.
async fn check_parent(txn: &mut Txn<'_, Configuration>, realm: &RealmId, component: &Component) -> Result<(), ManageError> {
    let parent = match &component.parent {
        Some(parent) => Some(txn.components().get(realm, parent).await?.ok_or_else(ManageError::component_parent)?),
        None => None,
    };
    let belongs = parent.is_some_and(|parent| parent.provider_type == USER_STORAGE && parent.provider_id == "ldap");
    if belongs == (component.provider_type == LDAP_MAPPER) { Ok(()) } else { Err(ManageError::component_parent()) }
}

fn check(component: &Component) -> Result<(), ManageError> {
    if component.provider_type == LDAP_MAPPER {
        if !LDAP_MAPPERS.iter().any(|kind| kind.id == component.provider_id) {
            return Err(ManageError::component_provider());
        }
        check_size(component)?;
        return user_storage::check(component);
    }
    let providers = PROVIDERS.iter().find(|(kind, _)| *kind == component.provider_type).map(|(_, providers)| *providers);
    if !providers.is_some_and(|providers| providers.contains(&component.provider_id.as_str())) {
        return Err(ManageError::component_provider());
    }
    if component.value("priority").is_some_and(|text| text.parse::<i64>().is_err()) {
        return Err(ManageError::component_config("'Priority' should be a number"));
    }
    check_size(component)?;
    if component.provider_type == REGISTRATION_POLICY {
        return registration_policies::check(component);
    }
    user_storage::check(component)
}

fn check_size(component: &Component) -> Result<(), ManageError> {
    let (mut values, mut longest) = (0, component.name.len().max(component.sub_type.as_ref().map_or(0, String::len)));
    for (name, given) in &component.config {
        values += given.len();
        longest = given.iter().map(String::len).fold(longest.max(name.len()), usize::max);
    }
    if values > MAX_VALUES || longest > MAX_VALUE {
        return Err(ManageError::too_large("Configuration"));
    }
    Ok(())
}
