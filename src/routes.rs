//! Every URL. A row says which method, who may ask, how much body, which origins may read the answer and what caches may do
//! with it; `OPTIONS`, `HEAD` and 405 follow from the rows ([`crate::web::dispatch`]). A handler that stands in no row cannot
//! be reached.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};

use crate::admin::{
    self, attack_detection, authentication, caches, client_policies, client_scopes, clients, components, console, events, groups,
    identity_providers, initial_access, localization, organizations, partial_export, partial_import, protocol_mappers, query, realms,
    registration_policies, role_mappings, roles, scope_mappings, serverinfo, test_smtp_connection, users,
};
use crate::management::{self, backup, health, metrics, openapi};
use crate::oidc::{certs, discovery, introspect, logout, realm, redirects, registration, revoke, token, userinfo};
use crate::web::administrator::Admission::{self, AnyOf, Anywhere, CreateRealm};
use crate::web::cors::Cors::{self, Any, Client as Own, Refused};
use crate::web::request_path;
use crate::web::route::Cache::{self, Document as Discovery, NoCache, NoStore, NoStoreNoCache, Unset};
use crate::web::route::Handler::{self, Document, Realm, Server};
use crate::web::route::Policy::{self, Bearer, Client, Open, Public};
use crate::web::route::{Feature, Route};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

/// No request body is read.
const NONE: usize = 0;
/// A form with a few tokens in it.
const FORM: usize = 128 << 10;

/// A handler that waits and reads no body.
macro_rules! later {
    ($handler:path) => {
        Realm(|cx, _| Box::pin($handler(cx)))
    };
}

/// A handler that waits and takes the request's body.
macro_rules! form {
    ($handler:path) => {
        Realm(|cx, body| Box::pin($handler(cx, body)))
    };
}

/// An operation of the Admin REST API, whose refusals are rendered in one place.
macro_rules! operation {
    ($handler:path) => {
        Handler::Admin(|cx| Box::pin(async move { $handler(cx).await.unwrap_or_else(|error| error.render()) }))
    };
}

/// The rows of the public listener, below the base path.
pub fn public() -> Vec<Route> {
    let mut rows = protocol();
    rows.extend(administration());
    rows.extend(sign_in());
    rows
}

/// What clients and resource servers ask.
#[rustfmt::skip]
fn protocol() -> Vec<Route> {
    vec![
        // The server
        row((GET, "/"), Open, NONE, Refused, Unset, Server(redirects::base)),

        // What a realm publishes
        row((GET, "/realms/{realm}"), Open, NONE, Any("GET, HEAD, OPTIONS"), NoCache, Document(realm::get)),
        row((GET, "/realms/{realm}/.well-known/openid-configuration"), Public, NONE, Any("GET"), Discovery, later!(discovery::get)),
        row((GET, "/realms/{realm}/.well-known/oauth-authorization-server"), Public, NONE, Any("GET"), Discovery, later!(discovery::get)),
        row((GET, "/.well-known/oauth-authorization-server/realms/{realm}"), Public, NONE, Any("GET"), Discovery, later!(discovery::get)),
        row((GET, "/realms/{realm}/protocol/openid-connect/certs"), Public, NONE, Any("GET"), NoCache, Document(certs::get)),

        // Tokens
        row((POST, "/realms/{realm}/protocol/openid-connect/token"), Client, FORM, Own("POST, OPTIONS"), NoStore, form!(token::post)),
        row((POST, "/realms/{realm}/protocol/openid-connect/token/introspect"), Client, FORM, Refused, NoCache, form!(introspect::post)),
        row((POST, "/realms/{realm}/protocol/openid-connect/revoke"), Client, FORM, Own("POST, OPTIONS"), Unset, form!(revoke::post)),
        row((POST, "/realms/{realm}/protocol/openid-connect/logout"), Client, FORM, Own("GET, HEAD, OPTIONS"), NoCache, form!(logout::post)),
        row((GET, "/realms/{realm}/protocol/openid-connect/userinfo"), Bearer, NONE, Own("GET, HEAD, OPTIONS"), NoStoreNoCache, later!(userinfo::get)),
        row((POST, "/realms/{realm}/protocol/openid-connect/userinfo"), Bearer, FORM, Own("GET, HEAD, OPTIONS"), NoStoreNoCache, form!(userinfo::post)),

        // Clients that register themselves
        row((POST, "/realms/{realm}/clients-registrations/{provider}"), Bearer, SMALL, Refused, Unset, form!(registration::post)),
        row((GET, "/realms/{realm}/clients-registrations/{provider}"), Bearer, NONE, Refused, Unset, later!(registration::list)),
        row((GET, "/realms/{realm}/clients-registrations/{provider}/{clientId}"), Bearer, NONE, Refused, Unset, later!(registration::get)),
        row((PUT, "/realms/{realm}/clients-registrations/{provider}/{clientId}"), Bearer, SMALL, Refused, Unset, form!(registration::put)),
        row((DELETE, "/realms/{realm}/clients-registrations/{provider}/{clientId}"), Bearer, NONE, Refused, Unset, later!(registration::delete)),
    ]
}

// Who may: any one of the roles. `manage-…` implies `view-…`, which implies `query-…`, as in Keycloak's evaluator.
const KNOW_REALM: Admission = AnyOf(realms::KNOW);
const VIEW_REALM: Admission = AnyOf(&["view-realm", "manage-realm"]);
const MANAGE_REALM: Admission = AnyOf(&["manage-realm"]);
const QUERY_USERS: Admission = AnyOf(&["query-users", "view-users", "manage-users"]);
const VIEW_USERS: Admission = AnyOf(&["view-users", "manage-users"]);
const MANAGE_USERS: Admission = AnyOf(&["manage-users"]);
const VIEW_PROFILE: Admission = AnyOf(&["query-users", "view-users", "manage-users", "view-realm", "manage-realm"]);
const IMPERSONATE: Admission = AnyOf(&["impersonation"]);
const QUERY_GROUPS: Admission = AnyOf(&["query-groups", "view-users", "manage-users"]);
const VIEW_EVENTS: Admission = AnyOf(&["view-events", "manage-events"]);
const MANAGE_EVENTS: Admission = AnyOf(&["manage-events"]);
const VIEW_AUTHORIZATION: Admission = AnyOf(&["view-authorization", "manage-authorization"]);
const MANAGE_AUTHORIZATION: Admission = AnyOf(&["manage-authorization"]);
const QUERY_CLIENTS: Admission = AnyOf(&["query-clients", "view-clients", "manage-clients"]);
const VIEW_CLIENTS: Admission = AnyOf(&["view-clients", "manage-clients"]);
const CREATE_CLIENTS: Admission = AnyOf(&["create-client", "manage-clients"]);
const MANAGE_CLIENTS: Admission = AnyOf(&["manage-clients"]);
const VIEW_ORGANIZATIONS: Admission = AnyOf(&["view-organizations", "manage-organizations", "view-realm", "manage-realm"]);
const MANAGE_ORGANIZATIONS: Admission = AnyOf(&["manage-organizations", "manage-realm"]);
const VIEW_ANY_ROLE: Admission = AnyOf(&["view-realm", "manage-realm", "view-clients", "manage-clients"]);
const MANAGE_ANY_ROLE: Admission = AnyOf(&["manage-realm", "manage-clients"]);

/// A few names and settings.
const SMALL: usize = 64 << 10;
/// A keystore or a key set in a form.
const KEYSTORE: usize = 1 << 20;
/// A representation with everything that hangs on it.
const LARGE: usize = 8 << 20;

