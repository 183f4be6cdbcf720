//! From a file, the environment and flags to a [`Config`], with every problem of all of them at once.
//!
//! Precedence, low to high: defaults, the TOML file, Keycloak's variables, `KEYWRIGHT_SECTION__KEY`, flags. Each value is
//! read on its own by the type of its setting, so one wrong value never hides another.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::gather::Gathered;
use super::{Config, Problems, SECRETS};

/// Where settings come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The TOML file, if there is one.
    pub file: Option<PathBuf>,
    /// The environment: names and values. Names that are neither ours nor Keycloak's are ignored.
    pub environment: Vec<(String, String)>,
    pub flags: Vec<Flag>,
    /// A server for trying out: it has sample users with known passwords, so it listens on loopback unless an address is named
    /// by flag.
    pub development: bool,
}

/// A setting given on the command line.
#[derive(Clone, Debug)]
pub struct Flag {
    /// `section.key`
    pub key: &'static str,
    /// As typed, for example `--http-port`.
    pub name: &'static str,
    pub text: String,
}

/// Settings that hold, and where each came from.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// `section.key` → `keywright.toml:3`, `KEYWRIGHT_HTTP__PORT`, `--http-port`. A key that is missing has its default.
    pub origins: BTreeMap<String, String>,
    /// What an administrator should know, though nothing is wrong: Keycloak's variables, read or ignored.
    pub notes: Vec<String>,
}

/// Loads and validates.
///
/// # Errors
/// Every problem of every source.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let mut gathered = Gathered::new();
    if let Some(path) = &sources.file {
        gathered.file(path);
    }
    let own: Vec<_> = sources.environment.iter().filter(|(name, _)| is_setting(name)).collect();
    let mut later = Gathered::new();
    for (name, text) in &own {
        later.variable(name, text, &own);
    }
    for flag in &sources.flags {
        later.text(flag.key, &flag.text, flag.name);
    }
    // Keycloak's variables stand below our own, but a bare host name among them needs to know the final path.
    gathered.keycloak(&sources.environment, &later);
    gathered.append(later);
    if sources.development {
        gathered.stay_on_loopback();
    }
    gathered.finish()
}

/// The flag that names the address to listen on.
pub const HOST_FLAG: &str = "--http-host";

pub(super) const PREFIX: &str = "KEYWRIGHT_";

/// Names the file itself, so it is no setting.
pub const CONFIG_VARIABLE: &str = "KEYWRIGHT_CONFIG";

/// What commands take from the environment besides settings: where the server is, and secrets that must not stand in arguments.
pub const COMMAND_VARIABLES: &[&str] = &[
    "KEYWRIGHT_URL",
    "KEYWRIGHT_REALM",
    "KEYWRIGHT_CLIENT",
    "KEYWRIGHT_CLIENT_SECRET",
    "KEYWRIGHT_ISSUER",
    "KEYWRIGHT_PASSWORD",
    "KEYWRIGHT_REFRESH_TOKEN",
    "KEYWRIGHT_SUBJECT_TOKEN",
    "KEYWRIGHT_MANAGEMENT_URL",
    "KEYWRIGHT_BACKUP_KEY",
];

/// Every other variable with our prefix is a setting, or a slip that must be named.
fn is_setting(name: &str) -> bool {
    name.starts_with(PREFIX) && name != CONFIG_VARIABLE && !COMMAND_VARIABLES.contains(&name)
}

/// Every setting as `section.key` with its default.
pub fn known() -> BTreeMap<String, Value> {
    flat(&Config::default())
}

