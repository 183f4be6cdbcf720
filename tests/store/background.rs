//! The round that a running server makes every half minute: nothing that it is there for may be left out of it.

use std::path::Path;

use keywright::store::txn::Reader as _;

use crate::support::app::{ADMINISTRATOR, TestApp};

fn snapshots(directory: &Path) -> usize {
    std::fs::read_dir(directory).map_or(0, |files| files.flatten().filter(|file| file.path().is_file()).count())
}

async fn sessions(app: &TestApp) -> Vec<(String, i64)> {
    let mut peek = app.keywright.app().store.peek();
    let realm = peek.realms().by_name("master").await.expect("readable").expect("there").id;
    let admin = peek.users().by_username(&realm, ADMINISTRATOR).await.expect("readable").expect("there").id;
    let mut known = Vec::new();
    for id in peek.user_sessions().of_user(&realm, &admin, false, None, 100).await.expect("readable") {
        if let Some(session) = peek.user_sessions().get(&realm, &id, false).await.expect("readable") {
            known.push((id.to_string(), session.last_refresh.seconds()));
        }
    }
    known
}

#[tokio::test]
async fn a_round_writes_uses_down_purges_and_takes_a_snapshot_once_an_hour() {
    let app = TestApp::builder().sled().start().await;
    let directory = app.keywright.app().config.store.directory.join("snapshots");
    let refresh = app.administrator().await.field("refresh_token");
    let started = app.now().seconds();
    app.keywright.background_round().await.expect("a store");
    assert_eq!((snapshots(&directory), sessions(&app).await[0].1), (1, started));

    app.advance(600);
    let form = [("grant_type", "refresh_token"), ("client_id", "admin-cli"), ("refresh_token", refresh.as_str())];
    app.oidc("master", "token", &form).await.ok();
    assert_eq!(sessions(&app).await[0].1, started, "a refresh without rotation writes nothing");
    app.keywright.background_round().await.expect("a store");
    assert_eq!((snapshots(&directory), sessions(&app).await[0].1), (1, started + 600), "its use is written down, and no hour is over");

    let token = app.administrator().await.field("access_token");
    let realm = crate::support::http::Request::new("POST", app.target("/admin/realms")).bearer(&token);
    let answer = app.send(&realm.json(&serde_json::json!({"realm": "another"}))).await;
    assert_eq!(answer.status, 201, "the configuration has changed");
    app.advance(3600);
    app.keywright.background_round().await.expect("a store");
    assert_eq!(snapshots(&directory), 2);
    app.advance(10 * 86_400);
    app.keywright.background_round().await.expect("a store");
    let left = app.keywright.app().store.purge(app.now(), 500).await.expect("a store");
    assert_eq!(left, 0, "the round has purged what expired");
}
