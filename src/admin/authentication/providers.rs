//! What a flow can be made of: the lists of `/authentication/…-providers`, and what can be set for each

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::json;

use crate::admin::answer;
use crate::admin::error::AdminError;
use crate::model::catalogue::authenticator::{self, AUTHENTICATORS, CLIENT_AUTHENTICATORS, FORM_ACTIONS, FORMS, Step};
use crate::web::administrator::AdminRequest;

/// One line of the lists.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    supports_secret: Option<bool>,
    display_name: &'static str,
    description: &'static str,
    id: &'static str,
}

/// `GET …/authenticator-providers`
pub async fn authenticators(_: AdminRequest) -> Result<HttpResponse, AdminError> {
    Ok(list(AUTHENTICATORS))
}

/// `GET …/form-action-providers`
pub async fn form_actions(_: AdminRequest) -> Result<HttpResponse, AdminError> {
    Ok(list(FORM_ACTIONS))
}

/// `GET …/form-providers`
pub async fn forms(_: AdminRequest) -> Result<HttpResponse, AdminError> {
    Ok(list(FORMS))
}

/// `GET …/client-authenticator-providers`
pub async fn client_authenticators(_: AdminRequest) -> Result<HttpResponse, AdminError> {
    let line = |client: &authenticator::ClientStep| Line { supports_secret: Some(client.supports_secret), ..line(&client.step) };
    Ok(answer::document(&CLIENT_AUTHENTICATORS.iter().map(line).collect::<Vec<_>>()))
}

/// `GET …/per-client-config-description`
pub async fn per_client(_: AdminRequest) -> Result<HttpResponse, AdminError> {
    let described: BTreeMap<_, _> = CLIENT_AUTHENTICATORS.iter().map(|client| (client.step.id, client.per_client)).collect();
    Ok(answer::document(&described))
}

/// `GET …/config-description/{providerId}`
pub async fn describe(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let step = authenticator::find(cx.parameter("providerId"));
    let step = step.ok_or_else(|| AdminError::error(404, "Could not find authenticator provider"))?;
    let described = json!({ "name": step.name, "providerId": step.id, "helpText": step.help, "properties": step.properties });
    Ok(answer::document(&described))
}

fn list(steps: &[Step]) -> HttpResponse {
    answer::document(&steps.iter().map(line).collect::<Vec<_>>())
}

fn line(step: &Step) -> Line {
    Line { supports_secret: None, display_name: step.name, description: step.help, id: step.id }
}
