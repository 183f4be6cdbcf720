//! `/organizations`: found by name, domain or attribute; created, read, changed, deleted. Members, groups, invitations and
//! identity providers of one organization have a file each. Where the realm has no organizations, none of this is there.

pub mod groups;
pub mod identity_providers;
pub mod invitations;
pub mod members;

use actix_web::HttpResponse;

use crate::base::id::{OrganizationId, UserId};
use crate::manage::organizations::{self, OrganizationQuery};
use crate::manage::representation::organization::OrganizationRepresentation;
use crate::manage::user_search;
use crate::model::organization::Organization;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::change;
use super::error::AdminError;
use super::paging::Page;

/// Entries of a list when the request does not say how many.
const DEFAULT_MAX: usize = 10;
/// What a body may be at the most that is one id in quotes.
const MAX_ID: usize = 1024;

/// `GET …/organizations`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    check_enabled(&cx)?;
    let page = Page::of(&cx, Some(DEFAULT_MAX))?;
    let found = organizations::find(&mut cx.app.store.peek(), &cx.realm().id, &query(&cx), (page.first, page.max)).await?;
    Ok(answer::document(&represented(&cx, &found)))
}

/// `GET …/organizations/count`
pub async fn count(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    check_enabled(&cx)?;
    Ok(answer::document(&organizations::count(&cx.app.store, &cx.realm().id, &query(&cx)).await?))
}

/// `POST …/organizations`
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    check_enabled(&cx)?;
    let given: OrganizationRepresentation = body::read(&cx, "OrganizationRepresentation")?;
    let (app, realm, settings) = (&cx.app, &cx.realm().id, &given.settings());
    let made = change!(cx, |txn| organizations::create(txn, &app.env, realm, settings))?;
    Ok(answer::created(&cx, &["organizations", made.id.as_str()]))
}

/// `GET …/organizations/{org-id}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    Ok(answer::document(&OrganizationRepresentation::full(&existing(&cx).await?)))
}

/// `PUT …/organizations/{org-id}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let given: OrganizationRepresentation = body::read(&cx, "OrganizationRepresentation")?;
    let (realm, id, settings) = (&cx.realm().id, &organization.id, &given.settings());
    change!(cx, |txn| organizations::update(txn, realm, id, settings))?;
    Ok(answer::done())
}

/// `DELETE …/organizations/{org-id}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let (realm, id) = (&cx.realm().id, &organization.id);
    change!(cx, |txn| organizations::delete(txn, realm, id))?;
    Ok(answer::done())
}

/// `GET …/organizations/members/{member-id}/organizations`
pub async fn of_user(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    check_enabled(&cx)?;
    let id = UserId::from(cx.parameter("member-id"));
    let (mut peek, realm) = (cx.app.store.peek(), &cx.realm().id);
    let user = peek.users().get(realm, &id).await?;
    let user = user.ok_or_else(|| AdminError::message(400, "User does not exist"))?;
    let found = organizations::of_user(&mut peek, realm, &user).await?;
    Ok(answer::document(&represented(&cx, &found)))
}

/// The organization in the URL.
///
/// # Errors
/// There is none, or the realm has no organizations.
pub async fn existing(cx: &AdminRequest) -> Result<Organization, AdminError> {
    check_enabled(cx)?;
    let id = OrganizationId::from(cx.parameter("org-id"));
    Ok(organizations::existing(&mut cx.app.store.peek(), &cx.realm().id, &id).await?)
}

/// Organizations as the request wants to see them.
fn represented(cx: &AdminRequest, found: &[Organization]) -> Vec<OrganizationRepresentation> {
    let brief = cx.flag("briefRepresentation").unwrap_or(true);
    let show = if brief { OrganizationRepresentation::brief } else { OrganizationRepresentation::full };
    found.iter().map(show).collect()
}

fn check_enabled(cx: &AdminRequest) -> Result<(), AdminError> {
    if cx.realm().organizations_enabled { Ok(()) } else { Err(AdminError::message(404, "Organizations not enabled for this realm.")) }
}

fn query(cx: &AdminRequest) -> OrganizationQuery {
    let attributes = cx.argument("q").map(user_search::attributes).unwrap_or_default();
    // With `q` the other question is not asked, as in Keycloak.
    let search = cx.argument("search").filter(|_| attributes.is_empty()).map(str::to_owned);
    OrganizationQuery { search, exact: cx.flag("exact").unwrap_or(false), attributes }
}

/// A body that is one id, in quotes or not.
fn id_in_body(cx: &AdminRequest) -> Result<String, AdminError> {
    body::is_json(cx)?;
    let text = body::text(cx)?.trim().trim_matches('"');
    if text.len() > MAX_ID {
        return Err(AdminError::described(400, "invalid_request", "Cannot read the id"));
    }
    Ok(text.to_owned())
}
