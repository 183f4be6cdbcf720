//! Paths that no row can mean. They are refused before anything looks at them, so that no two parts of a deployment (a proxy
//! and we) can understand the same path differently.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::json;

use super::oauth_response;

/// The refusal of an odd `path` (raw, as sent), if it is one.
pub fn refuse(path: &str) -> Option<HttpResponse> {
    if !path.bytes().any(|byte| matches!(byte, b'.' | b';' | b'%')) && !path.contains("//") {
        return None;
    }
    if path.contains(';') {
        return Some(refusal("invalidCharacter", "Request path contains invalid character ';'"));
    }
    let normalized = !path.contains("//") && !path.split('/').any(is_dots);
    (!normalized).then(|| refusal("missingNormalization", "Request path not normalized"))
}

/// `.` or `..`, each dot plain or escaped (RFC 3986 §5.2.4, §6.2.2).
fn is_dots(segment: &str) -> bool {
    let mut rest = segment;
    let mut dots = 0;
    while let Some(after) = rest.strip_prefix('.').or_else(|| rest.strip_prefix("%2e")).or_else(|| rest.strip_prefix("%2E")) {
        rest = after;
        dots += 1;
    }
    rest.is_empty() && (dots == 1 || dots == 2)
}

fn refusal(error: &str, description: &str) -> HttpResponse {
    let mut response = oauth_response::json(400, &json!({ "error": error, "error_description": description }));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_pass_and_odd_ones_do_not() {
        for path in ["/", "", "/realms/a.b/...", "/realms/.well-known/x", "/realms/%20a", "/a/"] {
            assert!(refuse(path).is_none(), "{path}");
        }
        for path in ["/a/../b", "/a/./b", "/a/%2e%2E/b", "/a/.%2e", "//a", "/a//", "/a;b=c", "/.."] {
            assert!(refuse(path).is_some(), "{path}");
        }
    }
}
