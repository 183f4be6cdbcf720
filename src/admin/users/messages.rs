//! Mails that an administrator has sent to a user: `execute-actions-email`, `send-verify-email`, `reset-password-email`. The
//! request is judged as Keycloak judges it; the links in such mails lead to pages that do not exist here yet, so a request that
//! could be sent answers 501.

use actix_web::HttpResponse;

use crate::model::client::Client;
use crate::model::user::User;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::existing;
use crate::admin::body;
use crate::admin::error::AdminError;

/// What Keycloak says when no sender is configured.
const NO_SENDER: &str = "Invalid sender address 'null'. If the address contains UTF-8 characters in the local part please ensure the SMTP server supports the SMTPUTF8 extension and enable 'Allow UTF-8' in the email realm configuration.";

/// `PUT …/execute-actions-email`, a list of required actions
pub async fn execute_actions(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let actions: Vec<String> = if cx.body.is_empty() { Vec::new() } else { body::list(&cx, "List")? };
    check_recipient(&user)?;
    let known = cx.app.store.peek().authentication().get(&cx.realm().id).await?;
    if actions.iter().any(|action| !known.required_actions.iter().any(|known| known.alias == *action)) {
        return Err(AdminError::message(400, "Provided invalid required actions"));
    }
    check_redirect(&cx).await?;
    send(&cx, "Failed to send execute actions email")
}

/// `PUT …/send-verify-email`
pub async fn verify_email(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    check_recipient(&user)?;
    check_redirect(&cx).await?;
    send(&cx, "Failed to send verify email")
}

/// `PUT …/reset-password-email`
pub async fn reset_password(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    check_recipient(&user)?;
    check_redirect(&cx).await?;
    send(&cx, "Failed to send execute actions email")
}

fn send(cx: &AdminRequest, failed: &str) -> Result<HttpResponse, AdminError> {
    match cx.realm().smtp_server.get("from") {
        None => Err(AdminError::message(500, format!("{failed}: {NO_SENDER}"))),
        Some(_) => Err(AdminError::NotEnabled),
    }
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

async fn check_redirect(cx: &AdminRequest) -> Result<(), AdminError> {
    let (redirect, client_id) = (cx.argument("redirect_uri"), cx.argument("client_id"));
    let Some(client_id) = client_id else {
        return if redirect.is_some() { Err(AdminError::message(400, "Client id missing")) } else { Ok(()) };
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
        _ => Ok(()),
    }
}

/// RFC 9700 §2.1 wants exact matches; an asterisk at the end is what administrators of Keycloak write.
fn matches(allowed: &str, uri: &str) -> bool {
    match allowed.strip_suffix('*') {
        Some(prefix) => prefix.contains("://") && uri.starts_with(prefix),
        None => allowed == uri,
    }
}
