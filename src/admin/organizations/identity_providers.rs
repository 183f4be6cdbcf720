//! `/organizations/{org-id}/identity-providers`: the providers that its members come from.

use actix_web::HttpResponse;

use crate::admin::answer;
use crate::admin::change::change;
use crate::admin::error::AdminError;
use crate::admin::identity_providers::represent;
use crate::manage::error::ManageError;
use crate::manage::organizations;
use crate::model::identity_provider::IdentityProvider;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::groups::Tree;
use super::{existing, id_in_body};

/// `GET …/identity-providers`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let providers = organizations::providers(&mut cx.app.store.peek(), &cx.realm().id, &organization.id).await?;
    let shown: Vec<_> = providers.iter().map(represent).collect();
    Ok(answer::document(&shown))
}

/// `POST …/identity-providers`, the alias or internal id of a provider
pub async fn add(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let (realm, id, name) = (&cx.realm().id, &organization.id, &id_in_body(&cx)?);
    change!(cx, |txn| organizations::link_provider(txn, realm, id, name))?;
    Ok(answer::done())
}

/// `GET …/identity-providers/{alias}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    Ok(answer::document(&represent(&provider(&cx).await?)))
}

/// `DELETE …/identity-providers/{alias}`
pub async fn remove(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let (realm, id, alias) = (&cx.realm().id, &organization.id, cx.parameter("alias"));
    change!(cx, |txn| organizations::unlink_provider(txn, realm, id, alias))?;
    Ok(answer::done())
}

/// `GET …/identity-providers/{alias}/groups`: the groups that its mappers may put users into.
pub async fn groups(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    provider(&cx).await?;
    Tree::read(&cx, &organization.id).await?.answer(&cx)
}

/// The provider in the URL.
async fn provider(cx: &AdminRequest) -> Result<IdentityProvider, AdminError> {
    let organization = existing(cx).await?;
    let provider = cx.app.store.peek().identity_providers().by_alias(&cx.realm().id, cx.parameter("alias")).await?;
    let provider = provider.filter(|provider| provider.organization_id.as_deref() == Some(organization.id.as_str()));
    Ok(provider.ok_or_else(ManageError::no_provider_of_organization)?)
}
