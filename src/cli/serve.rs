//! `keywright serve`: the first embedder. Loads the settings, opens the sockets, builds the issuer and serves until it is told
//! to stop.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::failure::{Code, Failure};
use super::output::answer;
use super::{examples, log, sources};
use crate::config::Config;
use crate::config::load::{self, Flag, HOST_FLAG, Loaded};
use crate::embed::Keywright;
use crate::embed::server::Listeners;
use crate::embed::tls::Tls;
use crate::manage::bootstrap::{Development, FirstStart};
use crate::model::realm::Realm;
use crate::web::panics;

#[derive(Args)]
#[command(before_help = examples![
    "keywright serve --dev",
    "keywright serve --config /etc/keywright/keywright.toml",
    "keywright serve --data /var/lib/keywright --http-port 8443",
    "keywright serve --import-realm            # realms of data/import/*.json, as far as they are new"
])]
pub(super) struct Arguments {
    /// Try it out: data in ./data, sample clients and users, ready-to-paste commands; loopback only
    #[arg(long)]
    dev: bool,
    /// Import the realms in the directory `import` of the store that are not there yet
    #[arg(long)]
    import_realm: bool,
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
    /// Plain HTTP: true or false [http.enabled]
    #[arg(long, value_name = "BOOL")]
    http_enabled: Option<String>,
    /// The port for TLS [https.port]
    #[arg(long, value_name = "PORT")]
    https_port: Option<String>,
    /// The server's certificate and its chain, PEM [https.certificate_file]
    #[arg(long, value_name = "FILE")]
    https_certificate_file: Option<String>,
    /// Its private key, PEM [https.certificate_key_file]
    #[arg(long, value_name = "FILE")]
    https_certificate_key_file: Option<String>,
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
            flag("http.enabled", "--http-enabled", &self.http_enabled),
            flag("https.port", "--https-port", &self.https_port),
            flag("https.certificate_file", "--https-certificate-file", &self.https_certificate_file),
            flag("https.certificate_key_file", "--https-certificate-key-file", &self.https_certificate_key_file),
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
    let loaded = load::load(&sources(arguments.config, flags, arguments.dev))?;
    log::start(&loaded.config.log);
    panics::log_all();
    // Workers have threads and runtimes of their own; this one accepts, waits for signals and does the background work.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let served = runtime.block_on(serve(loaded, arguments.dev, arguments.import_realm));
    // A forced end does not wait for a thread that is stuck in the file system. Whatever was acknowledged is durable.
    runtime.shutdown_background();
    served
}

async fn serve(loaded: Loaded, development: bool, import_realm: bool) -> Result<(), Failure> {
    for note in &loaded.notes {
        tracing::info!("{note}");
    }
    for warning in loaded.config.warnings() {
        tracing::warn!("{warning}");
    }
    let mut config = loaded.config;
    let listeners = Listeners::open(&mut config).map_err(Failure::failed)?;
    let keywright = Keywright::builder(config).build().await.map_err(Failure::failed)?;
    let config = &keywright.app().config;

    let first_start = keywright.first_start().await.map_err(Failure::failed)?;
    if let FirstStart::Created { username, generated_password: Some(password) } = &first_start {
        answer(&format!("Administrator {username}, password (shown this once): {}", password.expose()));
    }
    if import_realm {
        super::import::at_start(&keywright).await?;
    }
    if development {
        let contents = keywright.development().await.map_err(Failure::failed)?;
        answer(&welcome(config, &contents));
    }
    // Before anybody reads that we serve: who does may send a signal at once.
    let reloading = reload_when_told(listeners.tls(), &keywright).map_err(Failure::failed)?;
    let (stopping, force) = signals().map_err(Failure::failed)?;
    let address = |on: bool, port| if on { SocketAddr::new(config.http.host, port).to_string() } else { "off".to_owned() };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address = address(config.http.enabled, config.http.port),
        https_address = address(config.https.is_on(), config.https.port),
        base_url = config.base_url(),
        management_port = %config.management.port,
        "serving"
    );
    tokio::select! {
        served = keywright.serve(listeners, stopping) => served.map_err(Failure::failed)?,
        () = force => {
            tracing::warn!("stopped without waiting for running requests; the last minute of session stamps may be lost");
            return Err(Failure::said(Code::Interrupted));
        }
    }
    reloading.abort();
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

/// Two futures. The first is ready when the process is asked to end: SIGTERM from a supervisor, SIGINT from a keyboard. The second
/// drives it and is ready when somebody presses Ctrl-C although the process is ending already.
fn signals() -> std::io::Result<(impl Future<Output = ()>, impl Future<Output = ()>)> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (begin, begun) = tokio::sync::oneshot::channel();
    let force = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping when running requests have finished; Ctrl-C stops at once");
        let _ = begin.send(());
        interrupt.recv().await;
    };
    Ok((async move { drop(begun.await) }, force))
}

/// SIGHUP: look at the certificate's files now. Without a certificate it must not end the process, as it does by default.
fn reload_when_told(tls: Option<Arc<Tls>>, keywright: &Keywright) -> std::io::Result<tokio::task::JoinHandle<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut told, clock) = (signal(SignalKind::hangup())?, Arc::clone(&keywright.app().env.clock));
    Ok(tokio::spawn(async move {
        while told.recv().await.is_some() {
            if let Some(tls) = &tls {
                tls.reload(clock.now());
            } else {
                tracing::info!("SIGHUP: there is no certificate to reload");
            }
        }
    }))
}
