//! What is recorded of users and of administrators, by the names and in the field order of Keycloak's `EventRepresentation`
//! and `AdminEventRepresentation`, so that a stored event is what the administration API answers.

mod admin;
mod details;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::base::clock::Timestamp;
use crate::base::id::{RealmId, SessionId, UserId};
use crate::base::random::Random;

pub use admin::{AdminEvent, AuthDetails, Operation, Resource};
pub use details::{Details, detail};

/// The id of an event: a UUID that begins with its time (RFC 9562 §5.7), so that events sort by their ids.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl EventId {
    /// `counter` keeps the order of what happens within a millisecond; its low 26 bits count.
    pub fn new(time: Timestamp, counter: u64, random: &dyn Random) -> Self {
        let tail = u128::from_be_bytes(random.id()) >> 80;
        let counter = u128::from(counter);
        // 48 bits of time, the version, 12 bits of the counter, the variant, 14 bits of the counter, 48 random ones.
        let bits = Self::first_of(time) | (0x7 << 76) | ((counter >> 14 & 0xFFF) << 64) | (0b10 << 62) | ((counter & 0x3FFF) << 48) | tail;
        Self(Uuid::from_u128(bits))
    }

    /// Text that sorts the other way round: a scan meets the newest event first.
    pub fn newest_first(&self) -> String {
        format!("{:032x}", !self.0.as_u128())
    }

    /// What stands before the [`EventId::newest_first`] of every event up to and including `time`, and behind that of later ones.
    pub fn after(time: Timestamp) -> String {
        format!("{:032x}", !(Self::first_of(time) | ((1 << 80) - 1)))
    }

    fn first_of(time: Timestamp) -> u128 {
        u128::from(u64::try_from(time.millis()).unwrap_or(0) & 0xFFFF_FFFF_FFFF) << 80
    }
}

macro_rules! events {
    ($($variant:ident $name:literal $stored:tt)+) => {
        /// What somebody tried. Whether it failed says [`UserEvent::error`]; the type's name tells the two apart.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Happening { $($variant),+ }

        impl Happening {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name of the event's type: with `_ERROR` at its end when it failed.
            pub const fn type_name(self, failed: bool) -> &'static str {
                match (self, failed) {
                    $((Self::$variant, false) => $name, (Self::$variant, true) => concat!($name, "_ERROR"),)+
                }
            }

            /// Whether a realm that stores events and names no types stores this one.
            const fn stored_by_default(self) -> Stored {
                match self { $(Self::$variant => Stored::$stored),+ }
            }
        }
    };
}

/// Which half of a pair of types is stored unless the realm names its types.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stored {
    Both,
    Success,
    Neither,
}

// The types of Keycloak 26.7. What happens with every request of an application is not stored by default.
events! {
    Login "LOGIN" Both
    Register "REGISTER" Both
    Logout "LOGOUT" Both
    CodeToToken "CODE_TO_TOKEN" Both
    ClientLogin "CLIENT_LOGIN" Both
    RefreshToken "REFRESH_TOKEN" Neither
    ValidateAccessToken "VALIDATE_ACCESS_TOKEN" Neither
    IntrospectToken "INTROSPECT_TOKEN" Neither
    FederatedIdentityLink "FEDERATED_IDENTITY_LINK" Both
    RemoveFederatedIdentity "REMOVE_FEDERATED_IDENTITY" Both
    FederatedIdentityOverrideLink "FEDERATED_IDENTITY_OVERRIDE_LINK" Both
    UpdateEmail "UPDATE_EMAIL" Both
    UpdateProfile "UPDATE_PROFILE" Both
    UpdatePassword "UPDATE_PASSWORD" Both
    UpdateTotp "UPDATE_TOTP" Both
    UpdateCredential "UPDATE_CREDENTIAL" Both
    RemoveCredential "REMOVE_CREDENTIAL" Both
    VerifyEmail "VERIFY_EMAIL" Both
    VerifyProfile "VERIFY_PROFILE" Both
    RemoveTotp "REMOVE_TOTP" Both
    GrantConsent "GRANT_CONSENT" Both
    UpdateConsent "UPDATE_CONSENT" Both
    RevokeGrant "REVOKE_GRANT" Both
    SendVerifyEmail "SEND_VERIFY_EMAIL" Both
    SendResetPassword "SEND_RESET_PASSWORD" Both
    SendIdentityProviderLink "SEND_IDENTITY_PROVIDER_LINK" Both
    ResetPassword "RESET_PASSWORD" Both
    RestartAuthentication "RESTART_AUTHENTICATION" Both
    InvalidSignature "INVALID_SIGNATURE" Neither
    RegisterNode "REGISTER_NODE" Neither
    UnregisterNode "UNREGISTER_NODE" Neither
    UserInfoRequest "USER_INFO_REQUEST" Neither
    IdentityProviderLinkAccount "IDENTITY_PROVIDER_LINK_ACCOUNT" Both
    IdentityProviderLogin "IDENTITY_PROVIDER_LOGIN" Both
    IdentityProviderFirstLogin "IDENTITY_PROVIDER_FIRST_LOGIN" Both
    IdentityProviderPostLogin "IDENTITY_PROVIDER_POST_LOGIN" Both
    IdentityProviderResponse "IDENTITY_PROVIDER_RESPONSE" Neither
    IdentityProviderRetrieveToken "IDENTITY_PROVIDER_RETRIEVE_TOKEN" Neither
    Impersonate "IMPERSONATE" Both
    CustomRequiredAction "CUSTOM_REQUIRED_ACTION" Both
    ExecuteActions "EXECUTE_ACTIONS" Both
    ExecuteActionToken "EXECUTE_ACTION_TOKEN" Both
    ClientInfo "CLIENT_INFO" Neither
    ClientRegister "CLIENT_REGISTER" Both
    ClientUpdate "CLIENT_UPDATE" Both
    ClientDelete "CLIENT_DELETE" Both
    ClientInitiatedAccountLinking "CLIENT_INITIATED_ACCOUNT_LINKING" Both
    TokenExchange "TOKEN_EXCHANGE" Both
    OAuth2DeviceAuth "OAUTH2_DEVICE_AUTH" Both
    OAuth2DeviceVerifyUserCode "OAUTH2_DEVICE_VERIFY_USER_CODE" Both
    OAuth2DeviceCodeToToken "OAUTH2_DEVICE_CODE_TO_TOKEN" Both
    OAuth2ExtensionGrant "OAUTH2_EXTENSION_GRANT" Both
    AuthreqidToToken "AUTHREQID_TO_TOKEN" Both
    JwtAuthorizationGrant "JWT_AUTHORIZATION_GRANT" Both
    PermissionToken "PERMISSION_TOKEN" Success
    DeleteAccount "DELETE_ACCOUNT" Both
    PushedAuthorizationRequest "PUSHED_AUTHORIZATION_REQUEST" Neither
    UserDisabledByPermanentLockout "USER_DISABLED_BY_PERMANENT_LOCKOUT" Success
    UserDisabledByTemporaryLockout "USER_DISABLED_BY_TEMPORARY_LOCKOUT" Success
    UserSessionDeleted "USER_SESSION_DELETED" Neither
    InviteOrg "INVITE_ORG" Both
    VerifiableCredentialRequest "VERIFIABLE_CREDENTIAL_REQUEST" Both
    VerifiableCredentialOfferRequest "VERIFIABLE_CREDENTIAL_OFFER_REQUEST" Both
    VerifiableCredentialNonceRequest "VERIFIABLE_CREDENTIAL_NONCE_REQUEST" Neither
    VerifiableCredentialCreateOffer "VERIFIABLE_CREDENTIAL_CREATE_OFFER" Both
    VerifiableCredentialPreAuthorizedGrant "VERIFIABLE_CREDENTIAL_PRE_AUTHORIZED_GRANT" Both
}

