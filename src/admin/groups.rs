//! `/groups`: a tree, shown level by level.

use std::collections::{HashMap, HashSet};

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use serde_json::{Map, Value, json};

use crate::base::id::{ClientId, GroupId, RoleId};
use crate::manage::error::ManageError;
use crate::manage::groups::{self, NewGroup};
use crate::manage::representation::group::{GroupRepresentation, RolesByName};
use crate::manage::user_search;
use crate::model::group::Group;
use crate::model::role::{Role, RoleContainer};
use crate::store::search::Tag;
use crate::store::txn::Reader as _;
use crate::web::addressing::segment;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::auth;
use super::body;
use super::change::change;
use super::error::AdminError;
use super::group_tree::GroupTree;
use super::paging::Page;
use super::users;

const DEFAULT_MEMBERS: usize = 100;

/// `GET …/groups`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    if !cx.may(users::VIEW) {
        return Ok(answer::document(&json!([])));
    }
    let page = Page::of(&cx, None)?;
    let tree = Tree::read(&cx).await?;
    let brief = cx.flag("briefRepresentation").unwrap_or(true);
    let show = |group: &Group| tree.listed(&cx, group, brief);
    let Some(matching) = tree.matching(&cx) else {
        let shown: Vec<_> = page.take(tree.groups.children(None)).into_iter().map(show).collect();
        return Ok(answer::document(&shown));
    };
    let shown: Vec<GroupRepresentation> = if cx.flag("populateHierarchy").unwrap_or(true) {
        page.take(tree.groups.hierarchy(&matching, &show))
    } else {
        page.take(tree.groups.pick(|group| matching.contains(&group.id))).into_iter().map(show).collect()
    };
    Ok(answer::document(&shown))
}

/// `GET …/groups/count`
pub async fn count(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let tree = Tree::read(&cx).await?;
    let top = cx.flag("top").unwrap_or(false);
    let matching = tree.matching(&cx);
    let counts = |group: &&Group| matching.as_ref().is_none_or(|matching| matching.contains(&group.id)) && (!top || group.parent.is_none());
    Ok(answer::document(&json!({ "count": tree.groups().iter().filter(counts).count() })))
}

/// `POST …/groups`: a new top group, or an existing one that moves to the top.
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: GroupRepresentation = body::read(&cx, "GroupRepresentation")?;
    if let Some(id) = moved(&cx, &given).await? {
        return relocate(&cx, &id, None).await;
    }
    let made = make(&cx, given, None).await?;
    Ok(answer::created(&cx, &["groups", made.id.as_str()]))
}

/// `GET …/groups/{group-id}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    if !cx.may(users::VIEW) {
        return Err(AdminError::Forbidden);
    }
    let group = existing(&cx).await?;
    let tree = Tree::read(&cx).await?;
    Ok(answer::document(&tree.listed(&cx, &group, false)))
}

/// `PUT …/groups/{group-id}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let group = existing(&cx).await?;
    let given: GroupRepresentation = body::read(&cx, "GroupRepresentation")?;
    let name = given.name.ok_or_else(ManageError::group_name_missing)?;
    let (realm, id, name, description, attributes) = (&cx.realm().id, &group.id, &name, &given.description, &given.attributes);
    change!(cx, |txn| groups::update(txn, realm, id, name, description.clone(), attributes.clone()))?;
    Ok(answer::done())
}

/// `DELETE …/groups/{group-id}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &GroupId::from(cx.parameter("group-id")));
    change!(cx, |txn| groups::delete(txn, realm, id))?;
    Ok(answer::done())
}

/// `GET …/groups/{group-id}/children`
pub async fn children(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    if !cx.may(users::VIEW) {
        return Err(AdminError::Forbidden);
    }
    let group = existing(&cx).await?;
    let page = Page::of(&cx, None)?;
    let tree = Tree::read(&cx).await?;
    let brief = cx.flag("briefRepresentation").unwrap_or(false);
    let matching = tree.matching(&cx);
    let mut children = tree.groups.children(Some(&group.id));
    children.retain(|child| matching.as_ref().is_none_or(|matching| matching.contains(&child.id)));
    let shown: Vec<_> = page.take(children).into_iter().map(|child| tree.listed(&cx, child, brief)).collect();
    Ok(answer::document(&shown))
}

