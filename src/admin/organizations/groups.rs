//! `/organizations/{org-id}/groups`: the organization's own groups, a tree that no list of the realm's groups shows.

use std::collections::HashSet;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderValue, LOCATION};

use crate::admin::answer;
use crate::admin::body;
use crate::admin::change::change;
use crate::admin::error::AdminError;
use crate::admin::group_tree::GroupTree;
use crate::admin::paging::Page;
use crate::base::id::{GroupId, OrganizationId, UserId};
use crate::manage::error::ManageError;
use crate::manage::groups::NewGroup;
use crate::manage::organization_groups;
use crate::manage::organizations::{self, MemberQuery};
use crate::manage::representation::group::{GroupRepresentation, RolesByName};
use crate::model::group::Group;
use crate::model::user::User;
use crate::store::txn::Reader as _;
use crate::web::addressing::segment;
use crate::web::administrator::AdminRequest;

use super::{DEFAULT_MAX, existing, members};

/// `GET …/groups`: those at the top; with a question those that match, wherever they stand.
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let tree = Tree::read(&cx, &organization.id).await?;
    tree.answer(&cx)
}

/// `POST …/groups`: a new top group, or one that moves to the top.
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    make_or_move(&cx, &organization.id, None).await
}

/// `GET …/groups/{group-id}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let group = group(&cx, &organization.id).await?;
    let tree = Tree::read(&cx, &organization.id).await?;
    Ok(answer::document(&tree.counted(&cx, &group, false)))
}

/// `GET …/groups/group-by-path/{path}`
pub async fn by_path(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let tree = Tree::read(&cx, &organization.id).await?;
    let path = format!("/{}", cx.parameter("path").trim_matches('/'));
    let found = tree.pick(|group| tree.0.path(group) == path).into_iter().next();
    let group = found.ok_or_else(|| AdminError::error(404, "Group path does not exist"))?;
    Ok(answer::document(&tree.counted(&cx, group, true)))
}

/// `PUT …/groups/{group-id}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let group = group(&cx, &organization.id).await?;
    let given: GroupRepresentation = body::read(&cx, "GroupRepresentation")?;
    let name = &given.name.ok_or_else(ManageError::group_name_missing)?;
    let (at, id, description, attributes) = ((&cx.realm().id, &organization.id), &group.id, &given.description, &given.attributes);
    change!(cx, |txn| organization_groups::update(txn, at, id, name, description.clone(), attributes.clone()))?;
    Ok(answer::done())
}

/// `DELETE …/groups/{group-id}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let (at, id) = ((&cx.realm().id, &organization.id), &GroupId::from(cx.parameter("group-id")));
    change!(cx, |txn| organization_groups::delete(txn, at, id))?;
    Ok(answer::done())
}

/// `GET …/groups/{group-id}/children`
pub async fn children(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let group = group(&cx, &organization.id).await?;
    let page = Page::of(&cx, Some(DEFAULT_MAX))?;
    let tree = Tree::read(&cx, &organization.id).await?;
    let matching = tree.matching(&cx);
    let below =
        tree.pick(|one| one.parent.as_ref() == Some(&group.id) && matching.as_ref().is_none_or(|matching| matching.contains(&one.id)));
    let shown: Vec<_> = page.take(below).into_iter().map(|child| tree.counted(&cx, child, true)).collect();
    Ok(answer::document(&shown))
}

/// `POST …/groups/{group-id}/children`: a new group below, or one that moves there.
pub async fn add_child(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let parent = group(&cx, &organization.id).await?;
    make_or_move(&cx, &organization.id, Some(parent.id)).await
}

/// `GET …/groups/{group-id}/members`
pub async fn members(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let group = group(&cx, &organization.id).await?;
    let page = Page::of(&cx, None)?;
    let at = (&cx.realm().id, &organization.id);
    let mut found = organizations::find_members(&mut cx.app.store.peek(), at, &MemberQuery::default(), (0, None)).await?;
    let belongs = |user: &User| organizations::membership(user, &organization.id).is_some_and(|one| one.groups.contains(&group.id));
    found.retain(belongs);
    let shown = members::represent_all(&cx, &page.take(found), &organization.id).await?;
    Ok(answer::document(&shown))
}

/// `PUT …/groups/{group-id}/members/{userId}`
pub async fn join(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let (at, user, group) = ((&cx.realm().id, &organization.id), &user(&cx), &GroupId::from(cx.parameter("group-id")));
    change!(cx, |txn| organization_groups::join(txn, at, user, group))?;
    Ok(answer::done())
}

