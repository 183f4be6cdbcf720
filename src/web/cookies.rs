//! The cookies of a browser session, named and shaped as Keycloak's: scripts and adapters look for them by name.

use std::fmt::Write as _;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderValue, SET_COOKIE};

use super::addressing::segment;

/// Proves the sign-in to this server. No script may read it.
pub const IDENTITY: &str = "KEYCLOAK_IDENTITY";
/// Tells pages that watch the session whether it is still the same; it proves nothing.
pub const SESSION: &str = "KEYCLOAK_SESSION";

/// One cookie to set.
pub struct Cookie<'a> {
    pub name: &'static str,
    pub value: &'a str,
    /// Seconds; absent, it goes with the browser.
    pub max_age: Option<i64>,
    /// Whether scripts may read it.
    pub readable: bool,
}

/// Sets a cookie for one realm, `base_url` being what its URLs begin with. Over TLS, and on the own machine, where browsers treat plain
/// http alike, it is `Secure` and goes along from other sites' pages; elsewhere a browser would drop such a cookie.
pub fn set(response: &mut HttpResponse, base_url: &str, realm: &str, cookie: &Cookie<'_>) {
    let (host, path) = host_and_path(base_url);
    let mut text = format!("{}={};Version=1;Path={path}/realms/{}/", cookie.name, cookie.value, segment(realm));
    if let Some(seconds) = cookie.max_age {
        write!(text, ";Max-Age={seconds}").expect("writing to a String cannot fail");
    }
    let secure = base_url.starts_with("https://") || matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    if secure {
        text += ";Secure";
    }
    if !cookie.readable {
        text += ";HttpOnly";
    }
    text += if secure { ";SameSite=None" } else { ";SameSite=Lax" };
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

/// `localhost` and `/auth` of `http://localhost:8080/auth`.
fn host_and_path(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    (host, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(base_url: &str, cookie: &Cookie<'_>) -> String {
        let mut response = HttpResponse::Ok().finish();
        set(&mut response, base_url, "a b", cookie);
        response.headers().get(SET_COOKIE).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn a_cookie_has_keycloaks_attributes_in_keycloaks_order() {
        let identity = Cookie { name: IDENTITY, value: "x", max_age: None, readable: false };
        assert_eq!(
            of("http://127.0.0.1:8080/auth", &identity),
            "KEYCLOAK_IDENTITY=x;Version=1;Path=/auth/realms/a%20b/;Secure;HttpOnly;SameSite=None"
        );
        let session = Cookie { name: SESSION, value: "y", max_age: Some(60), readable: true };
        assert_eq!(of("https://id.example", &session), "KEYCLOAK_SESSION=y;Version=1;Path=/realms/a%20b/;Max-Age=60;Secure;SameSite=None");
        assert_eq!(of("http://id.example/x", &session), "KEYCLOAK_SESSION=y;Version=1;Path=/x/realms/a%20b/;Max-Age=60;SameSite=Lax");
    }
}
