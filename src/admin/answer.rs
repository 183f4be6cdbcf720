//! Answers of operations that did what they were asked.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use serde::Serialize;

use crate::web::addressing::segment;
use crate::web::administrator::AdminRequest;
use crate::web::oauth_response;

/// 200 with a document. Errors have another content type, as in Keycloak.
pub fn document(body: &impl Serialize) -> HttpResponse {
    with_document(200, body)
}

/// A document with another status.
pub fn with_document(status: u16, body: &impl Serialize) -> HttpResponse {
    let mut response = oauth_response::json(status, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    response
}

/// 204: it is done.
pub fn done() -> HttpResponse {
    oauth_response::empty(204)
}

/// 201 with the address of what was made: `segments` below the realm in the URL.
pub fn created(cx: &AdminRequest, segments: &[&str]) -> HttpResponse {
    let mut location = format!("{}/admin/realms/{}", cx.base_url, segment(&cx.realm().name));
    for part in segments.iter().filter(|part| !part.is_empty()) {
        location.push('/');
        location += &segment(part).to_string();
    }
    created_at(&location)
}

/// 201 with an address.
pub fn created_at(location: &str) -> HttpResponse {
    let mut response = oauth_response::empty(201);
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
