//! `/clients/{client-uuid}/user-sessions`, `session-count` and their offline counterparts; the numbers per client of a realm, and
//! the end of all its sessions. There is no index by client: the sessions of the realm are read in bounded steps.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use actix_web::HttpResponse;
use serde_json::json;

use crate::base::id::{ClientId, UserId};
use crate::model::user_session::UserSession;
use crate::sessions;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::existing;
use crate::admin::answer;
use crate::admin::change::told;
use crate::admin::error::AdminError;
use crate::admin::paging::Page;
use crate::admin::users::sessions::represent;

/// Sessions that one step reads.
const STEP: usize = 500;
/// Sessions of a list when the request does not say how many.
const DEFAULT_MAX: usize = 100;

/// `GET …/user-sessions`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    show(cx, false).await
}

/// `GET …/offline-sessions`
pub async fn offline(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    show(cx, true).await
}

/// `GET …/session-count`
pub async fn count(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    number(cx, false).await
}

/// `GET …/offline-session-count`
pub async fn offline_count(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    number(cx, true).await
}

/// `GET …/client-session-stats`
pub async fn stats(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let mut counts: BTreeMap<ClientId, [usize; 2]> = BTreeMap::new();
    for offline in [false, true] {
        each(&cx, offline, |session| {
            for client in session.clients.keys() {
                counts.entry(client.clone()).or_default()[usize::from(offline)] += 1;
            }
            ControlFlow::Continue(())
        })
        .await?;
    }
    let mut shown = Vec::new();
    for (id, [active, offline]) in counts {
        let Some(client) = cx.app.store.peek().clients().get(&cx.realm().id, &id).await? else { continue };
        // Keycloak writes the numbers as texts.
        shown.push(json!({ "offline": offline.to_string(), "clientId": client.client_id, "active": active.to_string(), "id": id }));
    }
    Ok(answer::document(&shown))
}

/// `POST …/logout-all`
pub async fn logout_all(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let mut users: BTreeSet<UserId> = BTreeSet::new();
    each(&cx, false, |session| {
        users.insert(session.user);
        ControlFlow::Continue(())
    })
    .await?;
    for user in users {
        sessions::end_sessions_of(&cx.app.store, &cx.realm().id, &user, false).await?;
    }
    told(&cx, None, Some(&json!({}))).await?;
    Ok(answer::document(&json!({})))
}

async fn show(cx: AdminRequest, offline: bool) -> Result<HttpResponse, AdminError> {
    let page = Page::of(&cx, Some(DEFAULT_MAX))?;
    let client = existing(&cx).await?;
    let (mut before, mut found) = (page.first, Vec::new());
    each(&cx, offline, |session| {
        if !session.clients.contains_key(&client.id) {
            return ControlFlow::Continue(());
        }
        if before > 0 {
            before -= 1;
        } else if page.max != Some(found.len()) {
            found.push(session);
        }
        if page.max == Some(found.len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await?;
    let (mut names, mut shown): (HashMap<UserId, String>, Vec<_>) = (HashMap::new(), Vec::new());
    for session in found {
        if !names.contains_key(&session.user) {
            let user = cx.app.store.peek().users().get(&cx.realm().id, &session.user).await?;
            names.extend(user.map(|user| (user.id, user.username)));
        }
        if let Some(name) = names.get(&session.user) {
            shown.extend(represent(&cx, name, std::slice::from_ref(&session)).await?);
        }
    }
    Ok(answer::document(&shown))
}

async fn number(cx: AdminRequest, offline: bool) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let mut count = 0_usize;
    each(&cx, offline, |session| {
        count += usize::from(session.clients.contains_key(&client.id));
        ControlFlow::Continue(())
    })
    .await?;
    Ok(answer::document(&json!({ "count": count })))
}

/// Every session of the realm that still lives, until `visit` has seen enough.
async fn each(cx: &AdminRequest, offline: bool, mut visit: impl FnMut(UserSession) -> ControlFlow<()>) -> Result<(), AdminError> {
    let (app, realm, now) = (&cx.app, cx.realm(), cx.app.env.now());
    let mut peek = app.store.peek();
    let mut after: Option<String> = None;
    loop {
        let step = peek.user_sessions().list(&realm.id, offline, after.as_deref(), STEP).await?;
        let full = step.len() == STEP;
        after = step.last().map(|session| session.id.to_string());
        for session in step {
            let Some(session) = sessions::alive(&app.stamps, realm, session, now) else { continue };
            if visit(session).is_break() {
                return Ok(());
            }
        }
        if !full {
            return Ok(());
        }
    }
}
