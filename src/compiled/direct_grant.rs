//! What a direct-grant flow asks of who signs in by `grant_type=password`. The grant itself asks for name and password; the flow
//! decides about the one-time password. What nothing here can run is refused where it is required, and a condition that nothing
//! here can judge counts as met: a flow never lets in whom Keycloak would not.

use crate::base::id::FlowId;
use crate::model::authentication::{Authentication, Execution, Flow, Requirement};

/// Flows inside flows that are looked at.
const MAX_DEPTH: usize = 32;

/// Whether a one-time password is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum SecondFactor {
    Never,
    /// Of users who have a generator.
    #[default]
    IfConfigured,
    /// Whoever has no generator is refused.
    Always,
}

/// A direct-grant flow, as far as it matters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DirectGrant {
    pub second_factor: SecondFactor,
    /// A required step that cannot be passed.
    pub impassable: Option<String>,
}

impl DirectGrant {
    /// Of a flow of `all`.
    pub fn of(flow: &Flow, all: &Authentication) -> Self {
        let mut grant = Self { second_factor: SecondFactor::Never, impassable: None };
        grant.walk(flow, all, SecondFactor::Always, 0);
        grant
    }

    /// Of the flow with this alias; the usual one if there is none.
    pub fn of_alias(alias: &str, all: &Authentication) -> Self {
        all.flow_by_alias(alias).map_or_else(Self::default, |flow| Self::of(flow, all))
    }

    /// `strength` is what a required one-time password means here.
    fn walk(&mut self, flow: &Flow, all: &Authentication, strength: SecondFactor, level: usize) {
        if level > MAX_DEPTH {
            self.impassable = Some(flow.alias.clone());
            return;
        }
        let steps: Vec<&Execution> = flow.in_order().into_iter().filter(|step| step.requirement != Requirement::Disabled).collect();
        // Beside what is required, alternatives are not tried; among themselves one is enough.
        let decided = steps.iter().any(|step| matches!(step.requirement, Requirement::Required | Requirement::Conditional));
        for step in steps {
            let strength = match step.requirement {
                Requirement::Alternative if decided => continue,
                Requirement::Alternative => strength.min(SecondFactor::IfConfigured),
                _ => strength,
            };
            match step.flow.as_ref().and_then(|id| all.flow(id)) {
                Some(below) if step.requirement == Requirement::Conditional => self.conditional(below, all, strength, level),
                Some(below) => self.walk(below, all, strength, level + 1),
                None => self.authenticator(step, strength),
            }
        }
    }

    /// A flow that runs where its conditions are met; without conditions it does not run.
    fn conditional(&mut self, flow: &Flow, all: &Authentication, strength: SecondFactor, level: usize) {
        let enabled = flow.executions.iter().filter(|step| step.requirement != Requirement::Disabled);
        let mut conditions = enabled.filter_map(|step| step.authenticator.as_deref()).filter(|id| is_condition(id)).peekable();
        if conditions.peek().is_some() {
            let configured = conditions.any(|id| id == "conditional-user-configured");
            let strength = if configured { strength.min(SecondFactor::IfConfigured) } else { strength };
            self.walk(flow, all, strength, level + 1);
        }
    }

    fn authenticator(&mut self, step: &Execution, strength: SecondFactor) {
        match step.authenticator.as_deref().unwrap_or_default() {
            "direct-grant-validate-username" | "direct-grant-validate-password" | "allow-access-authenticator" => {}
            "direct-grant-validate-otp" => self.second_factor = self.second_factor.max(strength),
            id if is_condition(id) || step.requirement == Requirement::Alternative => {}
            id => self.impassable = Some(id.to_owned()),
        }
    }
}

fn is_condition(authenticator: &str) -> bool {
    authenticator.starts_with("conditional-")
}

