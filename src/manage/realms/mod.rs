//! Realms: creation with everything that Keycloak puts into a new one, settings, switching off.

mod administration;
mod fresh;
mod settings;

use serde_json::{Map, Value};

use crate::base::env::Env;
use crate::base::id::RealmId;
use crate::base::seal::{CannotOpen, Sealer};
use crate::model::component::Component;
use crate::model::realm::Realm;
use crate::model::user_profile::UserProfile;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::defaults::{self, clients as client_tables};
use super::error::ManageError;
use administration::rename_administration_client;
use fresh::Fresh;

pub use administration::give_all_roles_over;
pub(super) use administration::{add_administration_client, settle_administration_clients};
pub(super) use fresh::{Contents, default_role_name, usual_contents};
pub(super) use settings::{NO_SETTINGS, apply, same_mail_account};

/// Settings by their names in Keycloak's `RealmRepresentation`. Names that are no settings are ignored.
pub type Settings = Map<String, Value>;

/// A realm to create.
#[derive(Clone, Debug, Default)]
pub struct NewRealm {
    pub name: String,
    /// A fresh one if absent.
    pub id: Option<RealmId>,
    /// What differs from the defaults. A realm is disabled unless `enabled` says otherwise.
    pub settings: Settings,
}

impl NewRealm {
    /// A realm that can be used at once, with default settings.
    pub fn enabled(name: &str) -> Self {
        let settings = Map::from_iter([("enabled".to_owned(), Value::Bool(true))]);
        Self { name: name.to_owned(), id: None, settings }
    }
}

/// What stands for a stored secret in a representation; writing it back keeps the secret.
pub const MASK: &str = "**********";

/// Creates a realm with its built-in roles, clients, client scopes, flows, required actions, user profile and registration
/// policies, and in master the client that administers it. `keys` are its key providers: making them takes long, so it happens
/// before ([`crate::keyring::default_providers`], with the id of `new`).
///
/// # Errors
/// The name or id is taken or not allowed, a setting has the wrong type.
pub async fn create(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    new: &NewRealm,
    keys: &[Component],
) -> Result<Realm, ManageError> {
    check_name(&new.name)?;
    let id = new.id.clone().unwrap_or_else(|| RealmId::random(env.random()));
    check_id(id.as_str())?;
    if txn.realms().by_name(&new.name).await?.is_some() || txn.realms().get(&id).await?.is_some() {
        return Err(ManageError::realm_exists(&new.name));
    }

    note_key(txn, sealer).await?;
    let fresh = Fresh::new(env, id, &new.name);
    let (realm, mut contents) = fresh.realm_with_contents();
    let realm = apply(&realm, &new.settings, env, sealer)?;
    if realm.is_master() {
        contents.add_master_roles(env.random());
    }
    contents.write(txn, &realm.id);
    txn.realms().insert(&realm);
    txn.authentication().put(&realm.id, &defaults::authentication::all(env.random(), realm.is_master()));
    txn.user_profiles().put(&realm.id, &defaults::user_profile::profile(realm.is_master()));
    for component in keys.iter().chain(&defaults::components::registration_policies(env.random())) {
        txn.components().insert(&realm.id, component);
    }
    add_administration_client(txn, env, &realm.name).await?;
    Ok(realm)
}

/// Changes settings; what `settings` does not name stays. A new `realm` renames it.
///
/// # Errors
/// No such realm, the new name is taken, a setting has the wrong type.
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    id: &RealmId,
    settings: &Settings,
) -> Result<Realm, ManageError> {
    let old = existing(txn, id).await?;
    let mut realm = apply(&old, settings, env, sealer)?;
    if let Some(Value::String(name)) = settings.get("realm").filter(|name| **name != old.name) {
        check_name(name)?;
        if txn.realms().by_name(name).await?.is_some() {
            return Err(ManageError::realm_name_taken());
        }
        rename_administration_client(txn, &old.name, name).await?;
        realm.name.clone_from(name);
    }
    check_flows(txn, &realm).await?;
    txn.realms().put(&old, &realm);
    Ok(realm)
}

/// Deletes a realm: at once for everybody who looks, its contents in the background. Its name is free from then on, its id when
/// the work is done.
///
/// # Errors
/// No such realm, or master.
pub async fn delete(txn: &mut Txn<'_, Configuration>, id: &RealmId) -> Result<(), ManageError> {
    let realm = existing(txn, id).await?;
    if realm.is_master() {
        return Err(ManageError::master_realm());
    }
    if let Some(master) = txn.realms().by_name(Realm::MASTER).await? {
        let client_id = client_tables::administration_client_id(&realm.name);
        if let Some(client) = txn.clients().by_client_id(&master.id, &client_id).await? {
            super::clients::remove(txn, &master.id, &client).await?;
        }
    }
    txn.realms().delete(&realm);
    Ok(())
}

/// Switches a realm on or off. A realm that is off answers nothing but refusals.
///
/// # Errors
/// No such realm.
pub async fn set_enabled(txn: &mut Txn<'_, Configuration>, id: &RealmId, enabled: bool) -> Result<(), ManageError> {
    let old = existing(txn, id).await?;
    txn.realms().put(&old, &Realm { enabled, ..old.clone() });
    Ok(())
}

