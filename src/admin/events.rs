//! `/events`, `/admin-events` and their configuration.

use std::net::IpAddr;

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

use crate::audit::query::{AdminEventQuery, UserEventQuery};
use crate::base::id::{RealmId, UserId};
use crate::manage::realms;
use crate::model::event::{EventType, Operation, Resource};
use crate::store::events::{Direction, Page as Range};
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::change;
use super::error::AdminError;
use super::paging::Page;
use super::users::moment;

/// Events of a list when the request does not say how many.
const DEFAULT_MAX: usize = 100;
/// What events can be told to.
const LISTENERS: &[&str] = &["email", "jboss-logging", "micrometer-user-event-metrics"];
/// The settings of a realm that are about events, in Keycloak's order.
const SETTINGS: &[&str] =
    &["eventsEnabled", "eventsExpiration", "eventsListeners", "enabledEventTypes", "adminEventsEnabled", "adminEventsDetailsEnabled"];

/// `GET …/events`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let types: Result<Vec<EventType>, AdminError> =
        cx.query.all("type").map(|name| EventType::parse(name).ok_or_else(|| unknown("event type", name))).collect();
    let query = UserEventQuery {
        types: types?,
        client: cx.argument("client").map(str::to_owned),
        user: cx.argument("user").map(UserId::from),
        address: address(&cx, "ipAddress")?,
    };
    let found = cx.app.audit.user_events(&cx.app.store, &cx.realm().id, &query, range(&cx)?).await?;
    Ok(answer::document(&found))
}

/// `DELETE …/events`
pub async fn clear(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    cx.app.audit.clear_user_events(&cx.app.store, &cx.realm().id).await?;
    Ok(answer::done())
}

/// `GET …/admin-events`
pub async fn list_admin(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let operations: Result<Vec<Operation>, AdminError> = cx
        .query
        .all("operationTypes")
        .map(|name| Operation::parse(name).ok_or_else(|| unknown("operation type", name)))
        .collect();
    let resources: Result<Vec<Resource>, AdminError> = cx
        .query
        .all("resourceTypes")
        .map(|name| Resource::parse(name).ok_or_else(|| unknown("resource type", name)))
        .collect();
    let query = AdminEventQuery {
        operations: operations?,
        resources: resources?,
        path: cx.argument("resourcePath").map(str::to_owned),
        auth_realm: cx.argument("authRealm").map(RealmId::from),
        auth_client: cx.argument("authClient").map(str::to_owned),
        auth_user: cx.argument("authUser").map(UserId::from),
        auth_address: address(&cx, "authIpAddress")?,
    };
    let found = cx.app.audit.admin_events(&cx.app.store, &cx.realm().id, &query, range(&cx)?).await?;
    Ok(answer::document(&found))
}

/// `DELETE …/admin-events`
pub async fn clear_admin(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    cx.app.audit.clear_admin_events(&cx.app.store, &cx.realm().id).await?;
    Ok(answer::done())
}

/// `GET …/events/config`
pub async fn configuration(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let realm = json!(cx.realm());
    let mut shown: Map<String, Value> = SETTINGS
        .iter()
        .filter(|name| !realm[**name].is_null())
        .map(|name| ((*name).to_owned(), realm[*name].clone()))
        .collect();
    // Without a choice of its own a realm stores what is worth it.
    if cx.realm().enabled_event_types.is_empty() {
        let types: Vec<&str> = EventType::all().into_iter().filter(|kind| kind.is_stored_by_default()).map(EventType::name).collect();
        shown.insert("enabledEventTypes".to_owned(), json!(types));
    }
    Ok(answer::document(&shown))
}

/// `PUT …/events/config`
pub async fn configure(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: realms::Settings = body::read(&cx, "RealmEventsConfigRepresentation")?;
    if let Some(name) = given.keys().find(|name| !SETTINGS.contains(&name.as_str())) {
        return Err(body::unrecognised(&cx.body, name, "RealmEventsConfigRepresentation"));
    }
    let listeners = given.get("eventsListeners").and_then(Value::as_array).into_iter().flatten();
    if listeners.into_iter().any(|listener| !listener.as_str().is_some_and(|name| LISTENERS.contains(&name))) {
        return Err(AdminError::error(400, "Unknown event listener"));
    }
    let (app, realm, given) = (&cx.app, &cx.realm().id, &given);
    change!(cx, |txn| realms::update(txn, &app.env, &app.sealer, realm, given))?;
    Ok(answer::done())
}

fn range(cx: &AdminRequest) -> Result<Range, AdminError> {
    let page = Page::of(cx, Some(DEFAULT_MAX))?;
    let direction = match cx.argument("direction") {
        Some(asc) if asc.eq_ignore_ascii_case("asc") => Direction::OldestFirst,
        _ => Direction::NewestFirst,
    };
    Ok(Range {
        from: moment(cx, "dateFrom", false)?,
        to: moment(cx, "dateTo", true)?,
        first: page.first,
        max: page.max.unwrap_or(usize::MAX),
        direction,
    })
}

fn address(cx: &AdminRequest, name: &str) -> Result<Option<IpAddr>, AdminError> {
    let Some(text) = cx.argument(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| unknown("address", text))
}

/// Keycloak fails with 500 here.
fn unknown(what: &str, name: &str) -> AdminError {
    AdminError::described(400, "invalid_request", format!("There is no {what} {name:?}"))
}
