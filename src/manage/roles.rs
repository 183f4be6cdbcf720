//! Roles: unique by name in their realm or client, composites without circles, deletion with every reference.

use std::collections::{BTreeMap, HashSet};

use crate::base::env::Env;
use crate::base::id::{RealmId, RoleId};
use crate::model::role::{Role, RoleContainer};
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::error::ManageError;
use super::{clients, jobs, realms};

/// A role to create.
#[derive(Clone, Debug)]
pub struct NewRole {
    pub name: String,
    pub description: Option<String>,
    pub container: RoleContainer,
    pub attributes: BTreeMap<String, Vec<String>>,
    pub composites: Vec<RoleId>,
}

impl NewRole {
    pub fn named(name: &str, container: RoleContainer) -> Self {
        Self { name: name.to_owned(), description: None, container, attributes: BTreeMap::new(), composites: Vec::new() }
    }
}

/// Creates a role.
///
/// # Errors
/// No such realm, client or contained role; the name is taken.
pub async fn create(txn: &mut Txn<'_, Configuration>, env: &Env, realm: &RealmId, new: &NewRole) -> Result<Role, ManageError> {
    realms::existing(txn, realm).await?;
    if let RoleContainer::Client(client) = &new.container {
        // Written unchanged: a concurrent deletion of the client, which cannot see the new role, must run again.
        let client = clients::existing(txn, realm, client).await?;
        txn.clients().put(realm, &client, &client);
    }
    check_name(&new.name)?;
    if by_name(txn, realm, &new.container, &new.name).await?.is_some() {
        return Err(ManageError::role_exists(&new.name));
    }
    for contained in &new.composites {
        txn.roles().get(realm, contained).await?.ok_or_else(ManageError::no_composite)?;
    }
    let role = Role {
        id: RoleId::random(env.random()),
        name: new.name.clone(),
        description: new.description.clone(),
        container: new.container.clone(),
        composites: new.composites.clone(),
        attributes: new.attributes.clone(),
    };
    txn.roles().insert(realm, &role);
    Ok(role)
}

/// Renames and describes a role; absent `name` and `attributes` stay as somebody else may just have made them.
///
/// # Errors
/// No such role, the new name is taken.
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &RoleId,
    name: Option<&str>,
    description: Option<String>,
    attributes: Option<BTreeMap<String, Vec<String>>>,
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    let name = name.unwrap_or(&old.name);
    check_name(name)?;
    if old.name != name && by_name(txn, realm, &old.container, name).await?.is_some() {
        return Err(ManageError::role_name_taken());
    }
    let attributes = attributes.unwrap_or_else(|| old.attributes.clone());
    txn.roles().put(realm, &old, &Role { name: name.to_owned(), description, attributes, ..old.clone() });
    Ok(())
}

/// Lets a role contain others.
///
/// # Errors
/// No such role, or it would contain itself.
pub async fn add_composites(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &RoleId,
    contained: &[RoleId],
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    let mut role = old.clone();
    for child in contained {
        txn.roles().get(realm, child).await?.ok_or_else(ManageError::no_composite)?;
        if reaches(txn, realm, child, id).await? {
            return Err(ManageError::composite_circle(&role.name));
        }
        if !role.composites.contains(child) {
            role.composites.push(child.clone());
        }
    }
    txn.roles().put(realm, &old, &role);
    Ok(())
}

/// Takes roles out of a composite; those that it does not contain are ignored.
///
/// # Errors
/// No such role.
pub async fn remove_composites(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &RoleId,
    contained: &[RoleId],
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    let mut role = old.clone();
    role.composites.retain(|child| !contained.contains(child));
    txn.roles().put(realm, &old, &role);
    Ok(())
}

/// Deletes a role and every mention of it in roles, groups, clients and client scopes. Users may be too many for one
/// transaction: a mention that is left in a user means nothing, and a job takes it away.
///
/// # Errors
/// No such role, or it is the realm's default role.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &RoleId) -> Result<(), ManageError> {
    let role = existing(txn, realm, id).await?;
    if realms::existing(txn, realm).await?.default_role == *id {
        return Err(ManageError::default_role(&role.name));
    }
    remove_all(txn, realm, std::slice::from_ref(&role)).await
}

