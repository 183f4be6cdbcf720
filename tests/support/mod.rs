//! What the tests stand on: a server of their own per test, a client that sends exactly what it is told, and the watch over the log.

#![allow(dead_code, reason = "verbs are shared by all capabilities; none uses every one")]

pub mod app;
pub mod assertion;
pub mod http;
pub mod log;
pub mod process;
pub mod upstream;
