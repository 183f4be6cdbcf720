//! The standalone server: the listeners that the configuration names, and a stop that loses nothing.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App, HttpServer, web};
use tokio::net::TcpSocket;

use super::Keywright;
use crate::config::{Config, ManagementPort};
use crate::management::{self, health::Health};
use crate::routes;

/// Connections that the system accepts for us until a worker takes them.
const BACKLOG: u32 = 1024;

/// The open sockets. Made before the issuer, so that a port that is taken is known before a store is opened.
#[derive(Debug)]
pub struct Listeners {
    public: TcpListener,
    management: Option<TcpListener>,
}

/// A socket that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({key}): {error}")]
pub struct ListenError {
    pub address: SocketAddr,
    /// The setting that names the port.
    pub key: &'static str,
    pub error: io::Error,
}

impl Listeners {
    /// Opens what `config` names. Where it leaves the port to the system, the chosen one stands in `config` afterwards.
    ///
    /// # Errors
    /// When an address is taken, is not this machine's, or needs more rights.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn open(config: &mut Config) -> Result<Self, ListenError> {
        let public = listen(config.http.host, config.http.port, "http.port")?;
        config.http.port = port(&public);
        let management = match config.management.port {
            ManagementPort::Off => None,
            ManagementPort::On(port) => Some(listen(config.management.host, port, "management.port")?),
        };
        if let Some(management) = &management {
            config.management.port = ManagementPort::On(port(management));
        }
        Ok(Self { public, management })
    }
}

/// What holds for both listeners. A macro, because the type of an `HttpServer` names its application's.
macro_rules! limited {
    ($server:expr, $http:expr, $workers:expr) => {
        $server
            .workers($workers)
            .max_connections($http.max_connections.get())
            .keep_alive(Duration::from_secs($http.keep_alive_seconds))
            .client_request_timeout(Duration::from_secs($http.request_timeout_seconds))
            .shutdown_timeout($http.shutdown_timeout_seconds)
            // Head and body of an answer are separate writes; with Nagle's algorithm the second waits for an acknowledgement.
            .tcp_nodelay(true)
            .disable_signals()
    };
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
    open().map_err(|error| ListenError { address, key, error })
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
        let http = &self.app().config.http;
        let health = web::Data::new(Health::of(self.app().store.clone()));

        let keywright = self.clone();
        let public = HttpServer::new(move || App::new().configure(keywright.configure_standalone()));
        let workers = http.workers.map_or_else(cores, NonZeroUsize::get);
        let public = limited!(public, http, workers).listen(listeners.public)?.run();
        let management = listeners.management.map(|listener| self.management(listener, &health)).transpose()?;

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
        self.close().await.map_err(io::Error::other)
    }

    fn management(&self, listener: TcpListener, health: &web::Data<Health>) -> io::Result<Server> {
        let (http, health) = (&self.app().config.http, health.clone());
        let path = http.relative_path.clone();
        let server = HttpServer::new(move || {
            let rows = management::configure(routes::management(), health.clone());
            App::new().service(web::scope(path.as_str()).configure(rows))
        });
        Ok(limited!(server, http, 1).listen(listener)?.run())
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
