//! `/client-policies/policies` and `profiles`, and how the Admin REST API asks them before it touches a client.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::manage::client_policies::{self, ClientNames, Occasion, Situation, Updater, Violation};
use crate::manage::clients::ClientSettings;
use crate::manage::realms::{self, Settings};
use crate::model::client::Client;
use crate::model::client_policy::{ClientPolicy, ClientProfile};
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::change;
use super::error::AdminError;

/// `ClientProfilesRepresentation`
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Profiles {
    profiles: Vec<ClientProfile>,
    /// Only shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    global_profiles: Option<Vec<ClientProfile>>,
}

/// `ClientPoliciesRepresentation`
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Policies {
    policies: Vec<ClientPolicy>,
    /// Only shown; there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    global_policies: Option<Vec<ClientPolicy>>,
}

/// `GET …/client-policies/policies`
pub async fn policies(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let global_policies = cx.flag("include-global-policies").unwrap_or(false).then(Vec::new);
    Ok(answer::document(&Policies { policies: client_policies::policies_of(cx.realm()), global_policies }))
}

/// `GET …/client-policies/profiles`
pub async fn profiles(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let with_global = cx.flag("include-global-profiles").unwrap_or(false);
    let global_profiles = with_global.then(|| client_policies::global_profiles().to_vec());
    Ok(answer::document(&Profiles { profiles: client_policies::profiles_of(cx.realm()), global_profiles }))
}

/// `PUT …/client-policies/policies`
pub async fn set_policies(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: Policies = body::read(&cx, "ClientPoliciesRepresentation")?;
    let checked = client_policies::checked_policies(cx.realm(), &given.policies)?;
    set(cx, "clientPolicies", checked).await
}

/// `PUT …/client-policies/profiles`
pub async fn set_profiles(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: Profiles = body::read(&cx, "ClientProfilesRepresentation")?;
    let checked = client_policies::checked_profiles(&given.profiles)?;
    set(cx, "clientProfiles", checked).await
}

async fn set(cx: AdminRequest, setting: &str, value: Value) -> Result<HttpResponse, AdminError> {
    let settings: &Settings = &Settings::from_iter([(setting.to_owned(), value)]);
    let (app, realm) = (&cx.app, &cx.realm().id);
    change!(cx, |txn| realms::update(txn, &app.env, &app.sealer, realm, settings))?;
    Ok(answer::done())
}

impl From<Violation> for AdminError {
    fn from(violation: Violation) -> Self {
        Self::described(400, violation.code, violation.description)
    }
}

/// Judges a client that is about to be made (`client` is `None`) or changed, and completes what it is to become.
///
/// # Errors
/// A policy of the realm refuses.
pub async fn judge_proposal(cx: &AdminRequest, client: Option<&Client>, settings: &mut ClientSettings) -> Result<(), AdminError> {
    if !client_policies::has_policies(cx.realm()) {
        return Ok(());
    }
    let (updater, names) = (updater(cx).await?, names(cx, client).await?);
    let occasion = if client.is_some() { Occasion::Update } else { Occasion::Register };
    Ok(client_policies::judge_proposal(&situation(cx, occasion, client, &updater, &names), settings)?)
}

/// Judges whether a client may be shown or deleted.
///
/// # Errors
/// A policy of the realm refuses.
pub async fn judge(cx: &AdminRequest, occasion: Occasion, client: &Client) -> Result<(), AdminError> {
    if !client_policies::has_policies(cx.realm()) {
        return Ok(());
    }
    let (updater, names) = (updater(cx).await?, names(cx, Some(client)).await?);
    Ok(client_policies::judge(&situation(cx, occasion, Some(client), &updater, &names))?)
}

fn situation<'a>(
    cx: &'a AdminRequest,
    occasion: Occasion,
    client: Option<&'a Client>,
    updater: &'a Updater,
    names: &'a ClientNames,
) -> Situation<'a> {
    Situation { realm: cx.realm(), occasion, client, updater: Some(updater), address: cx.client_address, scope: None, names }
}

async fn updater(cx: &AdminRequest) -> Result<Updater, AdminError> {
    Ok(cx.caller.updater(&cx.app.store).await?)
}

async fn names(cx: &AdminRequest, client: Option<&Client>) -> Result<ClientNames, AdminError> {
    match client {
        Some(client) => Ok(ClientNames::of(&mut cx.app.store.peek(), &cx.realm().id, client).await?),
        None => Ok(ClientNames::default()),
    }
}
