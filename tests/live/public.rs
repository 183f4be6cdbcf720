//! Realm information, discovery, certs, CORS, unknown and odd paths, security headers, disabled realms, realms that want TLS.

use serde_json::{Value, json};

use super::replay::{Replay, Report};
use crate::support::app::TestApp;

pub async fn replay(app: TestApp) -> Report {
    let mut run = Replay::start("public", app).await;

    run.up_to("disabled realm info").await;
    run.oracle.create_realm("oracle2", json!({"enabled": false})).await;
    run.row("disabled realm discovery").await.view(first_three_names).ask().await;

    run.up_to("sslRequired=all over http: token").await;
    run.oracle.update_realm("oracle2", json!({"enabled": true, "sslRequired": "all"})).await;
    run.finish().await
}

fn first_three_names(body: &Value) -> Value {
    json!(body.as_object().into_iter().flatten().map(|(name, _)| name).take(3).collect::<Vec<_>>())
}
