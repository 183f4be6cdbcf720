//! `/users/{user-id}/sessions`, `offline-sessions` and `logout`.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::json;

use crate::base::id::{ClientId, SessionId, UserId};
use crate::manage::users;
use crate::model::user_session::UserSession;
use crate::sessions;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::existing;
use crate::admin::answer;
use crate::admin::change::{change, told};
use crate::admin::error::AdminError;

/// Session ids that one step reads.
const STEP: usize = 500;

/// `UserSessionRepresentation`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserSessionRepresentation {
    id: String,
    username: String,
    user_id: String,
    ip_address: String,
    /// Milliseconds since 1970.
    start: i64,
    last_access: i64,
    remember_me: bool,
    /// The `client_id` of each client by its id.
    clients: BTreeMap<String, String>,
    transient_user: bool,
}

/// `GET …/sessions`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let sessions = of_user(&cx, &user.id, false).await?;
    represent(&cx, &user.username, &sessions).await.map(|shown| answer::document(&shown))
}

/// `GET …/offline-sessions/{clientUuid}`
pub async fn offline(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let client = ClientId::from(cx.parameter("clientUuid"));
    let client = cx.app.store.peek().clients().get(&cx.realm().id, &client).await?;
    let client = client.ok_or_else(|| AdminError::error(404, "Client not found"))?;
    let mut sessions = of_user(&cx, &user.id, true).await?;
    sessions.retain(|session| session.clients.contains_key(&client.id));
    represent(&cx, &user.username, &sessions).await.map(|shown| answer::document(&shown))
}

/// `POST …/logout`: refuses all tokens from before, and ends the sessions.
pub async fn logout(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let (realm, id, now) = (&cx.realm().id, &user.id, cx.app.env.now());
    change!(cx, |txn| users::set_not_before(txn, realm, id, now.seconds()))?;
    sessions::end_sessions_of(&cx.app.store, realm, id, false).await?;
    Ok(answer::done())
}

/// `DELETE …/sessions/{session}` of the realm
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let offline = cx.flag("isOffline").unwrap_or(false);
    let ended = sessions::end_session(&cx.app.store, &cx.realm().id, &SessionId::from(cx.parameter("session")), offline).await?;
    if !ended {
        // The third s is Keycloak's.
        return Err(AdminError::error(404, "Sesssion not found"));
    }
    told(&cx, None, Some(&json!({ "offline": offline }))).await?;
    Ok(answer::done())
}

/// The sessions of a user that still live.
///
/// # Errors
/// When the store fails.
pub async fn of_user(cx: &AdminRequest, user: &UserId, offline: bool) -> Result<Vec<UserSession>, AdminError> {
    let (app, realm) = (&cx.app, cx.realm());
    let mut peek = app.store.peek();
    let (mut found, mut after, now) = (Vec::new(), None::<String>, app.env.now());
    loop {
        let ids = peek.user_sessions().of_user(&realm.id, user, offline, after.as_deref(), STEP).await?;
        let Some(last) = ids.last() else { return Ok(found) };
        after = Some(last.as_str().to_owned());
        for id in ids {
            found.extend(sessions::find(&mut peek, &app.stamps, realm, &id, offline, now).await?);
        }
    }
}

/// Sessions of one user as Keycloak shows them.
///
/// # Errors
/// When the store fails.
pub async fn represent(cx: &AdminRequest, username: &str, sessions: &[UserSession]) -> Result<Vec<UserSessionRepresentation>, AdminError> {
    let mut names: BTreeMap<ClientId, String> = BTreeMap::new();
    for id in sessions.iter().flat_map(|session| session.clients.keys()) {
        if !names.contains_key(id) {
            let client = cx.app.store.peek().clients().get(&cx.realm().id, id).await?;
            names.extend(client.map(|client| (client.id, client.client_id)));
        }
    }
    let clients = |session: &UserSession| session.clients.keys().filter_map(|id| Some((id.to_string(), names.get(id)?.clone()))).collect();
    Ok(sessions
        .iter()
        .map(|session| UserSessionRepresentation {
            id: session.id.to_string(),
            username: username.to_owned(),
            user_id: session.user.to_string(),
            ip_address: session.ip_address.clone(),
            start: session.started.0,
            last_access: session.last_refresh.0,
            remember_me: session.remember_me,
            clients: clients(session),
            transient_user: false,
        })
        .collect())
}
