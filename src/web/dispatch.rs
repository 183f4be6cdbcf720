//! What happens to every request: odd paths are refused, the row and the realm are found, the row's policy is applied, the
//! body is read up to its limit, the handler answers, and the answer gets the headers of its row and its realm. Nothing else
//! calls a handler.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};

use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN};
use actix_web::web::{self, Bytes, BytesMut, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt as _;
use percent_encoding::percent_decode_str;

use crate::app::App;
use crate::compiled::CompiledRealm;
use crate::model::realm::SslRequired;
use crate::oauth::error::OAuthError;

use super::addressing::{self, Addressing, Origin, is_local};
use super::cors::{self, Cors};
use super::oauth_response;
use super::page_error;
use super::realm::RealmRequest;
use super::request_path;
use super::route::{Handler, Match, Policy, Route, Table, segments};
use super::security_headers::SecurityHeaders;
use super::server::ServerRequest;

/// Bytes of a body over its limit that are still read, so that the client gets to see the refusal.
const DRAIN_LIMIT: usize = 8 << 20;

/// The table of one listener with what its rows need.
pub struct Dispatcher {
    table: Table,
    app: web::Data<App>,
    addressing: Addressing,
    prepared: RwLock<HashMap<String, Arc<Prepared>>>,
    /// For answers that belong to no realm.
    default_security: SecurityHeaders,
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
        let default_security = SecurityHeaders::of(&crate::model::realm::Realm::default());
        Arc::new(Self { table, app, addressing, prepared: RwLock::default(), default_security })
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
        if let Some(refusal) = request_path::refuse(request.uri().path()) {
            return refusal;
        }
        let incoming = Incoming::new(request, &self.addressing);
        let found = self.table.find(&incoming.path);
        let response = match incoming.realm_name() {
            Some(name) => self.to_realm(&name, found.as_ref(), &incoming, payload).await,
            None => self.to_server(found.as_ref(), &incoming).await,
        };
        let status = response.status().as_u16();
        tracing::debug!(method = %incoming.request.method(), path = incoming.request.path(), status, "answered");
        response
    }

    async fn to_server(&self, found: Option<&Match<'_>>, incoming: &Incoming) -> HttpResponse {
        let Some(found) = found else {
            return if incoming.asks_for_a_page() {
                page_error::page_not_found(&self.display_name_of_master().await)
            } else {
                page_error::json_error(404, "Unable to find matching target resource method")
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

    async fn to_realm(&self, name: &str, found: Option<&Match<'_>>, incoming: &Incoming, payload: Payload) -> HttpResponse {
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
        (incoming, payload): (&Incoming, Payload),
    ) -> HttpResponse {
        let cx = RealmRequest {
            app: self.app.clone(),
            issuer: prepared.issuer.clone(),
            client_address: incoming.origin.client_address,
            secure: incoming.origin.secure,
            prepared: Arc::clone(prepared),
            request: incoming.request.clone(),
            realm,
        };
        let mut response = match (refused_by(row.policy, &cx), row.handler) {
            (Some(error), _) => oauth_response::error(&error),
            (None, Handler::Document(handler)) => handler(&cx),
            (None, Handler::Realm(handler)) => match read(payload, incoming, row.body_limit).await {
                Ok(body) => handler(cx, body).await,
                Err(error) => oauth_response::error(&error),
            },
            (None, Handler::Server(_)) => internal(&"a row below a realm has a handler that knows no realm"),
        };
        row.cache.apply(&mut response);
        if let Cors::Any(_) = row.cors {
            cors::echo(&mut response, incoming.header(&ORIGIN));
        }
        response
    }

    async fn no_such_realm(&self, incoming: &Incoming) -> HttpResponse {
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

/// A request and what its head says.
struct Incoming {
    request: HttpRequest,
    /// The raw path below the scope that we are mounted in.
    path: String,
    origin: Origin,
}

impl Incoming {
    fn new(request: HttpRequest, addressing: &Addressing) -> Self {
        let whole = request.match_info().as_str();
        let below = request.match_info().unprocessed();
        let mount = &whole[..whole.len() - below.len()];
        // Routing works on a decoded copy. Below the mount the raw text counts, so that a realm's name is decoded once.
        let path = request.uri().path().strip_prefix(mount).unwrap_or(below).to_owned();
        let origin = addressing.origin(&request, mount);
        Self { request, path, origin }
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    fn asks_for_a_page(&self) -> bool {
        page_error::prefers_html(self.header(&ACCEPT))
    }

    fn has_form(&self) -> bool {
        let media_type = self.header(&CONTENT_TYPE).and_then(|value| value.split(';').next());
        media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    }

    /// The realm's name in `/realms/{realm}/…` or `/.well-known/{document}/realms/{realm}` (RFC 8414 §3).
    fn realm_name(&self) -> Option<String> {
        let mut parts = segments(&self.path);
        let name = match (parts.next()?, parts.next()?) {
            ("realms", name) => name,
            (".well-known", _) if parts.next() == Some("realms") => parts.next()?,
            _ => return None,
        };
        Some(percent_decode_str(name).decode_utf8_lossy().into_owned())
    }

    /// Whether the path is `/realms/{realm}/protocol/{protocol}` with one that we do not speak.
    fn names_unknown_protocol(&self) -> bool {
        let mut parts = segments(&self.path).skip(2);
        parts.next() == Some("protocol") && parts.next().is_some_and(|protocol| protocol != "openid-connect")
    }
}

/// Why `policy` keeps the request from its handler.
fn refused_by(policy: Policy, cx: &RealmRequest) -> Option<OAuthError> {
    let realm = &cx.realm.realm;
    let https_is_missing = !cx.secure
        && match realm.ssl_required {
            SslRequired::All => true,
            SslRequired::External => !is_local(cx.client_address),
            SslRequired::None => false,
        };
    match policy {
        Policy::Open => None,
        _ if https_is_missing => Some(OAuthError::https_required()),
        Policy::Client | Policy::Bearer if !realm.enabled => Some(OAuthError::realm_not_enabled()),
        Policy::Public | Policy::Client | Policy::Bearer => None,
    }
}

/// The answer at a listed path whose rows do not have the method.
fn without_row(found: &Match<'_>, incoming: &Incoming) -> HttpResponse {
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

/// The body, if it keeps to `limit`.
async fn read(mut payload: Payload, incoming: &Incoming, limit: usize) -> Result<Bytes, OAuthError> {
    let announced = incoming.header(&CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    let mut too_large = announced.is_some_and(|length| length > limit);
    let mut body = BytesMut::new();
    let mut seen = 0_usize;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| OAuthError::malformed_parameters("The request body is incomplete"))?;
        seen = seen.saturating_add(chunk.len());
        too_large |= seen > limit;
        if !too_large {
            body.extend_from_slice(&chunk);
        } else if seen > DRAIN_LIMIT {
            break;
        }
    }
    if too_large { Err(OAuthError::body_too_large()) } else { Ok(body.freeze()) }
}

/// Our fault, logged here and nowhere else.
fn internal(error: &dyn std::fmt::Display) -> HttpResponse {
    tracing::error!(%error, "a request failed");
    page_error::internal()
}
