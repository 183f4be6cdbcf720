//! A server of one's own for one test: real actix on a port of the system's choice, on a thread of its own, with a memory store, a
//! clock that stands still until it is told to move, seeded randomness, fixed keys and the cheapest hash. What the test sends
//! and gets is watched: no secret of it may show in the log.

use std::net::{Ipv4Addr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use actix_web::{App as ActixApp, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keywright::base::clock::{Clock as _, SettableClock, Timestamp};
use keywright::base::password_hash::HashingOptions;
use keywright::base::random::SeededRandom;
use keywright::config::{Config, Engine, ManagementPort};
use keywright::embed::Keywright;
use keywright::embed::server::Listeners;
use keywright::keyring::KeySource;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime;
use tokio::sync::oneshot;

use super::http::{Answer, Request};
use super::log::Watch;

/// The first moment of every test: 2027-01-15T08:00:00Z.
pub const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub const ADMINISTRATOR: &str = "admin";
pub const ADMINISTRATOR_PASSWORD: &str = "admin-0123456789";

/// How the issuer runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// As the binary does: under `/auth`, the server's root is ours.
    Standalone,
    /// Under `/sso` in a host application that has routes of its own.
    Mounted,
}

pub struct TestApp {
    pub mode: Mode,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// The management listener, of a standalone server.
    pub management: Option<String>,
    /// `http://127.0.0.1:PORT`.
    pub origin: String,
    /// `/auth` or `/sso`.
    pub path: &'static str,
    /// Origin and path: what issuers begin with.
    pub base: String,
    pub clock: Arc<SettableClock>,
    pub keywright: Keywright,
    server: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    watch: Watch,
    /// The databases of a server on sled.
    _directory: Option<TempDir>,
}

/// What a [`TestApp`] is made of.
pub struct TestAppBuilder {
    mode: Mode,
    sled: bool,
    hashing: HashingOptions,
    configure: Box<dyn FnOnce(&mut Config) + Send>,
}

impl TestApp {
    /// Standalone, in memory, as a first start leaves it: only realm `master`.
    pub async fn new() -> Self {
        Self::builder().start().await
    }

    pub fn builder() -> TestAppBuilder {
        TestAppBuilder { mode: Mode::Standalone, sled: false, hashing: HashingOptions::cheap(), configure: Box::new(|_| {}) }
    }

    /// Sends a request; everything secret in it and in its answer is watched from now on.
    pub async fn send(&self, request: &Request) -> Answer {
        self.send_to(&self.address, request).await
    }

    /// Sends a request to another listener of the same server.
    pub async fn send_to(&self, address: &str, request: &Request) -> Answer {
        self.watch_request(request);
        let answer = request.send(address).await.unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.target));
        if let Some(body) = answer.json() {
            self.watch_answer(&body);
        }
        answer
    }

    /// `GET` of a path below the base path.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(&Request::new("GET", self.target(path))).await
    }

    /// `POST` of a form to a path below the base path.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(&Request::new("POST", self.target(path)).form(form)).await
    }

    /// `POST` of a form to an endpoint of a realm: `token`, `logout`, `revoke`, `token/introspect`.
    pub async fn oidc(&self, realm: &str, endpoint: &str, form: &[(&str, &str)]) -> Answer {
        self.post(&format!("/realms/{realm}/protocol/openid-connect/{endpoint}"), form).await
    }

    /// The administrator of `master` signs in through `admin-cli`.
    pub async fn administrator(&self) -> Answer {
        let form =
            [("grant_type", "password"), ("client_id", "admin-cli"), ("username", ADMINISTRATOR), ("password", ADMINISTRATOR_PASSWORD)];
        self.oidc("master", "token", &form).await.ok()
    }

    /// The request target of a path below the base path.
    pub fn target(&self, path: &str) -> String {
        format!("{}{path}", self.path)
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.advance_seconds(seconds);
    }

    /// From now on, and looking back, the log may not tell this.
    pub fn secret(&self, secret: &str) {
        self.watch.secret(secret);
    }

    /// What was logged since the start, by everybody.
    pub fn log(&self) -> String {
        self.watch.text()
    }

    fn watch_request(&self, request: &Request) {
        for (name, value) in &request.headers {
            if name.eq_ignore_ascii_case("authorization") {
                let credentials = value.split_once(' ').map_or(&**value, |(_, credentials)| credentials);
                self.secret(credentials);
                if let Some(password) = STANDARD
                    .decode(credentials)
                    .ok()
                    .and_then(|pair| String::from_utf8(pair).ok())
                    .as_deref()
                    .and_then(|pair| pair.split_once(':'))
                {
                    self.secret(password.1);
                }
            }
        }
        for pair in String::from_utf8_lossy(&request.body).split('&').filter(|pair| pair.len() < 20_000) {
            let Some((name, value)) = pair.split_once('=') else { continue };
            if SECRET_PARAMETERS.contains(&name) {
                self.secret(value);
                self.secret(&percent_encoding::percent_decode_str(value).decode_utf8_lossy());
            }
        }
    }

    fn watch_answer(&self, body: &Value) {
        for (name, value) in body.as_object().into_iter().flatten() {
            match value.as_str() {
                Some(text) if SECRET_FIELDS.contains(&&**name) || text.starts_with("eyJ") => self.secret(text),
                _ => {}
            }
        }
    }
}

