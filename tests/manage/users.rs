//! Users: names, addresses, the user profile, defaults, credentials, memberships.

use std::collections::BTreeMap;

use keywright::base::id::{RealmId, RoleId};
use keywright::manage::error::{ManageError, Refusal};
use keywright::manage::groups::{self, NewGroup};
use keywright::manage::realms::{self, Settings};
use keywright::manage::users::{self, NewOtp, NewPassword, NewUser, UserSettings};
use keywright::model::credential::CredentialKind;
use keywright::model::user::User;
use keywright::model::user_profile::UnmanagedAttributePolicy;
use keywright::store::txn::Reader as _;
use serde_json::{Value, json};

use super::{World, in_overtaken_txn, in_txn};

async fn make(world: &World, realm: &RealmId, settings: Value) -> Result<User, ManageError> {
    let new = NewUser { settings: serde_json::from_value(settings).unwrap(), ..NewUser::default() };
    in_txn!(world, |txn| users::create(txn, &world.env, realm, &new))
}

async fn change(world: &World, realm: &RealmId, user: &User, settings: Value) -> Result<User, ManageError> {
    let settings: UserSettings = serde_json::from_value(settings).unwrap();
    in_txn!(world, |txn| users::update(txn, realm, &user.id, &settings))
}

async fn set(world: &World, realm: &RealmId, settings: Value) {
    let settings: Settings = serde_json::from_value(settings).unwrap();
    in_txn!(world, |txn| realms::update(txn, &world.env, &world.sealer, realm, &settings)).unwrap();
}

async fn set_policy(world: &World, realm: &RealmId, policy: Option<UnmanagedAttributePolicy>) {
    let mut profile = world.store.peek().user_profiles().get(realm).await.unwrap();
    profile.unmanaged_attribute_policy = policy;
    in_txn!(world, |txn| realms::set_user_profile(txn, realm, &profile)).unwrap();
}

fn text<T>(answer: Result<T, ManageError>) -> String {
    match answer.err().expect("a refusal") {
        ManageError::NotFound(refusal) | ManageError::Conflict(refusal) | ManageError::Invalid(refusal) => refusal.to_string(),
        other => panic!("{other}"),
    }
}

