//! Dynamic client registration: who may register what. Only the rows that prove an error case; `make compat` asks the whole topic.

use serde_json::json;

use super::replay::{Replay, Report};
use crate::support::app::TestApp;

const REALM: &str = "oracle-adm";

pub async fn replay(app: TestApp) -> Report {
    let mut run = Replay::start("registration", app).await;
    run.oracle.create_realm(REALM, json!({"enabled": true})).await;
    run.oracle.create_client(REALM, "dflt", json!({})).await;
    let access = json!({"count": 10, "expiration": 600});
    let access = run.oracle.administer("POST", &format!("/{REALM}/clients-initial-access"), &access).await;
    run.with("default endpoint, taken", &access.field("token")).await;
    run.finish().await
}
