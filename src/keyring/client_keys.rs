//! Key pairs, certificates and public keys that clients have: made here for them, or brought by them in one of several forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use super::generate::RSA_SIZES;
use super::rsa_key::new_rsa_key;
use super::{KeyError, certificate, provider};
use crate::base::env::Env;
use crate::base::secret::Secret;

/// What Keycloak makes where nobody says anything else.
const DEFAULT_BITS: u32 = 4096;
const DEFAULT_YEARS: i32 = 3;
const MAX_YEARS: i32 = 100;

/// A certificate, and the key to it if it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertifiedKey {
    /// Base64 of DER; of an RSA key in the form of PKCS #1, as Keycloak writes it.
    pub private_key: Option<Secret<String>>,
    /// DER.
    pub certificate: Vec<u8>,
}

/// Makes an RSA key with a self-signed certificate for `subject`. Takes a second and more: not for an executor's thread.
///
/// # Errors
/// `bits` is none of 2048, 3072 and 4096, or `years` not between 1 and 100.
pub fn generate(env: &Env, subject: &str, bits: Option<u32>, years: Option<i32>) -> Result<CertifiedKey, KeyError> {
    let refused = |reason: &str| KeyError { component: subject.to_owned(), reason: reason.to_owned() };
    let (bits, years) = (bits.unwrap_or(DEFAULT_BITS), years.unwrap_or(DEFAULT_YEARS));
    if !RSA_SIZES.contains(&bits.to_string().as_str()) {
        return Err(refused("The key size must be one of 2048, 3072 and 4096"));
    }
    if !(1..=MAX_YEARS).contains(&years) {
        return Err(refused("The validity must be between 1 and 100 years"));
    }
    let private_key = new_rsa_key(env.random(), bits)?;
    let key = provider::private_key(private_key.expose()).map_err(refused)?;
    let certificate = certificate::self_signed_for(&key, subject, env.now(), years).map_err(|error| refused(&error.to_string()))?;
    Ok(CertifiedKey { private_key: Some(private_key), certificate })
}

/// The DER of a certificate (PEM or base64).
///
/// # Errors
/// It is none.
pub fn certificate(text: &str) -> Result<Vec<u8>, &'static str> {
    provider::parse_certificate(text)
}

/// A public key (PEM or base64 of its SubjectPublicKeyInfo) as base64 of DER. `None` if it is none.
pub fn public_key(text: &str) -> Option<String> {
    let text = text.trim();
    let key = if text.starts_with("-----") { PKey::public_key_from_pem(text.as_bytes()) } else { PKey::public_key_from_der(&der(text)?) };
    Some(STANDARD.encode(key.ok()?.public_key_to_der().ok()?))
}

/// The public key in a certificate (DER) as base64 of DER. `None` if there is none.
pub fn public_key_of(certificate: &[u8]) -> Option<String> {
    Some(STANDARD.encode(X509::from_der(certificate).ok()?.public_key().ok()?.public_key_to_der().ok()?))
}

/// Base64 with or without line breaks.
pub(super) fn der(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).ok()
}

/// A private key as base64 of DER.
pub(super) fn text(key: &PKey<Private>) -> Result<Secret<String>, ErrorStack> {
    let der = match key.rsa() {
        Ok(rsa) => rsa.private_key_to_der()?,
        Err(_) => key.private_key_to_pkcs8()?,
    };
    Ok(Secret::new(STANDARD.encode(zeroize::Zeroizing::new(der))))
}

/// Whether the certificate (DER) is that of the key.
pub fn belong_together(private_key: &Secret<String>, certificate: &[u8]) -> bool {
    let public = X509::from_der(certificate).and_then(|certificate| certificate.public_key());
    provider::private_key(private_key.expose()).is_ok_and(|key| public.is_ok_and(|public| public.public_eq(&key)))
}