/// Refuses every token of the realm that was issued before this moment (whole seconds since 1970; 0 refuses none).
///
/// # Errors
/// No such realm.
pub async fn set_not_before(txn: &mut Txn<'_, Configuration>, id: &RealmId, not_before: i64) -> Result<(), ManageError> {
    let old = existing(txn, id).await?;
    txn.realms().put(&old, &Realm { not_before, ..old.clone() });
    Ok(())
}

/// Replaces the user profile configuration.
///
/// # Errors
/// No such realm; the configuration lacks an attribute that every user has, has one twice, or names an unknown validator.
pub async fn set_user_profile(txn: &mut Txn<'_, Configuration>, id: &RealmId, profile: &UserProfile) -> Result<(), ManageError> {
    existing(txn, id).await?;
    profile.check().map_err(|problem| ManageError::user_profile(&problem))?;
    txn.user_profiles().put(id, profile);
    Ok(())
}

/// Switches a required action on or off, and says whether every new user gets it.
///
/// # Errors
/// No such action.
pub async fn set_required_action(
    txn: &mut Txn<'_, Configuration>,
    id: &RealmId,
    alias: &str,
    enabled: bool,
    default_action: bool,
) -> Result<(), ManageError> {
    let mut authentication = txn.authentication().get(id).await?;
    let action = authentication
        .required_actions
        .iter_mut()
        .find(|action| action.alias == alias)
        .ok_or_else(ManageError::no_required_action)?;
    (action.enabled, action.default_action) = (enabled, default_action);
    txn.authentication().put(id, &authentication);
    Ok(())
}

/// A realm is the first thing with secrets in it: from now on the store opens only with the key that they are sealed under.
pub(super) async fn note_key(txn: &mut Txn<'_, Configuration>, sealer: &Sealer) -> Result<(), ManageError> {
    if let Some(stored) = txn.key_check().get().await? {
        return sealer.check(&stored).map_err(|_| ManageError::Sealed(CannotOpen));
    }
    txn.key_check().insert(&sealer.check_value());
    Ok(())
}

/// The realm, as part of the transaction.
pub(super) async fn existing(txn: &mut Txn<'_, Configuration>, id: &RealmId) -> Result<Realm, ManageError> {
    txn.realms().get(id).await?.ok_or_else(ManageError::no_realm)
}

/// A name stands in every URL of the realm, so it must not contain what has a meaning there (RFC 3986 §2.2).
///
/// # Errors
/// It is empty, too long, or has such a character.
pub fn check_name(name: &str) -> Result<(), ManageError> {
    if name.trim().is_empty() {
        return Err(ManageError::realm_name_missing());
    }
    if name.len() > 255 {
        return Err(ManageError::too_large("Realm name"));
    }
    let reserved = |c: &char| ":/?#@!$&()*+,;=[]\\%".contains(*c) || c.is_control();
    match name.chars().find(reserved) {
        Some(character) => Err(ManageError::reserved_character(character)),
        None if name == "." || name == ".." => Err(ManageError::reserved_character('.')),
        None => Ok(()),
    }
}

/// An id is a part of keys and URLs. Ours are UUIDs; a given one may be any short text of unreserved characters (RFC 3986 §2.3).
pub(super) fn check_id(id: &str) -> Result<(), ManageError> {
    if id.is_empty() || id.len() > 64 {
        return Err(ManageError::too_large("Id"));
    }
    match id.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.' | '~')) {
        Some(character) => Err(ManageError::reserved_character(character)),
        None => Ok(()),
    }
}

/// Every flow that the realm is bound to must exist.
async fn check_flows(txn: &mut Txn<'_, Configuration>, realm: &Realm) -> Result<(), ManageError> {
    let authentication = txn.authentication().get(&realm.id).await?;
    match bound_flows(realm)
        .into_iter()
        .find(|alias| authentication.flow_by_alias(alias).is_none_or(|flow| !flow.top_level))
    {
        Some(alias) => Err(ManageError::realm_settings(&format!("there is no flow {alias}"))),
        None => Ok(()),
    }
}

/// The aliases of the flows that the realm is bound to.
pub(super) fn bound_flows(realm: &Realm) -> [&str; 7] {
    [
        &realm.browser_flow,
        &realm.registration_flow,
        &realm.direct_grant_flow,
        &realm.reset_credentials_flow,
        &realm.client_authentication_flow,
        &realm.docker_authentication_flow,
        &realm.first_broker_login_flow,
    ]
}

/// The same, to be changed.
pub(super) fn bound_flows_mut(realm: &mut Realm) -> [&mut String; 7] {
    [
        &mut realm.browser_flow,
        &mut realm.registration_flow,
        &mut realm.direct_grant_flow,
        &mut realm.reset_credentials_flow,
        &mut realm.client_authentication_flow,
        &mut realm.docker_authentication_flow,
        &mut realm.first_broker_login_flow,
    ]
}
