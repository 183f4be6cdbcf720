//! Client scopes: unique by name, attached to the realm's new clients or not, deletion with every reference.

use std::collections::BTreeMap;

use crate::base::env::Env;
use crate::base::id::{ClientScopeId, RealmId};
use crate::model::client_scope::ClientScope;
use crate::model::realm::Realm;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::clients::ScopeAttachment;
use super::error::ManageError;
use super::protocol_mappers::{self, NewMapper};
use super::realms;

/// A client scope to create, or the new contents of one.
#[derive(Clone, Debug, Default)]
pub struct NewClientScope {
    pub name: String,
    pub description: Option<String>,
    /// `openid-connect` or `saml`. At a change it may be left out.
    pub protocol: Option<String>,
    pub attributes: BTreeMap<String, String>,
    /// Only at creation.
    pub protocol_mappers: Vec<NewMapper>,
}

/// Creates a client scope.
///
/// # Errors
/// No such realm, the name is taken or not allowed, the protocol is unknown.
pub async fn create(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &RealmId,
    new: &NewClientScope,
) -> Result<ClientScope, ManageError> {
    realms::existing(txn, realm).await?;
    check_name(&new.name)?;
    let protocol = checked_protocol(new.protocol.as_deref().unwrap_or_default())?;
    if txn.client_scopes().by_name(realm, &new.name).await?.is_some() {
        return Err(ManageError::client_scope_exists(&new.name));
    }
    let mut scope = ClientScope {
        id: ClientScopeId::random(env.random()),
        name: new.name.clone(),
        description: new.description.clone(),
        protocol: protocol.to_owned(),
        attributes: new.attributes.clone(),
        protocol_mappers: Vec::new(),
        scope_mappings: Vec::new(),
    };
    for mapper in &new.protocol_mappers {
        protocol_mappers::push(&mut scope.protocol_mappers, env, mapper)?;
    }
    txn.client_scopes().insert(realm, &scope);
    Ok(scope)
}

/// Changes name, and of protocol, description and attributes what is given; mappers and scope mappings stay.
///
/// # Errors
/// No such scope; otherwise as [`create`].
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &ClientScopeId,
    new: &NewClientScope,
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    check_name(&new.name)?;
    let protocol = checked_protocol(new.protocol.as_ref().unwrap_or(&old.protocol))?;
    if old.name != new.name && txn.client_scopes().by_name(realm, &new.name).await?.is_some() {
        return Err(ManageError::client_scope_exists(&new.name));
    }
    let scope = ClientScope {
        name: new.name.clone(),
        // Two administrators who each send what they change must not take back each other's change.
        description: new.description.clone().or_else(|| old.description.clone()),
        protocol: protocol.to_owned(),
        attributes: old.attributes.clone().into_iter().chain(new.attributes.clone()).collect(),
        ..old.clone()
    };
    txn.client_scopes().put(realm, &old, &scope);
    Ok(())
}

/// Deletes a client scope and takes it from the realm and from every client that has it.
///
/// # Errors
/// No such scope.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ClientScopeId) -> Result<(), ManageError> {
    let scope = existing(txn, realm, id).await?;
    detach(txn, realm, id).await?;
    for found in txn.clients().list(realm).await? {
        if !found.default_client_scopes.contains(id) && !found.optional_client_scopes.contains(id) {
            continue;
        }
        let Some(old) = txn.clients().get(realm, &found.id).await? else { continue };
        let mut client = old.clone();
        client.default_client_scopes.retain(|attached| attached != id);
        client.optional_client_scopes.retain(|attached| attached != id);
        txn.clients().put(realm, &old, &client);
    }
    txn.client_scopes().delete(realm, &scope);
    Ok(())
}

/// Lets the realm's new clients have the scope; where it was attached otherwise, it moves.
///
/// # Errors
/// No such realm or scope.
pub async fn attach(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &ClientScopeId,
    attachment: ScopeAttachment,
) -> Result<(), ManageError> {
    existing(txn, realm, id).await?;
    let old = realms::existing(txn, realm).await?;
    let mut changed = without(&old, id);
    match attachment {
        ScopeAttachment::Default => changed.default_default_client_scopes.push(id.clone()),
        ScopeAttachment::Optional => changed.default_optional_client_scopes.push(id.clone()),
    }
    txn.realms().put(&old, &changed);
    Ok(())
}

/// Lets the realm's new clients do without the scope.
///
/// # Errors
/// No such realm.
pub async fn detach(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ClientScopeId) -> Result<(), ManageError> {
    let old = realms::existing(txn, realm).await?;
    txn.realms().put(&old, &without(&old, id));
    Ok(())
}

pub(super) async fn existing(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ClientScopeId) -> Result<ClientScope, ManageError> {
    txn.client_scopes().get(realm, id).await?.ok_or_else(ManageError::no_client_scope)
}

fn without(realm: &Realm, id: &ClientScopeId) -> Realm {
    let mut realm = realm.clone();
    realm.default_default_client_scopes.retain(|attached| attached != id);
    realm.default_optional_client_scopes.retain(|attached| attached != id);
    realm
}

/// A name stands between spaces in `scope` (RFC 6749 §3.3: `%x21 / %x23-5B / %x5D-7E`).
fn check_name(name: &str) -> Result<(), ManageError> {
    let token = |c: char| matches!(c, '!' | '#'..='[' | ']'..='~');
    if name.is_empty() || name.len() > 255 || !name.chars().all(token) {
        return Err(ManageError::client_scope_name(name));
    }
    Ok(())
}

fn checked_protocol(name: &str) -> Result<&str, ManageError> {
    match name {
        "openid-connect" | "saml" => Ok(name),
        _ => Err(ManageError::client_scope_protocol()),
    }
}
