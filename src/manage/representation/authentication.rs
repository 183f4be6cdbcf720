//! `AuthenticationFlowRepresentation` with its executions as REST's list and an export have them, `AuthenticatorConfigRepresentation`,
//! `RequiredActionProviderRepresentation`. Executions name their sub-flow and their configuration by alias.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::{AuthenticatorConfigId, FlowId};
use crate::model::authentication::{Authentication, AuthenticatorConfig, Execution, Flow, RequiredAction, Requirement};

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
            authentication_executions: flow.executions.iter().map(|execution| ExecutionRepresentation::of(execution, all)).collect(),
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

fn present(config: BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
    config.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
