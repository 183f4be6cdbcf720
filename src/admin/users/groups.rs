//! `/users/{user-id}/groups`: the groups that a user belongs to.

use actix_web::HttpResponse;
use serde_json::json;

use crate::base::id::GroupId;
use crate::manage::error::ManageError;
use crate::manage::representation::group::GroupRepresentation;
use crate::manage::users;
use crate::model::group::Group;
use crate::model::user::User;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::existing;
use crate::admin::answer;
use crate::admin::auth;
use crate::admin::change::change;
use crate::admin::error::AdminError;
use crate::admin::groups::Tree;
use crate::admin::paging::Page;

/// `GET …/groups`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let page = Page::of(&cx, None)?;
    let tree = Tree::read(&cx).await?;
    let brief = cx.flag("briefRepresentation").unwrap_or(true);
    let shown: Vec<GroupRepresentation> = page
        .take(matching(&cx, &user, &tree))
        .into_iter()
        .map(|group| if brief { tree.brief(group) } else { tree.full(group) })
        .collect();
    Ok(answer::document(&shown))
}

/// `GET …/groups/count`
pub async fn count(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let tree = Tree::read(&cx).await?;
    Ok(answer::document(&json!({ "count": matching(&cx, &user, &tree).len() })))
}

/// `PUT …/groups/{groupId}`
pub async fn join(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let (realm, user, group) = (&cx.realm().id, &user.id, &GroupId::from(cx.parameter("groupId")));
    auth::may_give_membership(&cx, group).await?;
    change!(cx, |txn| users::join_group(txn, realm, user, group))?;
    Ok(answer::done())
}

/// `DELETE …/groups/{groupId}`
pub async fn leave(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let (realm, user, group) = (&cx.realm().id, &user.id, &GroupId::from(cx.parameter("groupId")));
    cx.app.store.peek().groups().get(realm, group).await?.ok_or_else(ManageError::no_such_group)?;
    change!(cx, |txn| users::leave_group(txn, realm, user, group))?;
    Ok(answer::done())
}

fn matching<'t>(cx: &AdminRequest, user: &User, tree: &'t Tree) -> Vec<&'t Group> {
    let search = cx.argument("search").unwrap_or_default().to_lowercase();
    let mut groups: Vec<&Group> = tree.groups().iter().filter(|group| user.groups.contains(&group.id)).collect();
    groups.retain(|group| group.name.to_lowercase().contains(&search));
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    groups
}
