//! Guessing, enumerating and getting around proofs of identity.

use futures_util::future::join_all;
use keywright::base::clock::Clock as _;
use keywright::base::password_hash::{Argon2Parameters, HashAlgorithm, HashChoice, HashingOptions, PasswordHash};
use keywright::base::totp;
use keywright::config::ProxyHeaders;
use keywright::manage::users::{self, NewPassword, NewUser, UserSettings};
use keywright::model::realm::BRUTE_FORCE_BY_ADDRESS;
use keywright::model::user::User;
use keywright::store::txn::Reader as _;
use keywright::testing::{REALM, TestIssuer};
use tempfile::TempDir;

use crate::grants::password::{SEED, failures, give_otp, stored, with_otp};
use crate::grants::{CLIENT, issuer, password, token};
use crate::support::http::{Answer, Request};

const REFUSED: (&str, &str) = ("invalid_grant", "Invalid user credentials");

async fn store_hash(issuer: &TestIssuer, user: &User, hash: PasswordHash) {
    let app = issuer.keywright().app();
    let (realm, _) = failures(issuer, user).await;
    let (realm, new) = (&realm.id, &NewPassword::stored(hash, false));
    app.store
        .configuration(|txn| Box::pin(users::set_password(txn, &app.env, realm, &user.id, new)))
        .await
        .expect("stored");
}

async fn stored_hash(issuer: &TestIssuer, user: &User) -> PasswordHash {
    let (realm, _) = failures(issuer, user).await;
    let credentials = issuer.keywright().app().store.peek().credentials().get(&realm.id, &user.id).await.expect("readable");
    credentials.password().expect("a password").clone()
}

fn without_password(username: &str, email: &str) -> NewUser {
    let settings = UserSettings {
        username: Some(username.to_owned()),
        email: Some(email.to_owned()),
        first_name: Some("Test".to_owned()),
        last_name: Some("User".to_owned()),
        enabled: Some(true),
        ..UserSettings::default()
    };
    NewUser { settings, ..NewUser::default() }
}

#[tokio::test]
async fn class_39_who_is_unknown_wrong_disabled_or_locked_looks_and_costs_the_same() {
    let issuer = issuer(None).await;
    issuer.user("alice", "right").await;
    let disabled = issuer.user("dora", "right").await;
    issuer.user("locked", "right").await;
    issuer
        .keywright()
        .manage()
        .create_user(REALM, without_password("bare", "bare@example.test"), None)
        .await
        .expect("a user");
    let app = issuer.keywright().app();
    let (realm, _) = failures(&issuer, &disabled).await;
    let realm = &realm.id;
    app.store
        .configuration(|txn| Box::pin(users::set_enabled(txn, realm, &disabled.id, false)))
        .await
        .expect("disabled");
    issuer
        .change_realm(|realm| {
            (realm.brute_force_protected, realm.failure_factor, realm.quick_login_check_milli_seconds) = (true, 3, 0);
        })
        .await;
    for _ in 0..3 {
        password(&issuer, "locked", "wrong").await;
    }

    let mut seen: Option<(u16, Vec<(String, String)>, Vec<u8>)> = None;
    for (name, presented) in
        [("nobody", "x"), ("alice", "wrong"), ("dora", "wrong"), ("bare", "x"), ("bare", ""), ("locked", "right"), ("locked", "wrong")]
    {
        let before = app.hashing.computed();
        let answer: Answer = password(&issuer, name, presented).await;
        assert_eq!(app.hashing.computed() - before, 1, "{name} costs one hash");
        assert_eq!(answer.header("set-cookie"), None);
        let headers = answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
        let this = (answer.status, headers, answer.body);
        match &seen {
            None => seen = Some(this),
            Some(first) => assert_eq!(*first, this, "{name} with {presented:?}"),
        }
    }
}

