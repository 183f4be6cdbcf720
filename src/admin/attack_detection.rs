//! `/attack-detection/brute-force/users`: what brute force protection knows of a user, and forgetting it.

use actix_web::HttpResponse;
use serde::Serialize;

use crate::base::id::UserId;
use crate::model::login_failures::LoginFailures;
use crate::store::StoreError;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::change::told;
use super::error::AdminError;

/// Records that one commit deletes.
const STEP: usize = 500;
/// Until when somebody is locked whose account is disabled.
const FOREVER: i64 = i64::MAX;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// Whole seconds since 1970.
    failed_login_not_before: i64,
    num_failures: i64,
    num_temporary_lockouts: i64,
    disabled: bool,
    num_secondary_auth_failures: i64,
    #[serde(rename = "lastIPFailure")]
    last_ip_failure: String,
    /// Milliseconds since 1970.
    last_failure: i64,
}

/// `GET …/attack-detection/brute-force/users/{userId}`: also of a user that is not there.
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, user) = (cx.realm(), UserId::from(cx.parameter("userId")));
    let mut peek = cx.app.store.peek();
    let known = if realm.brute_force_protected { peek.login_failures().get(&realm.id, &user).await? } else { None };
    let disabled = known.is_some() && peek.users().get(&realm.id, &user).await?.is_some_and(|user| !user.enabled);
    let known: LoginFailures = known.unwrap_or_default();
    let locked_until = known.failed_login_not_before.filter(|until| cx.app.env.now() < *until);
    Ok(answer::document(&Status {
        failed_login_not_before: match locked_until {
            Some(until) => until.seconds(),
            None if disabled => FOREVER,
            None => 0,
        },
        num_failures: known.num_failures,
        num_temporary_lockouts: known.num_temporary_lockouts,
        disabled: locked_until.is_some() || disabled,
        num_secondary_auth_failures: known.num_secondary_auth_failures,
        last_ip_failure: Some(known.last_ip_failure).filter(|address| !address.is_empty()).unwrap_or_else(|| "n/a".to_owned()),
        last_failure: known.last_failure.map_or(0, |time| time.0),
    }))
}

/// `DELETE …/attack-detection/brute-force/users/{userId}`
pub async fn clear(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    forget(&cx, &[UserId::from(cx.parameter("userId"))]).await?;
    told(&cx, None, None).await?;
    Ok(answer::done())
}

/// `DELETE …/attack-detection/brute-force/users`
pub async fn clear_all(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let mut after: Option<String> = None;
    loop {
        let users = cx.app.store.peek().login_failures().users(&cx.realm().id, after.as_deref(), STEP).await?;
        let Some(last) = users.last() else { break };
        after = Some(last.to_string());
        forget(&cx, &users).await?;
    }
    told(&cx, None, None).await?;
    Ok(answer::done())
}

async fn forget(cx: &AdminRequest, users: &[UserId]) -> Result<(), AdminError> {
    let realm = &cx.realm().id;
    let forgotten = cx.app.store.sessions(|txn| {
        Box::pin(async move {
            for user in users {
                txn.login_failures().delete(realm, user);
            }
            Ok::<(), StoreError>(())
        })
    });
    Ok(forgotten.await?)
}
