//! The HTTP kit: the route table, what odd requests get, addresses and proxies, and life inside another application.

mod addressing;
mod bad_input;
mod cors;
mod embed;
mod routes;
mod server;
mod testing;
