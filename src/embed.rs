//! Keywright inside an application: build it from a configuration, mount it under any scope of an actix-web `App`, ask it in
//! process. The binary is the first embedder and uses nothing else.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use actix_web::{App, HttpServer, web};
//! use keywright::config::Config;
//! use keywright::embed::Keywright;
//!
//! let keywright = Keywright::builder(Config::in_memory("http://localhost:3000/sso")?).build().await?;
//! keywright.first_start().await?; // realm master, or realms of your own by keywright.manage()
//! HttpServer::new(move || App::new().service(web::scope("/sso").configure(keywright.configure())))
//!     .bind(("127.0.0.1", 3000))?
//!     .run()
//!     .await?;
//! # Ok(())
//! # }
//! ```

mod connection;
mod file_limit;
mod listener;
pub mod manage;
pub mod protect;
pub mod server;
pub mod start;
pub mod tls;

use std::future::ready;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};

use crate::app::App;
use crate::audit::{self, Audit, Metrics, Traces};
use crate::base::clock::Clock;
use crate::base::env::Env;
use crate::base::metric::Stopwatch;
use crate::base::password_blacklist::Blacklists;
use crate::base::password_hash::{HashingOptions, HashingPool};
use crate::base::random::Random;
use crate::base::rate_limit::{RateLimiter, RateLimits};
use crate::base::seal::KeyEncryptionKeyError;
use crate::compiled::Compiled;
use crate::config::{Config, Problem, Problems, RateLimit, Rates};
use crate::egress::Egress;
use crate::keyring::KeySource;
use crate::notify::Mailer;
use crate::routes;
use crate::sessions::Stamps;
use crate::store::job::{self, Jobs};
use crate::store::sled::OpenError;
use crate::store::{Store, StoreError};
use crate::web::dispatch::Dispatcher;
use crate::web::in_process::Answered;
use crate::web::route::Table;

use manage::Manage;
use protect::Protect;

/// Time between two rounds of the work that no request waits for. Idle checks of sessions allow for it.
const BACKGROUND_INTERVAL: Duration = Duration::from_secs(30);
/// How long a user event waits to be stored; together with a commit this stays within a second.
const EVENTS_INTERVAL: Duration = Duration::from_millis(500);
/// Expired documents that one step of a purge deletes, in each class.
const PURGE_STEP: usize = 500;

/// A running issuer. Cheap to clone; it lives until the last clone is gone.
#[derive(Clone)]
pub struct Keywright {
    app: web::Data<App>,
    public: Arc<Dispatcher>,
    keys: KeySource,
    _background: Arc<Background>,
}

/// What [`Keywright::builder`] collects.
pub struct KeywrightBuilder {
    config: Config,
    env: Env,
    hashing: Option<HashingOptions>,
    store: Option<Store>,
    keys: KeySource,
}

/// Why an issuer does not start. The messages are for the person who starts it.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Config(#[from] Problems),
    #[error(transparent)]
    KeyEncryptionKey(#[from] KeyEncryptionKeyError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keywright {
    /// Collects what an issuer is made of. An embedder sets [`crate::config::Hostname::url`] to the address under which his
    /// clients reach the scope.
    pub fn builder(config: Config) -> KeywrightBuilder {
        KeywrightBuilder { config, env: Env::system(), hashing: None, store: None, keys: KeySource::Fresh }
    }

    /// Mounts everything into a scope of a host application: `web::scope("/sso").configure(keywright.configure())`. Paths in
    /// the scope that the host serves itself stay his.
    pub fn configure(&self) -> impl FnOnce(&mut ServiceConfig) + use<> {
        self.public.configure()
    }

    /// Mounts everything as the standalone server does: under `http.relative_path`, with a redirect from the server's root.
    pub fn configure_standalone(&self) -> impl FnOnce(&mut ServiceConfig) + use<> {
        let path = self.app.config.http.relative_path.clone();
        let configure = self.configure();
        move |config| {
            if path.as_str().is_empty() {
                configure(config);
            } else {
                config.service(web::scope(path.as_str()).configure(configure));
                config.default_service(web::to(move |request| ready(routes::server_root(&request, path.as_str()))));
            }
        }
    }

    /// The services behind the endpoints, for what runs in the same process.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// What a running server does every half minute, now: writes down uses of sessions, purges what has expired, goes on with
    /// jobs, takes the hourly snapshot. For tests, and for hosts that are about to stop.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn background_round(&self) -> Result<(), StoreError> {
        round(&self.app, &job::owner(self.app.env.random())).await
    }

    /// Does what the Admin REST API does with a request: for who has the store in his hands and needs no token. `path` begins with
    /// `/admin/`, `query` is encoded, a body is JSON.
    pub async fn operate(&self, method: &str, path: &str, query: &str, body: Vec<u8>) -> Answered {
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
        self.public.operate(method, path, query, body).await
    }

    /// The same, as application data for handlers of the host.
    pub fn data(&self) -> web::Data<App> {
        self.app.clone()
    }

    /// Administration in process.
    pub fn manage(&self) -> Manage<'_> {
        Manage { app: &self.app, keys: self.keys }
    }

    /// The bearer check for the host's own routes, as application data of their scope.
    pub fn protect(&self, realm: &str) -> Protect {
        Protect { app: self.app.clone(), realm: realm.to_owned() }
    }

    /// Writes what is still only in memory and closes the store. Call it when the server has stopped.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn close(&self) -> Result<(), StoreError> {
        let flushed = flush_stamps(&self.app).await.and(self.app.audit.flush(&self.app.store).await);
        self.app.store.close().await;
        flushed
    }
}

