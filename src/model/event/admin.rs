//! What administrators did, by the names and in the field order of Keycloak's `AdminEventRepresentation`.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::id::{RealmId, UserId};

use super::{Details, EventId};

/// What an administrator did to something.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    Create,
    Update,
    Delete,
    /// Something that changes no document: a mail was sent, everybody was logged out.
    Action,
}

impl Operation {
    pub const ALL: &[Self] = &[Self::Action, Self::Create, Self::Delete, Self::Update];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Action => "ACTION",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.name() == name)
    }
}

macro_rules! resources {
    ($($variant:ident $name:literal)+) => {
        /// What an administrator's change was about.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        pub enum Resource { $(#[serde(rename = $name)] $variant),+ }

        impl Resource {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|resource| resource.name() == name)
            }
        }
    };
}

resources! {
    Realm "REALM"
    RealmRole "REALM_ROLE"
    RealmRoleMapping "REALM_ROLE_MAPPING"
    RealmScopeMapping "REALM_SCOPE_MAPPING"
    AuthFlow "AUTH_FLOW"
    AuthExecutionFlow "AUTH_EXECUTION_FLOW"
    AuthExecution "AUTH_EXECUTION"
    AuthenticatorConfig "AUTHENTICATOR_CONFIG"
    RequiredAction "REQUIRED_ACTION"
    RequiredActionConfig "REQUIRED_ACTION_CONFIG"
    IdentityProvider "IDENTITY_PROVIDER"
    IdentityProviderMapper "IDENTITY_PROVIDER_MAPPER"
    ProtocolMapper "PROTOCOL_MAPPER"
    User "USER"
    UserLoginFailure "USER_LOGIN_FAILURE"
    UserSession "USER_SESSION"
    UserFederationProvider "USER_FEDERATION_PROVIDER"
    UserFederationMapper "USER_FEDERATION_MAPPER"
    Group "GROUP"
    GroupMembership "GROUP_MEMBERSHIP"
    Client "CLIENT"
    ClientInitialAccessModel "CLIENT_INITIAL_ACCESS_MODEL"
    ClientRole "CLIENT_ROLE"
    ClientRoleMapping "CLIENT_ROLE_MAPPING"
    ClientScope "CLIENT_SCOPE"
    ClientScopeMapping "CLIENT_SCOPE_MAPPING"
    ClientScopeClientMapping "CLIENT_SCOPE_CLIENT_MAPPING"
    ClusterNode "CLUSTER_NODE"
    Component "COMPONENT"
    AuthorizationResourceServer "AUTHORIZATION_RESOURCE_SERVER"
    AuthorizationResource "AUTHORIZATION_RESOURCE"
    AuthorizationScope "AUTHORIZATION_SCOPE"
    AuthorizationPolicy "AUTHORIZATION_POLICY"
    Custom "CUSTOM"
    UserProfile "USER_PROFILE"
    Organization "ORGANIZATION"
    OrganizationMembership "ORGANIZATION_MEMBERSHIP"
    OrganizationGroup "ORGANIZATION_GROUP"
    OrganizationGroupMembership "ORGANIZATION_GROUP_MEMBERSHIP"
}

/// Who changed something, proved by his token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthDetails {
    /// The realm that the administrator signed in to, which need not be the changed one.
    pub realm_id: RealmId,
    /// The internal id of the client that he used. `None`: no client, the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<IpAddr>,
}

/// A change that an administrator made, or failed to make.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdminEvent {
    pub id: EventId,
    pub time: Timestamp,
    /// The changed realm.
    pub realm_id: RealmId,
    pub auth_details: AuthDetails,
    pub operation_type: Operation,
    pub resource_type: Resource,
    /// Below the realm's URL in the administration API: `users/{id}`. `None` for the realm itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_path: Option<String>,
    /// JSON text: what the administrator sent, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub representation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Cow<'static, str>>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_parses_back() {
        for resource in Resource::ALL {
            assert_eq!(Resource::parse(resource.name()), Some(*resource));
        }
    }
}
