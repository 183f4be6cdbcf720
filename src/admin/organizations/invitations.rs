//! `/organizations/{org-id}/invitations`, and how they come about: `members/invite-user`, `members/invite-existing-user`.

use actix_web::HttpResponse;

use crate::admin::answer;
use crate::admin::change::change;
use crate::admin::error::AdminError;
use crate::admin::paging::Page;
use crate::admin::post::{ACCOUNT, Post};
use crate::base::id::{InvitationId, UserId};
use crate::manage::error::ManageError;
use crate::manage::organization_invitations::{self, Invitee};
use crate::manage::representation::organization::{InvitationStatus, OrganizationInvitationRepresentation};
use crate::model::organization::{Invitation, Organization};
use crate::notify::letter::Link;
use crate::notify::{Letter, MailError};
use crate::oauth::params::Params;
use crate::store::txn::Reader as _;
use crate::tokens::action_token::{Action, NewActionToken};
use crate::web::administrator::AdminRequest;

use super::existing;

/// `GET …/invitations`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let page = Page::of(&cx, None)?;
    let now = cx.app.env.now().seconds();
    let mut found = cx.app.store.peek().organizations().invitations(&cx.realm().id, &organization.id).await?;
    found.sort_by(|a, b| (a.sent, &a.email).cmp(&(b.sent, &b.email)));
    let shown = found.iter().map(|invitation| OrganizationInvitationRepresentation::of(invitation, now));
    let shown: Vec<_> = shown.filter(|invitation| is_asked_for(&cx, invitation)).collect();
    Ok(answer::document(&page.take(shown)))
}

/// `GET …/invitations/{id}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let invitation = invitation(&cx, &organization).await?;
    Ok(answer::document(&OrganizationInvitationRepresentation::of(&invitation, cx.app.env.now().seconds())))
}

/// `DELETE …/invitations/{id}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let (at, id) = ((&cx.realm().id, &organization.id), &InvitationId::from(cx.parameter("id")));
    change!(cx, |txn| organization_invitations::delete(txn, at, id))?;
    Ok(answer::done())
}

/// `POST …/invitations/{id}/resend`: the old link is void, a new one goes out.
pub async fn resend(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let old = invitation(&cx, &organization).await?;
    let invitee = Invitee { email: old.email, first_name: old.first_name, last_name: old.last_name };
    invite(&cx, &organization, &invitee, Some(&old.id)).await
}

/// `POST …/members/invite-user`, a form with `email`, `firstName`, `lastName`
pub async fn invite_user(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let form = form(&cx)?;
    let text = |name: &str| form.get(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let email = text("email").ok_or_else(ManageError::invitation_email_missing)?;
    let invitee = Invitee { email, first_name: text("firstName"), last_name: text("lastName") };
    invite(&cx, &organization, &invitee, None).await
}

/// `POST …/members/invite-existing-user`, a form with the `id` of a user
pub async fn invite_existing_user(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let organization = existing(&cx).await?;
    let form = form(&cx)?;
    let id = form.get("id").map(str::trim).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| AdminError::error(400, "To invite a member you need to provide the user id"))?;
    let user = cx.app.store.peek().users().get(&cx.realm().id, &UserId::from(id)).await?;
    let user = user.ok_or_else(ManageError::no_user_to_add)?;
    let email = user.email.clone().ok_or_else(ManageError::invitation_email_missing)?;
    let invitee = Invitee { email, first_name: user.first_name, last_name: user.last_name };
    invite(&cx, &organization, &invitee, None).await
}

/// Mails the link and keeps the invitation: one that never left is none, so the mail goes first. Of two that meet the second finds the
/// first, and its link opens nothing, because a token is worth nothing without the invitation that it is named after.
async fn invite(
    cx: &AdminRequest,
    organization: &Organization,
    invitee: &Invitee,
    instead_of: Option<&InvitationId>,
) -> Result<HttpResponse, AdminError> {
    let (app, realm) = (&cx.app, cx.realm());
    let (at, now, lifespan) = ((&realm.id, &organization.id), app.env.now(), realm.action_token_generated_by_admin_lifespan);
    let email = &organization_invitations::check(&mut app.store.peek(), at, invitee, instead_of, now).await?;
    let refused = |_: MailError| AdminError::message(500, "Failed to send invite email");
    let post = Post::of(cx, &refused).await?;
    let user = app.store.peek().users().by_email(&realm.id, email, 1).await?.pop();
    let id = &InvitationId::random(app.env.random());
    let account = format!("{}/account/", post.issuer);
    let token = NewActionToken {
        id: Some(id.as_str()),
        action: &Action::Join(organization.id.clone()),
        user: user.as_ref().map(|user| &user.id),
        email,
        client_id: ACCOUNT,
        redirect_uri: Some(organization.redirect_url.as_deref().filter(|url| !url.trim().is_empty()).unwrap_or(&account)),
        lifespan,
    };
    let url = if user.is_some() {
        post.link(&token)?
    } else {
        let (registration, token) = ("protocol/openid-connect/registrations?response_type=code", post.token(&token)?);
        format!("{}/{registration}&client_id={ACCOUNT}&token={token}", post.issuer)
    };
    let letter = Letter::organization_invite(&post.texts(user.as_ref()), realm, email, Link { url: &url, lifespan }, &organization.name);
    post.send(&letter, &refused).await?;
    change!(cx, |txn| async {
        organization_invitations::create(txn, now, at, (id, invitee), instead_of, lifespan).await?;
        Ok(())
    })?;
    Ok(answer::done())
}

/// The invitation in the URL.
async fn invitation(cx: &AdminRequest, organization: &Organization) -> Result<Invitation, AdminError> {
    let id = InvitationId::from(cx.parameter("id"));
    let found = cx.app.store.peek().organizations().invitation(&cx.realm().id, &organization.id, &id).await?;
    Ok(found.ok_or_else(ManageError::no_invitation)?)
}

fn is_asked_for(cx: &AdminRequest, invitation: &OrganizationInvitationRepresentation) -> bool {
    let status = match invitation.status {
        InvitationStatus::Pending => "PENDING",
        InvitationStatus::Expired => "EXPIRED",
    };
    let (email, first, last) = (Some(invitation.email.as_str()), invitation.first_name.as_deref(), invitation.last_name.as_deref());
    let has = |text: Option<&str>, part: &str| text.is_some_and(|text| text.to_lowercase().contains(&part.to_lowercase()));
    let holds = |name: &str, text: Option<&str>| cx.argument(name).is_none_or(|part| has(text, part));
    cx.argument("status").is_none_or(|wanted| wanted.eq_ignore_ascii_case(status))
        && cx.argument("search").is_none_or(|part| [email, first, last].into_iter().any(|text| has(text, part)))
        && cx.argument("email").is_none_or(|wanted| wanted.eq_ignore_ascii_case(&invitation.email))
        && holds("firstName", first)
        && holds("lastName", last)
}

fn form(cx: &AdminRequest) -> Result<Params, AdminError> {
    let media_type = cx.content_type().and_then(|value| value.split(';').next()).map(str::trim);
    if !media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")) {
        return Err(AdminError::error(415, "The content-type header value did not match the value in @Consumes"));
    }
    Params::parse(&cx.body).map_err(|error| AdminError::described(400, "invalid_request", error.to_string()))
}
