//! From an accepted socket to the HTTP machinery: room among the connections that are held, a TLS handshake where the listener
//! speaks TLS, the protocol by ALPN, and the count of what is open on it. An embedder has a server of his own instead.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::{HttpService, Protocol, Request, Response, StatusCode};
use actix_server::ServerBuilder;
use actix_service::{IntoServiceFactory, ServiceFactoryExt as _, map_config};
use actix_web::dev::{AppConfig, Server, Service, ServiceFactory, fn_factory, fn_service};
use actix_web::web::Bytes;
use futures_util::future::LocalBoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::connection::{Connection, Held, Open, Stream, Watch};
use super::tls::Tls;
use crate::config::Http;
use crate::web::transport::Transport;

/// Refused connections that are still told why; further ones are closed at once.
const MAX_TOLD: usize = 64;
const TELLING: Duration = Duration::from_secs(1);
const DISCONNECTING: Duration = Duration::from_secs(1);
const REFUSAL: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\nConnection: close\r\n\
    Content-Length: 89\r\n\r\n{\"error\":\"temporarily_unavailable\",\"error_description\":\"Too many connections, try again\"}";

/// One listener of the server.
#[derive(Clone)]
pub(super) struct Entrance {
    pub(super) http: Http,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) room: Arc<Room>,
}

/// A server without listeners.
pub(super) fn builder(http: &Http, workers: usize) -> ServerBuilder {
    Server::build()
        .workers(workers)
        // Room counts for all workers and refuses; the workers' own limit would leave clients waiting.
        .max_concurrent_connections(http.max_connections.get().saturating_add(4096))
        .shutdown_timeout(http.shutdown_timeout_seconds)
        .disable_signals()
}

/// How many connections are held, of all listeners that share it.
pub(super) struct Room {
    most: usize,
    held: AtomicUsize,
    told: AtomicUsize,
    /// Whether the log knows that connections are refused.
    full: AtomicBool,
}

/// The place of one connection.
pub(super) struct Place(Arc<Room>);

impl Room {
    pub(super) fn for_connections(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: AtomicUsize::new(0), told: AtomicUsize::new(0), full: AtomicBool::new(false) })
    }

    fn take(self: &Arc<Self>) -> Option<Place> {
        let place = Place(Arc::clone(self));
        // The place is given back when it is dropped, also when it is one too many.
        if self.held.fetch_add(1, Ordering::AcqRel) < self.most {
            return Some(place);
        }
        if !self.full.swap(true, Ordering::AcqRel) {
            tracing::warn!(held = self.most, "connections are refused: http.max_connections are held");
        }
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Said again only after there was room for a while.
        if self.0.held.fetch_sub(1, Ordering::AcqRel) < self.0.most / 10 * 9 {
            self.0.full.store(false, Ordering::Release);
        }
    }
}

impl Entrance {
    /// Adds the listener to the server, with what `application` makes for each worker.
    pub(super) fn listen<F, I, S>(self, builder: ServerBuilder, listener: TcpListener, application: F) -> io::Result<ServerBuilder>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<actix_web::Error>,
        S::InitError: Debug,
        S::Response: Into<Response<BoxBody>> + 'static,
        S::Service: 'static,
        <S::Service as Service<Request>>::Future: Unpin + 'static,
    {
        let name = if self.tls.is_some() { "https" } else { "http" };
        let stopping = builder.graceful_shutdown_signal();
        builder.listen(name, listener, move || {
            let (entrance, stopping) = (self.clone(), stopping.clone());
            let application = application().into_factory().map_err(|error| error.into().error_response());
            let counted = CountedFactory(map_config(application, |()| AppConfig::default()));
            let http = HttpService::<Held<Place>, _, _>::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(Duration::from_secs(entrance.http.keep_alive_seconds))
                .client_request_timeout(Duration::from_secs(entrance.http.request_timeout_seconds))
                .client_disconnect_timeout(DISCONNECTING)
                .on_connect_ext(|held: &Held<Place>, extensions| {
                    extensions.insert(held.connection());
                    extensions.insert(Transport { tls: held.is_tls() });
                })
                .finish(counted);
            let http = Rc::new(http);
            fn_factory(move || {
                let (entrance, http) = (Rc::new(entrance.clone()), Rc::clone(&http));
                async move {
                    let (http, watch) = (Rc::new(http.new_service(()).await?), Watch::start(&entrance.http));
                    Ok::<_, ()>(fn_service(move |socket: TcpStream| {
                        let (entrance, http, watch) = (Rc::clone(&entrance), Rc::clone(&http), Rc::clone(&watch));
                        async move {
                            if let Some(arrived) = entrance.admit(socket, &watch).await
                                && let Err(error) = http.call(arrived).await
                            {
                                tracing::debug!(%error, "a connection ended early");
                            }
                            Ok::<_, ()>(())
                        }
                    }))
                }
            })
        })
    }

