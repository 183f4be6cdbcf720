//! The store that everything is measured on: realms with clients and users, all users with one shared hash. Written through
//! the rules of administration, in bulk, before the server starts.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use keywright::app::App;
use keywright::base::id::RealmId;
use keywright::base::password_hash::PasswordHash;
use keywright::base::secret::Secret;
use keywright::config::Config;
use keywright::embed::Keywright;
use keywright::keyring::{KeySource, default_providers};
use keywright::manage::clients::{self, ClientSettings, NewClient};
use keywright::manage::error::ManageError;
use keywright::manage::protocol_mappers::NewMapper;
use keywright::manage::realms::{self, NewRealm, Settings};
use keywright::manage::users::{self, NewPassword, NewUser, UserSettings};
use keywright::model::user_session::UserSession;
use keywright::sessions::{self, NewSession};
use keywright::store::StoreError;
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
    /// Clients of the first realm whose access tokens are signed with ES256.
    pub elliptic: Vec<ClientLogin>,
    /// Clients of the first realm whose access tokens name the resource server in `aud`.
    pub watched: Vec<ClientLogin>,
    /// May introspect the tokens of those.
    pub resource_server: ClientLogin,
    /// Of every realm.
    pub users: usize,
}

#[derive(Debug)]
pub struct ClientLogin {
    pub token_path: String,
    pub id: String,
    pub secret: String,
}

/// What a client is for.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Ordinary,
    Elliptic,
    Watched,
    ResourceServer,
}

impl Kind {
    /// How many of them there are.
    fn most(self, shape: Shape) -> usize {
        match self {
            Self::Ordinary => shape.clients,
            Self::Elliptic | Self::Watched => shape.clients.min(100),
            Self::ResourceServer => 1,
        }
    }

    fn client_id(self, index: usize) -> String {
        match self {
            Self::Ordinary => format!("client-{index:04}"),
            Self::Elliptic => format!("elliptic-{index:04}"),
            Self::Watched => format!("watched-{index:04}"),
            Self::ResourceServer => "resource-server".to_owned(),
        }
    }

    fn attributes(self) -> BTreeMap<String, Option<String>> {
        let es256 = matches!(self, Self::Elliptic).then(|| ("access.token.signed.response.alg".to_owned(), Some("ES256".to_owned())));
        es256.into_iter().collect()
    }

    fn mappers(self) -> Vec<NewMapper> {
        let audience = || NewMapper {
            name: "audience".to_owned(),
            protocol: "openid-connect".to_owned(),
            protocol_mapper: "oidc-audience-mapper".to_owned(),
            config: BTreeMap::from([
                ("included.client.audience".to_owned(), Self::ResourceServer.client_id(0)),
                ("access.token.claim".to_owned(), "true".to_owned()),
                ("introspection.token.claim".to_owned(), "true".to_owned()),
            ]),
            ..NewMapper::default()
        };
        matches!(self, Self::Watched).then(audience).into_iter().collect()
    }
}

pub fn username(index: usize) -> String {
    format!("user-{index:05}")
}

/// Makes `home/data` and `home/keys`.
pub fn seed(home: &Path, shape: Shape) -> Plan {
    in_process(home, async |app| {
        let hash = app.hashing.hash(Secret::new(PASSWORD.to_owned())).await.expect("nobody else hashes");
        let (mut logins, mut special) = (Vec::new(), Vec::new());
        for index in 0..shape.realms {
            let name = realm_name(index);
            let realm = create_realm(app, &name).await.expect("the realm is new");
            let create = async |kind, count| create_clients(app, (&realm, &name), kind, count).await.expect("the clients are new");
            logins.extend(create(Kind::Ordinary, shape.clients).await);
            if index == 0 {
                for kind in [Kind::Elliptic, Kind::Watched, Kind::ResourceServer] {
                    special.push(create(kind, kind.most(shape)).await);
                }
            }
            create_users(app, &realm, shape.users, &hash).await.expect("the users are new");
        }
        let [elliptic, watched, mut resource_server] = <[_; 3]>::try_from(special).expect("there is a first realm");
        Plan {
            certs_path: format!("/auth/realms/{}/protocol/openid-connect/certs", realm_name(0)),
            clients: logins,
            elliptic,
            watched,
            resource_server: resource_server.pop().expect("it was created"),
            users: shape.users,
        }
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

/// Starts `count` sessions of users and clients of the first realm in turn, as sign-ins would.
pub fn start_sessions(home: &Path, count: usize) {
    in_process(home, async |app| {
        let mut peek = app.store.peek();
        let realm = peek.realms().by_name(&realm_name(0)).await.expect("the store reads").expect("the realm was seeded");
        let clients = peek.clients().list(&realm.id).await.expect("the store reads");
        let users = peek.users().list(&realm.id, None, 500).await.expect("the store reads");
        let session = |index: usize| {
            let (user, client) = (&users[index % users.len()].id, &clients[index % clients.len()].id);
            let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
            sessions::start(&app.env, &NewSession { realm: &realm, user, client, scope: "", offline: false, address })
        };
        let insert = async |part: Vec<UserSession>| {
            let (realm, part) = (&realm, &part);
            let inserted = app.store.sessions::<_, StoreError, _>(|txn| {
                Box::pin(async move {
                    for session in part {
                        sessions::insert(txn, realm, session);
                    }
                    Ok(())
                })
            });
            inserted.await.expect("the sessions are new");
        };
        let parts = (0..count).step_by(BULK).map(|from| insert((from..count.min(from + BULK)).map(session).collect()));
        futures_util::stream::iter(parts).buffer_unordered(16).collect::<()>().await;
    });
}

fn realm_name(index: usize) -> String {
    format!("bench-{index}")
}

/// Runs `work` on an issuer of its own in this process, and closes its store.
pub fn in_process<T: Send>(home: &Path, work: impl AsyncFnOnce(&App) -> T + Send) -> T {
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

/// A realm with the published test keys.
pub async fn create_realm(app: &App, name: &str) -> Result<RealmId, ManageError> {
    let id = RealmId::random(app.env.random());
    // The published test keys: making 2 000 RSA keys would take minutes, and signing costs the same with any.
    let keys = default_providers(&app.env, &id, name, &app.sealer, KeySource::Fixed).expect("the fixed keys are valid");
    let mut new = NewRealm::enabled(name);
    new.id = Some(id.clone());
    // A run must not outlive the sessions that it draws from.
    new.settings.insert("ssoSessionIdleTimeout".to_owned(), Value::from(86_400));
    // Its events are stored, which a new realm leaves off.
    new.settings.insert("eventsEnabled".to_owned(), Value::Bool(true));
    app.store.configuration(|txn| Box::pin(realms::create(txn, &app.env, &app.sealer, &new, &keys))).await?;
    Ok(id)
}

async fn create_clients(
    app: &App,
    (realm, realm_name): (&RealmId, &str),
    kind: Kind,
    count: usize,
) -> Result<Vec<ClientLogin>, ManageError> {
    let mut logins = Vec::with_capacity(count);
    let mut new = Vec::with_capacity(count);
    for index in 0..count {
        let (id, secret) = (kind.client_id(index), app.env.random().alphanumeric(32));
        new.push(NewClient {
            id: None,
            settings: ClientSettings {
                client_id: Some(id.clone()),
                secret: Some(Secret::new(secret.clone())),
                direct_access_grants_enabled: Some(true),
                service_accounts_enabled: Some(true),
                attributes: kind.attributes(),
                protocol_mappers: Some(kind.mappers()),
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
        password: Some(NewPassword::stored(hash.clone(), false)),
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