/// The Admin REST API.
#[rustfmt::skip]
fn administration() -> Vec<Route> {
    vec![
        // Realms
        admin((GET, "/admin/serverinfo"), Anywhere, NONE, operation!(serverinfo::read)),
        admin((GET, "/admin/{realm}/console/whoami"), Anywhere, NONE, operation!(console::whoami)).taking(&[query::CURRENT_REALM]),
        admin((GET, "/admin/realms"), Anywhere, NONE, operation!(realms::list)).taking(&[query::BRIEF]),
        admin((POST, "/admin/realms"), CreateRealm, LARGE, operation!(realms::create)),
        admin((GET, "/admin/realms/{realm}"), KNOW_REALM, NONE, operation!(realms::read)),
        admin((PUT, "/admin/realms/{realm}"), MANAGE_REALM, LARGE, operation!(realms::update)),
        admin((DELETE, "/admin/realms/{realm}"), MANAGE_REALM, NONE, operation!(realms::delete)),

        // Users
        admin((GET, "/admin/realms/{realm}/users"), QUERY_USERS, NONE, operation!(users::list)).taking(&[query::USERS, query::PAGE, query::BRIEF]),
        admin((POST, "/admin/realms/{realm}/users"), MANAGE_USERS, LARGE, operation!(users::create)),
        admin((GET, "/admin/realms/{realm}/users/count"), QUERY_USERS, NONE, operation!(users::count)).taking(&[query::USERS]),
        admin((GET, "/admin/realms/{realm}/users/profile"), VIEW_PROFILE, NONE, operation!(users::profile::read)),
        admin((PUT, "/admin/realms/{realm}/users/profile"), MANAGE_REALM, LARGE, operation!(users::profile::update)),
        admin((GET, "/admin/realms/{realm}/users/profile/metadata"), VIEW_PROFILE, NONE, operation!(users::profile::read_metadata)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}"), QUERY_USERS, NONE, operation!(users::read)).taking(&[query::USER_PROFILE]),
        admin((PUT, "/admin/realms/{realm}/users/{user-id}"), MANAGE_USERS, LARGE, operation!(users::update)),
        admin((DELETE, "/admin/realms/{realm}/users/{user-id}"), MANAGE_USERS, NONE, operation!(users::delete)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/unmanagedAttributes"), VIEW_USERS, NONE, operation!(users::profile::unmanaged)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/credentials"), VIEW_USERS, NONE, operation!(users::credentials::list)),
        admin((DELETE, "/admin/realms/{realm}/users/{user-id}/credentials/{credentialId}"), MANAGE_USERS, NONE, operation!(users::credentials::delete)),
        admin((PUT, "/admin/realms/{realm}/users/{user-id}/credentials/{credentialId}/userLabel"), MANAGE_USERS, SMALL, operation!(users::credentials::label)),
        admin((POST, "/admin/realms/{realm}/users/{user-id}/credentials/{credentialId}/moveToFirst"), MANAGE_USERS, SMALL, operation!(users::credentials::move_to_first)),
        admin((POST, "/admin/realms/{realm}/users/{user-id}/credentials/{credentialId}/moveAfter/{newPreviousCredentialId}"), MANAGE_USERS, SMALL, operation!(users::credentials::move_after)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/configured-user-storage-credential-types"), VIEW_USERS, NONE, operation!(users::credentials::storage_types)),
        admin((PUT, "/admin/realms/{realm}/users/{user-id}/disable-credential-types"), MANAGE_USERS, SMALL, operation!(users::credentials::disable_types)),
        admin((PUT, "/admin/realms/{realm}/users/{user-id}/reset-password"), MANAGE_USERS, SMALL, operation!(users::credentials::reset_password)),
        admin((PUT, "/admin/realms/{realm}/users/{user-id}/reset-password-email"), MANAGE_USERS, SMALL, operation!(users::messages::reset_password)).taking(&[query::MAIL]),
        admin((PUT, "/admin/realms/{realm}/users/{user-id}/execute-actions-email"), MANAGE_USERS, SMALL, operation!(users::messages::execute_actions)).taking(&[query::MAIL, query::LIFESPAN]),
        admin((PUT, "/admin/realms/{realm}/users/{user-id}/send-verify-email"), MANAGE_USERS, SMALL, operation!(users::messages::verify_email)).taking(&[query::MAIL, query::LIFESPAN]),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/groups"), VIEW_USERS, NONE, operation!(users::groups::list)).taking(&[query::SEARCH, query::PAGE, query::BRIEF]),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/groups/count"), VIEW_USERS, NONE, operation!(users::groups::count)).taking(&[query::SEARCH]),
        admin((PUT, "/admin/realms/{realm}/users/{user-id}/groups/{groupId}"), MANAGE_USERS, SMALL, operation!(users::groups::join)),
        admin((DELETE, "/admin/realms/{realm}/users/{user-id}/groups/{groupId}"), MANAGE_USERS, SMALL, operation!(users::groups::leave)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/sessions"), VIEW_USERS, NONE, operation!(users::sessions::list)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/offline-sessions/{clientUuid}"), VIEW_USERS, NONE, operation!(users::sessions::offline)),
        admin((POST, "/admin/realms/{realm}/users/{user-id}/logout"), MANAGE_USERS, SMALL, operation!(users::sessions::logout)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/consents"), VIEW_USERS, NONE, operation!(users::consents::list)),
        admin((DELETE, "/admin/realms/{realm}/users/{user-id}/consents/{client}"), MANAGE_USERS, NONE, operation!(users::consents::revoke)),
        admin((POST, "/admin/realms/{realm}/users/{user-id}/impersonation"), IMPERSONATE, SMALL, operation!(users::impersonation::start)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/role-mappings"), VIEW_USERS, NONE, operation!(role_mappings::all)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/role-mappings/realm"), VIEW_USERS, NONE, operation!(role_mappings::realm)),
        admin((POST, "/admin/realms/{realm}/users/{user-id}/role-mappings/realm"), MANAGE_USERS, LARGE, operation!(role_mappings::add_realm)),
        admin((DELETE, "/admin/realms/{realm}/users/{user-id}/role-mappings/realm"), MANAGE_USERS, LARGE, operation!(role_mappings::remove_realm)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/role-mappings/realm/available"), VIEW_USERS, NONE, operation!(role_mappings::realm_available)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/role-mappings/realm/composite"), VIEW_USERS, NONE, operation!(role_mappings::realm_composite)).taking(&[query::BRIEF]),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/role-mappings/clients/{client-id}"), VIEW_USERS, NONE, operation!(role_mappings::client)),
        admin((POST, "/admin/realms/{realm}/users/{user-id}/role-mappings/clients/{client-id}"), MANAGE_USERS, LARGE, operation!(role_mappings::add_client)),
        admin((DELETE, "/admin/realms/{realm}/users/{user-id}/role-mappings/clients/{client-id}"), MANAGE_USERS, LARGE, operation!(role_mappings::remove_client)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/role-mappings/clients/{client-id}/available"), VIEW_USERS, NONE, operation!(role_mappings::client_available)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/role-mappings/clients/{client-id}/composite"), VIEW_USERS, NONE, operation!(role_mappings::client_composite)).taking(&[query::BRIEF]),
        admin((DELETE, "/admin/realms/{realm}/sessions/{session}"), MANAGE_USERS, NONE, operation!(users::sessions::delete)).taking(&[query::OFFLINE]),

        admin((POST, "/admin/realms/{realm}/testSMTPConnection"), MANAGE_REALM, SMALL, operation!(test_smtp_connection::send)),

        // Groups
        admin((GET, "/admin/realms/{realm}/groups"), QUERY_GROUPS, NONE, operation!(groups::list)).taking(&[query::SEARCH, query::EXACT, query::ATTRIBUTES, query::PAGE, query::BRIEF, query::HIERARCHY, query::SUB_GROUPS]),
        admin((POST, "/admin/realms/{realm}/groups"), MANAGE_USERS, LARGE, operation!(groups::create)),
        admin((GET, "/admin/realms/{realm}/groups/count"), QUERY_GROUPS, NONE, operation!(groups::count)).taking(&[query::SEARCH, query::TOP]),
        admin((GET, "/admin/realms/{realm}/groups/{group-id}"), QUERY_GROUPS, NONE, operation!(groups::read)),
        admin((PUT, "/admin/realms/{realm}/groups/{group-id}"), MANAGE_USERS, LARGE, operation!(groups::update)),
        admin((DELETE, "/admin/realms/{realm}/groups/{group-id}"), MANAGE_USERS, NONE, operation!(groups::delete)),
        admin((GET, "/admin/realms/{realm}/groups/{group-id}/children"), QUERY_GROUPS, NONE, operation!(groups::children)).taking(&[query::SEARCH, query::EXACT, query::PAGE, query::BRIEF, query::SUB_GROUPS]),
        admin((POST, "/admin/realms/{realm}/groups/{group-id}/children"), MANAGE_USERS, LARGE, operation!(groups::add_child)),
        admin((GET, "/admin/realms/{realm}/groups/{group-id}/members"), QUERY_GROUPS, NONE, operation!(groups::members)).taking(&[query::PAGE, query::BRIEF]),
        off((GET, "/admin/realms/{realm}/groups/{group-id}/management/permissions"), QUERY_GROUPS, NONE),
        off((PUT, "/admin/realms/{realm}/groups/{group-id}/management/permissions"), MANAGE_USERS, SMALL),
        admin((GET, "/admin/realms/{realm}/groups/{group-id}/role-mappings"), QUERY_GROUPS, NONE, operation!(role_mappings::all)),
        admin((GET, "/admin/realms/{realm}/groups/{group-id}/role-mappings/realm"), QUERY_GROUPS, NONE, operation!(role_mappings::realm)),
        admin((POST, "/admin/realms/{realm}/groups/{group-id}/role-mappings/realm"), MANAGE_USERS, LARGE, operation!(role_mappings::add_realm)),
        admin((DELETE, "/admin/realms/{realm}/groups/{group-id}/role-mappings/realm"), MANAGE_USERS, LARGE, operation!(role_mappings::remove_realm)),
        admin((GET, "/admin/realms/{realm}/groups/{group-id}/role-mappings/realm/available"), QUERY_GROUPS, NONE, operation!(role_mappings::realm_available)),
        admin((GET, "/admin/realms/{realm}/groups/{group-id}/role-mappings/realm/composite"), QUERY_GROUPS, NONE, operation!(role_mappings::realm_composite)).taking(&[query::BRIEF]),
        admin((GET, "/admin/realms/{realm}/groups/{group-id}/role-mappings/clients/{client-id}"), QUERY_GROUPS, NONE, operation!(role_mappings::client)),
        admin((POST, "/admin/realms/{realm}/groups/{group-id}/role-mappings/clients/{client-id}"), MANAGE_USERS, LARGE, operation!(role_mappings::add_client)),
        admin((DELETE, "/admin/realms/{realm}/groups/{group-id}/role-mappings/clients/{client-id}"), MANAGE_USERS, LARGE, operation!(role_mappings::remove_client)),
        admin((GET, "/admin/realms/{realm}/groups/{group-id}/role-mappings/clients/{client-id}/available"), QUERY_GROUPS, NONE, operation!(role_mappings::client_available)),
        admin((GET, "/admin/realms/{realm}/groups/{group-id}/role-mappings/clients/{client-id}/composite"), QUERY_GROUPS, NONE, operation!(role_mappings::client_composite)).taking(&[query::BRIEF]),
        admin((GET, "/admin/realms/{realm}/group-by-path/{path*}"), QUERY_GROUPS, NONE, operation!(groups::by_path)),
        admin((GET, "/admin/realms/{realm}/default-groups"), VIEW_REALM, NONE, operation!(groups::defaults)),
        admin((PUT, "/admin/realms/{realm}/default-groups/{groupId}"), MANAGE_REALM, SMALL, operation!(groups::add_default)),
        admin((DELETE, "/admin/realms/{realm}/default-groups/{groupId}"), MANAGE_REALM, SMALL, operation!(groups::remove_default)),

        // Roles
        admin((GET, "/admin/realms/{realm}/roles"), VIEW_REALM, NONE, operation!(roles::list)).taking(&[query::SEARCH, query::PAGE, query::BRIEF]),
        admin((POST, "/admin/realms/{realm}/roles"), MANAGE_REALM, LARGE, operation!(roles::create)),
        admin((GET, "/admin/realms/{realm}/roles/{role-name}"), VIEW_REALM, NONE, operation!(roles::read)),
        admin((PUT, "/admin/realms/{realm}/roles/{role-name}"), MANAGE_REALM, LARGE, operation!(roles::update)),
        admin((DELETE, "/admin/realms/{realm}/roles/{role-name}"), MANAGE_REALM, NONE, operation!(roles::delete)),
        admin((GET, "/admin/realms/{realm}/roles/{role-name}/composites"), VIEW_REALM, NONE, operation!(roles::composites)),
        admin((POST, "/admin/realms/{realm}/roles/{role-name}/composites"), MANAGE_REALM, LARGE, operation!(roles::add_composites)),
        admin((DELETE, "/admin/realms/{realm}/roles/{role-name}/composites"), MANAGE_REALM, LARGE, operation!(roles::remove_composites)),
        admin((GET, "/admin/realms/{realm}/roles/{role-name}/composites/realm"), VIEW_REALM, NONE, operation!(roles::realm_composites)),
        admin((GET, "/admin/realms/{realm}/roles/{role-name}/composites/clients/{targetClientUuid}"), VIEW_REALM, NONE, operation!(roles::client_composites)),
        admin((GET, "/admin/realms/{realm}/roles/{role-name}/users"), VIEW_REALM, NONE, operation!(roles::users)).taking(&[query::PAGE, query::BRIEF]),
        admin((GET, "/admin/realms/{realm}/roles/{role-name}/groups"), VIEW_REALM, NONE, operation!(roles::groups)).taking(&[query::PAGE, query::BRIEF]),
        off((GET, "/admin/realms/{realm}/roles/{role-name}/management/permissions"), VIEW_REALM, NONE),
        off((PUT, "/admin/realms/{realm}/roles/{role-name}/management/permissions"), MANAGE_REALM, SMALL),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/roles"), VIEW_CLIENTS, NONE, operation!(roles::list)).taking(&[query::SEARCH, query::PAGE, query::BRIEF]),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/roles"), MANAGE_CLIENTS, LARGE, operation!(roles::create)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/roles/{role-name}"), VIEW_CLIENTS, NONE, operation!(roles::read)),
        admin((PUT, "/admin/realms/{realm}/clients/{client-uuid}/roles/{role-name}"), MANAGE_CLIENTS, LARGE, operation!(roles::update)),
        admin((DELETE, "/admin/realms/{realm}/clients/{client-uuid}/roles/{role-name}"), MANAGE_CLIENTS, NONE, operation!(roles::delete)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/roles/{role-name}/composites"), VIEW_CLIENTS, NONE, operation!(roles::composites)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/roles/{role-name}/composites"), MANAGE_CLIENTS, LARGE, operation!(roles::add_composites)),
        admin((DELETE, "/admin/realms/{realm}/clients/{client-uuid}/roles/{role-name}/composites"), MANAGE_CLIENTS, LARGE, operation!(roles::remove_composites)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/roles/{role-name}/composites/realm"), VIEW_CLIENTS, NONE, operation!(roles::realm_composites)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/roles/{role-name}/composites/clients/{targetClientUuid}"), VIEW_CLIENTS, NONE, operation!(roles::client_composites)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/roles/{role-name}/users"), VIEW_CLIENTS, NONE, operation!(roles::users)).taking(&[query::PAGE, query::BRIEF]),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/roles/{role-name}/groups"), VIEW_CLIENTS, NONE, operation!(roles::groups)).taking(&[query::PAGE, query::BRIEF]),
        off((GET, "/admin/realms/{realm}/clients/{client-uuid}/roles/{role-name}/management/permissions"), VIEW_CLIENTS, NONE),
        off((PUT, "/admin/realms/{realm}/clients/{client-uuid}/roles/{role-name}/management/permissions"), MANAGE_CLIENTS, SMALL),
        admin((GET, "/admin/realms/{realm}/roles-by-id/{role-id}"), VIEW_ANY_ROLE, NONE, operation!(roles::read)),
        admin((PUT, "/admin/realms/{realm}/roles-by-id/{role-id}"), MANAGE_ANY_ROLE, LARGE, operation!(roles::update)),
        admin((DELETE, "/admin/realms/{realm}/roles-by-id/{role-id}"), MANAGE_ANY_ROLE, NONE, operation!(roles::delete)),
        admin((GET, "/admin/realms/{realm}/roles-by-id/{role-id}/composites"), VIEW_ANY_ROLE, NONE, operation!(roles::composites)).taking(&[query::SEARCH, query::PAGE]),
        admin((POST, "/admin/realms/{realm}/roles-by-id/{role-id}/composites"), MANAGE_ANY_ROLE, LARGE, operation!(roles::add_composites)),
        admin((DELETE, "/admin/realms/{realm}/roles-by-id/{role-id}/composites"), MANAGE_ANY_ROLE, LARGE, operation!(roles::remove_composites)),
        admin((GET, "/admin/realms/{realm}/roles-by-id/{role-id}/composites/realm"), VIEW_ANY_ROLE, NONE, operation!(roles::realm_composites)),
        admin((GET, "/admin/realms/{realm}/roles-by-id/{role-id}/composites/clients/{clientUuid}"), VIEW_ANY_ROLE, NONE, operation!(roles::client_composites)),
        off((GET, "/admin/realms/{realm}/roles-by-id/{role-id}/management/permissions"), VIEW_ANY_ROLE, NONE),
        off((PUT, "/admin/realms/{realm}/roles-by-id/{role-id}/management/permissions"), MANAGE_ANY_ROLE, SMALL),
        admin((GET, "/admin/realms/{realm}/keys"), VIEW_REALM, NONE, operation!(components::keys)),
        admin((POST, "/admin/realms/{realm}/client-description-converter"), MANAGE_CLIENTS, LARGE, operation!(clients::description::convert)),
        admin((GET, "/admin/realms/{realm}/client-registration-policy/providers"), VIEW_REALM, NONE, operation!(registration_policies::providers)),
        admin((GET, "/admin/realms/{realm}/clients-initial-access"), VIEW_CLIENTS, NONE, operation!(initial_access::list)),
        admin((POST, "/admin/realms/{realm}/clients-initial-access"), CREATE_CLIENTS, SMALL, operation!(initial_access::create)),
        admin((DELETE, "/admin/realms/{realm}/clients-initial-access/{id}"), MANAGE_CLIENTS, NONE, operation!(initial_access::delete)),
        admin((GET, "/admin/realms/{realm}/client-policies/policies"), VIEW_REALM, NONE, operation!(client_policies::policies)).taking(&[query::GLOBAL_POLICIES]),
        admin((PUT, "/admin/realms/{realm}/client-policies/policies"), MANAGE_REALM, LARGE, operation!(client_policies::set_policies)),
        admin((GET, "/admin/realms/{realm}/client-policies/profiles"), VIEW_REALM, NONE, operation!(client_policies::profiles)).taking(&[query::GLOBAL_PROFILES]),
        admin((PUT, "/admin/realms/{realm}/client-policies/profiles"), MANAGE_REALM, LARGE, operation!(client_policies::set_profiles)),
        admin((GET, "/admin/realms/{realm}/client-session-stats"), VIEW_REALM, NONE, operation!(clients::sessions::stats)),
        admin((POST, "/admin/realms/{realm}/logout-all"), MANAGE_USERS, SMALL, operation!(clients::sessions::logout_all)),
        admin((POST, "/admin/realms/{realm}/push-revocation"), MANAGE_REALM, SMALL, operation!(clients::nodes::push_revocation_of_realm)),
        admin((POST, "/admin/realms/{realm}/clear-realm-cache"), MANAGE_REALM, SMALL, operation!(caches::clear)),
        admin((POST, "/admin/realms/{realm}/clear-user-cache"), MANAGE_REALM, SMALL, operation!(caches::clear)),
        admin((POST, "/admin/realms/{realm}/clear-keys-cache"), MANAGE_REALM, SMALL, operation!(caches::clear)),
        admin((POST, "/admin/realms/{realm}/clear-crl-cache"), MANAGE_REALM, SMALL, operation!(caches::clear)),
        admin((GET, "/admin/realms/{realm}/credential-registrators"), VIEW_REALM, NONE, operation!(realms::credential_registrators)),
        admin((POST, "/admin/realms/{realm}/partial-export"), MANAGE_REALM, SMALL, operation!(partial_export::export)).taking(&[query::EXPORT]),
        admin((POST, "/admin/realms/{realm}/partialImport"), MANAGE_REALM, LARGE, operation!(partial_import::import)),
        off((GET, "/admin/realms/{realm}/client-types"), VIEW_REALM, NONE),
        off((PUT, "/admin/realms/{realm}/client-types"), MANAGE_REALM, SMALL),
        off((GET, "/admin/realms/{realm}/users-management-permissions"), VIEW_REALM, NONE),
        off((PUT, "/admin/realms/{realm}/users-management-permissions"), MANAGE_REALM, SMALL),
        admin((GET, "/admin/realms/{realm}/attack-detection/brute-force/users/{userId}"), VIEW_USERS, NONE, operation!(attack_detection::read)),
        admin((DELETE, "/admin/realms/{realm}/attack-detection/brute-force/users/{userId}"), MANAGE_USERS, NONE, operation!(attack_detection::clear)),
        admin((DELETE, "/admin/realms/{realm}/attack-detection/brute-force/users"), MANAGE_USERS, NONE, operation!(attack_detection::clear_all)),
        admin((GET, "/admin/realms/{realm}/components"), VIEW_REALM, NONE, operation!(components::list)).taking(&[query::COMPONENTS, query::TYPE]),
        admin((POST, "/admin/realms/{realm}/components"), MANAGE_REALM, LARGE, operation!(components::create)),
        admin((GET, "/admin/realms/{realm}/components/{id}"), VIEW_REALM, NONE, operation!(components::read)),
        admin((PUT, "/admin/realms/{realm}/components/{id}"), MANAGE_REALM, LARGE, operation!(components::update)),
        admin((DELETE, "/admin/realms/{realm}/components/{id}"), MANAGE_REALM, NONE, operation!(components::delete)),
        admin((GET, "/admin/realms/{realm}/components/{id}/sub-component-types"), VIEW_REALM, NONE, operation!(components::sub_types)).taking(&[query::TYPE]),

        // Clients
        admin((GET, "/admin/realms/{realm}/clients"), QUERY_CLIENTS, NONE, operation!(clients::list)).taking(&[query::CLIENTS, query::PAGE]),
        admin((POST, "/admin/realms/{realm}/clients"), MANAGE_CLIENTS, LARGE, operation!(clients::create)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}"), VIEW_CLIENTS, NONE, operation!(clients::read)),
        admin((PUT, "/admin/realms/{realm}/clients/{client-uuid}"), MANAGE_CLIENTS, LARGE, operation!(clients::update)),
        admin((DELETE, "/admin/realms/{realm}/clients/{client-uuid}"), MANAGE_CLIENTS, NONE, operation!(clients::delete)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/client-secret"), VIEW_CLIENTS, NONE, operation!(clients::secret::read)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/client-secret"), MANAGE_CLIENTS, SMALL, operation!(clients::secret::regenerate)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/client-secret/rotated"), VIEW_CLIENTS, NONE, operation!(clients::secret::rotated)),
        admin((DELETE, "/admin/realms/{realm}/clients/{client-uuid}/client-secret/rotated"), MANAGE_CLIENTS, NONE, operation!(clients::secret::end_rotation)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/registration-access-token"), MANAGE_CLIENTS, SMALL, operation!(clients::registration_token::renew)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/certificates/{attr}"), VIEW_CLIENTS, NONE, operation!(clients::certificates::read)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/certificates/{attr}/generate"), MANAGE_CLIENTS, SMALL, operation!(clients::certificates::generate)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/certificates/{attr}/generate-and-download"), MANAGE_CLIENTS, SMALL, operation!(clients::certificates::generate_and_download)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/certificates/{attr}/download"), MANAGE_CLIENTS, SMALL, operation!(clients::certificates::download)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/certificates/{attr}/upload"), MANAGE_CLIENTS, KEYSTORE, operation!(clients::certificates::upload)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/certificates/{attr}/upload-certificate"), MANAGE_CLIENTS, KEYSTORE, operation!(clients::certificates::upload_certificate)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/nodes"), MANAGE_CLIENTS, SMALL, operation!(clients::nodes::register)),
        admin((DELETE, "/admin/realms/{realm}/clients/{client-uuid}/nodes/{node}"), MANAGE_CLIENTS, NONE, operation!(clients::nodes::unregister)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/test-nodes-available"), VIEW_CLIENTS, NONE, operation!(clients::nodes::test_available)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/service-account-user"), VIEW_CLIENTS, NONE, operation!(clients::service_account)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/installation/providers/{providerId}"), VIEW_CLIENTS, NONE, operation!(clients::installation::read)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/push-revocation"), MANAGE_CLIENTS, SMALL, operation!(clients::nodes::push_revocation)),
        off((GET, "/admin/realms/{realm}/clients/{client-uuid}/management/permissions"), VIEW_CLIENTS, NONE),
        off((PUT, "/admin/realms/{realm}/clients/{client-uuid}/management/permissions"), MANAGE_CLIENTS, SMALL),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/session-count"), VIEW_CLIENTS, NONE, operation!(clients::sessions::count)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/offline-session-count"), VIEW_CLIENTS, NONE, operation!(clients::sessions::offline_count)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/user-sessions"), VIEW_CLIENTS, NONE, operation!(clients::sessions::list)).taking(&[query::PAGE]),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/offline-sessions"), VIEW_CLIENTS, NONE, operation!(clients::sessions::offline)).taking(&[query::PAGE]),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/default-client-scopes"), VIEW_CLIENTS, NONE, operation!(clients::scopes::default)),
        admin((PUT, "/admin/realms/{realm}/clients/{client-uuid}/default-client-scopes/{clientScopeId}"), MANAGE_CLIENTS, SMALL, operation!(clients::scopes::add_default)),
        admin((DELETE, "/admin/realms/{realm}/clients/{client-uuid}/default-client-scopes/{clientScopeId}"), MANAGE_CLIENTS, NONE, operation!(clients::scopes::remove)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/optional-client-scopes"), VIEW_CLIENTS, NONE, operation!(clients::scopes::optional)),
        admin((PUT, "/admin/realms/{realm}/clients/{client-uuid}/optional-client-scopes/{clientScopeId}"), MANAGE_CLIENTS, SMALL, operation!(clients::scopes::add_optional)),
        admin((DELETE, "/admin/realms/{realm}/clients/{client-uuid}/optional-client-scopes/{clientScopeId}"), MANAGE_CLIENTS, NONE, operation!(clients::scopes::remove)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/evaluate-scopes/generate-example-access-token"), VIEW_CLIENTS, NONE, operation!(clients::evaluate::access_token)).taking(&[query::SCOPE, query::USER, query::AUDIENCE]),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/evaluate-scopes/generate-example-id-token"), VIEW_CLIENTS, NONE, operation!(clients::evaluate::id_token)).taking(&[query::SCOPE, query::USER, query::AUDIENCE]),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/evaluate-scopes/generate-example-userinfo"), VIEW_CLIENTS, NONE, operation!(clients::evaluate::userinfo_claims)).taking(&[query::SCOPE, query::USER]),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/evaluate-scopes/protocol-mappers"), VIEW_CLIENTS, NONE, operation!(clients::evaluate::protocol_mappers)).taking(&[query::SCOPE]),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/evaluate-scopes/scope-mappings/{roleContainerId}/granted"), VIEW_CLIENTS, NONE, operation!(clients::evaluate::granted)).taking(&[query::SCOPE]),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/evaluate-scopes/scope-mappings/{roleContainerId}/not-granted"), VIEW_CLIENTS, NONE, operation!(clients::evaluate::not_granted)).taking(&[query::SCOPE]),

        // Client scopes, protocol mappers, scope mappings
        admin((GET, "/admin/realms/{realm}/client-scopes"), QUERY_CLIENTS, NONE, operation!(client_scopes::list)),
        admin((POST, "/admin/realms/{realm}/client-scopes"), MANAGE_CLIENTS, LARGE, operation!(client_scopes::create)),
        admin((GET, "/admin/realms/{realm}/client-scopes/{client-scope-id}"), VIEW_CLIENTS, NONE, operation!(client_scopes::read)),
        admin((PUT, "/admin/realms/{realm}/client-scopes/{client-scope-id}"), MANAGE_CLIENTS, LARGE, operation!(client_scopes::update)),
        admin((DELETE, "/admin/realms/{realm}/client-scopes/{client-scope-id}"), MANAGE_CLIENTS, NONE, operation!(client_scopes::delete)),
        admin((GET, "/admin/realms/{realm}/client-templates"), QUERY_CLIENTS, NONE, operation!(client_scopes::list)),
        admin((POST, "/admin/realms/{realm}/client-templates"), MANAGE_CLIENTS, LARGE, operation!(client_scopes::create)),
        admin((GET, "/admin/realms/{realm}/client-templates/{client-scope-id}"), VIEW_CLIENTS, NONE, operation!(client_scopes::read)),
        admin((PUT, "/admin/realms/{realm}/client-templates/{client-scope-id}"), MANAGE_CLIENTS, LARGE, operation!(client_scopes::update)),
        admin((DELETE, "/admin/realms/{realm}/client-templates/{client-scope-id}"), MANAGE_CLIENTS, NONE, operation!(client_scopes::delete)),
        admin((GET, "/admin/realms/{realm}/default-default-client-scopes"), VIEW_CLIENTS, NONE, operation!(client_scopes::realm_default)),
        admin((PUT, "/admin/realms/{realm}/default-default-client-scopes/{clientScopeId}"), MANAGE_CLIENTS, SMALL, operation!(client_scopes::attach_default)),
        admin((DELETE, "/admin/realms/{realm}/default-default-client-scopes/{clientScopeId}"), MANAGE_CLIENTS, NONE, operation!(client_scopes::detach)),
        admin((GET, "/admin/realms/{realm}/default-optional-client-scopes"), VIEW_CLIENTS, NONE, operation!(client_scopes::realm_optional)),
        admin((PUT, "/admin/realms/{realm}/default-optional-client-scopes/{clientScopeId}"), MANAGE_CLIENTS, SMALL, operation!(client_scopes::attach_optional)),
        admin((DELETE, "/admin/realms/{realm}/default-optional-client-scopes/{clientScopeId}"), MANAGE_CLIENTS, NONE, operation!(client_scopes::detach)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/protocol-mappers/models"), VIEW_CLIENTS, NONE, operation!(protocol_mappers::list)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/protocol-mappers/models"), MANAGE_CLIENTS, LARGE, operation!(protocol_mappers::create)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/protocol-mappers/add-models"), MANAGE_CLIENTS, LARGE, operation!(protocol_mappers::create_all)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/protocol-mappers/models/{id}"), VIEW_CLIENTS, NONE, operation!(protocol_mappers::read)),
        admin((PUT, "/admin/realms/{realm}/clients/{client-uuid}/protocol-mappers/models/{id}"), MANAGE_CLIENTS, LARGE, operation!(protocol_mappers::update)),
        admin((DELETE, "/admin/realms/{realm}/clients/{client-uuid}/protocol-mappers/models/{id}"), MANAGE_CLIENTS, NONE, operation!(protocol_mappers::delete)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/protocol-mappers/protocol/{protocol}"), VIEW_CLIENTS, NONE, operation!(protocol_mappers::of_protocol)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/scope-mappings"), VIEW_CLIENTS, NONE, operation!(scope_mappings::all)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/scope-mappings/realm"), VIEW_CLIENTS, NONE, operation!(scope_mappings::list)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/scope-mappings/realm"), MANAGE_CLIENTS, LARGE, operation!(scope_mappings::add)),
        admin((DELETE, "/admin/realms/{realm}/clients/{client-uuid}/scope-mappings/realm"), MANAGE_CLIENTS, LARGE, operation!(scope_mappings::remove)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/scope-mappings/realm/available"), VIEW_CLIENTS, NONE, operation!(scope_mappings::available)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/scope-mappings/realm/composite"), VIEW_CLIENTS, NONE, operation!(scope_mappings::composite)).taking(&[query::BRIEF]),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/scope-mappings/clients/{client}"), VIEW_CLIENTS, NONE, operation!(scope_mappings::list)),
        admin((POST, "/admin/realms/{realm}/clients/{client-uuid}/scope-mappings/clients/{client}"), MANAGE_CLIENTS, LARGE, operation!(scope_mappings::add)),
        admin((DELETE, "/admin/realms/{realm}/clients/{client-uuid}/scope-mappings/clients/{client}"), MANAGE_CLIENTS, LARGE, operation!(scope_mappings::remove)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/scope-mappings/clients/{client}/available"), VIEW_CLIENTS, NONE, operation!(scope_mappings::available)),
        admin((GET, "/admin/realms/{realm}/clients/{client-uuid}/scope-mappings/clients/{client}/composite"), VIEW_CLIENTS, NONE, operation!(scope_mappings::composite)).taking(&[query::BRIEF]),
        admin((GET, "/admin/realms/{realm}/client-scopes/{client-scope-id}/protocol-mappers/models"), VIEW_CLIENTS, NONE, operation!(protocol_mappers::list)),
        admin((POST, "/admin/realms/{realm}/client-scopes/{client-scope-id}/protocol-mappers/models"), MANAGE_CLIENTS, LARGE, operation!(protocol_mappers::create)),
        admin((POST, "/admin/realms/{realm}/client-scopes/{client-scope-id}/protocol-mappers/add-models"), MANAGE_CLIENTS, LARGE, operation!(protocol_mappers::create_all)),
        admin((GET, "/admin/realms/{realm}/client-scopes/{client-scope-id}/protocol-mappers/models/{id}"), VIEW_CLIENTS, NONE, operation!(protocol_mappers::read)),
        admin((PUT, "/admin/realms/{realm}/client-scopes/{client-scope-id}/protocol-mappers/models/{id}"), MANAGE_CLIENTS, LARGE, operation!(protocol_mappers::update)),
        admin((DELETE, "/admin/realms/{realm}/client-scopes/{client-scope-id}/protocol-mappers/models/{id}"), MANAGE_CLIENTS, NONE, operation!(protocol_mappers::delete)),
        admin((GET, "/admin/realms/{realm}/client-scopes/{client-scope-id}/protocol-mappers/protocol/{protocol}"), VIEW_CLIENTS, NONE, operation!(protocol_mappers::of_protocol)),
        admin((GET, "/admin/realms/{realm}/client-scopes/{client-scope-id}/scope-mappings"), VIEW_CLIENTS, NONE, operation!(scope_mappings::all)),
        admin((GET, "/admin/realms/{realm}/client-scopes/{client-scope-id}/scope-mappings/realm"), VIEW_CLIENTS, NONE, operation!(scope_mappings::list)),
        admin((POST, "/admin/realms/{realm}/client-scopes/{client-scope-id}/scope-mappings/realm"), MANAGE_CLIENTS, LARGE, operation!(scope_mappings::add)),
        admin((DELETE, "/admin/realms/{realm}/client-scopes/{client-scope-id}/scope-mappings/realm"), MANAGE_CLIENTS, LARGE, operation!(scope_mappings::remove)),
        admin((GET, "/admin/realms/{realm}/client-scopes/{client-scope-id}/scope-mappings/realm/available"), VIEW_CLIENTS, NONE, operation!(scope_mappings::available)),
        admin((GET, "/admin/realms/{realm}/client-scopes/{client-scope-id}/scope-mappings/realm/composite"), VIEW_CLIENTS, NONE, operation!(scope_mappings::composite)).taking(&[query::BRIEF]),
        admin((GET, "/admin/realms/{realm}/client-scopes/{client-scope-id}/scope-mappings/clients/{client}"), VIEW_CLIENTS, NONE, operation!(scope_mappings::list)),
        admin((POST, "/admin/realms/{realm}/client-scopes/{client-scope-id}/scope-mappings/clients/{client}"), MANAGE_CLIENTS, LARGE, operation!(scope_mappings::add)),
        admin((DELETE, "/admin/realms/{realm}/client-scopes/{client-scope-id}/scope-mappings/clients/{client}"), MANAGE_CLIENTS, LARGE, operation!(scope_mappings::remove)),
        admin((GET, "/admin/realms/{realm}/client-scopes/{client-scope-id}/scope-mappings/clients/{client}/available"), VIEW_CLIENTS, NONE, operation!(scope_mappings::available)),
        admin((GET, "/admin/realms/{realm}/client-scopes/{client-scope-id}/scope-mappings/clients/{client}/composite"), VIEW_CLIENTS, NONE, operation!(scope_mappings::composite)).taking(&[query::BRIEF]),
        admin((GET, "/admin/realms/{realm}/client-templates/{client-scope-id}/protocol-mappers/models"), VIEW_CLIENTS, NONE, operation!(protocol_mappers::list)),
        admin((POST, "/admin/realms/{realm}/client-templates/{client-scope-id}/protocol-mappers/models"), MANAGE_CLIENTS, LARGE, operation!(protocol_mappers::create)),
        admin((POST, "/admin/realms/{realm}/client-templates/{client-scope-id}/protocol-mappers/add-models"), MANAGE_CLIENTS, LARGE, operation!(protocol_mappers::create_all)),
        admin((GET, "/admin/realms/{realm}/client-templates/{client-scope-id}/protocol-mappers/models/{id}"), VIEW_CLIENTS, NONE, operation!(protocol_mappers::read)),
        admin((PUT, "/admin/realms/{realm}/client-templates/{client-scope-id}/protocol-mappers/models/{id}"), MANAGE_CLIENTS, LARGE, operation!(protocol_mappers::update)),
        admin((DELETE, "/admin/realms/{realm}/client-templates/{client-scope-id}/protocol-mappers/models/{id}"), MANAGE_CLIENTS, NONE, operation!(protocol_mappers::delete)),
        admin((GET, "/admin/realms/{realm}/client-templates/{client-scope-id}/protocol-mappers/protocol/{protocol}"), VIEW_CLIENTS, NONE, operation!(protocol_mappers::of_protocol)),
        admin((GET, "/admin/realms/{realm}/client-templates/{client-scope-id}/scope-mappings"), VIEW_CLIENTS, NONE, operation!(scope_mappings::all)),
        admin((GET, "/admin/realms/{realm}/client-templates/{client-scope-id}/scope-mappings/realm"), VIEW_CLIENTS, NONE, operation!(scope_mappings::list)),
        admin((POST, "/admin/realms/{realm}/client-templates/{client-scope-id}/scope-mappings/realm"), MANAGE_CLIENTS, LARGE, operation!(scope_mappings::add)),
        admin((DELETE, "/admin/realms/{realm}/client-templates/{client-scope-id}/scope-mappings/realm"), MANAGE_CLIENTS, LARGE, operation!(scope_mappings::remove)),
        admin((GET, "/admin/realms/{realm}/client-templates/{client-scope-id}/scope-mappings/realm/available"), VIEW_CLIENTS, NONE, operation!(scope_mappings::available)),
        admin((GET, "/admin/realms/{realm}/client-templates/{client-scope-id}/scope-mappings/realm/composite"), VIEW_CLIENTS, NONE, operation!(scope_mappings::composite)).taking(&[query::BRIEF]),
        admin((GET, "/admin/realms/{realm}/client-templates/{client-scope-id}/scope-mappings/clients/{client}"), VIEW_CLIENTS, NONE, operation!(scope_mappings::list)),
        admin((POST, "/admin/realms/{realm}/client-templates/{client-scope-id}/scope-mappings/clients/{client}"), MANAGE_CLIENTS, LARGE, operation!(scope_mappings::add)),
        admin((DELETE, "/admin/realms/{realm}/client-templates/{client-scope-id}/scope-mappings/clients/{client}"), MANAGE_CLIENTS, LARGE, operation!(scope_mappings::remove)),
        admin((GET, "/admin/realms/{realm}/client-templates/{client-scope-id}/scope-mappings/clients/{client}/available"), VIEW_CLIENTS, NONE, operation!(scope_mappings::available)),
        admin((GET, "/admin/realms/{realm}/client-templates/{client-scope-id}/scope-mappings/clients/{client}/composite"), VIEW_CLIENTS, NONE, operation!(scope_mappings::composite)).taking(&[query::BRIEF]),

        // Organizations
        admin((GET, "/admin/realms/{realm}/organizations"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::list)).taking(&[query::SEARCH, query::EXACT, query::ATTRIBUTES, query::PAGE, query::BRIEF]),
        admin((POST, "/admin/realms/{realm}/organizations"), MANAGE_ORGANIZATIONS, LARGE, operation!(organizations::create)),
        admin((GET, "/admin/realms/{realm}/organizations/count"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::count)).taking(&[query::SEARCH, query::EXACT, query::ATTRIBUTES]),
        admin((GET, "/admin/realms/{realm}/organizations/members/{member-id}/organizations"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::of_user)).taking(&[query::BRIEF]),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::read)),
        admin((PUT, "/admin/realms/{realm}/organizations/{org-id}"), MANAGE_ORGANIZATIONS, LARGE, operation!(organizations::update)),
        admin((DELETE, "/admin/realms/{realm}/organizations/{org-id}"), MANAGE_ORGANIZATIONS, NONE, operation!(organizations::delete)),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/groups"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::groups::list)).taking(&[query::SEARCH, query::EXACT, query::ATTRIBUTES, query::PAGE, query::BRIEF, query::HIERARCHY, query::SUB_GROUPS]),
        admin((POST, "/admin/realms/{realm}/organizations/{org-id}/groups"), MANAGE_ORGANIZATIONS, LARGE, operation!(organizations::groups::create)),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/groups/group-by-path/{path*}"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::groups::by_path)).taking(&[query::SUB_GROUPS]),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/groups/{group-id}"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::groups::read)).taking(&[query::SUB_GROUPS]),
        admin((PUT, "/admin/realms/{realm}/organizations/{org-id}/groups/{group-id}"), MANAGE_ORGANIZATIONS, LARGE, operation!(organizations::groups::update)),
        admin((DELETE, "/admin/realms/{realm}/organizations/{org-id}/groups/{group-id}"), MANAGE_ORGANIZATIONS, NONE, operation!(organizations::groups::delete)),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/groups/{group-id}/children"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::groups::children)).taking(&[query::SEARCH, query::EXACT, query::PAGE, query::SUB_GROUPS]),
        admin((POST, "/admin/realms/{realm}/organizations/{org-id}/groups/{group-id}/children"), MANAGE_ORGANIZATIONS, LARGE, operation!(organizations::groups::add_child)),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/groups/{group-id}/members"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::groups::members)).taking(&[query::PAGE]),
        admin((PUT, "/admin/realms/{realm}/organizations/{org-id}/groups/{group-id}/members/{userId}"), MANAGE_ORGANIZATIONS, SMALL, operation!(organizations::groups::join)),
        admin((DELETE, "/admin/realms/{realm}/organizations/{org-id}/groups/{group-id}/members/{userId}"), MANAGE_ORGANIZATIONS, NONE, operation!(organizations::groups::leave)),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/identity-providers"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::identity_providers::list)),
        admin((POST, "/admin/realms/{realm}/organizations/{org-id}/identity-providers"), MANAGE_ORGANIZATIONS, SMALL, operation!(organizations::identity_providers::add)),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/identity-providers/{alias}"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::identity_providers::read)),
        admin((DELETE, "/admin/realms/{realm}/organizations/{org-id}/identity-providers/{alias}"), MANAGE_ORGANIZATIONS, NONE, operation!(organizations::identity_providers::remove)),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/identity-providers/{alias}/groups"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::identity_providers::groups)).taking(&[query::SEARCH, query::EXACT, query::ATTRIBUTES, query::PAGE, query::BRIEF, query::SUB_GROUPS]),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/invitations"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::invitations::list)).taking(&[query::INVITATIONS, query::PAGE]),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/invitations/{id}"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::invitations::read)),
        admin((DELETE, "/admin/realms/{realm}/organizations/{org-id}/invitations/{id}"), MANAGE_ORGANIZATIONS, NONE, operation!(organizations::invitations::delete)),
        admin((POST, "/admin/realms/{realm}/organizations/{org-id}/invitations/{id}/resend"), MANAGE_ORGANIZATIONS, SMALL, operation!(organizations::invitations::resend)),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/members"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::members::list)).taking(&[query::MEMBERS, query::PAGE]),
        admin((POST, "/admin/realms/{realm}/organizations/{org-id}/members"), MANAGE_ORGANIZATIONS, SMALL, operation!(organizations::members::add)),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/members/count"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::members::count)),
        admin((POST, "/admin/realms/{realm}/organizations/{org-id}/members/invite-existing-user"), MANAGE_ORGANIZATIONS, SMALL, operation!(organizations::invitations::invite_existing_user)),
        admin((POST, "/admin/realms/{realm}/organizations/{org-id}/members/invite-user"), MANAGE_ORGANIZATIONS, SMALL, operation!(organizations::invitations::invite_user)),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/members/{member-id}"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::members::read)),
        admin((DELETE, "/admin/realms/{realm}/organizations/{org-id}/members/{member-id}"), MANAGE_ORGANIZATIONS, NONE, operation!(organizations::members::remove)),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/members/{member-id}/groups"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::members::groups)).taking(&[query::SEARCH, query::PAGE, query::BRIEF]),
        admin((GET, "/admin/realms/{realm}/organizations/{org-id}/members/{member-id}/organizations"), VIEW_ORGANIZATIONS, NONE, operation!(organizations::members::organizations)).taking(&[query::BRIEF]),

        // Events and texts
        admin((GET, "/admin/realms/{realm}/events"), VIEW_EVENTS, NONE, operation!(events::list)).taking(&[query::USER_EVENTS, query::PERIOD, query::PAGE]),
        admin((DELETE, "/admin/realms/{realm}/events"), MANAGE_EVENTS, NONE, operation!(events::clear)),
        admin((GET, "/admin/realms/{realm}/admin-events"), VIEW_EVENTS, NONE, operation!(events::list_admin)).taking(&[query::ADMIN_EVENTS, query::PERIOD, query::PAGE]),
        admin((DELETE, "/admin/realms/{realm}/admin-events"), MANAGE_EVENTS, NONE, operation!(events::clear_admin)),
        admin((GET, "/admin/realms/{realm}/events/config"), VIEW_EVENTS, NONE, operation!(events::configuration)),
        admin((PUT, "/admin/realms/{realm}/events/config"), MANAGE_EVENTS, SMALL, operation!(events::configure)),
        admin((GET, "/admin/realms/{realm}/localization"), KNOW_REALM, NONE, operation!(localization::locales)),
        admin((GET, "/admin/realms/{realm}/localization/{locale}"), KNOW_REALM, NONE, operation!(localization::texts)).taking(&[query::FALLBACK]),
        admin((POST, "/admin/realms/{realm}/localization/{locale}"), MANAGE_REALM, LARGE, operation!(localization::add)),
        admin((DELETE, "/admin/realms/{realm}/localization/{locale}"), MANAGE_REALM, NONE, operation!(localization::delete_locale)),
        admin((GET, "/admin/realms/{realm}/localization/{locale}/{key}"), KNOW_REALM, NONE, operation!(localization::text)),
        admin((PUT, "/admin/realms/{realm}/localization/{locale}/{key}"), MANAGE_REALM, SMALL, operation!(localization::set)),
        admin((DELETE, "/admin/realms/{realm}/localization/{locale}/{key}"), MANAGE_REALM, NONE, operation!(localization::delete)),
        admin((GET, "/admin/realms/{realm}/users/{user-id}/federated-identity"), VIEW_USERS, NONE, operation!(users::federated_identity::list)),
        admin((POST, "/admin/realms/{realm}/users/{user-id}/federated-identity/{provider}"), MANAGE_USERS, SMALL, operation!(users::federated_identity::add)),
        admin((DELETE, "/admin/realms/{realm}/users/{user-id}/federated-identity/{provider}"), MANAGE_USERS, NONE, operation!(users::federated_identity::delete)),

        // Features that are not there
        off((GET, "/admin/realms/{realm}/clients/{client-uuid}/authz/resource-server"), VIEW_AUTHORIZATION, NONE),
        off((POST, "/admin/realms/{realm}/clients/{client-uuid}/authz/resource-server"), MANAGE_AUTHORIZATION, LARGE),
        off((PUT, "/admin/realms/{realm}/clients/{client-uuid}/authz/resource-server"), MANAGE_AUTHORIZATION, LARGE),
        off((DELETE, "/admin/realms/{realm}/clients/{client-uuid}/authz/resource-server"), MANAGE_AUTHORIZATION, LARGE),
        off((GET, "/admin/realms/{realm}/clients/{client-uuid}/authz/resource-server/{path*}"), VIEW_AUTHORIZATION, NONE),
        off((POST, "/admin/realms/{realm}/clients/{client-uuid}/authz/resource-server/{path*}"), MANAGE_AUTHORIZATION, LARGE),
        off((PUT, "/admin/realms/{realm}/clients/{client-uuid}/authz/resource-server/{path*}"), MANAGE_AUTHORIZATION, LARGE),
        off((DELETE, "/admin/realms/{realm}/clients/{client-uuid}/authz/resource-server/{path*}"), MANAGE_AUTHORIZATION, LARGE),
        off((GET, "/admin/realms/{realm}/workflows"), MANAGE_REALM, NONE),
        off((POST, "/admin/realms/{realm}/workflows"), MANAGE_REALM, LARGE),
        off((PUT, "/admin/realms/{realm}/workflows"), MANAGE_REALM, LARGE),
        off((DELETE, "/admin/realms/{realm}/workflows"), MANAGE_REALM, LARGE),
        off((GET, "/admin/realms/{realm}/workflows/{path*}"), MANAGE_REALM, NONE),
        off((POST, "/admin/realms/{realm}/workflows/{path*}"), MANAGE_REALM, LARGE),
        off((PUT, "/admin/realms/{realm}/workflows/{path*}"), MANAGE_REALM, LARGE),
        off((DELETE, "/admin/realms/{realm}/workflows/{path*}"), MANAGE_REALM, LARGE),
    ]
}

