//! Clients that register themselves (RFC 7591) and look after themselves (RFC 7592). What is counted or compared is so in the
//! transaction that makes or changes the client: an initial access of two makes two clients, whoever comes at the same time, and
//! of two changes with one registration access token one is made.

use crate::base::clock::Timestamp;
use crate::base::env::Env;
use crate::base::id::{ClientId, InitialAccessId, RealmId};
use crate::base::seal::Sealer;
use crate::model::client::Client;
use crate::model::initial_access::InitialAccess;
use crate::store::StoreError;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::clients::{self, ClientSettings, NewClient};
use super::error::ManageError;
use super::realms;
use super::registration_policies::{PolicyRefusal, RegistrationPolicies};

/// The most clients that one initial access is made for.
const MAX_COUNT: i32 = 1_000_000;

/// Why nothing was registered.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
    /// The initial access was deleted meanwhile.
    #[error("Initial Access Token not found")]
    NoInitialAccess,
    #[error("Expired initial access token")]
    Expired,
    #[error("No remaining count on initial access token")]
    UsedUp,
    /// The registration access token is not the client's any more.
    #[error("the registration access token was used meanwhile")]
    StaleToken,
    #[error(transparent)]
    Manage(#[from] ManageError),
}

impl From<StoreError> for RegistrationError {
    fn from(error: StoreError) -> Self {
        Self::Manage(error.into())
    }
}

/// What lets somebody register.
pub struct Applicant<'a> {
    pub policies: &'a RegistrationPolicies,
    /// What is counted down; `None` for anonymous ones and administrators.
    pub initial_access: Option<&'a InitialAccessId>,
}

/// Makes an initial access.
///
/// # Errors
/// A number is negative or absurd, or there is no such realm.
pub async fn create_initial_access(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    access: &InitialAccess,
) -> Result<InitialAccess, ManageError> {
    realms::existing(txn, realm).await?;
    if !(0..=MAX_COUNT).contains(&access.count) || access.expiration < 0 {
        return Err(ManageError::initial_access_numbers());
    }
    txn.initial_access().put(realm, access);
    Ok(access.clone())
}

/// Registers a client. `token` becomes the `jti` of its registration access token.
///
/// # Errors
/// Nothing is left of the initial access, the realm has as many clients as its policies allow, or as [`clients::create`].
pub async fn register(
    txn: &mut Txn<'_, Configuration>,
    (env, sealer): (&Env, &Sealer),
    realm: &RealmId,
    applicant: &Applicant<'_>,
    new: &NewClient,
    token: &str,
) -> Result<Client, RegistrationError> {
    if let Some(id) = applicant.initial_access {
        count_down(txn, realm, id, env.now()).await?;
    }
    if let Some(max) = applicant.policies.max_clients() {
        for id in applicant.policies.counted_by() {
            if let Some(policy) = txn.components().get(realm, &id).await? {
                txn.components().put(realm, &policy);
            }
        }
        if txn.clients().list(realm).await?.len() >= max {
            return Err(applicant.policies.too_many_clients().into());
        }
    }
    let made = clients::create(txn, env, sealer, realm, new).await?;
    let mut client = made.clone();
    applicant.policies.settle(&mut client);
    client.registration_token = Some(token.to_owned());
    txn.clients().put(realm, &made, &client);
    Ok(client)
}

async fn count_down(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &InitialAccessId,
    now: Timestamp,
) -> Result<(), RegistrationError> {
    let mut access = txn.initial_access().get(realm, id).await?.ok_or(RegistrationError::NoInitialAccess)?;
    if access.remaining_count <= 0 {
        return Err(RegistrationError::UsedUp);
    }
    if access.is_expired(now) {
        return Err(RegistrationError::Expired);
    }
    access.remaining_count -= 1;
    txn.initial_access().put(realm, &access);
    Ok(())
}

/// Which registration access token a change came with, and which one counts after it.
#[derive(Clone, Copy)]
pub struct TokenChange<'a> {
    /// `None` when an administrator changes the client: its token stays as it is.
    pub presented: Option<&'a str>,
    pub next: &'a str,
}

/// Changes a client as it asks itself.
///
/// # Errors
/// Another change used the token first; otherwise as [`clients::update`].
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    (env, sealer): (&Env, &Sealer),
    realm: &RealmId,
    id: &ClientId,
    settings: &ClientSettings,
    token: TokenChange<'_>,
) -> Result<Client, RegistrationError> {
    let old = presented_by(txn, realm, id, token.presented).await?;
    let changed = clients::update(txn, env, sealer, realm, &old.id, settings).await?;
    let mut client = changed.clone();
    let names = [(&settings.default_client_scopes, true), (&settings.optional_client_scopes, false)];
    for (names, default) in names.into_iter().filter_map(|(names, default)| Some((names.as_deref()?, default))) {
        let (attached, other) = if default {
            (&mut client.default_client_scopes, &client.optional_client_scopes)
        } else {
            (&mut client.optional_client_scopes, &client.default_client_scopes)
        };
        let mut ids = clients::scopes_named(txn, realm, names).await?;
        ids.retain(|id| !other.contains(id));
        *attached = ids;
    }
    if token.presented.is_some() {
        client.registration_token = Some(token.next.to_owned());
    }
    txn.clients().put(realm, &changed, &client);
    Ok(client)
}

/// Deletes a client as it asks itself.
///
/// # Errors
/// Another change used the token first; otherwise as [`clients::delete`].
pub async fn delete(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &ClientId,
    presented: Option<&str>,
) -> Result<(), RegistrationError> {
    let client = presented_by(txn, realm, id, presented).await?;
    Ok(clients::delete(txn, realm, &client.id).await?)
}

async fn presented_by(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &ClientId,
    presented: Option<&str>,
) -> Result<Client, RegistrationError> {
    let client = clients::existing(txn, realm, id).await?;
    match presented {
        Some(jti) if client.registration_token.as_deref() != Some(jti) => Err(RegistrationError::StaleToken),
        _ => Ok(client),
    }
}
