//! `grant_type=refresh_token`.

use futures_util::future::join_all;
use keywright::base::clock::Clock as _;
use keywright::sessions;
use keywright::store::txn::Reader as _;
use keywright::testing::{REALM, TestIssuer};

use super::{issuer, password, token};
use crate::support::http::Answer;

async fn refresh(issuer: &TestIssuer, refresh_token: &str) -> Answer {
    token(issuer, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
}

async fn sign_in(issuer: &TestIssuer) -> String {
    password(issuer, "alice", "right").await.ok().field("refresh_token")
}

/// RFC 9700 §4.14.2: of many that present the same token, as many win as the realm allows, and the theft ends the session.
#[tokio::test]
async fn of_fifty_parallel_presentations_as_many_win_as_the_realm_allows() {
    for max_reuse in [0, 2] {
        let issuer = issuer(None).await;
        issuer.user("alice", "right").await;
        issuer
            .change_realm(move |realm| (realm.revoke_refresh_token, realm.refresh_token_max_reuse) = (true, max_reuse))
            .await;
        let presented = sign_in(&issuer).await;
        let answers = join_all((0..50).map(|_| refresh(&issuer, &presented))).await;
        let winners: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(winners.len(), usize::try_from(max_reuse + 1).expect("small"));
        let newest = winners.last().expect("somebody won").field("refresh_token");
        refresh(&issuer, &newest).await.is_refused("invalid_grant", "Session doesn't have required client");
    }
}

/// Uses are stamped behind the requests; idleness must count from the last one all the same.
#[tokio::test]
async fn a_session_lives_as_long_as_it_is_used_and_no_longer_than_its_maximum() {
    let issuer = issuer(None).await;
    issuer.user("alice", "right").await;
    issuer
        .change_realm(|realm| (realm.sso_session_idle_timeout, realm.sso_session_max_lifespan) = (600, 3000))
        .await;
    let mut token = sign_in(&issuer).await;
    for _ in 0..5 {
        issuer.clock().advance_seconds(590);
        token = refresh(&issuer, &token).await.ok().field("refresh_token");
    }
    issuer.clock().advance_seconds(51);
    refresh(&issuer, &token).await.is_refused("invalid_grant", "Token is not active");

    let idle = sign_in(&issuer).await;
    issuer.clock().advance_seconds(600);
    refresh(&issuer, &idle).await.is_refused("invalid_grant", "Token is not active");
}

/// The realm starts to rotate while sessions live: their tokens become the first of a chain.
#[tokio::test]
async fn tokens_from_before_rotation_join_it() {
    let issuer = issuer(None).await;
    issuer.user("alice", "right").await;
    let before = sign_in(&issuer).await;
    issuer.change_realm(|realm| realm.revoke_refresh_token = true).await;
    let next = refresh(&issuer, &before).await.ok().field("refresh_token");
    refresh(&issuer, &next).await.ok();
    refresh(&issuer, &before).await.is_refused("invalid_grant", "Stale token");
}

/// The index key of a session is written more rarely than the session, and must outlive it all the same: logging a user out
/// goes by it.
#[tokio::test]
async fn a_session_that_is_in_use_is_found_when_its_user_is_logged_out() {
    let issuer = issuer(None).await;
    let alice = issuer.user("alice", "right").await;
    issuer.change_realm(|realm| realm.sso_session_idle_timeout = 600).await;
    let app = issuer.keywright().app();
    let realm = app.store.peek().realms().by_name(REALM).await.expect("readable").expect("there").id;
    let mut token = sign_in(&issuer).await;
    for _ in 0..8 {
        issuer.clock().advance_seconds(430);
        token = refresh(&issuer, &token).await.ok().field("refresh_token");
        app.stamps
            .flush(&app.store, |realm| async move { app.store.peek().realms().get(&realm).await })
            .await
            .expect("stamps are written");
        issuer.clock().advance_seconds(40);
        app.store.purge(issuer.clock().now(), 1000).await.expect("expired documents go");
        let known = app.store.peek().user_sessions().of_user(&realm, &alice.id, false, None, 10).await.expect("readable");
        assert_eq!(known.len(), 1);
    }
    assert_eq!(sessions::end_sessions_of(&app.store, &realm, &alice.id, false).await.expect("ended"), 1);
    refresh(&issuer, &token).await.is_refused("invalid_grant", "Session not active");
}
