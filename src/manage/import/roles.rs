//! Roles with their composites, groups with their roles, and which roles may stand in whose tokens.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

use crate::base::id::{ClientId, GroupId, RoleId};
use crate::manage::representation::group::GroupRepresentation;
use crate::manage::representation::role::{Composites, RoleRepresentation};
use crate::model::group::Group;
use crate::model::role::{Role, RoleContainer};

use super::document::Members;
use super::draft::{Draft, Names, untaken};
use super::report::Fate;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Roles {
    realm: Vec<Value>,
    client: BTreeMap<String, Vec<Value>>,
}

/// A role whose composites are still names.
struct Unlinked {
    place: String,
    role: Role,
    composites: Composites,
}

/// The roles of a file. `clients` knows every client already; the names of the roles are added to `names`.
pub(super) fn roles(draft: &mut Draft<'_>, members: &mut Members, names: &mut Names) -> Vec<Role> {
    let Some(given) = members.remove("roles").filter(|roles| !roles.is_null()) else { return Vec::new() };
    let Some(given) = draft.typed::<Roles>("roles", given) else { return Vec::new() };
    let mut unlinked = Vec::new();
    for (number, role) in given.realm.into_iter().enumerate() {
        unlinked.extend(role_of(draft, &format!("roles.realm[{number}]"), &role, RoleContainer::Realm));
    }
    for (client_id, roles) in given.client {
        let Some(client) = names.clients.get(&client_id).cloned() else {
            if !roles.is_empty() {
                draft.problems.add(format!("roles.client.{client_id}"), "there is no such client");
            }
            continue;
        };
        for (number, role) in roles.into_iter().enumerate() {
            let place = format!("roles.client.{client_id}[{number}]");
            unlinked.extend(role_of(draft, &place, &role, RoleContainer::Client(client.clone())));
        }
    }
    let client_ids: HashMap<ClientId, String> = names.clients.iter().map(|(name, id)| (id.clone(), name.clone())).collect();
    let mut ids = HashSet::new();
    for Unlinked { place, role, .. } in &unlinked {
        let taken = match &role.container {
            RoleContainer::Realm => names.realm_roles.insert(role.name.clone(), role.id.clone()),
            RoleContainer::Client(client) => {
                names.client_roles.entry(client_ids[client].clone()).or_default().insert(role.name.clone(), role.id.clone())
            }
        };
        if taken.is_some() {
            draft.problems.add(place, format!("the role {:?} is there twice", role.name));
        }
        if !ids.insert(role.id.clone()) {
            draft.problems.add(place, format!("the id {} is there twice", role.id));
        }
    }
    let roles: Vec<Role> = unlinked.into_iter().map(|role| linked(draft, role, names)).collect();
    check_circles(draft, &roles);
    roles
}

fn role_of(draft: &mut Draft<'_>, place: &str, value: &Value, container: RoleContainer) -> Option<Unlinked> {
    let given: RoleRepresentation = draft.typed(place, value.clone())?;
    for name in untaken(value, &given).keys() {
        draft.report.add(Fate::Dropped, "member of a role", format!("{place}.{name}"), "no role has it here");
    }
    let id = given.id.map_or_else(|| RoleId::random(draft.env.random()), RoleId::from);
    draft.check_id(place, id.as_str());
    let name = given.name.unwrap_or_default();
    draft.check_name(place, &name);
    let role = Role {
        id,
        name,
        description: given.description,
        container,
        composites: Vec::new(),
        attributes: given.attributes.unwrap_or_default(),
    };
    Some(Unlinked { place: place.to_owned(), role, composites: given.composites.unwrap_or_default() })
}

fn linked(draft: &mut Draft<'_>, Unlinked { place, mut role, composites }: Unlinked, names: &Names) -> Role {
    for name in composites.realm.unwrap_or_default() {
        match names.realm_roles.get(&name) {
            Some(id) => role.composites.push(id.clone()),
            None => draft.problems.add(&place, format!("it contains the realm role {name:?}, which does not exist")),
        }
    }
    for (client, contained) in composites.client.unwrap_or_default() {
        for name in contained {
            match names.client_role(&client, &name) {
                Some(id) => role.composites.push(id.clone()),
                None => draft
                    .problems
                    .add(&place, format!("it contains the role {name:?} of client {client:?}, which does not exist")),
            }
        }
    }
    role.composites.sort();
    role.composites.dedup();
    role
}

