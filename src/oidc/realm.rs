//! `GET /realms/{realm}`: where old adapters find the realm's key and endpoints. Keycloak answers it even for a disabled realm.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;

use crate::web::oauth_response;
use crate::web::realm::RealmRequest;

#[derive(Serialize)]
struct PublishedRealmRepresentation<'a> {
    realm: &'a str,
    /// The active RS256 key as base64 SPKI.
    public_key: Option<&'a str>,
    #[serde(rename = "token-service")]
    token_service: String,
    #[serde(rename = "account-service")]
    account_service: String,
    /// Seconds since the epoch; 0 for never.
    #[serde(rename = "tokens-not-before")]
    tokens_not_before: i64,
}

pub fn get(cx: &RealmRequest) -> HttpResponse {
    let mut response = oauth_response::json(
        200,
        &PublishedRealmRepresentation {
            realm: &cx.realm.realm.name,
            public_key: cx.realm.keyring.public_key(),
            token_service: format!("{}/protocol/openid-connect", cx.issuer),
            account_service: format!("{}/account", cx.issuer),
            tokens_not_before: cx.realm.realm.not_before,
        },
    );
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    response
}
