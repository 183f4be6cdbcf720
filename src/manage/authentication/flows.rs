//! Flows: made, copied with everything below, renamed where they are used, deleted with what only they run. Those that every
//! realm begins with stay, and so does what a realm, a client or an identity provider is bound to.

use std::collections::HashSet;

use crate::base::env::Env;
use crate::base::id::{AuthenticatorConfigId, ExecutionId, FlowId, RealmId};
use crate::manage::error::ManageError;
use crate::manage::realms;
use crate::model::authentication::{Authentication, Execution, Flow};
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::{MAX_DESCRIPTION, MAX_FLOWS, check_alias, configs, edit, read};

/// Flows inside flows, at most: nobody nests deeper, and walking them recurses.
const MAX_DEPTH: usize = 32;

/// A flow to create.
#[derive(Clone, Debug, Default)]
pub struct NewFlow {
    pub alias: String,
    pub description: Option<String>,
    /// `basic-flow`, `form-flow`, `client-flow`.
    pub provider_id: String,
    pub top_level: bool,
    pub built_in: bool,
}

/// Creates a flow without steps.
///
/// # Errors
/// The alias is missing, taken or not allowed; there is no such kind of flow.
pub async fn create(txn: &mut Txn<'_, Configuration>, env: &Env, realm: &RealmId, new: &NewFlow) -> Result<FlowId, ManageError> {
    edit(txn, realm, |all| {
        if new.alias.is_empty() {
            return Err(ManageError::flow_alias_missing("create"));
        }
        if all.flow_by_alias(&new.alias).is_some() {
            return Err(ManageError::flow_exists(&new.alias));
        }
        add(all, env, new)
    })
    .await
}

/// Copies a flow under a new name, with copies of its sub-flows and configurations under the new name and theirs.
///
/// # Errors
/// There is no such flow; the name is missing, taken or not allowed, or that of something below.
pub async fn copy(txn: &mut Txn<'_, Configuration>, env: &Env, realm: &RealmId, alias: &str, name: &str) -> Result<FlowId, ManageError> {
    edit(txn, realm, |all| {
        if all.flow_by_alias(name).is_some() {
            return Err(ManageError::new_flow_exists());
        }
        let Some(original) = all.flow_by_alias(alias).cloned() else { return Err(ManageError::no_flow()) };
        if name.is_empty() {
            return Err(ManageError::flow_alias_missing("create"));
        }
        copy_below(all, env, &original, name.to_owned(), name, 0)
    })
    .await
}

/// Gives a flow another alias and description. Whatever is bound to it goes on being bound to it.
///
/// # Errors
/// There is no such flow; the alias is missing, taken or not allowed.
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &FlowId,
    alias: &str,
    description: Option<&str>,
) -> Result<(), ManageError> {
    let renamed = edit(txn, realm, |all| {
        if all.flow(id).is_none() {
            return Err(ManageError::no_flow_with_id());
        }
        if alias.is_empty() {
            return Err(ManageError::flow_alias_missing("update"));
        }
        rename(all, id, alias, description)
    })
    .await?;
    follow_rename(txn, realm, renamed).await
}

/// Deletes a flow, what runs it as a step, and what is below it and runs nowhere else.
///
/// # Errors
/// There is no such flow, it is one that every realm has, or something is bound to it.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &FlowId) -> Result<(), ManageError> {
    let all = read(txn, realm).await?;
    let flow = all.flow(id).ok_or_else(ManageError::no_flow)?;
    if flow.built_in {
        return Err(ManageError::built_in_flow("Can't delete built in flow"));
    }
    if let Some(user) = bound_by(txn, realm, flow).await? {
        return Err(ManageError::flow_in_use(&flow.alias, &user));
    }
    edit(txn, realm, |all| {
        for flow in &mut all.flows {
            flow.executions.retain(|execution| execution.flow.as_ref() != Some(id));
        }
        all.flows.retain(|flow| flow.id != *id);
        remove_orphans(all, flow);
        Ok(())
    })
    .await
}

