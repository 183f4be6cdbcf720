//! A request to the server as such, outside of any realm.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderValue, LOCATION};

use super::oauth_response;

/// One request below the base path.
pub struct ServerRequest<'a> {
    /// The address of the base path, without a trailing slash.
    pub base_url: &'a str,
    /// The raw path below the base path: empty, or beginning with a slash.
    pub path: &'a str,
}

impl ServerRequest<'_> {
    /// A redirect to `path` below the base path.
    pub fn redirect(&self, status: u16, path: &str) -> HttpResponse {
        let mut response = oauth_response::empty(status);
        if let Ok(location) = HeaderValue::from_str(&format!("{}{path}", self.base_url)) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }
}
