//! The management listener: what orchestrators ask, on a port of its own. Its rows stand in `routes.rs` as the public ones do.

pub mod backup;
pub mod health;
pub mod metrics;
pub mod openapi;

use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;

use crate::app::App;

use health::Health;

/// A URL of the management listener. All of them are read with `GET`.
pub struct Row {
    /// Below the base path.
    pub path: &'static str,
    pub handler: fn(web::Data<Health>) -> LocalBoxFuture<'static, HttpResponse>,
}

/// A URL of the management listener that does something; it checks by itself who may.
pub struct Action {
    /// Below the base path.
    pub path: &'static str,
    pub handler: fn(web::Data<App>, HttpRequest) -> LocalBoxFuture<'static, HttpResponse>,
}

/// Mounts `actions` into a scope, in front of its rows.
pub fn configure_actions(actions: Vec<Action>, app: web::Data<App>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config.app_data(app);
        for Action { path, handler } in actions {
            let resource = web::resource(path)
                .route(web::post().to(handler))
                .default_service(web::to(|| async { HttpResponse::MethodNotAllowed().insert_header((ALLOW, "POST")).finish() }));
            config.service(resource);
        }
    }
}

/// Mounts `rows` into a scope.
pub fn configure(rows: Vec<Row>, health: web::Data<Health>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config.app_data(health);
        for Row { path, handler } in rows {
            let resource = web::resource(path)
                .route(web::get().to(handler))
                .route(web::head().to(handler))
                .default_service(web::to(|| async { HttpResponse::MethodNotAllowed().insert_header((ALLOW, "GET, HEAD")).finish() }));
            config.service(resource);
        }
        config.default_service(web::route().method(Method::GET).to(HttpResponse::NotFound));
    }
}
