//! A group of users, in a tree; its members hold its roles and those of its ancestors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::{GroupId, RoleId};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    pub description: Option<String>,
    pub parent: Option<GroupId>,
    #[serde(default)]
    pub attributes: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub roles: Vec<RoleId>,
}
