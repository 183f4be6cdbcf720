//! `/users/{user-id}/credentials` and passwords.

use actix_web::HttpResponse;
use serde_json::json;

use crate::base::id::CredentialId;
use crate::manage::credentials;
use crate::manage::representation::credential::CredentialRepresentation;
use crate::manage::users;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::existing;
use crate::admin::answer;
use crate::admin::body;
use crate::admin::change::change;
use crate::admin::error::AdminError;

/// `GET …/credentials`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let credentials = cx.app.store.peek().credentials().get(&cx.realm().id, &user.id).await?;
    let shown: Vec<_> = credentials.0.iter().map(CredentialRepresentation::without_secrets).collect();
    Ok(answer::document(&shown))
}

/// `DELETE …/credentials/{credentialId}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let (realm, user, id) = (&cx.realm().id, &user.id, &credential(&cx));
    change!(cx, |txn| users::remove_credential(txn, realm, user, id))?;
    Ok(answer::done())
}

/// `PUT …/credentials/{credentialId}/userLabel`, a plain text
pub async fn label(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let (realm, user, id, label) = (&cx.realm().id, &user.id, &credential(&cx), body::text(&cx)?);
    change!(cx, |txn| credentials::set_label(txn, realm, user, id, label))?;
    Ok(answer::done())
}

/// `POST …/credentials/{credentialId}/moveToFirst`
pub async fn move_to_first(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let (realm, user, id) = (&cx.realm().id, &user.id, &credential(&cx));
    change!(cx, |txn| credentials::move_to_first(txn, realm, user, id))?;
    Ok(answer::done())
}

/// `POST …/credentials/{credentialId}/moveAfter/{newPreviousCredentialId}`
pub async fn move_after(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let previous = &CredentialId::from(cx.parameter("newPreviousCredentialId"));
    let (realm, user, id) = (&cx.realm().id, &user.id, &credential(&cx));
    change!(cx, |txn| credentials::move_after(txn, realm, user, id, previous))?;
    Ok(answer::done())
}

/// `PUT …/reset-password`
pub async fn reset_password(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let given: CredentialRepresentation = body::read(&cx, "CredentialRepresentation")?;
    let value = given.value.filter(|value| !value.expose().trim().is_empty());
    let value = value.ok_or_else(|| AdminError::error(400, "No password provided"))?;
    // Whatever `type` says, it is a password, as in Keycloak.
    let (app, realm, user) = (&cx.app, &cx.realm().id, &user.id);
    let new = &app.passwords().for_user(realm, user, value, given.temporary.unwrap_or(false)).await?;
    change!(cx, |txn| users::set_password(txn, &app.env, realm, user, new))?;
    Ok(answer::done())
}

/// `PUT …/disable-credential-types`: no type can be disabled without taking it away, so nothing happens.
pub async fn disable_types(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    existing(&cx).await?;
    let _: Vec<String> = body::list(&cx, "List")?;
    Ok(answer::done())
}

/// `GET …/configured-user-storage-credential-types`: users come from here and not from elsewhere.
pub async fn storage_types(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    existing(&cx).await?;
    Ok(answer::document(&json!([])))
}

fn credential(cx: &AdminRequest) -> CredentialId {
    CredentialId::from(cx.parameter("credentialId"))
}
