//! `/users/{user-id}/federated-identity`: the accounts elsewhere that a user is linked with. As data: nobody signs in through them
//! here yet.

use actix_web::HttpResponse;

use crate::manage::error::ManageError;
use crate::manage::identity_links;
use crate::manage::representation::user::FederatedIdentityRepresentation;
use crate::model::identity_provider::IdentityLink;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::existing;
use crate::admin::answer;
use crate::admin::body;
use crate::admin::change::change;
use crate::admin::error::AdminError;

/// `GET …/federated-identity`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let links = cx.app.store.peek().identity_providers().links(&cx.realm().id, &user.id).await?;
    let shown: Vec<_> = links
        .accounts
        .iter()
        .map(|link| FederatedIdentityRepresentation {
            identity_provider: Some(link.identity_provider.clone()),
            user_id: Some(link.user_id.clone()),
            user_name: link.user_name.clone(),
        })
        .collect();
    Ok(answer::document(&shown))
}

/// `POST …/federated-identity/{provider}`: whether there is such a provider is not asked, as in Keycloak.
pub async fn add(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let given: FederatedIdentityRepresentation = body::read_optional(&cx, "FederatedIdentityRepresentation")?.unwrap_or_default();
    let link = IdentityLink {
        identity_provider: cx.parameter("provider").to_owned(),
        user_id: given.user_id.unwrap_or_default(),
        user_name: given.user_name,
    };
    let parts = [Some(&link.identity_provider), Some(&link.user_id), link.user_name.as_ref()];
    if parts.into_iter().flatten().any(|text| text.len() > 255) {
        return Err(ManageError::too_large("A part of the link").into());
    }
    let (realm, id, link) = (&cx.realm().id, &user.id, &link);
    change!(cx, |txn| identity_links::add(txn, realm, id, link))?;
    Ok(answer::done())
}

/// `DELETE …/federated-identity/{provider}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let (realm, id, provider) = (&cx.realm().id, &user.id, cx.parameter("provider"));
    change!(cx, |txn| identity_links::remove(txn, realm, id, provider))?;
    Ok(answer::done())
}
