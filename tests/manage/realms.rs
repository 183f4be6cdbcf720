//! Realms: names, settings, switching off.

use keywright::base::id::RealmId;
use keywright::manage::error::{ManageError, Refusal};
use keywright::manage::realms::{NewRealm, Settings, delete, set_enabled, set_not_before, set_required_action, set_user_profile, update};
use keywright::model::realm::{Realm, SslRequired};
use keywright::model::user_profile::UserProfile;
use keywright::store::StoreError;
use keywright::store::txn::Reader as _;
use serde_json::{Value, json};

use super::{World, in_txn};

fn settings(value: Value) -> Settings {
    let Value::Object(settings) = value else { panic!("settings are an object") };
    settings
}

async fn change(world: &World, realm: &RealmId, value: Value) -> Result<Realm, ManageError> {
    let settings = settings(value);
    in_txn!(world, |txn| update(txn, &world.env, &world.sealer, realm, &settings))
}

#[tokio::test]
async fn a_realm_is_disabled_unless_asked_otherwise() {
    let world = World::with_master().await;
    let new = NewRealm { name: "quiet".to_owned(), ..NewRealm::default() };
    assert!(!world.create_realm(&new).await.unwrap().enabled);
    assert!(world.create_realm(&NewRealm::enabled("loud")).await.unwrap().enabled);
}

#[tokio::test]
async fn names_are_unique_and_fit_into_a_url() {
    let (world, realm) = World::with_realm().await;
    let taken = world.create_realm(&NewRealm::enabled("oracle")).await.unwrap_err();
    assert!(matches!(taken, ManageError::Conflict(Refusal::Message(text)) if text == "Realm oracle already exists"));
    let same_id = NewRealm { id: Some(realm), ..NewRealm::enabled("other") };
    assert!(matches!(world.create_realm(&same_id).await, Err(ManageError::Conflict(_))));
    let rows = [
        ("", "Realm name cannot be empty"),
        ("a b/c", "Character '/' not allowed."),
        ("a?b", "Character '?' not allowed."),
        ("..", "Character '.' not allowed."),
    ];
    for (name, text) in rows {
        let Err(ManageError::Invalid(refusal)) = world.create_realm(&NewRealm::enabled(name)).await else { panic!("{name}") };
        assert_eq!(refusal.to_string(), text);
    }
    assert_eq!(world.store.peek().realms().list().await.unwrap().len(), 2, "nothing half-done stays");
    let master = world.store.peek().realms().by_name("master").await.unwrap().unwrap();
    assert_eq!(world.store.peek().clients().list(&master.id).await.unwrap().len(), 7, "nor in master");
}

#[tokio::test]
async fn settings_that_are_not_named_stay() {
    let (world, realm) = World::with_realm().await;
    let changed = change(&world, &realm, json!({"displayName": "Tmp", "accessTokenLifespan": 600, "attributes": {"custom": "1"}}))
        .await
        .unwrap();
    assert_eq!((changed.display_name.as_deref(), changed.access_token_lifespan, changed.enabled), (Some("Tmp"), 600, true));
    let attributes = json!({
        "cibaBackchannelTokenDeliveryMode": "poll", "cibaExpiresIn": "120", "cibaAuthRequestedUserHint": "login_hint",
        "oauth2DeviceCodeLifespan": "600", "oauth2DevicePollingInterval": "5", "parRequestUriLifespan": "60", "custom": "1", "cibaInterval": "5",
    });
    assert_eq!(json!(changed.attributes), attributes, "as the recording has them after this update");
}

#[tokio::test]
async fn a_setting_and_the_attribute_that_stores_it_agree() {
    let (world, realm) = World::with_realm().await;
    let changed = change(&world, &realm, json!({"oauth2DeviceCodeLifespan": 900, "otpPolicyCodeReusable": true})).await.unwrap();
    assert_eq!(changed.attributes["oauth2DeviceCodeLifespan"], "900");
    assert_eq!(changed.attributes["realmReusableOtpCode"], "true");
    let changed = change(&world, &realm, json!({"attributes": {"oauth2DevicePollingInterval": "7"}})).await.unwrap();
    assert_eq!((changed.oauth2_device_polling_interval, changed.oauth2_device_code_lifespan), (7, 900));
}

