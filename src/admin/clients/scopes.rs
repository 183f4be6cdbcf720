//! `/clients/{client-uuid}/default-client-scopes` and `optional-client-scopes`

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::base::id::ClientScopeId;
use crate::manage::clients::{self, ScopeAttachment};
use crate::manage::error::ManageError;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::{existing, scope_names};
use crate::admin::answer;
use crate::admin::change::change;
use crate::admin::error::AdminError;

/// `GET …/default-client-scopes`
pub async fn default(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    show(&cx, &client.default_client_scopes).await
}

/// `GET …/optional-client-scopes`
pub async fn optional(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    show(&cx, &client.optional_client_scopes).await
}

/// `PUT …/default-client-scopes/{clientScopeId}`
pub async fn add_default(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    add(cx, ScopeAttachment::Default).await
}

/// `PUT …/optional-client-scopes/{clientScopeId}`
pub async fn add_optional(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    add(cx, ScopeAttachment::Optional).await
}

/// `DELETE …/default-client-scopes/{clientScopeId}` and of the optional ones
pub async fn remove(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let scope = &ClientScopeId::from(cx.parameter("clientScopeId"));
    let (realm, id) = (&cx.realm().id, &client.id);
    cx.app.store.peek().client_scopes().get(realm, scope).await?.ok_or_else(ManageError::no_such_scope)?;
    change!(cx, |txn| clients::remove_scope(txn, realm, id, scope))?;
    Ok(answer::done())
}

async fn add(cx: AdminRequest, attachment: ScopeAttachment) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let scope = &ClientScopeId::from(cx.parameter("clientScopeId"));
    let (realm, id) = (&cx.realm().id, &client.id);
    change!(cx, |txn| clients::add_scope(txn, realm, id, scope, attachment))?;
    Ok(answer::done())
}

async fn show(cx: &AdminRequest, ids: &[ClientScopeId]) -> Result<HttpResponse, AdminError> {
    let names = scope_names(cx).await?;
    let mut shown: Vec<(&str, Value)> = ids
        .iter()
        .filter_map(|id| names.get(id).map(|name| (name.as_str(), json!({ "id": id, "name": name }))))
        .collect();
    shown.sort_by_key(|(name, _)| *name);
    let shown: Vec<Value> = shown.into_iter().map(|(_, scope)| scope).collect();
    Ok(answer::document(&shown))
}
