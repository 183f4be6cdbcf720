//! Keys and certificates that somebody uploads as a form with a file, for a client or an identity provider.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::base::secret::Secret;
use crate::keyring::keystore::{KeystoreError, KeystoreFormat, Passwords};
use crate::keyring::{JwkSet, client_keys, public_part};
use crate::manage::client_certificates::ClientKeys;
use crate::web::administrator::AdminRequest;

use super::error::AdminError;
use super::multipart::Form;

const CERTIFICATE_PEM: &str = "Certificate PEM";
const PUBLIC_KEY_PEM: &str = "Public Key PEM";
const JWK_SET: &str = "JSON Web Key Set";

/// `CertificateRepresentation`
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key: Option<Secret<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks: Option<String>,
}

impl From<ClientKeys> for CertificateRepresentation {
    fn from(keys: ClientKeys) -> Self {
        let ClientKeys { private_key, public_key, certificate, kid, jwks } = keys;
        Self { private_key, public_key, certificate, kid, jwks }
    }
}

/// What the file of a form with `keystoreFormat` and `file` holds. Of a JWK set only what is public.
///
/// # Errors
/// The body is no such form, or the file not what it says.
pub fn uploaded(cx: &AdminRequest) -> Result<ClientKeys, AdminError> {
    let form = Form::of(cx)?;
    let format = form.text("keystoreFormat").ok_or_else(|| AdminError::error(400, "keystoreFormat cannot be null"))?;
    let file = form.file("file").ok_or_else(|| AdminError::error(400, "file cannot be empty"))?;
    let text = || std::str::from_utf8(file).map_err(|_| refused("the file is not text"));
    match format {
        CERTIFICATE_PEM => {
            let der = client_keys::certificate(text()?).map_err(refused)?;
            Ok(ClientKeys { certificate: Some(STANDARD.encode(der)), ..ClientKeys::default() })
        }
        PUBLIC_KEY_PEM => {
            let key = client_keys::public_key(text()?).ok_or_else(|| refused("the public key cannot be decoded"))?;
            Ok(ClientKeys { public_key: Some(key), ..ClientKeys::default() })
        }
        JWK_SET => {
            JwkSet::parse(file).map_err(|error| refused(error.reason()))?;
            Ok(ClientKeys { jwks: public_part(text()?), ..ClientKeys::default() })
        }
        _ => {
            let format = KeystoreFormat::named(format).ok_or_else(unsupported)?;
            let secret = |name| Secret::from(form.text(name).unwrap_or_default());
            let (store, key) = (secret("storePassword"), secret("keyPassword"));
            let read = format.read(file, form.text("keyAlias").unwrap_or_default(), &Passwords { store: &store, key: &key });
            let read = read.map_err(not_read)?;
            Ok(ClientKeys { private_key: read.private_key, certificate: Some(STANDARD.encode(read.certificate)), ..ClientKeys::default() })
        }
    }
}

pub fn unsupported() -> AdminError {
    AdminError::error(406, "Only JKS and PKCS12 keystores are supported")
}

fn refused(reason: &'static str) -> AdminError {
    AdminError::described(400, "invalid_request", reason)
}

fn not_read(error: KeystoreError) -> AdminError {
    match error {
        KeystoreError::NoEntry => {
            AdminError::described(400, "certificate-not-found", "Certificate or key with given alias not found in the keystore")
        }
        other => AdminError::described(400, "invalid_request", other.to_string()),
    }
}