/// `POST …/groups/{group-id}/children`: a new group below, or an existing one that moves there.
pub async fn add_child(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let parent = existing(&cx).await?;
    let given: GroupRepresentation = body::read(&cx, "GroupRepresentation")?;
    if let Some(id) = moved(&cx, &given).await? {
        let mut moved = relocate(&cx, &id, Some(parent.id)).await?;
        // Without content, but with its type, as Keycloak.
        moved.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Ok(moved);
    }
    let made = make(&cx, given, Some(parent.id)).await?;
    let tree = Tree::read(&cx).await?;
    let shown = GroupRepresentation { sub_group_count: None, ..tree.listed(&cx, &made, false) };
    let mut response = crate::web::oauth_response::json(201, &shown);
    let location = format!("{}/admin/realms/{}/groups/{}", cx.base_url, segment(&cx.realm().name), made.id);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// `GET …/groups/{group-id}/members`
pub async fn members(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    if !cx.may(users::VIEW) {
        return Err(AdminError::Forbidden);
    }
    let group = existing(&cx).await?;
    let brief = cx.flag("briefRepresentation").unwrap_or(false);
    show_tagged(&cx, Tag::group(&group.id), brief).await
}

/// `GET …/group-by-path/{path}`
pub async fn by_path(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    if !cx.may(users::VIEW) {
        return Err(AdminError::Forbidden);
    }
    let (realm, path) = (&cx.realm().id, cx.parameter("path"));
    let found = change!(cx, |txn| groups::by_path(txn, realm, path))?;
    let group = found.ok_or_else(|| AdminError::error(404, "Group path does not exist"))?;
    let tree = Tree::read(&cx).await?;
    let shown = tree.full(&group);
    Ok(answer::document(&GroupRepresentation { sub_group_count: Some(tree.groups.child_count(&group.id)), ..shown }))
}

/// `GET …/default-groups`
pub async fn defaults(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let tree = Tree::read(&cx).await?;
    let shown: Vec<_> = cx.realm().default_groups.iter().filter_map(|id| tree.by_id(id)).map(|group| tree.brief(group)).collect();
    Ok(answer::document(&shown))
}

/// `PUT …/default-groups/{groupId}`
pub async fn add_default(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &GroupId::from(cx.parameter("groupId")));
    auth::may_give_membership(&cx, id).await?;
    change!(cx, |txn| groups::set_default(txn, realm, id, true))?;
    Ok(answer::done())
}

/// `DELETE …/default-groups/{groupId}`
pub async fn remove_default(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &GroupId::from(cx.parameter("groupId")));
    change!(cx, |txn| groups::set_default(txn, realm, id, false))?;
    Ok(answer::done())
}

/// The group in the URL.
///
/// # Errors
/// There is none.
pub async fn existing(cx: &AdminRequest) -> Result<Group, AdminError> {
    let id = GroupId::from(cx.parameter("group-id"));
    Ok(cx.app.store.peek().groups().get(&cx.realm().id, &id).await?.ok_or_else(ManageError::no_group)?)
}

/// The part of the users with this tag that the request asks for, service accounts not among them.
///
/// # Errors
/// When the store fails.
pub async fn show_tagged(cx: &AdminRequest, tag: Tag, brief: bool) -> Result<HttpResponse, AdminError> {
    let page = Page::of(cx, Some(DEFAULT_MEMBERS))?;
    let found = user_search::tagged(&cx.app.store, &cx.realm().id, tag, (page.first, page.max)).await?;
    Ok(answer::document(&users::represent_all(cx, &found, brief).await?))
}

/// The id in a body, if it is that of a group.
async fn moved(cx: &AdminRequest, given: &GroupRepresentation) -> Result<Option<GroupId>, AdminError> {
    let Some(id) = given.id.as_deref().map(GroupId::from) else { return Ok(None) };
    let group = cx.app.store.peek().groups().get(&cx.realm().id, &id).await?;
    match group {
        Some(group) => Ok(Some(group.id)),
        None => Err(ManageError::no_group().into()),
    }
}

