//! `POST /backup` on the management listener: who gets one, and what he gets. The command that asks for it is tested in
//! `tests/process/backup.rs`.

use keywright::management::backup::PURPOSE;
use keywright::store::backup;

use crate::support::app::TestApp;
use crate::support::http::{Answer, Request};

async fn ask(app: &TestApp, target: &str, credential: Option<&str>) -> Answer {
    let request = Request::new("POST", target);
    let request = match credential {
        Some(credential) => request.bearer(credential),
        None => request,
    };
    app.send_to(app.management.as_ref().expect("it has one"), &request).await
}

#[tokio::test]
async fn whoever_has_the_key_encryption_key_gets_everything_and_nobody_else_anything() {
    let app = TestApp::builder().sled().start().await;
    app.administrator().await;
    for credential in [None, Some(""), Some("wrong")] {
        let refused = ask(&app, "/auth/backup", credential).await;
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
        assert!(!refused.text().contains("keywright_backup"));
    }
    let credential = app.keywright.app().sealer.credential(PURPOSE);
    assert_eq!(ask(&app, "/auth/backup?everything", Some(credential.expose())).await.status, 400);

    for (target, classes) in [("/auth/backup", 2), ("/auth/backup?sessions=true", 2), ("/auth/backup?sessions=false", 1)] {
        let answer = ask(&app, target, Some(credential.expose())).await;
        assert_eq!(
            (answer.status, answer.header("content-type"), answer.header("cache-control")),
            (200, Some("application/x-ndjson"), Some("no-store"))
        );
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), answer.text()).expect("it is ours");
        assert_eq!(backup::verify(file.path()).expect("it is whole").classes.len(), classes, "{target}");
    }
    assert!(app.log().contains("a backup was taken"));
}
