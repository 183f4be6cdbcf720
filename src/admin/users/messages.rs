//! Mails that an administrator has sent to a user: `execute-actions-email`, `send-verify-email`, `reset-password-email`. Each
//! carries a link with an action token ([`crate::tokens::action_token`]).

use actix_web::HttpResponse;

use crate::manage::users::UPDATE_PASSWORD;
use crate::model::client::Client;
use crate::model::user::User;
use crate::notify::letter::Link;
use crate::notify::{Letter, MailError};
use crate::store::txn::Reader as _;
use crate::tokens::action_token::{Action, NewActionToken};
use crate::web::administrator::AdminRequest;

use super::existing;
use crate::admin::answer;
use crate::admin::body;
use crate::admin::change::change;
use crate::admin::error::AdminError;
use crate::admin::post::{ACCOUNT, Post};

/// A year. What lives longer is no mail that somebody waits for.
const MAX_LIFESPAN: i64 = 366 * 86_400;
/// Required actions in one request.
const MAX_ACTIONS: usize = 64;

/// `PUT …/execute-actions-email`, a list of required actions
pub async fn execute_actions(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let actions: Vec<String> = if cx.body.is_empty() { Vec::new() } else { body::list(&cx, "List")? };
    check_recipient(&user)?;
    let known = cx.app.store.peek().authentication().get(&cx.realm().id).await?;
    if actions.len() > MAX_ACTIONS || actions.iter().any(|action| !known.required_actions.iter().any(|known| known.alias == *action)) {
        return Err(AdminError::message(400, "Provided invalid required actions"));
    }
    send(&cx, &user, &Action::Execute(actions), "Failed to send execute actions email").await
}

/// `PUT …/send-verify-email`
pub async fn verify_email(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    check_recipient(&user)?;
    send(&cx, &user, &Action::VerifyEmail, "Failed to send verify email").await
}

/// `PUT …/reset-password-email`: Keycloak's older name for one required action.
pub async fn reset_password(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    check_recipient(&user)?;
    send(&cx, &user, &Action::Execute(vec![UPDATE_PASSWORD.to_owned()]), "Failed to send execute actions email").await
}

/// Mails the link and tells of it. `failed` is what stands before the reason when the mail does not get away.
async fn send(cx: &AdminRequest, user: &User, action: &Action, failed: &str) -> Result<HttpResponse, AdminError> {
    let client = check_redirect(cx).await?;
    let lifespan = lifespan(cx)?;
    let refused = |error: MailError| AdminError::message(500, format!("{failed}: {error}"));
    let post = Post::of(cx, &refused).await?;
    let email = user.email.as_deref().unwrap_or_default();
    let new = NewActionToken {
        id: None,
        action,
        user: Some(&user.id),
        email,
        client_id: client.as_ref().map_or(ACCOUNT, |client| &client.client_id),
        redirect_uri: cx.argument("redirect_uri"),
        lifespan,
    };
    let url = post.link(&new)?;
    let (texts, link) = (post.texts(Some(user)), Link { url: &url, lifespan });
    let letter = match action {
        Action::Execute(actions) => Letter::execute_actions(&texts, cx.realm(), email, link, actions),
        Action::VerifyEmail | Action::Join(_) => Letter::verify_email(&texts, cx.realm(), email, link),
    };
    post.send(&letter, &refused).await?;
    change!(cx, |_txn| async { Ok(()) })?;
    Ok(answer::done())
}

fn check_recipient(user: &User) -> Result<(), AdminError> {
    if user.email.is_none() {
        return Err(AdminError::message(400, "User email missing"));
    }
    if !user.enabled {
        return Err(AdminError::message(400, "User is disabled"));
    }
    Ok(())
}

/// Seconds that the link works: what the request says, or the realm.
fn lifespan(cx: &AdminRequest) -> Result<i64, AdminError> {
    let seconds = match cx.argument("lifespan") {
        None => cx.realm().action_token_generated_by_admin_lifespan,
        // As for every number in a query: Keycloak finds no operation for such a request.
        Some(text) => text.parse::<i32>().map(i64::from).map_err(|_| AdminError::error(404, "HTTP 404 Not Found"))?,
    };
    if (1..=MAX_LIFESPAN).contains(&seconds) { Ok(seconds) } else { Err(AdminError::message(400, "Invalid lifespan")) }
}

/// The client that the request names, if the user may be sent from it to the URI.
async fn check_redirect(cx: &AdminRequest) -> Result<Option<Client>, AdminError> {
    let (redirect, client_id) = (cx.argument("redirect_uri"), cx.argument("client_id"));
    let Some(client_id) = client_id else {
        return if redirect.is_some() { Err(AdminError::message(400, "Client id missing")) } else { Ok(None) };
    };
    let client: Option<Client> = cx.app.store.peek().clients().by_client_id(&cx.realm().id, client_id).await?;
    let client = client.ok_or_else(|| AdminError::message(400, "Client doesn't exist"))?;
    if !client.enabled {
        return Err(AdminError::message(400, "Client is not enabled"));
    }
    match redirect {
        Some(redirect) if !client.redirect_uris.iter().any(|allowed| matches(allowed, redirect)) => {
            Err(AdminError::message(400, "Invalid redirect uri."))
        }
        _ => Ok(Some(client)),
    }
}

/// RFC 9700 §2.1 wants exact matches; an asterisk at the end is what administrators of Keycloak write.
fn matches(allowed: &str, uri: &str) -> bool {
    match allowed.strip_suffix('*') {
        Some(prefix) => prefix.contains("://") && uri.starts_with(prefix),
        None => allowed == uri,
    }
}
