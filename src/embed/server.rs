//! The standalone server: the listeners that the configuration names, and a stop that loses nothing.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::{App, web};
use tokio::net::TcpSocket;

use super::Keywright;
use super::file_limit;
use super::listener::{Entrance, Room, builder};
use super::tls::{Tls, TlsError};
use crate::config::{Config, ManagementPort, ManagementScheme};
use crate::management::{self, health::Health};
use crate::routes;

/// Connections that the system accepts for us until a worker takes them.
const BACKLOG: u32 = 1024;
/// Connections of the management listener: probes and scrapers.
const MANAGEMENT_CONNECTIONS: usize = 128;

/// The open sockets and the certificate. Made before the issuer, so that a port that is taken is known before a store is opened.
pub struct Listeners {
    http: Option<TcpListener>,
    https: Option<TcpListener>,
    management: Option<TcpListener>,
    tls: Option<Arc<Tls>>,
}

/// Why a listener cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// `key` is the setting that names the port.
    #[error("cannot listen on {address} ({key}): {error}")]
    Socket { address: SocketAddr, key: &'static str, error: io::Error },
    #[error(transparent)]
    Certificate(#[from] TlsError),
}

impl Listeners {
    /// Opens what `config` names. Where it leaves the port to the system, the chosen one stands in `config` afterwards.
    ///
    /// # Errors
    /// When an address is taken, is not this machine's, or needs more rights, or when the certificate cannot be used.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn open(config: &mut Config) -> Result<Self, ListenError> {
        let tls = Tls::open(&config.https)?;
        let host = config.http.host;
        let http = config.http.enabled.then(|| listen(host, config.http.port, "http.port")).transpose()?;
        let https = tls.is_some().then(|| listen(host, config.https.port, "https.port")).transpose()?;
        let management = match config.management.port {
            ManagementPort::Off => None,
            ManagementPort::On(port) => Some(listen(config.management.host, port, "management.port")?),
        };
        config.http.port = http.as_ref().map_or(config.http.port, port);
        config.https.port = https.as_ref().map_or(config.https.port, port);
        if let Some(management) = &management {
            config.management.port = ManagementPort::On(port(management));
        }
        Ok(Self { http, https, management, tls })
    }

    /// The certificate, to look at its files again when the process is told to ([`Tls::reload`]).
    pub fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }
}

fn listen(host: IpAddr, port: u16, key: &'static str) -> Result<TcpListener, ListenError> {
    let address = SocketAddr::new(host, port);
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restarted server takes its port back although old connections linger.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    open().map_err(|error| ListenError::Socket { address, key, error })
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("an open socket has an address").port()
}

impl Keywright {
    /// Serves on `listeners` until `stop` is ready. Then readiness turns red, no connection is accepted any more, running
    /// requests finish within `http.shutdown_timeout_seconds`, and what is still in memory is written.
    ///
    /// # Errors
    /// When a listener fails or the store cannot take the rest.
    pub async fn serve(&self, listeners: Listeners, stop: impl Future<Output = ()>) -> io::Result<()> {
        let health = web::Data::new(Health::of(self.app.clone()));
        let Listeners { http, https, management, tls } = listeners;
        let watching = tls.clone().map(|tls| tokio::spawn(tls.watch(Arc::clone(&self.app().env.clock))));
        let public = self.public((http, https), tls.clone())?;
        let management = management.map(|listener| self.management(listener, tls, &health)).transpose()?;

        let public_handle = public.handle();
        let management_handle = management.as_ref().map(Server::handle);
        let mut public = tokio::spawn(public);
        let management = management.map(tokio::spawn);

        tokio::select! {
            () = stop => {
                health.stop();
                public_handle.stop(true).await;
                public.await.map_err(io::Error::other)??;
            }
            ended = &mut public => ended.map_err(io::Error::other)??,
        }
        // Probes are answered until the last request has finished.
        if let (Some(handle), Some(server)) = (management_handle, management) {
            handle.stop(false).await;
            server.await.map_err(io::Error::other)??;
        }
        if let Some(watching) = watching {
            watching.abort();
        }
        self.close().await.map_err(io::Error::other)
    }

    fn public(&self, (http, https): (Option<TcpListener>, Option<TcpListener>), tls: Option<Arc<Tls>>) -> io::Result<Server> {
        let settings = &self.app().config.http;
        let room = Room::for_connections(file_limit::connections(settings.max_connections.get()));
        let mut server = builder(settings, settings.workers.map_or_else(cores, NonZeroUsize::get));
        for (listener, tls) in [(http, None), (https, tls)] {
            let (Some(listener), keywright) = (listener, self.clone()) else { continue };
            let entrance = Entrance { http: settings.clone(), tls, room: Arc::clone(&room) };
            server = entrance.listen(server, listener, move || App::new().configure(keywright.configure_standalone()))?;
        }
        Ok(server.run())
    }

    fn management(&self, listener: TcpListener, tls: Option<Arc<Tls>>, health: &web::Data<Health>) -> io::Result<Server> {
        let (config, health) = (&self.app().config, health.clone());
        let path = config.http.relative_path.clone();
        let tls = tls.filter(|_| config.management.scheme == ManagementScheme::Inherited);
        let entrance = Entrance { http: config.http.clone(), tls, room: Room::for_connections(MANAGEMENT_CONNECTIONS) };
        let app = self.app.clone();
        let server = entrance.listen(builder(&config.http, 1), listener, move || {
            let actions = management::configure_actions(routes::management_actions(), app.clone());
            let rows = management::configure(routes::management(), health.clone());
            App::new().service(web::scope(path.as_str()).configure(actions).configure(rows))
        })?;
        Ok(server.run())
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
