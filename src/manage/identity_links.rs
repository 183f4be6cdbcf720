//! The accounts elsewhere that a user is linked with: one per provider.

use crate::base::id::{RealmId, UserId};
use crate::model::identity_provider::IdentityLink;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::error::ManageError;
use super::users;

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
