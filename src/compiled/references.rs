//! Authentication method references (RFC 8176): what the claim `amr` says for a step of a flow, by the configuration of its
//! authenticator. A session remembers which of these steps were done, and when.

use std::collections::HashMap;

use crate::base::clock::Timestamp;
use crate::base::id::{ExecutionId, FlowId};
use crate::model::authentication::{Authentication, Flow, Requirement};

/// The note of a user session that says which steps were done: a JSON object of execution ids and whole seconds.
pub const COMPLETED: &str = "authenticators-completed";

/// Where Keycloak's console keeps them in an authenticator's configuration.
const VALUE: &str = "default.reference.value";
const MAX_AGE: &str = "default.reference.maxAge";

/// Flows inside of flows that are followed; they could be nested into each other.
const MAX_DEPTH: usize = 16;

/// The references of a realm's flows.
#[derive(Debug, Default)]
pub struct References {
    by_execution: HashMap<ExecutionId, Reference>,
    /// Of top-level flows with references: their steps, the nested ones included, with the authenticators that run.
    steps: HashMap<FlowId, Vec<(String, ExecutionId)>>,
    by_alias: HashMap<String, FlowId>,
}

#[derive(Debug)]
struct Reference {
    value: String,
    /// Seconds after the step for which the token says it.
    max_age: i64,
}

impl References {
    pub(super) fn new(authentication: &Authentication) -> Self {
        let mut references = Self::default();
        for execution in authentication.flows.iter().flat_map(|flow| &flow.executions) {
            let config = execution.config.as_ref().and_then(|id| authentication.config(id));
            let Some(value) = config.and_then(|config| config.config.get(VALUE)).filter(|value| !value.is_empty()) else { continue };
            // A text that is no number makes the reference worthless, as in Keycloak.
            let max_age = config.and_then(|config| config.config.get(MAX_AGE)).map_or(Ok(0), |text| text.parse());
            if let Ok(max_age) = max_age {
                references.by_execution.insert(execution.id.clone(), Reference { value: value.clone(), max_age });
            }
        }
        if references.by_execution.is_empty() {
            return references;
        }
        for flow in authentication.flows.iter().filter(|flow| flow.top_level) {
            let mut steps = Vec::new();
            references.collect(authentication, flow, &mut steps, 0);
            references.by_alias.insert(flow.alias.clone(), flow.id.clone());
            references.steps.insert(flow.id.clone(), steps);
        }
        references
    }

    fn collect(&self, authentication: &Authentication, flow: &Flow, steps: &mut Vec<(String, ExecutionId)>, depth: usize) {
        let mut executions: Vec<_> = flow.executions.iter().filter(|execution| execution.requirement != Requirement::Disabled).collect();
        executions.sort_by_key(|execution| execution.priority);
        for execution in executions {
            if let Some(authenticator) = execution.authenticator.as_ref().filter(|_| self.by_execution.contains_key(&execution.id)) {
                steps.push((authenticator.clone(), execution.id.clone()));
            }
            if let Some(nested) = execution.flow.as_ref().and_then(|id| authentication.flow(id)).filter(|_| depth < MAX_DEPTH) {
                self.collect(authentication, nested, steps, depth + 1);
            }
        }
    }

    /// What a session notes when in the flow `bound` (its id), or else the one with this alias, the steps were done that run
    /// `done`. `None` when none of them has a reference: then there is nothing worth remembering.
    pub fn completed(&self, bound: Option<&str>, alias: &str, now: Timestamp, done: impl Fn(&str) -> bool) -> Option<String> {
        let flow = bound.map(|id| FlowId::from(id.to_owned())).or_else(|| self.by_alias.get(alias).cloned())?;
        let steps = self.steps.get(&flow)?.iter().filter(|(authenticator, _)| done(authenticator));
        let noted: serde_json::Map<_, _> = steps.map(|(_, id)| (id.to_string(), now.seconds().into())).collect();
        (!noted.is_empty()).then(|| serde_json::Value::Object(noted).to_string())
    }

    /// What `amr` says at `now` after the steps that `noted` tells of.
    pub fn values(&self, noted: &str, now: Timestamp) -> Vec<&str> {
        let Ok(noted) = serde_json::from_str::<serde_json::Map<_, _>>(noted) else { return Vec::new() };
        let valid = noted.iter().filter_map(|(id, at)| {
            let reference = self.by_execution.get(&ExecutionId::from(id.as_str()))?;
            (at.as_i64()?.saturating_add(reference.max_age) >= now.seconds()).then_some(reference.value.as_str())
        });
        valid.collect()
    }
}
