//! `OrganizationRepresentation`: an organization, with its domains; members and invitations have shapes of their own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::manage::organizations::OrganizationSettings;
use crate::model::organization::{Invitation, MembershipType, Organization, OrganizationDomain};

use super::group::GroupRepresentation;
use super::lists;
use super::user::UserRepresentation;

/// An organization as Keycloak's JSON has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrganizationRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lists")]
    pub attributes: Option<BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<Vec<OrganizationDomainRepresentation>>,
    /// In exports only, as what follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<MemberRepresentation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_providers: Option<Vec<serde_json::Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<GroupRepresentation>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrganizationDomainRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub verified: bool,
}

/// A user as a member of an organization.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MemberRepresentation {
    #[serde(flatten)]
    pub user: UserRepresentation,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub membership_type: Option<MembershipType>,
}

/// An invitation; times are whole seconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationInvitationRepresentation {
    pub id: String,
    pub organization_id: String,
    pub email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    pub sent_date: i64,
    pub expires_at: i64,
    pub status: InvitationStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_link: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum InvitationStatus {
    Pending,
    Expired,
}

impl OrganizationRepresentation {
    /// What lists show with `briefRepresentation`: no attributes.
    pub fn brief(organization: &Organization) -> Self {
        let domain =
            |domain: &OrganizationDomain| OrganizationDomainRepresentation { name: Some(domain.name.clone()), verified: domain.verified };
        Self {
            id: Some(organization.id.to_string()),
            name: Some(organization.name.clone()),
            alias: Some(organization.alias.clone()),
            enabled: Some(organization.enabled),
            description: organization.description.clone(),
            redirect_url: organization.redirect_url.clone(),
            domains: Some(organization.domains.iter().map(domain).collect::<Vec<_>>()).filter(|domains| !domains.is_empty()),
            ..Self::default()
        }
    }

    pub fn full(organization: &Organization) -> Self {
        Self { attributes: Some(organization.attributes.clone()), ..Self::brief(organization) }
    }

    /// What the organization is to become.
    pub fn settings(self) -> OrganizationSettings {
        let domain = |domain: OrganizationDomainRepresentation| Some(OrganizationDomain { name: domain.name?, verified: domain.verified });
        OrganizationSettings {
            name: self.name,
            alias: self.alias,
            enabled: self.enabled,
            description: self.description,
            redirect_url: self.redirect_url,
            attributes: self.attributes,
            domains: self.domains.unwrap_or_default().into_iter().filter_map(domain).collect(),
        }
    }
}

impl OrganizationInvitationRepresentation {
    /// As it stands at `now`, whole seconds since 1970.
    pub fn of(invitation: &Invitation, now: i64) -> Self {
        Self {
            id: invitation.id.to_string(),
            organization_id: invitation.organization.to_string(),
            email: invitation.email.clone(),
            first_name: invitation.first_name.clone(),
            last_name: invitation.last_name.clone(),
            sent_date: invitation.sent,
            expires_at: invitation.expires,
            status: if invitation.expires > now { InvitationStatus::Pending } else { InvitationStatus::Expired },
            invite_link: None,
        }
    }
}
