//! The status of refused passwords.

use keywright::model::realm::REFUSED_PASSWORDS_UNAUTHORIZED;
use keywright::testing::TestIssuer;
use serde_json::json;

use super::{client, post};

#[tokio::test]
async fn a_realm_may_answer_refused_passwords_as_before_26_6() {
    let issuer = TestIssuer::start().await;
    issuer.user("alice", "right").await;
    client(&issuer, "app", json!({})).await;
    let refused = async |user: &str, scope: &str| {
        let form = [("grant_type", "password"), ("username", user), ("password", "wrong"), ("scope", scope)];
        let answer = post(&issuer, "app", "token", &[], &form).await;
        (answer.status, answer.field("error"))
    };
    assert_eq!(refused("alice", "openid").await, (400, "invalid_grant".to_owned()));

    issuer
        .change_realm(|realm| drop(realm.attributes.insert(REFUSED_PASSWORDS_UNAUTHORIZED.to_owned(), "true".to_owned())))
        .await;
    assert_eq!(refused("alice", "openid").await, (401, "invalid_grant".to_owned()));
    assert_eq!(refused("nobody", "openid").await, (401, "invalid_grant".to_owned()), "nobody learns who exists");
    assert_eq!(refused("alice", "nonsense").await, (400, "invalid_scope".to_owned()), "other refusals stay");
}
