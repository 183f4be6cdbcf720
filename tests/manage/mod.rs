//! The rules of administration, on the memory engine.

mod after_import;
mod bootstrap;
mod clients;
mod export;
mod fresh_realm;
mod identity_providers;
mod import;
mod passwords;
mod realms;
mod representation;
mod roles_and_groups;
mod scopes_and_mappers;
mod users;

use std::sync::Arc;

use keywright::base::clock::{SettableClock, Timestamp};
use keywright::base::env::Env;
use keywright::base::id::RealmId;
use keywright::base::password_hash::{HashingOptions, HashingPool};
use keywright::base::random::SeededRandom;
use keywright::base::seal::Sealer;
use keywright::keyring::{self, KeySource};
use keywright::manage::bootstrap::{Administrator, Bootstrap, first_start};
use keywright::manage::error::ManageError;
use keywright::manage::realms::{NewRealm, create};
use keywright::model::realm::Realm;
use keywright::store::Store;
use keywright::store::job::Jobs;

/// A store with a realm `master`, and everything that rules ask for.
pub struct World {
    pub store: Store,
    pub env: Env,
    pub sealer: Sealer,
    pub hashing: HashingPool,
}

/// Runs an expression in a configuration transaction of the world: `in_txn!(world, |txn| roles::delete(txn, &realm, &id))`.
macro_rules! in_txn {
    ($world:expr, |$txn:ident| $body:expr) => {
        $world
            .store
            .configuration(|$txn| -> futures_util::future::BoxFuture<'_, Result<_, keywright::manage::error::ManageError>> {
                Box::pin(async { $body.await })
            })
            .await
    };
}
pub(crate) use in_txn;

/// Runs an expression in a transaction that somebody overtakes: after the first attempt's work and before its commit,
/// `$meanwhile` happens in a transaction of its own.
macro_rules! in_overtaken_txn {
    ($world:expr, |$txn:ident| $body:expr, $meanwhile:expr) => {{
        let attempts = std::sync::atomic::AtomicUsize::new(0);
        let answer = in_txn!($world, |$txn| async {
            let answer = $body.await;
            if attempts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
                $meanwhile.await.expect("whoever overtakes succeeds");
            }
            answer
        });
        assert_eq!(attempts.into_inner(), 2, "the commit was refused and the transaction ran again");
        answer
    }};
}
pub(crate) use in_overtaken_txn;

impl World {
    /// An empty store.
    pub fn empty() -> Self {
        let env =
            Env { clock: Arc::new(SettableClock::at(Timestamp::from_seconds(1_800_000_000))), random: Arc::new(SeededRandom::new(7)) };
        let hashing = HashingPool::start(Arc::clone(&env.random), HashingOptions::cheap());
        Self { store: Store::memory(), env, sealer: Sealer::from_key([7; 32]), hashing }
    }

    /// After a first start.
    pub async fn with_master() -> Self {
        let world = Self::empty();
        let administrator = Administrator { username: "admin".to_owned(), password: Some("admin".into()) };
        first_start(&world.bootstrap(), &administrator).await.unwrap();
        world
    }

    /// With the realm `oracle` beside master.
    pub async fn with_realm() -> (Self, RealmId) {
        let world = Self::with_master().await;
        let realm = world.create_realm(&NewRealm::enabled("oracle")).await.unwrap();
        (world, realm.id)
    }

    /// Does what was left to the background; how many jobs that was.
    pub async fn run_jobs(&self) -> usize {
        let jobs = keywright::manage::jobs::register(Jobs::new(self.store.clone(), "test"));
        jobs.run_pending(&*self.env.clock).await.unwrap()
    }

    pub fn bootstrap(&self) -> Bootstrap<'_> {
        Bootstrap { store: &self.store, env: &self.env, sealer: &self.sealer, hashing: &self.hashing, keys: KeySource::Fixed }
    }

    pub async fn create_realm(&self, new: &NewRealm) -> Result<Realm, ManageError> {
        let new = NewRealm { id: new.id.clone().or_else(|| Some(RealmId::random(self.env.random()))), ..new.clone() };
        let keys = keyring::default_providers(&self.env, new.id.as_ref().unwrap(), &new.name, &self.sealer, KeySource::Fixed).unwrap();
        in_txn!(self, |txn| create(txn, &self.env, &self.sealer, &new, &keys))
    }
}