fn violations<T>(answer: Result<T, ManageError>) -> Value {
    match answer.err().expect("a refusal") {
        ManageError::Profile(violations) => json!(violations),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_new_user_has_the_defaults_of_keycloak_and_of_the_realm() {
    let (world, realm) = World::with_realm().await;
    let staff = NewGroup { name: "staff".to_owned(), ..NewGroup::default() };
    let staff = in_txn!(world, |txn| groups::create(txn, &world.env, &realm, &staff)).unwrap();
    in_txn!(world, |txn| groups::set_default(txn, &realm, &staff.id, true)).unwrap();
    in_txn!(world, |txn| realms::set_required_action(txn, &realm, "VERIFY_EMAIL", true, true)).unwrap();

    let user = make(&world, &realm, json!({"username": "minimal"})).await.unwrap();
    assert!(!user.enabled && !user.email_verified && user.email.is_none());
    assert_eq!(user.created.seconds(), 1_800_000_000);
    assert_eq!(user.roles, [world.store.peek().realms().get(&realm).await.unwrap().unwrap().default_role]);
    assert_eq!((user.groups, user.required_actions), (vec![staff.id], vec!["VERIFY_EMAIL".to_owned()]));
}

#[tokio::test]
async fn names_and_addresses_are_kept_in_lower_case_and_found_in_any() {
    let (world, realm) = World::with_realm().await;
    let user = make(&world, &realm, json!({"username": " Anna ", "email": "Anna@Example.org"})).await.unwrap();
    assert_eq!((user.username.as_str(), user.email.as_deref()), ("anna", Some("anna@example.org")));
    let mut peek = world.store.peek();
    assert_eq!(peek.users().by_username(&realm, "ANNA").await.unwrap().unwrap().id, user.id);
    assert_eq!(peek.users().by_email(&realm, "ANNA@example.ORG", 2).await.unwrap().len(), 1);
    assert_eq!(text(make(&world, &realm, json!({"username": "aNNa"})).await), "User exists with same username");
    assert_eq!(text(make(&world, &realm, json!({"username": "zoe", "email": "ANNA@example.org"})).await), "User exists with same email");
    assert_eq!(text(make(&world, &realm, json!({})).await), "User name is missing");
    assert_eq!(text(make(&world, &realm, json!({"username": "  "})).await), "User name is missing");
}

#[tokio::test]
async fn the_part_of_an_address_before_a_slash_is_nobodys_address() {
    let (world, realm) = World::with_realm().await;
    make(&world, &realm, json!({"username": "victim", "email": "boss/team@example.org"})).await.unwrap();
    assert!(world.store.peek().users().by_email(&realm, "boss", 2).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_name_has_bounds_and_no_markup() {
    let (world, realm) = World::with_realm().await;
    let length = json!([{"field": "username", "errorMessage": "error-invalid-length", "params": ["username", 3, 255]}]);
    assert_eq!(violations(make(&world, &realm, json!({"username": "ab"})).await), length);
    assert_eq!(violations(make(&world, &realm, json!({"username": "a".repeat(256)})).await), length);
    let email = json!([{"field": "email", "errorMessage": "error-invalid-email", "params": ["email", "nomail"]}]);
    assert_eq!(violations(make(&world, &realm, json!({"username": "zoe", "email": "nomail"})).await), email);
    let several = violations(make(&world, &realm, json!({"username": "z<", "email": "nomail", "firstName": "<b>"})).await);
    assert_eq!(several.as_array().unwrap().len(), 4);
    assert!(world.store.peek().users().list(&realm, None, 10).await.unwrap().is_empty(), "nothing half-done stays");
}

#[tokio::test]
async fn an_address_may_be_used_twice_only_where_the_realm_says_so() {
    let (world, realm) = World::with_realm().await;
    set(&world, &realm, json!({"duplicateEmailsAllowed": true})).await;
    let one = make(&world, &realm, json!({"username": "one", "email": "same@example.org"})).await.unwrap();
    make(&world, &realm, json!({"username": "two", "email": "same@example.org"})).await.unwrap();
    set(&world, &realm, json!({"duplicateEmailsAllowed": false})).await;
    let third = make(&world, &realm, json!({"username": "three", "email": "same@example.org"})).await;
    assert_eq!(text(third), "User exists with same email", "those who came while it was allowed count");
    assert!(change(&world, &realm, &one, json!({"firstName": "One"})).await.is_ok(), "they keep what they have");
}

#[tokio::test]
async fn an_update_keeps_what_it_does_not_name_unless_it_brings_attributes() {
    let (world, realm) = World::with_realm().await;
    set_policy(&world, &realm, Some(UnmanagedAttributePolicy::Enabled)).await;
    let all = json!({
        "username": "anna", "email": "anna@example.org", "firstName": "Anna", "lastName": "Adams", "enabled": true,
        "attributes": {"team": ["red"]}, "requiredActions": ["VERIFY_EMAIL"],
    });
    let user = make(&world, &realm, all).await.unwrap();
    let user = change(&world, &realm, &user, json!({"firstName": "Ann"})).await.unwrap();
    assert_eq!(
        (user.first_name.as_deref(), user.last_name.as_deref(), user.email.as_deref()),
        (Some("Ann"), Some("Adams"), Some("anna@example.org"))
    );
    assert_eq!(json!(user.attributes), json!({"team": ["red"]}));

    let user = change(&world, &realm, &user, json!({"attributes": {"team": ["blue"]}})).await.unwrap();
    assert_eq!((user.first_name.as_deref(), user.last_name.as_deref(), user.email.as_deref()), (None, None, None));
    assert_eq!((user.enabled, user.required_actions.as_slice()), (true, ["VERIFY_EMAIL".to_owned()].as_slice()));
    let user = change(&world, &realm, &user, json!({"email": "new@example.org", "requiredActions": []})).await.unwrap();
    let user = change(&world, &realm, &user, json!({"email": ""})).await.unwrap();
    assert_eq!((user.email.as_deref(), user.required_actions.len()), (None, 0));
    assert!(make(&world, &realm, json!({"username": "other", "email": "new@example.org"})).await.is_ok(), "the address is free again");
}

#[tokio::test]
async fn a_name_changes_only_where_the_realm_allows_it() {
    let (world, realm) = World::with_realm().await;
    let user = make(&world, &realm, json!({"username": "anna", "email": "anna@example.org"})).await.unwrap();
    make(&world, &realm, json!({"username": "bert", "email": "bert@example.org"})).await.unwrap();
    let read_only = json!([{"field": "username", "errorMessage": "error-user-attribute-read-only", "params": ["username"]}]);
    assert_eq!(violations(change(&world, &realm, &user, json!({"username": "Anne"})).await), read_only);
    assert_eq!(text(change(&world, &realm, &user, json!({"username": "bert"})).await), "User exists with same username");
    assert_eq!(text(change(&world, &realm, &user, json!({"email": "bert@example.org"})).await), "User exists with same email");
    assert!(change(&world, &realm, &user, json!({"username": "ANNA"})).await.is_ok(), "the same name is no change");

    set(&world, &realm, json!({"editUsernameAllowed": true})).await;
    change(&world, &realm, &user, json!({"username": "Anne"})).await.unwrap();
    let mut peek = world.store.peek();
    assert!(peek.users().by_username(&realm, "anna").await.unwrap().is_none());
    assert_eq!(peek.users().by_username(&realm, "anne").await.unwrap().unwrap().id, user.id);
}

#[tokio::test]
async fn an_address_as_user_name_follows_the_address() {
    let (world, realm) = World::with_realm().await;
    set(&world, &realm, json!({"registrationEmailAsUsername": true})).await;
    let user = make(&world, &realm, json!({"username": "ignored", "email": "Eve@Example.org"})).await.unwrap();
    assert_eq!(user.username, "eve@example.org");
    let user = change(&world, &realm, &user, json!({"email": "eva@example.org"})).await.unwrap();
    assert_eq!(user.username, "eva@example.org");
}

#[tokio::test]
async fn undeclared_attributes_are_dropped_unless_the_profile_keeps_them() {
    let (world, realm) = World::with_realm().await;
    let settings =
        |name: &str| json!({"username": name, "attributes": {"free": ["x"], "email": ["by-attribute@example.org"], "empty": []}});
    let dropped = make(&world, &realm, settings("dropped")).await.unwrap();
    assert!(dropped.attributes.is_empty());
    assert_eq!(dropped.email.as_deref(), Some("by-attribute@example.org"), "a field may come as an attribute");
    set_policy(&world, &realm, Some(UnmanagedAttributePolicy::AdminEdit)).await;
    change(&world, &realm, &dropped, json!({"email": ""})).await.unwrap();
    let kept = make(&world, &realm, settings("kept")).await.unwrap();
    assert_eq!(kept.attributes, BTreeMap::from([("free".to_owned(), vec!["x".to_owned()])]));
    let huge = json!({"username": "huge", "attributes": {"free": ["x".repeat(70_000)]}});
    assert!(matches!(make(&world, &realm, huge).await, Err(ManageError::Invalid(_))));
}

#[tokio::test]
async fn a_user_joins_groups_by_path() {
    let (world, realm) = World::with_realm().await;
    let staff = NewGroup { name: "staff".to_owned(), ..NewGroup::default() };
    let staff = in_txn!(world, |txn| groups::create(txn, &world.env, &realm, &staff)).unwrap();
    let night = NewGroup { name: "night".to_owned(), parent: Some(staff.id.clone()), ..NewGroup::default() };
    let night = in_txn!(world, |txn| groups::create(txn, &world.env, &realm, &night)).unwrap();
    let settings = UserSettings { username: Some("alice".to_owned()), ..UserSettings::default() };
    let mut new = NewUser { settings, groups: vec!["/staff".to_owned(), "/staff/night".to_owned()], password: None };
    let alice = in_txn!(world, |txn| users::create(txn, &world.env, &realm, &new)).unwrap();
    assert_eq!(alice.groups, [staff.id.clone(), night.id]);

    new.settings.username = Some("bob".to_owned());
    new.groups = vec!["/nope".to_owned()];
    assert_eq!(text(in_txn!(world, |txn| users::create(txn, &world.env, &realm, &new))), "Group /nope does not exist");
    let unknown = "nope".into();
    assert_eq!(text(in_txn!(world, |txn| users::join_group(txn, &realm, &alice.id, &unknown))), "Group not found");
    in_txn!(world, |txn| users::leave_group(txn, &realm, &alice.id, &staff.id)).unwrap();
    in_txn!(world, |txn| users::leave_group(txn, &realm, &alice.id, &staff.id)).unwrap();
    assert_eq!(world.store.peek().users().get(&realm, &alice.id).await.unwrap().unwrap().groups.len(), 1);
}

#[tokio::test]
async fn a_password_is_replaced_in_place_and_a_temporary_one_obliges() {
    let (world, realm) = World::with_realm().await;
    let user = make(&world, &realm, json!({"username": "anna"})).await.unwrap();
    let set_password = async |password: &str, temporary: bool| {
        let password = NewPassword::stored(world.hashing.hash(password.into()).await.unwrap(), temporary);
        in_txn!(world, |txn| users::set_password(txn, &world.env, &realm, &user.id, &password)).unwrap();
        let mut peek = world.store.peek();
        (
            peek.credentials().get(&realm, &user.id).await.unwrap(),
            peek.users().get(&realm, &user.id).await.unwrap().unwrap().required_actions,
        )
    };
    let (first, actions) = set_password("one", true).await;
    assert_eq!(actions, ["UPDATE_PASSWORD"]);
    let (second, actions) = set_password("two", false).await;
    assert!(actions.is_empty());
    assert_eq!((second.0.len(), &second.0[0].id), (1, &first.0[0].id));
    assert!(world.hashing.verify("two".into(), second.password().cloned(), Default::default()).await.unwrap());
    assert!(!world.hashing.verify("one".into(), second.password().cloned(), Default::default()).await.unwrap());
}

#[tokio::test]
async fn the_seed_of_a_one_time_password_is_sealed() {
    let (world, realm) = World::with_realm().await;
    let user = make(&world, &realm, json!({"username": "tina"})).await.unwrap();
    let otp = NewOtp {
        user_label: Some("phone".to_owned()),
        secret: "JBSWY3DPEHPK3PXP".into(),
        secret_encoding: None,
        sub_type: "totp".to_owned(),
        digits: 6,
        period: 30,
        counter: 0,
        algorithm: "HmacSHA1".to_owned(),
    };
    let id = in_txn!(world, |txn| users::add_otp(txn, &world.env, &world.sealer, &realm, &user.id, &otp)).unwrap();
    let stored = world.store.peek().credentials().get(&realm, &user.id).await.unwrap();
    assert!(stored.has_otp() && stored.password().is_none());
    assert!(!serde_json::to_string(&stored).unwrap().contains("JBSWY3DPEHPK3PXP"));
    let CredentialKind::Otp { secret, digits: 6, period: 30, .. } = &stored.0[0].kind else { panic!("{stored:?}") };
    assert_eq!(world.sealer.open(&realm, &stored.0[0].secret_identity(), secret).unwrap().expose(), b"JBSWY3DPEHPK3PXP");

    in_txn!(world, |txn| users::remove_credential(txn, &realm, &user.id, &id)).unwrap();
    assert_eq!(text(in_txn!(world, |txn| users::remove_credential(txn, &realm, &user.id, &id))), "Credential not found");
}

#[tokio::test]
async fn roles_and_required_actions_are_given_once_and_taken_without_complaint() {
    let (world, realm) = World::with_realm().await;
    let user = make(&world, &realm, json!({"username": "anna"})).await.unwrap();
    let role = world.store.peek().roles().realm_role(&realm, "offline_access").await.unwrap().unwrap();
    for _ in 0..2 {
        in_txn!(world, |txn| users::add_roles(txn, &realm, &user.id, std::slice::from_ref(&role.id))).unwrap();
        in_txn!(world, |txn| users::add_required_action(txn, &realm, &user.id, "CONFIGURE_TOTP")).unwrap();
    }
    let stored = world.store.peek().users().get(&realm, &user.id).await.unwrap().unwrap();
    assert_eq!((stored.roles.len(), stored.required_actions.len()), (2, 1));
    for _ in 0..2 {
        in_txn!(world, |txn| users::remove_roles(txn, &realm, &user.id, std::slice::from_ref(&role.id))).unwrap();
        in_txn!(world, |txn| users::remove_required_action(txn, &realm, &user.id, "CONFIGURE_TOTP")).unwrap();
    }
    assert_eq!(world.store.peek().users().get(&realm, &user.id).await.unwrap().unwrap(), user);
    let unknown = [RoleId::from("nope")];
    assert_eq!(text(in_txn!(world, |txn| users::add_roles(txn, &realm, &user.id, &unknown))), "Role not found");
}

#[tokio::test]
async fn a_deleted_user_leaves_his_names_and_no_credentials() {
    let (world, realm) = World::with_realm().await;
    let settings = json!({"username": "anna", "email": "anna@example.org", "enabled": true});
    let user = make(&world, &realm, settings.clone()).await.unwrap();
    let password = NewPassword::stored(world.hashing.hash("x".into()).await.unwrap(), false);
    in_txn!(world, |txn| users::set_password(txn, &world.env, &realm, &user.id, &password)).unwrap();
    in_txn!(world, |txn| users::set_enabled(txn, &realm, &user.id, false)).unwrap();
    in_txn!(world, |txn| users::set_not_before(txn, &realm, &user.id, 5)).unwrap();
    let stored = world.store.peek().users().get(&realm, &user.id).await.unwrap().unwrap();
    assert_eq!((stored.enabled, stored.not_before), (false, 5));

    in_txn!(world, |txn| users::delete(txn, &realm, &user.id)).unwrap();
    assert!(world.store.peek().credentials().get(&realm, &user.id).await.unwrap().0.is_empty());
    assert_eq!(text(in_txn!(world, |txn| users::delete(txn, &realm, &user.id))), "User not found");
    assert!(make(&world, &realm, settings).await.is_ok());
}

#[tokio::test]
async fn whoever_is_overtaken_by_his_namesake_is_told_so() {
    let (world, realm) = World::with_realm().await;
    let new = |settings: Value| NewUser { settings: serde_json::from_value(settings).unwrap(), ..NewUser::default() };
    let name = new(json!({"username": "wanted"}));
    let refused =
        in_overtaken_txn!(world, |txn| users::create(txn, &world.env, &realm, &name), make(&world, &realm, json!({"username": "Wanted"})));
    assert_eq!(text(refused), "User exists with same username");

    let address = new(json!({"username": "one", "email": "wanted@example.org"}));
    let other = json!({"username": "other", "email": "Wanted@example.org"});
    let refused = in_overtaken_txn!(world, |txn| users::create(txn, &world.env, &realm, &address), make(&world, &realm, other.clone()));
    assert_eq!(text(refused), "User exists with same email");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_want_a_name_or_an_address_at_once_one_gets_it() {
    for wanted in [json!({"username": "wanted"}), json!({"email": "wanted@example.org"})] {
        let (world, realm) = World::with_realm().await;
        let world = std::sync::Arc::new(world);
        let tasks: Vec<_> = (0..16)
            .map(|number| {
                let (world, realm, mut settings) = (std::sync::Arc::clone(&world), realm.clone(), wanted.clone());
                if settings["username"].is_null() {
                    settings["username"] = json!(format!("user-{number}"));
                }
                tokio::spawn(async move { make(&world, &realm, settings).await })
            })
            .collect();
        let mut winners = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => winners += 1,
                Err(ManageError::Conflict(Refusal::Message(text))) => assert!(text.starts_with("User exists with same ")),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(winners, 1, "{wanted}");
        assert_eq!(world.store.peek().users().list(&realm, None, 100).await.unwrap().len(), 1);
    }
}
