//! `keywright serve`: the first embedder. Loads the settings, opens the sockets, builds the issuer and serves until it is told
//! to stop.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::{Failure, answer, log, sources, tell};
use crate::config::Config;
use crate::config::load::{self, Flag, HOST_FLAG, Loaded};
use crate::embed::Keywright;
use crate::embed::server::Listeners;
use crate::manage::bootstrap::{Development, FirstStart};
use crate::model::realm::Realm;

#[derive(Args)]
pub(super) struct Arguments {
    /// Try it out: data in ./data, sample clients and users, ready-to-paste commands; loopback only
    #[arg(long)]
    dev: bool,
    /// The TOML file [default: $KEYWRIGHT_CONFIG, or keywright.toml if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory of the store [store.directory]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// The address to listen on [http.host]
    #[arg(long, value_name = "HOST")]
    http_host: Option<String>,
    /// The port to listen on [http.port]
    #[arg(long, value_name = "PORT")]
    http_port: Option<String>,
    /// The path under which everything is served [http.relative_path]
    #[arg(long, value_name = "PATH")]
    relative_path: Option<String>,
    /// The port for health checks, or off [management.port]
    #[arg(long, value_name = "PORT|off")]
    management_port: Option<String>,
}

impl Arguments {
    fn flags(&self) -> Vec<Flag> {
        let flag = |key, name, text: &Option<String>| text.clone().map(|text| Flag { key, name, text });
        [
            flag("store.directory", "--data", &self.data),
            flag("http.host", HOST_FLAG, &self.http_host),
            flag("http.port", "--http-port", &self.http_port),
            flag("http.relative_path", "--relative-path", &self.relative_path),
            flag("management.port", "--management-port", &self.management_port),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let flags = arguments.flags();
    let loaded = load::load(&sources(arguments.config, flags, arguments.dev)).map_err(|problems| {
        tell(&problems.to_string());
        Failure::Usage
    })?;
    log::start(&loaded.config.log);
    // Workers have threads and runtimes of their own; this one accepts, waits for signals and does the background work.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(serve(loaded, arguments.dev))
}

async fn serve(loaded: Loaded, development: bool) -> Result<(), Failure> {
    for note in &loaded.notes {
        tracing::info!("{note}");
    }
    for warning in loaded.config.warnings() {
        tracing::warn!("{warning}");
    }
    let mut config = loaded.config;
    let listeners = Listeners::open(&mut config).map_err(failed)?;
    let keywright = Keywright::builder(config).build().await.map_err(failed)?;
    let config = &keywright.app().config;

    let first_start = keywright.first_start().await.map_err(failed)?;
    if let FirstStart::Created { username, generated_password: Some(password) } = &first_start {
        answer(&format!("Administrator {username}, password (shown this once): {}", password.expose()));
    }
    if development {
        let contents = keywright.development().await.map_err(failed)?;
        answer(&welcome(config, &contents));
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address = %SocketAddr::new(config.http.host, config.http.port),
        base_url = config.base_url(),
        management_port = %config.management.port,
        "serving"
    );
    keywright.serve(listeners, told_to_stop().map_err(failed)?).await.map_err(failed)?;
    tracing::info!("stopped");
    Ok(())
}

/// What `--dev` prints at every start: where it serves, and the three grants as lines to paste into a POSIX shell.
fn welcome(config: &Config, contents: &Development) -> String {
    let Development { api_client_secret, username, password, .. } = contents;
    let realm = format!("{}/realms/{}", config.base_url(), Realm::MASTER);
    let token = format!("{realm}/protocol/openid-connect/token");
    let client = format!("curl -sS -u api-client:{}", api_client_secret.expose());
    let by_password = format!("{client} -d grant_type=password -d username={username} -d password={password} {token}");
    let refresh_token = format!("$({by_password} | sed 's/.*\"refresh_token\":\"\\([^\"]*\\)\".*/\\1/')");
    format!(
        "Development server, issuer {realm}
Client api-client, secret {}; user {username}, password {password}

A token for a user, for a refresh token, for the client itself:
{by_password}
{client} -d grant_type=refresh_token -d refresh_token=\"{refresh_token}\" {token}
{client} -d grant_type=client_credentials {token}
",
        api_client_secret.expose()
    )
}

/// Ready when the process is asked to end: SIGTERM from a supervisor, SIGINT from a keyboard.
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn failed(error: impl std::fmt::Display) -> Failure {
    tell(&format!("keywright: {error}"));
    Failure::Failed
}
