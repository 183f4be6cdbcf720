//! The Admin REST API (`/admin/realms/…`). The dispatch has let the caller in ([`crate::web::administrator`]); here is one file
//! per resource of Keycloak's, each a list of operations on [`crate::manage`] and its representations. No rule of
//! administration stands here: what is refused, and why, is the business of `manage`.

pub mod answer;
pub mod attack_detection;
pub mod auth;
pub mod authentication;
pub mod body;
pub mod caches;
pub mod certificate;
pub mod change;
pub mod client_policies;
pub mod client_scopes;
pub mod clients;
pub mod components;
pub mod console;
pub mod error;
pub mod events;
pub mod group_tree;
pub mod groups;
pub mod identity_providers;
pub mod initial_access;
pub mod localization;
pub mod multipart;
pub mod organizations;
pub mod paging;
pub mod partial_export;
pub mod partial_import;
pub mod post;
pub mod protocol_mappers;
pub mod query;
pub mod realms;
pub mod registration_policies;
pub mod role_mappings;
pub mod roles;
pub mod scope_mappings;
mod sent;
pub mod serverinfo;
pub mod test_smtp_connection;
pub mod users;

use actix_web::HttpResponse;

use crate::web::administrator::AdminRequest;

use error::AdminError;

/// A feature that is switched off, as Keycloak answers for one.
pub async fn not_enabled(_: AdminRequest) -> Result<HttpResponse, AdminError> {
    Err(AdminError::NotEnabled)
}
