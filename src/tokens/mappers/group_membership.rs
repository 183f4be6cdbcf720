//! `oidc-group-membership-mapper`: the groups of the user, by path or by name.

use serde_json::Value;

use crate::compiled::Subject;
use crate::compiled::claim_path::ClaimPath;
use crate::model::group::Group;
use crate::tokens::claims::Claims;

use super::Context;

pub fn apply(full_path: bool, claim: &ClaimPath, cx: &Context<'_>, claims: &mut Claims<'_>) {
    let names: Vec<Value> = names(full_path, cx).map(Value::from).collect();
    if !names.is_empty() {
        claims.put(claim, Value::Array(names));
    }
}

/// The groups of the user himself, in their order.
pub(super) fn names(full_path: bool, cx: &Context<'_>) -> impl Iterator<Item = String> {
    let groups = cx.subject.user.groups.iter().filter_map(|id| cx.subject.groups.iter().find(|group| group.id == *id));
    groups.map(move |group| if full_path { path(cx.subject, group) } else { group.name.clone() })
}

/// `/staff/night`
fn path(subject: &Subject, group: &Group) -> String {
    let mut path = format!("/{}", group.name);
    let mut parent = group.parent.as_ref();
    // Each step goes to another known group, so more steps than groups are a cycle.
    for _ in 0..subject.groups.len() {
        let Some(group) = parent.and_then(|id| subject.groups.iter().find(|group| group.id == *id)) else { break };
        path.insert_str(0, &format!("/{}", group.name));
        parent = group.parent.as_ref();
    }
    path
}
