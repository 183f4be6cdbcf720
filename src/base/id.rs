//! One type per kind of identifier, so that a user's id never compiles as a client's. New ids are UUIDs; imported ones keep
//! the text that the other server gave them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::random::Random;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A fresh random UUID.
            pub fn random(random: &dyn Random) -> Self {
                Self(random.uuid().to_string())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )+};
}

id! {
    RealmId
    /// The internal id of a client; the public `client_id` is [`crate::model::client::Client::client_id`].
    ClientId
    UserId
    RoleId
    GroupId
    OrganizationId
    /// An invitation to an organization that nobody has answered yet.
    InvitationId
    ClientScopeId
    ProtocolMapperId
    CredentialId
    /// A component: a key provider, a user federation, a registration policy.
    ComponentId
    FlowId
    InitialAccessId
    ExecutionId
    AuthenticatorConfigId
    /// A user session: 24 characters of base64url, as the claim `sid` has them since Keycloak 26.5.
    SessionId
}

impl SessionId {
    /// A fresh session id: 18 random bytes as base64url.
    pub fn generate(random: &dyn Random) -> Self {
        Self(random.base64url::<18>())
    }
}
