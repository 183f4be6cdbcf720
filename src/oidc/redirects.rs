//! The ways in for people who typed only the host or the base path.

use actix_web::HttpResponse;
use actix_web::http::header::{ContentType, LOCATION};

use crate::web::server::ServerRequest;

/// The base path: first its slash, then the administration console.
pub fn base(request: &ServerRequest<'_>) -> HttpResponse {
    if request.path.is_empty() { request.redirect(303, "/") } else { request.redirect(302, "/admin/") }
}

/// The root of a server whose base path is `base_path`.
pub fn server_root(path: &str, base_path: &str) -> HttpResponse {
    if path == "/" {
        let text = format!("Redirecting to {base_path}.");
        return HttpResponse::Found()
            .insert_header((LOCATION, base_path))
            .content_type("text/plain; charset=utf-8")
            .body(text);
    }
    HttpResponse::NotFound()
        .insert_header(ContentType::html())
        .body("<!DOCTYPE html><h1>Resource not found</h1>\n")
}
