//! The credentials of a user one by one: their order, their labels.

use crate::base::id::{CredentialId, RealmId, UserId};
use crate::model::credential::{Credential, Credentials};
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::error::ManageError;
use super::users;

/// Names a credential for its user; an empty label takes the name away.
///
/// # Errors
/// No such user or credential, a label that is too long.
pub async fn set_label(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    user: &UserId,
    id: &CredentialId,
    label: &str,
) -> Result<(), ManageError> {
    if label.len() > 255 {
        return Err(ManageError::too_large("The label"));
    }
    change(txn, realm, user, id, |credentials, at| {
        credentials.0[at].user_label = Some(label.to_owned()).filter(|label| !label.is_empty());
    })
    .await
}

/// Puts a credential before all others.
///
/// # Errors
/// No such user or credential.
pub async fn move_to_first(txn: &mut Txn<'_, Configuration>, realm: &RealmId, user: &UserId, id: &CredentialId) -> Result<(), ManageError> {
    change(txn, realm, user, id, |credentials, at| {
        let moved = credentials.0.remove(at);
        credentials.0.insert(0, moved);
    })
    .await
}

/// Puts a credential behind `previous`. Nothing happens if the user does not have that one, as in Keycloak.
///
/// # Errors
/// No such user or credential.
pub async fn move_after(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    user: &UserId,
    id: &CredentialId,
    previous: &CredentialId,
) -> Result<(), ManageError> {
    change(txn, realm, user, id, |credentials, at| {
        if id == previous || !credentials.0.iter().any(|credential| credential.id == *previous) {
            return;
        }
        let moved: Credential = credentials.0.remove(at);
        let behind = credentials.0.iter().position(|credential| credential.id == *previous).map_or(0, |at| at + 1);
        credentials.0.insert(behind, moved);
    })
    .await
}

async fn change(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    user: &UserId,
    id: &CredentialId,
    edit: impl FnOnce(&mut Credentials, usize) + Send,
) -> Result<(), ManageError> {
    users::existing(txn, realm, user).await?;
    let mut credentials = txn.credentials().get(realm, user).await?;
    let at = credentials.0.iter().position(|credential| credential.id == *id).ok_or_else(ManageError::no_credential)?;
    edit(&mut credentials, at);
    txn.credentials().put(realm, user, &credentials);
    Ok(())
}
