//! `/clients/{client-uuid}/registration-access-token`: a new one, with which the client manages itself (RFC 7592).

use actix_web::HttpResponse;

use crate::manage::clients;
use crate::tokens::registration::{RegistrationAuth, registration_access};
use crate::web::addressing;
use crate::web::administrator::AdminRequest;

use super::{existing, represent, scope_names};
use crate::admin::answer;
use crate::admin::change::change;
use crate::admin::error::AdminError;
use crate::base::secret::Secret;
use crate::manage::error::ManageError;
use crate::manage::representation::client::ClientRepresentation;

/// `POST …/registration-access-token`: the one before is worth nothing from now on
pub async fn renew(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let (app, realm, id) = (&cx.app, &cx.realm().id, &client.id);
    let jti = &app.env.random().uuid().to_string();
    let client = change!(cx, |txn| clients::set_registration_token(txn, realm, id, jti))?;
    let compiled = app.compiled.realm(&cx.realm().name).await?.ok_or_else(ManageError::no_realm)?;
    let issuer = addressing::issuer(&cx.base_url, &cx.realm().name);
    let token = registration_access(&compiled, &issuer, app.env.now(), jti, RegistrationAuth::Authenticated, None);
    let token = token.ok_or_else(|| AdminError::Failed("the realm has no HMAC key".to_owned()))?;
    let shown = represent(&cx, &client, &scope_names(&cx).await?)?;
    Ok(answer::document(&ClientRepresentation { registration_access_token: Some(Secret::new(token)), access: None, ..shown }))
}