/// Adds a flow; its alias is free.
pub(super) fn add(all: &mut Authentication, env: &Env, new: &NewFlow) -> Result<FlowId, ManageError> {
    check_alias(&new.alias)?;
    check_description(new.description.as_deref())?;
    if !matches!(new.provider_id.as_str(), "basic-flow" | "form-flow" | "client-flow") {
        return Err(ManageError::flow_kind(&new.provider_id));
    }
    if all.flows.len() >= MAX_FLOWS {
        return Err(ManageError::too_many("flows"));
    }
    let id = FlowId::random(env.random());
    all.flows.push(Flow {
        id: id.clone(),
        alias: new.alias.clone(),
        // A new flow has a description, if only an empty one.
        description: Some(new.description.clone().unwrap_or_default()),
        provider_id: new.provider_id.clone(),
        top_level: new.top_level,
        built_in: new.built_in,
        executions: Vec::new(),
    });
    Ok(id)
}

/// Gives a flow another alias and description; the old alias and the new one, if they differ.
pub(super) fn rename(
    all: &mut Authentication,
    id: &FlowId,
    alias: &str,
    description: Option<&str>,
) -> Result<Option<(String, String)>, ManageError> {
    if all.flow_by_alias(alias).is_some_and(|other| other.id != *id) {
        return Err(ManageError::flow_alias_taken());
    }
    check_description(description)?;
    let Some(flow) = all.flows.iter_mut().find(|flow| flow.id == *id) else { return Err(ManageError::no_execution()) };
    if flow.alias != alias {
        check_alias(alias)?;
    }
    if let Some(description) = description {
        flow.description = Some(description.to_owned());
    }
    let old = std::mem::replace(&mut flow.alias, alias.to_owned());
    Ok((old != alias).then(|| (old, alias.to_owned())))
}

/// Realm and identity providers name flows by alias: they follow to the new one.
pub(super) async fn follow_rename(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    renamed: Option<(String, String)>,
) -> Result<(), ManageError> {
    let Some((old, new)) = renamed else { return Ok(()) };
    let before = realms::existing(txn, realm).await?;
    let mut after = before.clone();
    for bound in realms::bound_flows_mut(&mut after) {
        if *bound == old {
            bound.clone_from(&new);
        }
    }
    if after != before {
        txn.realms().put(&before, &after);
    }
    for mut provider in txn.identity_providers().list(realm).await? {
        let flows = [&mut provider.first_broker_login_flow_alias, &mut provider.post_broker_login_flow_alias];
        let mut follows = false;
        for alias in flows.into_iter().flatten().filter(|alias| **alias == old) {
            alias.clone_from(&new);
            follows = true;
        }
        if follows {
            txn.identity_providers().put(realm, &provider);
        }
    }
    Ok(())
}

/// Whether `flow` or something below it runs `wanted`.
pub(super) fn contains(all: &Authentication, flow: &FlowId, wanted: &FlowId) -> bool {
    let (mut waiting, mut seen) = (vec![flow.clone()], HashSet::new());
    while let Some(id) = waiting.pop() {
        if id == *wanted {
            return true;
        }
        if seen.insert(id.clone()) {
            let steps = all.flow(&id).into_iter().flat_map(|flow| &flow.executions);
            waiting.extend(steps.filter_map(|execution| execution.flow.clone()));
        }
    }
    false
}

/// How many flows stand above each other below this one, itself included.
pub(super) fn depth(all: &Authentication, flow: &FlowId, so_far: usize) -> usize {
    if so_far > MAX_DEPTH {
        return so_far;
    }
    let below = all.flow(flow).into_iter().flat_map(|flow| &flow.executions).filter_map(|execution| execution.flow.as_ref());
    1 + below.map(|flow| depth(all, flow, so_far + 1)).max().unwrap_or(0)
}

