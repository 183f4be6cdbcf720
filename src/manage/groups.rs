//! Groups: a tree, unique by name among siblings; deletion takes the whole branch.

use std::collections::{BTreeMap, HashSet};

use crate::base::env::Env;
use crate::base::id::{GroupId, RealmId, RoleId};
use crate::model::group::Group;
use crate::model::realm::Realm;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::error::ManageError;
use super::{jobs, realms, roles};

/// A group to create.
#[derive(Clone, Debug, Default)]
pub struct NewGroup {
    pub name: String,
    pub description: Option<String>,
    pub parent: Option<GroupId>,
    pub attributes: BTreeMap<String, Vec<String>>,
}

impl NewGroup {
    pub(super) fn make(&self, env: &Env) -> Group {
        Group {
            id: GroupId::random(env.random()),
            name: self.name.clone(),
            description: self.description.clone(),
            parent: self.parent.clone(),
            attributes: self.attributes.clone(),
            roles: Vec::new(),
        }
    }
}

/// Creates a group.
///
/// # Errors
/// No such realm or parent, no name, a sibling has the name.
pub async fn create(txn: &mut Txn<'_, Configuration>, env: &Env, realm: &RealmId, new: &NewGroup) -> Result<Group, ManageError> {
    realms::existing(txn, realm).await?;
    if let Some(parent) = &new.parent {
        hold(txn, realm, parent).await?;
    }
    check_name(&new.name)?;
    check_free(txn, realm, new.parent.as_ref(), &new.name).await?;
    let group = new.make(env);
    txn.groups().insert(realm, &group);
    Ok(group)
}

/// Renames and describes a group; absent `attributes` stay.
///
/// # Errors
/// No such group, no name, a sibling has the name.
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &GroupId,
    name: &str,
    description: Option<String>,
    attributes: Option<BTreeMap<String, Vec<String>>>,
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    check_name(name)?;
    if old.name != name && txn.groups().by_name(realm, old.parent.as_ref(), name).await?.is_some() {
        // Keycloak calls them siblings here even at the top.
        return Err(ManageError::sibling_group_exists(name));
    }
    let attributes = attributes.unwrap_or_else(|| old.attributes.clone());
    txn.groups().put(realm, &old, &Group { name: name.to_owned(), description, attributes, ..old.clone() });
    Ok(())
}

/// Moves a group with everything below it under another parent, or to the top.
///
/// # Errors
/// No such group or parent, a new sibling has the name, the parent lies below the group.
pub async fn relocate(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &GroupId,
    parent: Option<&GroupId>,
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    if old.parent.as_ref() == parent {
        return Ok(());
    }
    let mut above = parent.cloned();
    while let Some(ancestor) = above {
        if ancestor == *id {
            return Err(ManageError::group_circle(&old.name));
        }
        above = existing(txn, realm, &ancestor).await?.parent;
    }
    check_free(txn, realm, parent, &old.name).await?;
    if let Some(parent) = parent {
        hold(txn, realm, parent).await?;
    }
    txn.groups().put(realm, &old, &Group { parent: parent.cloned(), ..old.clone() });
    Ok(())
}

/// Deletes a group and every group below it. Members may be too many for one transaction: a membership that is left in a user
/// means nothing, and a job takes it away.
///
/// # Errors
/// No such group.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &GroupId) -> Result<(), ManageError> {
    let group = existing(txn, realm, id).await?;
    let branch = branch(group, &txn.groups().list(realm).await?);
    let gone: HashSet<&GroupId> = branch.iter().map(|group| &group.id).collect();
    let old = realms::existing(txn, realm).await?;
    if old.default_groups.iter().any(|group| gone.contains(group)) {
        let mut changed = old.clone();
        changed.default_groups.retain(|group| !gone.contains(group));
        txn.realms().put(&old, &changed);
    }
    for group in &branch {
        // Read as part of the transaction: whoever changes or moves it meanwhile makes this run again.
        if let Some(current) = txn.groups().get(realm, &group.id).await? {
            txn.groups().delete(realm, &current);
        }
    }
    jobs::forget(txn, realm, id.as_str());
    Ok(())
}

