//! A request before its row is known: what path and head say, in the words of Keycloak's URL space.

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use percent_encoding::percent_decode_str;

use super::addressing::{Addressing, Origin};
use super::page_error;
use super::route::segments;

/// A request and what its head says.
pub(super) struct Incoming<'a> {
    pub request: HttpRequest,
    /// The raw path below the scope that we are mounted in.
    pub path: String,
    pub origin: Origin<'a>,
}

impl<'a> Incoming<'a> {
    pub fn new(request: HttpRequest, addressing: &'a Addressing) -> Self {
        let whole = request.match_info().as_str();
        let below = request.match_info().unprocessed();
        let mount = &whole[..whole.len() - below.len()];
        // Routing works on a decoded copy. Below the mount the raw text counts, so that a realm's name is decoded once.
        let path = request.uri().path().strip_prefix(mount).unwrap_or(below).to_owned();
        let origin = addressing.origin(&request, mount);
        Self { request, path, origin }
    }

    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    pub fn asks_for_a_page(&self) -> bool {
        page_error::prefers_html(self.header(&ACCEPT))
    }

    pub fn has_form(&self) -> bool {
        let media_type = self.header(&CONTENT_TYPE).and_then(|value| value.split(';').next());
        media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    }

    /// The realm's name in `/realms/{realm}/…` or `/.well-known/{document}/realms/{realm}` (RFC 8414 §3).
    pub fn realm_name(&self) -> Option<String> {
        let mut parts = segments(&self.path);
        let name = match (parts.next()?, parts.next()?) {
            ("realms", name) => name,
            (".well-known", _) if parts.next() == Some("realms") => parts.next()?,
            _ => return None,
        };
        Some(percent_decode_str(name).decode_utf8_lossy().into_owned())
    }

    /// Whether the path belongs to the Admin REST API.
    pub fn is_administration(&self) -> bool {
        let mut parts = segments(&self.path);
        parts.next() == Some("admin")
            && match parts.next() {
                Some("realms" | "serverinfo") => true,
                Some(_) => parts.next() == Some("console") && parts.next() == Some("whoami"),
                None => false,
            }
    }

    /// Segments below `/admin`, where no page is.
    pub fn beside_administration(&self) -> Option<usize> {
        let mut parts = segments(&self.path);
        (parts.next() == Some("admin")).then(|| parts.count()).filter(|below| *below > 0)
    }

    /// The realm's name in `/admin/realms/{realm}/…`.
    pub fn administered_realm(&self) -> Option<String> {
        let mut parts = segments(&self.path).skip(1);
        let name = parts.next().filter(|part| *part == "realms").and_then(|_| parts.next())?;
        Some(percent_decode_str(name).decode_utf8_lossy().into_owned())
    }

    /// Whether the path is `/realms/{realm}/protocol/{protocol}` with one that we do not speak.
    pub fn names_unknown_protocol(&self) -> bool {
        let mut parts = segments(&self.path).skip(2);
        parts.next() == Some("protocol") && parts.next().is_some_and(|protocol| protocol != "openid-connect")
    }
}
