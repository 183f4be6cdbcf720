//! The only way out: every URL that somebody configured (the keys of a client, …) is fetched here. A URL in a client's settings
//! must not become a tool against the internal network (SSRF): addresses are judged after the name was resolved and the
//! connection goes to the judged address, redirects are judged again, time and size are bounded.

mod address;
pub mod cache;
pub mod operator;
mod tls;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Client, Method, Url, header, redirect};

use crate::base::env::Env;
use crate::config::{self, Problem};

use address::{Forbidden, Reach, Rules};
use cache::Cache;
use tls::Trust;

/// More redirects than any sensible host of keys makes.
const MAX_REDIRECTS: usize = 3;
/// The longest URL that is fetched.
const MAX_URL: usize = 2048;

/// Fetches for everybody. Cheap to clone; it keeps no connection open.
#[derive(Clone)]
pub struct Egress {
    env: Env,
    fetcher: Arc<Fetcher>,
    cache: Arc<Cache>,
}

struct Fetcher {
    rules: Arc<Rules>,
    trust: Trust,
    /// Made at the first fetch: reading the certificate authorities takes milliseconds that most starts never need.
    clients: OnceLock<Result<Clients, String>>,
    timeout: Duration,
    max_body: usize,
}

/// One client for each scheme, because plain http reaches less.
struct Clients {
    https: Client,
    http: Client,
}

/// What to fetch.
pub struct Request<'a> {
    pub url: &'a str,
    /// Sent by `POST` with its media type; `GET` without one.
    pub body: Option<(&'a str, Vec<u8>)>,
    /// Sent as `Accept`.
    pub accept: &'a str,
}

impl<'a> Request<'a> {
    pub const fn get(url: &'a str, accept: &'a str) -> Self {
        Self { url, body: None, accept }
    }

    pub const fn post(url: &'a str, media_type: &'a str, body: Vec<u8>) -> Self {
        Self { url, body: Some((media_type, body)), accept: "*/*" }
    }
}

/// An answer of whatever status.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// The media type, in lower case and without parameters.
    pub media_type: Option<String>,
    pub body: Vec<u8>,
}

/// Bodies may carry tokens: only their size is shown.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

/// Why nothing was fetched. For the log and for administrators; no anonymous caller is told, or the server would be a scanner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    #[error("{0} is no URL that can be fetched: {1}")]
    Url(String, &'static str),
    #[error("{0} is not reached: its address is not public, or the scheme is plain http, and egress.allow does not name it")]
    Forbidden(String),
    #[error("more than {MAX_REDIRECTS} redirects")]
    Redirects,
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    #[error("no answer within {} seconds", .0.as_secs())]
    Timeout(Duration),
    #[error("status {0}")]
    Status(u16),
    #[error("it was fetched a moment ago")]
    TooOften,
    #[error("{0}")]
    Failed(String),
}

/// The addresses of a name, by the operating system's resolver; none for a name that has none. Nothing is connected to.
pub async fn addresses_of(host: &str) -> Vec<std::net::IpAddr> {
    match tokio::net::lookup_host((host, 0)).await {
        Ok(found) => found.map(|address| address.ip()).collect(),
        Err(_) => Vec::new(),
    }
}

impl Egress {
    /// # Errors
    /// `egress.ca_file` cannot be read or holds no certificate.
    pub fn new(settings: &config::Egress, env: Env) -> Result<Self, Problem> {
        let fetcher = Fetcher {
            rules: Arc::new(Rules::new(settings.allow.clone())),
            trust: Trust::read(settings.ca_file.as_deref()).map_err(|reason| Problem::new("egress.ca_file", reason))?,
            clients: OnceLock::new(),
            timeout: Duration::from_secs(settings.timeout_seconds),
            max_body: settings.max_body_kib << 10,
        };
        let cache = Cache::new(i64::try_from(settings.cache_seconds).unwrap_or(i64::MAX));
        Ok(Self { env, fetcher: Arc::new(fetcher), cache: Arc::new(cache) })
    }