/// Whether a flow as deep as `below` may become a step of `parent`.
pub(super) fn check_depth(all: &Authentication, parent: &FlowId, below: usize) -> Result<(), ManageError> {
    let above = all.flows.iter().filter(|flow| contains(all, &flow.id, parent)).count();
    if above + below > MAX_DEPTH { Err(ManageError::too_many("flows inside each other")) } else { Ok(()) }
}

/// Removes what the steps of `gone` ran and configured, where nothing else does.
pub(super) fn remove_orphans(all: &mut Authentication, gone: &Flow) {
    let mut waiting = vec![gone.clone()];
    while let Some(gone) = waiting.pop() {
        for step in &gone.executions {
            if let Some(config) = &step.config {
                configs::remove_unused(all, config);
            }
            let Some(below) = &step.flow else { continue };
            let runs = all.flows.iter().flat_map(|flow| &flow.executions).any(|execution| execution.flow.as_ref() == Some(below));
            let lonely = all.flows.iter().position(|flow| flow.id == *below && !flow.top_level && !flow.built_in);
            if let Some(place) = lonely.filter(|_| !runs) {
                waiting.push(all.flows.remove(place));
            }
        }
    }
}

fn check_description(description: Option<&str>) -> Result<(), ManageError> {
    match description {
        Some(text) if text.len() > MAX_DESCRIPTION => Err(ManageError::too_large("Description")),
        _ => Ok(()),
    }
}

fn copy_below(
    all: &mut Authentication,
    env: &Env,
    original: &Flow,
    alias: String,
    name: &str,
    level: usize,
) -> Result<FlowId, ManageError> {
    if all.flow_by_alias(&alias).is_some() {
        return Err(ManageError::new_flow_exists());
    }
    if level > MAX_DEPTH {
        return Err(ManageError::too_many("flows inside each other"));
    }
    let copy = NewFlow {
        alias,
        description: original.description.clone(),
        provider_id: original.provider_id.clone(),
        top_level: level == 0 && original.top_level,
        built_in: false,
    };
    let id = add(all, env, &copy)?;
    let mut executions = Vec::with_capacity(original.executions.len());
    for step in &original.executions {
        let below = step.flow.as_ref().and_then(|flow| all.flow(flow)).cloned();
        let flow = match below {
            Some(below) => Some(copy_below(all, env, &below, format!("{name} {}", below.alias), name, level + 1)?),
            None => None,
        };
        let config = match &step.config {
            Some(config) => copy_config(all, env, config, name)?,
            None => None,
        };
        executions.push(Execution { id: ExecutionId::random(env.random()), flow, config, ..step.clone() });
    }
    if let Some(copy) = all.flows.iter_mut().find(|flow| flow.id == id) {
        copy.executions = executions;
    }
    Ok(id)
}

fn copy_config(
    all: &mut Authentication,
    env: &Env,
    id: &AuthenticatorConfigId,
    name: &str,
) -> Result<Option<AuthenticatorConfigId>, ManageError> {
    let Some(original) = all.config(id).cloned() else { return Ok(None) };
    configs::add(all, env, &format!("{name} {}", original.alias), original.config).map(Some)
}

/// Who is bound to a flow, in words; `None` if nobody is.
async fn bound_by(txn: &mut Txn<'_, Configuration>, id: &RealmId, flow: &Flow) -> Result<Option<String>, ManageError> {
    let realm = realms::existing(txn, id).await?;
    if realms::bound_flows(&realm).contains(&flow.alias.as_str()) {
        return Ok(Some("the realm".to_owned()));
    }
    for provider in txn.identity_providers().list(id).await? {
        let flows = [&provider.first_broker_login_flow_alias, &provider.post_broker_login_flow_alias];
        if flows.into_iter().flatten().any(|alias| *alias == flow.alias) {
            return Ok(Some(format!("identity provider {}", provider.alias)));
        }
    }
    let clients = txn.clients().list(id).await?.into_iter();
    let mut bound = clients.filter(|client| client.authentication_flow_binding_overrides.values().any(|bound| bound == flow.id.as_str()));
    Ok(bound.next().map(|client| format!("client {}", client.client_id)))
}
