//! The management listener: what orchestrators ask, on a port of its own. Its rows stand in `routes.rs` as the public ones do.

pub mod health;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::web::{self, ServiceConfig};
use futures_util::future::LocalBoxFuture;

use health::Health;

/// A URL of the management listener. All of them are read with `GET`.
pub struct Row {
    /// Below the base path.
    pub path: &'static str,
    pub handler: fn(web::Data<Health>) -> LocalBoxFuture<'static, HttpResponse>,
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
