//! From settings to an opened store with the key that belongs to it, and what a first start puts into it.

use std::path::PathBuf;

use super::{BuildError, Keywright};
use crate::base::env::Env;
use crate::base::seal::{self, Sealer};
use crate::config::{Config, Engine};
use crate::manage::bootstrap::{self, Administrator, Bootstrap, BootstrapError, Development, FirstStart};
use crate::store::sled::{Options, Sled};
use crate::store::txn::Reader as _;
use crate::store::{Store, StoreError};

/// The name of the key-encryption key's file in `keys.directory`.
const KEY_FILE: &str = "key-encryption-key";

impl Keywright {
    /// Gives an empty store its realm `master`, with the administrator of the settings, as Keycloak does. A store that has one
    /// stays as it is. The standalone server calls this at every start; an embedder who makes his own realms need not.
    ///
    /// # Errors
    /// Keys or hash cannot be made, or the store failed.
    pub async fn first_start(&self) -> Result<FirstStart, BootstrapError> {
        let settings = &self.app.config.bootstrap;
        let administrator = Administrator { username: settings.admin_username.clone(), password: settings.admin_password.clone() };
        bootstrap::first_start(&self.bootstrap(), &administrator).await
    }

    /// Puts the clients and the user of `serve --dev` into master, where they are missing. Their passwords are known to
    /// everybody.
    ///
    /// # Errors
    /// There is no realm `master`; otherwise as [`Keywright::first_start`].
    pub async fn development(&self) -> Result<Development, BootstrapError> {
        bootstrap::development(&self.bootstrap()).await
    }

    fn bootstrap(&self) -> Bootstrap<'_> {
        let app = &self.app;
        Bootstrap { store: &app.store, env: &app.env, sealer: &app.sealer, hashing: &app.hashing, keys: self.keys }
    }
}

/// Where the key-encryption key is, unless the settings hold it themselves.
pub fn key_file(config: &Config) -> PathBuf {
    config.keys.directory.join(KEY_FILE)
}

pub(super) async fn open_store(config: &Config) -> Result<Store, BuildError> {
    let settings = &config.store;
    if settings.engine == Engine::Memory {
        return Ok(Store::memory());
    }
    let options = Options {
        configuration_cache: settings.configuration_cache_mib << 20,
        sessions_cache: settings.sessions_cache_mib << 20,
        ..Options::at(&settings.directory)
    };
    // A host application may have other things to do while a large database opens.
    let opened = tokio::task::spawn_blocking(move || Sled::open(&options)).await;
    Ok(Store::on_sled(opened.map_err(|failed| StoreError::Failed(failed.to_string()))??))
}

/// The key-encryption key from the settings, from its file, or for a store that dies with the process a passing one. A store
/// with secrets in it is opened with their key or not at all.
pub(super) async fn sealer(config: &Config, env: &Env, store: &Store) -> Result<Sealer, BuildError> {
    let check = store.peek().key_check().get().await?;
    let sealer = match (config.keys.key_encryption_key_bytes(), config.store.engine) {
        (Some(key), _) => Sealer::from_key(*key.expose()),
        (None, Engine::Memory) => Sealer::from_key(env.random().bytes()),
        (None, Engine::Sled) => seal::load_or_create(&key_file(config), check.is_none(), env.random())?,
    };
    if let Some(check) = check {
        sealer.check(&check)?;
    }
    Ok(sealer)
}
