//! `/clients/{client-uuid}/client-secret`

use actix_web::HttpResponse;
use serde::Serialize;

use crate::base::secret::Secret;
use crate::manage::clients;
use crate::web::administrator::AdminRequest;

use super::existing;
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

/// `GET …/client-secret`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let value = clients::read_secret(&cx.app.sealer, &cx.realm().id, &client)?;
    Ok(answer::document(&SecretRepresentation { kind: "secret", value }))
}

/// `POST …/client-secret`: a new one
pub async fn regenerate(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let (app, realm, id) = (&cx.app, &cx.realm().id, &client.id);
    let secret = change!(cx, |txn| clients::regenerate_secret(txn, &app.env, &app.sealer, realm, id))?;
    Ok(answer::document(&SecretRepresentation { kind: "secret", value: Some(secret) }))
}
