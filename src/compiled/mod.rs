//! What a token needs besides user and session, parsed and resolved once and recompiled when the store's epoch moved.
//! A request compares one atomic; in the steady state neither a realm nor a client is read from the store.

pub mod claim_path;
mod client;
pub mod direct_grant;
mod fallback_key;
pub mod mapper;
mod realm;
pub mod references;
pub mod roles;
pub mod scope;
pub mod subject;

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::base::env::Env;
use crate::base::seal::Sealer;
use crate::keyring::KeyError;
use crate::store::txn::Reader as _;
use crate::store::{Store, StoreError};

pub use client::{AvailableScope, CompiledClient, acr_levels};
pub use realm::{CompiledRealm, RealmParts};
pub use subject::Subject;

/// How often a realm is read again because it changed meanwhile; then what was read is served once and not kept current.
const ATTEMPTS: usize = 3;

/// The cache of compiled realms.
pub struct Compiled {
    store: Store,
    sealer: Sealer,
    env: Env,
    /// By name. Only realms that exist are in it.
    realms: ArcSwap<HashMap<String, Arc<CompiledRealm>>>,
    /// Whoever holds it compiles a realm; the others wait for what he publishes.
    compiling: Mutex<()>,
}

impl Compiled {
    /// `env` provides what new keys are made from.
    pub fn new(store: Store, sealer: Sealer, env: Env) -> Self {
        Self { store, sealer, env, realms: ArcSwap::default(), compiling: Mutex::new(()) }
    }

    /// The realm with this name, current as of the call.
    ///
    /// # Errors
    /// When the store fails or a key of the realm cannot be used.
    pub async fn realm(&self, name: &str) -> Result<Option<Arc<CompiledRealm>>, StoreError> {
        match self.current(name) {
            Some(realm) => Ok(Some(realm)),
            // Boxed, as below: what happens once must not be carried by the future of every request.
            None => Box::pin(self.realm_anew(name)).await,
        }
    }

    async fn realm_anew(&self, name: &str) -> Result<Option<Arc<CompiledRealm>>, StoreError> {
        // Names that nobody has must neither queue behind a compilation nor be remembered.
        if !self.realms.load().contains_key(name) && self.store.peek().realms().by_name(name).await?.is_none() {
            return Ok(None);
        }
        let _turn = self.compiling.lock().await;
        if let Some(realm) = self.current(name) {
            return Ok(Some(realm));
        }
        let compiled = self.compile(name).await?.map(Arc::new);
        self.realms.rcu(|realms| {
            let mut realms = HashMap::clone(realms);
            match &compiled {
                Some(realm) => realms.insert(name.to_owned(), Arc::clone(realm)),
                None => realms.remove(name),
            };
            realms
        });
        Ok(compiled)
    }

    /// The client with this `client_id` in `realm`, current as of when `realm` was compiled or later.
    ///
    /// # Errors
    /// When the store fails or the client's secret does not open.
    pub async fn client(&self, realm: &Arc<CompiledRealm>, client_id: &str) -> Result<Option<Arc<CompiledClient>>, StoreError> {
        match realm.known_client(client_id) {
            Some(client) => Ok(Some(client)),
            None => Box::pin(self.client_anew(realm, client_id)).await,
        }
    }

    async fn client_anew(&self, realm: &Arc<CompiledRealm>, client_id: &str) -> Result<Option<Arc<CompiledClient>>, StoreError> {
        let bucket = BuildHasherDefault::<DefaultHasher>::default().hash_one(client_id) % realm.compiling.len() as u64;
        let _turn = realm.compiling[usize::try_from(bucket).expect("a remainder of a length")].lock().await;
        if let Some(client) = realm.known_client(client_id) {
            return Ok(Some(client));
        }
        let Some(client) = self.store.peek().clients().by_client_id(realm.id(), client_id).await? else { return Ok(None) };
        let mut client = CompiledClient::new(realm, client, &self.sealer)?;
        let missing = client.algorithms().any(|algorithm| realm.keyring.signing_kid(algorithm).is_none());
        if missing {
            let _turn = self.compiling.lock().await;
            let algorithms: Vec<_> = client.algorithms().collect();
            client.keyring = Some(fallback_key::complete((&self.store, &self.sealer, &self.env), &realm.realm, &algorithms).await?);
        }
        let client = Arc::new(client);
        // Others will see it without asking the store, so it must be durable first.
        self.store.settle().await?;
        realm
            .clients
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(client_id.to_owned(), Arc::clone(&client));
        Ok(Some(client))
    }

    /// How many realms, and clients of them, are kept: a measure of memory.
    pub fn remembered(&self) -> (usize, usize) {
        let realms = self.realms.load();
        let clients = realms.values().map(|realm| realm.clients.read().unwrap_or_else(PoisonError::into_inner).len());
        (realms.len(), clients.sum())
    }

    /// The realms that are kept.
    pub fn realms(&self) -> Vec<Arc<CompiledRealm>> {
        self.realms.load().values().cloned().collect()
    }

    /// The compiled realm, unless the configuration changed since.
    fn current(&self, name: &str) -> Option<Arc<CompiledRealm>> {
        let realms = self.realms.load();
        let realm = realms.get(name)?;
        (self.store.epoch(realm.id()) == realm.epoch).then(|| Arc::clone(realm))
    }

    async fn compile(&self, name: &str) -> Result<Option<CompiledRealm>, StoreError> {
        let mut attempts = ATTEMPTS;
        loop {
            let Some(found) = self.store.peek().realms().by_name(name).await? else { return Ok(None) };
            let id = found.id;
            // The epoch is taken before the reads: whatever changes during them leaves this compilation stale.
            let epoch = self.store.epoch(&id);
            let Some(realm) = self.store.peek().realms().get(&id).await?.filter(|realm| realm.name == name) else { return Ok(None) };
            let parts = RealmParts::read(&self.store, realm).await?;
            attempts -= 1;
            if attempts > 0 && self.store.epoch(&id) != epoch {
                continue;
            }
            let compiled = CompiledRealm::new(parts, &self.sealer, epoch).map_err(damaged)?;
            self.store.settle().await?;
            return Ok(Some(compiled));
        }
    }
}

fn damaged(error: KeyError) -> StoreError {
    StoreError::Damaged { key: format!("component {}", error.component), reason: error.reason }
}