async fn relocate(cx: &AdminRequest, id: &GroupId, parent: Option<GroupId>) -> Result<HttpResponse, AdminError> {
    // The members get the roles of the new place.
    if let Some(parent) = &parent {
        auth::may_give_membership(cx, parent).await?;
    }
    let (realm, parent) = (&cx.realm().id, parent.as_ref());
    change!(cx, |txn| groups::relocate(txn, realm, id, parent))?;
    Ok(answer::done())
}

async fn make(cx: &AdminRequest, given: GroupRepresentation, parent: Option<GroupId>) -> Result<Group, AdminError> {
    let new = NewGroup {
        name: given.name.unwrap_or_default(),
        description: given.description,
        parent,
        attributes: given.attributes.unwrap_or_default(),
    };
    let (app, realm, new) = (&cx.app, &cx.realm().id, &new);
    Ok(change!(cx, |txn| groups::create(txn, &app.env, realm, new))?)
}

/// All groups of a realm with what their representations name.
pub struct Tree {
    groups: GroupTree,
    roles: HashMap<RoleId, Role>,
    clients: HashMap<ClientId, String>,
}

impl Tree {
    /// The tree of the realm in the URL.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(cx: &AdminRequest) -> Result<Self, AdminError> {
        let (mut peek, realm) = (cx.app.store.peek(), &cx.realm().id);
        let groups = GroupTree::new(peek.groups().list(realm).await?);
        let (mut roles, mut clients): (HashMap<RoleId, Role>, HashMap<ClientId, String>) = (HashMap::new(), HashMap::new());
        for id in groups.groups().iter().flat_map(|group| &group.roles) {
            if roles.contains_key(id) {
                continue;
            }
            let Some(role) = peek.roles().get(realm, id).await? else { continue };
            if let RoleContainer::Client(client) = &role.container
                && let Some(client) = peek.clients().get(realm, client).await?
            {
                clients.insert(client.id, client.client_id);
            }
            roles.insert(id.clone(), role);
        }
        Ok(Self { groups, roles, clients })
    }

    pub fn groups(&self) -> &[Group] {
        self.groups.groups()
    }

    pub fn by_id(&self, id: &GroupId) -> Option<&Group> {
        self.groups().iter().find(|group| group.id == *id)
    }

    pub fn brief(&self, group: &Group) -> GroupRepresentation {
        GroupRepresentation::brief(group, self.groups.path(group).to_owned())
    }

    pub fn full(&self, group: &Group) -> GroupRepresentation {
        let mut names = RolesByName::default();
        for role in group.roles.iter().filter_map(|id| self.roles.get(id)) {
            match &role.container {
                RoleContainer::Realm => names.realm.push(role.name.clone()),
                RoleContainer::Client(client) => {
                    let client = self.clients.get(client).cloned().unwrap_or_default();
                    names.client.entry(client).or_default().push(role.name.clone());
                }
            }
        }
        GroupRepresentation::full(group, self.groups.path(group).to_owned(), names)
    }

    /// As lists show it: with the number of those below, and with what the caller may do.
    fn listed(&self, cx: &AdminRequest, group: &Group, brief: bool) -> GroupRepresentation {
        let manage = cx.may(&["manage-users"]);
        let access = [("view", true), ("viewMembers", true), ("manageMembers", manage), ("manage", manage), ("manageMembership", manage)];
        let access: Map<String, Value> = access.into_iter().map(|(name, may)| (name.to_owned(), Value::Bool(may))).collect();
        let counted = cx.flag("subGroupsCount").unwrap_or(true);
        GroupRepresentation {
            sub_group_count: counted.then(|| self.groups.child_count(&group.id)),
            access: Some(access),
            ..if brief { self.brief(group) } else { self.full(group) }
        }
    }

    /// What the request asks for; `None` when it asks for nothing.
    fn matching(&self, cx: &AdminRequest) -> Option<HashSet<GroupId>> {
        self.groups.matching(cx, cx.argument("search").map(str::to_lowercase).as_deref())
    }
}
