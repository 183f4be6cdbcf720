//! What the listener knows about a connection and a request cannot say itself. The standalone server attaches it; inside a
//! host application its server's own word counts.

use actix_web::HttpRequest;

/// Attached to every connection of the standalone server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    /// Whether the connection itself is TLS.
    pub tls: bool,
}

/// Whether the connection that `request` came on is TLS.
pub fn is_tls(request: &HttpRequest) -> bool {
    request.conn_data::<Transport>().map_or_else(|| request.app_config().secure(), |transport| transport.tls)
}