/// Every setting as `section.key` with its value. Secrets are in it.
fn flat(config: &Config) -> BTreeMap<String, Value> {
    let Ok(Value::Object(sections)) = serde_json::to_value(config) else { unreachable!("a Config is an object of sections") };
    let entries = |(section, entries): (String, Value)| match entries {
        Value::Object(entries) => entries.into_iter().map(|(key, value)| (format!("{section}.{key}"), value)).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    sections.into_iter().flat_map(entries).collect()
}

/// Every setting with its value as text for people, secrets as `********`.
pub fn shown(config: &Config) -> BTreeMap<String, String> {
    let show = |(key, value): (String, Value)| {
        let text = match value {
            Value::Null => "(none)".to_owned(),
            _ if SECRETS.contains(&key.as_str()) => "********".to_owned(),
            value => value.to_string(),
        };
        (key, text)
    };
    flat(config).into_iter().map(show).collect()
}

/// `http.port` → `KEYWRIGHT_HTTP__PORT`
pub fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replacen('.', "__", 1).to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ManagementPort, ProxyHeaders, TEMPLATE};

    /// Loads `file` and `environment` (`NAME=value`).
    fn read(file: &str, environment: &[&str], flags: &[(&'static str, &'static str, &str)]) -> Result<Loaded, Vec<String>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("k.toml");
        std::fs::write(&path, file).unwrap();
        let environment = environment
            .iter()
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect();
        let flags = flags.iter().map(|&(key, name, text)| Flag { key, name, text: text.to_owned() }).collect();
        let shorten = |text: String| text.replace(&path.display().to_string(), "k.toml");
        load(&Sources { file: Some(path.clone()), environment, flags, development: false })
            .map(|loaded| Loaded { origins: loaded.origins.into_iter().map(|(k, v)| (k, shorten(v))).collect(), ..loaded })
            .map_err(|Problems(problems)| problems.iter().map(|problem| shorten(problem.to_string())).collect())
    }

    #[test]
    fn flags_win_over_the_environment_over_keycloaks_names_over_the_file_over_defaults() {
        let file = "[http]\nport = 1\nhost = \"127.0.0.1\"\n[log]\nlevel = \"warn\"\nformat = \"json\"\n[hashing]\nqueue = 3\n";
        let environment = [
            "KC_HTTP_PORT=2",
            "KEYWRIGHT_HTTP__PORT=3",
            "KC_LOG_LEVEL=DEBUG",
            "KEYWRIGHT_LOG__FORMAT=text",
            "PATH=/bin",
            "KC_HTTP_HOST=::1",
        ];
        let loaded = read(file, &environment, &[("http.port", "--http-port", "4")]).unwrap();
        assert_eq!(loaded.config.http.port, 4);
        assert_eq!(loaded.config.http.host.to_string(), "::1");
        assert_eq!(loaded.config.log.level.as_str(), "debug");
        assert_eq!(loaded.config.hashing.queue, 3);
        assert_eq!(loaded.config.store, super::super::Store::default());
        let origin = |key: &str| loaded.origins.get(key).map(String::as_str);
        assert_eq!(origin("http.port"), Some("--http-port"));
        assert_eq!(origin("http.host"), Some("KC_HTTP_HOST"));
        assert_eq!(origin("log.format"), Some("KEYWRIGHT_LOG__FORMAT"));
        assert_eq!(origin("hashing.queue"), Some("k.toml:8"));
        assert_eq!(origin("store.engine"), None);
    }

    #[test]
    fn all_problems_of_all_sources_are_named_at_once_with_key_place_and_suggestion() {
        let file = "color = 1\n[http]\nprot = 8080\nrelative_path = \"auth\"\n[storage]\ndirectory = \"x\"\n[hashing]\nqueue = 0\n";
        let environment = [
            "KEYWRIGHT_HTTP__POTR=1",
            "KEYWRIGHT_HTP__PORT=1",
            "KEYWRIGHT_MANAGEMENT__PORT=on",
            "KC_LOG_LEVEL=org.x:debug",
            "KEYWRIGHT_HTTP__PORT_FILE=/x",
            "KEYWRIGHT_BOOTSTRAP__ADMIN_PASSWORD_FILE=/nowhere/secret",
        ];
        let problems = read(file, &environment, &[("http.port", "--http-port", "80x")]).unwrap_err();
        for expected in [
            "color (k.toml:1): there is no such setting",
            "http.prot (k.toml:3): there is no such setting; did you mean http.port?",
            "http.relative_path (k.toml:4): \"auth\" must be empty or start with a slash",
            "storage.directory (k.toml:6): there is no such setting; did you mean store.directory?",
            "http.potr (KEYWRIGHT_HTTP__POTR): there is no such setting; did you mean KEYWRIGHT_HTTP__PORT?",
            "htp.port (KEYWRIGHT_HTP__PORT): there is no such setting; did you mean KEYWRIGHT_HTTP__PORT?",
            "management.port (KEYWRIGHT_MANAGEMENT__PORT): \"on\" is neither a port (0 to 65535) nor \"off\"",
            "log.level (KC_LOG_LEVEL): \"org.x:debug\" names no level for the root logger",
            "http.port (KEYWRIGHT_HTTP__PORT_FILE): only secrets are read from files (bootstrap.admin_password, \
             keys.key_encryption_key); set KEYWRIGHT_HTTP__PORT itself",
            "http.port (--http-port): string \"80x\", expected a number from 0 to 65535",
            "hashing.queue (k.toml:8): is 0, but must be from 1 to 100000",
        ] {
            assert!(problems.iter().any(|problem| problem == expected), "{expected}\nis missing in\n{}", problems.join("\n"));
        }
        assert!(problems.iter().any(|problem| problem.contains("/nowhere/secret cannot be read")));
        assert_eq!(problems.len(), 12, "{problems:#?}");
    }

    #[test]
    fn broken_toml_is_named_by_line_together_with_the_problems_elsewhere() {
        let problems = read("[http]\nport = \n[log\nlevel=\"info\"", &["KEYWRIGHT_HTTP__PORT=x"], &[]).unwrap_err();
        assert!(problems.iter().any(|problem| problem.starts_with("k.toml:2: ")), "{problems:#?}");
        assert!(problems.iter().any(|problem| problem.starts_with("k.toml:3: ")), "{problems:#?}");
        assert!(problems.iter().any(|problem| problem.starts_with("http.port (KEYWRIGHT_HTTP__PORT)")), "{problems:#?}");
    }

    #[test]
    fn a_secret_can_come_from_a_file_but_not_from_two_places_and_is_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        std::fs::write(&path, "hunter2 with space \r\n").unwrap();
        let variable = format!("KEYWRIGHT_BOOTSTRAP__ADMIN_PASSWORD_FILE={}", path.display());

        let loaded = read("", &[&variable], &[]).unwrap();
        assert_eq!(loaded.config.bootstrap.admin_password.as_ref().unwrap().expose(), "hunter2 with space ");
        assert_eq!(shown(&loaded.config)["bootstrap.admin_password"], "********");

        let problems = read("", &[&variable, "KEYWRIGHT_BOOTSTRAP__ADMIN_PASSWORD=x"], &[]).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("KEYWRIGHT_BOOTSTRAP__ADMIN_PASSWORD is set as well"), "{problems:?}");

        let problems = read("[bootstrap]\nadmin_password = 12345\n", &[], &[]).unwrap_err();
        assert_eq!(problems, ["bootstrap.admin_password (k.toml:2): must be text in quotes"]);
    }

    #[test]
    fn text_becomes_what_its_setting_needs() {
        let loaded = read(
            "",
            &[
                "KEYWRIGHT_MANAGEMENT__PORT=off",
                "KEYWRIGHT_HTTP__TRUSTED_PROXIES=10.0.0.1, ::1",
                "KEYWRIGHT_HTTP__WORKERS=2",
                "KEYWRIGHT_HOSTNAME__FROM_REQUEST=true",
                "KEYWRIGHT_HOSTNAME__URL=",
                "KEYWRIGHT_HTTP__RELATIVE_PATH=",
                "KEYWRIGHT_BOOTSTRAP__ADMIN_PASSWORD=123456",
                "KC_PROXY_HEADERS=xforwarded",
                "KEYWRIGHT_CONFIG=elsewhere.toml",
            ],
            &[],
        )
        .unwrap();
        let Config { http, hostname, management, bootstrap, .. } = loaded.config;
        assert_eq!(management.port, ManagementPort::Off);
        assert_eq!(http.trusted_proxies.len(), 2);
        assert_eq!(http.workers.unwrap().get(), 2);
        assert_eq!(http.relative_path.as_str(), "");
        assert_eq!(http.proxy_headers, ProxyHeaders::Xforwarded);
        assert!(hostname.from_request && hostname.url.is_none());
        assert_eq!(bootstrap.admin_password.unwrap().expose(), "123456");
    }

    #[test]
    fn a_bare_host_of_keycloaks_gets_the_path_that_is_served() {
        let url = |file: &str, environment: &[&str]| read(file, environment, &[]).unwrap().config.base_url();
        assert_eq!(url("", &["KC_HOSTNAME=id.example.com"]), "https://id.example.com/auth");
        assert_eq!(url("", &["KC_HOSTNAME=id.example.com", "KC_HTTP_RELATIVE_PATH=/"]), "https://id.example.com");
        assert_eq!(url("", &["KC_HOSTNAME=id.example.com", "KEYWRIGHT_HTTP__RELATIVE_PATH=/sso"]), "https://id.example.com/sso");
        assert_eq!(url("", &["KC_HOSTNAME=https://id.example.com/x"]), "https://id.example.com/x");
    }

    #[test]
    fn development_stays_on_loopback_unless_an_address_is_named_by_flag() {
        let read = |pairs: &[(&str, &str)], flag: Option<&str>| {
            let environment = pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
            let flags = flag.map(|text| Flag { key: "http.host", name: HOST_FLAG, text: text.to_owned() }).into_iter().collect();
            load(&Sources { file: None, environment, flags, development: true })
                .map(|loaded| (loaded.config.http.host, loaded.config.management.host))
        };
        let both = |address: &str| Ok((address.parse().unwrap(), address.parse().unwrap()));
        assert_eq!(read(&[], None), both("127.0.0.1"));
        assert_eq!(read(&[("KEYWRIGHT_HTTP__HOST", "::1")], None), both("::1"));
        assert_eq!(read(&[], Some("0.0.0.0")), both("0.0.0.0"));
        assert_eq!(read(&[("KEYWRIGHT_HTTP__HOST", "0.0.0.0")], Some("127.0.0.2")), both("127.0.0.2"));
        let Problems(problems) = read(&[("KC_HTTP_HOST", "0.0.0.0"), ("KEYWRIGHT_HTTP__PORT", "x")], None).unwrap_err();
        assert_eq!(problems.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>(), ["http.port", "http.host"]);
    }

    /// The template is the reference of all settings: each stands there once, explained and commented out with its default.
    #[test]
    fn the_template_has_every_setting_with_its_default() {
        assert!(read(TEMPLATE, &[], &[]).unwrap().origins.is_empty(), "a fresh file changes nothing");

        let is_setting =
            |line: &&str| line.strip_prefix("# ").is_some_and(|rest| rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')));
        let uncommented: String = TEMPLATE
            .lines()
            .map(|line| if is_setting(&line) { format!("{}\n", &line[2..]) } else { format!("{line}\n") })
            .collect();
        let loaded = read(&uncommented, &[], &[]).unwrap();
        let written: Vec<_> = loaded.origins.keys().cloned().collect();
        assert_eq!(written, known().into_keys().collect::<Vec<_>>(), "the template lacks a setting");
        for (key, value) in flat(&loaded.config) {
            assert!(
                known()[&key] == value || known()[&key].is_null(),
                "{key}: the template shows {value}, the default is {}",
                known()[&key]
            );
        }
    }
}
