//! `/client-description-converter`: what a description from elsewhere would be as a client here. Nothing is made.

use actix_web::HttpResponse;

use crate::manage::client_metadata::Metadata;
use crate::manage::clients::ClientSettings;
use crate::manage::representation::client::ClientRepresentation;
use crate::web::administrator::AdminRequest;

use crate::admin::answer;
use crate::admin::error::AdminError;

/// What a described client has where the description says nothing.
const DEFAULTS: [(&str, &str); 3] = [
    ("backchannel.logout.session.required", "true"),
    ("frontchannel.logout.session.required", "false"),
    ("backchannel.logout.revoke.offline.tokens", "false"),
];

/// `POST …/client-description-converter`: the metadata of OpenID Connect, or a representation of Keycloak's as it is
pub async fn convert(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let unsupported = || AdminError::error(400, "Unsupported format");
    let text = std::str::from_utf8(&cx.body).map_err(|_| unsupported())?.trim_start();
    if !text.starts_with('{') {
        return Err(unsupported());
    }
    if text.contains("\"clientId\"") {
        let given: ClientRepresentation = serde_json::from_str(text).map_err(|_| unsupported())?;
        return Ok(answer::document(&given));
    }
    if !text.contains("\"redirect_uris\"") {
        return Err(unsupported());
    }
    let given: Metadata = serde_json::from_str(text).map_err(|_| unsupported())?;
    Ok(answer::document(&described(given.settings().map_err(|_| unsupported())?)))
}

fn described(settings: ClientSettings) -> ClientRepresentation {
    let mut attributes = settings.attributes;
    attributes.retain(|_, value| value.is_some());
    for (name, value) in DEFAULTS {
        attributes.entry(name.to_owned()).or_insert_with(|| Some(value.to_owned()));
    }
    ClientRepresentation {
        client_id: settings.client_id,
        name: settings.name,
        base_url: settings.base_url,
        client_authenticator_type: settings.client_authenticator_type,
        secret: settings.secret,
        redirect_uris: settings.redirect_uris,
        standard_flow_enabled: settings.standard_flow_enabled,
        implicit_flow_enabled: settings.implicit_flow_enabled,
        direct_access_grants_enabled: Some(settings.direct_access_grants_enabled.unwrap_or(false)),
        service_accounts_enabled: settings.service_accounts_enabled,
        public_client: settings.public_client,
        frontchannel_logout: Some(settings.frontchannel_logout.unwrap_or(false)),
        protocol: Some("openid-connect".to_owned()),
        attributes: Some(attributes),
        optional_client_scopes: settings.optional_client_scopes,
        ..ClientRepresentation::default()
    }
}
