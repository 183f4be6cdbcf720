//! `role-mappings` of users and groups: roles of the realm and of clients, given directly, in effect, or still to give.

use std::collections::{BTreeMap, HashMap, HashSet};

use actix_web::HttpResponse;

use crate::base::id::{ClientId, RoleId};
use crate::manage::representation::role::{ClientMappingsRepresentation, MappingsRepresentation, RoleRepresentation};
use crate::manage::{groups, users};
use crate::model::client::Client;
use crate::model::group::Group;
use crate::model::role::{Role, RoleContainer};
use crate::model::user::User;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::auth;
use super::body;
use super::change::change;
use super::error::AdminError;

/// Who holds roles.
enum Holder {
    User(User),
    Group(Group),
}

/// `GET …/role-mappings`
pub async fn all(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let holder = Holder::of(&cx).await?;
    let roles = direct(&cx, &holder).await?;
    let shown = mappings(&cx, &roles).await?;
    Ok(answer::document(&shown))
}

/// `GET …/role-mappings/realm`
pub async fn realm(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    list_direct(cx, false).await
}

/// `GET …/role-mappings/realm/available`
pub async fn realm_available(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    list_available(cx, false).await
}

/// `GET …/role-mappings/realm/composite`
pub async fn realm_composite(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    list_effective(cx, false).await
}

/// `POST …/role-mappings/realm`
pub async fn add_realm(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    set(cx, false, true).await
}

/// `DELETE …/role-mappings/realm`
pub async fn remove_realm(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    set(cx, false, false).await
}

/// `GET …/role-mappings/clients/{client-id}`
pub async fn client(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    list_direct(cx, true).await
}

/// `GET …/role-mappings/clients/{client-id}/available`
pub async fn client_available(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    list_available(cx, true).await
}

/// `GET …/role-mappings/clients/{client-id}/composite`
pub async fn client_composite(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    list_effective(cx, true).await
}

/// `POST …/role-mappings/clients/{client-id}`
pub async fn add_client(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    set(cx, true, true).await
}

/// `DELETE …/role-mappings/clients/{client-id}`
pub async fn remove_client(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    set(cx, true, false).await
}

/// All given roles in the shape of role and scope mappings.
///
/// # Errors
/// When the store fails.
pub async fn mappings(cx: &AdminRequest, roles: &[Role]) -> Result<MappingsRepresentation, AdminError> {
    let realm = &cx.realm().id;
    let of_realm: Vec<_> = roles
        .iter()
        .filter(|role| role.container == RoleContainer::Realm)
        .map(|role| RoleRepresentation::brief(realm, role))
        .collect();
    let mut of_clients: BTreeMap<String, ClientMappingsRepresentation> = BTreeMap::new();
    let mut names: HashMap<ClientId, String> = HashMap::new();
    for role in roles {
        let RoleContainer::Client(id) = &role.container else { continue };
        if !names.contains_key(id) {
            names.extend(cx.app.store.peek().clients().get(realm, id).await?.map(|client| (client.id, client.client_id)));
        }
        let Some(name) = names.get(id) else { continue };
        let entry = of_clients.entry(name.clone()).or_default();
        (entry.id, entry.client) = (id.to_string(), name.clone());
        entry.mappings.push(RoleRepresentation::brief(realm, role));
    }
    Ok(MappingsRepresentation {
        realm_mappings: Some(of_realm).filter(|list| !list.is_empty()),
        client_mappings: Some(of_clients).filter(|map| !map.is_empty()),
    })
}

/// The roles of a body. Each must be named by id and name, as Keycloak wants it: a stale id must not hit a new role of the name.
///
/// # Errors
/// One does not exist in `container`.
pub async fn named(cx: &AdminRequest, container: &RoleContainer) -> Result<Vec<RoleId>, AdminError> {
    let given: Vec<RoleRepresentation> = body::list(cx, "RoleRepresentation")?;
    let (mut peek, mut ids) = (cx.app.store.peek(), Vec::with_capacity(given.len()));
    for role in given {
        let name = role.name.unwrap_or_default();
        let found = match container {
            RoleContainer::Realm => peek.roles().realm_role(&cx.realm().id, &name).await?,
            RoleContainer::Client(client) => peek.roles().client_role(&cx.realm().id, client, &name).await?,
        };
        let found = found.filter(|found| Some(found.id.as_str()) == role.id.as_deref());
        ids.push(found.ok_or_else(|| AdminError::error(404, "Role not found"))?.id);
    }
    Ok(ids)
}

/// The client that `parameter` names.
///
/// # Errors
/// There is none.
pub async fn client_in(cx: &AdminRequest, parameter: &str) -> Result<Client, AdminError> {
    let id = ClientId::from(cx.parameter(parameter));
    let client = cx.app.store.peek().clients().get(&cx.realm().id, &id).await?;
    client.ok_or_else(|| AdminError::error(404, "Client not found"))
}

/// All roles in a container, by name.
///
/// # Errors
/// When the store fails.
pub async fn in_container(cx: &AdminRequest, container: &RoleContainer) -> Result<Vec<Role>, AdminError> {
    let mut roles = cx.app.store.peek().roles().list(&cx.realm().id).await?;
    roles.retain(|role| role.container == *container);
    roles.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(roles)
}

