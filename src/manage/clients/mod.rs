//! Clients: Keycloak's defaults at creation, sealed secrets, service accounts, scopes, deletion with roles and references.

pub mod nodes;
mod scopes;
mod settings;
mod urls;

use crate::base::env::Env;
use crate::base::id::{ClientId, RealmId};
use crate::base::seal::Sealer;
use crate::model::client::Client;
use crate::model::realm::Realm;
use crate::model::role::RoleContainer;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::client_secrets::{generate_secret, given_secret, note_secret_creation, seal_secret_attributes, set_secret};
use super::defaults::client_scopes::SERVICE_ACCOUNT;
use super::defaults::clients::is_built_in;
use super::error::ManageError;
use super::{protocol_mappers, realms, roles, users};

pub use super::client_secrets::{read_secret, regenerate_secret};
pub(in crate::manage) use scopes::attach_realm_scopes;
pub(in crate::manage) use scopes::scopes_named;
pub use scopes::{ScopeAttachment, add_scope, remove_scope};
pub(in crate::manage) use settings::preview;
pub use settings::{ClientSettings, NewClient};
use settings::{apply, with_defaults};
pub(in crate::manage) use urls::check;

const OIDC: &str = "openid-connect";

/// Creates a client. A confidential one without a secret gets a generated one; one with a service account gets its user.
///
/// # Errors
/// The `client_id` or id is taken or not allowed, a URL has an illegal scheme, a protocol or mapper type is unknown.
pub async fn create(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    realm: &RealmId,
    new: &NewClient,
) -> Result<Client, ManageError> {
    let realm = realms::existing(txn, realm).await?;
    let id = new.id.clone().unwrap_or_else(|| ClientId::random(env.random()));
    realms::check_id(id.as_str())?;
    let client_id = new.settings.client_id.clone().unwrap_or_else(|| id.to_string());
    if txn.clients().by_client_id(&realm.id, &client_id).await?.is_some() || txn.clients().get(&realm.id, &id).await?.is_some() {
        return Err(ManageError::client_exists(&client_id));
    }

    let mut client = with_defaults(id, client_id, &new.settings);
    apply(&mut client, &new.settings);
    check(&client)?;
    urls::check_syntax(&client)?;
    seal_secret_attributes(&mut client, env, sealer, &realm.id)?;
    client.attributes.entry("realm_client".to_owned()).or_insert_with(|| "false".to_owned());
    note_secret_creation(&mut client, env);
    match given_secret(&new.settings) {
        Some(secret) => set_secret(&mut client, env, sealer, &realm.id, secret)?,
        None if !client.public_client => drop(generate_secret(&mut client, env, sealer, &realm.id)?),
        None => {}
    }
    protocol_mappers::replace(&mut client.protocol_mappers, env, new.settings.protocol_mappers.as_deref().unwrap_or_default())?;
    match (&new.settings.default_client_scopes, &new.settings.optional_client_scopes) {
        (None, None) => attach_realm_scopes(txn, &realm, &mut client).await?,
        (default, optional) => {
            client.default_client_scopes = scopes_named(txn, &realm.id, default.as_deref().unwrap_or_default()).await?;
            client.optional_client_scopes = scopes_named(txn, &realm.id, optional.as_deref().unwrap_or_default()).await?;
        }
    }
    settle_service_account(txn, env, &realm, None, &mut client).await?;
    txn.clients().insert(&realm.id, &client);
    Ok(client)
}

/// Changes a client; what `settings` does not name stays.
///
/// # Errors
/// No such client; otherwise as [`create`].
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    realm: &RealmId,
    id: &ClientId,
    settings: &ClientSettings,
) -> Result<Client, ManageError> {
    let realm = realms::existing(txn, realm).await?;
    let old = existing(txn, &realm.id, id).await?;
    let mut client = old.clone();
    apply(&mut client, settings);
    check(&client)?;
    urls::check_syntax(&client)?;
    seal_secret_attributes(&mut client, env, sealer, &realm.id)?;
    if client.client_id != old.client_id && txn.clients().by_client_id(&realm.id, &client.client_id).await?.is_some() {
        return Err(ManageError::client_id_taken());
    }
    match given_secret(settings) {
        Some(secret) => set_secret(&mut client, env, sealer, &realm.id, secret)?,
        None if client.secret.is_none() && !client.public_client => drop(generate_secret(&mut client, env, sealer, &realm.id)?),
        None => {}
    }
    if let Some(mappers) = &settings.protocol_mappers {
        protocol_mappers::replace(&mut client.protocol_mappers, env, mappers)?;
    }
    settle_service_account(txn, env, &realm, Some(&old), &mut client).await?;
    txn.clients().put(&realm.id, &old, &client);
    Ok(client)
}

/// Makes the registration access token with this `jti` the one that counts (RFC 7592 §3).
///
/// # Errors
/// No such client.
pub async fn set_registration_token(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &ClientId,
    jti: &str,
) -> Result<Client, ManageError> {
    let old = existing(txn, realm, id).await?;
    let client = Client { registration_token: Some(jti.to_owned()), ..old.clone() };
    txn.clients().put(realm, &old, &client);
    Ok(client)
}

/// Switches a client on or off.
///
/// # Errors
/// No such client.
pub async fn set_enabled(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ClientId, enabled: bool) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    txn.clients().put(realm, &old, &Client { enabled, ..old.clone() });
    Ok(())
}

/// Deletes a client with its roles and its service account.
///
/// # Errors
/// No such client, or a built-in one.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ClientId) -> Result<(), ManageError> {
    let realm = realms::existing(txn, realm).await?;
    let client = existing(txn, &realm.id, id).await?;
    if is_built_in(&client.client_id, &realm.name, realm.is_master()) {
        return Err(ManageError::built_in_client());
    }
    remove(txn, &realm.id, &client).await
}

/// Deletes a client whether it is built in or not.
pub(in crate::manage) async fn remove(txn: &mut Txn<'_, Configuration>, realm: &RealmId, client: &Client) -> Result<(), ManageError> {
    let mut own_roles = txn.roles().list(realm).await?;
    own_roles.retain(|role| role.container == RoleContainer::Client(client.id.clone()));
    roles::remove_all(txn, realm, &own_roles).await?;
    users::remove_service_account(txn, realm, &client.id).await?;
    txn.clients().delete(realm, client);
    Ok(())
}

pub(in crate::manage) async fn existing(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ClientId) -> Result<Client, ManageError> {
    txn.clients().get(realm, id).await?.ok_or_else(ManageError::no_client)
}

/// Lets the service account follow its client: made and unmade with the switch, renamed with the `client_id`.
async fn settle_service_account(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &Realm,
    old: Option<&Client>,
    client: &mut Client,
) -> Result<(), ManageError> {
    let had = old.is_some_and(|old| old.service_accounts_enabled);
    if !client.service_accounts_enabled && !had {
        return Ok(());
    }
    let scope = txn.client_scopes().by_name(&realm.id, SERVICE_ACCOUNT).await?.map(|scope| scope.id);
    if client.service_accounts_enabled {
        if let Some(scope) = scope.filter(|scope| !client.default_client_scopes.contains(scope)) {
            client.optional_client_scopes.retain(|attached| *attached != scope);
            client.default_client_scopes.push(scope);
        }
        users::ensure_service_account(txn, env, realm, client).await
    } else {
        client.default_client_scopes.retain(|attached| Some(attached) != scope.as_ref());
        users::remove_service_account(txn, &realm.id, &client.id).await
    }
}
