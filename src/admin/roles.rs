//! `/roles`, `/clients/{client-uuid}/roles` and `/roles-by-id`: roles, and what composites contain.

use std::collections::BTreeMap;

use actix_web::HttpResponse;

use crate::base::id::{ClientId, RoleId};
use crate::manage::error::ManageError;
use crate::manage::representation::role::{Composites, RoleRepresentation};
use crate::manage::roles::{self, NewRole};
use crate::model::role::{Role, RoleContainer};
use crate::store::search::Tag;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::auth;
use super::body;
use super::change::change;
use super::error::AdminError;
use super::groups::{Tree, show_tagged};
use super::paging::Page;
use super::role_mappings::{in_container, show};

const VIEW_REALM: &[&str] = &["view-realm", "manage-realm"];
const VIEW_CLIENTS: &[&str] = &["view-clients", "manage-clients"];

/// `GET …/roles`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let container = container(&cx).await?;
    let page = Page::if_both(&cx)?;
    let search = cx.argument("search").unwrap_or_default().to_lowercase();
    let mut roles = in_container(&cx, &container).await?;
    roles.retain(|role| matches(role, &search));
    Ok(show(&cx, &page.take(roles)))
}

/// `POST …/roles`
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let container = container(&cx).await?;
    auth::may_shape(&cx, &container).await?;
    let given: RoleRepresentation = body::read(&cx, "RoleRepresentation")?;
    let name = given.name.ok_or_else(ManageError::role_name_missing)?;
    let composites = match &given.composites {
        Some(composites) => contained(&cx, composites).await?,
        None => Vec::new(),
    };
    auth::may_grant(&cx, &composites).await?;
    let new = NewRole { name, description: given.description, container, attributes: given.attributes.unwrap_or_default(), composites };
    let (app, realm, new) = (&cx.app, &cx.realm().id, &new);
    let role = change!(cx, |txn| roles::create(txn, &app.env, realm, new))?;
    Ok(match &role.container {
        RoleContainer::Realm => answer::created(&cx, &["roles", &role.name]),
        RoleContainer::Client(client) => answer::created(&cx, &["clients", client.as_str(), "roles", &role.name]),
    })
}

/// `GET …/roles/{role-name}`, `GET …/roles-by-id/{role-id}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let role = existing(&cx).await?;
    Ok(answer::document(&RoleRepresentation::full(&cx.realm().id, &role)))
}

/// `PUT …/roles/{role-name}`, `PUT …/roles-by-id/{role-id}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let role = existing(&cx).await?;
    auth::may_shape(&cx, &role.container).await?;
    let given: RoleRepresentation = body::read(&cx, "RoleRepresentation")?;
    let (realm, id, name, description, attributes) =
        (&cx.realm().id, &role.id, given.name.as_deref(), &given.description, &given.attributes);
    change!(cx, |txn| roles::update(txn, realm, id, name, description.clone(), attributes.clone()))?;
    Ok(answer::done())
}

/// `DELETE …/roles/{role-name}`, `DELETE …/roles-by-id/{role-id}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let role = existing(&cx).await?;
    auth::may_shape(&cx, &role.container).await?;
    let (realm, id) = (&cx.realm().id, &role.id);
    change!(cx, |txn| roles::delete(txn, realm, id))?;
    Ok(answer::done())
}

/// `GET …/composites`
pub async fn composites(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let role = existing(&cx).await?;
    let page = Page::if_both(&cx)?;
    let search = cx.argument("search").unwrap_or_default().to_lowercase();
    let mut contained = contents(&cx, &role).await?;
    contained.retain(|role| matches(role, &search));
    Ok(show(&cx, &page.take(contained)))
}

/// `GET …/composites/realm`
pub async fn realm_composites(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let role = existing(&cx).await?;
    let mut contained = contents(&cx, &role).await?;
    contained.retain(|role| role.container == RoleContainer::Realm);
    Ok(show(&cx, &contained))
}

/// `GET …/composites/clients/{…}`
pub async fn client_composites(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let role = existing(&cx).await?;
    let parameter = if cx.has_parameter("targetClientUuid") { "targetClientUuid" } else { "clientUuid" };
    let id = ClientId::from(cx.parameter(parameter));
    let client = cx.app.store.peek().clients().get(&cx.realm().id, &id).await?.ok_or_else(ManageError::no_client)?;
    let mut contained = contents(&cx, &role).await?;
    contained.retain(|role| role.container == RoleContainer::Client(client.id.clone()));
    Ok(show(&cx, &contained))
}

/// `POST …/composites`
pub async fn add_composites(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let role = existing(&cx).await?;
    auth::may_shape(&cx, &role.container).await?;
    let ids = given_ids(&cx)?;
    auth::may_grant(&cx, &ids).await?;
    let (realm, id, ids) = (&cx.realm().id, &role.id, &ids[..]);
    change!(cx, |txn| roles::add_composites(txn, realm, id, ids))?;
    Ok(answer::done())
}

