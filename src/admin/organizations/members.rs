//! `/organizations/{org-id}/members`: who belongs to it.

use actix_web::HttpResponse;

use crate::admin::answer;
use crate::admin::change::change;
use crate::admin::error::AdminError;
use crate::admin::paging::Page;
use crate::admin::users;
use crate::base::id::{OrganizationId, UserId};
use crate::manage::organizations::{self, MemberQuery};
use crate::manage::representation::group::GroupRepresentation;
use crate::manage::representation::organization::MemberRepresentation;
use crate::model::organization::MembershipType;
use crate::model::user::User;
use crate::web::administrator::AdminRequest;

use super::groups::Tree;
use super::{DEFAULT_MAX, existing, id_in_body, represented};

/// `GET …/members`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let page = Page::of(&cx, Some(DEFAULT_MAX))?;
    let membership_type = match cx.argument("membershipType") {
        None => None,
        Some(kind) if kind.eq_ignore_ascii_case("managed") => Some(MembershipType::Managed),
        Some(kind) if kind.eq_ignore_ascii_case("unmanaged") => Some(MembershipType::Unmanaged),
        Some(kind) => return Err(AdminError::message(400, format!("Unknown membership type {kind}"))),
    };
    let search = cx.argument("search").map(str::to_owned);
    let query = MemberQuery { search, exact: cx.flag("exact").unwrap_or(false), membership_type };
    let at = (&cx.realm().id, &organization.id);
    let found = organizations::find_members(&mut cx.app.store.peek(), at, &query, (page.first, page.max)).await?;
    Ok(answer::document(&represent_all(&cx, &found, &organization.id).await?))
}

/// `POST …/members`, the id of a user
pub async fn add(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let (realm, id, user) = (&cx.realm().id, &organization.id, &UserId::from(id_in_body(&cx)?));
    let member = change!(cx, |txn| organizations::add_member(txn, realm, id, user, MembershipType::Unmanaged))?;
    Ok(answer::created(&cx, &["organizations", id.as_str(), "members", member.id.as_str()]))
}

/// `GET …/members/count`
pub async fn count(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    Ok(answer::document(&cx.app.store.peek().organization_member_count(&cx.realm().id, &organization.id).await?))
}

/// `GET …/members/{member-id}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let user = member(&cx, &organization.id).await?;
    Ok(answer::document(&represent_all(&cx, &[user], &organization.id).await?.remove(0)))
}

/// `DELETE …/members/{member-id}`
pub async fn remove(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let (realm, id, user) = (&cx.realm().id, &organization.id, &UserId::from(cx.parameter("member-id")));
    change!(cx, |txn| organizations::remove_member(txn, realm, id, user))?;
    Ok(answer::done())
}

/// `GET …/members/{member-id}/organizations`
pub async fn organizations(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let user = member(&cx, &organization.id).await?;
    let found = organizations::of_user(&mut cx.app.store.peek(), &cx.realm().id, &user).await?;
    Ok(answer::document(&represented(&cx, &found)))
}

/// `GET …/members/{member-id}/groups`
pub async fn groups(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let user = member(&cx, &organization.id).await?;
    let page = Page::of(&cx, None)?;
    let tree = Tree::read(&cx, &organization.id).await?;
    let brief = cx.flag("briefRepresentation").unwrap_or(true);
    let search = cx.argument("search").map(str::to_lowercase);
    let belongs = organizations::membership(&user, &organization.id)
        .map(|membership| membership.groups.as_slice())
        .unwrap_or_default();
    let found = tree.pick(|group| {
        belongs.contains(&group.id) && search.as_ref().is_none_or(|search| group.name.to_lowercase().contains(search.as_str()))
    });
    let shown: Vec<GroupRepresentation> = page.take(found).into_iter().map(|group| tree.shown(group, brief)).collect();
    Ok(answer::document(&shown))
}

/// Users as members.
///
/// # Errors
/// When the store fails.
pub async fn represent_all(
    cx: &AdminRequest,
    members: &[User],
    organization: &OrganizationId,
) -> Result<Vec<MemberRepresentation>, AdminError> {
    let shown = users::represent_all(cx, members, true).await?;
    let membership = |user: &User| organizations::membership(user, organization).map(|membership| membership.membership_type);
    Ok(shown
        .into_iter()
        .zip(members)
        .map(|(user, member)| MemberRepresentation { user, membership_type: membership(member) })
        .collect())
}

async fn member(cx: &AdminRequest, organization: &OrganizationId) -> Result<User, AdminError> {
    let id = UserId::from(cx.parameter("member-id"));
    Ok(organizations::member(&mut cx.app.store.peek(), &cx.realm().id, organization, &id).await?)
}
