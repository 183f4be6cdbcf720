//! `grant_type=password`.

use futures_util::future::join_all;
use keywright::base::clock::Clock as _;
use keywright::base::totp;
use keywright::manage::users::{self, NewOtp};
use keywright::model::login_failures::LoginFailures;
use keywright::model::realm::Realm;
use keywright::model::user::User;
use keywright::store::txn::Reader as _;
use keywright::testing::{REALM, TestIssuer};
use tempfile::TempDir;

use super::{issuer, password, token};
use crate::support::http::Answer;

pub(crate) const SEED: &str = "JBSWY3DPEHPK3PXPtest";

/// The realm and what brute force protection knows of `user`.
pub(crate) async fn failures(issuer: &TestIssuer, user: &User) -> (Realm, Option<LoginFailures>) {
    let mut peek = issuer.keywright().app().store.peek();
    let realm = peek.realms().by_name(REALM).await.expect("readable").expect("there");
    let failures = peek.login_failures().get(&realm.id, &user.id).await.expect("readable");
    (realm, failures)
}

/// `user` as the store has him now.
pub(crate) async fn stored(issuer: &TestIssuer, user: &User) -> User {
    let mut peek = issuer.keywright().app().store.peek();
    let realm = peek.realms().by_name(REALM).await.expect("readable").expect("there");
    peek.users().get(&realm.id, &user.id).await.expect("readable").expect("there")
}

pub(crate) async fn give_otp(issuer: &TestIssuer, user: &User, sub_type: &str) {
    let app = issuer.keywright().app();
    let (realm, _) = failures(issuer, user).await;
    let new = NewOtp {
        user_label: None,
        secret: SEED.into(),
        secret_encoding: None,
        sub_type: sub_type.to_owned(),
        digits: 6,
        period: 30,
        counter: 0,
        algorithm: "HmacSHA1".to_owned(),
    };
    let (realm, new) = (&realm.id, &new);
    app.store
        .configuration(|txn| Box::pin(users::add_otp(txn, &app.env, &app.sealer, realm, &user.id, new)))
        .await
        .expect("the generator is given");
}

pub(crate) async fn with_otp(issuer: &TestIssuer, code: &str) -> Answer {
    token(issuer, &[("grant_type", "password"), ("username", "alice"), ("password", "right"), ("otp", code)]).await
}

/// Unknown, wrong, disabled, without a password, without a name: the work tells nobody which it was.
#[tokio::test]
async fn every_attempt_costs_exactly_one_hash() {
    let issuer = issuer(None).await;
    issuer.user("alice", "right").await;
    let disabled = issuer.user("dora", "right").await;
    let app = issuer.keywright().app();
    let (realm, _) = failures(&issuer, &disabled).await;
    let realm = &realm.id;
    app.store
        .configuration(|txn| Box::pin(users::set_enabled(txn, realm, &disabled.id, false)))
        .await
        .expect("disabled");
    let attempts =
        [("nobody", "x"), ("", "x"), ("alice", "wrong"), ("alice", ""), ("alice", "right"), ("dora", "right"), ("dora", "wrong")];
    for (username, presented) in attempts {
        let before = app.hashing.computed();
        password(&issuer, username, presented).await;
        assert_eq!(app.hashing.computed() - before, 1, "{username:?} with {presented:?}");
    }
    let before = app.hashing.computed();
    token(&issuer, &[("grant_type", "password"), ("username", &"a".repeat(100_000)), ("password", "x")]).await;
    token(&issuer, &[("grant_type", "password"), ("username", "alice"), ("password", &"a".repeat(100_000))]).await;
    assert_eq!(app.hashing.computed() - before, 2, "overlong values");
}

/// Security class 40: of many parallel guesses no more than the realm allows are judged, whatever the user is called.
#[tokio::test]
async fn two_hundred_parallel_failures_count_exactly_up_to_the_lock() {
    let directory = TempDir::new().expect("a directory");
    let issuer = issuer(Some(&directory)).await;
    let alice = issuer.user("alice", "right").await;
    issuer
        .change_realm(|realm| {
            (realm.brute_force_protected, realm.failure_factor, realm.quick_login_check_milli_seconds) = (true, 30, 0);
        })
        .await;
    let spellings = ["alice", "ALICE", "alice@example.test", " Alice "];
    let guesses = (0..200).map(|n| password(&issuer, spellings[n % spellings.len()], "wrong"));
    for answer in join_all(guesses).await {
        answer.is_refused("invalid_grant", "Invalid user credentials");
    }
    let (_, known) = failures(&issuer, &alice).await;
    let known = known.expect("failures are known");
    assert_eq!((known.num_failures, known.num_temporary_lockouts), (30, 1));

    password(&issuer, "alice", "right").await.is_refused("invalid_grant", "Invalid user credentials");
    issuer.clock().advance_seconds(61);
    password(&issuer, "alice", "right").await.ok();
    assert_eq!(failures(&issuer, &alice).await.1, None, "a login forgets the failures");
}

#[tokio::test]
async fn permanent_lockout_disables_the_user_until_an_administrator_enables_him() {
    let issuer = issuer(None).await;
    let alice = issuer.user("alice", "right").await;
    issuer
        .change_realm(|realm| {
            (realm.brute_force_protected, realm.permanent_lockout, realm.failure_factor) = (true, true, 2);
            realm.quick_login_check_milli_seconds = 0;
        })
        .await;
    for _ in 0..2 {
        password(&issuer, "alice", "wrong").await.is_refused("invalid_grant", "Invalid user credentials");
    }
    let locked = stored(&issuer, &alice).await;
    assert!(!locked.enabled);
    assert_eq!(locked.attributes["disabledReason"], ["permanentLockout"]);
}

/// Security class 42: a code is good once, however many present it at the same time.
#[tokio::test]
async fn a_one_time_password_is_good_once_among_parallel_presentations() {
    let issuer = issuer(None).await;
    let alice = issuer.user("alice", "right").await;
    give_otp(&issuer, &alice, "totp").await;
    password(&issuer, "alice", "right").await.is_refused("invalid_grant", "Invalid user credentials");

    let step = u64::try_from(issuer.clock().now().seconds() / 30).expect("after 1970");
    let code = |step| totp::code("HmacSHA1", SEED.as_bytes(), 6, step).expect("a usual generator");
    let current = code(step);
    let answers = join_all((0..20).map(|_| with_otp(&issuer, &current))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);

    with_otp(&issuer, &code(step + 1)).await.ok();
    with_otp(&issuer, &code(step + 2)).await.is_refused("invalid_grant", "Invalid user credentials");
    with_otp(&issuer, &code(step - 2)).await.is_refused("invalid_grant", "Invalid user credentials");
}

#[tokio::test]
async fn a_counter_based_code_moves_the_counter_past_itself() {
    let issuer = issuer(None).await;
    let alice = issuer.user("alice", "right").await;
    give_otp(&issuer, &alice, "hotp").await;
    let code = |counter| totp::code("HmacSHA1", SEED.as_bytes(), 6, counter).expect("a usual generator");
    with_otp(&issuer, &code(1)).await.ok();
    for used in [0, 1] {
        with_otp(&issuer, &code(used)).await.is_refused("invalid_grant", "Invalid user credentials");
    }
    with_otp(&issuer, &code(2)).await.ok();
}
