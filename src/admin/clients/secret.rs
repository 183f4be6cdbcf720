//! `/clients/{client-uuid}/client-secret`, and the one before it while it still counts

use actix_web::HttpResponse;
use serde::Serialize;

use crate::base::secret::Secret;
use crate::manage::client_secrets::{self, read_rotated};
use crate::manage::clients;
use crate::web::administrator::AdminRequest;

use super::{existing, masked, visible_secret};
use crate::admin::answer;
use crate::admin::change::change;
use crate::admin::error::AdminError;

#[derive(Serialize)]
struct SecretRepresentation {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Secret<String>>,
}

impl SecretRepresentation {
    const fn of(value: Option<Secret<String>>) -> Self {
        Self { kind: "secret", value }
    }
}

/// `GET …/client-secret`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    Ok(answer::document(&SecretRepresentation::of(visible_secret(&cx, &client)?)))
}

/// `POST …/client-secret`: a new one
pub async fn regenerate(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let (app, realm, id) = (&cx.app, &cx.realm().id, &client.id);
    let secret = change!(cx, |txn| clients::regenerate_secret(txn, &app.env, &app.sealer, realm, id))?;
    Ok(answer::document(&SecretRepresentation::of(Some(secret))))
}

/// `GET …/client-secret/rotated`
pub async fn rotated(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    if client.rotated_secret.is_none() {
        return Err(AdminError::error(404, "Client does not have a rotated secret"));
    }
    let value = masked(&cx, || read_rotated(&cx.app.sealer, &cx.realm().id, &client))?;
    Ok(answer::document(&SecretRepresentation::of(value)))
}

/// `DELETE …/client-secret/rotated`: only the newest counts from now on
pub async fn end_rotation(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let (realm, id) = (&cx.realm().id, &client.id);
    change!(cx, |txn| client_secrets::end_rotation(txn, realm, id))?;
    Ok(answer::done())
}