/// These roles and everything that they contain.
///
/// # Errors
/// When the store fails.
pub async fn expanded(cx: &AdminRequest, roles: impl IntoIterator<Item = RoleId>) -> Result<HashSet<RoleId>, AdminError> {
    let mut peek = cx.app.store.peek();
    let (mut seen, mut waiting) = (HashSet::new(), roles.into_iter().collect::<Vec<_>>());
    while let Some(id) = waiting.pop() {
        if seen.insert(id.clone()) {
            waiting.extend(peek.roles().get(&cx.realm().id, &id).await?.map(|role| role.composites).unwrap_or_default());
        }
    }
    Ok(seen)
}

/// Lists of roles show attributes only on demand.
pub fn show(cx: &AdminRequest, roles: &[Role]) -> HttpResponse {
    let brief = cx.flag("briefRepresentation").unwrap_or(true);
    let realm = &cx.realm().id;
    let shown: Vec<_> = roles
        .iter()
        .map(|role| if brief { RoleRepresentation::brief(realm, role) } else { RoleRepresentation::full(realm, role) })
        .collect();
    answer::document(&shown)
}

impl Holder {
    async fn of(cx: &AdminRequest) -> Result<Self, AdminError> {
        if cx.has_parameter("user-id") {
            return super::users::existing(cx).await.map(Self::User);
        }
        if !cx.may(super::users::VIEW) {
            return Err(AdminError::Forbidden);
        }
        super::groups::existing(cx).await.map(Self::Group)
    }

    fn roles(&self) -> &[RoleId] {
        match self {
            Self::User(user) => &user.roles,
            Self::Group(group) => &group.roles,
        }
    }

    /// The groups whose roles count for him as well.
    fn above(&self) -> Vec<crate::base::id::GroupId> {
        match self {
            Self::User(user) => user.groups.clone(),
            Self::Group(group) => group.parent.clone().into_iter().collect(),
        }
    }
}

async fn container(cx: &AdminRequest, of_client: bool) -> Result<RoleContainer, AdminError> {
    if of_client { Ok(RoleContainer::Client(client_in(cx, "client-id").await?.id)) } else { Ok(RoleContainer::Realm) }
}

async fn direct(cx: &AdminRequest, holder: &Holder) -> Result<Vec<Role>, AdminError> {
    let (mut peek, mut roles) = (cx.app.store.peek(), Vec::new());
    for id in holder.roles() {
        roles.extend(peek.roles().get(&cx.realm().id, id).await?);
    }
    roles.sort_by(|a: &Role, b: &Role| a.name.cmp(&b.name));
    Ok(roles)
}

async fn list_direct(cx: AdminRequest, of_client: bool) -> Result<HttpResponse, AdminError> {
    let holder = Holder::of(&cx).await?;
    let container = container(&cx, of_client).await?;
    let mut roles = direct(&cx, &holder).await?;
    roles.retain(|role| role.container == container);
    let realm = &cx.realm().id;
    let shown: Vec<_> = roles.iter().map(|role| RoleRepresentation::brief(realm, role)).collect();
    Ok(answer::document(&shown))
}

async fn list_available(cx: AdminRequest, of_client: bool) -> Result<HttpResponse, AdminError> {
    let holder = Holder::of(&cx).await?;
    let container = container(&cx, of_client).await?;
    let mut shown = Vec::new();
    for role in in_container(&cx, &container).await? {
        if holder.roles().contains(&role.id) {
            continue;
        }
        match auth::may_grant(&cx, std::slice::from_ref(&role.id)).await {
            Ok(()) => shown.push(RoleRepresentation::brief(&cx.realm().id, &role)),
            Err(AdminError::Forbidden) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(answer::document(&shown))
}

async fn list_effective(cx: AdminRequest, of_client: bool) -> Result<HttpResponse, AdminError> {
    let holder = Holder::of(&cx).await?;
    let container = container(&cx, of_client).await?;
    let (mut given, mut waiting, mut seen) = (holder.roles().to_vec(), holder.above(), HashSet::new());
    while let Some(id) = waiting.pop() {
        if seen.insert(id.clone())
            && let Some(group) = cx.app.store.peek().groups().get(&cx.realm().id, &id).await?
        {
            given.extend(group.roles);
            waiting.extend(group.parent);
        }
    }
    let effective = expanded(&cx, given).await?;
    let mut roles = in_container(&cx, &container).await?;
    roles.retain(|role| effective.contains(&role.id));
    Ok(show(&cx, &roles))
}

async fn set(cx: AdminRequest, of_client: bool, add: bool) -> Result<HttpResponse, AdminError> {
    let holder = Holder::of(&cx).await?;
    let container = container(&cx, of_client).await?;
    let ids = if !add && cx.body.is_empty() {
        // Without a body all of the container's roles are taken away, as in Keycloak.
        let mut roles = direct(&cx, &holder).await?;
        roles.retain(|role| role.container == container);
        roles.into_iter().map(|role| role.id).collect()
    } else {
        named(&cx, &container).await?
    };
    auth::may_grant(&cx, &ids).await?;
    let (realm, ids) = (&cx.realm().id, &ids[..]);
    match &holder {
        Holder::User(user) => {
            let id = &user.id;
            change!(cx, |txn| async {
                if add { users::add_roles(txn, realm, id, ids).await } else { users::remove_roles(txn, realm, id, ids).await }
            })?;
        }
        Holder::Group(group) => {
            let id = &group.id;
            change!(cx, |txn| async {
                if add { groups::add_roles(txn, realm, id, ids).await } else { groups::remove_roles(txn, realm, id, ids).await }
            })?;
        }
    }
    Ok(answer::done())
}
