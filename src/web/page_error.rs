//! Errors for people and for programs: the `Accept` header decides which of the two asks. A page shows what happened and
//! never internals.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use askama::Template;
use serde_json::json;

use super::oauth_response;

/// `templates/error.html`.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    /// What stands above the page: the realm's display name.
    header: &'a str,
    title: &'a str,
    instruction: &'a str,
}

/// 404 for a person: a page under the name `header`.
pub fn page_not_found(header: &str) -> HttpResponse {
    page(404, &ErrorPage { header, title: "We are sorry...", instruction: "Page not found" })
}

/// `{"error": text}` with a status, the shape of errors outside of the protocol.
pub fn json_error(status: u16, text: &str) -> HttpResponse {
    oauth_response::json(status, &json!({ "error": text }))
}

/// Our own fault. The cause was logged; the client learns nothing of it.
pub fn internal() -> HttpResponse {
    oauth_response::json(500, &json!({ "error": "unknown_error", "error_description": "For more on this error consult the server log." }))
}

/// The same, naming the line of the log; in the protocol's shape where it is spoken.
pub fn internal_with(oauth: bool, reference: &str) -> HttpResponse {
    let error = if oauth { "server_error" } else { "unknown_error" };
    let description = format!("For more on this error consult the server log. Reference: {reference}");
    oauth_response::json(500, &json!({ "error": error, "error_description": description }))
}

/// Whether who asks would rather read HTML than JSON (RFC 9110 §12.5.1): the higher quality wins, then the earlier one.
/// Without `Accept`, or with only `*/*`, a program asks.
pub fn prefers_html(accept: Option<&str>) -> bool {
    let mut best: Option<(f32, bool)> = None;
    for entry in accept.unwrap_or_default().split(',') {
        let mut parts = entry.split(';').map(str::trim);
        let html = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "text/html" | "application/xhtml+xml" | "text/*" => true,
            "application/json" | "application/*" | "*/*" => false,
            _ => continue,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse().ok()).unwrap_or(1.0_f32);
        if quality > 0.0 && best.is_none_or(|(highest, _)| quality > highest) {
            best = Some((quality, html));
        }
    }
    best.is_some_and(|(_, html)| html)
}

fn page(status: u16, page: &ErrorPage<'_>) -> HttpResponse {
    let Ok(text) = page.render() else { return internal() };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::with_body(status, text).map_into_boxed_body();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html;charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_prefers_html_gets_a_page() {
        for accept in ["text/html", "text/html,application/xhtml+xml,*/*;q=0.8", "application/json;q=0.5, text/html"] {
            assert!(prefers_html(Some(accept)), "{accept}");
        }
        for accept in ["", "*/*", "application/json", "application/json, text/html", "text/html;q=0.1, */*", "text/html;q=0", "image/png"] {
            assert!(!prefers_html(Some(accept)), "{accept}");
        }
        assert!(!prefers_html(None));
    }

    #[test]
    fn the_page_escapes_what_it_shows() {
        let page = ErrorPage { header: "<b>", title: "t", instruction: "a & b" }.render().expect("renders");
        assert!(page.contains("&#60;b&#62;") && page.contains("a &#38; b"), "{page}");
    }
}
