//! Flows with their executions, configurations of authenticators, required actions.

use std::collections::{HashMap, HashSet};

use crate::base::id::{AuthenticatorConfigId, ExecutionId, FlowId};
use crate::manage::defaults;
use crate::manage::representation::authentication::{AuthenticatorConfigRepresentation, FlowRepresentation, RequiredActionRepresentation};
use crate::model::authentication::{Authentication, AuthenticatorConfig, Execution, Flow, RequiredAction};

use super::document::Members;
use super::draft::Draft;

/// Everything of a file; a section that it does not have is that of a new realm.
pub(super) fn authentication(draft: &mut Draft<'_>, members: &mut Members, master: bool) -> Authentication {
    let usual = defaults::authentication::all(draft.env.random(), master);
    let flows = draft.list::<FlowRepresentation>("authenticationFlows", members.remove("authenticationFlows"));
    let configs = draft.list::<AuthenticatorConfigRepresentation>("authenticatorConfig", members.remove("authenticatorConfig"));
    let actions = draft.list::<RequiredActionRepresentation>("requiredActions", members.remove("requiredActions"));
    let (flows, configs) = if flows.is_empty() { (usual.flows, usual.configs) } else { linked(draft, flows, configs) };
    let required_actions = if actions.is_empty() {
        usual.required_actions
    } else {
        actions.into_iter().map(|(_, action)| RequiredAction::from(action)).collect()
    };
    check_actions(draft, &required_actions);
    Authentication { flows, configs, required_actions }
}

fn linked(
    draft: &mut Draft<'_>,
    flows: Vec<(String, FlowRepresentation)>,
    configs: Vec<(String, AuthenticatorConfigRepresentation)>,
) -> (Vec<Flow>, Vec<AuthenticatorConfig>) {
    let mut stored = Vec::new();
    let mut config_ids = HashMap::new();
    for (place, config) in configs {
        let config = config.into_model(AuthenticatorConfigId::random(draft.env.random()));
        draft.check_id(&place, config.id.as_str());
        if config_ids.insert(config.alias.clone(), config.id.clone()).is_some() {
            draft.problems.add(place, format!("the configuration {:?} is there twice", config.alias));
        }
        stored.push(config);
    }
    let mut flow_ids = HashMap::new();
    for (place, flow) in &flows {
        draft.check_name(place, &flow.alias);
        let id = flow.id.clone().unwrap_or_else(|| FlowId::random(draft.env.random()));
        draft.check_id(place, id.as_str());
        if flow_ids.insert(flow.alias.clone(), id).is_some() {
            draft.problems.add(place, format!("the flow {:?} is there twice", flow.alias));
        }
    }
    let flows = flows.into_iter().map(|(place, given)| {
        let mut executions = Vec::new();
        for given in given.authentication_executions {
            let flow = given.flow_alias.as_ref().and_then(|alias| flow_ids.get(alias)).cloned();
            let config = given.authenticator_config.as_ref().and_then(|alias| config_ids.get(alias)).cloned();
            if let Some(alias) = given.flow_alias.filter(|_| flow.is_none()) {
                draft.problems.add(&place, format!("it runs the flow {alias:?}, which does not exist"));
            }
            if let Some(alias) = given.authenticator_config.filter(|_| config.is_none()) {
                draft.problems.add(&place, format!("it uses the configuration {alias:?}, which does not exist"));
            }
            executions.push(Execution {
                id: ExecutionId::random(draft.env.random()),
                requirement: given.requirement,
                priority: given.priority,
                authenticator: given.authenticator,
                flow,
                config,
            });
        }
        Flow {
            id: flow_ids[&given.alias].clone(),
            alias: given.alias,
            description: given.description,
            provider_id: given.provider_id.unwrap_or_else(|| "basic-flow".to_owned()),
            top_level: given.top_level,
            built_in: given.built_in,
            executions,
        }
    });
    (flows.collect(), stored)
}

fn check_actions(draft: &mut Draft<'_>, actions: &[RequiredAction]) {
    let mut seen = HashSet::new();
    for action in actions {
        if !seen.insert(&action.alias) {
            draft.problems.add("requiredActions", format!("the action {:?} is there twice", action.alias));
        }
    }
}
