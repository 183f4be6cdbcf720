//! Organizations with their groups, their identity providers and their members. Who belongs to one stands in the user's document, so
//! members wait in [`Names`] until the users are read.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::base::id::{GroupId, OrganizationId};
use crate::base::spelling::of_name;
use crate::manage::organizations;
use crate::manage::representation::group::GroupRepresentation;
use crate::manage::representation::organization::{MemberRepresentation, OrganizationRepresentation};
use crate::model::group::Group;
use crate::model::identity_provider::IdentityProvider;
use crate::model::organization::{Membership, Organization};

use super::document::Members;
use super::draft::{Draft, Names};

/// An organization with the groups of its own.
pub(super) struct ImportedOrganization {
    pub organization: Organization,
    pub groups: Vec<Group>,
}

/// The organizations of a file. Their members are added to `names`, and `providers` learn whose they are.
pub(super) fn organizations(
    draft: &mut Draft<'_>,
    members: &mut Members,
    names: &mut Names,
    providers: &mut [IdentityProvider],
) -> Vec<ImportedOrganization> {
    let mut taken = HashSet::new();
    let mut found = Vec::new();
    for (place, mut given) in draft.list::<OrganizationRepresentation>("organizations", members.remove("organizations")) {
        let id = given.id.take().map_or_else(|| OrganizationId::random(draft.env.random()), OrganizationId::from);
        draft.check_id(&place, id.as_str());
        let (of_members, of_providers, of_groups) = (given.members.take(), given.identity_providers.take(), given.groups.take());
        let organization = match organizations::made(id, &given.settings()) {
            Ok(organization) => organization,
            Err(error) => {
                draft.problems.add(&place, error);
                continue;
            }
        };
        let unique = [("id", organization.id.as_str()), ("name", &organization.name), ("alias", &organization.alias)];
        let domains = organization.domains.iter().map(|domain| ("domain", domain.name.as_str()));
        for (what, value) in unique.into_iter().chain(domains) {
            if !taken.insert(format!("{what} {value}")) {
                draft.problems.add(&place, format!("the {what} {value:?} is there twice"));
            }
        }
        let (groups, paths) = groups(draft, &place, of_groups.unwrap_or_default());
        for member in of_members.into_iter().flatten() {
            join(draft, &place, names, (&organization.id, &paths), &member);
        }
        for alias in of_providers.iter().flatten().filter_map(|provider| provider.get("alias").and_then(Value::as_str)) {
            match providers.iter_mut().find(|provider| provider.alias == alias) {
                Some(provider) => provider.organization_id = Some(organization.id.to_string()),
                None => draft.problems.add(&place, format!("there is no identity provider {alias:?}")),
            }
        }
        found.push(ImportedOrganization { organization, groups });
    }
    let is_known = |id: &String| found.iter().any(|one: &ImportedOrganization| one.organization.id.as_str() == id);
    for provider in providers {
        provider.organization_id = provider.organization_id.take().filter(is_known);
    }
    found
}

/// Lets a member wait for his user. `paths` are the groups of the organization.
fn join(
    draft: &mut Draft<'_>,
    place: &str,
    names: &mut Names,
    (organization, paths): (&OrganizationId, &HashMap<String, GroupId>),
    member: &MemberRepresentation,
) {
    let membership_type = member.membership_type.unwrap_or_default();
    let mut membership = Membership { organization: organization.clone(), membership_type, groups: Vec::new() };
    for path in member.user.groups.iter().flatten() {
        match paths.get(path) {
            Some(id) => membership.groups.push(id.clone()),
            None => draft.problems.add(place, format!("the organization has no group {path:?}")),
        }
    }
    let memberships = names.memberships.entry(of_name(member.user.username.as_deref().unwrap_or_default())).or_default();
    if memberships.iter().all(|other| other.organization != *organization) {
        memberships.push(membership);
    }
}

/// A tree of groups, and its ids by path.
fn groups(draft: &mut Draft<'_>, place: &str, given: Vec<GroupRepresentation>) -> (Vec<Group>, HashMap<String, GroupId>) {
    let (mut groups, mut paths) = (Vec::new(), HashMap::new());
    let mut waiting: Vec<(GroupRepresentation, Option<GroupId>, String)> =
        given.into_iter().rev().map(|group| (group, None, String::new())).collect();
    while let Some((given, parent, above)) = waiting.pop() {
        let id = given.id.map_or_else(|| GroupId::random(draft.env.random()), GroupId::from);
        let name = given.name.unwrap_or_default();
        let path = format!("{above}/{name}");
        draft.check_id(place, id.as_str());
        draft.check_name(place, &name);
        if paths.insert(path.clone(), id.clone()).is_some() || groups.iter().any(|other: &Group| other.id == id) {
            draft.problems.add(place, format!("the group {path} or its id is there twice"));
        }
        let below = given.sub_groups.unwrap_or_default().into_iter().rev();
        waiting.extend(below.map(|group| (group, Some(id.clone()), path.clone())));
        let (description, attributes) = (given.description, given.attributes.unwrap_or_default());
        groups.push(Group { id, name, description, parent, attributes, roles: Vec::new() });
    }
    (groups, paths)
}