/// Deletes roles that nothing protects, with every mention but those in users.
pub(super) async fn remove_all(txn: &mut Txn<'_, Configuration>, realm: &RealmId, roles: &[Role]) -> Result<(), ManageError> {
    if roles.is_empty() {
        return Ok(());
    }
    let gone: HashSet<&RoleId> = roles.iter().map(|role| &role.id).collect();
    let names_one = |ids: &[RoleId]| ids.iter().any(|id| gone.contains(id));
    let without = |ids: &mut Vec<RoleId>| ids.retain(|id| !gone.contains(id));

    // The scans are peeks; what they find is read again, so that nobody's concurrent change is overwritten.
    for found in txn.roles().list(realm).await?.iter().filter(|role| !gone.contains(&role.id) && names_one(&role.composites)) {
        let Some(old) = txn.roles().get(realm, &found.id).await? else { continue };
        let mut role = old.clone();
        without(&mut role.composites);
        txn.roles().put(realm, &old, &role);
    }
    for found in txn.groups().list(realm).await?.iter().filter(|group| names_one(&group.roles)) {
        let Some(old) = txn.groups().get(realm, &found.id).await? else { continue };
        let mut group = old.clone();
        without(&mut group.roles);
        txn.groups().put(realm, &old, &group);
    }
    for found in txn.clients().list(realm).await?.iter().filter(|client| names_one(&client.scope_mappings)) {
        let Some(old) = txn.clients().get(realm, &found.id).await? else { continue };
        let mut client = old.clone();
        without(&mut client.scope_mappings);
        txn.clients().put(realm, &old, &client);
    }
    for found in txn.client_scopes().list(realm).await?.iter().filter(|scope| names_one(&scope.scope_mappings)) {
        let Some(old) = txn.client_scopes().get(realm, &found.id).await? else { continue };
        let mut scope = old.clone();
        without(&mut scope.scope_mappings);
        txn.client_scopes().put(realm, &old, &scope);
    }
    for role in roles {
        txn.roles().delete(realm, role);
    }
    jobs::forget(txn, realm, roles[0].id.as_str());
    Ok(())
}

pub(super) async fn existing(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &RoleId) -> Result<Role, ManageError> {
    txn.roles().get(realm, id).await?.ok_or_else(ManageError::no_role)
}

/// Roles for a mapping: each must exist.
pub(super) async fn check_all(txn: &mut Txn<'_, Configuration>, realm: &RealmId, ids: &[RoleId]) -> Result<(), ManageError> {
    for id in ids {
        txn.roles().get(realm, id).await?.ok_or_else(ManageError::no_such_role)?;
    }
    Ok(())
}

async fn by_name(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    container: &RoleContainer,
    name: &str,
) -> Result<Option<Role>, ManageError> {
    Ok(match container {
        RoleContainer::Realm => txn.roles().realm_role(realm, name).await?,
        RoleContainer::Client(client) => txn.roles().client_role(realm, client, name).await?,
    })
}

fn check_name(name: &str) -> Result<(), ManageError> {
    if name.len() <= 255 { Ok(()) } else { Err(ManageError::too_large("Role name")) }
}

/// Whether `from` is `to` or contains it, at any depth.
async fn reaches(txn: &mut Txn<'_, Configuration>, realm: &RealmId, from: &RoleId, to: &RoleId) -> Result<bool, ManageError> {
    let (mut seen, mut waiting) = (HashSet::new(), vec![from.clone()]);
    while let Some(id) = waiting.pop() {
        if id == *to {
            return Ok(true);
        }
        if seen.insert(id.clone()) {
            waiting.extend(txn.roles().get(realm, &id).await?.map(|role| role.composites).unwrap_or_default());
        }
    }
    Ok(false)
}