/// A type of user events: a happening and how it ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventType {
    pub happening: Happening,
    pub failed: bool,
}

impl EventType {
    pub const fn name(self) -> &'static str {
        self.happening.type_name(self.failed)
    }

    /// All types, by name.
    pub fn all() -> Vec<Self> {
        let of = |happening: &Happening| [false, true].map(|failed| Self { happening: *happening, failed });
        let mut all: Vec<_> = Happening::ALL.iter().flat_map(of).collect();
        all.sort_unstable_by_key(|event| event.name());
        all
    }

    pub fn parse(name: &str) -> Option<Self> {
        let (name, failed) = name.strip_suffix("_ERROR").map_or((name, false), |name| (name, true));
        let happening = Happening::ALL.iter().find(|happening| happening.type_name(false) == name)?;
        Some(Self { happening: *happening, failed })
    }

    /// Whether a realm that stores events and names no types stores this one.
    pub fn is_stored_by_default(self) -> bool {
        match self.happening.stored_by_default() {
            Stored::Both => true,
            Stored::Success => !self.failed,
            Stored::Neither => false,
        }
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| de::Error::custom(format_args!("{name:?} is no type of events")))
    }
}

/// Something that a user or a client did, or failed to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserEvent {
    pub id: EventId,
    pub time: Timestamp,
    #[serde(rename = "type")]
    pub event_type: EventType,
    pub realm_id: RealmId,
    /// The public `client_id`, of a client that need not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    pub ip_address: IpAddr,
    /// A code of the event log, such as `invalid_user_credentials`: not the one that the caller was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Cow<'static, str>>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_parses_back_and_nothing_else_does() {
        for event in EventType::all() {
            assert_eq!(EventType::parse(event.name()), Some(event));
        }
        for unknown in ["", "login", "LOGIN_ERROR_ERROR", "_ERROR"] {
            assert_eq!(EventType::parse(unknown), None);
        }
    }

    #[test]
    fn ids_of_events_sort_newest_first_whatever_is_random_in_them() {
        let random = crate::base::random::SeededRandom::new(1);
        let moments = [(5, 0), (5, 1), (5, 1 << 14), (6, 0), (1_800_000_000_000, 7)];
        let ids = moments.map(|(time, counter)| EventId::new(Timestamp(time), counter, &random));
        let keys = ids.map(|id| id.newest_first());
        assert!(keys.iter().rev().is_sorted(), "{keys:?}");
        assert!(ids.iter().all(|id| id.0.get_version_num() == 7 && id.0.get_variant() == uuid::Variant::RFC4122), "{ids:?}");

        let up_to_five: Vec<_> = keys.iter().filter(|key| **key > EventId::after(Timestamp(5))).collect();
        assert_eq!(up_to_five, [&keys[0], &keys[1], &keys[2]]);
    }

    #[test]
    fn a_stored_event_is_its_representation_without_what_is_unknown() {
        let event = UserEvent {
            id: EventId(Uuid::nil()),
            time: Timestamp(5),
            event_type: EventType { happening: Happening::Logout, failed: true },
            realm_id: RealmId::from("r"),
            client_id: None,
            user_id: None,
            session_id: None,
            ip_address: [127, 0, 0, 1].into(),
            error: Some("client_not_found".into()),
            details: Details::default(),
        };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(
            text,
            r#"{"id":"00000000-0000-0000-0000-000000000000","time":5,"type":"LOGOUT_ERROR","realmId":"r","ipAddress":"127.0.0.1","error":"client_not_found"}"#
        );
        assert_eq!(serde_json::from_str::<UserEvent>(&text).unwrap(), event);
    }
}
