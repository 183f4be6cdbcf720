//! Groups of an organization: a tree of its own beside the realm's, for its members only.

use std::collections::BTreeMap;

use crate::base::env::Env;
use crate::base::id::{GroupId, OrganizationId, RealmId, UserId};
use crate::model::group::Group;
use crate::model::organization::Membership;
use crate::store::txn::{Configuration, Reader, Txn};

use super::error::ManageError;
use super::groups::{self, NewGroup};
use super::organizations;

/// Where the groups of one organization stand.
type At<'a> = (&'a RealmId, &'a OrganizationId);

/// Creates a group.
///
/// # Errors
/// No such organization or parent, no name, a sibling has the name.
pub async fn create(txn: &mut Txn<'_, Configuration>, env: &Env, at: At<'_>, new: &NewGroup) -> Result<Group, ManageError> {
    organizations::hold(txn, at.0, at.1).await?;
    if let Some(parent) = &new.parent {
        hold(txn, at, parent).await?;
    }
    check_name(&new.name)?;
    check_free(txn, at, new.parent.as_ref(), &new.name).await?;
    let group = new.make(env);
    txn.organizations().insert_group(at.0, at.1, &group);
    Ok(group)
}

/// Renames and describes a group; absent `attributes` stay.
///
/// # Errors
/// No such group, no name, a sibling has the name.
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    at: At<'_>,
    id: &GroupId,
    name: &str,
    description: Option<String>,
    attributes: Option<BTreeMap<String, Vec<String>>>,
) -> Result<(), ManageError> {
    let old = existing(txn, at, id).await?;
    check_name(name)?;
    if old.name != name {
        check_free(txn, at, old.parent.as_ref(), name).await?;
    }
    let attributes = attributes.unwrap_or_else(|| old.attributes.clone());
    let group = Group { name: name.to_owned(), description, attributes, ..old.clone() };
    txn.organizations().put_group(at.0, at.1, &old, &group);
    Ok(())
}

/// Moves a group with everything below it under another parent, or to the top.
///
/// # Errors
/// No such group or parent, a new sibling has the name, the parent lies below the group.
pub async fn relocate(txn: &mut Txn<'_, Configuration>, at: At<'_>, id: &GroupId, parent: Option<&GroupId>) -> Result<(), ManageError> {
    let old = existing(txn, at, id).await?;
    if old.parent.as_ref() == parent {
        return Ok(());
    }
    let mut above = parent.cloned();
    while let Some(ancestor) = above {
        if ancestor == *id {
            return Err(ManageError::group_circle(&old.name));
        }
        above = existing(txn, at, &ancestor).await?.parent;
    }
    check_free(txn, at, parent, &old.name).await?;
    if let Some(parent) = parent {
        hold(txn, at, parent).await?;
    }
    let group = Group { parent: parent.cloned(), ..old.clone() };
    txn.organizations().put_group(at.0, at.1, &old, &group);
    Ok(())
}

/// Deletes a group and every group below it. A membership that is left in a user means nothing: nothing has its id.
///
/// # Errors
/// No such group.
pub async fn delete(txn: &mut Txn<'_, Configuration>, at: At<'_>, id: &GroupId) -> Result<(), ManageError> {
    let group = existing(txn, at, id).await?;
    for group in groups::branch(group, &txn.organizations().groups(at.0, at.1).await?) {
        // Read as part of the transaction: whoever changes or moves it meanwhile makes this run again.
        if let Some(current) = txn.organizations().group(at.0, at.1, &group.id).await? {
            txn.organizations().delete_group(at.0, at.1, &current);
        }
    }
    Ok(())
}

/// Makes a member of the organization a member of its group; `false` if he is one.
///
/// # Errors
/// No such group; the user is no member of the organization.
pub async fn join(txn: &mut Txn<'_, Configuration>, at: At<'_>, user: &UserId, group: &GroupId) -> Result<bool, ManageError> {
    existing(txn, at, group).await?;
    edit(txn, at, user, |membership| {
        if !membership.groups.contains(group) {
            membership.groups.push(group.clone());
        }
    })
    .await
}

/// Ends a membership in a group; `false` if there is none.
///
/// # Errors
/// No such group; the user is no member of the organization.
pub async fn leave(txn: &mut Txn<'_, Configuration>, at: At<'_>, user: &UserId, group: &GroupId) -> Result<bool, ManageError> {
    existing(txn, at, group).await?;
    edit(txn, at, user, |membership| membership.groups.retain(|member_of| member_of != group)).await
}

/// The group with this id.
///
/// # Errors
/// The organization has none.
pub async fn existing(reader: &mut impl Reader, at: At<'_>, id: &GroupId) -> Result<Group, ManageError> {
    reader.organizations().group(at.0, at.1, id).await?.ok_or_else(ManageError::no_organization_group)
}

/// Whether the edit changed anything.
async fn edit(
    txn: &mut Txn<'_, Configuration>,
    at: At<'_>,
    user: &UserId,
    edit: impl FnOnce(&mut Membership) + Send,
) -> Result<bool, ManageError> {
    let old = txn.users().get(at.0, user).await?.ok_or_else(ManageError::no_user)?;
    let mut user = old.clone();
    let membership = user.organizations.iter_mut().find(|membership| membership.organization == *at.1);
    edit(membership.ok_or_else(ManageError::group_member_is_no_member)?);
    let changed = user != old;
    if changed {
        txn.users().put(at.0, &old, &user, false);
    }
    Ok(changed)
}

/// Makes a concurrent deletion of the parent, which cannot see the new child, lose or win as a whole.
async fn hold(txn: &mut Txn<'_, Configuration>, at: At<'_>, parent: &GroupId) -> Result<(), ManageError> {
    let parent = existing(txn, at, parent).await?;
    txn.organizations().put_group(at.0, at.1, &parent, &parent);
    Ok(())
}

async fn check_free(txn: &mut Txn<'_, Configuration>, at: At<'_>, parent: Option<&GroupId>, name: &str) -> Result<(), ManageError> {
    match txn.organizations().group_by_name(at.0, at.1, parent, name).await? {
        None => Ok(()),
        Some(_) => Err(ManageError::organization_group_exists()),
    }
}

fn check_name(name: &str) -> Result<(), ManageError> {
    match name.trim().len() {
        0 => Err(ManageError::group_name_missing()),
        1..=255 => Ok(()),
        _ => Err(ManageError::too_large("Group name")),
    }
}
