//! A user, a service account among them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::id::{ClientId, GroupId, RoleId, UserId};
use crate::model::organization::Membership;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: UserId,
    /// In the one spelling of [`crate::base::spelling::of_name`].
    pub username: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    /// In one spelling, as the name.
    pub email: Option<String>,
    #[serde(default)]
    pub email_verified: bool,
    pub enabled: bool,
    #[serde(rename = "createdTimestamp")]
    pub created: Timestamp,
    #[serde(default)]
    pub attributes: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub required_actions: Vec<String>,
    #[serde(default)]
    pub not_before: i64,
    /// Roles that were given to the user directly.
    #[serde(default)]
    pub roles: Vec<RoleId>,
    #[serde(default)]
    pub groups: Vec<GroupId>,
    /// The organizations that he belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<Membership>,
    /// The client whose service account this is.
    pub service_account_client: Option<ClientId>,
}

impl User {
    /// Somebody who is enabled and has nothing but a name.
    pub fn new(id: UserId, username: String, created: Timestamp) -> Self {
        Self {
            id,
            username,
            first_name: None,
            last_name: None,
            email: None,
            email_verified: false,
            enabled: true,
            created,
            attributes: BTreeMap::new(),
            required_actions: Vec::new(),
            not_before: 0,
            roles: Vec::new(),
            groups: Vec::new(),
            organizations: Vec::new(),
            service_account_client: None,
        }
    }
}
