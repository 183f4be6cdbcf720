//! `/authentication/config`: what authenticators were told

use actix_web::HttpResponse;

use crate::admin::answer;
use crate::admin::body;
use crate::admin::change::change;
use crate::admin::error::AdminError;
use crate::base::id::AuthenticatorConfigId;
use crate::manage::authentication::configs::{self, NewConfig};
use crate::manage::error::ManageError;
use crate::manage::representation::authentication::{AuthenticatorConfigRepresentation, present};
use crate::web::administrator::AdminRequest;

use super::all;

/// `POST …/config`
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let config = given(&cx)?;
    let (app, realm, config) = (&cx.app, &cx.realm().id, &config);
    let id = change!(cx, |txn| configs::create(txn, &app.env, realm, config))?;
    Ok(answer::created(&cx, &["authentication", "config", id.as_str()]))
}

/// `GET …/config/{id}` and `GET …/executions/{executionId}/config/{id}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let all = all(&cx).await?;
    let config = all.config(&id(&cx)).ok_or_else(ManageError::no_authenticator_config)?;
    Ok(answer::document(&AuthenticatorConfigRepresentation::from(config)))
}

/// `PUT …/config/{id}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let config = given(&cx)?;
    let (realm, id, config) = (&cx.realm().id, &id(&cx), &config);
    change!(cx, |txn| configs::update(txn, realm, id, config))?;
    Ok(answer::done())
}

/// `DELETE …/config/{id}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &id(&cx));
    change!(cx, |txn| configs::delete(txn, realm, id))?;
    Ok(answer::done())
}

/// The configuration in the body.
pub(super) fn given(cx: &AdminRequest) -> Result<NewConfig, AdminError> {
    let given: AuthenticatorConfigRepresentation = body::read(cx, "AuthenticatorConfigRepresentation")?;
    Ok(NewConfig { alias: Some(given.alias).filter(|alias| !alias.is_empty()), values: present(given.config) })
}

fn id(cx: &AdminRequest) -> AuthenticatorConfigId {
    AuthenticatorConfigId::from(cx.parameter("id"))
}
