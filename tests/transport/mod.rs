//! Sockets, TLS, limits and time-outs of the standalone server, over real connections. Where a test waits for a time-out it
//! waits in real time, with the smallest setting there is: the system's clock drives sockets.

#![allow(clippy::disallowed_methods, reason = "sockets time out in real time")]

mod certificates;
mod http2;
mod limits;
mod panics;
mod proxy;
mod tls;
