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
    ("KC_HTTP_MANAGEMENT_PORT", "management.port"),
    ("KC_PROXY_HEADERS", "http.proxy_headers"),
    ("KC_PROXY_TRUSTED_ADDRESSES", "http.trusted_proxies"),
];

/// The variables that [`read`] understands.
pub fn names() -> impl Iterator<Item = &'static str> {
    SAME.iter().map(|(name, _)| *name).chain(["KC_HOSTNAME", "KC_LOG_LEVEL"])
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
        _ => Alias::NotUnderstood,
    }
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
    }
}
