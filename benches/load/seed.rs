//! The store that everything is measured on: realms with clients and users, all users with one shared hash. Written through
//! the rules of administration, in bulk, before the server starts.

use std::path::{Path, PathBuf};

use keywright::app::App;
use keywright::base::id::RealmId;
use keywright::base::password_hash::PasswordHash;
use keywright::base::secret::Secret;
use keywright::config::Config;
use keywright::embed::Keywright;
use keywright::keyring::{KeySource, default_providers};
use keywright::manage::clients::{self, ClientSettings, NewClient};
use keywright::manage::error::ManageError;
use keywright::manage::realms::{self, NewRealm, Settings};
use keywright::manage::users::{self, NewPassword, NewUser, UserSettings};
use keywright::store::txn::Reader as _;
use serde_json::Value;

/// What the server logs when the background check of its store is done.
pub const CHECK_DONE: &str = "store checked";

pub const PASSWORD: &str = "correct-horse-battery";

/// Documents that one transaction creates.
const BULK: usize = 100;

/// How much the store holds. Clients and users are those of every realm.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub realms: usize,
    pub clients: usize,
    pub users: usize,
}

/// What callers need to know about the seeded store.
#[derive(Debug)]
pub struct Plan {
    pub certs_path: String,
    /// Of all realms.
    pub clients: Vec<ClientLogin>,
    /// Of every realm.
    pub users: usize,
}

#[derive(Debug)]
pub struct ClientLogin {
    pub token_path: String,
    pub id: String,
    pub secret: String,
}

pub fn username(index: usize) -> String {
    format!("user-{index:05}")
}

/// Makes `home/data` and `home/keys`.
pub fn seed(home: &Path, shape: Shape) -> Plan {
    in_process(home, async |app| {
        let hash = app.hashing.hash(Secret::new(PASSWORD.to_owned())).await.expect("nobody else hashes");
        let mut logins = Vec::new();
        for index in 0..shape.realms {
            let name = realm_name(index);
            let realm = create_realm(app, &name).await.expect("the realm is new");
            logins.extend(create_clients(app, &realm, &name, shape.clients).await.expect("the clients are new"));
            create_users(app, &realm, shape.users, &hash).await.expect("the users are new");
        }
        Plan { certs_path: format!("/auth/realms/{}/protocol/openid-connect/certs", realm_name(0)), clients: logins, users: shape.users }
    })
}

/// Has refresh tokens of the first realm rotate from now on.
pub fn rotate_refresh_tokens(home: &Path) {
    let settings = Settings::from_iter([("revokeRefreshToken".to_owned(), Value::Bool(true))]);
    in_process(home, async |app| {
        let realm = app
            .store
            .peek()
            .realms()
            .by_name(&realm_name(0))
            .await
            .expect("the store reads")
            .expect("the realm was seeded");
        app.store
            .configuration(|txn| Box::pin(realms::update(txn, &app.env, &app.sealer, &realm.id, &settings)))
            .await
            .map_err(|problem: ManageError| problem.to_string())
            .expect("the setting is valid");
    });
}

fn realm_name(index: usize) -> String {
    format!("bench-{index}")
}

/// Runs `work` on an issuer of its own in this process, and closes its store.
fn in_process<T: Send>(home: &Path, work: impl AsyncFnOnce(&App) -> T + Send) -> T {
    let (data, keys): (PathBuf, PathBuf) = (home.join("data"), home.join("keys"));
    // A runtime of its own ends with everything that runs on it, so the store is closed when this returns.
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts");
            runtime.block_on(async move {
                let mut config = Config::default();
                config.store.directory = data;
                config.keys.directory = keys;
                let keywright = Keywright::builder(config).build().await.expect("an issuer starts on an empty directory");
                let result = work(keywright.app()).await;
                keywright.close().await.expect("the store closes");
                result
            })
        });
        thread.join().expect("seeding works")
    })
}

async fn create_realm(app: &App, name: &str) -> Result<RealmId, ManageError> {
    let id = RealmId::random(app.env.random());
    // The published test keys: making 2 000 RSA keys would take minutes, and signing costs the same with any.
    let keys = default_providers(&app.env, &id, name, &app.sealer, KeySource::Fixed).expect("the fixed keys are valid");
    let mut new = NewRealm::enabled(name);
    new.id = Some(id.clone());
    // A run must not outlive the sessions that it draws from.
    new.settings.insert("ssoSessionIdleTimeout".to_owned(), Value::from(86_400));
    app.store.configuration(|txn| Box::pin(realms::create(txn, &app.env, &app.sealer, &new, &keys))).await?;
    Ok(id)
}

async fn create_clients(app: &App, realm: &RealmId, realm_name: &str, count: usize) -> Result<Vec<ClientLogin>, ManageError> {
    let mut logins = Vec::with_capacity(count);
    let mut new = Vec::with_capacity(count);
    for index in 0..count {
        let (id, secret) = (format!("client-{index:04}"), app.env.random().alphanumeric(32));
        new.push(NewClient {
            id: None,
            settings: ClientSettings {
                client_id: Some(id.clone()),
                secret: Some(Secret::new(secret.clone())),
                direct_access_grants_enabled: Some(true),
                service_accounts_enabled: Some(true),
                ..ClientSettings::default()
            },
        });
        logins.push(ClientLogin { token_path: format!("/auth/realms/{realm_name}/protocol/openid-connect/token"), id, secret });
    }
    for part in new.chunks(BULK) {
        app.store
            .configuration::<_, ManageError, _>(|txn| {
                Box::pin(async move {
                    for client in part {
                        clients::create(txn, &app.env, &app.sealer, realm, client).await?;
                    }
                    Ok(())
                })
            })
            .await?;
    }
    Ok(logins)
}

async fn create_users(app: &App, realm: &RealmId, count: usize, hash: &PasswordHash) -> Result<(), ManageError> {
    let user = |index| NewUser {
        settings: UserSettings {
            username: Some(username(index)),
            email: Some(format!("{}@example.test", username(index))),
            email_verified: Some(true),
            first_name: Some("Ada".to_owned()),
            last_name: Some(format!("Number {index}")),
            enabled: Some(true),
            ..UserSettings::default()
        },
        groups: Vec::new(),
        password: Some(NewPassword { hash: hash.clone(), temporary: false }),
    };
    let new: Vec<NewUser> = (0..count).map(user).collect();
    for part in new.chunks(BULK) {
        app.store
            .configuration::<_, ManageError, _>(|txn| {
                Box::pin(async move {
                    for user in part {
                        users::create(txn, &app.env, realm, user).await?;
                    }
                    Ok(())
                })
            })
            .await?;
    }
    Ok(())
}
