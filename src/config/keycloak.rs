//! Keycloak's environment variables that have a counterpart here, so that a container definition can stay as it is.

/// What one of Keycloak's variables says in our terms.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Alias {
    /// The setting and its value as text.
    Setting(&'static str, String),
    /// The value means nothing here; the reason is for the administrator.
    Refused(&'static str, String),
    /// A variable of Keycloak's that has no counterpart.
    NotUnderstood,
}

/// Variables whose value is taken as it stands, and the setting that they name.
const SAME: &[(&str, &str)] = &[
    ("KC_BOOTSTRAP_ADMIN_USERNAME", "bootstrap.admin_username"),
    ("KC_BOOTSTRAP_ADMIN_PASSWORD", "bootstrap.admin_password"),
    ("KEYCLOAK_ADMIN", "bootstrap.admin_username"),
    ("KEYCLOAK_ADMIN_PASSWORD", "bootstrap.admin_password"),
    ("KC_HTTP_HOST", "http.host"),
    ("KC_HTTP_PORT", "http.port"),
    ("KC_HTTP_RELATIVE_PATH", "http.relative_path"),
    ("KC_HTTP_ENABLED", "http.enabled"),
    ("KC_HTTPS_PORT", "https.port"),
    ("KC_HTTPS_CERTIFICATE_FILE", "https.certificate_file"),
    ("KC_HTTPS_CERTIFICATE_KEY_FILE", "https.certificate_key_file"),
    ("KC_HTTP_MANAGEMENT_SCHEME", "management.scheme"),
    ("KC_HTTP_MANAGEMENT_PORT", "management.port"),
    ("KC_PROXY_HEADERS", "http.proxy_headers"),
    ("KC_PROXY_TRUSTED_ADDRESSES", "http.trusted_proxies"),
];

/// The variables that [`read`] understands.
pub fn names() -> impl Iterator<Item = &'static str> {
    SAME.iter()
        .map(|(name, _)| *name)
        .chain(["KC_HOSTNAME", "KC_LOG_LEVEL", "KC_HTTPS_PROTOCOLS", "KC_HTTPS_CERTIFICATES_RELOAD_PERIOD"])
}

/// Whether `name` looks like one of Keycloak's.
pub(super) fn is_keycloak(name: &str) -> bool {
    name.starts_with("KC_") || names().any(|known| known == name)
}

/// Reads a variable of Keycloak's. `relative_path` is the path that the server answers under.
pub(super) fn read(name: &str, text: &str, relative_path: &str) -> Alias {
    if let Some((_, key)) = SAME.iter().find(|(known, _)| *known == name) {
        return Alias::Setting(key, text.to_owned());
    }
    match name {
        "KC_HOSTNAME" => Alias::Setting("hostname.url", base_url(text, relative_path)),
        "KC_LOG_LEVEL" => match root_level(text) {
            Some(level) => Alias::Setting("log.level", level),
            None => Alias::Refused("log.level", format!("{text:?} names no level for the root logger")),
        },
        "KC_HTTPS_PROTOCOLS" => match oldest_version(text) {
            Some(version) => Alias::Setting("https.minimum_version", version.to_owned()),
            None => Alias::Refused("https.minimum_version", format!("{text:?} names neither TLSv1.2 nor TLSv1.3")),
        },
        "KC_HTTPS_CERTIFICATES_RELOAD_PERIOD" => match seconds(text) {
            Some(seconds) => Alias::Setting("https.reload_seconds", seconds.to_string()),
            None => Alias::Refused("https.reload_seconds", format!("{text:?} is no duration such as 30, 5m or 1h")),
        },
        _ => Alias::NotUnderstood,
    }
}

/// The older one of the versions in `TLSv1.3,TLSv1.2`.
fn oldest_version(text: &str) -> Option<&'static str> {
    let names = |version: &str| text.split(',').any(|name| name.trim().eq_ignore_ascii_case(version));
    if names("TLSv1.2") { Some("1.2") } else { names("TLSv1.3").then_some("1.3") }
}

/// Quarkus' durations: seconds, or a number with `s`, `m`, `h` or `d`. A negative one switches the matter off.
fn seconds(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    if text.starts_with('-') {
        return Some(0);
    }
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Keycloak accepts a bare host name and takes the rest from each request. Nothing is taken from requests here; outside of
/// its own network an issuer is https, so that is what a bare name means.
fn base_url(text: &str, relative_path: &str) -> String {
    if text.is_empty() || text.contains("://") { text.to_owned() } else { format!("https://{text}{relative_path}") }
}

/// The root level of `INFO,org.hibernate:debug`: the other categories are Java packages.
fn root_level(text: &str) -> Option<String> {
    let level = text.split(',').map(str::trim).find(|part| !part.is_empty() && !part.contains(':'))?.to_ascii_lowercase();
    Some(match level.as_str() {
        "fatal" => "error".to_owned(),
        "all" => "trace".to_owned(),
        _ => level,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, text: &str) -> (&'static str, String) {
        match read(name, text, "/auth") {
            Alias::Setting(key, value) => (key, value),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn keycloaks_values_are_translated() {
        assert_eq!(setting("KC_HTTP_PORT", "9090"), ("http.port", "9090".to_owned()));
        assert_eq!(setting("KC_HOSTNAME", "https://id.example.com/x"), ("hostname.url", "https://id.example.com/x".to_owned()));
        assert_eq!(setting("KC_HOSTNAME", "id.example.com"), ("hostname.url", "https://id.example.com/auth".to_owned()));
        assert_eq!(setting("KC_LOG_LEVEL", "org.hibernate:debug,WARN"), ("log.level", "warn".to_owned()));
        assert_eq!(setting("KC_LOG_LEVEL", "all"), ("log.level", "trace".to_owned()));
        assert!(matches!(read("KC_LOG_LEVEL", "org.hibernate:debug", ""), Alias::Refused("log.level", _)));
        assert_eq!(read("KC_DB", "postgres", ""), Alias::NotUnderstood);
        assert_eq!(setting("KC_HTTPS_PROTOCOLS", "TLSv1.3, TLSv1.2"), ("https.minimum_version", "1.2".to_owned()));
        assert_eq!(setting("KC_HTTPS_PROTOCOLS", "TLSv1.3"), ("https.minimum_version", "1.3".to_owned()));
        assert!(matches!(read("KC_HTTPS_PROTOCOLS", "TLSv1", ""), Alias::Refused("https.minimum_version", _)));
        for (period, seconds) in [("30", "30"), ("5m", "300"), ("1H", "3600"), ("-1", "0")] {
            assert_eq!(setting("KC_HTTPS_CERTIFICATES_RELOAD_PERIOD", period), ("https.reload_seconds", seconds.to_owned()));
        }
        assert!(matches!(read("KC_HTTPS_CERTIFICATES_RELOAD_PERIOD", "soon", ""), Alias::Refused("https.reload_seconds", _)));
    }
}
