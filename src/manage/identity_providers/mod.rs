//! Identity providers: unique by alias, with URLs that can be asked, secrets sealed, flows that exist. Deleting one takes its
//! mappers and the links of users with it: whoever makes another one under the same alias must not inherit its users.

mod check;
pub mod mappers;

use crate::base::env::Env;
use crate::base::id::RealmId;
use crate::base::seal::Sealer;
use crate::model::identity_provider::{IdentityProvider, SECRET_CONFIG};
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::error::ManageError;
use super::realms::MASK;
use super::{identity_links, realms};

/// What one realm may have.
const MAX_PROVIDERS: usize = 1000;

/// Creates an identity provider; its secrets are in clear text. What the body says of an organization is not taken: those have
/// operations of their own.
///
/// # Errors
/// The alias is missing, taken or not allowed, or the links of the last one who had it are still being removed; there is no such
/// kind of provider or no such flow; a URL cannot be asked.
pub async fn create(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    id: &RealmId,
    new: &IdentityProvider,
) -> Result<IdentityProvider, ManageError> {
    let realm = realms::existing(txn, id).await?;
    check::alias(&new.alias)?;
    check::provider(txn, &realm, new).await?;
    if new.alias.is_empty() {
        return Err(ManageError::identity_provider_alias_missing());
    }
    if txn.identity_providers().by_alias(id, &new.alias).await?.is_some() {
        return Err(ManageError::identity_provider_exists(&new.alias));
    }
    if identity_links::is_forgetting(txn, id, &new.alias).await? {
        return Err(ManageError::identity_provider_being_deleted(&new.alias));
    }
    if txn.identity_providers().list(id).await?.len() >= MAX_PROVIDERS {
        return Err(ManageError::too_many("identity providers"));
    }
    let mut provider =
        IdentityProvider { internal_id: env.random().uuid().to_string(), organization_id: None, mappers: Vec::new(), ..new.clone() };
    seal(&mut provider, None, env, sealer, id);
    txn.identity_providers().insert(id, &provider);
    Ok(provider)
}

/// Replaces an identity provider. A masked secret stays what it was; so do id, organization and mappers.
///
/// # Errors
/// There is no such provider, or `new` has another alias; otherwise as [`create`].
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    id: &RealmId,
    alias: &str,
    new: &IdentityProvider,
) -> Result<(), ManageError> {
    let realm = realms::existing(txn, id).await?;
    let old = existing(txn, id, alias).await?;
    if !new.alias.is_empty() && new.alias != old.alias {
        return Err(ManageError::identity_provider_alias_changed());
    }
    check::provider(txn, &realm, new).await?;
    let mut provider = IdentityProvider {
        alias: old.alias.clone(),
        internal_id: old.internal_id.clone(),
        organization_id: old.organization_id.clone(),
        mappers: old.mappers.clone(),
        ..new.clone()
    };
    seal(&mut provider, Some(&old), env, sealer, id);
    txn.identity_providers().put(id, &provider);
    Ok(())
}

/// Deletes an identity provider with its mappers and the links of users to it. Of a realm with many users the links go in the
/// background; until they are gone the alias stays taken.
///
/// # Errors
/// There is no such provider.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, alias: &str) -> Result<(), ManageError> {
    let provider = existing(txn, realm, alias).await?;
    txn.identity_providers().delete(realm, &provider.alias);
    identity_links::forget_provider(txn, realm, &provider.alias).await
}

/// The provider with this alias, or with this internal id.
///
/// # Errors
/// There is none.
pub async fn existing(txn: &mut Txn<'_, Configuration>, realm: &RealmId, alias: &str) -> Result<IdentityProvider, ManageError> {
    if let Some(found) = txn.identity_providers().by_alias(realm, alias).await? {
        return Ok(found);
    }
    let list = txn.identity_providers().list(realm).await?;
    let by_id = list
        .into_iter()
        .find(|provider| provider.internal_id == alias)
        .ok_or_else(ManageError::no_identity_provider)?;
    // The list is a look; what is changed must be read as part of the transaction.
    txn.identity_providers().by_alias(realm, &by_id.alias).await?.ok_or_else(ManageError::no_identity_provider)
}

/// Seals what is secret, except where the mask says that it did not change.
fn seal(provider: &mut IdentityProvider, old: Option<&IdentityProvider>, env: &Env, sealer: &Sealer, realm: &RealmId) {
    for name in SECRET_CONFIG {
        let identity = provider.secret_identity(name);
        let Some(given) = provider.config.remove(name) else { continue };
        let sealed = match old.filter(|_| given == MASK) {
            Some(old) => old.config.get(name).cloned(),
            None => Some(sealer.seal(env.random(), realm, &identity, given.as_bytes())),
        };
        provider.config.extend(sealed.map(|sealed| (name.to_owned(), sealed)));
    }
}
