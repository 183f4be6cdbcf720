//! The issuer that we give to other people's tests.

use keywright::testing::TestIssuer;

use crate::support::http::Request;

const API: (&str, &str) = ("api", "api-secret");
const JANE: (&str, &str) = ("jane", "jane-password");

async fn issuer() -> TestIssuer {
    let issuer = TestIssuer::start().await;
    issuer.confidential_client(API.0, API.1).await;
    issuer.user(JANE.0, JANE.1).await;
    issuer
}

async fn userinfo(issuer: &TestIssuer, token: &str) -> u16 {
    let request = Request::new("GET", "/auth/realms/test/protocol/openid-connect/userinfo").bearer(token);
    request.send(&issuer.address().to_string()).await.expect("an answer").status
}

#[tokio::test]
async fn its_tokens_expire_when_the_test_moves_the_clock() {
    let issuer = issuer().await;
    let tokens = issuer.password_tokens(API, JANE, "openid").await;
    assert_eq!(userinfo(&issuer, &tokens.access_token).await, 200);
    issuer.clock().advance_seconds(301);
    assert_eq!(userinfo(&issuer, &tokens.access_token).await, 401, "access tokens live for 300 seconds");

    let refresh_token = tokens.refresh_token.expect("a session has a refresh token");
    let refreshed = issuer.refreshed_tokens(API, &refresh_token).await;
    assert_eq!(userinfo(&issuer, &refreshed.access_token).await, 200);
    issuer.clock().advance_seconds(36_001);
    let refused = issuer.grant(API, &[("grant_type", "refresh_token"), ("refresh_token", &refresh_token)]).await;
    assert_eq!(refused.err().map(|error| error.code), Some("invalid_grant"), "the session has ended");
}

#[tokio::test]
async fn what_the_grant_refuses_the_token_endpoint_refuses_in_the_same_words() {
    let issuer = issuer().await;
    let refused = issuer
        .grant(API, &[("grant_type", "password"), ("username", "jane"), ("password", "wrong")])
        .await
        .expect_err("refused");
    let form = [("grant_type", "password"), ("client_id", API.0), ("client_secret", API.1), ("username", "jane"), ("password", "wrong")];
    let request = Request::new("POST", "/auth/realms/test/protocol/openid-connect/token").form(&form);
    let answer = request.send(&issuer.address().to_string()).await.expect("an answer");
    assert_eq!(answer.status, refused.status);
    answer.is_refused(refused.code, refused.description.as_deref().expect("a description"));
}

#[tokio::test]
async fn equal_seeds_give_equal_ids_and_other_seeds_others() {
    let id = async |seed| TestIssuer::builder().seed(seed).start().await.public_client("app").await.id;
    assert_eq!(id(7).await, id(7).await);
    assert_ne!(id(7).await, id(8).await);
}

#[tokio::test]
async fn a_client_gets_tokens_for_itself() {
    let issuer = issuer().await;
    let tokens = issuer.client_tokens(API).await;
    assert_eq!(tokens.refresh_token, None, "nothing to refresh without a session");
}