/// A role must not contain itself, by however many others: whoever expands it would not come to an end.
fn check_circles(draft: &mut Draft<'_>, roles: &[Role]) {
    let by_id: HashMap<&RoleId, &Role> = roles.iter().map(|role| (&role.id, role)).collect();
    let mut finished: HashSet<&RoleId> = HashSet::new();
    for start in roles {
        // Depth first without recursion: a chain may be as long as the file has roles.
        let mut path: Vec<(&Role, usize)> = vec![(start, 0)];
        let mut on_path: HashSet<&RoleId> = HashSet::from([&start.id]);
        while let Some((role, next)) = path.last_mut() {
            let Some(contained) = role.composites.get(*next) else {
                finished.insert(&role.id);
                on_path.remove(&role.id);
                path.pop();
                continue;
            };
            *next += 1;
            if on_path.contains(contained) {
                let circle = path.iter().map(|(role, _)| role.name.as_str()).skip_while(|name| *name != by_id[contained].name);
                let circle: Vec<&str> = circle.chain([by_id[contained].name.as_str()]).collect();
                return draft.problems.add("roles", format!("composite roles contain each other in a circle: {}", circle.join(" → ")));
            }
            if !finished.contains(contained)
                && let Some(role) = by_id.get(contained)
            {
                on_path.insert(&role.id);
                path.push((role, 0));
            }
        }
    }
}

/// The groups of a file, parents before children. Their paths are added to `names`.
pub(super) fn groups(draft: &mut Draft<'_>, members: &mut Members, names: &mut Names) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut waiting: Vec<(String, GroupRepresentation, Option<GroupId>, String)> = draft
        .list::<GroupRepresentation>("groups", members.remove("groups"))
        .into_iter()
        .rev()
        .map(|(place, group)| (place, group, None, String::new()))
        .collect();
    let mut ids = HashSet::new();
    while let Some((place, given, parent, above)) = waiting.pop() {
        let id = given.id.map_or_else(|| GroupId::random(draft.env.random()), GroupId::from);
        draft.check_id(&place, id.as_str());
        if !ids.insert(id.clone()) {
            draft.problems.add(&place, format!("the id {id} is there twice"));
        }
        let name = given.name.unwrap_or_default();
        draft.check_name(&place, &name);
        let path = format!("{above}/{name}");
        if names.groups.insert(path.clone(), id.clone()).is_some() {
            draft.problems.add(&place, format!("the group {path} is there twice"));
        }
        // A name with a slash has another path in the file, in which it is escaped.
        if let Some(given) = given.path {
            names.groups.entry(given).or_insert_with(|| id.clone());
        }
        let mut roles = Vec::new();
        for role in given.realm_roles.unwrap_or_default() {
            match names.realm_roles.get(&role) {
                Some(id) => roles.push(id.clone()),
                None => draft.problems.add(&place, format!("it has the realm role {role:?}, which does not exist")),
            }
        }
        for (client, of_client) in given.client_roles.unwrap_or_default() {
            for role in of_client {
                match names.client_role(&client, &role) {
                    Some(id) => roles.push(id.clone()),
                    None => draft.problems.add(&place, format!("it has the role {role:?} of client {client:?}, which does not exist")),
                }
            }
        }
        let below = given.sub_groups.unwrap_or_default().into_iter().enumerate().rev();
        waiting.extend(below.map(|(number, group)| (format!("{place}.subGroups[{number}]"), group, Some(id.clone()), path.clone())));
        groups.push(Group { id, name, description: given.description, parent, attributes: given.attributes.unwrap_or_default(), roles });
    }
    groups
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ScopeMapping {
    client: Option<String>,
    client_scope: Option<String>,
    roles: Vec<String>,
}

/// Which roles may stand in tokens, by client and by client scope (each by name).
#[derive(Default)]
pub(super) struct ScopeMappings {
    pub of_client: HashMap<String, Vec<RoleId>>,
    pub of_scope: HashMap<String, Vec<RoleId>>,
}

pub(super) fn scope_mappings(draft: &mut Draft<'_>, members: &mut Members, names: &Names) -> ScopeMappings {
    let mut given: Vec<(String, Option<String>, ScopeMapping)> = Vec::new();
    let of_realm = draft.list::<ScopeMapping>("scopeMappings", members.remove("scopeMappings"));
    given.extend(of_realm.into_iter().map(|(place, mapping)| (place, None, mapping)));
    if let Some(value) = members.remove("clientScopeMappings").filter(|value| !value.is_null())
        && let Some(of_clients) = draft.typed::<BTreeMap<String, Value>>("clientScopeMappings", value)
    {
        for (client, mappings) in of_clients {
            let mappings = draft.list::<ScopeMapping>(&format!("clientScopeMappings.{client}"), Some(mappings));
            given.extend(mappings.into_iter().map(|(place, mapping)| (place, Some(client.clone()), mapping)));
        }
    }
    let mut mappings = ScopeMappings::default();
    for (place, container, mapping) in given {
        let mut roles = Vec::new();
        for role in &mapping.roles {
            let id = container.as_ref().map_or_else(|| names.realm_roles.get(role), |client| names.client_role(client, role));
            match id {
                Some(id) => roles.push(id.clone()),
                None => draft.problems.add(&place, format!("there is no role {role:?}")),
            }
        }
        match (mapping.client, mapping.client_scope) {
            (Some(client), _) if names.clients.contains_key(&client) => mappings.of_client.entry(client).or_default().extend(roles),
            (None, Some(scope)) if names.scopes.contains_key(&scope) => mappings.of_scope.entry(scope).or_default().extend(roles),
            _ => draft.problems.add(place, "it names no client and no client scope of this realm"),
        }
    }
    mappings
}