/// Gives roles to all members of the group and of those below it.
///
/// # Errors
/// No such group or role.
pub async fn add_roles(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &GroupId, given: &[RoleId]) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    roles::check_all(txn, realm, given).await?;
    let mut group = old.clone();
    group.roles.extend(given.iter().filter(|role| !old.roles.contains(role)).cloned());
    txn.groups().put(realm, &old, &group);
    Ok(())
}

/// Takes roles from the group.
///
/// # Errors
/// No such group.
pub async fn remove_roles(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &GroupId, taken: &[RoleId]) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    let mut group = old.clone();
    group.roles.retain(|role| !taken.contains(role));
    txn.groups().put(realm, &old, &group);
    Ok(())
}

/// Says whether new users join the group.
///
/// # Errors
/// No such realm or group.
pub async fn set_default(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &GroupId, default: bool) -> Result<(), ManageError> {
    existing(txn, realm, id).await?;
    let old = realms::existing(txn, realm).await?;
    let mut changed: Realm = old.clone();
    changed.default_groups.retain(|group| group != id);
    if default {
        changed.default_groups.push(id.clone());
    }
    txn.realms().put(&old, &changed);
    Ok(())
}

/// The group with this path (`/staff/night`). A name may contain slashes, so every way to read the path is tried.
///
/// # Errors
/// Only those of the store.
pub async fn by_path(txn: &mut Txn<'_, Configuration>, realm: &RealmId, path: &str) -> Result<Option<Group>, ManageError> {
    let parts: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    // Bounded: each state is a parent and how much of the path is read.
    let mut waiting: Vec<(Option<Group>, usize)> = vec![(None, 0)];
    while let Some((parent, read)) = waiting.pop() {
        for end in (read + 1..=parts.len().min(32)).rev() {
            let name = parts[read..end].join("/");
            let Some(group) = txn.groups().by_name(realm, parent.as_ref().map(|group| &group.id), &name).await? else { continue };
            if end == parts.len() {
                return Ok(Some(group));
            }
            waiting.push((Some(group), end));
        }
    }
    Ok(None)
}

/// `group` and every group below it among `all`.
pub(super) fn branch(group: Group, all: &[Group]) -> Vec<Group> {
    let mut branch = vec![group];
    let mut next = 0;
    while next < branch.len() {
        let parent = branch[next].id.clone();
        branch.extend(all.iter().filter(|group| group.parent.as_ref() == Some(&parent)).cloned());
        next += 1;
    }
    branch
}

pub(super) async fn existing(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &GroupId) -> Result<Group, ManageError> {
    txn.groups().get(realm, id).await?.ok_or_else(ManageError::no_group)
}

/// Makes a concurrent deletion of the parent, which cannot see the new child, lose or win as a whole.
async fn hold(txn: &mut Txn<'_, Configuration>, realm: &RealmId, parent: &GroupId) -> Result<(), ManageError> {
    let parent = existing(txn, realm, parent).await?;
    txn.groups().put(realm, &parent, &parent);
    Ok(())
}

async fn check_free(txn: &mut Txn<'_, Configuration>, realm: &RealmId, parent: Option<&GroupId>, name: &str) -> Result<(), ManageError> {
    match (txn.groups().by_name(realm, parent, name).await?, parent) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(ManageError::top_group_exists(name)),
        (Some(_), Some(_)) => Err(ManageError::sibling_group_exists(name)),
    }
}

fn check_name(name: &str) -> Result<(), ManageError> {
    match name.len() {
        0 => Err(ManageError::group_name_missing()),
        1..=255 => Ok(()),
        _ => Err(ManageError::too_large("Group name")),
    }
}