#[tokio::test]
async fn what_has_a_rule_of_its_own_is_no_setting() {
    let (world, realm) = World::with_realm().await;
    let before = world.store.peek().realms().get(&realm).await.unwrap().unwrap();
    let after = change(&world, &realm, json!({"id": "x", "defaultRole": "x", "defaultGroups": ["x"], "unheardOf": 1}))
        .await
        .unwrap();
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_setting_of_the_wrong_type_or_an_unknown_flow_changes_nothing() {
    let (world, realm) = World::with_realm().await;
    let before = world.store.peek().realms().get(&realm).await.unwrap().unwrap();
    for bad in [
        json!({"accessTokenLifespan": "abc"}),
        json!({"sslRequired": "nope"}),
        json!({"browserFlow": "nope"}),
        json!({"browserFlow": "forms"}),
    ] {
        assert!(matches!(change(&world, &realm, bad.clone()).await, Err(ManageError::Invalid(_))), "{bad}");
    }
    assert_eq!(world.store.peek().realms().get(&realm).await.unwrap().unwrap(), before);
    assert_eq!(change(&world, &realm, json!({"sslRequired": "NONE"})).await.unwrap().ssl_required, SslRequired::None);
}

#[tokio::test]
async fn duplicate_addresses_and_signing_in_by_address_exclude_each_other() {
    let (world, realm) = World::with_realm().await;
    let state = |realm: &Realm| (realm.login_with_email_allowed, realm.duplicate_emails_allowed, realm.registration_email_as_username);
    let steps = [
        (json!({"duplicateEmailsAllowed": true}), (false, true, false)),
        (json!({"displayName": "x"}), (false, true, false)),
        (json!({"loginWithEmailAllowed": true}), (true, false, false)),
        (json!({"loginWithEmailAllowed": true, "duplicateEmailsAllowed": true}), (false, true, false)),
        (json!({"registrationEmailAsUsername": true}), (false, false, true)),
        (json!({"duplicateEmailsAllowed": true}), (false, true, false)),
    ];
    for (step, expected) in steps {
        assert_eq!(state(&change(&world, &realm, step.clone()).await.unwrap()), expected, "{step}");
    }
}

#[tokio::test]
async fn a_realm_is_renamed_with_the_client_that_administers_it() {
    let (world, realm) = World::with_realm().await;
    let mut peek = world.store.peek();
    let master = peek.realms().by_name("master").await.unwrap().unwrap();
    let taken = change(&world, &realm, json!({"realm": "master"})).await;
    assert!(matches!(taken, Err(ManageError::Conflict(Refusal::Message(text))) if text == "Realm with same name exists"));

    change(&world, &realm, json!({"realm": "delphi"})).await.unwrap();
    assert!(peek.realms().by_name("oracle").await.unwrap().is_none());
    assert_eq!(peek.realms().by_name("delphi").await.unwrap().unwrap().id, realm);
    assert!(peek.clients().by_client_id(&master.id, "oracle-realm").await.unwrap().is_none());
    assert!(peek.clients().by_client_id(&master.id, "delphi-realm").await.unwrap().is_some());
    assert!(world.create_realm(&NewRealm::enabled("oracle")).await.is_ok(), "the old name is free");
}

#[tokio::test]
async fn the_mail_password_is_sealed_and_the_mask_keeps_it_for_its_server() {
    let (world, realm) = World::with_realm().await;
    let set = change(&world, &realm, json!({"smtpServer": {"host": "h", "password": "mail-secret"}})).await.unwrap();
    assert!(!serde_json::to_string(&set).unwrap().contains("mail-secret"));
    let kept = change(&world, &realm, json!({"smtpServer": {"host": "h", "from": "a@b.c", "password": "**********"}}))
        .await
        .unwrap();
    assert_eq!(kept.smtp_server["from"], "a@b.c");
    let opened = world.sealer.open(&realm, &kept.smtp_secret_identity(), &kept.smtp_server["password"]).unwrap();
    assert_eq!(opened.expose(), b"mail-secret");
    // Not for another server: whoever may change settings must not have the password sent there.
    for other in [json!({"host": "i", "password": "**********"}), json!({"host": "h"})] {
        change(&world, &realm, json!({"smtpServer": {"host": "h", "password": "mail-secret"}})).await.unwrap();
        let gone = change(&world, &realm, json!({ "smtpServer": other })).await.unwrap();
        assert!(!gone.smtp_server.contains_key("password"));
    }
}

#[tokio::test]
async fn a_realm_can_be_switched_off_and_its_old_tokens_refused() {
    let (world, realm) = World::with_realm().await;
    in_txn!(world, |txn| set_enabled(txn, &realm, false)).unwrap();
    in_txn!(world, |txn| set_not_before(txn, &realm, 1_800_000_000)).unwrap();
    let stored = world.store.peek().realms().get(&realm).await.unwrap().unwrap();
    assert_eq!((stored.enabled, stored.not_before), (false, 1_800_000_000));
    let unknown = RealmId::from("nope");
    assert!(matches!(in_txn!(world, |txn| set_enabled(txn, &unknown, true)), Err(ManageError::NotFound(_))));
}

#[tokio::test]
async fn a_deleted_realm_is_gone_at_once_and_its_contents_soon() {
    let (world, realm) = World::with_realm().await;
    let mut peek = world.store.peek();
    let master = peek.realms().by_name("master").await.unwrap().unwrap();
    let refused = in_txn!(world, |txn| delete(txn, &master.id));
    assert!(matches!(refused, Err(ManageError::Invalid(Refusal::Message(text))) if text == "Can't remove master realm"));

    in_txn!(world, |txn| delete(txn, &realm)).unwrap();
    assert!(peek.realms().by_name("oracle").await.unwrap().is_none() && peek.realms().get(&realm).await.unwrap().is_none());
    assert!(peek.clients().by_client_id(&master.id, "oracle-realm").await.unwrap().is_none());
    let admin = peek.roles().realm_role(&master.id, "admin").await.unwrap().unwrap();
    assert_eq!(admin.composites.len(), 1 + 18);
    let same_id = NewRealm { id: Some(realm.clone()), ..NewRealm::enabled("again") };
    assert!(matches!(world.create_realm(&same_id).await, Err(ManageError::Store(StoreError::BeingDeleted { .. }))));
    assert!(world.create_realm(&NewRealm::enabled("oracle")).await.is_ok(), "the name is free");

    assert_eq!(world.run_jobs().await, 2, "the realm's contents, and mentions of its roles in master");
    assert!(peek.clients().list(&realm).await.unwrap().is_empty() && peek.roles().list(&realm).await.unwrap().is_empty());
    assert!(world.create_realm(&same_id).await.is_ok(), "and the id");
}

#[tokio::test]
async fn a_user_profile_without_its_pillars_is_refused() {
    let (world, realm) = World::with_realm().await;
    let empty = UserProfile::default();
    let refused = in_txn!(world, |txn| set_user_profile(txn, &realm, &empty));
    assert!(
        matches!(refused, Err(ManageError::Invalid(Refusal::Message(text))) if text == "[The attribute 'username' can not be removed]")
    );
}

#[tokio::test]
async fn required_actions_are_switched_by_alias() {
    let (world, realm) = World::with_realm().await;
    in_txn!(world, |txn| set_required_action(txn, &realm, "VERIFY_PROFILE", false, false)).unwrap();
    let stored = world.store.peek().authentication().get(&realm).await.unwrap();
    assert!(stored.enabled_action("VERIFY_PROFILE").is_none() && stored.enabled_action("UPDATE_PASSWORD").is_some());
    let unknown = in_txn!(world, |txn| set_required_action(txn, &realm, "NOPE", true, false));
    assert!(matches!(unknown, Err(ManageError::NotFound(Refusal::Error(text))) if text == "Failed to find required action"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn realms_can_be_created_side_by_side() {
    let world = std::sync::Arc::new(World::with_master().await);
    let tasks: Vec<_> = (0..6)
        .map(|number| {
            let world = std::sync::Arc::clone(&world);
            // Two want each name.
            tokio::spawn(async move { world.create_realm(&NewRealm::enabled(&format!("realm-{}", number / 2))).await })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => created += 1,
            Err(error) => assert!(matches!(error, ManageError::Conflict(_)), "{error}"),
        }
    }
    assert_eq!(created, 3);
    let mut peek = world.store.peek();
    let master = peek.realms().by_name("master").await.unwrap().unwrap();
    let admin = peek.roles().realm_role(&master.id, "admin").await.unwrap().unwrap();
    assert_eq!(admin.composites.len(), 1 + 4 * 18, "no realm's roles were lost");
}
