//! Administration in process, under the rules that the REST API and the console obey: [`crate::manage`].

use std::sync::Arc;

use crate::app::App;
use crate::base::id::{ClientId, RealmId, UserId};
use crate::base::password_hash::Overloaded;
use crate::base::secret::Secret;
use crate::keyring::{self, KeyError, KeySource};
use crate::manage::client_secrets::SecretRotation;
use crate::manage::clients::NewClient;
use crate::manage::error::ManageError;
use crate::manage::import::{ImportError, Importer, OnConflict, Outcome, Source};
use crate::manage::realms::{NewRealm, Settings};
use crate::manage::users::NewUser;
use crate::manage::{client_secrets, clients, realms, users};
use crate::model::client::Client;
use crate::model::realm::Realm;
use crate::model::user::User;
use crate::store::txn::Reader as _;
use crate::store::{StoreError, job};

/// What [`super::Keywright::manage`] offers. Each verb is one transaction; when it returns, the change is durable and the next
/// request sees it. For what has no verb here, [`crate::store::Store::configuration`] takes any function of [`crate::manage`].
pub struct Manage<'a> {
    pub(super) app: &'a App,
    pub(super) keys: KeySource,
}

/// Why an administration verb did nothing.
#[derive(Debug, thiserror::Error)]
pub enum ManagementError {
    #[error("there is no realm {0:?}")]
    NoRealm(String),
    #[error(transparent)]
    Refused(#[from] ManageError),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Manage<'_> {
    /// Creates a realm with everything that Keycloak puts into a new one, and keys of its own.
    ///
    /// # Errors
    /// The name is taken or not allowed, a setting has the wrong type.
    pub async fn create_realm(&self, new: NewRealm) -> Result<Realm, ManagementError> {
        let app = self.app;
        app.passwords().check_settings(&new.settings).await?;
        let id = new.id.clone().unwrap_or_else(|| RealmId::random(app.env.random()));
        let new = NewRealm { id: Some(id.clone()), ..new };
        let (env, sealer, name, source) = (app.env.clone(), app.sealer.clone(), new.name.clone(), self.keys);
        // RSA keys take 150 ms and more: not on a thread that serves requests.
        let keys = tokio::task::spawn_blocking(move || keyring::default_providers(&env, &id, &name, &sealer, source));
        let keys = keys.await.map_err(|failed| StoreError::Failed(failed.to_string()))??;
        let (new, keys) = (&new, &keys);
        Ok(app.store.configuration(|txn| Box::pin(realms::create(txn, &app.env, &app.sealer, new, keys))).await?)
    }

    /// Changes settings of a realm by their names in Keycloak's `RealmRepresentation`; what is not named stays.
    ///
    /// # Errors
    /// No such realm, a setting has the wrong type.
    pub async fn update_realm(&self, realm: &str, settings: &Settings) -> Result<Realm, ManagementError> {
        let (app, realm) = (self.app, &self.realm(realm).await?);
        app.passwords().check_settings(settings).await?;
        Ok(app.store.configuration(|txn| Box::pin(realms::update(txn, &app.env, &app.sealer, realm, settings))).await?)
    }

    /// Creates a client. A confidential one without a secret gets a generated one ([`clients::read_secret`]).
    ///
    /// # Errors
    /// No such realm, the `client_id` is taken or not allowed.
    pub async fn create_client(&self, realm: &str, new: &NewClient) -> Result<Client, ManagementError> {
        let (app, realm) = (self.app, &self.realm(realm).await?);
        Ok(app.store.configuration(|txn| Box::pin(clients::create(txn, &app.env, &app.sealer, realm, new))).await?)
    }

    /// Gives a client a new secret while the old one counts on for `overlap` seconds, and answers the new one. The next requests
    /// may use either.
    ///
    /// # Errors
    /// No such realm or client, or a public one.
    pub async fn rotate_client_secret(
        &self,
        realm: &str,
        client: &ClientId,
        rotation: SecretRotation,
    ) -> Result<Secret<String>, ManagementError> {
        let (app, realm) = (self.app, &self.realm(realm).await?);
        let rotated = app
            .store
            .configuration(|txn| Box::pin(client_secrets::rotate(txn, &app.env, &app.sealer, realm, client, rotation)));
        Ok(rotated.await?)
    }

    /// Replaces a user's password. One that must be replaced at the next login is `temporary`.
    ///
    /// # Errors
    /// No such realm or user, the password breaks the realm's policy, the hashing pool is overloaded.
    pub async fn set_password(
        &self,
        realm: &str,
        user: &UserId,
        password: &Secret<String>,
        temporary: bool,
    ) -> Result<(), ManagementError> {
        let realm = self.realm(realm).await?;
        Ok(self.app.passwords().set(&realm, user, password, temporary).await?)
    }

    /// Creates a user, with a permanent password if one is given.
    ///
    /// # Errors
    /// No such realm, name or address are taken, the password breaks the realm's policy, the hashing pool is overloaded.
    pub async fn create_user(&self, realm: &str, new: NewUser, password: Option<Secret<String>>) -> Result<User, ManagementError> {
        let (app, realm) = (self.app, &self.realm(realm).await?);
        let mut new = new;
        if let Some(password) = password {
            new.password = Some(app.passwords().for_new_user(realm, &new.settings, password, false).await?);
        }
        let new = &new;
        Ok(app.store.configuration(|txn| Box::pin(users::create(txn, &app.env, realm, new))).await?)
    }

    /// Imports every realm of Keycloak export files. Nothing of a realm is visible before all of it is there; what a report says is
    /// logged.
    ///
    /// # Errors
    /// A file is wrong, a realm exists and `on_conflict` says that this is an error. Realms before it are imported then.
    pub async fn import(&self, source: &Source, on_conflict: OnConflict) -> Result<Vec<(String, Outcome)>, ImportError> {
        let owner = job::owner(self.app.env.random());
        let importer = self.importer(&owner);
        let mut outcomes = Vec::new();
        for plan in importer.plan(source, on_conflict).await? {
            let realm = plan.realm.clone();
            for note in plan.report.notes() {
                tracing::warn!(realm, "{note}");
            }
            outcomes.push((realm, importer.apply(plan, &mut |_| {}).await?));
        }
        Ok(outcomes)
    }

    /// An importer for whoever wants to see the plan first. `${NAME}` in a file is an environment variable.
    #[allow(clippy::disallowed_methods, reason = "a realm file names environment variables as Keycloak lets it; they are no settings")]
    pub fn importer<'i>(&'i self, owner: &'i str) -> Importer<'i> {
        let app = self.app;
        Importer {
            store: &app.store,
            env: &app.env,
            sealer: &app.sealer,
            hashing: &app.hashing,
            keys: self.keys,
            lookup: Arc::new(|name| std::env::var(name).ok()),
            owner,
            creator: None,
        }
    }

    async fn realm(&self, name: &str) -> Result<RealmId, ManagementError> {
        let realm = self.app.store.peek().realms().by_name(name).await?;
        realm.map(|realm| realm.id).ok_or_else(|| ManagementError::NoRealm(name.to_owned()))
    }
}