/// `DELETE …/composites`
pub async fn remove_composites(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let role = existing(&cx).await?;
    auth::may_shape(&cx, &role.container).await?;
    let ids = given_ids(&cx)?;
    let (realm, id, ids) = (&cx.realm().id, &role.id, &ids[..]);
    change!(cx, |txn| async {
        for contained in ids {
            txn.roles().get(realm, contained).await?.ok_or_else(ManageError::no_composite)?;
        }
        roles::remove_composites(txn, realm, id, ids).await
    })?;
    Ok(answer::done())
}

/// `GET …/roles/{role-name}/users`
pub async fn users(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let role = existing(&cx).await?;
    let brief = cx.flag("briefRepresentation").unwrap_or(false);
    show_tagged(&cx, Tag::role(&role.id), brief).await
}

/// `GET …/roles/{role-name}/groups`
pub async fn groups(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let role = existing(&cx).await?;
    let page = Page::of(&cx, None)?;
    let tree = Tree::read(&cx).await?;
    let brief = cx.flag("briefRepresentation").unwrap_or(true);
    let holders = tree.groups().iter().filter(|group| group.roles.contains(&role.id));
    let shown: Vec<_> = page.take(holders).into_iter().map(|group| if brief { tree.brief(group) } else { tree.full(group) }).collect();
    Ok(answer::document(&shown))
}

/// Where the URL looks for a role: in the realm or in the client that it names.
async fn container(cx: &AdminRequest) -> Result<RoleContainer, AdminError> {
    if !cx.has_parameter("client-uuid") {
        return Ok(RoleContainer::Realm);
    }
    let id = ClientId::from(cx.parameter("client-uuid"));
    let client = cx.app.store.peek().clients().get(&cx.realm().id, &id).await?;
    Ok(RoleContainer::Client(client.ok_or_else(ManageError::no_client)?.id))
}

/// The role in the URL. By id it may be one of a client, which takes other roles to see and to change than one of the realm.
async fn existing(cx: &AdminRequest) -> Result<Role, AdminError> {
    let mut peek = cx.app.store.peek();
    let realm = &cx.realm().id;
    if cx.has_parameter("role-id") {
        let role = peek.roles().get(realm, &RoleId::from(cx.parameter("role-id"))).await?.ok_or_else(ManageError::no_role)?;
        let (view, manage) = match role.container {
            RoleContainer::Realm => (VIEW_REALM, "manage-realm"),
            RoleContainer::Client(_) => (VIEW_CLIENTS, "manage-clients"),
        };
        let allowed = if cx.method == actix_web::http::Method::GET { cx.may(view) } else { cx.may(&[manage]) };
        return if allowed { Ok(role) } else { Err(AdminError::Forbidden) };
    }
    let name = cx.parameter("role-name");
    let role = match container(cx).await? {
        RoleContainer::Realm => peek.roles().realm_role(realm, name).await?,
        RoleContainer::Client(client) => peek.roles().client_role(realm, &client, name).await?,
    };
    role.ok_or_else(|| AdminError::error(404, "Could not find role"))
}

/// What a composite contains directly, by name.
async fn contents(cx: &AdminRequest, role: &Role) -> Result<Vec<Role>, AdminError> {
    let (mut peek, mut roles) = (cx.app.store.peek(), Vec::new());
    for id in &role.composites {
        roles.extend(peek.roles().get(&cx.realm().id, id).await?);
    }
    roles.sort_by(|a: &Role, b: &Role| a.name.cmp(&b.name));
    Ok(roles)
}

/// Roles by name, as a new composite lists them.
async fn contained(cx: &AdminRequest, composites: &Composites) -> Result<Vec<RoleId>, AdminError> {
    let (mut peek, realm, mut ids) = (cx.app.store.peek(), &cx.realm().id, Vec::new());
    for name in composites.realm.iter().flatten() {
        ids.push(peek.roles().realm_role(realm, name).await?.ok_or_else(ManageError::no_composite)?.id);
    }
    let empty = BTreeMap::new();
    for (client_id, names) in composites.client.as_ref().unwrap_or(&empty) {
        let client = peek.clients().by_client_id(realm, client_id).await?.ok_or_else(ManageError::no_composite)?;
        for name in names {
            ids.push(peek.roles().client_role(realm, &client.id, name).await?.ok_or_else(ManageError::no_composite)?.id);
        }
    }
    Ok(ids)
}

/// The roles of a body by their ids; names count for nothing here, as in Keycloak.
fn given_ids(cx: &AdminRequest) -> Result<Vec<RoleId>, AdminError> {
    let given: Vec<RoleRepresentation> = body::list(cx, "RoleRepresentation")?;
    Ok(given.into_iter().map(|role| RoleId::from(role.id.unwrap_or_default())).collect())
}

/// Keycloak searches names and descriptions.
fn matches(role: &Role, search: &str) -> bool {
    role.name.to_lowercase().contains(search) || role.description.as_deref().unwrap_or_default().to_lowercase().contains(search)
}
