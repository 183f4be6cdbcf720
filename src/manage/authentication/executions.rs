//! The steps of a flow: an authenticator or another flow, with its requirement and its place among the others.

use crate::base::env::Env;
use crate::base::id::{AuthenticatorConfigId, ExecutionId, FlowId, RealmId};
use crate::manage::error::ManageError;
use crate::model::authentication::{Authentication, Execution, Flow, Requirement};
use crate::model::catalogue::authenticator;
use crate::store::txn::{Configuration, Txn};

use super::flows::{self, NewFlow};
use super::{MAX_EXECUTIONS, configs, edit, move_by_one};

/// What is wanted of a step that exists. What is absent stays.
#[derive(Clone, Debug, Default)]
pub struct ExecutionChange {
    pub requirement: Option<String>,
    pub priority: Option<i64>,
    /// For a step that is a flow: its alias and description.
    pub flow: Option<(String, Option<String>)>,
}

/// A step as a whole, for [`create`].
#[derive(Clone, Debug, Default)]
pub struct NewExecution {
    pub parent: Option<FlowId>,
    pub authenticator: Option<String>,
    pub flow: Option<FlowId>,
    pub config: Option<AuthenticatorConfigId>,
    /// Disabled when absent.
    pub requirement: Option<String>,
}

/// Adds an authenticator at the end of a flow. It is disabled, unless it can only be required.
///
/// # Errors
/// There is no such flow, it is one that every realm has, or no such authenticator for its kind.
pub async fn add(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &RealmId,
    flow: &str,
    authenticator: &str,
) -> Result<ExecutionId, ManageError> {
    edit(txn, realm, |all| {
        let parent = all.flow_by_alias(flow).ok_or_else(ManageError::no_parent_flow)?;
        check_own(parent, "It is illegal to add execution to a built in flow")?;
        let step = authenticator::of_flow(&parent.provider_id, authenticator);
        let step = step.ok_or_else(|| ManageError::no_authenticator(authenticator))?;
        let requirement = match step.choices {
            [only] => *only,
            _ => Requirement::Disabled,
        };
        let (parent, authenticator) = (parent.id.clone(), Some(authenticator.to_owned()));
        push(all, env, &parent, Execution { authenticator, ..empty(requirement) })
    })
    .await
}

/// Adds a new flow as a step at the end of a flow; the flow's id. `page` stands around the steps of a `form-flow`.
///
/// # Errors
/// There is no such flow, it is one that every realm has; the new one's alias is missing, taken or not allowed.
pub async fn add_flow(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &RealmId,
    flow: &str,
    new: &NewFlow,
    page: Option<&str>,
) -> Result<FlowId, ManageError> {
    edit(txn, realm, |all| {
        let parent = all.flow_by_alias(flow).ok_or_else(ManageError::no_parent_flow)?;
        check_own(parent, "It is illegal to add sub-flow to a built in flow")?;
        let parent = parent.id.clone();
        if new.alias.is_empty() {
            return Err(ManageError::flow_alias_missing("create"));
        }
        if all.flow_by_alias(&new.alias).is_some() {
            return Err(ManageError::new_flow_exists());
        }
        flows::check_depth(all, &parent, 1)?;
        let page = page.filter(|_| new.provider_id == "form-flow");
        if let Some(page) = page.filter(|page| !authenticator::FORMS.iter().any(|form| form.id == *page)) {
            return Err(ManageError::no_authenticator(page));
        }
        let id = flows::add(all, env, new)?;
        let step = Execution { authenticator: page.map(str::to_owned), flow: Some(id.clone()), ..empty(Requirement::Disabled) };
        push(all, env, &parent, step)?;
        Ok(id)
    })
    .await
}

/// Adds a step as it is given, at the end of its flow.
///
/// # Errors
/// It has no flow, or one that does not exist or that every realm has; it names what does not exist, or a flow that would then
/// contain itself.
pub async fn create(txn: &mut Txn<'_, Configuration>, env: &Env, realm: &RealmId, new: &NewExecution) -> Result<Execution, ManageError> {
    edit(txn, realm, |all| {
        let parent = new.parent.as_ref().ok_or_else(|| ManageError::built_in_flow("parent flow not set on new execution"))?;
        let parent = all.flow(parent).ok_or_else(|| ManageError::built_in_flow("execution parent flow does not exist"))?.clone();
        check_own(&parent, "It is illegal to add execution to a built in flow")?;
        let requirement = new.requirement.as_deref().map_or(Ok(Requirement::Disabled), requirement)?;
        if let Some(below) = &new.flow {
            let flow = all.flow(below).ok_or_else(|| ManageError::sub_flow(below.as_str()))?;
            if flow.top_level || flows::contains(all, below, &parent.id) {
                return Err(ManageError::sub_flow(&flow.alias));
            }
            flows::check_depth(all, &parent.id, flows::depth(all, below, 0))?;
        } else {
            let id = new.authenticator.as_deref().unwrap_or_default();
            authenticator::of_flow(&parent.provider_id, id).ok_or_else(|| ManageError::no_authenticator(id))?;
        }
        if new.config.as_ref().is_some_and(|config| all.config(config).is_none()) {
            return Err(ManageError::no_authenticator_config());
        }
        let step = Execution {
            authenticator: new.authenticator.clone(),
            flow: new.flow.clone(),
            config: new.config.clone(),
            ..empty(requirement)
        };
        let id = push(all, env, &parent.id, step.clone())?;
        Ok(Execution { id, ..step })
    })
    .await
}

