//! Answers for the eyes of one client: ID tokens and userinfo encrypted with a key of its JWK set (OIDC Core §10.2). Whoever asked
//! for encryption never gets an answer in the clear instead.

use crate::compiled::CompiledClient;
use crate::egress::Egress;
use crate::keyring::{Encryption, EncryptionKeys, NotEncrypted};
use crate::oauth::error::OAuthError;

const ACCEPT: &str = "application/jwk-set+json, application/json";

/// Makes sure that the client has a key for `how`, before anything is begun that could not be answered. Keys that the client
/// publishes are fetched; the cache of `egress` says how often.
///
/// # Errors
/// `invalid_request` when there is none.
pub async fn prepare(egress: &Egress, client: &CompiledClient, how: Option<Encryption>) -> Result<(), OAuthError> {
    let Some(how) = how else { return Ok(()) };
    let refused = |cause: String| OAuthError::no_encryption_key().because(cause);
    if let Some(url) = client.jwks_url() {
        let document = egress.document(&url, ACCEPT).await.map_err(|error| refused(error.to_string()))?;
        client.remember_encryption_keys(EncryptionKeys::parse(&document.body).map_err(|error| refused(error.to_string()))?);
    }
    match client.encryption_keys() {
        Some(keys) if keys.serve(how.key) => Ok(()),
        _ => Err(refused(NotEncrypted::NoKey(how.key).to_string())),
    }
}

/// `payload` as it is when the client does not want it encrypted, otherwise as a JWE; `content_type` is `JWT` or `JSON`.
///
/// # Errors
/// `invalid_request` when the client has no key for it.
pub(super) fn encrypted(
    client: &CompiledClient,
    how: Option<Encryption>,
    content_type: &str,
    payload: String,
) -> Result<String, OAuthError> {
    let Some(how) = how else { return Ok(payload) };
    let encrypted = match client.encryption_keys() {
        Some(keys) => keys.encrypt(how, content_type, payload.as_bytes()),
        None => Err(NotEncrypted::NoKey(how.key)),
    };
    encrypted.map_err(|error| OAuthError::no_encryption_key().because(error.to_string()))
}
