//! `POST /users/{user-id}/impersonation`: a browser session in the name of a user, for his administrator. The cookies are set;
//! the pages that will take them come with sign-in by browser.

use actix_web::HttpResponse;
use serde_json::json;

use crate::audit::Report;
use crate::base::id::RoleId;
use crate::compiled::Subject;
use crate::manage::error::ManageError;
use crate::model::event::{Happening, detail};
use crate::model::user::User;
use crate::sessions;
use crate::store::StoreError;
use crate::tokens::identity_cookie;
use crate::web::addressing;
use crate::web::administrator::AdminRequest;
use crate::web::cookies::{self, Cookie};

use super::existing;
use crate::admin::answer;
use crate::admin::auth;
use crate::admin::error::AdminError;

/// The notes of a session that say who is behind it; protocol mappers may put them into tokens.
const IMPERSONATOR_ID: &str = "IMPERSONATOR_ID";
const IMPERSONATOR_USERNAME: &str = "IMPERSONATOR_USERNAME";

/// `POST …/impersonation`
pub async fn start(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    if !user.enabled {
        return Err(AdminError::message(400, "User is disabled"));
    }
    if user.service_account_client.is_some() {
        return Err(AdminError::message(400, "Service accounts cannot be impersonated"));
    }
    may_impersonate(&cx, &user).await?;
    let (app, realm) = (&cx.app, cx.realm());
    let compiled = app.compiled.realm(&realm.name).await?.ok_or_else(ManageError::no_realm)?;
    let issuer = addressing::issuer(&cx.base_url, &realm.name);

    // In his own realm the administrator leaves his session for the new one.
    let own = (cx.caller.realm.id() == &realm.id).then_some(cx.caller.session.as_ref()).flatten();
    let mut session = sessions::begin(&app.env, realm, &user.id, cx.client_address);
    session.notes.insert(IMPERSONATOR_ID.to_owned(), cx.caller.user.id.to_string());
    session.notes.insert(IMPERSONATOR_USERNAME.to_owned(), cx.caller.user.username.clone());
    let no_key = || AdminError::Failed("the realm has no HS512 key".to_owned());
    let identity = identity_cookie::mint(&app.env, &compiled, &issuer, &session).ok_or_else(no_key)?;
    let new = &session;
    app.store
        .sessions(|txn| {
            Box::pin(async move {
                sessions::insert(txn, realm, new);
                Ok::<_, StoreError>(())
            })
        })
        .await?;
    if let Some(own) = own {
        sessions::end_session(&app.store, &realm.id, own, false).await?;
    }

    let report = Report::new(&app.audit, &app.env, realm, cx.client_address, app.env.now());
    report.begin(Happening::Impersonate);
    report.user(&user.id);
    report.session(&session.id);
    report.succeed(|report| {
        report.detail(detail::IMPERSONATOR_REALM, &cx.caller.realm.realm.name);
        report.detail(detail::IMPERSONATOR, &cx.caller.user.username);
    });

    let mut response = answer::document(&json!({ "redirect": format!("{issuer}/account"), "sameRealm": own.is_some() }));
    let fingerprint = identity_cookie::fingerprint(&compiled, &session);
    let cookies = [
        Cookie { name: cookies::IDENTITY, value: &identity, max_age: None, readable: false },
        Cookie { name: cookies::SESSION, value: &fingerprint, max_age: Some(realm.sso_session_max_lifespan), readable: true },
    ];
    for cookie in &cookies {
        cookies::set(&mut response, &cx.base_url, &realm.name, cookie);
    }
    Ok(response)
}

/// Nobody becomes an administrator by way of one: who takes a user's place must have the administration roles that this one has.
async fn may_impersonate(cx: &AdminRequest, user: &User) -> Result<(), AdminError> {
    let subject = Subject::load(&mut cx.app.store.peek(), &cx.realm().id, user.clone()).await?;
    let roles: Vec<RoleId> = subject.user.roles.iter().chain(subject.groups.iter().flat_map(|group| &group.roles)).cloned().collect();
    auth::may_grant(cx, &roles).await
}