const VIEW_FLOWS: Admission = AnyOf(&["view-realm", "manage-realm", "query-clients"]);
const VIEW_CLIENT_AUTHENTICATORS: Admission = AnyOf(&["view-realm", "manage-realm", "query-clients", "view-clients", "manage-clients"]);
const VIEW_REQUIRED_ACTIONS: Admission = AnyOf(&["view-realm", "manage-realm", "query-users"]);

const VIEW_PROVIDERS: Admission = AnyOf(&["view-identity-providers", "manage-identity-providers"]);
const MANAGE_PROVIDERS: Admission = AnyOf(&["manage-identity-providers"]);

/// How users sign in: authentication management, identity providers.
#[rustfmt::skip]
fn sign_in() -> Vec<Route> {
    use authentication::{configs, executions, flows, providers, required_actions};
    vec![
        // Authentication management
        admin((GET, "/admin/realms/{realm}/authentication/flows"), VIEW_FLOWS, NONE, operation!(flows::list)),
        admin((POST, "/admin/realms/{realm}/authentication/flows"), MANAGE_REALM, LARGE, operation!(flows::create)),
        admin((GET, "/admin/realms/{realm}/authentication/flows/{id}"), VIEW_REALM, NONE, operation!(flows::read)),
        admin((PUT, "/admin/realms/{realm}/authentication/flows/{id}"), MANAGE_REALM, LARGE, operation!(flows::update)),
        admin((DELETE, "/admin/realms/{realm}/authentication/flows/{id}"), MANAGE_REALM, NONE, operation!(flows::delete)),
        admin((POST, "/admin/realms/{realm}/authentication/flows/{flowAlias}/copy"), MANAGE_REALM, SMALL, operation!(flows::copy)),
        admin((GET, "/admin/realms/{realm}/authentication/flows/{flowAlias}/executions"), VIEW_REALM, NONE, operation!(executions::list)),
        admin((PUT, "/admin/realms/{realm}/authentication/flows/{flowAlias}/executions"), MANAGE_REALM, SMALL, operation!(executions::update)),
        admin((POST, "/admin/realms/{realm}/authentication/flows/{flowAlias}/executions/execution"), MANAGE_REALM, SMALL, operation!(executions::add)),
        admin((POST, "/admin/realms/{realm}/authentication/flows/{flowAlias}/executions/flow"), MANAGE_REALM, SMALL, operation!(executions::add_flow)),
        admin((POST, "/admin/realms/{realm}/authentication/executions"), MANAGE_REALM, SMALL, operation!(executions::create)),
        admin((GET, "/admin/realms/{realm}/authentication/executions/{executionId}"), VIEW_REALM, NONE, operation!(executions::read)),
        admin((DELETE, "/admin/realms/{realm}/authentication/executions/{executionId}"), MANAGE_REALM, NONE, operation!(executions::delete)),
        admin((POST, "/admin/realms/{realm}/authentication/executions/{executionId}/raise-priority"), MANAGE_REALM, SMALL, operation!(executions::raise)),
        admin((POST, "/admin/realms/{realm}/authentication/executions/{executionId}/lower-priority"), MANAGE_REALM, SMALL, operation!(executions::lower)),
        admin((POST, "/admin/realms/{realm}/authentication/executions/{executionId}/config"), MANAGE_REALM, LARGE, operation!(executions::configure)),
        admin((GET, "/admin/realms/{realm}/authentication/executions/{executionId}/config/{id}"), VIEW_REALM, NONE, operation!(configs::read)),
        admin((POST, "/admin/realms/{realm}/authentication/config"), MANAGE_REALM, LARGE, operation!(configs::create)),
        admin((GET, "/admin/realms/{realm}/authentication/config/{id}"), VIEW_REALM, NONE, operation!(configs::read)),
        admin((PUT, "/admin/realms/{realm}/authentication/config/{id}"), MANAGE_REALM, LARGE, operation!(configs::update)),
        admin((DELETE, "/admin/realms/{realm}/authentication/config/{id}"), MANAGE_REALM, NONE, operation!(configs::delete)),
        admin((GET, "/admin/realms/{realm}/authentication/config-description/{providerId}"), VIEW_REALM, NONE, operation!(providers::describe)),
        admin((GET, "/admin/realms/{realm}/authentication/authenticator-providers"), VIEW_REALM, NONE, operation!(providers::authenticators)),
        admin((GET, "/admin/realms/{realm}/authentication/client-authenticator-providers"), VIEW_CLIENT_AUTHENTICATORS, NONE, operation!(providers::client_authenticators)),
        admin((GET, "/admin/realms/{realm}/authentication/form-action-providers"), VIEW_REALM, NONE, operation!(providers::form_actions)),
        admin((GET, "/admin/realms/{realm}/authentication/form-providers"), VIEW_REALM, NONE, operation!(providers::forms)),
        admin((GET, "/admin/realms/{realm}/authentication/per-client-config-description"), VIEW_CLIENT_AUTHENTICATORS, NONE, operation!(providers::per_client)),
        admin((GET, "/admin/realms/{realm}/authentication/required-actions"), VIEW_REQUIRED_ACTIONS, NONE, operation!(required_actions::list)),
        admin((GET, "/admin/realms/{realm}/authentication/unregistered-required-actions"), VIEW_REALM, NONE, operation!(required_actions::unregistered)),
        admin((POST, "/admin/realms/{realm}/authentication/register-required-action"), MANAGE_REALM, SMALL, operation!(required_actions::register)),
        admin((GET, "/admin/realms/{realm}/authentication/required-actions/{alias}"), VIEW_REALM, NONE, operation!(required_actions::read)),
        admin((PUT, "/admin/realms/{realm}/authentication/required-actions/{alias}"), MANAGE_REALM, LARGE, operation!(required_actions::update)),
        admin((DELETE, "/admin/realms/{realm}/authentication/required-actions/{alias}"), MANAGE_REALM, NONE, operation!(required_actions::delete)),
        admin((GET, "/admin/realms/{realm}/authentication/required-actions/{alias}/config"), VIEW_REALM, NONE, operation!(required_actions::read_config)),
        admin((PUT, "/admin/realms/{realm}/authentication/required-actions/{alias}/config"), MANAGE_REALM, LARGE, operation!(required_actions::configure)),
        admin((DELETE, "/admin/realms/{realm}/authentication/required-actions/{alias}/config"), MANAGE_REALM, NONE, operation!(required_actions::delete_config)),
        admin((GET, "/admin/realms/{realm}/authentication/required-actions/{alias}/config-description"), VIEW_REALM, NONE, operation!(required_actions::describe)),
        admin((POST, "/admin/realms/{realm}/authentication/required-actions/{alias}/raise-priority"), MANAGE_REALM, SMALL, operation!(required_actions::raise)),
        admin((POST, "/admin/realms/{realm}/authentication/required-actions/{alias}/lower-priority"), MANAGE_REALM, SMALL, operation!(required_actions::lower)),

        // User federation: no directory is asked
        off((POST, "/admin/realms/{realm}/user-storage/{id}/sync"), MANAGE_USERS, SMALL),
        admin((POST, "/admin/realms/{realm}/user-storage/{id}/remove-imported-users"), MANAGE_USERS, SMALL, operation!(components::remove_imported_users)),
        admin((POST, "/admin/realms/{realm}/user-storage/{id}/unlink-users"), MANAGE_USERS, SMALL, operation!(components::unlink_users)),
        off((POST, "/admin/realms/{realm}/user-storage/{parentId}/mappers/{id}/sync"), MANAGE_USERS, SMALL),
        off((POST, "/admin/realms/{realm}/testLDAPConnection"), MANAGE_REALM, SMALL),
        off((POST, "/admin/realms/{realm}/ldap-server-capabilities"), MANAGE_REALM, SMALL),

        // Identity providers
        admin((POST, "/admin/realms/{realm}/identity-provider/import-config"), MANAGE_PROVIDERS, LARGE, operation!(identity_providers::import::import)).partly(),
        admin((POST, "/admin/realms/{realm}/identity-provider/upload-certificate"), MANAGE_PROVIDERS, KEYSTORE, operation!(identity_providers::import::upload_certificate)),
        admin((GET, "/admin/realms/{realm}/identity-provider/providers/{provider_id}"), VIEW_PROVIDERS, NONE, operation!(identity_providers::describe)),
        admin((GET, "/admin/realms/{realm}/identity-provider/instances"), VIEW_PROVIDERS, NONE, operation!(identity_providers::list)).taking(&[query::IDENTITY_PROVIDERS, query::PAGE, query::BRIEF]),
        admin((POST, "/admin/realms/{realm}/identity-provider/instances"), MANAGE_PROVIDERS, LARGE, operation!(identity_providers::create)),
        admin((GET, "/admin/realms/{realm}/identity-provider/instances/{alias}"), VIEW_PROVIDERS, NONE, operation!(identity_providers::read)),
        admin((PUT, "/admin/realms/{realm}/identity-provider/instances/{alias}"), MANAGE_PROVIDERS, LARGE, operation!(identity_providers::update)),
        admin((DELETE, "/admin/realms/{realm}/identity-provider/instances/{alias}"), MANAGE_PROVIDERS, NONE, operation!(identity_providers::delete)),
        admin((GET, "/admin/realms/{realm}/identity-provider/instances/{alias}/export"), VIEW_PROVIDERS, NONE, operation!(identity_providers::export)),
        admin((GET, "/admin/realms/{realm}/identity-provider/instances/{alias}/reload-keys"), VIEW_PROVIDERS, NONE, operation!(identity_providers::reload_keys)),
        admin((GET, "/admin/realms/{realm}/identity-provider/instances/{alias}/mapper-types"), VIEW_PROVIDERS, NONE, operation!(identity_providers::mappers::types)),
        admin((GET, "/admin/realms/{realm}/identity-provider/instances/{alias}/mappers"), VIEW_PROVIDERS, NONE, operation!(identity_providers::mappers::list)),
        admin((POST, "/admin/realms/{realm}/identity-provider/instances/{alias}/mappers"), MANAGE_PROVIDERS, LARGE, operation!(identity_providers::mappers::create)),
        admin((GET, "/admin/realms/{realm}/identity-provider/instances/{alias}/mappers/{id}"), VIEW_PROVIDERS, NONE, operation!(identity_providers::mappers::read)),
        admin((PUT, "/admin/realms/{realm}/identity-provider/instances/{alias}/mappers/{id}"), MANAGE_PROVIDERS, LARGE, operation!(identity_providers::mappers::update)),
        admin((DELETE, "/admin/realms/{realm}/identity-provider/instances/{alias}/mappers/{id}"), MANAGE_PROVIDERS, NONE, operation!(identity_providers::mappers::delete)),
        off((GET, "/admin/realms/{realm}/identity-provider/instances/{alias}/management/permissions"), VIEW_PROVIDERS, NONE),
        off((PUT, "/admin/realms/{realm}/identity-provider/instances/{alias}/management/permissions"), MANAGE_PROVIDERS, SMALL),
    ]
}

