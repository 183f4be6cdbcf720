//! How a realm authenticates, as data: flows with their executions, configurations of authenticators, required actions.
//! One document per realm, because they refer to each other and are read together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::{AuthenticatorConfigId, ExecutionId, FlowId};

/// Everything of one realm.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Authentication {
    pub flows: Vec<Flow>,
    pub configs: Vec<AuthenticatorConfig>,
    pub required_actions: Vec<RequiredAction>,
}

/// A flow: its executions are tried in the order of their priorities.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flow {
    pub id: FlowId,
    pub alias: String,
    pub description: Option<String>,
    /// `basic-flow`, `form-flow`, `client-flow`.
    pub provider_id: String,
    /// Whether a realm or client can be bound to it; the others are sub-flows.
    pub top_level: bool,
    pub built_in: bool,
    #[serde(default)]
    pub executions: Vec<Execution>,
}

/// One step of a flow.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    pub id: ExecutionId,
    pub requirement: Requirement,
    pub priority: i64,
    /// The authenticator that runs; a form's sub-flow has one, too: the page around its parts.
    pub authenticator: Option<String>,
    pub flow: Option<FlowId>,
    pub config: Option<AuthenticatorConfigId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Requirement {
    Required,
    Alternative,
    Conditional,
    Disabled,
}

/// What an authenticator was told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatorConfig {
    pub id: AuthenticatorConfigId,
    pub alias: String,
    #[serde(default)]
    pub config: BTreeMap<String, String>,
}

/// Something that a user must do before he gets in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequiredAction {
    pub alias: String,
    pub name: String,
    pub provider_id: String,
    pub enabled: bool,
    /// Every new user gets it.
    pub default_action: bool,
    pub priority: i64,
    #[serde(default)]
    pub config: BTreeMap<String, String>,
}

impl Requirement {
    /// Reads the name that representations have.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Required, Self::Alternative, Self::Conditional, Self::Disabled]
            .into_iter()
            .find(|known| known.name() == name)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::Alternative => "ALTERNATIVE",
            Self::Conditional => "CONDITIONAL",
            Self::Disabled => "DISABLED",
        }
    }
}

impl Flow {
    /// Its steps in the order in which they are tried.
    pub fn in_order(&self) -> Vec<&Execution> {
        let mut executions: Vec<&Execution> = self.executions.iter().collect();
        executions.sort_by_key(|execution| execution.priority);
        executions
    }
}

impl Authentication {
    pub fn flow(&self, id: &FlowId) -> Option<&Flow> {
        self.flows.iter().find(|flow| flow.id == *id)
    }

    pub fn flow_by_alias(&self, alias: &str) -> Option<&Flow> {
        self.flows.iter().find(|flow| flow.alias == alias)
    }

    pub fn config(&self, id: &AuthenticatorConfigId) -> Option<&AuthenticatorConfig> {
        self.configs.iter().find(|config| config.id == *id)
    }

    /// An execution with the flow that it is a step of.
    pub fn execution(&self, id: &ExecutionId) -> Option<(&Flow, &Execution)> {
        let of = |flow: &'_ Flow| flow.executions.iter().position(|execution| execution.id == *id);
        self.flows.iter().find_map(|flow| Some((flow, &flow.executions[of(flow)?])))
    }

    pub fn execution_mut(&mut self, id: &ExecutionId) -> Option<&mut Execution> {
        self.flows.iter_mut().flat_map(|flow| &mut flow.executions).find(|execution| execution.id == *id)
    }

    pub fn required_action(&self, alias: &str) -> Option<&RequiredAction> {
        self.required_actions.iter().find(|action| action.alias == alias)
    }

    /// The required actions in the order in which they are asked for.
    pub fn actions_in_order(&self) -> Vec<&RequiredAction> {
        let mut actions: Vec<&RequiredAction> = self.required_actions.iter().collect();
        actions.sort_by_key(|action| action.priority);
        actions
    }

    /// The required action with this alias, if it is registered and enabled. Others are ignored wherever a user has them.
    pub fn enabled_action(&self, alias: &str) -> Option<&RequiredAction> {
        self.required_actions.iter().find(|action| action.alias == alias && action.enabled)
    }
}
