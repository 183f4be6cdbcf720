//! `/authentication/required-actions`, and those that a realm could register

use actix_web::HttpResponse;
use serde_json::json;

use crate::admin::answer;
use crate::admin::body;
use crate::admin::change::change;
use crate::admin::error::AdminError;
use crate::manage::authentication::required_actions::{self, ActionChange};
use crate::manage::error::ManageError;
use crate::manage::representation::authentication::{RequiredActionConfigRepresentation, RequiredActionRepresentation, present};
use crate::model::catalogue::required_action::{self, REQUIRED_ACTIONS, RequiredActionType};
use crate::web::administrator::AdminRequest;

use super::{Texts, all};

/// `GET …/required-actions`, in the order in which they are asked for
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let all = all(&cx).await?;
    let shown: Vec<_> = all.actions_in_order().into_iter().map(RequiredActionRepresentation::from).collect();
    Ok(answer::document(&shown))
}

/// `GET …/unregistered-required-actions`
pub async fn unregistered(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let all = all(&cx).await?;
    let free = |kind: &&RequiredActionType| !all.required_actions.iter().any(|action| action.provider_id == kind.id);
    let shown: Vec<_> = REQUIRED_ACTIONS.iter().filter(free).map(|kind| json!({ "providerId": kind.id, "name": kind.name })).collect();
    Ok(answer::document(&shown))
}

/// `POST …/register-required-action`
pub async fn register(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given = Texts::read(&cx)?;
    let (realm, provider, name) = (&cx.realm().id, given.get("providerId").unwrap_or_default(), given.get("name"));
    change!(cx, |txn| required_actions::register(txn, realm, provider, name))?;
    Ok(answer::done())
}

/// `GET …/required-actions/{alias}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let all = all(&cx).await?;
    let action = all.required_action(cx.parameter("alias")).ok_or_else(ManageError::no_required_action)?;
    Ok(answer::document(&RequiredActionRepresentation::from(action)))
}

/// `PUT …/required-actions/{alias}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: RequiredActionRepresentation = body::read(&cx, "RequiredActionProviderRepresentation")?;
    let wanted = ActionChange {
        alias: Some(given.alias),
        name: Some(given.name),
        enabled: given.enabled,
        default_action: given.default_action,
        priority: given.priority,
        config: present(given.config),
    };
    let (realm, alias, wanted) = (&cx.realm().id, cx.parameter("alias"), &wanted);
    change!(cx, |txn| required_actions::update(txn, realm, alias, wanted))?;
    Ok(answer::done())
}

/// `DELETE …/required-actions/{alias}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, alias) = (&cx.realm().id, cx.parameter("alias"));
    change!(cx, |txn| required_actions::delete(txn, realm, alias))?;
    Ok(answer::done())
}

/// `POST …/required-actions/{alias}/raise-priority`
pub async fn raise(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    move_action(&cx, true).await
}

/// `POST …/required-actions/{alias}/lower-priority`
pub async fn lower(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    move_action(&cx, false).await
}

/// `GET …/required-actions/{alias}/config-description`
pub async fn describe(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let kind = required_action::find(cx.parameter("alias"));
    let kind = kind.ok_or_else(|| AdminError::error(404, "Could not find configurable RequiredAction provider"))?;
    Ok(answer::document(&json!({ "properties": kind.properties })))
}

/// `GET …/required-actions/{alias}/config`
pub async fn read_config(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    is_configurable(&cx)?;
    let all = all(&cx).await?;
    let action = all.required_action(cx.parameter("alias")).ok_or_else(no_config)?;
    Ok(answer::document(&json!({ "config": action.config })))
}

/// `PUT …/required-actions/{alias}/config`
pub async fn configure(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: RequiredActionConfigRepresentation = body::read(&cx, "RequiredActionConfigRepresentation")?;
    set_config(&cx, given).await
}

/// `DELETE …/required-actions/{alias}/config`
pub async fn delete_config(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    set_config(&cx, RequiredActionConfigRepresentation::default()).await
}

async fn set_config(cx: &AdminRequest, given: RequiredActionConfigRepresentation) -> Result<HttpResponse, AdminError> {
    is_configurable(cx)?;
    let config = present(given.config);
    let (realm, alias, config) = (&cx.realm().id, cx.parameter("alias"), &config);
    change!(cx, |txn| required_actions::configure(txn, realm, alias, config))?;
    Ok(answer::done())
}

async fn move_action(cx: &AdminRequest, raise: bool) -> Result<HttpResponse, AdminError> {
    let (realm, alias) = (&cx.realm().id, cx.parameter("alias"));
    change!(cx, |txn| required_actions::move_action(txn, realm, alias, raise))?;
    Ok(answer::done())
}

fn is_configurable(cx: &AdminRequest) -> Result<(), AdminError> {
    let known = required_action::find(cx.parameter("alias")).is_some();
    if known { Ok(()) } else { Err(AdminError::error(400, "RequiredAction is not configurable")) }
}

fn no_config() -> AdminError {
    AdminError::error(404, "Could not find RequiredAction config")
}
