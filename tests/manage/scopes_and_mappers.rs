//! Client scopes, protocol mappers and components.

use keywright::base::id::{ComponentId, ProtocolMapperId, RealmId, UserId};
use keywright::keyring::{self, KeySource};
use keywright::manage::client_scopes::{self, NewClientScope};
use keywright::manage::clients::{self, NewClient, ScopeAttachment};
use keywright::manage::components::{self, user_storage::Parting};
use keywright::manage::error::{ManageError, Refusal};
use keywright::manage::protocol_mappers::{self, Holder, NewMapper};
use keywright::model::catalogue::user_storage::USER_STORAGE;
use keywright::model::client_scope::ClientScope;
use keywright::model::component::Component;
use keywright::model::identity_provider::IdentityLinks;
use keywright::store::job::STEP;
use keywright::store::txn::Reader as _;
use serde_json::json;

use super::{World, in_txn};

fn text<T>(answer: Result<T, ManageError>) -> String {
    match answer.err().expect("a refusal") {
        ManageError::NotFound(refusal) | ManageError::Conflict(refusal) | ManageError::Invalid(refusal) => refusal.to_string(),
        other => panic!("{other}"),
    }
}

async fn scope(world: &World, realm: &RealmId, name: &str, protocol: &str) -> Result<ClientScope, ManageError> {
    let new = NewClientScope { name: name.to_owned(), protocol: Some(protocol.to_owned()), ..NewClientScope::default() };
    in_txn!(world, |txn| client_scopes::create(txn, &world.env, realm, &new))
}

#[tokio::test]
async fn a_scope_name_is_unique_and_fits_between_spaces() {
    let (world, realm) = World::with_realm().await;
    scope(&world, &realm, "s1", "openid-connect").await.unwrap();
    assert_eq!(text(scope(&world, &realm, "s1", "openid-connect").await), "Client Scope s1 already exists");
    assert_eq!(text(scope(&world, &realm, "a b", "openid-connect").await), "Unexpected name \"a b\" for ClientScope");
    assert_eq!(text(scope(&world, &realm, "s2", "nope").await), "Unexpected protocol");
    assert_eq!(text(scope(&world, &realm, "s2", "").await), "Unexpected protocol");
    let other = scope(&world, &realm, "other", "saml").await.unwrap();
    let renamed = NewClientScope { name: "s1".to_owned(), protocol: Some("saml".to_owned()), ..NewClientScope::default() };
    assert_eq!(text(in_txn!(world, |txn| client_scopes::update(txn, &realm, &other.id, &renamed))), "Client Scope s1 already exists");
}

#[tokio::test]
async fn a_scope_of_the_realm_goes_to_new_clients_only() {
    let (world, realm) = World::with_realm().await;
    let s1 = scope(&world, &realm, "s1", "openid-connect").await.unwrap();
    let make = async |client_id: &str| {
        let new: NewClient = serde_json::from_value(json!({"clientId": client_id})).unwrap();
        in_txn!(world, |txn| clients::create(txn, &world.env, &world.sealer, &realm, &new)).unwrap()
    };
    assert!(!make("before").await.default_client_scopes.contains(&s1.id));
    in_txn!(world, |txn| client_scopes::attach(txn, &realm, &s1.id, ScopeAttachment::Default)).unwrap();
    assert!(make("default").await.default_client_scopes.contains(&s1.id));
    in_txn!(world, |txn| client_scopes::attach(txn, &realm, &s1.id, ScopeAttachment::Optional)).unwrap();
    let optional = make("optional").await;
    assert!(optional.optional_client_scopes.contains(&s1.id) && !optional.default_client_scopes.contains(&s1.id));
    in_txn!(world, |txn| client_scopes::detach(txn, &realm, &s1.id)).unwrap();
    assert!(!make("after").await.optional_client_scopes.contains(&s1.id));
}

#[tokio::test]
async fn a_deleted_scope_leaves_the_realm_and_its_clients() {
    let (world, realm) = World::with_realm().await;
    let mut peek = world.store.peek();
    let phone = peek.client_scopes().by_name(&realm, "phone").await.unwrap().unwrap();
    in_txn!(world, |txn| client_scopes::delete(txn, &realm, &phone.id)).unwrap();
    assert!(!peek.realms().get(&realm).await.unwrap().unwrap().default_optional_client_scopes.contains(&phone.id));
    for client in peek.clients().list(&realm).await.unwrap() {
        assert!(!client.optional_client_scopes.contains(&phone.id), "{}", client.client_id);
        assert_eq!(client.optional_client_scopes.len(), 4);
    }
    assert_eq!(text(in_txn!(world, |txn| client_scopes::delete(txn, &realm, &phone.id))), "Could not find client scope");
}

