//! `keywright login`: signs in at a server and keeps the tokens, for commands with `--url` and for `kcadm`. They stand in a file
//! that only its owner can read; no password and no client secret does.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::Remote;
use super::failure::{Code, Failure};
use super::output::Output;
use super::prompt::Wanted;
use super::trust::{Trust, unreachable};
use super::{block_on, examples};
use crate::base::clock::Timestamp;
use crate::base::env::Env;
use crate::base::secret::Secret;
use crate::egress::operator::OperatorClient;

/// Names another file for the tokens.
const FILE_VARIABLE: &str = "KEYWRIGHT_LOGIN_FILE";
/// A token that ends within so many seconds is refreshed first.
const MARGIN: i64 = 10;

#[derive(Args)]
#[command(before_help = examples![
    "keywright login --url https://id.example.com/auth --user admin              # asks for the password",
    "keywright login --url https://id.example.com/auth --realm acme --client ci --secret-file secret",
    "keywright login --url https://id.example.com/auth --user admin --password - < password.txt"
])]
pub(super) struct Arguments {
    /// The server's base URL
    #[arg(long, value_name = "URL", env = "KEYWRIGHT_URL", default_value = "http://localhost:8080/auth")]
    url: String,
    /// The realm to sign in to; administrators of all realms are in master
    #[arg(short, long, value_name = "REALM", default_value = "master")]
    realm: String,
    /// The client to sign in with
    #[arg(short, long, value_name = "CLIENT", default_value = "admin-cli")]
    client: String,
    /// The user; without one the client signs in for itself (client_credentials)
    #[arg(short, long, value_name = "NAME")]
    user: Option<String>,
    /// His password: - reads a line of standard input [env: KEYWRIGHT_PASSWORD]
    #[arg(long, value_name = "-", conflicts_with = "password_file")]
    password: Option<String>,
    /// A file with his password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The client's secret: - reads a line of standard input [env: KEYWRIGHT_CLIENT_SECRET]
    #[arg(long, value_name = "-", conflicts_with = "secret_file")]
    secret: Option<String>,
    /// A file with the client's secret
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
}

#[derive(Args)]
#[command(before_help = examples![
    "keywright logout",
    "keywright logout --url https://id.example.com/auth",
    "keywright logout --url https://id.example.com/auth -q"
])]
pub(super) struct LogoutArguments {
    /// The server's base URL
    #[arg(long, value_name = "URL", env = "KEYWRIGHT_URL", default_value = "http://localhost:8080/auth")]
    url: String,
}

/// Who signs in, and where.
pub(super) struct Credentials {
    pub url: String,
    pub realm: String,
    pub client: String,
    /// Name and password.
    pub user: Option<(String, Secret<String>)>,
    pub secret: Option<Secret<String>>,
    pub trust: Trust,
}

/// The tokens for one server.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Session {
    pub url: String,
    pub realm: String,
    client: String,
    access_token: String,
    /// In seconds since the epoch.
    expires: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// What the login trusted, so that later commands need not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
}

/// The file.
#[derive(Default, Serialize, Deserialize)]
struct Sessions {
    sessions: Vec<Session>,
    /// The server that `kcadm` speaks to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latest: Option<String>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let wanted = |what, flag, text, file, variable| Wanted { what, flag, text, file, variable: Some(variable) };
    let secret =
        wanted("the client's secret", "--secret", arguments.secret.as_deref(), arguments.secret_file.as_deref(), "KEYWRIGHT_CLIENT_SECRET");
    let password =
        wanted("the password", "--password", arguments.password.as_deref(), arguments.password_file.as_deref(), "KEYWRIGHT_PASSWORD");
    let credentials = Credentials {
        url: arguments.url.clone(),
        realm: arguments.realm.clone(),
        client: arguments.client.clone(),
        secret: if arguments.user.is_some() { secret.given()? } else { Some(secret.required()?) },
        user: match &arguments.user {
            Some(name) => Some((name.clone(), password.required()?)),
            None => None,
        },
        trust: arguments.trust.clone(),
    };
    let session = block_on(sign_in(&credentials))?;
    output.note(&format!("signed in to realm {} of {}", session.realm, session.url));
    Ok(())
}

pub(super) fn logout(arguments: &LogoutArguments, output: &Output) -> Result<(), Failure> {
    let url = trimmed(&arguments.url);
    let mut known = Sessions::read()?;
    let before = known.sessions.len();
    known.sessions.retain(|session| session.url != url);
    if known.sessions.len() == before {
        return Err(Failure::new(Code::NotFound, format!("there is no login for {url}")));
    }
    known.latest = known.latest.filter(|latest| *latest != url);
    known.write()?;
    output.note(&format!("the tokens for {url} are forgotten"));
    Ok(())
}

/// Signs in and keeps the tokens.
pub(super) async fn sign_in(credentials: &Credentials) -> Result<Session, Failure> {
    let client = &credentials.trust.client()?;
    let mut form = vec![("client_id", credentials.client.as_str())];
    match &credentials.user {
        Some((name, password)) => {
            form.extend([("grant_type", "password"), ("username", name.as_str()), ("password", password.expose().as_str())]);
        }
        None => form.push(("grant_type", "client_credentials")),
    }
    form.extend(credentials.secret.as_ref().map(|secret| ("client_secret", secret.expose().as_str())));
    let mut session = granted(client, &trimmed(&credentials.url), (&credentials.realm, &credentials.client), &form).await?;
    session.ca_file = credentials.trust.file();
    session.keep()?;
    Ok(session)
}

