//! `openid-client` and `jose` on node.

use std::process::Command;

use super::{DevServer, installed, run, source};

#[tokio::test]
async fn openid_client_and_jose_get_verify_refresh_introspect_and_revoke_tokens() {
    let server = DevServer::start().await;
    let mut node = Command::new("node");
    // From standard input, modules are found from the working directory.
    node.arg("--input-type=module").current_dir(installed("node"));
    node.env("KEYWRIGHT_URL", &server.process.url)
        .env("SECRET", &server.secret)
        .env("RESOURCE_SERVER_SECRET", &server.resource_server_secret);
    run(node, &source("node/openid_client.mjs")).await;
}