/// The dummy hash of an unknown user is one of the realm's own kind, or its time would tell. The work is counted: 4 321 rounds are
/// PBKDF2's by this policy, argon2 takes one here.
#[tokio::test]
async fn class_39_an_unknown_user_costs_the_kind_of_hash_that_the_realm_uses() {
    let issuer = issuer(None).await;
    issuer
        .change_realm(|realm| realm.password_policy = Some("hashAlgorithm(pbkdf2-sha512) and hashIterations(4321)".to_owned()))
        .await;
    let alice = issuer.user("alice", "right").await;
    let hash = stored_hash(&issuer, &alice).await;
    assert_eq!((hash.algorithm.as_str(), hash.hash_iterations), (HashAlgorithm::Pbkdf2Sha512.name(), 4321));
    let hashing = &issuer.keywright().app().hashing;
    for name in ["alice", "nobody", "alice@nowhere.test"] {
        let before = (hashing.computed(), hashing.iterations());
        password(&issuer, name, "wrong").await.is_refused(REFUSED.0, REFUSED.1);
        assert_eq!((hashing.computed() - before.0, hashing.iterations() - before.1), (1, 4321), "{name}");
    }
}

#[tokio::test]
async fn class_40_two_hundred_parallel_wrong_passwords_count_two_hundred() {
    let directory = TempDir::new().expect("a directory");
    let issuer = issuer(Some(&directory)).await;
    let alice = issuer.user("alice", "right").await;
    issuer
        .change_realm(|realm| {
            (realm.brute_force_protected, realm.failure_factor, realm.quick_login_check_milli_seconds) = (true, 1000, 0);
        })
        .await;
    for answer in join_all((0..200).map(|_| password(&issuer, "alice", "wrong"))).await {
        answer.is_refused(REFUSED.0, REFUSED.1);
    }
    assert_eq!(failures(&issuer, &alice).await.1.expect("known").num_failures, 200);
}

/// KC CVE-2024-1722: where the realm wants it, an attacker locks his own address and nobody out.
#[tokio::test]
async fn class_40_an_attacker_locks_his_address_and_not_the_account() {
    let issuer = TestIssuer::builder().configure(|config| config.http.proxy_headers = ProxyHeaders::Xforwarded).start().await;
    issuer.confidential_client(CLIENT.0, CLIENT.1).await;
    let alice = issuer.user("alice", "right").await;
    issuer
        .change_realm(|realm| {
            (realm.brute_force_protected, realm.failure_factor, realm.quick_login_check_milli_seconds) = (true, 3, 0);
            realm.permanent_lockout = true;
            realm.ssl_required = keywright::model::realm::SslRequired::None;
            realm.attributes.insert(BRUTE_FORCE_BY_ADDRESS.to_owned(), "true".to_owned());
        })
        .await;
    let from = async |address: &str, presented: &str| {
        let form = [("grant_type", "password"), ("username", "alice"), ("password", presented)];
        let request = Request::new("POST", format!("/auth/realms/{REALM}/protocol/openid-connect/token")).basic(CLIENT.0, CLIENT.1);
        let answer = request.header("X-Forwarded-For", address).form(&form).send(&issuer.address().to_string()).await;
        answer.expect("an answer")
    };
    for _ in 0..5 {
        from("198.51.100.7", "wrong").await.is_refused(REFUSED.0, REFUSED.1);
    }
    from("198.51.100.7", "right").await.is_refused(REFUSED.0, REFUSED.1);
    from("203.0.113.5", "right").await.ok();
    from("198.51.100.7", "right").await.is_refused(REFUSED.0, REFUSED.1);
    let known = failures(&issuer, &alice).await.1.expect("the attacker's failures outlive a login from elsewhere");
    assert_eq!(known.addresses["198.51.100.7"].num_failures, 3);
    // A neighbour in the same /64 is the same attacker.
    for n in 1..=3 {
        from(&format!("2001:db8::{n}"), "wrong").await;
    }
    from("2001:db8::ffff", "right").await.is_refused(REFUSED.0, REFUSED.1);
    from("2001:db8:0:1::1", "right").await.ok();
}

