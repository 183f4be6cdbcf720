//! Key pairs and certificates that hang on a client, by the prefix of the attributes that they stand in (`jwt.credential`,
//! `saml.signing`). What `jwt.credential` has verifies the client's assertions. Private keys are sealed and never shown again.

use crate::base::env::Env;
use crate::base::id::{ClientId, RealmId};
use crate::base::seal::Sealer;
use crate::base::secret::Secret;
use crate::model::client::{Client, JWKS, PRIVATE_KEY_SUFFIX};
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::client_secrets::put_private_key;
use super::clients::existing;
use super::error::ManageError;

/// What one prefix has. Keys and certificates are base64 of DER.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientKeys {
    pub private_key: Option<Secret<String>>,
    pub public_key: Option<String>,
    pub certificate: Option<String>,
    pub kid: Option<String>,
    /// A JWK set, as text.
    pub jwks: Option<String>,
}

/// What a client has under `prefix`. Of its private key only whether there is one; [`super::client_secrets::read_private_key`]
/// opens it.
pub fn stored(client: &Client, prefix: &str) -> (ClientKeys, bool) {
    let value = |name: &str| client.attribute(&format!("{prefix}.{name}")).map(str::to_owned);
    let jwks = client.attribute(JWKS).filter(|_| client.flag(USE_JWKS) && prefix == ASSERTIONS).map(str::to_owned);
    let keys =
        ClientKeys { private_key: None, public_key: value("public.key"), certificate: value("certificate"), kid: value("kid"), jwks };
    (keys, client.private_keys.contains_key(prefix))
}

/// Replaces what a client has under `prefix`. A JWK set of `jwt.credential` becomes the client's own, in place of its URL.
///
/// # Errors
/// No such client, or a prefix that is none.
pub async fn replace(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    (realm, id): (&RealmId, &ClientId),
    prefix: &str,
    keys: &ClientKeys,
) -> Result<(), ManageError> {
    check_prefix(prefix)?;
    let old = existing(txn, realm, id).await?;
    let mut client = old.clone();
    if let Some(jwks) = &keys.jwks {
        for (name, value) in [(JWKS, jwks.as_str()), (USE_JWKS, "true"), (USE_JWKS_URL, "false")] {
            client.attributes.insert(name.to_owned(), value.to_owned());
        }
    } else if prefix == ASSERTIONS {
        // They would go before what is stored here ([`crate::compiled::CompiledClient::assertion_keys`]).
        client.attributes.remove(USE_JWKS);
        client.attributes.remove(USE_JWKS_URL);
    }
    for (name, value) in [("public.key", &keys.public_key), ("certificate", &keys.certificate), ("kid", &keys.kid)] {
        let name = format!("{prefix}.{name}");
        match value {
            Some(value) => drop(client.attributes.insert(name, value.clone())),
            None => drop(client.attributes.remove(&name)),
        }
    }
    client.private_keys.remove(prefix);
    if let Some(key) = &keys.private_key {
        put_private_key(&mut client, env, sealer, realm, prefix, key);
    }
    txn.clients().put(realm, &old, &client);
    Ok(())
}

/// What becomes the name of attributes.
///
/// # Errors
/// It could be something else.
pub fn check_prefix(prefix: &str) -> Result<(), ManageError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let named = format!("{prefix}{PRIVATE_KEY_SUFFIX}");
    if prefix.is_empty() || named.len() > 128 || !prefix.chars().all(plain) {
        return Err(ManageError::certificate_prefix());
    }
    Ok(())
}

/// The prefix whose keys verify the client's assertions.
const ASSERTIONS: &str = "jwt.credential";
const USE_JWKS: &str = "use.jwks.string";
const USE_JWKS_URL: &str = "use.jwks.url";
