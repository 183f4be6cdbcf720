//! Who administers a realm from outside: a client of master holds the roles over it.

use crate::base::env::Env;
use crate::base::id::{RoleId, UserId};
use crate::manage::defaults::clients as client_tables;
use crate::manage::defaults::roles as role_tables;
use crate::manage::error::ManageError;
use crate::manage::{clients, users};
use crate::model::client::Client;
use crate::model::realm::Realm;
use crate::model::role::RoleContainer;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::fresh::client_roles;

/// The client in master that holds the roles over realm `name`; `admin` contains them all. Without a master (an imported realm
/// in a store of its own) there is nobody to administer it from outside.
pub(in crate::manage) async fn add_administration_client(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    name: &str,
) -> Result<(), ManageError> {
    let Some(master) = txn.realms().by_name(Realm::MASTER).await? else { return Ok(()) };
    let client_id = client_tables::administration_client_id(name);
    if txn.clients().by_client_id(&master.id, &client_id).await?.is_some() {
        return Err(ManageError::client_exists(&client_id));
    }
    let mut client = client_tables::role_holder(env.random(), &client_id, &format!("{name} Realm"));
    clients::attach_realm_scopes(txn, &master, &mut client).await?;
    let roles = client_roles(env.random(), &client.id, role_tables::ADMINISTRATION);
    if let Some(admin) = txn.roles().realm_role(&master.id, role_tables::ADMIN).await? {
        let mut changed = admin.clone();
        changed.composites.extend(roles.iter().map(|role| role.id.clone()));
        txn.roles().put(&master.id, &admin, &changed);
    }
    txn.clients().insert(&master.id, &client);
    for role in &roles {
        txn.roles().insert(&master.id, role);
    }
    Ok(())
}

/// After `realm` has appeared ready-made: master knows how to administer it, or all others if it is master itself.
pub(in crate::manage) async fn settle_administration_clients(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &Realm,
) -> Result<(), ManageError> {
    let names =
        if realm.is_master() { txn.realms().list().await?.into_iter().map(|realm| realm.name).collect() } else { vec![realm.name.clone()] };
    let Some(master) = txn.realms().by_name(Realm::MASTER).await? else { return Ok(()) };
    for name in names {
        let client_id = client_tables::administration_client_id(&name);
        if txn.clients().by_client_id(&master.id, &client_id).await?.is_none() {
            add_administration_client(txn, env, &name).await?;
        }
    }
    Ok(())
}

pub(super) async fn rename_administration_client(txn: &mut Txn<'_, Configuration>, from: &str, to: &str) -> Result<(), ManageError> {
    let Some(master) = txn.realms().by_name(Realm::MASTER).await? else { return Ok(()) };
    let (from, to_id) = (client_tables::administration_client_id(from), client_tables::administration_client_id(to));
    let Some(old) = txn.clients().by_client_id(&master.id, &from).await? else { return Ok(()) };
    if txn.clients().by_client_id(&master.id, &to_id).await?.is_some() {
        return Err(ManageError::realm_name_taken());
    }
    let client = Client { client_id: to_id, name: Some(format!("{to} Realm")), ..old.clone() };
    txn.clients().put(&master.id, &old, &client);
    Ok(())
}

/// Gives a user of master all roles over `realm`: who may create realms and is no full administrator could not touch his own otherwise.
///
/// # Errors
/// No such user.
pub async fn give_all_roles_over(txn: &mut Txn<'_, Configuration>, realm: &Realm, user: &UserId) -> Result<(), ManageError> {
    let Some(master) = txn.realms().by_name(Realm::MASTER).await? else { return Ok(()) };
    let client_id = client_tables::administration_client_id(&realm.name);
    let Some(client) = txn.clients().by_client_id(&master.id, &client_id).await? else { return Ok(()) };
    let container = RoleContainer::Client(client.id);
    let roles = txn.roles().list(&master.id).await?;
    let ids: Vec<RoleId> = roles.into_iter().filter(|role| role.container == container).map(|role| role.id).collect();
    users::add_roles(txn, &master.id, user, &ids).await
}