#[tokio::test]
async fn class_41_all_spellings_of_a_user_share_one_counter() {
    let issuer = issuer(None).await;
    let new = without_password("Ren\u{e9}", "Rene@Example.test");
    let user = issuer.keywright().manage().create_user(REALM, new, Some("right".into())).await.expect("a user");
    issuer
        .change_realm(|realm| {
            (realm.brute_force_protected, realm.failure_factor, realm.quick_login_check_milli_seconds) = (true, 100, 0);
        })
        .await;
    let spellings =
        ["ren\u{e9}", "rene\u{301}", "REN\u{c9}", "RENE\u{301}", " rené ", "rené\u{a0}", "rene@example.test", "RENE@EXAMPLE.TEST"];
    for (count, spelling) in (1..).zip(spellings) {
        password(&issuer, spelling, "wrong").await.is_refused(REFUSED.0, REFUSED.1);
        assert_eq!(failures(&issuer, &user).await.1.expect("known").num_failures, count, "{spelling:?}");
    }
    password(&issuer, "rene\u{301}", "right").await.ok();
    let twin = issuer
        .keywright()
        .manage()
        .create_user(REALM, without_password("RENE\u{301}", "twin@example.test"), None)
        .await;
    assert!(twin.is_err(), "a second user of the same name in another spelling");
}

#[tokio::test]
async fn class_42_a_one_time_password_is_counted_spent_and_worth_one_step_around_now() {
    let issuer = issuer(None).await;
    let alice = issuer.user("alice", "right").await;
    give_otp(&issuer, &alice, "totp").await;
    issuer
        .change_realm(|realm| {
            (realm.brute_force_protected, realm.failure_factor, realm.quick_login_check_milli_seconds) = (true, 1000, 0);
            realm.max_secondary_auth_failures = 4;
        })
        .await;
    let step = u64::try_from(issuer.clock().now().seconds() / 30).expect("after 1970");
    let code = |step| totp::code("HmacSHA1", SEED.as_bytes(), 6, step).expect("a usual generator");
    let same = code(step);
    let answers = join_all((0..20).map(|_| with_otp(&issuer, &same))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "one of twenty");
    issuer.clock().advance_seconds(3600);

    let step = u64::try_from(issuer.clock().now().seconds() / 30).expect("after 1970");
    with_otp(&issuer, &code(step)).await.ok();
    for wrong in [code(step - 2), code(step + 2), String::new(), "000000 OR 1=1".to_owned()] {
        with_otp(&issuer, &wrong).await.is_refused(REFUSED.0, REFUSED.1);
    }
    let known = failures(&issuer, &alice).await.1.expect("known");
    assert_eq!((known.num_failures, known.num_secondary_auth_failures), (4, 4));
    with_otp(&issuer, &code(step + 1)).await.is_refused(REFUSED.0, REFUSED.1);
    issuer.clock().advance_seconds(61);
    with_otp(&issuer, &code(step + 2)).await.ok();
}

/// The replay that exhausts the attempts locks the account like any other failure.
#[tokio::test]
async fn class_42_a_replayed_code_can_lock_for_good() {
    let issuer = issuer(None).await;
    let alice = issuer.user("alice", "right").await;
    give_otp(&issuer, &alice, "totp").await;
    issuer
        .change_realm(|realm| {
            (realm.brute_force_protected, realm.failure_factor, realm.quick_login_check_milli_seconds) = (true, 2, 0);
            realm.permanent_lockout = true;
        })
        .await;
    let step = u64::try_from(issuer.clock().now().seconds() / 30).expect("after 1970");
    let code = totp::code("HmacSHA1", SEED.as_bytes(), 6, step).expect("a usual generator");
    with_otp(&issuer, &code).await.ok();
    for _ in 0..2 {
        with_otp(&issuer, &code).await.is_refused(REFUSED.0, REFUSED.1);
    }
    assert!(!stored(&issuer, &alice).await.enabled);
}

#[tokio::test]
async fn class_44_a_user_without_a_password_is_let_in_by_none() {
    let issuer = issuer(None).await;
    let new = without_password("bare", "bare@example.test");
    let bare = issuer.keywright().manage().create_user(REALM, new, None).await.expect("a user");
    for presented in ["", " ", "null", "undefined"] {
        password(&issuer, "bare", presented).await.is_refused(REFUSED.0, REFUSED.1);
    }
    token(&issuer, &[("grant_type", "password"), ("username", "bare")]).await.is_refused(REFUSED.0, REFUSED.1);

    let empty = |algorithm: &str| PasswordHash {
        algorithm: algorithm.to_owned(),
        hash_iterations: 1,
        additional_parameters: std::collections::BTreeMap::new(),
        value: "".into(),
        salt: "".into(),
        given_data: None,
    };
    for algorithm in ["argon2", "pbkdf2-sha256", "bcrypt", "", "plain"] {
        store_hash(&issuer, &bare, empty(algorithm)).await;
        for presented in ["", "x"] {
            password(&issuer, "bare", presented).await.is_refused(REFUSED.0, REFUSED.1);
        }
    }
}