#[tokio::test]
async fn mappers_are_unique_by_name_and_of_a_known_type() {
    let (world, realm) = World::with_realm().await;
    let client = world.store.peek().clients().by_client_id(&realm, "admin-cli").await.unwrap().unwrap();
    let scope = scope(&world, &realm, "s1", "openid-connect").await.unwrap();
    let mapper = |name: &str, kind: &str| NewMapper {
        name: name.to_owned(),
        protocol: "openid-connect".to_owned(),
        protocol_mapper: kind.to_owned(),
        ..NewMapper::default()
    };
    let hardcoded = "oidc-hardcoded-claim-mapper";
    for holder in [Holder::Client(client.id.clone()), Holder::ClientScope(scope.id.clone())] {
        let add = async |new: NewMapper| in_txn!(world, |txn| protocol_mappers::add(txn, &world.env, &realm, &holder, &new));
        let m1 = add(mapper("m1", hardcoded)).await.unwrap();
        assert_eq!(text(add(mapper("m1", hardcoded)).await), "Protocol mapper exists with same name");
        assert_eq!(text(add(mapper("m2", "nope")).await), "ProtocolMapper provider not found");
        let m2 = add(mapper("m2", hardcoded)).await.unwrap();

        let change =
            async |id: &ProtocolMapperId, new: NewMapper| in_txn!(world, |txn| protocol_mappers::update(txn, &realm, &holder, id, &new));
        assert_eq!(text(change(&m2, mapper("m1", hardcoded)).await), "Protocol mapper exists with same name");
        change(&m2, NewMapper { config: [("claim.name".to_owned(), "x".to_owned())].into(), ..mapper("m2", hardcoded) })
            .await
            .unwrap();
        in_txn!(world, |txn| protocol_mappers::remove(txn, &realm, &holder, &m1)).unwrap();
        assert_eq!(text(in_txn!(world, |txn| protocol_mappers::remove(txn, &realm, &holder, &m1))), "Model not found");

        let left = match &holder {
            Holder::Client(id) => world.store.peek().clients().get(&realm, id).await.unwrap().unwrap().protocol_mappers,
            Holder::ClientScope(id) => world.store.peek().client_scopes().get(&realm, id).await.unwrap().unwrap().protocol_mappers,
        };
        assert_eq!(left.len(), 1);
        assert_eq!((&left[0].id, left[0].config["claim.name"].as_str()), (&m2, "x"));
    }
}

#[tokio::test]
async fn components_name_a_provider_that_exists() {
    let (world, realm) = World::with_realm().await;
    let stored = world.store.peek().components().list(&realm).await.unwrap();
    let rsa = stored.iter().find(|component| component.provider_id == "rsa-generated").unwrap().clone();
    let create = async |component: Component| in_txn!(world, |txn| components::create(txn, &realm, &component));
    let fresh = Component { id: ComponentId::from("c1"), ..rsa.clone() };
    create(fresh.clone()).await.unwrap();
    assert!(matches!(create(fresh.clone()).await, Err(ManageError::Invalid(_))), "the id is taken");
    for wrong in [
        Component { id: ComponentId::from("c2"), provider_id: "nope".to_owned(), ..rsa.clone() },
        Component { id: ComponentId::from("c2"), provider_type: "nope".to_owned(), ..rsa.clone() },
    ] {
        assert_eq!(text(create(wrong).await), "Invalid provider type or no such provider");
    }
    let mut unordered = Component { id: ComponentId::from("c2"), ..rsa.clone() };
    unordered.config.insert("priority".to_owned(), vec!["x".to_owned()]);
    assert_eq!(text(create(unordered).await), "'Priority' should be a number");

    let mut passive = fresh.clone();
    passive.config.insert("active".to_owned(), vec!["false".to_owned()]);
    in_txn!(world, |txn| components::update(txn, &realm, &passive)).unwrap();
    assert_eq!(world.store.peek().components().get(&realm, &fresh.id).await.unwrap(), Some(passive));
    in_txn!(world, |txn| components::delete(txn, &realm, &fresh.id)).unwrap();
    let refused = in_txn!(world, |txn| components::delete(txn, &realm, &fresh.id));
    assert!(matches!(refused, Err(ManageError::NotFound(Refusal::Error(text))) if text == "Could not find component"));
}

/// The first users at once, the others by a job that knows what is to become of them.
#[tokio::test]
async fn users_of_a_large_realm_are_unlinked_from_their_federation_in_the_background() {
    let (world, realm) = World::with_realm().await;
    let stored = world.store.peek().components().list(&realm).await.unwrap();
    let federation = Component { id: ComponentId::from("ldap"), provider_type: USER_STORAGE.to_owned(), ..stored[0].clone() };
    let links = IdentityLinks { federation: Some("ldap".to_owned()), accounts: Vec::new() };
    in_txn!(world, |txn| async {
        txn.components().put(&realm, &federation);
        for number in 0..STEP + 100 {
            txn.identity_providers().put_links(&realm, &UserId::from(format!("u{number}")), &links);
        }
        Ok::<_, ManageError>(())
    })
    .unwrap();
    let still_linked = async || {
        let linked = world.store.peek().identity_providers().linked(&realm, None, 2 * STEP).await.unwrap();
        linked.iter().filter(|(_, links)| links.federation.is_some()).count()
    };
    assert_eq!(still_linked().await, STEP + 100);
    in_txn!(world, |txn| components::part_users(txn, &realm, &federation.id, Parting::Stay)).unwrap();
    assert_eq!(still_linked().await, 100);
    assert_eq!(world.run_jobs().await, 1);
    assert_eq!(still_linked().await, 0);
}

#[tokio::test]
async fn the_key_providers_of_a_new_realm_open_with_its_sealer() {
    let (world, realm) = World::with_realm().await;
    let stored = world.store.peek().components().list(&realm).await.unwrap();
    assert!(keyring::Keyring::open(&realm, &stored, &world.sealer).unwrap().public_key().is_some());
    let other = keyring::default_providers(&world.env, &RealmId::from("other"), "other", &world.sealer, KeySource::Fixed).unwrap();
    assert!(keyring::Keyring::open(&realm, &other, &world.sealer).is_err(), "keys that were sealed for another realm");
}
