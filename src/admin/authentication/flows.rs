//! `/authentication/flows`

use actix_web::HttpResponse;

use crate::admin::answer;
use crate::admin::body;
use crate::admin::change::change;
use crate::admin::error::AdminError;
use crate::base::id::FlowId;
use crate::manage::authentication::flows::{self, NewFlow};
use crate::manage::error::ManageError;
use crate::manage::representation::authentication::FlowRepresentation;
use crate::web::administrator::AdminRequest;

use super::{Texts, all};

/// The flow of a profile of SAML that Keycloak keeps and does not list.
const NOT_LISTED: &str = "saml ecp";

/// `GET …/flows`: those that something can be bound to.
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let all = all(&cx).await?;
    let listed = all.flows.iter().filter(|flow| flow.top_level && flow.alias != NOT_LISTED);
    let shown: Vec<_> = listed.map(|flow| FlowRepresentation::of(flow, &all)).collect();
    Ok(answer::document(&shown))
}

/// `POST …/flows`: steps in the body are not taken, as in Keycloak.
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: FlowRepresentation = body::read(&cx, "AuthenticationFlowRepresentation")?;
    let new = NewFlow {
        alias: given.alias,
        description: given.description,
        provider_id: given.provider_id.unwrap_or_else(|| "basic-flow".to_owned()),
        top_level: given.top_level,
        built_in: given.built_in,
    };
    let (app, realm, new) = (&cx.app, &cx.realm().id, &new);
    let id = change!(cx, |txn| flows::create(txn, &app.env, realm, new))?;
    Ok(answer::created(&cx, &["authentication", "flows", id.as_str()]))
}

/// `GET …/flows/{id}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let all = all(&cx).await?;
    let flow = all.flow(&FlowId::from(cx.parameter("id"))).ok_or_else(ManageError::no_flow_with_id)?;
    Ok(answer::document(&FlowRepresentation::of(flow, &all)))
}

/// `PUT …/flows/{id}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: FlowRepresentation = body::read(&cx, "AuthenticationFlowRepresentation")?;
    let (realm, id, given) = (&cx.realm().id, &FlowId::from(cx.parameter("id")), &given);
    change!(cx, |txn| flows::update(txn, realm, id, &given.alias, given.description.as_deref()))?;
    Ok(answer::done())
}

/// `DELETE …/flows/{id}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &FlowId::from(cx.parameter("id")));
    change!(cx, |txn| flows::delete(txn, realm, id))?;
    Ok(answer::done())
}

/// `POST …/flows/{flowAlias}/copy`
pub async fn copy(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given = Texts::read(&cx)?;
    let (app, realm, alias, name) = (&cx.app, &cx.realm().id, cx.parameter("flowAlias"), given.get("newName").unwrap_or_default());
    let id = change!(cx, |txn| flows::copy(txn, &app.env, realm, alias, name))?;
    Ok(answer::created(&cx, &["authentication", "flows", alias, "copy", id.as_str()]))
}
