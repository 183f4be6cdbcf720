//! `scope-mappings` of clients and client scopes: which roles may stand in tokens.

use actix_web::HttpResponse;

use crate::base::id::RoleId;
use crate::manage::protocol_mappers::Holder;
use crate::manage::representation::role::RoleRepresentation;
use crate::manage::scope_mappings;
use crate::model::role::{Role, RoleContainer};
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::change::change;
use super::error::AdminError;
use super::role_mappings::{client_in, expanded, in_container, mappings, named, show};
use super::{auth, client_scopes, clients};

/// What limits roles, and to which.
struct Limit {
    holder: Holder,
    roles: Vec<RoleId>,
    /// A client that lets all roles through.
    full: bool,
}

/// `GET …/scope-mappings`
pub async fn all(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let limit = Limit::of(&cx).await?;
    let mut roles = Vec::new();
    for id in &limit.roles {
        roles.extend(cx.app.store.peek().roles().get(&cx.realm().id, id).await?);
    }
    roles.sort_by(|a: &Role, b: &Role| a.name.cmp(&b.name));
    Ok(answer::document(&mappings(&cx, &roles).await?))
}

/// `GET …/scope-mappings/realm`, `GET …/scope-mappings/clients/{client}`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let limit = Limit::of(&cx).await?;
    let mut roles = in_container(&cx, &container(&cx).await?).await?;
    roles.retain(|role| limit.roles.contains(&role.id));
    let shown: Vec<_> = roles.iter().map(|role| RoleRepresentation::brief(&cx.realm().id, role)).collect();
    Ok(answer::document(&shown))
}

/// `GET …/available`
pub async fn available(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let limit = Limit::of(&cx).await?;
    let mut roles = in_container(&cx, &container(&cx).await?).await?;
    roles.retain(|role| !limit.roles.contains(&role.id));
    let shown: Vec<_> = roles.iter().map(|role| RoleRepresentation::brief(&cx.realm().id, role)).collect();
    Ok(answer::document(&shown))
}

/// `GET …/composite`
pub async fn composite(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let limit = Limit::of(&cx).await?;
    let effective = expanded(&cx, limit.roles.clone()).await?;
    let mut roles = in_container(&cx, &container(&cx).await?).await?;
    roles.retain(|role| limit.full || effective.contains(&role.id));
    Ok(show(&cx, &roles))
}

/// `POST …/scope-mappings/…`
pub async fn add(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    set(cx, true).await
}

/// `DELETE …/scope-mappings/…`
pub async fn remove(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    set(cx, false).await
}

impl Limit {
    async fn of(cx: &AdminRequest) -> Result<Self, AdminError> {
        if cx.has_parameter("client-uuid") {
            let client = clients::existing(cx).await?;
            return Ok(Self { holder: Holder::Client(client.id), roles: client.scope_mappings, full: client.full_scope_allowed });
        }
        let scope = client_scopes::existing(cx).await?;
        Ok(Self { holder: Holder::ClientScope(scope.id), roles: scope.scope_mappings, full: false })
    }
}

async fn container(cx: &AdminRequest) -> Result<RoleContainer, AdminError> {
    if cx.has_parameter("client") { Ok(RoleContainer::Client(client_in(cx, "client").await?.id)) } else { Ok(RoleContainer::Realm) }
}

async fn set(cx: AdminRequest, add: bool) -> Result<HttpResponse, AdminError> {
    let limit = Limit::of(&cx).await?;
    let container = container(&cx).await?;
    let ids = if !add && cx.body.is_empty() {
        in_container(&cx, &container).await?.into_iter().map(|role| role.id).collect()
    } else {
        named(&cx, &container).await?
    };
    if add {
        // A token that carries more administration roles is worth more to whoever gets hold of it.
        auth::may_grant(&cx, &ids).await?;
    }
    let (realm, holder, ids) = (&cx.realm().id, &limit.holder, &ids[..]);
    change!(cx, |txn| async {
        if add { scope_mappings::add(txn, realm, holder, ids).await } else { scope_mappings::remove(txn, realm, holder, ids).await }
    })?;
    Ok(answer::done())
}
