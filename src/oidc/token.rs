//! `POST …/token` (RFC 6749 §3.2): parses the form, hands it to `grants` and renders what comes back.

use actix_web::http::header::{CONTENT_TYPE, HeaderName};
use actix_web::{HttpResponse, web};

use crate::grants::{self, ClientOrigins, GrantContext};
use crate::oauth::error::OAuthError;
use crate::oauth::params::Params;
use crate::web::realm::RealmRequest;
use crate::web::{cors, oauth_response};

/// RFC 9449 §4.1.
static DPOP: HeaderName = HeaderName::from_static("dpop");

pub async fn post(cx: RealmRequest, body: web::Bytes) -> HttpResponse {
    let (client, result) = match params(&cx, &body) {
        Ok(params) => grants::token(&grant_context(&cx, &params)).await,
        Err(error) => (None, Err(error)),
    };
    let response = match result {
        Ok(tokens) => oauth_response::json(200, &tokens),
        Err(error) => oauth_response::error(&error),
    };
    for_client(&cx, response, &client)
}

/// The form of the request; another content type counts as no parameters.
pub(super) fn params(cx: &RealmRequest, body: &[u8]) -> Result<Params, OAuthError> {
    Params::from_body(cx.header(CONTENT_TYPE), body).map_err(|malformed| OAuthError::malformed_parameters(malformed.to_string()))
}

/// What the pipeline of `grants` needs of a request.
pub(super) fn grant_context<'a>(cx: &'a RealmRequest, params: &'a Params) -> GrantContext<'a> {
    let now = cx.app.env.now();
    GrantContext {
        env: &cx.app.env,
        store: &cx.app.store,
        compiled: &cx.app.compiled,
        hashing: &cx.app.hashing,
        sealer: &cx.app.sealer,
        stamps: &cx.app.stamps,
        limits: &cx.app.limits,
        egress: &cx.app.egress,
        realm: &cx.realm,
        issuer: &cx.issuer,
        client_address: cx.client_address,
        authorization: cx.authorization(),
        origin: cx.origin(),
        dpop: cx.header(&DPOP),
        params,
        now,
        event: cx.report(now),
    }
}

/// Lets the client's web origins read the answer.
pub(super) fn for_client(cx: &RealmRequest, response: HttpResponse, client: &ClientOrigins) -> HttpResponse {
    cors::for_client(response, cx.origin(), client.as_ref().map(|client| client.web_origins.as_slice()))
}
