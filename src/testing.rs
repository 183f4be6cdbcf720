//! A real issuer for other people's integration tests: on a port of its own, in memory, with a clock that the test moves and
//! ids that repeat. It is ready in milliseconds because its keys are the published ones of `keys/test`: never let anything
//! but a test trust it.
//!
//! ```no_run
//! # async fn example() {
//! use keywright::testing::TestIssuer;
//!
//! let issuer = TestIssuer::start().await;
//! issuer.confidential_client("orders", "orders-secret").await;
//! issuer.user("jane", "jane-password").await;
//! let tokens = issuer.password_tokens(("orders", "orders-secret"), ("jane", "jane-password"), "openid").await;
//! // hand issuer.issuer() to the resource server under test and tokens.access_token to its client
//! issuer.clock().advance_seconds(3600); // now the access token has expired
//! # }
//! ```

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpServer, rt};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::audit::Report;
use crate::base::clock::{Clock as _, SettableClock, SystemClock, Timestamp};
use crate::base::password_hash::HashingOptions;
use crate::base::random::SeededRandom;
use crate::config::Config;
use crate::embed::{Keywright, KeywrightBuilder};
use crate::grants::{self, GrantContext};
use crate::keyring::KeySource;
use crate::manage::clients::{ClientSettings, NewClient};
use crate::manage::realms::NewRealm;
use crate::manage::users::{NewUser, UserSettings};
use crate::model::client::Client;
use crate::model::realm::Realm;
use crate::model::user::User;
use crate::oauth::error::OAuthError;
use crate::oauth::params::Params;
use crate::store::StoreError;
use crate::store::txn::Reader as _;
use crate::tokens::issue::TokenResponse;

/// The realm that every [`TestIssuer`] begins with.
pub const REALM: &str = "test";

/// A running issuer. It stops when it is dropped.
pub struct TestIssuer {
    keywright: Keywright,
    clock: Arc<SettableClock>,
    address: SocketAddr,
    base_url: String,
    server: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

/// How a [`TestIssuer`] differs from the usual one.
pub struct TestIssuerBuilder {
    start: Timestamp,
    seed: u64,
    path: String,
    host: Option<fn(&mut ServiceConfig)>,
    configure: Box<dyn FnOnce(&mut Config) + Send>,
    build: Box<dyn FnOnce(KeywrightBuilder) -> KeywrightBuilder + Send>,
}

impl TestIssuer {
    /// An issuer under `/auth`, its clock at the present time and standing still.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    pub fn builder() -> TestIssuerBuilder {
        TestIssuerBuilder {
            start: SystemClock.now(),
            seed: 1,
            path: "/auth".to_owned(),
            host: None,
            configure: Box::new(|_| {}),
            build: Box::new(|builder| builder),
        }
    }

    /// `http://127.0.0.1:{port}{path}`: what endpoint URLs start with.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where the server listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The clock of the issuer. It moves only when it is told to.
    pub fn clock(&self) -> &SettableClock {
        &self.clock
    }

    /// The issuer of realm [`REALM`], as it stands in tokens.
    pub fn issuer(&self) -> String {
        format!("{}/realms/{REALM}", self.base_url)
    }

    /// Adds a confidential client to [`REALM`]: all grants without a browser, any web origin.
    ///
    /// # Panics
    /// When the client exists.
    pub async fn confidential_client(&self, client_id: &str, secret: &str) -> Client {
        let settings = ClientSettings {
            client_id: Some(client_id.to_owned()),
            secret: Some(secret.into()),
            public_client: Some(false),
            service_accounts_enabled: Some(true),
            ..direct()
        };
        self.client(NewClient { id: None, settings }).await
    }

    /// Adds a client without a secret to [`REALM`], for the password grant from any web origin.
    ///
    /// # Panics
    /// When the client exists.
    pub async fn public_client(&self, client_id: &str) -> Client {
        let settings = ClientSettings { client_id: Some(client_id.to_owned()), public_client: Some(true), ..direct() };
        self.client(NewClient { id: None, settings }).await
    }

