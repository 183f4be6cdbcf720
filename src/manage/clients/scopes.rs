//! The client scopes that hang on a client.

use crate::base::id::{ClientId, ClientScopeId, RealmId};
use crate::model::client::Client;
use crate::model::client_scope::ClientScope;
use crate::model::realm::Realm;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::{OIDC, existing};
use crate::manage::error::ManageError;

/// Whether a scope comes unasked or only by request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScopeAttachment {
    Default,
    Optional,
}

/// Attaches a client scope. A scope that the client has already, one way or the other, stays as it is.
///
/// # Errors
/// No such client or scope.
pub async fn add_scope(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &ClientId,
    scope: &ClientScopeId,
    attachment: ScopeAttachment,
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    txn.client_scopes().get(realm, scope).await?.ok_or_else(ManageError::no_such_scope)?;
    let mut client = old.clone();
    if client.default_client_scopes.contains(scope) || client.optional_client_scopes.contains(scope) {
        return Ok(());
    }
    match attachment {
        ScopeAttachment::Default => client.default_client_scopes.push(scope.clone()),
        ScopeAttachment::Optional => client.optional_client_scopes.push(scope.clone()),
    }
    txn.clients().put(realm, &old, &client);
    Ok(())
}

/// Detaches a client scope, whichever way it is attached.
///
/// # Errors
/// No such client.
pub async fn remove_scope(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &ClientId,
    scope: &ClientScopeId,
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    let mut client = old.clone();
    client.default_client_scopes.retain(|attached| attached != scope);
    client.optional_client_scopes.retain(|attached| attached != scope);
    txn.clients().put(realm, &old, &client);
    Ok(())
}

/// Attaches the realm's default and optional scopes of the client's protocol.
pub(in crate::manage) async fn attach_realm_scopes(
    txn: &mut Txn<'_, Configuration>,
    realm: &Realm,
    client: &mut Client,
) -> Result<(), ManageError> {
    let protocol = client.protocol.clone().unwrap_or_else(|| OIDC.to_owned());
    client.default_client_scopes = of_protocol(txn, &realm.id, &realm.default_default_client_scopes, &protocol).await?;
    client.optional_client_scopes = of_protocol(txn, &realm.id, &realm.default_optional_client_scopes, &protocol).await?;
    Ok(())
}

async fn of_protocol(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    ids: &[ClientScopeId],
    protocol: &str,
) -> Result<Vec<ClientScopeId>, ManageError> {
    let mut matching = Vec::with_capacity(ids.len());
    for id in ids {
        let scope: Option<ClientScope> = txn.client_scopes().get(realm, id).await?;
        matching.extend(scope.filter(|scope| scope.protocol == protocol).map(|scope| scope.id));
    }
    Ok(matching)
}

/// Names that no scope has are skipped, as Keycloak skips them.
pub(in crate::manage) async fn scopes_named(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    names: &[String],
) -> Result<Vec<ClientScopeId>, ManageError> {
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        ids.extend(txn.client_scopes().by_name(realm, name).await?.map(|scope| scope.id));
    }
    Ok(ids)
}