impl KeywrightBuilder {
    /// Where the time comes from; the machine's clock by default.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.env.clock = clock;
        self
    }

    /// Where ids and secrets come from; the operating system by default.
    #[must_use]
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.env.random = random;
        self
    }

    /// The size of the hashing pool and the cost of new hashes, instead of what the configuration says.
    #[must_use]
    pub fn hashing(mut self, options: HashingOptions) -> Self {
        self.hashing = Some(options);
        self
    }

    /// A store that is open already, instead of the one that the configuration names.
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// Where the keys of new realms come from. [`KeySource::Fixed`] is for tests: its keys are published.
    #[must_use]
    pub const fn key_source(mut self, keys: KeySource) -> Self {
        self.keys = keys;
        self
    }

    /// Opens the store, finds the sealing key, and starts the background work on the current Tokio runtime. An empty store
    /// stays empty: [`Keywright::first_start`] or [`Keywright::manage`] make the first realm.
    ///
    /// # Errors
    /// [`BuildError`].
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn build(self) -> Result<Keywright, BuildError> {
        let Self { config, env, hashing, store, keys } = self;
        config.validate()?;
        let store = match store {
            Some(store) => store,
            None => start::open_store(&config).await?,
        };
        let sealer = start::sealer(&config, &env, &store).await?;
        let hashing = HashingPool::start(Arc::clone(&env.random), hashing.unwrap_or_else(|| hashing_options(&config)));
        let egress = Egress::new(&config.egress, env.clone()).map_err(|problem| Problems(vec![problem]))?;
        let mailer = mailer(&config)?;
        let audit = Audit::new(Metrics::new(config.management.metrics_realms), Traces::new(&config.tracing));
        let compiled = Compiled::new(store.clone(), sealer.clone(), env.clone());
        let limits = rate_limits(&config.rate_limit, env.random());
        let blacklists = Blacklists::new(config.passwords.blacklists.clone());
        let app = Arc::new(App {
            config,
            env,
            store,
            compiled,
            hashing,
            blacklists,
            sealer,
            keys,
            egress,
            mailer,
            started: Stopwatch::start(),
            audit,
            limits,
            stamps: Stamps::default(),
        });
        let background = Arc::new(Background::start(&Arc::downgrade(&app)));
        let app = web::Data::from(app);
        let public = Dispatcher::new(Table::new(routes::public()), app.clone());
        Ok(Keywright { app, public, keys, _background: background })
    }
}

/// It calls itself by the host of the address that clients know.
fn mailer(config: &Config) -> Result<Mailer, Problems> {
    let origin = config.hostname.url.as_ref().map_or("", |url| url.origin());
    let host = origin.split_once("://").map_or("localhost", |(_, authority)| match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    });
    Mailer::new(config.egress.ca_file.as_deref(), host).map_err(|problem| Problems(vec![Problem::new("egress.ca_file", problem)]))
}

fn rate_limits(settings: &RateLimit, random: &dyn Random) -> RateLimits {
    let limiter = |rates: Option<Rates>| {
        let Rates { per_second, burst } = rates?;
        Some(RateLimiter::new(NonZeroU32::new(per_second)?, burst, random))
    };
    RateLimits { address: limiter(settings.address()), client: limiter(settings.client()) }
}

fn hashing_options(config: &Config) -> HashingOptions {
    let production = HashingOptions::production();
    HashingOptions {
        threads: config.hashing.threads.map_or(production.threads, NonZeroUsize::get),
        queue: config.hashing.queue,
        ..production
    }
}

/// The task that purges expired documents, writes down uses of sessions, goes on with jobs and takes snapshots. It ends with the
/// last [`Keywright`].
struct Background([tokio::task::JoinHandle<()>; 2]);

impl Background {
    /// The task must not keep the store open after everybody else has let it go.
    fn start(app: &Weak<App>) -> Self {
        let (rounds, events) = (Weak::clone(app), Weak::clone(app));
        Self([tokio::spawn(Self::rounds(rounds)), tokio::spawn(Self::events(events))])
    }

    async fn rounds(app: Weak<App>) {
        let owner = app.upgrade().map(|app| job::owner(app.env.random()));
        loop {
            tokio::time::sleep(BACKGROUND_INTERVAL).await;
            let (Some(app), Some(owner)) = (app.upgrade(), &owner) else { return };
            if let Err(error) = round(&app, owner).await {
                tracing::error!(%error, "background work failed");
            }
        }
    }

    /// Stores user events behind the requests that they tell of.
    async fn events(app: Weak<App>) {
        loop {
            tokio::time::sleep(EVENTS_INTERVAL).await;
            let Some(app) = app.upgrade() else { return };
            if let Err(error) = app.audit.flush(&app.store).await {
                tracing::error!(%error, "user events wait for the store");
            }
            if let Err(error) = app.audit.traces.flush(&app.egress).await {
                tracing::warn!(%error, "the collector of traces takes none (tracing.endpoint)");
            }
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

async fn round(app: &App, owner: &str) -> Result<(), StoreError> {
    flush_stamps(app).await?;
    app.store.drop_idle_columns();
    // Bounded steps beside requests; whatever is left waits for the next one.
    app.store.purge(app.env.now(), PURGE_STEP).await?;
    audit::expire(&app.store, app.env.now()).await?;
    let jobs = crate::manage::jobs::register(Jobs::new(app.store.clone(), owner));
    jobs.run_pending(&*app.env.clock).await?;
    let snapshots = app.config.store.directory.join("snapshots");
    if let Err(error) = app.store.snapshot_if_due(&snapshots, app.env.now()).await {
        tracing::error!(%error, "no snapshot was taken");
    }
    Ok(())
}

async fn flush_stamps(app: &App) -> Result<(), StoreError> {
    use crate::store::txn::Reader as _;
    app.stamps.flush(&app.store, |realm| async move { app.store.peek().realms().get(&realm).await }).await
}