    /// Adds any client to [`REALM`].
    ///
    /// # Panics
    /// When the rules refuse it.
    pub async fn client(&self, new: NewClient) -> Client {
        self.keywright.manage().create_client(REALM, &new).await.expect("the rules allow the client")
    }

    /// Adds a user to [`REALM`]: enabled, with a verified address `{username}@example.test`, nothing pending.
    ///
    /// # Panics
    /// When the user exists.
    pub async fn user(&self, username: &str, password: &str) -> User {
        let settings = UserSettings {
            username: Some(username.to_owned()),
            email: Some(format!("{username}@example.test")),
            first_name: Some("Test".to_owned()),
            last_name: Some("User".to_owned()),
            enabled: Some(true),
            email_verified: Some(true),
            ..UserSettings::default()
        };
        let new = NewUser { settings, ..NewUser::default() };
        self.keywright
            .manage()
            .create_user(REALM, new, Some(password.into()))
            .await
            .expect("the rules allow the user")
    }

    /// Changes [`REALM`]. The next request sees it.
    ///
    /// # Panics
    /// When the store fails.
    pub async fn change_realm(&self, change: impl Fn(&mut Realm) + Send + Sync) {
        let change = &change;
        let changed = self.keywright.app().store.configuration(|txn| {
            Box::pin(async move {
                let old = txn.realms().by_name(REALM).await?.expect("the realm was made at the start");
                let mut new = old.clone();
                change(&mut new);
                txn.realms().put(&old, &new);
                Ok::<_, StoreError>(())
            })
        });
        changed.await.expect("the store takes the change");
    }

    /// Tokens by the password grant, for a client and its secret (an empty one for a public client) and a user and password.
    ///
    /// # Panics
    /// When the grant is refused, with the refusal.
    pub async fn password_tokens(&self, client: (&str, &str), user: (&str, &str), scope: &str) -> TokenResponse {
        self.grant(client, &[("grant_type", "password"), ("username", user.0), ("password", user.1), ("scope", scope)])
            .await
            .expect("tokens")
    }

    /// Tokens by the client credentials grant.
    ///
    /// # Panics
    /// When the grant is refused, with the refusal.
    pub async fn client_tokens(&self, client: (&str, &str)) -> TokenResponse {
        self.grant(client, &[("grant_type", "client_credentials")]).await.expect("tokens")
    }

    /// Tokens by a refresh token.
    ///
    /// # Panics
    /// When the grant is refused, with the refusal.
    pub async fn refreshed_tokens(&self, client: (&str, &str), refresh_token: &str) -> TokenResponse {
        self.grant(client, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
            .await
            .expect("tokens")
    }

    /// Any grant, without HTTP.
    ///
    /// # Errors
    /// What the token endpoint would answer.
    ///
    /// # Panics
    /// When the store fails.
    pub async fn grant(&self, client: (&str, &str), parameters: &[(&str, &str)]) -> Result<TokenResponse, OAuthError> {
        let mut all = vec![("client_id", client.0)];
        all.extend(Some(("client_secret", client.1)).filter(|(_, secret)| !secret.is_empty()));
        all.extend(parameters);
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let form = all.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&");
        let params = Params::parse(form.as_bytes()).expect("it was encoded here");
        let app = self.keywright.app();
        let realm = app.compiled.realm(REALM).await.expect("the store answers").expect("the realm was made at the start");
        let (address, now) = (self.address.ip(), app.env.now());
        let context = GrantContext {
            env: &app.env,
            store: &app.store,
            compiled: &app.compiled,
            sealer: &app.sealer,
            hashing: &app.hashing,
            stamps: &app.stamps,
            limits: &app.limits,
            egress: &app.egress,
            realm: &realm,
            issuer: &self.issuer(),
            client_address: address,
            authorization: None,
            origin: None,
            dpop: None,
            params: &params,
            now,
            event: Report::new(&app.audit, &app.env, &realm.realm, address, now),
        };
        grants::token(&context).await.1
    }

    /// The issuer as an embedder has it.
    pub const fn keywright(&self) -> &Keywright {
        &self.keywright
    }
}

/// What the clients of tests have in common.
fn direct() -> ClientSettings {
    ClientSettings {
        enabled: Some(true),
        standard_flow_enabled: Some(false),
        direct_access_grants_enabled: Some(true),
        web_origins: Some(vec!["*".to_owned()]),
        ..ClientSettings::default()
    }
}

impl TestIssuerBuilder {
    /// What the clock shows at the start.
    #[must_use]
    pub const fn at(mut self, start: Timestamp) -> Self {
        self.start = start;
        self
    }

