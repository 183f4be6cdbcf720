//! The built-in roles: name and, for composites, the roles of the same client that they contain.

/// Roles of one client.
pub type RoleTable = &'static [(&'static str, &'static [&'static str])];

/// In every realm, besides the default role. Their descriptions have a hyphen or an underscore as Keycloak's message keys do.
pub const REALM: &[(&str, &str)] = &[("offline_access", "${role_offline-access}"), ("uma_authorization", "${role_uma_authorization}")];

/// In master only; `admin` contains the second one and all roles of every `<realm>-realm` client.
pub const ADMIN: &str = "admin";
pub const CREATE_REALM: &str = "create-realm";

/// What the default role contains of the client `account`.
pub const DEFAULT_ACCOUNT: &[&str] = &["view-profile", "manage-account"];

pub const ACCOUNT: RoleTable = &[
    ("view-profile", &[]),
    ("manage-account", &["manage-account-links"]),
    ("manage-account-links", &[]),
    ("view-applications", &[]),
    ("view-consent", &[]),
    ("manage-consent", &["view-consent"]),
    ("view-groups", &[]),
    ("delete-account", &[]),
];

pub const BROKER: RoleTable = &[("read-token", &[])];

/// Of the client `<realm>-realm` in master, and of `realm-management` in the realm itself.
pub const ADMINISTRATION: RoleTable = &[
    ("create-client", &[]),
    ("view-realm", &[]),
    ("view-users", &["query-users", "query-groups"]),
    ("view-clients", &["query-clients"]),
    ("view-events", &[]),
    ("view-identity-providers", &[]),
    ("view-authorization", &[]),
    ("manage-realm", &[]),
    ("manage-users", &[]),
    ("manage-clients", &[]),
    ("manage-events", &[]),
    ("manage-identity-providers", &[]),
    ("manage-authorization", &[]),
    ("query-users", &[]),
    ("query-clients", &[]),
    ("query-realms", &[]),
    ("query-groups", &[]),
    ("impersonation", &[]),
];

/// Of `realm-management` only.
pub const ORGANIZATIONS: RoleTable =
    &[("view-organizations", &["query-organizations"]), ("manage-organizations", &[]), ("query-organizations", &[])];

/// Of `realm-management`: contains all its others.
pub const REALM_ADMIN: &str = "realm-admin";
