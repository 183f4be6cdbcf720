//! What the tests stand on: a server of their own per test, a client that sends exactly what it is told, and the watch over the log.

#![allow(dead_code, reason = "verbs are shared by all capabilities; none uses every one")]

pub mod app;
pub mod assertion;
pub mod http;
pub mod log;
pub mod process;
pub mod smtp;
pub mod upstream;

/// The content of a file that a test keeps up to date. With `UPDATE_KEPT=1` it becomes `now` first.
#[allow(clippy::disallowed_methods, reason = "a switch for whoever runs the tests, not a setting")]
pub fn kept(path: &str, now: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_KEPT").is_some() {
        std::fs::write(&path, now).expect("the file can be written");
    }
    std::fs::read_to_string(&path).unwrap_or_default()
}

/// The claims of a signed token, unverified.
pub fn payload(token: &str) -> serde_json::Value {
    use base64::Engine as _;
    let part = token.split('.').nth(1).expect("a signed token has three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}
