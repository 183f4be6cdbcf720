//! `AuthenticationFlowRepresentation` with its executions as REST's list and an export have them, `AuthenticatorConfigRepresentation`,
//! `RequiredActionProviderRepresentation`. Executions name their sub-flow and their configuration by alias.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::{AuthenticatorConfigId, ExecutionId, FlowId};
use crate::model::authentication::{Authentication, AuthenticatorConfig, Execution, Flow, RequiredAction, Requirement};
use crate::model::catalogue::authenticator;

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FlowRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<FlowId>,
    pub alias: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    pub top_level: bool,
    pub built_in: bool,
    pub authentication_executions: Vec<ExecutionRepresentation>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authenticator_config: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authenticator: Option<String>,
    #[serde(default)]
    pub authenticator_flow: bool,
    pub requirement: Requirement,
    #[serde(default)]
    pub priority: i64,
    /// The same as `authenticatorFlow`, under the misspelt name that Keycloak has always written.
    #[serde(default, rename = "autheticatorFlow")]
    pub misspelt_authenticator_flow: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_alias: Option<String>,
    #[serde(default)]
    pub user_setup_allowed: bool,
}

/// `AuthenticationExecutionRepresentation`: one step by ids, not by aliases.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StepRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authenticator_config: Option<AuthenticatorConfigId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authenticator: Option<String>,
    pub authenticator_flow: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    pub priority: i64,
    #[serde(rename = "autheticatorFlow")]
    pub misspelt_authenticator_flow: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ExecutionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_id: Option<FlowId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_flow: Option<FlowId>,
}

/// `AuthenticationExecutionInfoRepresentation`: one line of the list of everything that a flow runs, sub-flows included.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionInfoRepresentation {
    pub id: ExecutionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub requirement_choices: Vec<String>,
    pub configurable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_flow: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_config: Option<AuthenticatorConfigId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_id: Option<FlowId>,
    /// How many flows stand above it, and its place in its own.
    pub level: usize,
    pub index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthenticatorConfigRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<AuthenticatorConfigId>,
    pub alias: String,
    pub config: BTreeMap<String, Option<String>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequiredActionRepresentation {
    pub alias: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    pub enabled: bool,
    pub default_action: bool,
    pub priority: i64,
    pub config: BTreeMap<String, Option<String>>,
}

/// `RequiredActionConfigRepresentation`
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RequiredActionConfigRepresentation {
    pub config: BTreeMap<String, Option<String>>,
}

impl FlowRepresentation {
    /// `flow` is one of `all`.
    pub fn of(flow: &Flow, all: &Authentication) -> Self {
        Self {
            id: Some(flow.id.clone()),
            alias: flow.alias.clone(),
            description: flow.description.clone(),
            provider_id: Some(flow.provider_id.clone()),
            top_level: flow.top_level,
            built_in: flow.built_in,
            authentication_executions: flow.in_order().into_iter().map(|execution| ExecutionRepresentation::of(execution, all)).collect(),
        }
    }
}

impl ExecutionRepresentation {
    fn of(execution: &Execution, all: &Authentication) -> Self {
        let is_flow = execution.flow.is_some();
        Self {
            authenticator_config: execution.config.as_ref().and_then(|id| Some(all.config(id)?.alias.clone())),
            authenticator: execution.authenticator.clone(),
            authenticator_flow: is_flow,
            requirement: execution.requirement,
            priority: execution.priority,
            misspelt_authenticator_flow: is_flow,
            flow_alias: execution.flow.as_ref().and_then(|id| Some(all.flow(id)?.alias.clone())),
            user_setup_allowed: false,
        }
    }
}

impl StepRepresentation {
    pub fn of(parent: &Flow, step: &Execution) -> Self {
        let is_flow = step.flow.is_some();
        Self {
            authenticator_config: step.config.clone(),
            authenticator: step.authenticator.clone(),
            authenticator_flow: is_flow,
            requirement: Some(step.requirement.name().to_owned()),
            priority: step.priority,
            misspelt_authenticator_flow: is_flow,
            id: Some(step.id.clone()),
            flow_id: step.flow.clone(),
            parent_flow: Some(parent.id.clone()),
        }
    }
}

