//! `/authentication/flows/{alias}/executions` and `/authentication/executions`

use actix_web::HttpResponse;

use crate::admin::answer;
use crate::admin::body;
use crate::admin::change::change;
use crate::admin::error::AdminError;
use crate::base::id::ExecutionId;
use crate::manage::authentication::executions::{self, ExecutionChange, NewExecution};
use crate::manage::authentication::flows::NewFlow;
use crate::manage::error::ManageError;
use crate::manage::representation::authentication::{ExecutionInfoRepresentation, StepRepresentation};
use crate::web::administrator::AdminRequest;

use super::configs;
use super::{Texts, all};

/// `GET …/flows/{flowAlias}/executions`: everything that the flow runs, with the level of each.
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let all = all(&cx).await?;
    let flow = all.flow_by_alias(cx.parameter("flowAlias")).ok_or_else(ManageError::no_flow)?;
    Ok(answer::document(&ExecutionInfoRepresentation::list(flow, &all)))
}

/// `PUT …/flows/{flowAlias}/executions`: the step that the body names.
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: ExecutionInfoRepresentation = body::read(&cx, "AuthenticationExecutionInfoRepresentation")?;
    let wanted = ExecutionChange {
        requirement: given.requirement,
        priority: given.priority,
        flow: given
            .display_name
            .filter(|alias| given.authentication_flow == Some(true) && !alias.is_empty())
            .map(|alias| (alias, given.description)),
    };
    let (realm, alias, id, wanted) = (&cx.realm().id, cx.parameter("flowAlias"), &given.id, &wanted);
    change!(cx, |txn| executions::update(txn, realm, alias, id, wanted))?;
    Ok(answer::done())
}

/// `POST …/flows/{flowAlias}/executions/execution`
pub async fn add(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given = Texts::read(&cx)?;
    let (app, realm, alias, provider) = (&cx.app, &cx.realm().id, cx.parameter("flowAlias"), given.get("provider").unwrap_or("null"));
    let id = change!(cx, |txn| executions::add(txn, &app.env, realm, alias, provider))?;
    Ok(answer::created(&cx, &["authentication", "executions", id.as_str()]))
}

/// `POST …/flows/{flowAlias}/executions/flow`
pub async fn add_flow(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given = Texts::read(&cx)?;
    let new = NewFlow {
        alias: given.get("alias").unwrap_or_default().to_owned(),
        description: given.get("description").map(str::to_owned),
        provider_id: given.get("type").unwrap_or("basic-flow").to_owned(),
        top_level: false,
        built_in: false,
    };
    let (app, realm, alias, new, page) = (&cx.app, &cx.realm().id, cx.parameter("flowAlias"), &new, given.get("provider"));
    let id = change!(cx, |txn| executions::add_flow(txn, &app.env, realm, alias, new, page))?;
    Ok(answer::created(&cx, &["authentication", "flows", id.as_str()]))
}

/// `POST …/executions`
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: StepRepresentation = body::read(&cx, "AuthenticationExecutionRepresentation")?;
    let new = NewExecution {
        parent: given.parent_flow,
        authenticator: given.authenticator,
        flow: given.flow_id,
        config: given.authenticator_config,
        requirement: given.requirement,
    };
    let (app, realm, new) = (&cx.app, &cx.realm().id, &new);
    let made = change!(cx, |txn| executions::create(txn, &app.env, realm, new))?;
    Ok(answer::created(&cx, &["authentication", "executions", made.id.as_str()]))
}

/// `GET …/executions/{executionId}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let all = all(&cx).await?;
    let (parent, step) = all.execution(&id(&cx)).ok_or_else(ManageError::no_execution)?;
    Ok(answer::document(&StepRepresentation::of(parent, step)))
}

/// `DELETE …/executions/{executionId}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &id(&cx));
    change!(cx, |txn| executions::delete(txn, realm, id))?;
    Ok(answer::done())
}

/// `POST …/executions/{executionId}/raise-priority`
pub async fn raise(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    move_step(&cx, true).await
}

/// `POST …/executions/{executionId}/lower-priority`
pub async fn lower(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    move_step(&cx, false).await
}

/// `POST …/executions/{executionId}/config`
pub async fn configure(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let config = configs::given(&cx)?;
    let (app, realm, id, config) = (&cx.app, &cx.realm().id, &id(&cx), &config);
    let made = change!(cx, |txn| executions::configure(txn, &app.env, realm, id, config))?;
    Ok(answer::created(&cx, &["authentication", "executions", id.as_str(), "config", made.as_str()]))
}

async fn move_step(cx: &AdminRequest, raise: bool) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &id(cx));
    change!(cx, |txn| executions::move_step(txn, realm, id, raise))?;
    Ok(answer::done())
}

fn id(cx: &AdminRequest) -> ExecutionId {
    ExecutionId::from(cx.parameter("executionId"))
}
