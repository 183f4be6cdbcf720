//! The credentials of a user one by one: their order, their labels, the password and those before it.

use crate::base::env::Env;
use crate::base::id::{CredentialId, RealmId, UserId};
use crate::base::password_hash::PasswordHash;
use crate::model::credential::{Credential, CredentialKind, Credentials};
use crate::model::password_policy::MAX_HISTORY;
use crate::model::realm::Realm;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::error::ManageError;
use super::passwords::policy;
use super::users;

/// Names a credential for its user; an empty label takes the name away.
///
/// # Errors
/// No such user or credential, a label that is too long.
pub async fn set_label(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    user: &UserId,
    id: &CredentialId,
    label: &str,
) -> Result<(), ManageError> {
    if label.len() > 255 {
        return Err(ManageError::too_large("The label"));
    }
    change(txn, realm, user, id, |credentials, at| {
        credentials.0[at].user_label = Some(label.to_owned()).filter(|label| !label.is_empty());
    })
    .await
}

/// Puts a credential before all others.
///
/// # Errors
/// No such user or credential.
pub async fn move_to_first(txn: &mut Txn<'_, Configuration>, realm: &RealmId, user: &UserId, id: &CredentialId) -> Result<(), ManageError> {
    change(txn, realm, user, id, |credentials, at| {
        let moved = credentials.0.remove(at);
        credentials.0.insert(0, moved);
    })
    .await
}

/// Puts a credential behind `previous`. Nothing happens if the user does not have that one, as in Keycloak.
///
/// # Errors
/// No such user or credential.
pub async fn move_after(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    user: &UserId,
    id: &CredentialId,
    previous: &CredentialId,
) -> Result<(), ManageError> {
    change(txn, realm, user, id, |credentials, at| {
        if id == previous || !credentials.0.iter().any(|credential| credential.id == *previous) {
            return;
        }
        let moved: Credential = credentials.0.remove(at);
        let behind = credentials.0.iter().position(|credential| credential.id == *previous).map_or(0, |at| at + 1);
        credentials.0.insert(behind, moved);
    })
    .await
}

/// A new password takes the place, the id and the label of the old one, which becomes a former one where the policy asks about
/// those.
pub(super) async fn put_password(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &Realm,
    user: &UserId,
    hash: &PasswordHash,
) -> Result<(), ManageError> {
    let mut credentials = txn.credentials().get(&realm.id, user).await?;
    let kind = CredentialKind::Password { hash: hash.clone() };
    let password = credentials.0.iter_mut().find(|credential| matches!(credential.kind, CredentialKind::Password { .. }));
    let old = if let Some(password) = password {
        let old = password.clone();
        (password.kind, password.created) = (kind, env.now());
        // What was hashed elsewhere is another credential, and comes without the name that the user gave to the old one.
        if hash.given_data.is_some() {
            password.user_label = None;
        }
        Some(old)
    } else {
        let id = CredentialId::random(env.random());
        credentials.0.push(Credential { id, user_label: None, created: env.now(), kind });
        None
    };
    remember(&mut credentials, env, policy(realm)?.kept_history(), old);
    txn.credentials().put(&realm.id, user, &credentials);
    Ok(())
}

/// Keeps `old` among the former passwords, and forgets those that are neither among the last `count` nor of the last `days`.
fn remember(credentials: &mut Credentials, env: &Env, (count, days): (i64, i64), old: Option<Credential>) {
    let former = |credential: &Credential| matches!(credential.kind, CredentialKind::PasswordHistory { .. });
    if let Some(Credential { user_label, created, kind: CredentialKind::Password { hash }, .. }) = old
        && (count > 0 || days > 0)
    {
        let kind = CredentialKind::PasswordHistory { hash };
        credentials.0.push(Credential { id: CredentialId::random(env.random()), user_label, created, kind });
    }
    let since = env.now().millis().saturating_sub(days.saturating_mul(86_400_000));
    // Newest first; of equally old ones the later entry is the newer.
    let mut places: Vec<_> = (0..credentials.0.len()).rev().filter(|place| former(&credentials.0[*place])).collect();
    places.sort_by_key(|place| std::cmp::Reverse(credentials.0[*place].created));
    let forgotten: Vec<_> = places
        .into_iter()
        .zip(0..)
        // However many the policy wants: they are part of one document, and each costs a hash to compare.
        .filter(|(place, rank)| *rank >= MAX_HISTORY || (*rank >= count && (days == 0 || credentials.0[*place].created.millis() < since)))
        .map(|(place, _)| place)
        .collect();
    let mut place = 0;
    credentials.0.retain(|_| {
        place += 1;
        !forgotten.contains(&(place - 1))
    });
}

async fn change(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    user: &UserId,
    id: &CredentialId,
    edit: impl FnOnce(&mut Credentials, usize) + Send,
) -> Result<(), ManageError> {
    users::existing(txn, realm, user).await?;
    let mut credentials = txn.credentials().get(realm, user).await?;
    let at = credentials.0.iter().position(|credential| credential.id == *id).ok_or_else(ManageError::no_credential)?;
    edit(&mut credentials, at);
    txn.credentials().put(realm, user, &credentials);
    Ok(())
}
