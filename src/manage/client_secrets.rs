//! What a client keeps secret, each sealed under an identity of its own: its secret, the one before it and its private keys. A
//! rotated secret counts at once and the old one for a while, so that deployments can be changed over without a gap.

use crate::base::env::Env;
use crate::base::id::{ClientId, RealmId};
use crate::base::seal::Sealer;
use crate::base::secret::Secret;
use crate::keyring::public_part;
use crate::model::client::{
    Client, JWKS, PRIVATE_KEY_SUFFIX, ROTATED_SECRET, ROTATED_SECRET_CREATION, ROTATED_SECRET_EXPIRATION, SECRET_CREATION,
    SECRET_EXPIRATION,
};
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::clients::{ClientSettings, existing};
use super::error::ManageError;
use super::realms;

/// Characters of a generated secret: 512 bits, and nothing that needs escaping in a form, a shell or Basic credentials.
pub(super) const SECRET_LENGTH: usize = 86;
/// The longest secret that is accepted.
const MAX_SECRET: usize = 2048;
/// The longest private key, base64 or PEM: RSA with 16 384 bits has 13 KiB.
const MAX_PRIVATE_KEY: usize = 16 << 10;

/// How a secret is rotated, in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SecretRotation {
    /// How long the old secret still counts; at most that long, if it expires earlier itself.
    pub overlap: u32,
    /// How long the new secret counts; `None` for ever.
    pub lifetime: Option<u32>,
}

/// Gives a client a new secret and answers it. The old one, and one that still overlapped with it, are worth nothing from the
/// commit on: [`rotate`] is the gentle way.
///
/// # Errors
/// No such client.
pub async fn regenerate_secret(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    realm: &RealmId,
    id: &ClientId,
) -> Result<Secret<String>, ManageError> {
    let old = existing(txn, realm, id).await?;
    let mut client = old.clone();
    let secret = generate_secret(&mut client, env, sealer, realm)?;
    forget_rotated_secret(&mut client);
    client.attributes.remove(SECRET_EXPIRATION);
    note_secret_creation(&mut client, env);
    txn.clients().put(realm, &old, &client);
    Ok(secret)
}

/// The secret of a client in clear; `None` if it has none.
///
/// # Errors
/// It was sealed under another key.
pub fn read_secret(sealer: &Sealer, realm: &RealmId, client: &Client) -> Result<Option<Secret<String>>, ManageError> {
    open(sealer, realm, client.secret.as_deref(), &client.secret_identity())
}

fn open(sealer: &Sealer, realm: &RealmId, sealed: Option<&str>, identity: &str) -> Result<Option<Secret<String>>, ManageError> {
    let Some(sealed) = sealed else { return Ok(None) };
    let opened = sealer.open(realm, identity, sealed)?;
    let text = String::from_utf8(opened.expose().clone()).map_err(|_| crate::base::seal::CannotOpen)?;
    Ok(Some(Secret::new(text)))
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
    let old = existing(txn, realm, id).await?;
    if old.public_client {
        return Err(ManageError::public_client_has_no_secret());
    }
    let (mut client, now) = (old.clone(), env.now().seconds());
    forget_rotated_secret(&mut client);
    let expired = old.seconds(SECRET_EXPIRATION).filter(|until| *until > 0);
    let until = expired.map_or(now + i64::from(rotation.overlap), |until| until.min(now + i64::from(rotation.overlap)));
    if let Some(secret) = read_secret(sealer, realm, &old)?.filter(|_| until > now) {
        let identity = client.rotated_secret_identity();
        client.rotated_secret = Some(sealer.seal(env.random(), realm, &identity, secret.expose().as_bytes()));
        client.attributes.insert(ROTATED_SECRET_EXPIRATION.to_owned(), until.to_string());
        if let Some(created) = client.attributes.get(SECRET_CREATION).cloned() {
            client.attributes.insert(ROTATED_SECRET_CREATION.to_owned(), created);
        }
    }
    let secret = generate_secret(&mut client, env, sealer, realm)?;
    note_secret_creation(&mut client, env);
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
    let old = existing(txn, realm, id).await?;
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
    open(sealer, realm, client.rotated_secret.as_deref(), &client.rotated_secret_identity())
}

