//! The Admin REST API without a network: for the operator of a store, who has it in his hands and needs no token. The same rows
//! and handlers answer, so what he does obeys the same rules and is told by the same admin events.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::body::to_bytes;
use actix_web::http::Method;
use actix_web::http::header::LOCATION;
use actix_web::web::Bytes;
use percent_encoding::percent_decode_str;

use crate::model::realm::Realm;
use crate::oauth::params::Params;
use crate::store::txn::Reader as _;

use super::administrator::{AdminRequest, Caller};
use super::dispatch::Dispatcher;
use super::query;
use super::route::{Handler, segments};

/// What an operation answered.
#[derive(Clone, Debug)]
pub struct Answered {
    pub status: u16,
    /// Of something new.
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl Answered {
    fn error(status: u16, text: &str) -> Self {
        Self { status, location: None, body: serde_json::json!({ "error": text }).to_string().into_bytes() }
    }
}

impl Dispatcher {
    /// Does what the Admin REST API does with this request: `path` begins with `/admin/`, `query` is encoded, a body is JSON.
    pub async fn operate(&self, method: Method, path: &str, query: &str, body: Vec<u8>) -> Answered {
        match self.prepare(method, path, query, body).await {
            Ok((handler, request)) => {
                let response = handler(request).await;
                let status = response.status().as_u16();
                let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
                match to_bytes(response.into_body()).await {
                    Ok(body) => Answered { status, location, body: body.to_vec() },
                    Err(_) => Answered::error(500, "the answer cannot be read"),
                }
            }
            Err(refusal) => refusal,
        }
    }

    async fn prepare(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: Vec<u8>,
    ) -> Result<(fn(AdminRequest) -> super::route::Answer, AdminRequest), Answered> {
        let failed = |error: &dyn std::fmt::Display| Answered::error(500, &error.to_string());
        let found = self.table.find(path).ok_or_else(|| Answered::error(404, "HTTP 404 Not Found"))?;
        let row = found.row(&method).ok_or_else(|| Answered::error(405, "HTTP 405 Method Not Allowed"))?;
        let Handler::Admin(handler) = row.handler else { return Err(Answered::error(404, "HTTP 404 Not Found")) };
        let realm: Option<Realm> = match segments(path).nth(2) {
            Some(name) if path.starts_with("/admin/realms/") => {
                let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
                let found = self.app.store.peek().realms().by_name(&name).await.map_err(|error| failed(&error))?;
                Some(found.ok_or_else(|| Answered::error(404, "Realm not found."))?)
            }
            _ => None,
        };
        let caller = Caller::operator(&self.app, realm.as_ref()).await.map_err(|error| failed(&error))?;
        let caller = caller.ok_or_else(|| Answered::error(500, "the store has no realm to act from"))?;
        let given = Params::parse(query.as_bytes()).map_err(|error| Answered::error(400, &error.to_string()))?;
        let request = AdminRequest {
            app: self.app.clone(),
            caller,
            base_url: String::new(),
            client_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            body: Bytes::from(body),
            query: query::declared(row.query, given),
            method,
            path: segments(path).skip(3).collect::<Vec<_>>().join("/"),
            realm,
            parameters: row.parameters(path),
            content_type: Some("application/json".to_owned()),
            accept: Some("application/json".to_owned()),
        };
        Ok((handler, request))
    }
}
