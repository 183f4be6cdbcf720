//! A connection of the standalone server and how long it may be held. The HTTP machinery below times out the first head of a
//! connection and an idle one; what it leaves open is closed here: later heads that never end, answers that nobody takes, idle
//! HTTP/2 connections. One sweep per worker looks at all of them, so a request costs a few memory writes and no timer.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::config::Http;

/// Requests of one connection that may be open at once. HTTP/1.1 has one at a time; this bounds HTTP/2, whose settings the
/// machinery below does not let us limit.
const MAX_OPEN: u32 = 100;
/// Requests beyond [`MAX_OPEN`] after which a connection ends: the client does not listen.
const MAX_REFUSED: u32 = 1000;

/// The bytes of a connection.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection in use. It leaves its watch when it is dropped.
pub(super) struct Held<P> {
    stream: Stream,
    state: Rc<Connection>,
    watch: Rc<Watch>,
    slot: usize,
    /// Its place among those that the server holds.
    _place: P,
}

/// What is known of one connection. Times are in ticks of its watch, from 1; 0 is "not now".
pub(super) struct Connection {
    multiplexed: bool,
    ticks: Rc<Cell<u32>>,
    /// Requests whose answers are not completely handed over.
    open: Cell<u32>,
    refused: Cell<u32>,
    /// Since when there are bytes that are no complete head.
    head_since: Cell<u32>,
    /// Since when the peer takes nothing.
    stuck_since: Cell<u32>,
    /// Since when nothing is open.
    idle_since: Cell<u32>,
    ended: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// A request that is being answered.
pub(super) struct Open(Rc<Connection>);

/// The connections of one worker and listener, and the sweep over them.
pub(super) struct Watch {
    limits: Limits,
    ticks: Rc<Cell<u32>>,
    slots: RefCell<Slots>,
}

#[derive(Default)]
struct Slots {
    connections: Vec<Option<Rc<Connection>>>,
    free: Vec<usize>,
}

/// What a connection may take, in ticks.
struct Limits {
    head: u32,
    send: u32,
    idle: u32,
}

impl Watch {
    /// Starts sweeping on the current worker; it ends with the watch.
    pub(super) fn start(http: &Http) -> Rc<Self> {
        let shortest = http.request_timeout_seconds.min(http.send_timeout_seconds).min(http.keep_alive_seconds).max(1);
        let tick = Duration::from_secs(1).min(Duration::from_secs(shortest) / 4);
        let ticks = |seconds: u64| u32::try_from(Duration::from_secs(seconds).as_millis() / tick.as_millis()).unwrap_or(u32::MAX - 8);
        let limits = Limits {
            // Of a first head the machinery below is the judge; it answers 408.
            head: ticks(http.request_timeout_seconds) + 2,
            send: ticks(http.send_timeout_seconds) + 1,
            idle: ticks(http.keep_alive_seconds) + 1,
        };
        let watch = Rc::new(Self { limits, ticks: Rc::new(Cell::new(1)), slots: RefCell::default() });
        actix_web::rt::spawn(sweep(Rc::downgrade(&watch), tick));
        watch
    }

    pub(super) fn hold<P>(self: &Rc<Self>, stream: Stream, multiplexed: bool, place: P) -> Held<P> {
        let state = Rc::new(Connection {
            multiplexed,
            ticks: Rc::clone(&self.ticks),
            open: Cell::new(0),
            refused: Cell::new(0),
            head_since: Cell::new(0),
            stuck_since: Cell::new(0),
            idle_since: Cell::new(self.ticks.get()),
            ended: Cell::new(false),
            waker: RefCell::new(None),
        });
        let slots = &mut *self.slots.borrow_mut();
        let slot = slots.free.pop().unwrap_or_else(|| {
            slots.connections.push(None);
            slots.connections.len() - 1
        });
        slots.connections[slot] = Some(Rc::clone(&state));
        Held { stream, state, watch: Rc::clone(self), slot, _place: place }
    }

    fn tick(&self) {
        let now = self.ticks.get().wrapping_add(1).max(1);
        self.ticks.set(now);
        for connection in self.slots.borrow().connections.iter().flatten() {
            if self.limits.are_exceeded(connection, now) {
                connection.end();
            }
        }
    }
}

async fn sweep(watch: Weak<Watch>, tick: Duration) {
    let mut interval = tokio::time::interval(tick);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(watch) = watch.upgrade() else { return };
        watch.tick();
    }
}

impl Limits {
    fn are_exceeded(&self, connection: &Connection, now: u32) -> bool {
        let longer = |since: &Cell<u32>, limit: u32| since.get() != 0 && now.wrapping_sub(since.get()) > limit;
        let quiet = connection.open.get() == 0;
        longer(&connection.stuck_since, self.send)
            || (quiet && !connection.multiplexed && longer(&connection.head_since, self.head))
            || (quiet && connection.multiplexed && longer(&connection.idle_since, self.idle))
    }
}

impl Connection {
    /// Notes that a request has come. `None`: this connection has too many open already.
    pub(super) fn open(self: &Rc<Self>) -> Option<Open> {
        self.head_since.set(0);
        if self.open.get() >= MAX_OPEN {
            self.refused.set(self.refused.get() + 1);
            if self.refused.get() > MAX_REFUSED {
                self.end();
            }
            return None;
        }
        self.open.set(self.open.get() + 1);
        Some(Open(Rc::clone(self)))
    }

