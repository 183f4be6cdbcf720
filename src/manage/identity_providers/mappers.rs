//! What becomes of the claims and attributes that an identity provider sends: unique by name within the provider. A type that
//! nobody knows is stored, as in Keycloak.

use crate::base::env::Env;
use crate::base::id::RealmId;
use crate::manage::error::ManageError;
use crate::model::identity_provider::{IdentityProvider, IdentityProviderMapper};
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::{check, existing};

const MAX_MAPPERS: usize = 200;
const MAX_NAME: usize = 255;

/// Adds a mapper; its id.
///
/// # Errors
/// There is no such provider; the name is missing or taken; there is too much of it.
pub async fn add(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &RealmId,
    alias: &str,
    new: &IdentityProviderMapper,
) -> Result<String, ManageError> {
    let mut provider = existing(txn, realm, alias).await?;
    check_mapper(&provider, new, None)?;
    if provider.mappers.len() >= MAX_MAPPERS {
        return Err(ManageError::too_many("mappers of this identity provider"));
    }
    let id = env.random().uuid().to_string();
    provider.mappers.push(IdentityProviderMapper { id: id.clone(), ..new.clone() });
    txn.identity_providers().put(realm, &provider);
    Ok(id)
}

/// Replaces a mapper.
///
/// # Errors
/// There is no such provider or mapper; otherwise as [`add`].
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    alias: &str,
    id: &str,
    new: &IdentityProviderMapper,
) -> Result<(), ManageError> {
    let mut provider = existing(txn, realm, alias).await?;
    let place = provider.mappers.iter().position(|mapper| mapper.id == id).ok_or_else(ManageError::no_mapper)?;
    check_mapper(&provider, new, Some(id))?;
    provider.mappers[place] = IdentityProviderMapper { id: id.to_owned(), ..new.clone() };
    txn.identity_providers().put(realm, &provider);
    Ok(())
}

/// Removes a mapper.
///
/// # Errors
/// There is no such provider or mapper.
pub async fn remove(txn: &mut Txn<'_, Configuration>, realm: &RealmId, alias: &str, id: &str) -> Result<(), ManageError> {
    let mut provider = existing(txn, realm, alias).await?;
    let place = provider.mappers.iter().position(|mapper| mapper.id == id).ok_or_else(ManageError::no_mapper)?;
    provider.mappers.remove(place);
    txn.identity_providers().put(realm, &provider);
    Ok(())
}

fn check_mapper(provider: &IdentityProvider, new: &IdentityProviderMapper, own: Option<&str>) -> Result<(), ManageError> {
    check::config(new.config.iter())?;
    if new.name.len() > MAX_NAME || new.identity_provider_mapper.len() > MAX_NAME {
        return Err(ManageError::too_large("Mapper"));
    }
    let taken = provider.mappers.iter().any(|mapper| mapper.name == new.name && Some(mapper.id.as_str()) != own);
    if taken || new.name.is_empty() || new.identity_provider_mapper.is_empty() {
        let name = if new.name.is_empty() { "null" } else { &new.name };
        return Err(ManageError::identity_provider_mapper(name, &provider.provider_id));
    }
    Ok(())
}
