//! The HTTP kit: what every URL family shares. Rows and their dispatch, the realm of a request, CORS, security and cache
//! headers, error rendering.

pub mod addressing;
pub mod administrator;
pub mod cookies;
pub mod cors;
pub mod dispatch;
pub mod in_process;
mod incoming;
pub mod oauth_response;
pub mod page_error;
pub mod panics;
pub mod query;
pub mod realm;
pub mod request_log;
pub mod request_path;
pub mod route;
pub mod security_headers;
pub mod server;
pub mod transport;
