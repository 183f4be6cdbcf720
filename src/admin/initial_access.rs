//! `/clients-initial-access`: what lets somebody without an account register clients. The token itself is shown once, in the
//! answer that makes it.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderValue, LOCATION};
use serde::{Deserialize, Serialize};

use crate::base::id::InitialAccessId;
use crate::manage::client_registration;
use crate::manage::error::ManageError;
use crate::model::initial_access::InitialAccess;
use crate::store::txn::Reader as _;
use crate::tokens::registration;
use crate::web::addressing::{issuer, segment};
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::change;
use super::error::AdminError;

/// `ClientInitialAccessCreatePresentation`
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Wanted {
    expiration: Option<i32>,
    count: Option<i32>,
    web_origins: Option<Vec<String>>,
}

/// `ClientInitialAccessPresentation`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Presentation<'a> {
    id: &'a InitialAccessId,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    timestamp: i64,
    expiration: i64,
    count: i32,
    remaining_count: i32,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    web_origins: &'a [String],
}

impl<'a> Presentation<'a> {
    fn of(access: &'a InitialAccess, token: Option<&'a str>) -> Self {
        Self {
            id: &access.id,
            token,
            timestamp: access.timestamp,
            expiration: access.expiration,
            count: access.count,
            remaining_count: access.remaining_count,
            web_origins: &access.web_origins,
        }
    }
}

/// `GET …/clients-initial-access`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let mut found = cx.app.store.peek().initial_access().list(&cx.realm().id).await?;
    let now = cx.app.env.now();
    found.retain(|access| !access.is_expired(now));
    found.sort_by(|a, b| (a.timestamp, &a.id).cmp(&(b.timestamp, &b.id)));
    let shown: Vec<_> = found.iter().map(|access| Presentation::of(access, None)).collect();
    Ok(answer::document(&shown))
}

/// `POST …/clients-initial-access`
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let wanted: Wanted = body::read(&cx, "ClientInitialAccessCreatePresentation")?;
    let count = wanted.count.unwrap_or(1);
    let access = &InitialAccess {
        id: InitialAccessId::random(cx.app.env.random()),
        timestamp: cx.app.env.now().seconds(),
        expiration: wanted.expiration.unwrap_or(0).into(),
        count,
        remaining_count: count,
        web_origins: wanted.web_origins.unwrap_or_default(),
    };
    let name = &cx.realm().name;
    let compiled = cx.app.compiled.realm(name).await?.ok_or_else(ManageError::no_realm)?;
    let token = registration::initial_access(&compiled, &issuer(&cx.base_url, name), access);
    let token = token.ok_or_else(|| AdminError::Failed("the realm has no key to sign an initial access token with".to_owned()))?;
    let realm = &cx.realm().id;
    change!(cx, |txn| client_registration::create_initial_access(txn, realm, access))?;
    let mut response = answer::with_document(201, &Presentation::of(access, Some(&token)));
    let address = format!("{}/admin/realms/{}/clients-initial-access/{}", cx.base_url, segment(name), access.id);
    if let Ok(address) = HeaderValue::from_str(&address) {
        response.headers_mut().insert(LOCATION, address);
    }
    Ok(response)
}

/// `DELETE …/clients-initial-access/{id}`: also of one that is not there.
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &InitialAccessId::from(cx.parameter("id")));
    change!(cx, |txn| async {
        txn.initial_access().delete(realm, id);
        Ok(())
    })?;
    Ok(answer::done())
}
