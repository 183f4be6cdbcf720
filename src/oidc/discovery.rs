//! `GET …/.well-known/openid-configuration` and `oauth-authorization-server` (OpenID Connect Discovery 1.0 §3, RFC 8414 §2).
//! The field order is Keycloak's. Only what works is named: a capability adds its fields when it comes.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::Bytes;
use serde::Serialize;

use crate::compiled::acr_levels;
use crate::keyring::{Algorithm, ContentEncryption, KeyManagement, KeyType};
use crate::store::StoreError;
use crate::store::txn::Reader as _;
use crate::web::page_error;
use crate::web::realm::RealmRequest;

const GRANT_TYPES: &[&str] = &["client_credentials", "password", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"];
const CLIENT_AUTHENTICATION: &[&str] = &["private_key_jwt", "client_secret_basic", "client_secret_post", "client_secret_jwt"];
const CLAIMS: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "name",
    "given_name",
    "family_name",
    "preferred_username",
    "email",
    "acr",
    "azp",
    "nonce",
];

#[derive(Serialize)]
struct OidcConfigurationRepresentation<'a> {
    issuer: &'a str,
    /// REQUIRED by Discovery §3, so clients refuse a document without it; `response_types_supported` says what works there.
    authorization_endpoint: String,
    token_endpoint: String,
    introspection_endpoint: String,
    userinfo_endpoint: String,
    end_session_endpoint: String,
    jwks_uri: String,
    grant_types_supported: &'a [&'a str],
    acr_values_supported: Vec<String>,
    response_types_supported: &'a [&'a str],
    subject_types_supported: &'a [&'a str],
    id_token_signing_alg_values_supported: &'a [&'a str],
    id_token_encryption_alg_values_supported: &'a [&'a str],
    id_token_encryption_enc_values_supported: &'a [&'a str],
    userinfo_signing_alg_values_supported: Vec<&'a str>,
    userinfo_encryption_alg_values_supported: &'a [&'a str],
    userinfo_encryption_enc_values_supported: &'a [&'a str],
    registration_endpoint: String,
    token_endpoint_auth_methods_supported: &'a [&'a str],
    token_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    introspection_endpoint_auth_methods_supported: &'a [&'a str],
    introspection_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
    claims_supported: &'a [&'a str],
    claim_types_supported: &'a [&'a str],
    claims_parameter_supported: bool,
    scopes_supported: Vec<&'a str>,
    request_parameter_supported: bool,
    /// Absent means true (Discovery §3).
    request_uri_parameter_supported: bool,
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: &'a [&'a str],
    revocation_endpoint_auth_signing_alg_values_supported: &'a [&'a str],
}

pub async fn get(cx: RealmRequest) -> HttpResponse {
    let known = cx.prepared().discovery.get().cloned();
    let body = match known {
        Some(body) => body,
        None => match scopes(&cx).await {
            Ok(scopes) => cx.prepared().discovery.get_or_init(|| document(&cx, &scopes)).clone(),
            Err(error) => {
                tracing::error!(%error, "the client scopes of a realm cannot be read");
                return page_error::internal();
            }
        },
    };
    let mut response = HttpResponse::Ok().body(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The names that a client may put into `scope`.
async fn scopes(cx: &RealmRequest) -> Result<Vec<String>, StoreError> {
    let scopes = cx.app.store.peek().client_scopes().list(&cx.realm.realm.id).await?;
    cx.app.store.settle().await?;
    let mut names: Vec<String> = scopes.into_iter().filter(|scope| scope.protocol == "openid-connect").map(|scope| scope.name).collect();
    names.sort_unstable();
    names.insert(0, "openid".to_owned());
    Ok(names)
}

fn document(cx: &RealmRequest, scopes: &[String]) -> Bytes {
    let endpoint = |name: &str| format!("{}/protocol/openid-connect/{name}", cx.issuer);
    let assertion_algorithms = Algorithm::ALL.map(Algorithm::as_str);
    let signatures = signature_algorithms(cx);
    let (keys, contents) = (KeyManagement::ALL.map(KeyManagement::as_str), ContentEncryption::ALL.map(ContentEncryption::as_str));
    let document = OidcConfigurationRepresentation {
        issuer: &cx.issuer,
        authorization_endpoint: endpoint("auth"),
        token_endpoint: endpoint("token"),
        introspection_endpoint: endpoint("token/introspect"),
        userinfo_endpoint: endpoint("userinfo"),
        end_session_endpoint: endpoint("logout"),
        jwks_uri: endpoint("certs"),
        grant_types_supported: GRANT_TYPES,
        acr_values_supported: acr_values(cx),
        response_types_supported: &[],
        subject_types_supported: &["public", "pairwise"],
        id_token_signing_alg_values_supported: &signatures,
        id_token_encryption_alg_values_supported: &keys,
        id_token_encryption_enc_values_supported: &contents,
        userinfo_signing_alg_values_supported: signatures.iter().copied().chain(["none"]).collect(),
        userinfo_encryption_alg_values_supported: &keys,
        userinfo_encryption_enc_values_supported: &contents,
        registration_endpoint: format!("{}/clients-registrations/openid-connect", cx.issuer),
        token_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
        token_endpoint_auth_signing_alg_values_supported: &assertion_algorithms,
        introspection_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
        introspection_endpoint_auth_signing_alg_values_supported: &assertion_algorithms,
        claims_supported: CLAIMS,
        claim_types_supported: &["normal"],
        claims_parameter_supported: false,
        scopes_supported: scopes.iter().map(String::as_str).collect(),
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
        revocation_endpoint: endpoint("revoke"),
        revocation_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
        revocation_endpoint_auth_signing_alg_values_supported: &assertion_algorithms,
    };
    serde_json::to_vec(&document).expect("a struct of strings").into()
}

/// The levels of authentication and the names that the realm gives to them; without names those of Keycloak: through the
/// cookie of an earlier sign-in, and fresh.
fn acr_values(cx: &RealmRequest) -> Vec<String> {
    let levels = acr_levels(&cx.realm.realm);
    if levels.is_empty() {
        return vec!["0".to_owned(), "1".to_owned()];
    }
    let numbers = levels.iter().map(|(_, level)| level.to_string());
    let mut values: Vec<String> = levels.iter().map(|(name, _)| name.clone()).chain(numbers).chain(["0".to_owned()]).collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// What the realm can sign and others can verify; the realm's HMAC keys are nobody else's.
fn signature_algorithms(cx: &RealmRequest) -> Vec<&'static str> {
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| algorithm.key_type() != KeyType::Oct && cx.realm.keyring.signing_kid(*algorithm).is_some())
        .map(Algorithm::as_str)
        .collect()
}
