//! Every URL. A row says which method, who may ask, how much body, which origins may read the answer and what caches may do
//! with it; `OPTIONS`, `HEAD` and 405 follow from the rows ([`crate::web::dispatch`]). A handler that stands in no row cannot
//! be reached.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};

use crate::management::{self, health};
use crate::oidc::{certs, discovery, introspect, logout, realm, redirects, revoke, token, userinfo};
use crate::web::cors::Cors::{self, Any, Client as Own, Refused};
use crate::web::request_path;
use crate::web::route::Cache::{self, Document as Discovery, NoCache, NoStore, NoStoreNoCache, Unset};
use crate::web::route::Handler::{self, Document, Realm, Server};
use crate::web::route::Policy::{self, Bearer, Client, Open, Public};
use crate::web::route::Route;

const GET: Method = Method::GET;
const POST: Method = Method::POST;

/// No request body is read.
const NONE: usize = 0;
/// A form with a few tokens in it.
const FORM: usize = 128 << 10;

/// A handler that waits and reads no body.
macro_rules! later {
    ($handler:path) => {
        Realm(|cx, _| Box::pin($handler(cx)))
    };
}

/// A handler that waits and takes the request's body.
macro_rules! form {
    ($handler:path) => {
        Realm(|cx, body| Box::pin($handler(cx, body)))
    };
}

/// The rows of the public listener, below the base path.
#[rustfmt::skip]
pub fn public() -> Vec<Route> {
    vec![
        // The server
        row((GET, "/"), Open, NONE, Refused, Unset, Server(redirects::base)),

        // What a realm publishes
        row((GET, "/realms/{realm}"), Open, NONE, Any("GET, HEAD, OPTIONS"), NoCache, Document(realm::get)),
        row((GET, "/realms/{realm}/.well-known/openid-configuration"), Public, NONE, Any("GET"), Discovery, later!(discovery::get)),
        row((GET, "/realms/{realm}/.well-known/oauth-authorization-server"), Public, NONE, Any("GET"), Discovery, later!(discovery::get)),
        row((GET, "/.well-known/oauth-authorization-server/realms/{realm}"), Public, NONE, Any("GET"), Discovery, later!(discovery::get)),
        row((GET, "/realms/{realm}/protocol/openid-connect/certs"), Public, NONE, Any("GET"), NoCache, Document(certs::get)),

        // Tokens
        row((POST, "/realms/{realm}/protocol/openid-connect/token"), Client, FORM, Own("POST, OPTIONS"), NoStore, form!(token::post)),
        row((POST, "/realms/{realm}/protocol/openid-connect/token/introspect"), Client, FORM, Refused, NoCache, form!(introspect::post)),
        row((POST, "/realms/{realm}/protocol/openid-connect/revoke"), Client, FORM, Own("POST, OPTIONS"), Unset, form!(revoke::post)),
        row((POST, "/realms/{realm}/protocol/openid-connect/logout"), Client, FORM, Own("GET, HEAD, OPTIONS"), NoCache, form!(logout::post)),
        row((GET, "/realms/{realm}/protocol/openid-connect/userinfo"), Bearer, NONE, Own("GET, HEAD, OPTIONS"), NoStoreNoCache, later!(userinfo::get)),
        row((POST, "/realms/{realm}/protocol/openid-connect/userinfo"), Bearer, FORM, Own("GET, HEAD, OPTIONS"), NoStoreNoCache, form!(userinfo::post)),
    ]
}

/// What a standalone server answers beside its base path: the way there.
pub fn server_root(request: &HttpRequest, base_path: &str) -> HttpResponse {
    if let Some(refusal) = request_path::refuse(request.uri().path()) {
        return refusal;
    }
    redirects::server_root(request.uri().path(), base_path)
}

/// The rows of the management listener, below the base path.
pub fn management() -> Vec<management::Row> {
    vec![
        management::Row { path: "/health", handler: health::all },
        management::Row { path: "/health/live", handler: health::live },
        management::Row { path: "/health/ready", handler: health::ready },
        management::Row { path: "/health/started", handler: health::started },
    ]
}

fn row((method, path): (Method, &'static str), policy: Policy, body_limit: usize, cors: Cors, cache: Cache, handler: Handler) -> Route {
    Route { method, path, policy, body_limit, cors, cache, handler }
}
