//! The document's own Python, and PyJWT and Authlib as resource servers.

use std::process::Command;

use super::{DevServer, installed, run, source};

#[tokio::test]
async fn the_documents_python_gets_a_token_that_pyjwt_and_authlib_verify_offline() {
    let server = DevServer::start().await;
    let mut python = Command::new(installed("python/bin/python"));
    python.arg("-").env("KEYWRIGHT_URL", &server.process.url).env("SECRET", &server.secret);
    run(python, &source("python/document.py")).await;
}
