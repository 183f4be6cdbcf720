//! `/health`, `/health/live`, `/health/ready`, `/health/started`: the documents of MicroProfile Health with the names of
//! Keycloak's checks, so that probes and dashboards made for it keep working.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use futures_util::future::{FutureExt as _, LocalBoxFuture};
use serde::Serialize;

use crate::app::App;

/// What health is judged by.
pub struct Health {
    app: web::Data<App>,
    stopping: AtomicBool,
}

impl Health {
    pub fn of(app: web::Data<App>) -> Self {
        Self { app, stopping: AtomicBool::new(false) }
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    /// From now on the server is not ready: it finishes what it has and takes nothing new.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    async fn readiness(&self) -> Vec<Check> {
        let store = self.app.store.ping().await;
        if let Err(error) = &store {
            tracing::warn!(%error, "not ready");
        }
        vec![
            Check::new("Graceful Shutdown", !self.stopping.load(Ordering::Acquire)),
            // Listeners are opened when everything else is.
            Check::new("Keycloak Initialized", true),
            Check::new("Keycloak database connections async health check", store.is_ok()),
        ]
    }
}

/// All checks.
pub fn all(health: web::Data<Health>) -> LocalBoxFuture<'static, HttpResponse> {
    async move { report(health.readiness().await) }.boxed_local()
}

/// Whether requests may be sent here: not while stopping, and not while the store is unchecked, damaged or failed.
pub fn ready(health: web::Data<Health>) -> LocalBoxFuture<'static, HttpResponse> {
    all(health)
}

/// Whether the process should be left alone: it answers, so it should. A failed store is no reason to restart in a loop.
pub fn live(_: web::Data<Health>) -> LocalBoxFuture<'static, HttpResponse> {
    async { report(Vec::new()) }.boxed_local()
}

/// Whether the start is over.
pub fn started(health: web::Data<Health>) -> LocalBoxFuture<'static, HttpResponse> {
    live(health)
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    status: &'static str,
}

impl Check {
    fn new(name: &'static str, good: bool) -> Self {
        Self { name, status: if good { UP } else { DOWN } }
    }
}

const UP: &str = "UP";
const DOWN: &str = "DOWN";

fn report(checks: Vec<Check>) -> HttpResponse {
    let good = checks.iter().all(|check| check.status == UP);
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, "application/json; charset=UTF-8"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(serde_json::to_vec(&Report { status: if good { UP } else { DOWN }, checks }).expect("text serialises"))
}
