//! Which required actions a realm has, in which order, and which of them every new user gets.

use std::collections::BTreeMap;

use crate::base::id::RealmId;
use crate::manage::error::ManageError;
use crate::model::authentication::RequiredAction;
use crate::model::catalogue::required_action;
use crate::store::txn::{Configuration, Txn};

use super::{MAX_NAME, checked_config, edit, move_by_one};

/// The setting of every action: how old a sign-in may be when the user starts the action himself, in seconds.
const MAX_AGE: &str = "max_auth_age";

/// The new contents of a registered action.
#[derive(Clone, Debug, Default)]
pub struct ActionChange {
    /// Must be the one that it has; absent or empty is that, too.
    pub alias: Option<String>,
    /// Stays when absent or empty.
    pub name: Option<String>,
    pub enabled: bool,
    pub default_action: bool,
    pub priority: i64,
    pub config: BTreeMap<String, String>,
}

/// Registers an action behind the others, enabled.
///
/// # Errors
/// There is no such action, or it is registered already.
pub async fn register(txn: &mut Txn<'_, Configuration>, realm: &RealmId, provider: &str, name: Option<&str>) -> Result<(), ManageError> {
    edit(txn, realm, |all| {
        let kind = required_action::find(provider).ok_or_else(ManageError::required_action_provider)?;
        if all.required_actions.iter().any(|action| action.alias == provider || action.provider_id == provider) {
            return Err(ManageError::required_action_exists(provider));
        }
        let name = name.filter(|name| !name.is_empty()).unwrap_or(kind.name);
        check_name(name)?;
        let last = all.required_actions.iter().map(|action| action.priority).max();
        all.required_actions.push(RequiredAction {
            alias: provider.to_owned(),
            name: name.to_owned(),
            provider_id: provider.to_owned(),
            enabled: true,
            default_action: false,
            priority: last.map_or(0, |last| last.saturating_add(1)),
            config: BTreeMap::new(),
        });
        Ok(())
    })
    .await
}

/// Replaces what a registered action is like.
///
/// # Errors
/// It is not registered; the alias is another one; a setting is none.
pub async fn update(txn: &mut Txn<'_, Configuration>, realm: &RealmId, alias: &str, change: &ActionChange) -> Result<(), ManageError> {
    change_one(txn, realm, alias, |action| {
        if change.alias.as_deref().is_some_and(|given| !given.is_empty() && given != alias) {
            return Err(ManageError::required_action_alias());
        }
        if let Some(name) = change.name.as_deref().filter(|name| !name.is_empty()) {
            check_name(name)?;
            name.clone_into(&mut action.name);
        }
        (action.enabled, action.default_action, action.priority) = (change.enabled, change.default_action, change.priority);
        action.config = checked(change.config.clone())?;
        Ok(())
    })
    .await
}

/// Replaces the settings of a registered action.
///
/// # Errors
/// It is not registered; a setting is none.
pub async fn configure(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    alias: &str,
    config: &BTreeMap<String, String>,
) -> Result<(), ManageError> {
    change_one(txn, realm, alias, |action| {
        action.config = checked(config.clone())?;
        Ok(())
    })
    .await
}

/// Moves a registered action one place up or down.
///
/// # Errors
/// It is not registered.
pub async fn move_action(txn: &mut Txn<'_, Configuration>, realm: &RealmId, alias: &str, raise: bool) -> Result<(), ManageError> {
    edit(txn, realm, |all| {
        all.required_action(alias).ok_or_else(ManageError::no_required_action)?;
        move_by_one(&mut all.required_actions, raise, |action| action.alias == alias);
        Ok(())
    })
    .await
}

/// Takes an action out of the realm. Users of whom it was asked keep it, as in Keycloak.
///
/// # Errors
/// It is not registered.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, alias: &str) -> Result<(), ManageError> {
    edit(txn, realm, |all| {
        all.required_action(alias).ok_or_else(ManageError::no_required_action)?;
        all.required_actions.retain(|action| action.alias != alias);
        Ok(())
    })
    .await
}

async fn change_one(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    alias: &str,
    change: impl FnOnce(&mut RequiredAction) -> Result<(), ManageError>,
) -> Result<(), ManageError> {
    edit(txn, realm, |all| {
        let action = all.required_actions.iter_mut().find(|action| action.alias == alias);
        change(action.ok_or_else(ManageError::no_required_action)?)
    })
    .await
}

fn check_name(name: &str) -> Result<(), ManageError> {
    if name.len() > MAX_NAME { Err(ManageError::too_large("Name")) } else { Ok(()) }
}

fn checked(config: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ManageError> {
    let config = checked_config(config)?;
    match config.get(MAX_AGE).map(|text| text.parse::<i64>()) {
        Some(Err(_)) => Err(ManageError::required_action_config("Maximum Age of Authentication must be a number")),
        Some(Ok(seconds)) if seconds < 0 => Err(ManageError::required_action_config("Maximum Age of Authentication cannot be negative")),
        _ => Ok(config),
    }
}
