//! `/identity-provider/import-config`, `/identity-provider/upload-certificate`: the settings and keys of a provider from what it
//! publishes, by URL or as a file. Nothing is stored.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde::Deserialize;
use serde_json::Value;

use crate::admin::answer;
use crate::admin::body;
use crate::admin::certificate::{CertificateRepresentation, uploaded};
use crate::admin::error::AdminError;
use crate::admin::multipart::Form;
use crate::egress;
use crate::keyring::client_keys;
use crate::model::catalogue::identity_provider;
use crate::web::administrator::AdminRequest;

/// OpenID Provider metadata, as far as it becomes settings (OpenID Connect Discovery §3).
#[derive(Deserialize)]
struct Metadata {
    issuer: Option<String>,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    introspection_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    jwks_uri: Option<String>,
}

/// `POST …/import-config`
pub async fn import(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    if cx.content_type().is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/")) {
        return import_file(&cx);
    }
    let given: BTreeMap<String, Value> = body::read(&cx, "Map")?;
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    let (Some(kind), Some(url)) = (text("providerId"), text("fromUrl")) else { return Err(bad_request()) };
    is_known(kind)?;
    let fetched = cx.app.egress.fetch(&egress::Request::get(url, "application/json")).await;
    let fetched = fetched.map_err(|error| unreachable(&error.to_string()))?;
    if fetched.status != 200 {
        return Err(unreachable(&format!("status {}", fetched.status)));
    }
    let mut settings = settings(kind, &fetched.body)?;
    settings.insert("metadataDescriptorUrl", url.to_owned());
    Ok(answer::document(&settings))
}

/// The same from a file, in a form with `providerId` and `file`.
fn import_file(cx: &AdminRequest) -> Result<HttpResponse, AdminError> {
    let form = Form::of(cx)?;
    let (Some(kind), Some(file)) = (form.text("providerId"), form.file("file")) else { return Err(bad_request()) };
    is_known(kind)?;
    Ok(answer::document(&settings(kind, file)?))
}

/// `POST …/upload-certificate`: what a provider's signatures are to be verified with, as it stands in a provider's settings
pub async fn upload_certificate(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let mut keys = uploaded(&cx)?;
    keys.private_key = None;
    if let Some(Ok(der)) = keys.certificate.as_deref().map(client_keys::certificate) {
        keys.public_key = client_keys::public_key_of(&der);
    }
    Ok(answer::document(&CertificateRepresentation::from(keys)))
}

fn is_known(kind: &str) -> Result<(), AdminError> {
    match identity_provider::find(kind) {
        Some(_) if kind == "saml" => Err(AdminError::NotEnabled),
        Some(_) => Ok(()),
        None => Err(bad_request()),
    }
}

/// Providers with fixed addresses have nothing to read.
fn settings(kind: &str, document: &[u8]) -> Result<BTreeMap<&'static str, String>, AdminError> {
    if !matches!(kind, "oidc" | "keycloak-oidc") {
        return Ok(BTreeMap::new());
    }
    let metadata: Metadata =
        serde_json::from_slice(document).map_err(|_| AdminError::described(400, "unknown_error", "Cannot parse the JSON"))?;
    let with_keys = metadata.jwks_uri.is_some().then(|| "true".to_owned());
    let settings = [
        ("issuer", metadata.issuer),
        ("authorizationUrl", metadata.authorization_endpoint),
        ("tokenUrl", metadata.token_endpoint),
        ("userInfoUrl", metadata.userinfo_endpoint),
        ("tokenIntrospectionUrl", metadata.introspection_endpoint),
        ("logoutUrl", metadata.end_session_endpoint),
        ("jwksUrl", metadata.jwks_uri),
        ("useJwksUrl", with_keys.clone()),
        ("validateSignature", with_keys),
    ];
    Ok(settings.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

fn bad_request() -> AdminError {
    AdminError::error(400, "HTTP 400 Bad Request")
}

fn unreachable(reason: &str) -> AdminError {
    AdminError::described(400, "invalid_request", format!("The configuration cannot be fetched: {reason}"))
}