const SECRET_PARAMETERS: [&str; 13] = [
    "password",
    "client_secret",
    "refresh_token",
    "access_token",
    "token",
    "subject_token",
    "client_assertion",
    "code",
    "code_verifier",
    "device_code",
    "totp",
    "otp",
    "assertion",
];
const SECRET_FIELDS: [&str; 8] =
    ["access_token", "refresh_token", "id_token", "device_code", "user_code", "secret", "registration_access_token", "ticket"];

impl TestAppBuilder {
    /// Runs under `/sso` in a host application.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Keeps everything in sled, in a directory that goes with the test.
    #[must_use]
    pub fn sled(mut self) -> Self {
        self.sled = true;
        self
    }

    /// The hashing pool instead of one thread with the cheapest hash.
    #[must_use]
    pub fn hashing(mut self, options: HashingOptions) -> Self {
        self.hashing = options;
        self
    }

    /// Changes the settings.
    #[must_use]
    pub fn configure(mut self, change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        self.configure = Box::new(change);
        self
    }

    /// Changes the settings further.
    #[must_use]
    pub fn and_configure(mut self, change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        let before = self.configure;
        self.configure = Box::new(move |config| {
            before(config);
            change(config);
        });
        self
    }

    pub async fn start(self) -> TestApp {
        let Self { mode, sled, hashing, configure } = self;
        let watch = Watch::start();
        watch.secret(ADMINISTRATOR_PASSWORD);
        let directory = sled.then(|| TempDir::new().expect("a temporary directory"));
        let config = config(mode, directory.as_ref(), configure);
        let clock = Arc::new(SettableClock::at(START));
        let (stop, stopped) = oneshot::channel();
        let (send, started) = mpsc::channel();
        let started_clock = clock.clone();
        let thread = std::thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(run(mode, config, hashing, started_clock, send, async { stopped.await.unwrap_or_default() }));
        });
        let Started { keywright, address, management } = started.recv().expect("the issuer starts");
        let origin = format!("http://{address}");
        let path = path_of(mode);
        let base = format!("{origin}{path}");
        TestApp {
            mode,
            address,
            management,
            origin,
            path,
            base,
            clock,
            keywright,
            server: Some((stop, thread)),
            watch,
            _directory: directory,
        }
    }
}

/// What a running server tells the test.
struct Started {
    keywright: Keywright,
    address: String,
    management: Option<String>,
}