/// What a standalone server answers beside its base path: the way there.
pub fn server_root(request: &HttpRequest, base_path: &str) -> HttpResponse {
    if let Some(refusal) = request_path::refuse(request.uri().path()) {
        return refusal;
    }
    redirects::server_root(request.uri().path(), base_path)
}

/// The rows of the management listener, below the base path.
pub fn management() -> Vec<management::Row> {
    vec![
        management::Row { path: "/health", handler: health::all },
        management::Row { path: "/health/live", handler: health::live },
        management::Row { path: "/health/ready", handler: health::ready },
        management::Row { path: "/health/started", handler: health::started },
        management::Row { path: "/metrics", handler: metrics::get },
        management::Row { path: "/openapi.json", handler: |_| Box::pin(async { openapi::get(&public()) }) },
    ]
}

/// The rows of the management listener that do something.
pub fn management_actions() -> Vec<management::Action> {
    vec![management::Action { path: "/backup", handler: backup::post }]
}

/// Changes whose answers Keycloak forbids to cache, besides everything that is read.
const UNCACHED_CHANGES: &[(&str, &str)] = &[
    ("DELETE", "/roles/{role-name}"),
    ("DELETE", "/roles-by-id/{role-id}"),
    ("POST", "/groups/{group-id}/children"),
    ("PUT", "/default-groups/{groupId}"),
    ("DELETE", "/default-groups/{groupId}"),
    ("DELETE", "/users/{user-id}"),
    ("DELETE", "/users/{user-id}/credentials/{credentialId}"),
    ("DELETE", "/users/{user-id}/consents/{client}"),
    ("POST", "/users/{user-id}/federated-identity/{provider}"),
    ("DELETE", "/users/{user-id}/federated-identity/{provider}"),
    ("POST", "/users/{user-id}/impersonation"),
    ("PUT", "/users/{user-id}/groups/{groupId}"),
    ("DELETE", "/users/{user-id}/groups/{groupId}"),
    ("DELETE", "/clients/{client-uuid}"),
    ("POST", "/client-scopes"),
    ("DELETE", "/client-scopes/{client-scope-id}"),
    ("PUT", "-client-scopes/{clientScopeId}"),
    ("DELETE", "-client-scopes/{clientScopeId}"),
    ("POST", "/certificates/{attr}/generate"),
    ("POST", "/certificates/{attr}/generate-and-download"),
    ("POST", "/certificates/{attr}/download"),
    ("POST", "/certificates/{attr}/upload"),
    ("POST", "/certificates/{attr}/upload-certificate"),
    ("POST", "/protocol-mappers/models"),
    ("POST", "/protocol-mappers/add-models"),
    ("PUT", "/protocol-mappers/models/{id}"),
    ("DELETE", "/protocol-mappers/models/{id}"),
    ("PUT", "/identity-provider/instances/{alias}"),
    ("DELETE", "/identity-provider/instances/{alias}"),
    ("PUT", "/identity-provider/instances/{alias}/mappers/{id}"),
    ("DELETE", "/identity-provider/instances/{alias}/mappers/{id}"),
];
/// What is read and may be cached.
const CACHED_READS: &[&str] = &[
    "/users/profile",
    "/users/profile/metadata",
    "/localization",
    "/localization/{locale}",
    "/localization/{locale}/{key}",
    "/clients-initial-access",
];

/// A row of the Admin REST API. The origins of the caller's client may read its answers.
fn admin(at: (Method, &'static str), admission: Admission, body_limit: usize, handler: Handler) -> Route {
    let uncached = if at.0 == GET {
        !CACHED_READS.iter().any(|path| at.1.ends_with(path))
    } else {
        // Of authentication management all but two.
        let of_authentication = at.1.contains("/authentication/") && !at.1.ends_with("/required-actions/{alias}");
        of_authentication || UNCACHED_CHANGES.iter().any(|(method, path)| at.0.as_str() == *method && at.1.ends_with(path))
    };
    row(at, Policy::Admin(admission), body_limit, Refused, if uncached { NoCache } else { Unset }, handler)
}

/// A row of a feature that is switched off.
fn off(at: (Method, &'static str), admission: Admission, body_limit: usize) -> Route {
    Route { feature: Feature::Off, ..admin(at, admission, body_limit, operation!(admin::not_enabled)) }
}

fn row((method, path): (Method, &'static str), policy: Policy, body_limit: usize, cors: Cors, cache: Cache, handler: Handler) -> Route {
    Route { method, path, policy, body_limit, query: &[], cors, cache, handler, feature: Feature::On }
}
