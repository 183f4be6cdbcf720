//! Of many presentations of one refresh token at the same moment, exactly as many win as the realm allows.

use futures_util::future::join_all;

use crate::support::process::ServerProcess;

use super::api::Api;
use super::realm;

const PRESENTATIONS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_parallel_presentations_exactly_as_many_win_as_the_realm_allows() {
    for reuse in [0, 1, 3] {
        let home = tempfile::tempdir().expect("a directory");
        realm::create_with_reuse(home.path(), reuse);
        let server = ServerProcess::start(home.path(), realm::NAME).await;
        let api = Api::new(&server.issuer(realm::NAME));
        for _ in 0..3 {
            assert_eq!(winners(&api).await, 1 + reuse as usize, "refreshTokenMaxReuse {reuse}");
        }
    }
}

async fn winners(api: &Api) -> usize {
    let first = api.login().await.expect("the server answers").text("refresh_token");
    let token = api.refresh(&first).await.expect("the server answers").text("refresh_token");
    let answers = join_all((0..PRESENTATIONS).map(|_| api.refresh(&token))).await;
    answers.into_iter().filter(|answer| !answer.as_ref().expect("the server answers").is_refused_grant()).count()
}

/// Security class 18 (Keycloak CVE-2026-9802): what a rotation superseded stays superseded when the server is killed right after the
/// answer, and what a logout or a revocation ended stays ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn class_18_a_superseded_or_revoked_refresh_token_stays_so_after_a_kill_and_a_restart() {
    let home = tempfile::tempdir().expect("a directory");
    realm::create_with_reuse(home.path(), 0);
    let mut server = ServerProcess::start(home.path(), realm::NAME).await;
    let mut api = Api::new(&server.issuer(realm::NAME));
    for round in 0..3 {
        let login = async || api.login().await.expect("the server answers").text("refresh_token");
        let (rotated, revoked, ended) = (login().await, login().await, login().await);
        let newest = api.refresh(&rotated).await.expect("the server answers").text("refresh_token");
        assert!(api.revoke(&revoked).await.expect("the server answers").status.is_success());
        assert!(api.logout(&ended).await.expect("the server answers").status.is_success());
        server.kill();

        server = ServerProcess::start(home.path(), realm::NAME).await;
        api = Api::new(&server.issuer(realm::NAME));
        let next = api.refresh(&newest).await.expect("the server answers");
        assert!(next.status.is_success(), "round {round}: the newest is good");
        for (token, what) in [(&revoked, "revoked"), (&ended, "ended"), (&rotated, "superseded")] {
            assert!(api.refresh(token).await.expect("the server answers").is_refused_grant(), "round {round}: {what}");
        }
        let stolen = api.refresh(&next.text("refresh_token")).await.expect("the server answers");
        assert!(stolen.is_refused_grant(), "round {round}: the superseded one was presented, so the chain ends");
    }
}
