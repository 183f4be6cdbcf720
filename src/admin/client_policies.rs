//! `/client-policies/policies` and `profiles`: kept as data of the realm.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::manage::realms::{self, Settings};
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::change;
use super::error::AdminError;

/// `GET …/client-policies/policies`
pub async fn policies(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    Ok(answer::document(&cx.realm().client_policies))
}

/// `GET …/client-policies/profiles`
pub async fn profiles(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    Ok(answer::document(&cx.realm().client_profiles))
}

/// `PUT …/client-policies/policies`
pub async fn set_policies(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    set(cx, "ClientPoliciesRepresentation", "policies", "clientPolicies").await
}

/// `PUT …/client-policies/profiles`
pub async fn set_profiles(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    set(cx, "ClientProfilesRepresentation", "profiles", "clientProfiles").await
}

async fn set(cx: AdminRequest, name: &'static str, member: &str, setting: &str) -> Result<HttpResponse, AdminError> {
    let given: serde_json::Map<String, Value> = body::read(&cx, name)?;
    if let Some(unknown) = given.keys().find(|key| *key != member && !key.starts_with("global")) {
        return Err(body::unrecognised(&cx.body, unknown, name));
    }
    let list = given.get(member).cloned().unwrap_or_else(|| json!([]));
    let settings: &Settings = &Settings::from_iter([(setting.to_owned(), json!({ member: list }))]);
    let (app, realm) = (&cx.app, &cx.realm().id);
    change!(cx, |txn| realms::update(txn, &app.env, &app.sealer, realm, settings))?;
    Ok(answer::done())
}
