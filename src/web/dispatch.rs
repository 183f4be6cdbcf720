//! What happens to every request: odd paths are refused, the row and the realm are found, the row's policy is applied, the
//! body is read up to its limit, the handler answers, and the answer gets the headers of its row and its realm. Nothing else
//! calls a handler.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use actix_web::http::header::{ACCEPT, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, ORIGIN};
use actix_web::http::{ConnectionType, Method};
use actix_web::web::{self, Bytes, BytesMut, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt as _;
use futures_util::future::poll_immediate;

use crate::app::App;
use crate::compiled::CompiledRealm;
use crate::model::realm::{Realm, SslRequired};
use crate::oauth::error::OAuthError;
use crate::oauth::params::Params;
use crate::store::txn::Reader as _;

use super::addressing::{self, Addressing, is_local};
use super::administrator::{self, AdminRequest};
use super::cors::{self, Cors};
use super::incoming::Incoming;
use super::oauth_response;
use super::page_error;
use super::panics::{self, Guarded, Panicked};
use super::query;
use super::realm::RealmRequest;
use super::request_log::RequestNote;
use super::request_path;
use super::route::{Handler, Match, Policy, Route, Table, segments};
use super::security_headers::SecurityHeaders;
use super::server::ServerRequest;

/// The methods of the Admin REST API, in Keycloak's order.
const ADMINISTRATION_METHODS: &str = "DELETE, POST, GET, PUT";

/// Bytes of a body over its limit that are still read, so that the client gets to see the refusal.
const DRAIN_LIMIT: usize = 8 << 20;
/// Header fields that a request may have; below HTTP/1.1 the machinery refuses more by itself.
const MAX_HEADERS: usize = 96;

/// The table of one listener with what its rows need.
pub struct Dispatcher {
    pub(super) table: Table,
    pub(super) app: web::Data<App>,
    addressing: Addressing,
    limits: Limits,
    prepared: RwLock<HashMap<String, Arc<Prepared>>>,
    /// For answers that belong to no realm.
    default_security: SecurityHeaders,
}

/// How large a request may be and how long it may take to arrive.
struct Limits {
    target: usize,
    headers: usize,
    body_time: Duration,
}

/// What stays the same between two requests to the same realm under the same address.
pub struct Prepared {
    compiled: Weak<CompiledRealm>,
    base_url: String,
    issuer: String,
    /// What stands above a page; empty unless the realm has one.
    display_name: String,
    security: SecurityHeaders,
    /// The documents that handlers make once.
    pub jwks: OnceLock<Bytes>,
    pub discovery: OnceLock<Bytes>,
}

impl Dispatcher {
    pub fn new(table: Table, app: web::Data<App>) -> Arc<Self> {
        let addressing = Addressing::new(&app.config);
        app.audit.metrics.set_routes(table.rows().iter().map(|row| (row.method.to_string(), row.path)));
        let default_security = SecurityHeaders::of(&crate::model::realm::Realm::default());
        let http = &app.config.http;
        let limits = Limits {
            target: http.max_target_bytes,
            headers: http.max_header_bytes,
            body_time: Duration::from_secs(http.body_timeout_seconds),
        };
        Arc::new(Self { table, app, addressing, limits, prepared: RwLock::default(), default_security })
    }

    /// Mounts the table: everything in the scope that no other service took comes here.
    pub fn configure(self: &Arc<Self>) -> impl FnOnce(&mut ServiceConfig) + use<> {
        let dispatcher = Arc::clone(self);
        move |config| {
            config.default_service(web::to(move |request: HttpRequest, payload: Payload| {
                let dispatcher = Arc::clone(&dispatcher);
                async move { dispatcher.answer(request, payload).await }
            }));
        }
    }

    async fn answer(&self, request: HttpRequest, payload: Payload) -> HttpResponse {
        let mut noted = RequestNote::begin(&self.app, &request);
        let refusal = request_path::refuse(request.uri().path()).or_else(|| Some(self.refused_early(&self.limits.refuse(&request)?)));
        if let Some(refusal) = refusal {
            noted.answered(&request, None, refusal.status().as_u16());
            return refusal;
        }
        let incoming = Incoming::new(request, &self.addressing);
        if let Some(limit) = &self.app.limits.address
            && let Err(seconds) = limit.take(&addressing::network_of(incoming.origin.client_address), self.app.env.now())
        {
            let refusal = self.refused_early(&OAuthError::too_many_requests(seconds).because("the rate limit of its address"));
            noted.answered(&incoming.request, Some(incoming.origin.client_address), refusal.status().as_u16());
            return refusal;
        }
        let found = self.table.find(&incoming.path);
        noted.is_for(found.as_ref().and_then(|found| found.index(incoming.request.method())));
        let response = match incoming.realm_name() {
            _ if incoming.is_administration() => Box::pin(self.to_administration(found.as_ref(), &incoming, payload)).await,
            Some(name) => self.to_realm(&name, found.as_ref(), &incoming, payload).await,
            None => self.to_server(found.as_ref(), &incoming).await,
        };
        noted.answered(&incoming.request, Some(incoming.origin.client_address), response.status().as_u16());
        response
    }

    /// Before the row and the realm are known.
    fn refused_early(&self, error: &OAuthError) -> HttpResponse {
        let mut response = oauth_response::error(error);
        self.default_security.apply(&mut response, false);
        response
    }

    async fn to_server(&self, found: Option<&Match<'_>>, incoming: &Incoming<'_>) -> HttpResponse {
        let Some(found) = found else {
            if incoming.asks_for_a_page() {
                return page_error::page_not_found(&self.display_name_of_master().await);
            }
            return match incoming.beside_administration() {
                Some(1) => page_error::json_error(405, "HTTP 405 Method Not Allowed"),
                Some(_) => {
                    let mut response = page_error::json_error(404, "HTTP 404 Not Found");
                    self.default_security.apply(&mut response, false);
                    response
                }
                None => page_error::json_error(404, "Unable to find matching target resource method"),
            };
        };
        let mut response = match found.row(incoming.request.method()) {
            Some(Route { handler: Handler::Server(handler), cache, .. }) => {
                let mut response = handler(&ServerRequest { base_url: &incoming.origin.base_url, path: &incoming.path });
                cache.apply(&mut response);
                response
            }
            _ => without_row(found, incoming),
        };
        self.default_security.apply(&mut response, false);
        response
    }

    async fn to_realm(&self, name: &str, found: Option<&Match<'_>>, incoming: &Incoming<'_>, payload: Payload) -> HttpResponse {
        let compiled = match self.app.compiled.realm(name).await {
            Ok(Some(compiled)) => compiled,
            Ok(None) => return self.no_such_realm(incoming).await,
            Err(error) => return internal(&error),
        };
        let prepared = self.prepared(&compiled, &incoming.origin.base_url);
        let name_above = prepared.display_name.as_str();
        let mut response = match found {
            Some(found) => match found.row(incoming.request.method()) {
                Some(row) => self.to_row(row, compiled, &prepared, (incoming, payload)).await,
                None => without_row(found, incoming),
            },
            None if incoming.names_unknown_protocol() => page_error::json_error(404, "Protocol not found"),
            None if incoming.asks_for_a_page() => page_error::page_not_found(name_above),
            None => page_error::json_error(404, "HTTP 404 Not Found"),
        };
        prepared.security.apply(&mut response, incoming.has_form());
        response
    }

    /// The row's policy, body and handler, and the headers that every answer of the row has.
    async fn to_row(
        &self,
        row: &Route,
        realm: Arc<CompiledRealm>,
        prepared: &Arc<Prepared>,
        (incoming, payload): (&Incoming<'_>, Payload),
    ) -> HttpResponse {
        let cx = RealmRequest {
            app: self.app.clone(),
            issuer: prepared.issuer.clone(),
            client_address: incoming.origin.client_address,
            secure: incoming.origin.secure,
            parameters: if row.has_parameters_below_realm() { row.parameters(&incoming.path) } else { Vec::new() },
            prepared: Arc::clone(prepared),
            request: incoming.request.clone(),
            realm,
        };
        let mut response = match (refused_by(row.policy, &cx), row.handler) {
            (Some(error), _) => oauth_response::error(&error),
            (None, Handler::Document(handler)) => panics::caught(|| handler(&cx)).unwrap_or_else(|panicked| self.panicked(row, &panicked)),
            (None, Handler::Realm(handler)) => match self.read(payload, incoming, row.body_limit).await {
                // A handler is made and polled where its panics are caught: half of it may run before the first await.
                Ok(body) => match panics::caught(|| handler(cx, body)) {
                    Ok(answer) => Guarded(answer).await.unwrap_or_else(|panicked| self.panicked(row, &panicked)),
                    Err(panicked) => self.panicked(row, &panicked),
                },
                Err(error) => unread(&error),
            },
            (None, Handler::Server(_) | Handler::Admin(_)) => internal(&"a row below a realm has a handler that knows no realm"),
        };
        row.cache.apply(&mut response);
        if let Cors::Any(_) = row.cors {
            cors::echo(&mut response, incoming.header(&ORIGIN));
        }
        response
    }

    /// The Admin REST API. First the token, then the realm, then whether the token's realm may speak for it, then the row and
    /// its policy, in Keycloak's order: who has no token learns nothing, not even which paths there are.
    async fn to_administration(&self, found: Option<&Match<'_>>, incoming: &Incoming<'_>, payload: Payload) -> HttpResponse {
        let origin = incoming.header(&ORIGIN);
        if incoming.request.method() == Method::OPTIONS {
            let mut response = cors::preflight(ADMINISTRATION_METHODS, origin);
            self.default_security.apply(&mut response, false);
            return response;
        }
        let (realm, response) = match self.administer(found, incoming, payload).await {
            Ok((realm, response)) => (realm, response),
            Err(refusal) => (None, refusal),
        };
        let mut response = response;
        let of_realm = realm.map(|realm| SecurityHeaders::of(&realm));
        let security = of_realm.as_ref().unwrap_or(&self.default_security);
        if incoming.header(&CONTENT_TYPE).is_some_and(|media_type| media_type.starts_with("application/json")) {
            security.apply_to_json(&mut response);
        } else {
            security.apply(&mut response, false);
        }
        response
    }

    /// The answer and the realm that it is about.
    async fn administer(
        &self,
        found: Option<&Match<'_>>,
        incoming: &Incoming<'_>,
        payload: Payload,
    ) -> Result<(Option<Realm>, HttpResponse), HttpResponse> {
        let (app, base_url) = (&self.app, &incoming.origin.base_url);
        let without_https = |realm: &Realm| https_is_missing(realm, incoming.origin.secure, incoming.origin.client_address);
        let caller = administrator::authenticate(app, &incoming.request, base_url, without_https).await;
        let caller = caller.map_err(|nobody| nobody.render())?;
        let origins = caller.client.web_origins.clone();
        if !administrator::origin_is_allowed(&incoming.request, &caller) {
            return Err(page_error::json_error(403, "Invalid origin"));
        }
        let realm = match incoming.administered_realm() {
            None => None,
            Some(name) => {
                let found = app.store.peek().realms().by_name(&name).await.map_err(|error| internal(&error))?;
                let realm = found.ok_or_else(|| page_error::json_error(404, "Realm not found."))?;
                if !caller.realm.realm.is_master() && caller.realm.realm.id != realm.id {
                    return Err(page_error::json_error(403, "HTTP 403 Forbidden"));
                }
                Some(realm)
            }
        };
        let Some(found) = found else {
            return Ok((realm, page_error::json_error(404, "HTTP 404 Not Found")));
        };
        let Some(row) = found.row(incoming.request.method()) else {
            return Ok((realm, page_error::json_error(405, "HTTP 405 Method Not Allowed")));
        };
        let (Policy::Admin(admission), Handler::Admin(handler)) = (row.policy, row.handler) else {
            return Err(internal(&"a row of the Admin REST API has another policy or handler"));
        };
        if !admission.lets(&caller, realm.as_ref()) {
            return Ok((realm, page_error::json_error(403, "HTTP 403 Forbidden")));
        }
        let query =
            Params::parse(incoming.request.query_string().as_bytes()).map_err(|error| page_error::json_error(400, &error.to_string()))?;
        let body = self.read(payload, incoming, row.body_limit).await.map_err(|error| unread(&error))?;
        let request = AdminRequest {
            app: app.clone(),
            caller,
            base_url: base_url.to_string(),
            client_address: incoming.origin.client_address,
            body,
            query: query::declared(row.query, query),
            method: row.method.clone(),
            path: segments(&incoming.path).skip(3).collect::<Vec<_>>().join("/"),
            realm: realm.clone(),
            parameters: row.parameters(&incoming.path),
            content_type: incoming.header(&CONTENT_TYPE).map(str::to_owned),
            accept: incoming.header(&ACCEPT).map(str::to_owned),
        };
        let mut response = match panics::caught(|| handler(request)) {
            Ok(answer) => Guarded(answer).await.unwrap_or_else(|panicked| self.panicked(row, &panicked)),
            Err(panicked) => self.panicked(row, &panicked),
        };
        row.cache.apply(&mut response);
        let mut response = cors::for_client(response, incoming.header(&ORIGIN), Some(&origins));
        if incoming.header(&ORIGIN).is_some() {
            let exposed = HeaderValue::from_static("Location, Access-Control-Allow-Methods");
            response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        Ok((realm, response))
    }

    /// 500 in the shape of the row, with a reference to the one line in the log.
    fn panicked(&self, row: &Route, Panicked(cause): &Panicked) -> HttpResponse {
        let reference = format!("{:016x}", u64::from_ne_bytes(self.app.env.random().bytes()));
        tracing::error!(reference, method = %row.method, path = row.path, cause, "a request panicked");
        page_error::internal_with(row.policy.speaks_oauth(), &reference)
    }

    /// The body, if it keeps to `limit` and comes in time: nobody may hold a request open by sending a byte now and then.
    async fn read(&self, mut payload: Payload, incoming: &Incoming<'_>, limit: usize) -> Result<Bytes, OAuthError> {
        let announced = incoming.header(&CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
        let mut too_large = announced.is_some_and(|length| length > limit);
        let mut body = BytesMut::new();
        let mut seen = 0_usize;
        // Made when the first wait comes: most bodies arrive together with their head.
        let mut patience: Option<Pin<Box<tokio::time::Sleep>>> = None;
        loop {
            let chunk = if let Some(chunk) = poll_immediate(payload.next()).await {
                chunk
            } else {
                let patience = patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.limits.body_time)));
                tokio::select! {
                    biased;
                    chunk = payload.next() => chunk,
                    () = patience.as_mut() => return Err(OAuthError::body_too_slow()),
                }
            };
            let Some(chunk) = chunk else { break };
            let chunk = chunk.map_err(|_| OAuthError::malformed_parameters("The request body is incomplete"))?;
            seen = seen.saturating_add(chunk.len());
            too_large |= seen > limit;
            if too_large {
                if seen > DRAIN_LIMIT {
                    break;
                }
                continue;
            }
            body.extend_from_slice(&chunk);
            if let Some(patience) = &mut patience {
                let later = patience.deadline() + Duration::from_secs(1) * u32::try_from(chunk.len()).unwrap_or(u32::MAX) / 1024;
                patience.as_mut().reset(later);
            }
        }
        if too_large { Err(OAuthError::body_too_large()) } else { Ok(body.freeze()) }
    }

    async fn no_such_realm(&self, incoming: &Incoming<'_>) -> HttpResponse {
        let mut response = if incoming.asks_for_a_page() {
            page_error::page_not_found(&self.display_name_of_master().await)
        } else {
            page_error::json_error(404, "Realm does not exist")
        };
        self.default_security.apply(&mut response, false);
        response
    }

    fn prepared(&self, compiled: &Arc<CompiledRealm>, base_url: &str) -> Arc<Prepared> {
        let known = self.prepared.read().unwrap_or_else(PoisonError::into_inner).get(&compiled.realm.name).cloned();
        if let Some(known) = known.filter(|known| known.compiled.as_ptr() == Arc::as_ptr(compiled) && known.base_url == base_url) {
            return known;
        }
        let prepared = Arc::new(Prepared {
            compiled: Arc::downgrade(compiled),
            base_url: base_url.to_owned(),
            issuer: addressing::issuer(base_url, &compiled.realm.name),
            display_name: compiled.realm.display_name.clone().unwrap_or_default(),
            security: SecurityHeaders::of(&compiled.realm),
            jwks: OnceLock::new(),
            discovery: OnceLock::new(),
        });
        self.prepared
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(compiled.realm.name.clone(), Arc::clone(&prepared));
        prepared
    }

    async fn display_name_of_master(&self) -> String {
        match self.app.compiled.realm("master").await {
            Ok(Some(master)) => master.realm.display_name.clone().unwrap_or_else(|| master.realm.name.clone()),
            _ => String::new(),
        }
    }
}

impl Limits {
    /// What is wrong with the size of the request's head.
    fn refuse(&self, request: &HttpRequest) -> Option<OAuthError> {
        let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if target > self.target {
            return Some(OAuthError::target_too_long());
        }
        let (mut fields, mut bytes) = (0, 0);
        for (name, value) in request.headers() {
            fields += 1;
            bytes += name.as_str().len() + value.len();
        }
        (fields > MAX_HEADERS || bytes > self.headers).then(OAuthError::headers_too_large)
    }
}

/// Why `policy` keeps the request from its handler.
fn refused_by(policy: Policy, cx: &RealmRequest) -> Option<OAuthError> {
    let realm = &cx.realm.realm;
    match policy {
        Policy::Open => None,
        _ if https_is_missing(realm, cx.secure, cx.client_address) => Some(OAuthError::https_required()),
        Policy::Client | Policy::Bearer if !realm.enabled => Some(OAuthError::realm_not_enabled()),
        Policy::Public | Policy::Client | Policy::Bearer | Policy::Admin(_) => None,
    }
}

/// Whether a request came without TLS although `realm` demands it.
fn https_is_missing(realm: &Realm, secure: bool, client_address: IpAddr) -> bool {
    !secure
        && match realm.ssl_required {
            SslRequired::All => true,
            SslRequired::External => !is_local(client_address),
            SslRequired::None => false,
        }
}

/// The answer at a listed path whose rows do not have the method.
fn without_row(found: &Match<'_>, incoming: &Incoming<'_>) -> HttpResponse {
    if incoming.request.method() != Method::OPTIONS {
        // Keycloak finds its discovery documents by method and path at once.
        return if found.is_document() {
            page_error::json_error(404, "HTTP 404 Not Found")
        } else {
            page_error::json_error(405, "HTTP 405 Method Not Allowed")
        };
    }
    match found.cors() {
        Cors::Any(methods) | Cors::Client(methods) => cors::preflight(methods, incoming.header(&ORIGIN)),
        Cors::Refused => {
            let mut response = oauth_response::empty(200);
            if let Ok(allow) = HeaderValue::from_str(&found.allow()) {
                response.headers_mut().insert(ALLOW, allow);
            }
            response
        }
    }
}

/// A refusal of a body of which more may come: the connection ends with it.
fn unread(error: &OAuthError) -> HttpResponse {
    let mut response = oauth_response::error(error);
    response.head_mut().set_connection_type(ConnectionType::Close);
    response
}

/// Our fault, logged here and nowhere else.
pub(super) fn internal(error: &dyn std::fmt::Display) -> HttpResponse {
    tracing::error!(%error, "a request failed");
    page_error::internal()
}
