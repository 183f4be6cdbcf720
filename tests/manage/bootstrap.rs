//! The first start, and the contents of `serve --dev`.

use keywright::base::seal::Sealer;
use keywright::manage::bootstrap::{Administrator, Bootstrap, BootstrapError, FirstStart, development, first_start};
use keywright::manage::clients::read_secret;
use keywright::manage::error::ManageError;
use keywright::manage::realms::NewRealm;
use keywright::model::client::ClientKind;
use keywright::store::txn::Reader as _;

use super::World;

fn nobody() -> Administrator {
    Administrator { username: "admin".to_owned(), password: None }
}

#[tokio::test]
async fn a_generated_password_is_told_once_and_works() {
    let world = World::empty();
    let FirstStart::Created { username, generated_password: Some(password) } = first_start(&world.bootstrap(), &nobody()).await.unwrap()
    else {
        panic!("a first start creates master")
    };
    assert_eq!((username.as_str(), password.expose().len()), ("admin", 24));

    let mut peek = world.store.peek();
    let master = peek.realms().by_name("master").await.unwrap().unwrap();
    let admin = peek.users().by_username(&master.id, "admin").await.unwrap().unwrap();
    assert!(admin.attributes.is_empty() && admin.required_actions.is_empty(), "a generated password is permanent");
    let stored = peek.credentials().get(&master.id, &admin.id).await.unwrap();
    assert!(world.hashing.verify(password, stored.password().cloned(), Default::default()).await.unwrap());

    assert!(matches!(first_start(&world.bootstrap(), &nobody()).await.unwrap(), FirstStart::Existing));
}

#[tokio::test]
async fn a_later_start_computes_neither_hash_nor_keys() {
    let world = World::with_master().await;
    let before = world.hashing.computed();
    first_start(&world.bootstrap(), &nobody()).await.unwrap();
    assert_eq!(world.hashing.computed(), before);
}

#[tokio::test]
async fn of_two_racing_first_starts_one_wins_and_neither_fails() {
    let world = World::empty();
    let (bootstrap, administrator) = (world.bootstrap(), nobody());
    let (one, other) = tokio::join!(first_start(&bootstrap, &administrator), first_start(&bootstrap, &administrator));
    let created = [one.unwrap(), other.unwrap()].iter().filter(|start| matches!(start, FirstStart::Created { .. })).count();
    assert_eq!(created, 1);
    assert_eq!(world.store.peek().realms().list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_key_encryption_key_refuses_to_start() {
    let world = World::with_master().await;
    let other = Sealer::from_key([8; 32]);
    let start = first_start(&Bootstrap { sealer: &other, ..world.bootstrap() }, &nobody()).await;
    assert!(matches!(start, Err(BootstrapError::KeyEncryptionKey(_))), "{start:?}");
}

/// An embedder may make realms of his own and never a master.
#[tokio::test]
async fn a_realm_without_a_first_start_binds_the_store_to_its_key_as_well() {
    let mut world = World::empty();
    world.create_realm(&NewRealm::enabled("own")).await.unwrap();
    let stored = world.store.peek().key_check().get().await.unwrap();
    assert!(world.sealer.check(&stored.unwrap()).is_ok());
    world.sealer = Sealer::from_key([8; 32]);
    assert!(matches!(world.create_realm(&NewRealm::enabled("other")).await, Err(ManageError::Sealed(_))));
}

#[tokio::test]
async fn the_development_contents_are_the_same_at_every_start() {
    let world = World::with_master().await;
    let first = development(&world.bootstrap()).await.unwrap();
    let again = development(&world.bootstrap()).await.unwrap();
    assert_eq!(first.api_client_secret.expose().len(), 86);
    assert_eq!(first.api_client_secret, again.api_client_secret);
    assert_eq!(first.resource_server_secret, again.resource_server_secret);
    assert_ne!(first.api_client_secret, first.resource_server_secret);

    let mut peek = world.store.peek();
    let master = peek.realms().by_name("master").await.unwrap().unwrap();
    let kinds = [
        ("api-client", ClientKind::Confidential),
        ("sdk-client", ClientKind::Public),
        ("orders-app", ClientKind::Public),
        ("resource-server", ClientKind::Confidential),
    ];
    for (client_id, kind) in kinds {
        let client = peek.clients().by_client_id(&master.id, client_id).await.unwrap().unwrap();
        assert_eq!(client.kind(), kind, "{client_id}");
    }
    let api = peek.clients().by_client_id(&master.id, "api-client").await.unwrap().unwrap();
    assert_eq!((api.seconds("access.token.lifespan"), api.web_origins.as_slice()), (Some(3600), ["*".to_owned()].as_slice()));
    assert!(peek.users().service_account(&master.id, &api.id).await.unwrap().is_some());
    assert_eq!(read_secret(&world.sealer, &master.id, &api).unwrap(), Some(first.api_client_secret));
    assert_eq!(peek.clients().list(&master.id).await.unwrap().len(), 6 + 4);
}

#[tokio::test]
async fn the_development_user_is_an_administrator_without_a_name() {
    let world = World::with_master().await;
    let contents = development(&world.bootstrap()).await.unwrap();
    let mut peek = world.store.peek();
    let master = peek.realms().by_name("master").await.unwrap().unwrap();
    let jane = peek.users().by_username(&master.id, contents.username).await.unwrap().unwrap();
    assert!(jane.enabled && jane.email_verified && jane.first_name.is_none() && jane.last_name.is_none());
    assert_eq!(jane.email.as_deref(), Some("jane@example.test"));
    let admin = peek.roles().realm_role(&master.id, "admin").await.unwrap().unwrap();
    assert!(jane.roles.contains(&admin.id));
    assert!(!peek.user_profiles().get(&master.id).await.unwrap().missing_required(&jane, false), "master asks for no name");
    let stored = peek.credentials().get(&master.id, &jane.id).await.unwrap();
    assert!(world.hashing.verify(contents.password.into(), stored.password().cloned(), Default::default()).await.unwrap());
}

#[tokio::test]
async fn what_somebody_changed_in_the_development_contents_stays() {
    let world = World::with_master().await;
    development(&world.bootstrap()).await.unwrap();
    let mut peek = world.store.peek();
    let master = peek.realms().by_name("master").await.unwrap().unwrap();
    let api = peek.clients().by_client_id(&master.id, "api-client").await.unwrap().unwrap();
    super::in_txn!(world, |txn| keywright::manage::clients::set_enabled(txn, &master.id, &api.id, false)).unwrap();
    development(&world.bootstrap()).await.unwrap();
    assert!(!peek.clients().get(&master.id, &api.id).await.unwrap().unwrap().enabled);
}
