//! The Wallaroo SDK itself.

use std::process::Command;

use super::{DevServer, installed, run, source};

#[tokio::test]
#[ignore = "the SDK brings 600 MB along: make test-all (tests/clients/setup.sh --all)"]
async fn the_wallaroo_sdk_signs_in_refreshes_twice_with_one_token_and_runs_pipelines_offline() {
    let server = DevServer::start().await;
    let cache = tempfile::tempdir().expect("a directory");
    let mut python = Command::new(installed("wallaroo/bin/python"));
    python.arg("-").env("KEYWRIGHT_URL", &server.process.url).env("XDG_CACHE_HOME", cache.path());
    run(python, &source("wallaroo/sdk.py")).await;
}