impl ExecutionInfoRepresentation {
    /// Everything that `flow` runs, each sub-flow followed by its own steps.
    pub fn list(flow: &Flow, all: &Authentication) -> Vec<Self> {
        let mut lines = Vec::new();
        Self::add(&mut lines, flow, all, 0);
        lines
    }

    fn add(lines: &mut Vec<Self>, flow: &Flow, all: &Authentication, level: usize) {
        // No change makes a circle; an imported one ends here.
        if level > all.flows.len() {
            return;
        }
        for (index, step) in flow.in_order().into_iter().enumerate() {
            let line = Self {
                id: step.id.clone(),
                requirement: Some(step.requirement.name().to_owned()),
                level,
                index,
                priority: Some(step.priority),
                ..Self::default()
            };
            let below = step.flow.as_ref().and_then(|id| all.flow(id));
            match below {
                Some(below) => {
                    lines.push(line.of_flow(step, below));
                    Self::add(lines, below, all, level + 1);
                }
                None => lines.push(line.of_authenticator(step, all)),
            }
        }
    }

    fn of_flow(self, step: &Execution, below: &Flow) -> Self {
        let is_form = below.provider_id == "form-flow";
        let choices: &[Requirement] = match below.provider_id.as_str() {
            "form-flow" => &[Requirement::Required, Requirement::Disabled],
            "client-flow" => &[Requirement::Alternative, Requirement::Required, Requirement::Disabled],
            _ => &[Requirement::Required, Requirement::Alternative, Requirement::Disabled, Requirement::Conditional],
        };
        Self {
            display_name: Some(below.alias.clone()),
            description: below.description.clone(),
            requirement_choices: names(choices),
            authentication_flow: Some(true),
            provider_id: step.authenticator.clone().filter(|_| is_form),
            authentication_config: step.config.clone().filter(|_| is_form),
            flow_id: Some(below.id.clone()),
            ..self
        }
    }

    /// An authenticator that nobody knows, from an import, is shown by its id.
    fn of_authenticator(self, step: &Execution, all: &Authentication) -> Self {
        let id = step.authenticator.as_deref().unwrap_or_default();
        let kind = authenticator::find(id);
        let configurable = kind.is_some_and(authenticator::Step::is_configurable);
        let config = step.config.as_ref().and_then(|config| all.config(config));
        Self {
            display_name: Some(kind.map_or(id, |kind| kind.name).to_owned()),
            alias: config.filter(|_| configurable).map(|config| config.alias.clone()),
            requirement_choices: kind.map_or_else(Vec::new, |kind| names(kind.choices)),
            configurable,
            provider_id: Some(id.to_owned()),
            authentication_config: step.config.clone(),
            ..self
        }
    }
}

fn names(choices: &[Requirement]) -> Vec<String> {
    choices.iter().map(|choice| choice.name().to_owned()).collect()
}

impl From<&AuthenticatorConfig> for AuthenticatorConfigRepresentation {
    fn from(config: &AuthenticatorConfig) -> Self {
        let values = config.config.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        Self { id: Some(config.id.clone()), alias: config.alias.clone(), config: values.collect() }
    }
}

impl AuthenticatorConfigRepresentation {
    /// The configuration, under its own id or else `fresh`.
    pub fn into_model(self, fresh: AuthenticatorConfigId) -> AuthenticatorConfig {
        AuthenticatorConfig { id: self.id.unwrap_or(fresh), alias: self.alias, config: present(self.config) }
    }
}

impl From<&RequiredAction> for RequiredActionRepresentation {
    fn from(action: &RequiredAction) -> Self {
        Self {
            alias: action.alias.clone(),
            name: action.name.clone(),
            provider_id: Some(action.provider_id.clone()),
            enabled: action.enabled,
            default_action: action.default_action,
            priority: action.priority,
            config: action.config.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
        }
    }
}

impl From<RequiredActionRepresentation> for RequiredAction {
    fn from(action: RequiredActionRepresentation) -> Self {
        Self {
            provider_id: action.provider_id.unwrap_or_else(|| action.alias.clone()),
            alias: action.alias,
            name: action.name,
            enabled: action.enabled,
            default_action: action.default_action,
            priority: action.priority,
            config: present(action.config),
        }
    }
}

/// A map of texts without its nulls.
pub fn present(config: BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
    config.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
