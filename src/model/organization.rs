//! An organization: a company or other body to whom users of a realm belong, by invitation, by hand or by the identity provider
//! that they came from. Its alias stands in tokens, its domains say whose addresses are its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::{GroupId, InvitationId, OrganizationId};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    pub id: OrganizationId,
    /// Unique in the realm.
    pub name: String,
    /// By which scopes and claims name it; unique in the realm, never changes.
    pub alias: String,
    pub enabled: bool,
    pub description: Option<String>,
    /// Where a member goes who has accepted an invitation.
    pub redirect_url: Option<String>,
    #[serde(default)]
    pub attributes: BTreeMap<String, Vec<String>>,
    /// In lower case, each of one organization of the realm only; by name.
    #[serde(default)]
    pub domains: Vec<OrganizationDomain>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrganizationDomain {
    pub name: String,
    #[serde(default)]
    pub verified: bool,
}

/// Whose the account of a member is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MembershipType {
    /// His own: he stays when the membership ends.
    #[default]
    Unmanaged,
    /// The organization's: he goes with it.
    Managed,
}

/// A user's place in an organization; part of his document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    pub organization: OrganizationId,
    #[serde(default)]
    pub membership_type: MembershipType,
    /// Groups of the organization that he belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupId>,
}

/// An invitation that was sent. Times are whole seconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    pub id: InvitationId,
    pub organization: OrganizationId,
    pub email: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub sent: i64,
    pub expires: i64,
}

impl Organization {
    pub fn domain(&self, name: &str) -> Option<&OrganizationDomain> {
        self.domains.iter().find(|domain| domain.name == name)
    }
}
