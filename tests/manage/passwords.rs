//! Password policies where passwords are set: what needs the user, his former passwords or a file.

use keywright::base::id::{RealmId, UserId};
use keywright::base::password_blacklist::Blacklists;
use keywright::base::secret::Secret;
use keywright::manage::error::{ManageError, Refusal};
use keywright::manage::passwords::Passwords;
use keywright::manage::realms::{self, Settings};
use keywright::manage::users::{self, NewUser, UserSettings};
use keywright::model::credential::CredentialKind;
use keywright::store::txn::Reader as _;
use serde_json::json;

use super::{World, in_txn};

struct Policies {
    world: World,
    realm: RealmId,
    lists: Blacklists,
    _directory: tempfile::TempDir,
}

impl Policies {
    async fn new() -> Self {
        let (world, realm) = World::with_realm().await;
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("worst.txt"), "123456\nLetMeIn\n").unwrap();
        Self { world, realm, lists: Blacklists::new(directory.path().to_owned()), _directory: directory }
    }

    fn passwords(&self) -> Passwords<'_> {
        Passwords { store: &self.world.store, env: &self.world.env, hashing: &self.world.hashing, blacklists: &self.lists }
    }

    async fn policy(&self, policy: &str) -> Result<(), ManageError> {
        let (world, settings) = (&self.world, Settings::from_iter([("passwordPolicy".to_owned(), json!(policy))]));
        in_txn!(world, |txn| realms::update(txn, &world.env, &world.sealer, &self.realm, &settings)).map(drop)
    }

    async fn anna(&self) -> UserId {
        let settings = json!({"username": "anna", "email": "anne@example.org", "enabled": true});
        let new = NewUser { settings: serde_json::from_value(settings).unwrap(), ..NewUser::default() };
        in_txn!(self.world, |txn| users::create(txn, &self.world.env, &self.realm, &new)).unwrap().id
    }

    async fn set(&self, user: &UserId, password: &str) -> Result<(), ManageError> {
        self.passwords().set(&self.realm, user, &Secret::from(password), false).await
    }

    async fn former(&self, user: &UserId) -> usize {
        let credentials = self.world.store.peek().credentials().get(&self.realm, user).await.unwrap();
        credentials.0.iter().filter(|one| matches!(one.kind, CredentialKind::PasswordHistory { .. })).count()
    }
}