/// Changes requirement, place and, of a step that is a flow, the flow's names. Requirements of flows that every realm has may
/// change, too, and the names of their sub-flows; their order may not.
///
/// # Errors
/// There is no such flow or step, no such requirement; the alias is taken.
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    flow: &str,
    id: &ExecutionId,
    change: &ExecutionChange,
) -> Result<(), ManageError> {
    let renamed = edit(txn, realm, |all| {
        if all.flow_by_alias(flow).is_none() {
            return Err(ManageError::no_flow());
        }
        let (parent, step) = all.execution(id).ok_or_else(ManageError::no_execution)?;
        let wanted = change.requirement.as_deref().map_or(Ok(step.requirement), requirement)?;
        let priority = change.priority.unwrap_or(step.priority);
        if priority != step.priority {
            check_own(parent, "It is illegal to modify execution in a built in flow")?;
        }
        let below = step.flow.clone();
        if let Some(step) = all.execution_mut(id) {
            (step.requirement, step.priority) = (wanted, priority);
        }
        match (&change.flow, below) {
            (Some((alias, description)), Some(below)) => flows::rename(all, &below, alias, description.as_deref()),
            _ => Ok(None),
        }
    })
    .await?;
    flows::follow_rename(txn, realm, renamed).await
}

/// Moves a step one place up or down in its flow.
///
/// # Errors
/// There is no such step, or it belongs to a flow that every realm has.
pub async fn move_step(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ExecutionId, raise: bool) -> Result<(), ManageError> {
    edit(txn, realm, |all| {
        let (parent, _) = all.execution(id).ok_or_else(ManageError::no_execution)?;
        check_own(parent, "It is illegal to modify execution in a built in flow")?;
        let parent = parent.id.clone();
        if let Some(flow) = all.flows.iter_mut().find(|flow| flow.id == parent) {
            move_by_one(&mut flow.executions, raise, |step| step.id == *id);
        }
        Ok(())
    })
    .await
}

/// Deletes a step with the flow and the configuration that only it has.
///
/// # Errors
/// There is no such step, or it belongs to a flow that every realm has.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ExecutionId) -> Result<(), ManageError> {
    edit(txn, realm, |all| {
        let (parent, step) = all.execution(id).ok_or_else(ManageError::no_execution)?;
        check_own(parent, "It is illegal to remove execution from a built in flow")?;
        let gone = Flow { executions: vec![step.clone()], ..parent.clone() };
        for flow in &mut all.flows {
            flow.executions.retain(|step| step.id != *id);
        }
        flows::remove_orphans(all, &gone);
        Ok(())
    })
    .await
}

/// Gives a step a new configuration, in the place of the one that it had.
///
/// # Errors
/// There is no such step; the alias is missing, taken or not allowed.
pub async fn configure(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &RealmId,
    id: &ExecutionId,
    config: &configs::NewConfig,
) -> Result<AuthenticatorConfigId, ManageError> {
    edit(txn, realm, |all| {
        if let Some(alias) = &config.alias {
            super::check_alias(alias)?;
        }
        let old = all.execution(id).ok_or_else(ManageError::no_execution)?.1.config.clone();
        let alias = config.alias.as_deref().ok_or_else(ManageError::authenticator_config_alias_missing)?;
        let made = configs::add(all, env, alias, config.values.clone())?;
        if let Some(step) = all.execution_mut(id) {
            step.config = Some(made.clone());
        }
        if let Some(old) = old {
            configs::remove_unused(all, &old);
        }
        Ok(made)
    })
    .await
}

fn requirement(name: &str) -> Result<Requirement, ManageError> {
    Requirement::parse(name).ok_or_else(|| ManageError::requirement(name))
}

fn check_own(flow: &Flow, refusal: &'static str) -> Result<(), ManageError> {
    if flow.built_in { Err(ManageError::built_in_flow(refusal)) } else { Ok(()) }
}

fn empty(requirement: Requirement) -> Execution {
    Execution { id: ExecutionId::default(), requirement, priority: 0, authenticator: None, flow: None, config: None }
}

/// Puts a step behind the others of its flow.
fn push(all: &mut Authentication, env: &Env, parent: &FlowId, step: Execution) -> Result<ExecutionId, ManageError> {
    let flow = all.flows.iter_mut().find(|flow| flow.id == *parent).ok_or_else(ManageError::no_parent_flow)?;
    if flow.executions.len() >= MAX_EXECUTIONS {
        return Err(ManageError::too_many("executions in this flow"));
    }
    let last = flow.executions.iter().map(|step| step.priority).max();
    let id = ExecutionId::random(env.random());
    flow.executions
        .push(Execution { id: id.clone(), priority: last.map_or(0, |last| last.saturating_add(1)), ..step });
    Ok(id)
}
