//! `GroupRepresentation`: a group, with those below it where a request asks for them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::group::Group;

use super::lists;

/// A group as Keycloak's JSON has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `/staff/night`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_group_count: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_groups: Option<Vec<GroupRepresentation>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lists")]
    pub attributes: Option<BTreeMap<String, Vec<String>>>,
    /// By name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realm_roles: Option<Vec<String>>,
    /// By name under the `client_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_roles: Option<BTreeMap<String, Vec<String>>>,
    /// What the caller may do with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Map<String, Value>>,
}

/// Roles by name, as a group's representation has them.
#[derive(Clone, Debug, Default)]
pub struct RolesByName {
    pub realm: Vec<String>,
    /// Under the `client_id`.
    pub client: BTreeMap<String, Vec<String>>,
}

impl GroupRepresentation {
    /// Without attributes and roles; `sub_groups` is empty and may be filled.
    pub fn brief(group: &Group, path: String) -> Self {
        Self {
            id: Some(group.id.to_string()),
            name: Some(group.name.clone()),
            description: group.description.clone(),
            path: Some(path),
            parent_id: group.parent.as_ref().map(ToString::to_string),
            sub_groups: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// With attributes and roles.
    pub fn full(group: &Group, path: String, roles: RolesByName) -> Self {
        Self {
            attributes: Some(group.attributes.clone()),
            realm_roles: Some(roles.realm),
            client_roles: Some(roles.client),
            ..Self::brief(group, path)
        }
    }
}

/// The paths of all groups of a realm: each group's name below those of its ancestors.
pub fn paths(groups: &[Group]) -> BTreeMap<&str, String> {
    let by_id: BTreeMap<&str, &Group> = groups.iter().map(|group| (group.id.as_str(), group)).collect();
    let path = |group: &Group| {
        let (mut path, mut parent) = (format!("/{}", group.name), group.parent.as_ref());
        // As many steps as there are groups: a circle, which no rule lets in, must not hang whoever looks.
        for _ in 0..groups.len() {
            let Some(above) = parent.and_then(|id| by_id.get(id.as_str())) else { break };
            path = format!("/{}{path}", above.name);
            parent = above.parent.as_ref();
        }
        path
    };
    groups.iter().map(|group| (group.id.as_str(), path(group))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::GroupId;

    fn group(id: &str, name: &str, parent: Option<&str>) -> Group {
        Group {
            id: GroupId::from(id),
            name: name.to_owned(),
            description: None,
            parent: parent.map(GroupId::from),
            attributes: BTreeMap::new(),
            roles: Vec::new(),
        }
    }

    #[test]
    fn fields_stand_in_keycloaks_order() {
        let child = group("b", "night", Some("a"));
        assert_eq!(
            serde_json::to_string(&GroupRepresentation::full(&child, "/staff/night".into(), RolesByName::default())).unwrap(),
            r#"{"id":"b","name":"night","path":"/staff/night","parentId":"a","subGroups":[],"attributes":{},"realmRoles":[],"clientRoles":{}}"#
        );
    }

    #[test]
    fn a_path_names_all_ancestors_and_a_circle_does_no_harm() {
        let groups = [group("a", "staff", None), group("b", "night", Some("a")), group("c", "x", Some("c"))];
        let paths = paths(&groups);
        assert_eq!((paths["a"].as_str(), paths["b"].as_str()), ("/staff", "/staff/night"));
        assert!(paths["c"].starts_with("/x"));
    }
}