    /// Another sequence of ids and secrets. Equal seeds give equal ones.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Changes the configuration, which is that of [`Config::in_memory`].
    #[must_use]
    pub fn configure(mut self, change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        self.configure = Box::new(change);
        self
    }

    /// Changes how the issuer is built.
    #[must_use]
    pub fn build_with(mut self, change: impl FnOnce(KeywrightBuilder) -> KeywrightBuilder + Send + 'static) -> Self {
        self.build = Box::new(change);
        self
    }

    /// Another base path than `/auth`; empty for none.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Mounted as a scope `path` of an application that `host` adds services of its own to, instead of standalone.
    #[must_use]
    pub fn mounted(mut self, path: &str, host: fn(&mut ServiceConfig)) -> Self {
        path.clone_into(&mut self.path);
        self.host = Some(host);
        self
    }

    /// Starts the server on a thread of its own.
    ///
    /// # Panics
    /// When there is no free port or the configuration is wrong: a test cannot go on then.
    #[allow(clippy::unused_async, reason = "starting a server is nothing that a caller expects to be instantaneous")]
    pub async fn start(self) -> TestIssuer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let base_url = format!("http://{address}{}", self.path);
        let clock = Arc::new(SettableClock::at(self.start));
        let (ready, started) = mpsc::channel();
        let thread = {
            let (base_url, clock) = (base_url.clone(), Arc::clone(&clock));
            thread::Builder::new()
                .name("test-issuer".to_owned())
                .spawn(move || rt::System::new().block_on(serve(self, listener, base_url, clock, ready)))
                .expect("the system starts a thread")
        };
        // The other thread needs milliseconds and nothing of this one.
        let (keywright, server) = started.recv().expect("the issuer starts; its thread says why it did not");
        TestIssuer { keywright, clock, address, base_url, server, thread: Some(thread) }
    }
}

async fn serve(
    issuer: TestIssuerBuilder,
    listener: TcpListener,
    base_url: String,
    clock: Arc<SettableClock>,
    ready: mpsc::Sender<(Keywright, ServerHandle)>,
) {
    let TestIssuerBuilder { seed, path, host, configure, build, .. } = issuer;
    let mut config = Config::in_memory(&base_url).expect("the base URL is made here");
    config.http.relative_path = path.parse().expect("a path such as /auth");
    configure(&mut config);
    let builder = Keywright::builder(config)
        .clock(clock)
        .random(Arc::new(SeededRandom::new(seed)))
        .hashing(HashingOptions::cheap());
    let keywright = build(builder.key_source(KeySource::Fixed)).build().await.expect("the issuer of a test is built");
    keywright.manage().create_realm(NewRealm::enabled(REALM)).await.expect("the realm of a test is made");
    let mounted = keywright.clone();
    let server = HttpServer::new(move || {
        let app = App::new();
        match host {
            Some(host) => app.configure(host).service(web::scope(&path).configure(mounted.configure())),
            None => app.configure(mounted.configure_standalone()),
        }
    });
    // No test is about a slow caller, and a busy machine makes them all slow.
    let server = server.client_request_timeout(Duration::from_mins(5));
    let server = server.workers(1).disable_signals().listen(listener).expect("a bound socket listens").run();
    let handle = server.handle();
    // Whoever waits for it may be gone: then the server ends with its handle.
    let _nobody_waits = ready.send((keywright, handle));
    let _stopped = server.await;
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        // The command is sent when the future is made; the thread ends by itself.
        drop(self.server.stop(false));
        drop(self.thread.take());
    }
}
