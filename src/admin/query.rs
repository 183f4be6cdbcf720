//! The query strings of the Admin REST API, for the rows that take them.

use crate::web::query::Kind::{Flag, Number, Text, Texts};
use crate::web::query::Parameter;

/// A part of a list.
pub const PAGE: &[Parameter] = &[Number.named("first"), Number.named("max")];
/// How much is said of each entry.
pub const BRIEF: &[Parameter] = &[Flag.named("briefRepresentation")];
/// A part of a name.
pub const SEARCH: &[Parameter] = &[Text.named("search")];
/// Whether `search` is the whole name.
pub const EXACT: &[Parameter] = &[Flag.named("exact")];
/// Attributes and their values.
pub const ATTRIBUTES: &[Parameter] = &[Text.named("q")];

/// Which users are meant.
pub const USERS: &[Parameter] = &[
    Text.named("search"),
    Text.named("username"),
    Text.named("email"),
    Text.named("firstName"),
    Text.named("lastName"),
    Flag.named("exact"),
    Flag.named("enabled"),
    Flag.named("emailVerified"),
    Text.named("idpAlias"),
    Text.named("idpUserId"),
    Text.named("createdAfter"),
    Text.named("createdBefore"),
    Text.named("q"),
];
pub const USER_PROFILE: &[Parameter] = &[Flag.named("userProfileMetadata")];
pub const OFFLINE: &[Parameter] = &[Flag.named("isOffline")];
/// Where the link in a mail leads in the end, and on behalf of which client.
pub const MAIL: &[Parameter] = &[Text.named("client_id"), Text.named("redirect_uri")];
pub const LIFESPAN: &[Parameter] = &[Number.named("lifespan")];

pub const SUB_GROUPS: &[Parameter] = &[Flag.named("subGroupsCount")];
/// Whether what is found stands below its ancestors.
pub const HIERARCHY: &[Parameter] = &[Flag.named("populateHierarchy")];
pub const TOP: &[Parameter] = &[Flag.named("top")];

pub const CLIENTS: &[Parameter] = &[Text.named("clientId"), Flag.named("search"), Text.named("q")];
pub const SCOPE: &[Parameter] = &[Text.named("scope")];
/// For whom an example is.
pub const USER: &[Parameter] = &[Text.named("userId")];
pub const AUDIENCE: &[Parameter] = &[Text.named("audience")];
pub const COMPONENTS: &[Parameter] = &[Text.named("name"), Text.named("parent"), Text.named("providerId")];
pub const TYPE: &[Parameter] = &[Text.named("type")];
pub const IDENTITY_PROVIDERS: &[Parameter] = &[Text.named("search"), Text.named("type"), Flag.named("realmOnly")];
pub const GLOBAL_POLICIES: &[Parameter] = &[Flag.named("include-global-policies")];
pub const GLOBAL_PROFILES: &[Parameter] = &[Flag.named("include-global-profiles")];

pub const MEMBERS: &[Parameter] = &[Text.named("search"), Flag.named("exact"), Text.named("membershipType")];
pub const INVITATIONS: &[Parameter] =
    &[Text.named("search"), Text.named("status"), Text.named("email"), Text.named("firstName"), Text.named("lastName")];

/// When something happened, and which end of the list comes first.
pub const PERIOD: &[Parameter] = &[Text.named("dateFrom"), Text.named("dateTo"), Text.named("direction")];
pub const USER_EVENTS: &[Parameter] = &[Texts.named("type"), Text.named("client"), Text.named("user"), Text.named("ipAddress")];
pub const ADMIN_EVENTS: &[Parameter] = &[
    Texts.named("operationTypes"),
    Texts.named("resourceTypes"),
    Text.named("resourcePath"),
    Text.named("authRealm"),
    Text.named("authClient"),
    Text.named("authUser"),
    Text.named("authIpAddress"),
];
pub const FALLBACK: &[Parameter] = &[Flag.named("useRealmDefaultLocaleFallback")];
pub const EXPORT: &[Parameter] = &[Flag.named("exportClients"), Flag.named("exportGroupsAndRoles")];
/// The realm that a console is open for.
pub const CURRENT_REALM: &[Parameter] = &[Text.named("currentRealm")];