    async fn admit(&self, socket: TcpStream, watch: &Rc<Watch>) -> Option<(Held<Place>, Protocol, Option<std::net::SocketAddr>)> {
        let peer = socket.peer_addr().ok();
        let Some(place) = self.room.take() else {
            self.refuse(socket).await;
            return None;
        };
        // Head and body of an answer are separate writes; with Nagle's algorithm the second waits for an acknowledgement.
        let _cosmetic = socket.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return Some((watch.hold(Stream::Plain(socket), false, place), Protocol::Http1, peer));
        };
        let handshake = TlsAcceptor::from(tls.config()).accept(socket);
        match tokio::time::timeout(Duration::from_secs(self.http.request_timeout_seconds), handshake).await {
            Ok(Ok(stream)) => {
                let multiplexed = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let protocol = if multiplexed { Protocol::Http2 } else { Protocol::Http1 };
                Some((watch.hold(Stream::Tls(Box::new(stream)), multiplexed, place), protocol, peer))
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, ?peer, "a TLS handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!(?peer, "a TLS handshake took too long");
                None
            }
        }
    }

    /// Without a handshake there is nobody to talk to: a connection for TLS just ends.
    async fn refuse(&self, mut socket: TcpStream) {
        if self.tls.is_some() || self.room.told.fetch_add(1, Ordering::AcqRel) >= MAX_TOLD {
            if self.tls.is_none() {
                self.room.told.fetch_sub(1, Ordering::AcqRel);
            }
            return;
        }
        let tell = async {
            socket.write_all(REFUSAL.as_bytes()).await?;
            socket.shutdown().await?;
            // What arrives unread makes the system reset the connection, and the client never sees the answer.
            let mut unread = [0; 1024];
            while socket.read(&mut unread).await? > 0 {}
            io::Result::Ok(())
        };
        let _told_or_gone = tokio::time::timeout(TELLING, tell).await;
        self.room.told.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Makes the application with its requests counted.
struct CountedFactory<S>(S);

/// The application, with its open requests counted on their connection.
struct CountedService<S>(S);

/// Waits for the application's answer.
struct Counting<F>(Result<(F, Option<Open>), ()>);

/// An answer's body. The request is over when it is.
pub(super) struct Counted {
    body: BoxBody,
    _open: Option<Open>,
}

impl<S> ServiceFactory<Request> for CountedFactory<S>
where
    S: ServiceFactory<Request, Config = ()>,
    S::Future: 'static,
    S::Response: Into<Response<BoxBody>>,
    <S::Service as Service<Request>>::Future: Unpin,
{
    type Response = Response<Counted>;
    type Error = S::Error;
    type Config = ();
    type Service = CountedService<S::Service>;
    type InitError = S::InitError;
    type Future = LocalBoxFuture<'static, Result<Self::Service, S::InitError>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let application = self.0.new_service(());
        Box::pin(async move { application.await.map(CountedService) })
    }
}

impl<S> Service<Request> for CountedService<S>
where
    S: Service<Request>,
    S::Response: Into<Response<BoxBody>>,
    S::Future: Unpin,
{
    type Response = Response<Counted>;
    type Error = S::Error;
    type Future = Counting<S::Future>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&self, request: Request) -> Self::Future {
        let open = request.conn_data::<Rc<Connection>>().map(Connection::open);
        match open {
            Some(None) => Counting(Err(())),
            open => Counting(Ok((self.0.call(request), open.flatten()))),
        }
    }
}

impl<F, R, E> Future for Counting<F>
where
    F: Future<Output = Result<R, E>> + Unpin,
    R: Into<Response<BoxBody>>,
{
    type Output = Result<Response<Counted>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (response, open) = match &mut self.get_mut().0 {
            Ok((future, open)) => (ready!(Pin::new(future).poll(cx))?.into(), open.take()),
            // RFC 9113 §5.1.2: more than the client was told to expect; without a body, so that nothing of it waits for him.
            Err(()) => (Response::new(StatusCode::SERVICE_UNAVAILABLE), None),
        };
        Poll::Ready(Ok(response.map_body(|_, body| Counted { body, _open: open })))
    }
}

impl MessageBody for Counted {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_and_a_place_that_is_left_is_free() {
        let room = Room::for_connections(2);
        let (first, second) = (room.take().expect("room"), room.take().expect("room"));
        assert!(room.take().is_none() && room.take().is_none());
        drop(first);
        let third = room.take().expect("the place of the first");
        assert!(room.take().is_none());
        drop((second, third));
        assert_eq!(room.held.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_refusal_is_complete() {
        let (head, body) = REFUSAL.split_once("\r\n\r\n").expect("head and body");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
