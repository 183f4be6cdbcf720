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
