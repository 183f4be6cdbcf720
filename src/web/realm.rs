//! A request to a realm: what handlers of realm endpoints receive after the dispatch has found the realm and applied the
//! row's policy.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::header::{ACCEPT, AUTHORIZATION, ORIGIN};
use actix_web::{HttpRequest, web};

use crate::app::App;
use crate::audit::Report;
use crate::base::clock::Timestamp;
use crate::compiled::CompiledRealm;

use super::dispatch::Prepared;

/// One request to one realm.
pub struct RealmRequest {
    pub app: web::Data<App>,
    pub realm: Arc<CompiledRealm>,
    /// The realm's issuer: the base URL and `/realms/{name}`.
    pub issuer: String,
    /// Who asks, behind trusted proxies.
    pub client_address: IpAddr,
    /// Whether the request came over TLS.
    pub secure: bool,
    /// Those below the realm, decoded.
    pub(super) parameters: Vec<(&'static str, String)>,
    pub(super) prepared: Arc<Prepared>,
    pub(super) request: HttpRequest,
}

impl RealmRequest {
    /// A parameter of the row's path below the realm, decoded.
    ///
    /// # Panics
    /// When the row's path has no such parameter.
    pub fn parameter(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(known, _)| *known == name);
        &found.expect("the handler stands in a row with this parameter").1
    }

    /// A request header; `None` when it is absent or not ASCII.
    pub fn header(&self, name: impl actix_web::http::header::AsHeaderName) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    pub fn authorization(&self) -> Option<&str> {
        self.header(AUTHORIZATION)
    }

    pub fn origin(&self) -> Option<&str> {
        self.header(ORIGIN)
    }

    pub fn accept(&self) -> Option<&str> {
        self.header(ACCEPT)
    }

    /// The event of this request, which begins none yet.
    pub fn report(&self, now: Timestamp) -> Report<'_> {
        Report::new(&self.app.audit, &self.app.env, &self.realm.realm, self.client_address, now)
    }

    /// What stays the same between two requests to the realm.
    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }
}