    /// Fetches, following redirects of a `GET`.
    ///
    /// # Errors
    /// [`EgressError`]; a status is none.
    pub async fn fetch(&self, request: &Request<'_>) -> Result<Response, EgressError> {
        // One limit for names, connections, redirects and the last byte of the body.
        let timeout = self.fetcher.timeout;
        tokio::time::timeout(timeout, self.fetcher.follow(request))
            .await
            .unwrap_or(Err(EgressError::Timeout(timeout)))
    }
}

impl Fetcher {
    async fn follow(&self, request: &Request<'_>) -> Result<Response, EgressError> {
        let mut url = parse(request.url)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(&url, request).await?;
            let location = response
                .headers()
                .get(header::LOCATION)
                .filter(|_| request.body.is_none() && response.status().is_redirection());
            let Some(location) = location else { return self.read(response).await };
            let wrong = |reason| EgressError::Url(format!("the redirect of {url}"), reason);
            let location = location.to_str().map_err(|_| wrong("it is not text"))?;
            url = parse(url.join(location).map_err(|_| wrong("it is malformed"))?.as_str())?;
        }
        Err(EgressError::Redirects)
    }

    async fn send(&self, url: &Url, request: &Request<'_>) -> Result<reqwest::Response, EgressError> {
        let clients = self.clients.get_or_init(|| self.clients()).as_ref().map_err(|reason| EgressError::Failed(reason.clone()))?;
        let (client, reach) = if url.scheme() == "https" { (&clients.https, Reach::Public) } else { (&clients.http, Reach::Allowed) };
        // The client asks no resolver about an address, so that is judged here.
        self.rules
            .check_literal(url.host_str().unwrap_or_default(), reach)
            .map_err(|Forbidden(host)| EgressError::Forbidden(host))?;
        let sent = match &request.body {
            None => client.request(Method::GET, url.clone()),
            Some((media_type, body)) => {
                client.request(Method::POST, url.clone()).header(header::CONTENT_TYPE, *media_type).body(body.clone())
            }
        };
        sent.header(header::ACCEPT, request.accept).send().await.map_err(|error| reason(&error))
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Response, EgressError> {
        let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|value| value.split(';').next()).map(|value| value.trim().to_ascii_lowercase());
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
            if body.len() + chunk.len() > self.max_body {
                return Err(EgressError::TooLarge(self.max_body));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, media_type, body })
    }

    fn clients(&self) -> Result<Clients, String> {
        let client = |reach| {
            Client::builder()
                .dns_resolver(self.rules.resolver(reach))
                .redirect(redirect::Policy::none())
                .referer(false)
                // A variable of the environment must not lead around the rules.
                .no_proxy()
                // Every connection is judged anew, and none outlives the runtime of the caller.
                .pool_max_idle_per_host(0)
                .user_agent(concat!("Keywright/", env!("CARGO_PKG_VERSION")))
                .use_preconfigured_tls(self.trust.client_config()?)
                .build()
                .map_err(|error| error.to_string())
        };
        Ok(Clients { https: client(Reach::Public)?, http: client(Reach::Allowed)? })
    }
}

/// An http or https URL without credentials.
/// Scheme and host of a URL that has both: what administrators' URLs are judged by before they are stored. Nothing is asked.
pub fn scheme_and_host(text: &str) -> Option<(String, String)> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= MAX_URL)?;
    Some((url.scheme().to_owned(), url.host_str()?.to_owned()))
}

fn parse(text: &str) -> Result<Url, EgressError> {
    let wrong = |reason| EgressError::Url(text.chars().take(100).collect(), reason);
    if text.len() > MAX_URL {
        return Err(wrong("it is too long"));
    }
    let url = Url::parse(text).map_err(|_| wrong("it is malformed"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("its scheme is neither https nor http"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EgressError::Url("a URL with credentials".to_owned(), "they would be sent to whoever answers"));
    }
    Ok(url)
}

/// The innermost reason says what happened; the outer ones name layers.
fn reason(error: &reqwest::Error) -> EgressError {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    loop {
        if let Some(Forbidden(host)) = cause.downcast_ref() {
            return EgressError::Forbidden(host.clone());
        }
        match cause.source() {
            Some(inner) => cause = inner,
            None => return EgressError::Failed(cause.to_string()),
        }
    }
}