/// `DELETE …/groups/{group-id}/members/{userId}`
pub async fn leave(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let (at, user, group) = ((&cx.realm().id, &organization.id), &user(&cx), &GroupId::from(cx.parameter("group-id")));
    change!(cx, |txn| organization_groups::leave(txn, at, user, group))?;
    Ok(answer::done())
}

fn user(cx: &AdminRequest) -> UserId {
    UserId::from(cx.parameter("userId"))
}

/// The group in the URL.
async fn group(cx: &AdminRequest, organization: &OrganizationId) -> Result<Group, AdminError> {
    let id = GroupId::from(cx.parameter("group-id"));
    Ok(organization_groups::existing(&mut cx.app.store.peek(), (&cx.realm().id, organization), &id).await?)
}

async fn make_or_move(cx: &AdminRequest, organization: &OrganizationId, parent: Option<GroupId>) -> Result<HttpResponse, AdminError> {
    let given: GroupRepresentation = body::read(cx, "GroupRepresentation")?;
    let at = (&cx.realm().id, organization);
    if given.name.as_deref().unwrap_or_default().trim().is_empty() {
        return Err(ManageError::group_name_missing().into());
    }
    if let Some(id) = &given.id {
        let (id, parent) = (&GroupId::from(id.as_str()), parent.as_ref());
        change!(cx, |txn| organization_groups::relocate(txn, at, id, parent))?;
        return Ok(answer::done());
    }
    let new = NewGroup {
        name: given.name.unwrap_or_default(),
        description: given.description,
        parent,
        attributes: given.attributes.unwrap_or_default(),
    };
    let (app, new) = (&cx.app, &new);
    let made = change!(cx, |txn| organization_groups::create(txn, &app.env, at, new))?;
    let tree = Tree::read(cx, organization).await?;
    let mut response = answer::with_document(201, &tree.shown(&made, true));
    let location = format!("{}/admin/realms/{}/organizations/{organization}/groups/{}", cx.base_url, segment(&cx.realm().name), made.id);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// All groups of an organization.
pub struct Tree(GroupTree);

impl Tree {
    /// The groups of `organization` in the realm in the URL.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(cx: &AdminRequest, organization: &OrganizationId) -> Result<Self, AdminError> {
        Ok(Self(GroupTree::new(cx.app.store.peek().organizations().groups(&cx.realm().id, organization).await?)))
    }

    /// The groups that `wanted` picks, by name.
    pub fn pick(&self, wanted: impl Fn(&Group) -> bool) -> Vec<&Group> {
        self.0.pick(wanted)
    }

    /// A group as lists show it.
    pub fn shown(&self, group: &Group, brief: bool) -> GroupRepresentation {
        let path = self.0.path(group).to_owned();
        if brief { GroupRepresentation::brief(group, path) } else { GroupRepresentation::full(group, path, RolesByName::default()) }
    }

    /// With the number of those below, if the request asks for it.
    fn counted(&self, cx: &AdminRequest, group: &Group, brief: bool) -> GroupRepresentation {
        let counted = cx.flag("subGroupsCount").unwrap_or(false);
        GroupRepresentation { sub_group_count: counted.then(|| self.0.child_count(&group.id)), ..self.shown(group, brief) }
    }

    /// The list that the request asks for.
    ///
    /// # Errors
    /// A page that is none.
    pub fn answer(&self, cx: &AdminRequest) -> Result<HttpResponse, AdminError> {
        let page = Page::of(cx, None)?;
        let brief = cx.flag("briefRepresentation").unwrap_or(true);
        let found = match self.matching(cx) {
            None => self.0.children(None),
            Some(matching) => self.pick(|group| matching.contains(&group.id)),
        };
        let found = page.take(found);
        let show = |group: &Group| self.counted(cx, group, brief);
        let shown: Vec<GroupRepresentation> = if cx.flag("populateHierarchy").unwrap_or(false) {
            self.0.hierarchy(found.into_iter().map(|group| &group.id), &show)
        } else {
            found.into_iter().map(show).collect()
        };
        Ok(answer::document(&shown))
    }

    /// What the request asks for; `None` when it asks for nothing.
    fn matching(&self, cx: &AdminRequest) -> Option<HashSet<GroupId>> {
        self.0.matching(cx, cx.argument("search").map(|search| search.trim().to_lowercase()).as_deref())
    }
}
