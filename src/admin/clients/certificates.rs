//! `/clients/{client-uuid}/certificates/{attr}`: key pairs and certificates of a client, made here or uploaded, and the keystores
//! in which applications take them home. A private key is told once, to whoever has it made; what is stored is never shown.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::base::secret::Secret;
use crate::keyring::Algorithm;
use crate::keyring::client_keys::{self, CertifiedKey};
use crate::keyring::keystore::{Contents, KeystoreFormat, Passwords};
use crate::manage::client_certificates::{self, ClientKeys};
use crate::manage::client_secrets::read_private_key;
use crate::manage::realms::MASK;
use crate::model::client::Client;
use crate::web::administrator::AdminRequest;

use super::existing;
use crate::admin::answer;
use crate::admin::body;
use crate::admin::certificate::{CertificateRepresentation, unsupported, uploaded};
use crate::admin::change::change;
use crate::admin::error::AdminError;

/// `KeyStoreConfig`
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct KeyStoreConfig {
    format: Option<String>,
    key_alias: Option<String>,
    key_password: Option<Secret<String>>,
    store_password: Option<Secret<String>>,
    /// Whether the realm's certificate goes along, to be trusted; it does unless this is false.
    realm_certificate: Option<bool>,
    realm_alias: Option<String>,
    key_size: Option<u32>,
    /// Years.
    validity: Option<i32>,
}

/// `GET …/certificates/{attr}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let (keys, has_private_key) = client_certificates::stored(&client, prefix(&cx)?);
    let mut shown = CertificateRepresentation::from(keys);
    shown.private_key = has_private_key.then(|| MASK.into());
    Ok(answer::document(&shown))
}

/// `POST …/generate`: a new pair, both halves stored
pub async fn generate(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let made = made(&cx, &client, &KeyStoreConfig::default()).await?;
    let keys = ClientKeys { private_key: made.private_key, certificate: Some(STANDARD.encode(made.certificate)), ..ClientKeys::default() };
    store(&cx, &client, &keys).await?;
    Ok(answer::document(&CertificateRepresentation::from(keys)))
}

/// `POST …/generate-and-download`: a new pair in a keystore; only its certificate is stored
pub async fn generate_and_download(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let config: KeyStoreConfig = body::read(&cx, "KeyStoreConfig")?;
    // What is wrong with the request is said before a key is made.
    let (_, passwords) = (format(&config)?, passwords(&config)?);
    let made = made(&cx, &client, &config).await?;
    let file = keystore(&cx, &client, &config, &passwords, &made).await?;
    store(&cx, &client, &ClientKeys { certificate: Some(STANDARD.encode(made.certificate)), ..ClientKeys::default() }).await?;
    Ok(binary(file))
}

/// `POST …/download`: what is stored, in a keystore
pub async fn download(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let config: KeyStoreConfig = body::read(&cx, "KeyStoreConfig")?;
    format(&config)?;
    let (stored, _) = client_certificates::stored(&client, prefix(&cx)?);
    let certificate = stored.certificate.and_then(|text| client_keys::certificate(&text).ok());
    let certificate = certificate.ok_or_else(|| AdminError::error(404, "keypair not generated for client"))?;
    let private_key = read_private_key(&cx.app.sealer, &cx.realm().id, &client, prefix(&cx)?)?;
    let passwords = passwords(&config)?;
    Ok(binary(keystore(&cx, &client, &config, &passwords, &CertifiedKey { private_key, certificate }).await?))
}

/// `POST …/upload`: certificate and, if the file has one, private key
pub async fn upload(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    take(cx, true).await
}

/// `POST …/upload-certificate`
pub async fn upload_certificate(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    take(cx, false).await
}

async fn take(cx: AdminRequest, with_private_key: bool) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let mut keys = uploaded(&cx)?;
    if !with_private_key {
        keys.private_key = None;
    }
    store(&cx, &client, &keys).await?;
    Ok(answer::document(&CertificateRepresentation::from(keys)))
}

async fn made(cx: &AdminRequest, client: &Client, config: &KeyStoreConfig) -> Result<CertifiedKey, AdminError> {
    prefix(cx)?;
    let (env, subject, bits, years) = (cx.app.env.clone(), client.client_id.clone(), config.key_size, config.validity);
    let made = tokio::task::spawn_blocking(move || client_keys::generate(&env, &subject, bits, years)).await;
    let made = made.map_err(|failed| AdminError::Failed(failed.to_string()))?;
    made.map_err(|error| AdminError::message(400, error.reason))
}

async fn store(cx: &AdminRequest, client: &Client, keys: &ClientKeys) -> Result<(), AdminError> {
    let (app, target, prefix) = (&cx.app, (&cx.realm().id, &client.id), prefix(cx)?);
    change!(cx, |txn| client_certificates::replace(txn, &app.env, &app.sealer, target, prefix, keys))?;
    Ok(())
}

async fn keystore(
    cx: &AdminRequest,
    client: &Client,
    config: &KeyStoreConfig,
    passwords: &(Secret<String>, Secret<String>),
    entry: &CertifiedKey,
) -> Result<Vec<u8>, AdminError> {
    let realm = cx.app.compiled.realm(&cx.realm().name).await?;
    let of_realm = realm.as_ref().and_then(|realm| realm.keyring.certificate(Algorithm::Rs256)).map(<[u8]>::to_vec);
    let realm_alias = config.realm_alias.clone().unwrap_or_else(|| cx.realm().name.clone());
    let trusted: Vec<_> = of_realm
        .filter(|_| config.realm_certificate != Some(false))
        .map(|certificate| (realm_alias, certificate))
        .into_iter()
        .collect();
    let alias = config.key_alias.as_deref().unwrap_or(&client.client_id);
    let contents = Contents { alias, entry, trusted: &trusted };
    let passwords = Passwords { store: &passwords.0, key: &passwords.1 };
    let written = format(config)?.write(&contents, &passwords, cx.app.env.random(), cx.app.env.now());
    written.map_err(|error| AdminError::message(400, error.to_string()))
}

/// JKS where nothing is said, as in Keycloak.
fn format(config: &KeyStoreConfig) -> Result<KeystoreFormat, AdminError> {
    config.format.as_deref().map_or(Some(KeystoreFormat::Jks), KeystoreFormat::named).ok_or_else(unsupported)
}

/// Of the store and of the key.
fn passwords(config: &KeyStoreConfig) -> Result<(Secret<String>, Secret<String>), AdminError> {
    let missing =
        |what: &str| AdminError::described(400, "password-missing", format!("Need to specify a {what} password for jks download"));
    let key = config.key_password.clone().ok_or_else(|| missing("key"))?;
    Ok((config.store_password.clone().ok_or_else(|| missing("store"))?, key))
}

fn prefix(cx: &AdminRequest) -> Result<&str, AdminError> {
    let prefix = cx.parameter("attr");
    client_certificates::check_prefix(prefix)?;
    Ok(prefix)
}

fn binary(file: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponse::Ok().body(file);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}
