//! What is recorded of users and of administrators, by the names and in the field order of Keycloak's `EventRepresentation`
//! and `AdminEventRepresentation`, so that a stored event is what the administration API answers.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::base::clock::Timestamp;
use crate::base::id::{RealmId, SessionId, UserId};
use crate::base::java_map::{bucket, table_size};
use crate::base::random::Random;

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
        let tail = u128::from(u64::from_be_bytes(random.bytes()) >> 16);
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

/// Names of [`Details`].
pub mod detail {
    pub const REASON: &str = "reason";
    pub const AUTH_METHOD: &str = "auth_method";
    pub const AUTH_TYPE: &str = "auth_type";
    pub const AUDIENCE: &str = "audience";
    pub const CLIENT_ASSERTION_ID: &str = "client_assertion_id";
    pub const CLIENT_ASSERTION_ISSUER: &str = "client_assertion_issuer";
    pub const CLIENT_ASSERTION_SUB: &str = "client_assertion_sub";
    pub const CLIENT_AUTH_METHOD: &str = "client_auth_method";
    pub const CODE_ID: &str = "code_id";
    pub const CREDENTIAL_TYPE: &str = "credential_type";
    pub const EMAIL: &str = "email";
    pub const GRANT_TYPE: &str = "grant_type";
    pub const REDIRECT_URI: &str = "redirect_uri";
    pub const REFRESH_TOKEN_ID: &str = "refresh_token_id";
    pub const REFRESH_TOKEN_TYPE: &str = "refresh_token_type";
    pub const REQUESTED_TOKEN_TYPE: &str = "requested_token_type";
    pub const REVOKED_CLIENT: &str = "revoked_client";
    pub const SCOPE: &str = "scope";
    pub const SIGNATURE_ALGORITHM: &str = "signature_algorithm";
    pub const SIGNATURE_REQUIRED: &str = "signature_required";
    pub const SUBJECT_TOKEN_CLIENT_ID: &str = "subject_token_client_id";
    pub const TOKEN_ISSUED_FOR: &str = "token_issued_for";
    pub const TOKEN_TYPE: &str = "token_type";
    pub const TOKEN_ID: &str = "token_id";
    pub const ACCESS_TOKEN_EXPIRATION_TIME: &str = "access_token_expiration_time";
    pub const AGE_OF_REFRESH_TOKEN: &str = "age_of_refresh_token";
    pub const UPDATED_REFRESH_TOKEN_ID: &str = "updated_refresh_token_id";
    pub const USERNAME: &str = "username";
}

/// What else is known, in the order in which Keycloak answers it ([`crate::base::java_map`]).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Details(Vec<(Cow<'static, str>, Cow<'static, str>)>);

impl Details {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces what stands there by that name.
    pub fn insert(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) {
        let (name, value) = (name.into(), value.into());
        if let Some((_, old)) = self.0.iter_mut().find(|(known, _)| *known == name) {
            *old = value;
            return;
        }
        if self.0.is_empty() {
            self.0.reserve(8);
        }
        let before = table_size(self.0.len());
        let size = table_size(self.0.len() + 1);
        if size != before {
            self.0.sort_by_key(|(name, _)| bucket(name, size));
        }
        let own = bucket(&name, size);
        let at = self.0.partition_point(|(other, _)| bucket(other, size) <= own);
        self.0.insert(at, (name, value));
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl Serialize for Details {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Details {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Details;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("texts by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Details, A::Error> {
                let mut details = Details::default();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    details.insert(name, value);
                }
                Ok(details)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

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
    fn every_type_parses_back_and_nothing_else_does() {
        for event in EventType::all() {
            assert_eq!(EventType::parse(event.name()), Some(event));
        }
        for unknown in ["", "login", "LOGIN_ERROR_ERROR", "_ERROR"] {
            assert_eq!(EventType::parse(unknown), None);
        }
        for resource in Resource::ALL {
            assert_eq!(Resource::parse(resource.name()), Some(*resource));
        }
    }

    /// The order of recorded events, one of them with more details than a small table holds.
    #[test]
    fn details_come_in_the_order_of_a_java_map() {
        let mut details = Details::default();
        // As a registration tells them; what shares a bucket is inserted in the order of the recording.
        let names =
            ["auth_method", "auth_type", "register_method", "last_name", "redirect_uri", "first_name", "code_id", "email", "username"];
        for name in
            ["username", "code_id", "email", "auth_method", "auth_type", "redirect_uri", "register_method", "first_name", "last_name"]
        {
            details.insert(name, "");
        }
        assert_eq!(details.iter().map(|(name, _)| name).collect::<Vec<_>>(), names);

        for name in ["reason", "credential_type", "token_id", "scope"] {
            details.insert(name, "");
        }
        let buckets: Vec<_> = details.iter().map(|(name, _)| bucket(name, 32)).collect();
        assert!(details.iter().count() > 12 && buckets.is_sorted(), "{details:?}");
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
