//! `grant_type=client_credentials`.

use keywright::base::clock::Clock as _;
use keywright::manage::error::ManageError;
use keywright::manage::users;
use keywright::store::txn::Reader as _;
use keywright::testing::{REALM, TestIssuer};

use super::{CLIENT, issuer, token};
use crate::support::http::Answer;

async fn tokens(issuer: &TestIssuer) -> Answer {
    token(issuer, &[("grant_type", "client_credentials")]).await
}

/// The account is kept beside the compiled client; what an administrator changes counts for the next token all the same.
#[tokio::test]
async fn a_changed_service_account_counts_at_once() {
    let issuer = issuer(None).await;
    let app = issuer.keywright().app();
    let mut peek = app.store.peek();
    let realm = peek.realms().by_name(REALM).await.expect("readable").expect("there").id;
    let client = peek.clients().by_client_id(&realm, CLIENT.0).await.expect("readable").expect("there");
    let account = peek.users().service_account(&realm, &client.id).await.expect("readable").expect("there").id;
    let (realm, account) = (&realm, &account);
    tokens(&issuer).await.ok();

    let not_before = issuer.clock().now().seconds() - 1;
    app.store
        .configuration::<_, ManageError, _>(|txn| Box::pin(users::set_not_before(txn, realm, account, not_before)))
        .await
        .expect("an administrator may");
    assert_eq!(tokens(&issuer).await.ok().json().expect("JSON")["not-before-policy"], not_before);
    app.store
        .configuration::<_, ManageError, _>(|txn| Box::pin(users::set_enabled(txn, realm, account, false)))
        .await
        .expect("an administrator may");
    tokens(&issuer).await.is_refused("invalid_request", "User 'service-account-grants-client' disabled");
    app.store
        .configuration::<_, ManageError, _>(|txn| Box::pin(users::set_enabled(txn, realm, account, true)))
        .await
        .expect("an administrator may");
    tokens(&issuer).await.ok();
}
