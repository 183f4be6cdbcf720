//! A role of the realm or of one client; composites name other roles.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::{ClientId, RoleId};

/// Where a role's name is unique.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoleContainer {
    Realm,
    Client(ClientId),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    pub id: RoleId,
    pub name: String,
    pub description: Option<String>,
    pub container: RoleContainer,
    #[serde(default)]
    pub composites: Vec<RoleId>,
    #[serde(default)]
    pub attributes: BTreeMap<String, Vec<String>>,
}
