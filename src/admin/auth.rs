//! Nobody hands out more than he holds: who gives roles, or membership in a group with roles, must have every administration
//! role that comes with them, or administer the realm as a whole.

use std::collections::{HashMap, HashSet};

use crate::base::id::{ClientId, GroupId, RoleId};
use crate::manage::defaults::clients::REALM_MANAGEMENT;
use crate::manage::error::ManageError;
use crate::model::client::Client;
use crate::model::realm::Realm;
use crate::model::role::RoleContainer;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::error::AdminError;

/// Realm roles of `master` that let their holder administer.
const MASTER_ROLES: [&str; 2] = ["admin", "create-realm"];

/// Whether the caller may give these roles of the realm in the URL to somebody, or put them into a composite.
///
/// # Errors
/// He lacks an administration role among them or among what they contain.
pub async fn may_grant(cx: &AdminRequest, roles: &[RoleId]) -> Result<(), AdminError> {
    let realm = cx.realm();
    if cx.caller.administers_fully(realm) {
        return Ok(());
    }
    let mut peek = cx.app.store.peek();
    let (mut seen, mut waiting) = (HashSet::new(), roles.to_vec());
    let mut clients: HashMap<ClientId, Option<String>> = HashMap::new();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let Some(role) = peek.roles().get(&realm.id, &id).await? else { continue };
        let administered = match &role.container {
            RoleContainer::Realm if realm.is_master() && MASTER_ROLES.contains(&role.name.as_str()) => false,
            RoleContainer::Realm => true,
            RoleContainer::Client(client) => {
                if !clients.contains_key(client) {
                    let name = peek.clients().get(&realm.id, client).await?.map(|client| client.client_id);
                    clients.insert(client.clone(), name);
                }
                match clients[client].as_deref() {
                    Some(REALM_MANAGEMENT) if !realm.is_master() => cx.may(&[&role.name]),
                    Some(other) if realm.is_master() && other.ends_with("-realm") => {
                        other == format!("{}-realm", realm.name) && cx.may(&[&role.name])
                    }
                    _ => true,
                }
            }
        };
        if !administered {
            return Err(AdminError::Forbidden);
        }
        waiting.extend(role.composites);
    }
    Ok(())
}

/// Whether the caller may make, rename, change or delete roles of `container`. What a role lets its holder do goes by its name, so
/// the roles of administration are only for who administers the realm as a whole.
///
/// # Errors
/// They are such roles and he does not.
pub async fn may_shape(cx: &AdminRequest, container: &RoleContainer) -> Result<(), AdminError> {
    let (realm, RoleContainer::Client(client)) = (cx.realm(), container) else { return Ok(()) };
    if cx.caller.administers_fully(realm) {
        return Ok(());
    }
    let client = cx.app.store.peek().clients().get(&realm.id, client).await?;
    if client.is_some_and(|client| is_of_administration(realm, &client)) { Err(AdminError::Forbidden) } else { Ok(()) }
}

/// Whether the roles of `client` are those of administration: of the realm itself, or in `master` of every realm.
pub fn is_of_administration(realm: &Realm, client: &Client) -> bool {
    if realm.is_master() { client.client_id.ends_with("-realm") } else { client.client_id == REALM_MANAGEMENT }
}

/// Whether the caller may make somebody a member of `group`, with the roles of the group and of those above it.
///
/// # Errors
/// There is no such group; otherwise as [`may_grant`].
pub async fn may_give_membership(cx: &AdminRequest, group: &GroupId) -> Result<(), AdminError> {
    let (mut roles, mut next) = (Vec::new(), Some(group.clone()));
    let mut seen = HashSet::new();
    while let Some(id) = next.filter(|id| seen.insert(id.clone())) {
        let found = cx.app.store.peek().groups().get(&cx.realm().id, &id).await?;
        let Some(found) = found else { return Err(ManageError::no_such_group().into()) };
        roles.extend(found.roles);
        next = found.parent;
    }
    may_grant(cx, &roles).await
}
