//! `/client-scopes`, also under its old name `client-templates`, and the scopes that new clients of the realm get.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::base::id::ClientScopeId;
use crate::manage::client_scopes::{self, NewClientScope};
use crate::manage::clients::ScopeAttachment;
use crate::manage::error::ManageError;
use crate::manage::representation::client_scope::ClientScopeRepresentation;
use crate::model::client_scope::ClientScope;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::change;
use super::clients::VIEW;
use super::error::AdminError;
use crate::manage::representation::client::mapper;

/// `GET …/client-scopes`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    if !cx.may(VIEW) {
        return Ok(answer::document(&json!([])));
    }
    let mut scopes = cx.app.store.peek().client_scopes().list(&cx.realm().id).await?;
    scopes.sort_by(|a, b| a.name.cmp(&b.name));
    let shown: Vec<_> = scopes.iter().map(ClientScopeRepresentation::from).collect();
    Ok(answer::document(&shown))
}

/// `POST …/client-scopes`
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let new = wanted(body::read(&cx, "ClientScopeRepresentation")?);
    let (app, realm, new) = (&cx.app, &cx.realm().id, &new);
    let scope = change!(cx, |txn| client_scopes::create(txn, &app.env, realm, new))?;
    Ok(answer::created(&cx, &["client-scopes", scope.id.as_str()]))
}

/// `GET …/client-scopes/{client-scope-id}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    Ok(answer::document(&ClientScopeRepresentation::from(&existing(&cx).await?)))
}

/// `PUT …/client-scopes/{client-scope-id}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let scope = existing(&cx).await?;
    let new = wanted(body::read(&cx, "ClientScopeRepresentation")?);
    let (realm, id, new) = (&cx.realm().id, &scope.id, &new);
    change!(cx, |txn| client_scopes::update(txn, realm, id, new))?;
    Ok(answer::done())
}

/// `DELETE …/client-scopes/{client-scope-id}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &ClientScopeId::from(cx.parameter("client-scope-id")));
    change!(cx, |txn| client_scopes::delete(txn, realm, id))?;
    Ok(answer::done())
}

/// `GET …/default-default-client-scopes`
pub async fn realm_default(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    show(&cx, &cx.realm().default_default_client_scopes).await
}

/// `GET …/default-optional-client-scopes`
pub async fn realm_optional(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    show(&cx, &cx.realm().default_optional_client_scopes).await
}

/// `PUT …/default-default-client-scopes/{clientScopeId}`
pub async fn attach_default(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    attach(cx, ScopeAttachment::Default).await
}

/// `PUT …/default-optional-client-scopes/{clientScopeId}`
pub async fn attach_optional(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    attach(cx, ScopeAttachment::Optional).await
}

/// `DELETE …/default-default-client-scopes/{clientScopeId}` and of the optional ones
pub async fn detach(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &realm_scope(&cx).await?);
    change!(cx, |txn| client_scopes::detach(txn, realm, id))?;
    Ok(answer::done())
}

/// The client scope in the URL.
///
/// # Errors
/// There is none.
pub async fn existing(cx: &AdminRequest) -> Result<ClientScope, AdminError> {
    let id = ClientScopeId::from(cx.parameter("client-scope-id"));
    Ok(cx.app.store.peek().client_scopes().get(&cx.realm().id, &id).await?.ok_or_else(ManageError::no_client_scope)?)
}

async fn attach(cx: AdminRequest, attachment: ScopeAttachment) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &realm_scope(&cx).await?);
    change!(cx, |txn| client_scopes::attach(txn, realm, id, attachment))?;
    Ok(answer::done())
}

async fn realm_scope(cx: &AdminRequest) -> Result<ClientScopeId, AdminError> {
    let id = ClientScopeId::from(cx.parameter("clientScopeId"));
    let scope = cx.app.store.peek().client_scopes().get(&cx.realm().id, &id).await?;
    Ok(scope.ok_or_else(ManageError::no_such_scope)?.id)
}

async fn show(cx: &AdminRequest, ids: &[ClientScopeId]) -> Result<HttpResponse, AdminError> {
    let mut scopes = Vec::new();
    for id in ids {
        scopes.extend(cx.app.store.peek().client_scopes().get(&cx.realm().id, id).await?);
    }
    scopes.sort_by(|a: &ClientScope, b: &ClientScope| a.name.cmp(&b.name));
    let shown: Vec<Value> = scopes.iter().map(|scope| json!({ "id": scope.id, "name": scope.name, "protocol": scope.protocol })).collect();
    Ok(answer::document(&shown))
}

fn wanted(given: ClientScopeRepresentation) -> NewClientScope {
    NewClientScope {
        name: given.name,
        description: given.description,
        protocol: given.protocol,
        attributes: given.attributes.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        protocol_mappers: given.protocol_mappers.iter().flatten().map(mapper).collect(),
    }
}
