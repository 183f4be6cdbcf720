//! CORS as Keycloak answers it: the request's `Origin` is echoed with credentials allowed, never `*`; without an `Origin`
//! there are no CORS headers at all (Fetch standard §3.2).

use actix_web::HttpResponse;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderValue,
};
use serde_json::json;

use super::oauth_response;

const ALLOWED_HEADERS: &str =
    "Origin, Accept, X-Requested-With, Access-Control-Request-Method, Access-Control-Request-Headers, DPoP, Content-Type, Authorization";

/// Which origins may read the answers of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cors {
    /// None: a browser's script has no business here. `OPTIONS` answers `Allow`.
    Refused,
    /// Any origin: public documents. The text is what a preflight names as methods.
    Any(&'static str),
    /// The web origins of the client that asks, which only the handler knows ([`for_client`]); a preflight is allowed to all.
    Client(&'static str),
}

/// Lets `origin` read a public document.
pub fn echo(response: &mut HttpResponse, origin: Option<&str>) {
    let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(origin).ok()) else { return };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
}

/// Lets `origin` read the answer if it is among the client's resolved `web_origins` (`*` stands for any). A request from
/// another origin gets 403 instead, even with the right credentials. Without an `Origin`, or as long as no client is known
/// (`None`), the answer stays as it is.
#[must_use]
pub fn for_client(response: HttpResponse, origin: Option<&str>, web_origins: Option<&[String]>) -> HttpResponse {
    let (Some(origin), Some(allowed)) = (origin, web_origins) else { return response };
    if !allowed.iter().any(|one| one == "*" || one == origin) {
        return oauth_response::json(403, &json!({ "error": "Invalid origin" }));
    }
    let mut response = response;
    echo(&mut response, Some(origin));
    response
        .headers_mut()
        .insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Access-Control-Allow-Methods"));
    response
}

/// The answer to a preflight (Fetch standard §4.8).
pub(crate) fn preflight(methods: &'static str, origin: Option<&str>) -> HttpResponse {
    let mut response = oauth_response::empty(200);
    if origin.is_some() {
        echo(&mut response, origin);
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    }
    response
}
