//! Rotation of client secrets: the new secret counts at once and the old one for a while, so that deployments can be changed over
//! without a gap. The names of the attributes are Keycloak's; the old secret itself is sealed like the new one.

use crate::base::env::Env;
use crate::base::id::{ClientId, RealmId};
use crate::base::seal::Sealer;
use crate::base::secret::Secret;
use crate::model::client::{
    Client, ROTATED_SECRET, ROTATED_SECRET_CREATION, ROTATED_SECRET_EXPIRATION, SECRET_CREATION, SECRET_EXPIRATION,
};
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::error::ManageError;
use super::{clients, realms};

/// How a secret is rotated, in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SecretRotation {
    /// How long the old secret still counts; at most that long, if it expires earlier itself.
    pub overlap: u32,
    /// How long the new secret counts; `None` for ever.
    pub lifetime: Option<u32>,
}

/// Gives a client a new secret and answers it, while the old one counts on for some time: whoever still uses it can be changed
/// over without a gap. At most two secrets count: rotating again within the overlap ends the older one.
///
/// # Errors
/// No such client, or a public one.
pub async fn rotate(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    realm: &RealmId,
    id: &ClientId,
    rotation: SecretRotation,
) -> Result<Secret<String>, ManageError> {
    let old = clients::existing(txn, realm, id).await?;
    if old.public_client {
        return Err(ManageError::public_client_has_no_secret());
    }
    let (mut client, now) = (old.clone(), env.now().seconds());
    forget_rotated_secret(&mut client);
    let expired = old.seconds(SECRET_EXPIRATION).filter(|until| *until > 0);
    let until = expired.map_or(now + i64::from(rotation.overlap), |until| until.min(now + i64::from(rotation.overlap)));
    if let Some(secret) = clients::read_secret(sealer, realm, &old)?.filter(|_| until > now) {
        let identity = client.rotated_secret_identity();
        client.rotated_secret = Some(sealer.seal(env.random(), realm, &identity, secret.expose().as_bytes()));
        client.attributes.insert(ROTATED_SECRET_EXPIRATION.to_owned(), until.to_string());
        if let Some(created) = client.attributes.get(SECRET_CREATION).cloned() {
            client.attributes.insert(ROTATED_SECRET_CREATION.to_owned(), created);
        }
    }
    let secret = clients::generate_secret(&mut client, env, sealer, realm)?;
    clients::note_secret_creation(&mut client, env);
    match rotation.lifetime {
        Some(lifetime) => drop(client.attributes.insert(SECRET_EXPIRATION.to_owned(), (now + i64::from(lifetime)).to_string())),
        None => drop(client.attributes.remove(SECRET_EXPIRATION)),
    }
    txn.clients().put(realm, &old, &client);
    Ok(secret)
}

/// Ends the overlap of a rotation: only the newest secret counts from the commit on.
///
/// # Errors
/// No such client.
pub async fn end_rotation(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ClientId) -> Result<(), ManageError> {
    let old = clients::existing(txn, realm, id).await?;
    let mut client = old.clone();
    forget_rotated_secret(&mut client);
    txn.clients().put(realm, &old, &client);
    Ok(())
}

pub(super) fn forget_rotated_secret(client: &mut Client) {
    client.rotated_secret = None;
    client.attributes.remove(ROTATED_SECRET_CREATION);
    client.attributes.remove(ROTATED_SECRET_EXPIRATION);
}

/// The secret before the last rotation in clear, whether it still counts or not; `None` if there is none.
///
/// # Errors
/// It was sealed under another key.
pub fn read_rotated(sealer: &Sealer, realm: &RealmId, client: &Client) -> Result<Option<Secret<String>>, ManageError> {
    clients::open(sealer, realm, client.rotated_secret.as_deref(), &client.rotated_secret_identity())
}

/// Keycloak keeps the secret before the last rotation among the attributes, in clear. Seals it into its own field, so that no
/// attribute is ever secret; for clients from settings and from realm files.
///
/// # Errors
/// It is too long.
pub fn seal_rotated_secret(client: &mut Client, env: &Env, sealer: &Sealer, realm: &RealmId) -> Result<(), ManageError> {
    let Some(secret) = client.attributes.remove(ROTATED_SECRET).map(Secret::new) else { return Ok(()) };
    if secret.expose().len() > clients::MAX_SECRET {
        return Err(ManageError::too_large("Secret"));
    }
    if secret.expose() != realms::MASK && !secret.expose().is_empty() {
        client.rotated_secret = Some(sealer.seal(env.random(), realm, &client.rotated_secret_identity(), secret.expose().as_bytes()));
    }
    Ok(())
}
