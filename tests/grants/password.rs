//! `grant_type=password`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use keywright::authn::brute_force::{self, Factor};
use keywright::base::clock::Clock as _;
use keywright::base::id::AuthenticatorConfigId;
use keywright::base::totp;
use keywright::manage::protocol_mappers::{self, Holder, NewMapper};
use keywright::manage::users::{self, NewOtp};
use keywright::model::authentication::AuthenticatorConfig;
use keywright::model::login_failures::LoginFailures;
use keywright::model::realm::Realm;
use keywright::model::user::User;
use keywright::store::StoreError;
use keywright::store::txn::Reader as _;
use keywright::testing::{REALM, TestIssuer};
use serde_json::{Value, json};
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

/// The failure that locks for good and the disabling of the account are two commits. This is what a server that stopped in between
/// leaves, and nobody gets in by it.
#[tokio::test]
async fn a_lock_for_good_that_a_crash_left_half_done_is_finished_at_the_next_attempt() {
    let issuer = issuer(None).await;
    let alice = issuer.user("alice", "right").await;
    issuer
        .change_realm(|realm| {
            (realm.brute_force_protected, realm.permanent_lockout, realm.failure_factor) = (true, true, 2);
            (realm.quick_login_check_milli_seconds, realm.events_enabled) = (0, true);
        })
        .await;
    let (realm, _) = failures(&issuer, &alice).await;
    let app = issuer.keywright().app();
    let (realm, user, now) = (&realm, &alice.id, issuer.clock().now());
    for _ in 0..2 {
        let address = std::net::IpAddr::from([192, 0, 2, 1]);
        let failed = app.store.sessions(|txn| Box::pin(brute_force::fail(txn, realm, user, Factor::Password, address, now)));
        failed.await.expect("a store").expect("it counts");
    }
    assert!(stored(&issuer, &alice).await.enabled, "the server stopped here");
    issuer.clock().advance_seconds(400 * 86_400);
    app.store.purge(issuer.clock().now(), 1000).await.expect("a store");

    password(&issuer, "alice", "right").await.is_refused("invalid_grant", "Invalid user credentials");
    let locked = stored(&issuer, &alice).await;
    assert!(!locked.enabled && locked.attributes["disabledReason"] == ["permanentLockout"]);
    assert!(!failures(&issuer, &alice).await.1.expect("they are still known").to_disable);
    password(&issuer, "alice", "right").await.is_refused("invalid_grant", "Invalid user credentials");

    // Whoever enables him does not meet the old intention again.
    app.store
        .configuration(|txn| Box::pin(users::set_enabled(txn, &realm.id, user, true)))
        .await
        .expect("enabled");
    assert!(!stored(&issuer, &alice).await.attributes.contains_key("disabledReason"));
    password(&issuer, "alice", "right").await.ok();
}

/// `amr` (RFC 8176) says which steps were done that have a reference, for as long as its age allows.
#[tokio::test]
async fn amr_tells_the_steps_of_the_direct_grant_that_have_references() {
    let issuer = issuer(None).await;
    let alice = issuer.user("alice", "right").await;
    let (realm, _) = failures(&issuer, &alice).await;
    let app = issuer.keywright().app();
    let mapper: NewMapper =
        serde_json::from_value(json!({"name": "amr", "protocol": "openid-connect", "protocolMapper": "oidc-amr-mapper",
        "config": {"access.token.claim": "true", "introspection.token.claim": "true"}}))
        .expect("a mapper");
    let client = app
        .store
        .peek()
        .clients()
        .by_client_id(&realm.id, super::CLIENT.0)
        .await
        .expect("readable")
        .expect("there")
        .id;
    let (holder, mapper, realm) = (&Holder::Client(client), &mapper, &realm.id);
    app.store
        .configuration(|txn| Box::pin(protocol_mappers::add(txn, &app.env, realm, holder, mapper)))
        .await
        .expect("a mapper is added");
    let amr = async |answer: &Answer| {
        let claims = claims(&answer.field("access_token"));
        claims["amr"].clone()
    };
    assert_eq!(amr(&password(&issuer, "alice", "right").await).await, json!([]), "no step has a reference");

    for (authenticator, value, max_age) in [("direct-grant-validate-password", "pwd", "3600"), ("direct-grant-validate-otp", "otp", "60")] {
        let id = AuthenticatorConfigId::from(authenticator.to_owned());
        let config = [("default.reference.value", value), ("default.reference.maxAge", max_age)];
        let config = config.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let config = AuthenticatorConfig { id: id.clone(), alias: authenticator.to_owned(), config };
        let (config, id) = (&config, &id);
        let change = app.store.configuration(|txn| {
            Box::pin(async move {
                let mut authentication = txn.authentication().get(realm).await?;
                authentication.configs.push(config.clone());
                let executions = authentication.flows.iter_mut().flat_map(|flow| &mut flow.executions);
                for execution in executions.filter(|execution| execution.authenticator.as_deref() == Some(authenticator)) {
                    execution.config = Some(id.clone());
                }
                txn.authentication().put(realm, &authentication);
                Ok::<_, StoreError>(())
            })
        });
        change.await.expect("a store");
    }
    let first = password(&issuer, "alice", "right").await;
    assert_eq!(amr(&first).await, json!(["pwd"]));
    give_otp(&issuer, &alice, "totp").await;
    let step = u64::try_from(issuer.clock().now().seconds() / 30).expect("after 1970");
    let second = with_otp(&issuer, &totp::code("HmacSHA1", SEED.as_bytes(), 6, step).expect("a usual generator")).await.ok();
    assert_eq!(amr(&second).await, json!(["pwd", "otp"]));
    issuer.clock().advance_seconds(61);
    let refreshed = token(&issuer, &[("grant_type", "refresh_token"), ("refresh_token", &second.field("refresh_token"))])
        .await
        .ok();
    assert_eq!(amr(&refreshed).await, json!(["pwd"]), "the one-time password is too long ago");
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("claims are JSON")
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