#[tokio::test]
async fn class_52_hashing_is_bounded_in_number_and_size() {
    let slow = Argon2Parameters { iterations: 60, ..Argon2Parameters::KEYCLOAK };
    let options = HashingOptions { threads: 1, queue: 2, nice: 0, parameters: slow };
    let issuer = TestIssuer::builder().build_with(move |builder| builder.hashing(options)).start().await;
    issuer.confidential_client(CLIENT.0, CLIENT.1).await;
    let answers = join_all((0..40).map(|_| password(&issuer, "nobody", "x"))).await;
    let overloaded: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!overloaded.is_empty() && overloaded.iter().all(|answer| answer.header("retry-after").is_some()));
    assert!(answers.iter().all(|answer| matches!(answer.status, 400 | 503)));
    let before = issuer.keywright().app().hashing.computed();
    let huge = password(&issuer, "nobody", &"a".repeat(2_000_000)).await;
    assert!(matches!(huge.status, 400 | 413), "{}", huge.status);
    assert!(issuer.keywright().app().hashing.computed() - before <= 1);
    password(&issuer, "nobody", "x").await.is_refused(REFUSED.0, REFUSED.1);
}

/// Imported and outdated hashes become what the realm wants at the next login, and only then.
#[tokio::test]
async fn an_outdated_hash_is_replaced_by_the_login_that_proves_it() {
    let issuer = issuer(None).await;
    let alice = issuer.user("alice", "first").await;
    let app = issuer.keywright().app();
    let bcrypt = PasswordHash {
        algorithm: "bcrypt".to_owned(),
        hash_iterations: 4,
        additional_parameters: std::collections::BTreeMap::new(),
        value: "$2b$04$0123456789abcdefghijkuI0alZOHr4WSQGSRuAUPAQ7CiOZa.7bC".into(),
        salt: "".into(),
        given_data: None,
    };
    store_hash(&issuer, &alice, bcrypt.clone()).await;
    password(&issuer, "alice", "wrong").await.is_refused(REFUSED.0, REFUSED.1);
    assert_eq!(stored_hash(&issuer, &alice).await, bcrypt, "a wrong password proves nothing");

    let cost = async |presented: &str| {
        let before = app.hashing.computed();
        let answer = password(&issuer, "alice", presented).await;
        (answer.status, app.hashing.computed() - before)
    };
    assert_eq!(cost("Pa55-wörd ☂").await, (200, 2));
    assert_eq!(stored_hash(&issuer, &alice).await.algorithm, "argon2");
    assert_eq!(cost("Pa55-wörd ☂").await, (200, 1), "only once");

    issuer
        .change_realm(|realm| realm.password_policy = Some("hashAlgorithm(pbkdf2-sha256) and hashIterations(10)".to_owned()))
        .await;
    let answers = join_all((0..8).map(|_| password(&issuer, "alice", "Pa55-wörd ☂"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "logins at the same time do not hinder each other");
    let hash = stored_hash(&issuer, &alice).await;
    assert_eq!((hash.algorithm.as_str(), hash.hash_iterations), (HashAlgorithm::Pbkdf2Sha256.name(), 10));
    let choice = HashChoice { algorithm: HashAlgorithm::Pbkdf2Sha256, iterations: Some(10) };
    assert!(!app.hashing.needs_upgrade(&hash, choice));
}

#[tokio::test]
async fn an_expired_password_stands_between_the_user_and_his_tokens() {
    let issuer = issuer(None).await;
    issuer.user("alice", "right").await;
    issuer.change_realm(|realm| realm.password_policy = Some("forceExpiredPasswordChange(30)".to_owned())).await;
    password(&issuer, "alice", "right").await.ok();
    issuer.clock().advance_seconds(30 * 86_400 + 1);
    password(&issuer, "alice", "right").await.is_refused("invalid_grant", "Account is not fully set up");
    password(&issuer, "alice", "wrong").await.is_refused(REFUSED.0, REFUSED.1);
}