    fn end(&self) {
        self.ended.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    fn has_ended<T>(&self) -> Option<Poll<io::Result<T>>> {
        self.ended.get().then(|| Poll::Ready(Err(io::ErrorKind::TimedOut.into())))
    }

    fn received(&self, bytes: usize) {
        if bytes > 0 && self.open.get() == 0 && self.head_since.get() == 0 {
            self.head_since.set(self.ticks.get());
        }
    }

    fn sent<T>(&self, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stuck_since.set(0);
        } else if self.stuck_since.get() == 0 {
            self.stuck_since.set(self.ticks.get());
        }
        poll
    }

    fn waits(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if waker.as_ref().is_none_or(|known| !known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let open = self.0.open.get() - 1;
        self.0.open.set(open);
        if open == 0 {
            self.0.idle_since.set(self.0.ticks.get());
        }
    }
}

impl<P> Held<P> {
    pub(super) fn connection(&self) -> Rc<Connection> {
        Rc::clone(&self.state)
    }

    pub(super) const fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }
}

impl<P> Drop for Held<P> {
    fn drop(&mut self) {
        let mut slots = self.watch.slots.borrow_mut();
        slots.connections[self.slot] = None;
        slots.free.push(self.slot);
    }
}

impl<P: Unpin> AsyncRead for Held<P> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let held = self.get_mut();
        if let Some(ended) = held.state.has_ended() {
            return ended;
        }
        let before = buffer.filled().len();
        let poll = match &mut held.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        };
        match poll {
            Poll::Ready(_) => held.state.received(buffer.filled().len() - before),
            Poll::Pending => held.state.waits(cx),
        }
        poll
    }
}

impl<P: Unpin> AsyncWrite for Held<P> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let held = self.get_mut();
        if let Some(ended) = held.state.has_ended() {
            return ended;
        }
        let poll = match &mut held.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        };
        held.state.sent(poll)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let held = self.get_mut();
        if let Some(ended) = held.state.has_ended() {
            return ended;
        }
        match &mut held.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => {
                let poll = Pin::new(stream).poll_flush(cx);
                held.state.sent(poll)
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let held = self.get_mut();
        if let Some(ended) = held.state.has_ended() {
            return ended;
        }
        let poll = match &mut held.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        };
        held.state.sent(poll)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, buffers: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let held = self.get_mut();
        if let Some(ended) = held.state.has_ended() {
            return ended;
        }
        let poll = match &mut held.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, buffers),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, buffers),
        };
        held.state.sent(poll)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(multiplexed: bool) -> Rc<Connection> {
        Rc::new(Connection {
            multiplexed,
            ticks: Rc::new(Cell::new(1)),
            open: Cell::new(0),
            refused: Cell::new(0),
            head_since: Cell::new(0),
            stuck_since: Cell::new(0),
            idle_since: Cell::new(1),
            ended: Cell::new(false),
            waker: RefCell::new(None),
        })
    }

    const LIMITS: Limits = Limits { head: 10, send: 30, idle: 70 };

    #[test]
    fn a_head_has_its_time_and_a_request_in_progress_is_left_alone() {
        let connection = connection(false);
        assert!(!LIMITS.are_exceeded(&connection, 1000), "idle HTTP/1.1 is timed below");
        connection.received(1);
        assert!(!LIMITS.are_exceeded(&connection, 11) && LIMITS.are_exceeded(&connection, 12));
        let open = connection.open().expect("room");
        connection.received(1);
        assert!(!LIMITS.are_exceeded(&connection, 1000), "a handler may take its time");
        drop(open);
        connection.received(1);
        assert!(LIMITS.are_exceeded(&connection, 1000), "the second head is timed as well");
    }

    #[test]
    fn an_answer_that_nobody_takes_ends_the_connection() {
        let connection = connection(false);
        let _open = connection.open().expect("room");
        assert!(connection.sent::<usize>(Poll::Pending).is_pending());
        assert!(!LIMITS.are_exceeded(&connection, 31) && LIMITS.are_exceeded(&connection, 32));
        assert!(connection.sent(Poll::Ready(Ok(1))).is_ready());
        assert!(!LIMITS.are_exceeded(&connection, 32));
    }

    #[test]
    fn http_2_is_bounded_in_idleness_and_in_requests_at_once() {
        let connection = connection(true);
        connection.received(1);
        assert!(!LIMITS.are_exceeded(&connection, 71) && LIMITS.are_exceeded(&connection, 72));
        let open: Vec<_> = (0..MAX_OPEN).map(|_| connection.open().expect("room")).collect();
        assert!(!LIMITS.are_exceeded(&connection, 1000));
        for _ in 0..MAX_REFUSED {
            assert!(connection.open().is_none());
        }
        assert!(!connection.ended.get());
        assert!(connection.open().is_none() && connection.ended.get());
        connection.ticks.set(500);
        drop(open);
        assert!(!LIMITS.are_exceeded(&connection, 570) && LIMITS.are_exceeded(&connection, 571));
    }
}
