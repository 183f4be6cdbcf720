//! `/partial-export`: a realm as a document, without users and secrets.

use actix_web::HttpResponse;

use crate::manage::export::{Export, ExportError, Parts};
use crate::web::administrator::AdminRequest;
use crate::web::oauth_response;

use super::error::AdminError;

/// What lets a caller see clients, which a view of the realm alone does not.
const VIEW_CLIENTS: &[&str] = &["view-clients", "manage-clients"];
/// The same for groups.
const VIEW_USERS: &[&str] = &["view-users", "manage-users"];

impl From<ExportError> for AdminError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::Manage(error) => error.into(),
            ExportError::Sealed(error) => error.into(),
            ExportError::NoRealm(_) => Self::error(404, "Realm not found."),
            ExportError::Write(error) => Self::Failed(error.to_string()),
        }
    }
}

/// `POST …/partial-export`: secrets are masked, also for those who could read them elsewhere, because documents get passed on.
pub async fn export(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let parts =
        Parts { clients: cx.flag("exportClients").unwrap_or(false), groups_and_roles: cx.flag("exportGroupsAndRoles").unwrap_or(false) };
    if (parts.clients && !cx.may(VIEW_CLIENTS)) || (parts.groups_and_roles && !cx.may(VIEW_USERS)) {
        return Err(AdminError::Forbidden);
    }
    let export = Export::read_parts(&cx.app.store, &cx.app.sealer, &cx.realm().name, false, parts).await?;
    Ok(oauth_response::json(200, &export.into_document(parts).await?))
}