/// Keycloak keeps the secret before the last rotation and the private keys of a client among its attributes, in clear. Seals
/// them into their own fields, and forgets what a JWK set tells of private keys, so that no attribute is ever secret; for clients
/// from settings and from realm files. The mask keeps what is stored.
///
/// # Errors
/// One is too long.
pub fn seal_secret_attributes(client: &mut Client, env: &Env, sealer: &Sealer, realm: &RealmId) -> Result<(), ManageError> {
    if let Some(secret) = taken(client, ROTATED_SECRET, MAX_SECRET)? {
        client.rotated_secret = Some(sealer.seal(env.random(), realm, &client.rotated_secret_identity(), secret.expose().as_bytes()));
    }
    if let Some(public) = client.attribute(JWKS).and_then(public_part) {
        client.attributes.insert(JWKS.to_owned(), public);
    }
    let names: Vec<String> = client.attributes.keys().filter(|name| name.ends_with(PRIVATE_KEY_SUFFIX)).cloned().collect();
    for name in names {
        if let Some(key) = taken(client, &name, MAX_PRIVATE_KEY)? {
            put_private_key(client, env, sealer, realm, name.trim_end_matches(PRIVATE_KEY_SUFFIX), &key);
        }
    }
    Ok(())
}

/// Takes a secret out of the attributes; `None` if there is none or only the mask.
fn taken(client: &mut Client, name: &str, longest: usize) -> Result<Option<Secret<String>>, ManageError> {
    let Some(secret) = client.attributes.remove(name).map(Secret::new) else { return Ok(None) };
    if secret.expose().len() > longest {
        return Err(ManageError::too_large("Secret"));
    }
    Ok(Some(secret).filter(|secret| secret.expose() != realms::MASK && !secret.expose().is_empty()))
}

/// Seals a private key (base64) into a client, under the prefix of its attributes.
pub(super) fn put_private_key(client: &mut Client, env: &Env, sealer: &Sealer, realm: &RealmId, prefix: &str, key: &Secret<String>) {
    let sealed = sealer.seal(env.random(), realm, &client.private_key_identity(prefix), key.expose().as_bytes());
    client.private_keys.insert(prefix.to_owned(), sealed);
}

/// The private key of a client whose attributes begin with `prefix`, base64 of DER; `None` if it has none.
///
/// # Errors
/// It was sealed under another key.
pub fn read_private_key(sealer: &Sealer, realm: &RealmId, client: &Client, prefix: &str) -> Result<Option<Secret<String>>, ManageError> {
    open(sealer, realm, client.private_keys.get(prefix).map(String::as_str), &client.private_key_identity(prefix))
}

pub(super) fn given_secret(settings: &ClientSettings) -> Option<&Secret<String>> {
    settings.secret.as_ref().filter(|secret| !secret.expose().is_empty() && secret.expose() != realms::MASK)
}

pub(super) fn set_secret(
    client: &mut Client,
    env: &Env,
    sealer: &Sealer,
    realm: &RealmId,
    secret: &Secret<String>,
) -> Result<(), ManageError> {
    if secret.expose().len() > MAX_SECRET {
        return Err(ManageError::too_large("Secret"));
    }
    client.secret = Some(sealer.seal(env.random(), realm, &client.secret_identity(), secret.expose().as_bytes()));
    Ok(())
}

pub(super) fn generate_secret(client: &mut Client, env: &Env, sealer: &Sealer, realm: &RealmId) -> Result<Secret<String>, ManageError> {
    let secret = Secret::new(env.random().alphanumeric(SECRET_LENGTH));
    set_secret(client, env, sealer, realm, &secret)?;
    Ok(secret)
}

pub(super) fn note_secret_creation(client: &mut Client, env: &Env) {
    client.attributes.insert(SECRET_CREATION.to_owned(), env.now().seconds().to_string());
}