/// The message key of a refused password.
fn key(answer: Result<(), ManageError>) -> &'static str {
    match answer.expect_err("a refusal") {
        ManageError::Invalid(Refusal::Described { code, .. }) => code,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_rule_about_names_knows_the_user() {
    let world = Policies::new().await;
    let anna = world.anna().await;
    world.policy("notUsername(undefined) and notEmail(undefined)").await.unwrap();
    assert_eq!(key(world.set(&anna, "Anna").await), "invalidPasswordNotUsernameMessage");
    assert_eq!(key(world.set(&anna, "anne@example.org").await), "invalidPasswordNotEmailMessage");
    world.set(&anna, "other").await.unwrap();
}

#[tokio::test]
async fn a_user_is_not_created_with_a_password_that_breaks_the_policy() {
    let world = Policies::new().await;
    world.policy("length(8) and notContainsUsername(undefined)").await.unwrap();
    let settings = UserSettings { username: Some(" Weak ".to_owned()), ..UserSettings::default() };
    let make = async |password: &str| {
        let password = world.passwords().for_new_user(&world.realm, &settings, password.into(), false).await?;
        let new = NewUser { settings: settings.clone(), password: Some(password), groups: Vec::new() };
        in_txn!(world.world, |txn| users::create(txn, &world.world.env, &world.realm, &new)).map(drop)
    };
    assert_eq!(key(make("x").await), "invalidPasswordMinLengthMessage");
    assert_eq!(key(make("very-weak-indeed").await), "invalidPasswordNotContainsUsernameMessage");
    make("12345678").await.unwrap();
}

/// keycloak-live/admin-users.json, rows "policy passwordHistory(3)".
#[tokio::test]
async fn the_last_passwords_may_not_come_back() {
    let world = Policies::new().await;
    let anna = world.anna().await;
    world.policy("passwordHistory(3)").await.unwrap();
    for password in ["h1", "h2", "h3"] {
        world.set(&anna, password).await.unwrap();
    }
    for password in ["h1", "h2", "h3"] {
        assert_eq!(key(world.set(&anna, password).await), "invalidPasswordHistoryMessage", "{password}");
    }
    assert_eq!(world.former(&anna).await, 2);
    world.set(&anna, "h4").await.unwrap();
    assert_eq!(world.former(&anna).await, 2, "only as many as the policy asks about are kept");
    world.set(&anna, "h1").await.unwrap();
    world.policy("").await.unwrap();
    world.set(&anna, "h1").await.unwrap();
    assert_eq!(world.former(&anna).await, 0, "without the rule nothing is kept");
}

#[tokio::test]
async fn a_password_that_was_in_use_lately_may_not_come_back() {
    let clock =
        std::sync::Arc::new(keywright::base::clock::SettableClock::at(keywright::base::clock::Timestamp::from_seconds(1_800_000_000)));
    let mut world = Policies::new().await;
    world.world.env.clock = std::sync::Arc::<keywright::base::clock::SettableClock>::clone(&clock);
    let anna = world.anna().await;
    world.policy("passwordAge(2)").await.unwrap();
    world.set(&anna, "first").await.unwrap();
    clock.advance_seconds(86_400);
    world.set(&anna, "second").await.unwrap();
    for password in ["first", "second"] {
        assert_eq!(key(world.set(&anna, password).await), "invalidPasswordGenericMessage");
    }
    clock.advance_seconds(2 * 86_400);
    assert_eq!(key(world.set(&anna, "second").await), "invalidPasswordGenericMessage", "the present one, however old");
    world.set(&anna, "first").await.unwrap();
}

#[tokio::test]
async fn a_listed_password_is_refused_and_so_is_every_password_when_the_list_is_missing() {
    let world = Policies::new().await;
    let anna = world.anna().await;
    world.policy("passwordBlacklist(worst.txt)").await.unwrap();
    assert_eq!(key(world.set(&anna, "LETMEIN").await), "invalidPasswordBlacklistedMessage");
    world.set(&anna, "let me in").await.unwrap();

    world.policy("passwordBlacklist(nope.txt)").await.unwrap();
    assert!(world.set(&anna, "anything").await.is_err());
    let settings = Settings::from_iter([("passwordPolicy".to_owned(), json!("passwordBlacklist(nope.txt)"))]);
    assert!(world.passwords().check_settings(&settings).await.is_err(), "whoever asks first is told when the realm is saved");
}

#[tokio::test]
async fn a_realm_is_not_saved_with_what_is_no_policy() {
    let world = Policies::new().await;
    for (policy, text) in
        [("length(8) and nope(1)", "Password policy not found"), ("length(x)", "Invalid config for length: Not a valid number")]
    {
        assert_eq!(world.policy(policy).await.expect_err("a refusal").to_string(), text);
    }
    world
        .policy("length(8) and digits(1) and notUsername(undefined) and passwordHistory(3) and hashAlgorithm(argon2) and hashIterations(5)")
        .await
        .unwrap();
}

#[tokio::test]
async fn the_policy_says_how_passwords_are_hashed() {
    let world = Policies::new().await;
    let anna = world.anna().await;
    world.policy("hashAlgorithm(pbkdf2-sha256) and hashIterations(1000)").await.unwrap();
    world.set(&anna, "x").await.unwrap();
    let credentials = world.world.store.peek().credentials().get(&world.realm, &anna).await.unwrap();
    let hash = credentials.password().unwrap();
    assert_eq!((hash.algorithm.as_str(), hash.hash_iterations), ("pbkdf2-sha256", 1000));
}

#[tokio::test]
async fn nobody_gets_an_empty_or_an_endless_password() {
    let world = Policies::new().await;
    let anna = world.anna().await;
    assert_eq!(world.set(&anna, "").await.expect_err("a refusal").to_string(), "Empty password not allowed");
    assert_eq!(key(world.set(&anna, &"x".repeat(4001)).await), "invalidPasswordMaxLengthMessage");
    world.set(&anna, &"x".repeat(4000)).await.unwrap();
}

/// What was judged must be what is stored against: a policy, a name or a password that changes in between starts it over.
#[tokio::test]
async fn a_password_judged_under_another_policy_or_name_is_not_stored() {
    let world = Policies::new().await;
    let anna = world.anna().await;
    let judge = async || world.passwords().for_user(&world.realm, &anna, "anna2".into(), false).await.unwrap();
    let store = async |password| in_txn!(world.world, |txn| users::set_password(txn, &world.world.env, &world.realm, &anna, &password));

    let judged = judge().await;
    world.policy("length(8)").await.unwrap();
    assert!(matches!(store(judged).await, Err(ManageError::Overtaken)));

    world.policy("passwordHistory(3)").await.unwrap();
    let (first, second) = (judge().await, judge().await);
    store(first).await.unwrap();
    assert!(matches!(store(second).await, Err(ManageError::Overtaken)), "of two equal ones at the same time one is in the history");
}