/// The flows that clients can be bound to, by id.
pub(super) fn all(all: &Authentication) -> impl Iterator<Item = (FlowId, DirectGrant)> {
    let own = all.flows.iter().filter(|flow| flow.top_level && flow.provider_id == "basic-flow" && !flow.built_in);
    own.map(|flow| (flow.id.clone(), DirectGrant::of(flow, all)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ExecutionId;

    const OTP: &str = "otp";

    fn flow(alias: &str, steps: Vec<Execution>) -> Flow {
        let (id, description, provider_id) = (FlowId::from(alias), None, "basic-flow".to_owned());
        Flow { id, alias: alias.to_owned(), description, provider_id, top_level: alias != OTP, built_in: false, executions: steps }
    }

    fn runs(authenticator: Option<&str>, below: Option<&str>, requirement: Requirement, priority: i64) -> Execution {
        let (authenticator, flow) = (authenticator.map(str::to_owned), below.map(FlowId::from));
        Execution { id: ExecutionId::default(), requirement, priority, authenticator, flow, config: None }
    }

    /// As every new realm has it, and then changed.
    fn with(change: impl Fn(&mut Authentication)) -> DirectGrant {
        let required = |id: &str, priority| runs(Some(id), None, Requirement::Required, priority);
        let otp = runs(None, Some(OTP), Requirement::Conditional, 30);
        let steps = vec![required("direct-grant-validate-username", 10), required("direct-grant-validate-password", 20), otp];
        let below = vec![required("conditional-user-configured", 10), required("direct-grant-validate-otp", 20)];
        let mut all = Authentication { flows: vec![flow("direct grant", steps), flow(OTP, below)], ..Authentication::default() };
        change(&mut all);
        DirectGrant::of_alias("direct grant", &all)
    }

    fn step<'a>(all: &'a mut Authentication, flow: &str, place: usize) -> &'a mut Execution {
        &mut all.flows.iter_mut().find(|known| known.alias == flow).unwrap().executions[place]
    }

    #[test]
    fn the_requirement_of_the_one_time_password_decides_who_needs_one() {
        let asks = |change: &dyn Fn(&mut Authentication)| with(change).second_factor;
        assert_eq!(asks(&|_| {}), SecondFactor::IfConfigured);
        assert_eq!(asks(&|all| step(all, "direct grant", 2).requirement = Requirement::Disabled), SecondFactor::Never);
        assert_eq!(asks(&|all| step(all, OTP, 1).requirement = Requirement::Disabled), SecondFactor::Never);
        assert_eq!(asks(&|all| step(all, "direct grant", 2).requirement = Requirement::Required), SecondFactor::Always);
        // Beside required steps an alternative is not tried, and a conditional flow without a condition does not run.
        assert_eq!(asks(&|all| step(all, "direct grant", 2).requirement = Requirement::Alternative), SecondFactor::Never);
        assert_eq!(asks(&|all| step(all, OTP, 0).requirement = Requirement::Disabled), SecondFactor::Never);
        // What cannot be judged counts as met.
        let by_role = |all: &mut Authentication| step(all, OTP, 0).authenticator = Some("conditional-user-role".to_owned());
        assert_eq!(asks(&by_role), SecondFactor::Always);
    }

    #[test]
    fn a_required_step_that_nothing_here_runs_is_impassable() {
        let replace = |id: &str, requirement| {
            with(|all| {
                let step = step(all, "direct grant", 1);
                (step.authenticator, step.requirement) = (Some(id.to_owned()), requirement);
            })
            .impassable
        };
        for id in ["deny-access-authenticator", "direct-grant-auth-x509-username", "script-mine.js"] {
            assert_eq!(replace(id, Requirement::Required).as_deref(), Some(id));
            assert_eq!(replace(id, Requirement::Disabled), None);
        }
        assert_eq!(replace("allow-access-authenticator", Requirement::Required), None);
        // An imported circle.
        let circle = with(|all| {
            let id = all.flow_by_alias("direct grant").unwrap().id.clone();
            let step = step(all, OTP, 1);
            (step.flow, step.authenticator) = (Some(id), None);
        });
        assert!(circle.impassable.is_some());
        assert_eq!(DirectGrant::of_alias("nope", &Authentication::default()), DirectGrant::default());
    }
}
