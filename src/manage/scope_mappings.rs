//! Scope mappings of a client or a client scope: which roles may stand in the client's tokens when not all of them may, and
//! which of them a user needs to get the scope.

use crate::base::id::{RealmId, RoleId};
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::error::ManageError;
use super::protocol_mappers::Holder;
use super::{client_scopes, clients, roles};

/// Adds roles.
///
/// # Errors
/// No such holder or role.
pub async fn add(txn: &mut Txn<'_, Configuration>, realm: &RealmId, holder: &Holder, given: &[RoleId]) -> Result<(), ManageError> {
    roles::check_all(txn, realm, given).await?;
    change(txn, realm, holder, |mapped| {
        for role in given {
            if !mapped.contains(role) {
                mapped.push(role.clone());
            }
        }
    })
    .await
}

/// Takes roles out.
///
/// # Errors
/// No such holder.
pub async fn remove(txn: &mut Txn<'_, Configuration>, realm: &RealmId, holder: &Holder, taken: &[RoleId]) -> Result<(), ManageError> {
    change(txn, realm, holder, |mapped| mapped.retain(|role| !taken.contains(role))).await
}

async fn change(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    holder: &Holder,
    edit: impl FnOnce(&mut Vec<RoleId>) + Send,
) -> Result<(), ManageError> {
    match holder {
        Holder::Client(id) => {
            let old = clients::existing(txn, realm, id).await?;
            let mut client = old.clone();
            edit(&mut client.scope_mappings);
            txn.clients().put(realm, &old, &client);
        }
        Holder::ClientScope(id) => {
            let old = client_scopes::existing(txn, realm, id).await?;
            let mut scope = old.clone();
            edit(&mut scope.scope_mappings);
            txn.client_scopes().put(realm, &old, &scope);
        }
    }
    Ok(())
}
