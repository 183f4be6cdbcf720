//! Answers of protocol endpoints. `Cache-Control` is not set here: it belongs to the row of `routes.rs`, so refusals made
//! before a handler runs carry it too.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use serde::Serialize;

use crate::oauth::error::OAuthError;

/// The size of a usual answer with an access token.
const USUAL_BYTES: usize = 2048;

/// `body` as `application/json`.
pub fn json(status: u16, body: &impl Serialize) -> HttpResponse {
    let mut text = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut text, body).expect("answers are structs of strings, numbers and maps with string keys");
    let mut response = HttpResponse::with_body(known(status), text).map_into_boxed_body();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A compact token as `application/jwt` (OIDC Core §5.3.2).
pub fn jwt(token: String) -> HttpResponse {
    let mut response = HttpResponse::with_body(StatusCode::OK, token).map_into_boxed_body();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/jwt"));
    response
}

/// The refusal in the protocol's shape (RFC 6749 §5.2). Its private cause is not sent; it is logged here and nowhere else: as
/// information when the caller made the mistake, as an error when we did.
pub fn error(error: &OAuthError) -> HttpResponse {
    #[derive(Serialize)]
    struct Body<'a> {
        error: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        error_description: Option<&'a str>,
    }
    if error.status >= 500 {
        tracing::error!(error = error.code, cause = %error.cause, "a request failed");
    } else {
        tracing::info!(error = error.code, status = error.status, cause = %error.cause, "refused");
    }
    let mut response = json(error.status, &Body { error: error.code, error_description: error.description.as_deref() });
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A status without a body.
pub fn empty(status: u16) -> HttpResponse {
    HttpResponse::new(known(status))
}

fn known(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
