//! What authenticators were told. A configuration has an alias, by which exports name it, and belongs to the steps that use it.

use std::collections::BTreeMap;

use crate::base::env::Env;
use crate::base::id::{AuthenticatorConfigId, RealmId};
use crate::manage::error::ManageError;
use crate::model::authentication::{Authentication, AuthenticatorConfig};
use crate::store::txn::{Configuration, Txn};

use super::{MAX_CONFIGS, check_alias, checked_config, edit};

/// A configuration to create, or the new contents of one.
#[derive(Clone, Debug, Default)]
pub struct NewConfig {
    pub alias: Option<String>,
    pub values: BTreeMap<String, String>,
}

/// Creates a configuration that no step uses yet.
///
/// # Errors
/// The alias is missing, taken or not allowed; there is too much in it.
pub async fn create(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &RealmId,
    new: &NewConfig,
) -> Result<AuthenticatorConfigId, ManageError> {
    edit(txn, realm, |all| add(all, env, new.alias.as_deref().unwrap_or_default(), new.values.clone())).await
}

/// Replaces alias and values; without an alias the old one stays.
///
/// # Errors
/// There is no such configuration; otherwise as [`create`].
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &AuthenticatorConfigId,
    new: &NewConfig,
) -> Result<(), ManageError> {
    edit(txn, realm, |all| {
        let old = all.config(id).ok_or_else(ManageError::no_authenticator_config)?;
        let alias = new.alias.clone().unwrap_or_else(|| old.alias.clone());
        check(all, &alias, Some(id))?;
        let values = checked_config(new.values.clone())?;
        if let Some(config) = all.configs.iter_mut().find(|config| config.id == *id) {
            (config.alias, config.config) = (alias, values);
        }
        Ok(())
    })
    .await
}

/// Deletes a configuration; the steps that used it have none then.
///
/// # Errors
/// There is no such configuration.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &AuthenticatorConfigId) -> Result<(), ManageError> {
    edit(txn, realm, |all| {
        all.config(id).ok_or_else(ManageError::no_authenticator_config)?;
        all.configs.retain(|config| config.id != *id);
        for step in all.flows.iter_mut().flat_map(|flow| &mut flow.executions) {
            step.config = step.config.take().filter(|config| config != id);
        }
        Ok(())
    })
    .await
}

pub(super) fn add(
    all: &mut Authentication,
    env: &Env,
    alias: &str,
    values: BTreeMap<String, String>,
) -> Result<AuthenticatorConfigId, ManageError> {
    check(all, alias, None)?;
    if all.configs.len() >= MAX_CONFIGS {
        return Err(ManageError::too_many("authenticator configs"));
    }
    let id = AuthenticatorConfigId::random(env.random());
    all.configs
        .push(AuthenticatorConfig { id: id.clone(), alias: alias.to_owned(), config: checked_config(values)? });
    Ok(id)
}

/// Removes a configuration that no step uses.
pub(super) fn remove_unused(all: &mut Authentication, id: &AuthenticatorConfigId) {
    if !all.flows.iter().flat_map(|flow| &flow.executions).any(|step| step.config.as_ref() == Some(id)) {
        all.configs.retain(|config| config.id != *id);
    }
}

fn check(all: &Authentication, alias: &str, own: Option<&AuthenticatorConfigId>) -> Result<(), ManageError> {
    if alias.is_empty() {
        return Err(ManageError::authenticator_config_alias_missing());
    }
    check_alias(alias)?;
    if all.configs.iter().any(|config| config.alias == alias && Some(&config.id) != own) {
        return Err(ManageError::authenticator_config_exists(alias));
    }
    Ok(())
}
