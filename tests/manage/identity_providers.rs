//! Identity providers: what is stored of their secrets, and what their deletion leaves.

use keywright::base::id::{RealmId, UserId};
use keywright::manage::error::ManageError;
use keywright::manage::identity_providers::{create, delete, update};
use keywright::manage::realms::MASK;
use keywright::model::identity_provider::{IdentityLink, IdentityLinks, IdentityProvider};
use keywright::model::user::User;
use keywright::store::txn::Reader as _;

use super::{World, in_txn};

fn provider(secret: &str) -> IdentityProvider {
    let config = [("clientId", "x"), ("clientSecret", secret)].map(|(name, value)| (name.to_owned(), value.to_owned()));
    IdentityProvider { alias: "ext".to_owned(), provider_id: "oidc".to_owned(), config: config.into(), ..IdentityProvider::default() }
}

async fn secret(world: &World, realm: &RealmId) -> Option<String> {
    let stored = world.store.peek().identity_providers().by_alias(realm, "ext").await.unwrap().unwrap();
    let sealed = stored.config.get("clientSecret")?;
    assert!(!sealed.contains("s3cret") && sealed != MASK, "sealed at rest: {sealed}");
    let opened = world.sealer.open(realm, &stored.secret_identity("clientSecret"), sealed).unwrap();
    Some(String::from_utf8(opened.expose().clone()).unwrap())
}

/// Class 59: the mask is not a secret.
#[tokio::test]
async fn a_masked_secret_keeps_what_is_stored_and_anything_else_replaces_it() {
    let (world, realm) = World::with_realm().await;
    in_txn!(world, |txn| create(txn, &world.env, &world.sealer, &realm, &provider("s3cret"))).unwrap();
    assert_eq!(secret(&world, &realm).await.as_deref(), Some("s3cret"));
    for (given, expected) in [(MASK, "s3cret"), ("s3cret2", "s3cret2"), (MASK, "s3cret2")] {
        in_txn!(world, |txn| update(txn, &world.env, &world.sealer, &realm, "ext", &provider(given))).unwrap();
        assert_eq!(secret(&world, &realm).await.as_deref(), Some(expected));
    }
    let mut without = provider("");
    without.config.remove("clientSecret");
    in_txn!(world, |txn| update(txn, &world.env, &world.sealer, &realm, "ext", &without)).unwrap();
    assert_eq!(secret(&world, &realm).await, None);
    // There is nothing for the mask to keep.
    in_txn!(world, |txn| update(txn, &world.env, &world.sealer, &realm, "ext", &provider(MASK))).unwrap();
    assert_eq!(secret(&world, &realm).await, None);
}

#[tokio::test]
async fn the_alias_of_a_deleted_provider_is_free_when_the_last_of_many_users_is_unlinked() {
    let (world, realm) = World::with_realm().await;
    in_txn!(world, |txn| create(txn, &world.env, &world.sealer, &realm, &provider("s3cret"))).unwrap();
    let ids: Vec<UserId> = (0..1200).map(|number| UserId::from(format!("u{number:04}"))).collect();
    for some in ids.chunks(400) {
        in_txn!(world, |txn| async {
            for id in some {
                let user: User = serde_json::from_value(serde_json::json!({
                    "id": id, "username": id, "enabled": true, "createdTimestamp": 0,
                }))
                .unwrap();
                txn.users().insert(&realm, &user, false);
                let link =
                    |provider: &str| IdentityLink { identity_provider: provider.to_owned(), user_id: id.to_string(), user_name: None };
                let links = IdentityLinks { federation: None, accounts: vec![link("ext"), link("other")] };
                txn.identity_providers().put_links(&realm, id, &links);
            }
            Ok::<_, ManageError>(())
        })
        .unwrap();
    }
    in_txn!(world, |txn| delete(txn, &realm, "ext")).unwrap();
    let again = in_txn!(world, |txn| create(txn, &world.env, &world.sealer, &realm, &provider("s3cret")));
    assert!(matches!(again, Err(ManageError::Conflict(_))), "its former users are still linked");
    world.run_jobs().await;
    for id in &ids {
        let links = world.store.peek().identity_providers().links(&realm, id).await.unwrap();
        assert_eq!(links.accounts.iter().map(|link| link.identity_provider.as_str()).collect::<Vec<_>>(), ["other"]);
    }
    in_txn!(world, |txn| create(txn, &world.env, &world.sealer, &realm, &provider("s3cret"))).unwrap();
}