const fn path_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Standalone => "/auth",
        Mode::Mounted => "/sso",
    }
}

/// Ports of the system's choice, everything in memory or in `directory`.
fn config(mode: Mode, directory: Option<&TempDir>, change: Box<dyn FnOnce(&mut Config) + Send>) -> Config {
    let mut config = Config::default();
    config.http.host = Ipv4Addr::LOCALHOST.into();
    config.http.port = 0;
    config.http.workers = NonZeroUsize::new(2);
    config.management.host = Ipv4Addr::LOCALHOST.into();
    config.management.port = if mode == Mode::Standalone { ManagementPort::On(0) } else { ManagementPort::Off };
    config.bootstrap.admin_password = Some(ADMINISTRATOR_PASSWORD.into());
    match directory {
        Some(directory) => {
            config.store.engine = Engine::Sled;
            config.store.directory = directory.path().join("data");
            config.keys.directory = directory.path().join("keys");
        }
        None => config.store.engine = Engine::Memory,
    }
    change(&mut config);
    config
}

/// The life of a server: it opens its port, is built, answers until `stop`, and closes.
async fn run(
    mode: Mode,
    mut config: Config,
    hashing: HashingOptions,
    clock: Arc<SettableClock>,
    started: mpsc::Sender<Started>,
    stop: impl Future<Output = ()>,
) {
    let listeners = Listeners::open(&mut config).expect("the system has a port");
    let host_listener = TcpListener::bind("127.0.0.1:0").expect("the system has a port");
    let address = match mode {
        Mode::Standalone if config.http.enabled => format!("127.0.0.1:{}", config.http.port),
        Mode::Standalone => format!("127.0.0.1:{}", config.https.port),
        Mode::Mounted => host_listener.local_addr().expect("a bound address").to_string(),
    };
    let management = match config.management.port {
        ManagementPort::On(port) => Some(format!("127.0.0.1:{port}")),
        ManagementPort::Off => None,
    };
    // An issuer whose administrator lets it follow the request has no address of its own.
    if config.hostname.url.is_none() && !config.hostname.from_request && (config.http.enabled || mode == Mode::Mounted) {
        config.hostname.url = Some(format!("http://{address}{}", path_of(mode)).parse().expect("a base URL"));
    }
    let builder = Keywright::builder(config)
        .clock(clock)
        .random(Arc::new(SeededRandom::new(1)))
        .hashing(hashing)
        .key_source(KeySource::Fixed);
    let keywright = builder.build().await.expect("the issuer starts");
    keywright.first_start().await.expect("realm master");
    started.send(Started { keywright: keywright.clone(), address, management }).expect("the test waits");
    match mode {
        Mode::Standalone => keywright.serve(listeners, stop).await.expect("the server ends in order"),
        Mode::Mounted => {
            let server = host(&keywright, host_listener);
            let handle = server.handle();
            let running = tokio::spawn(server);
            stop.await;
            handle.stop(true).await;
            running.await.expect("the host did not panic").expect("the host ends in order");
            keywright.close().await.expect("the store closes");
        }
    }
}

/// An application with pages of its own, one of them inside the scope that it gives to the issuer.
fn host(keywright: &Keywright, listener: TcpListener) -> actix_web::dev::Server {
    let keywright = keywright.clone();
    let application = move || {
        let own = |text: &'static str| web::get().to(move || async move { HttpResponse::Ok().body(text) });
        ActixApp::new()
            .route("/", own("the host"))
            .service(web::scope("/sso").route("/host", own("the host, inside")).configure(keywright.configure()))
            .route("/{page}", own("a page of the host"))
    };
    HttpServer::new(application)
        .workers(2)
        .disable_signals()
        .listen(listener)
        .expect("the listener is ours")
        .run()
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.server.take() {
            let told = stop.send(());
            let ended = thread.join();
            assert!((told.is_ok() && ended.is_ok()) || std::thread::panicking(), "the server ended before its time");
        }
    }
}