fn trimmed(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

async fn granted(client: &OperatorClient, url: &str, (realm, client_id): (&str, &str), form: &[(&str, &str)]) -> Result<Session, Failure> {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let endpoint = format!("{url}/realms/{}/protocol/openid-connect/token", encoded(realm));
    let answer = client.post_form(&endpoint, &Secret::new(body.join("&")), None).await;
    let answer = answer.map_err(|error| unreachable(&endpoint, &error))?;
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |name: &str| said[name].as_str().map(str::to_owned);
    let Some(access_token) = text("access_token").filter(|_| answer.status == 200) else {
        let why = text("error_description")
            .or_else(|| text("error"))
            .unwrap_or_else(|| format!("the server answers {}", answer.status));
        return Err(match answer.status {
            404 => Failure::new(Code::NotFound, why).advice(format!("is there a realm {realm} at {url}?")),
            _ => Failure::new(Code::NotAllowed, why).advice("name and password, the client's secret, a locked account?"),
        });
    };
    Ok(Session {
        url: url.to_owned(),
        realm: realm.to_owned(),
        client: client_id.to_owned(),
        access_token,
        expires: Env::system().now().seconds() + said["expires_in"].as_i64().unwrap_or(0),
        refresh_token: text("refresh_token"),
        ca_file: None,
    })
}

impl Session {
    /// The one for `url`.
    pub fn of(url: &str) -> Result<Self, Failure> {
        let url = trimmed(url);
        let found = Sessions::read()?.sessions.into_iter().find(|session| session.url == url);
        found.ok_or_else(|| {
            Failure::new(Code::NotAllowed, format!("there is no login for {url}"))
                .advice(format!("keywright login --url {url} --user NAME"))
        })
    }

    /// The one of the last login.
    pub fn latest() -> Result<Self, Failure> {
        let known = Sessions::read()?;
        let latest = known.latest.as_deref().unwrap_or_default();
        let found = known.sessions.iter().find(|session| session.url == latest).cloned();
        found.ok_or_else(|| Failure::new(Code::NotAllowed, "nobody is signed in").advice("keywright login --url URL --user NAME"))
    }

    /// The server and a token for it. What `trust` does not say the login said.
    pub async fn remote(&self, trust: &Trust) -> Result<Remote, Failure> {
        let client = trust.or(self.ca_file.as_deref()).client()?;
        let token = self.token(&client).await?;
        Ok(Remote { client, url: self.url.clone(), token })
    }

    /// An access token that counts for a while. The client's secret is not kept, so only what needs none is refreshed.
    async fn token(&self, client: &OperatorClient) -> Result<Secret<String>, Failure> {
        if Env::system().now() < Timestamp::from_seconds(self.expires - MARGIN) {
            return Ok(Secret::new(self.access_token.clone()));
        }
        let over = || {
            Failure::new(Code::NotAllowed, format!("the login for {} is over", self.url))
                .advice(format!("keywright login --url {} --user NAME", self.url))
        };
        let refresh = self.refresh_token.as_deref().ok_or_else(over)?;
        let form = [("grant_type", "refresh_token"), ("client_id", &self.client), ("refresh_token", refresh)];
        let next = granted(client, &self.url, (&self.realm, &self.client), &form).await;
        let mut next = next.map_err(|failure| if failure.code == Code::Unreachable { failure } else { over() })?;
        next.ca_file.clone_from(&self.ca_file);
        next.keep()?;
        Ok(Secret::new(next.access_token))
    }

    fn keep(&self) -> Result<(), Failure> {
        let mut known = Sessions::read()?;
        known.sessions.retain(|other| other.url != self.url);
        known.sessions.push(self.clone());
        known.latest = Some(self.url.clone());
        known.write()
    }
}

impl Sessions {
    fn read() -> Result<Self, Failure> {
        let path = file()?;
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| Failure::failed(format!("{} is damaged: {error}", path.display())).advice("delete it and sign in anew")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Failure::failed(format!("{} cannot be read: {error}", path.display()))),
        }
    }

    /// In one step, so that two commands at once leave a whole file.
    fn write(&self) -> Result<(), Failure> {
        let path = file()?;
        let failed = |error: std::io::Error| Failure::failed(format!("{} cannot be written: {error}", path.display()));
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(failed)?;
        }
        let text = serde_json::to_vec_pretty(self).map_err(Failure::failed)?;
        let next = path.with_extension(format!("{}.new", std::process::id()));
        write_privately(&next, &text).and_then(|()| std::fs::rename(&next, &path)).map_err(failed)
    }
}

fn write_privately(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text)
}

#[allow(clippy::disallowed_methods, reason = "a login belongs to a person, not to the configuration of a server")]
fn file() -> Result<PathBuf, Failure> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let configured = variable(FILE_VARIABLE);
    let in_home = || {
        let directory = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")))?;
        Some(directory.join("keywright").join("login.json"))
    };
    configured
        .or_else(in_home)
        .ok_or_else(|| Failure::usage("there is no home directory to keep a login in").advice("KEYWRIGHT_LOGIN_FILE names a file"))
}
