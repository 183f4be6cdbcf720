//! `/clients`: created, read, changed, deleted; what hangs on one client has a file each.

pub mod evaluate;
pub mod scopes;
pub mod secret;
pub mod sessions;

use std::collections::HashMap;

use actix_web::HttpResponse;
use serde_json::json;

use crate::base::id::{ClientId, ClientScopeId};
use crate::base::secret::Secret;
use crate::manage::clients::{self, ClientSettings, NewClient};
use crate::manage::error::ManageError;
use crate::manage::protocol_mappers::{self, MapperHolder, NewMapper};
use crate::manage::representation::client::ClientRepresentation;
use crate::manage::representation::protocol_mapper::ProtocolMapperRepresentation;
use crate::model::client::Client;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::change;
use super::error::AdminError;
use super::paging::Page;
use super::users;

/// What lets a caller see clients.
pub const VIEW: &[&str] = &["view-clients", "manage-clients"];

/// Members of Keycloak's representation that are accepted and not kept.
const NOT_KEPT: &[&str] = &[
    "type",
    "registrationAccessToken",
    "registeredNodes",
    "authorizationSettings",
    "origin",
    "access",
    "defaultRoles",
    "directGrantsOnly",
    "clientTemplate",
    "useTemplateConfig",
    "useTemplateScope",
    "useTemplateMappers",
];

/// `GET …/clients`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    if !cx.may(VIEW) {
        return Ok(answer::document(&json!([])));
    }
    if let Some(q) = cx.argument("q") {
        let names: Vec<String> = crate::manage::user_search::attributes(q).into_iter().map(|(name, _)| name).collect();
        let text = format!("Attributes [{}] not allowed for search", names.join(", "));
        return Err(AdminError::described(400, "invalid_request", text));
    }
    let page = Page::of(&cx, None)?;
    let mut found = match (cx.argument("clientId"), cx.flag("search").unwrap_or(false)) {
        (Some(name), false) => cx.app.store.peek().clients().by_client_id(&cx.realm().id, name).await?.into_iter().collect(),
        (name, _) => {
            let name = name.unwrap_or_default().to_lowercase();
            let mut clients = cx.app.store.peek().clients().list(&cx.realm().id).await?;
            clients.retain(|client| client.client_id.to_lowercase().contains(&name));
            clients
        }
    };
    found.sort_by(|a, b| a.client_id.cmp(&b.client_id));
    let names = scope_names(&cx).await?;
    let shown: Result<Vec<_>, _> = page.take(found).iter().map(|client| represent(&cx, client, &names)).collect();
    Ok(answer::document(&shown?))
}

/// `POST …/clients`
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: ClientRepresentation = body::read_knowing(&cx, "ClientRepresentation", NOT_KEPT)?;
    let new = NewClient { id: given.id.clone(), settings: settings(given) };
    let (app, realm, new) = (&cx.app, &cx.realm().id, &new);
    let client = change!(cx, |txn| clients::create(txn, &app.env, &app.sealer, realm, new))?;
    Ok(answer::created(&cx, &["clients", client.id.as_str()]))
}

/// `GET …/clients/{client-uuid}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    Ok(answer::document(&represent(&cx, &client, &scope_names(&cx).await?)?))
}

/// `PUT …/clients/{client-uuid}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let given: ClientRepresentation = body::read_knowing(&cx, "ClientRepresentation", NOT_KEPT)?;
    let mappers = given.protocol_mappers.clone();
    let settings = settings(given);
    let (app, realm, id, settings, mappers) = (&cx.app, &cx.realm().id, &client.id, &settings, mappers.as_deref());
    change!(cx, |txn| async {
        let client = clients::update(txn, &app.env, &app.sealer, realm, id, settings).await?;
        let Some(mappers) = mappers else { return Ok(()) };
        // Those that the list does not name go, those that it names change, the others are new.
        let holder = MapperHolder::Client(id.clone());
        for mapper in &client.protocol_mappers {
            if !mappers.iter().any(|given| given.id.as_ref() == Some(&mapper.id)) {
                protocol_mappers::remove(txn, realm, &holder, &mapper.id).await?;
            }
        }
        for given in mappers {
            let new = mapper(given);
            match given.id.as_ref().filter(|id| client.protocol_mappers.iter().any(|mapper| mapper.id == **id)) {
                Some(id) => protocol_mappers::update(txn, realm, &holder, id, &new).await?,
                None => drop(protocol_mappers::add(txn, &app.env, realm, &holder, &new).await?),
            }
        }
        Ok(())
    })?;
    Ok(answer::done())
}

/// `DELETE …/clients/{client-uuid}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &id(&cx));
    change!(cx, |txn| clients::delete(txn, realm, id))?;
    Ok(answer::done())
}

/// `GET …/clients/{client-uuid}/service-account-user`
pub async fn service_account(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let user = cx.app.store.peek().users().service_account(&cx.realm().id, &client.id).await?;
    let user = user
        .filter(|_| client.service_accounts_enabled)
        .ok_or_else(|| AdminError::error(400, format!("Service account not enabled for the client '{}'", client.client_id)))?;
    let shown = users::represent(&cx, &user, false).await?;
    // The client is in the URL already.
    Ok(answer::document(&crate::manage::representation::user::UserRepresentation { service_account_client_id: None, ..shown }))
}

/// `GET …/clients/{client-uuid}/installation/providers/{providerId}`
pub async fn installation(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    if cx.parameter("providerId") != "keycloak-oidc-keycloak-json" {
        return Err(AdminError::error(404, "Unknown Provider"));
    }
    let realm = cx.realm();
    let mut document = serde_json::Map::new();
    document.insert("realm".into(), json!(realm.name));
    document.insert("auth-server-url".into(), json!(format!("{}/", cx.base_url)));
    document.insert("ssl-required".into(), json!(realm.ssl_required));
    document.insert("resource".into(), json!(client.client_id));
    if client.public_client {
        document.insert("public-client".into(), json!(true));
    } else if !client.bearer_only {
        let secret = clients::read_secret(&cx.app.sealer, &realm.id, &client)?.unwrap_or_default();
        document.insert("verify-token-audience".into(), json!(true));
        document.insert("credentials".into(), json!({ "secret": secret.expose() }));
    }
    let own_roles = cx.app.store.peek().roles().list(&realm.id).await?;
    let container = crate::model::role::RoleContainer::Client(client.id.clone());
    if own_roles.iter().any(|role| role.container == container) {
        document.insert("use-resource-role-mappings".into(), json!(true));
    }
    document.insert("confidential-port".into(), json!(0));
    Ok(answer::document(&document))
}

/// `POST …/push-revocation` of a client or the realm. Nobody is called: adapters that listen for it have not been made since
/// Keycloak 20, and resource servers see the not-before at the next introspection.
pub async fn push_revocation(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    if cx.has_parameter("client-uuid") {
        existing(&cx).await?;
    }
    Ok(answer::document(&json!({})))
}

/// The client in the URL.
///
/// # Errors
/// There is none.
pub async fn existing(cx: &AdminRequest) -> Result<Client, AdminError> {
    Ok(cx.app.store.peek().clients().get(&cx.realm().id, &id(cx)).await?.ok_or_else(ManageError::no_client)?)
}

/// What a representation of a mapper asks for.
pub fn mapper(given: &ProtocolMapperRepresentation) -> NewMapper {
    NewMapper {
        name: given.name.clone(),
        protocol: given.protocol.clone(),
        protocol_mapper: given.protocol_mapper.clone(),
        consent_required: given.consent_required,
        config: given.config.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect(),
    }
}

/// The names of the realm's client scopes.
///
/// # Errors
/// When the store fails.
pub async fn scope_names(cx: &AdminRequest) -> Result<HashMap<ClientScopeId, String>, AdminError> {
    let scopes = cx.app.store.peek().client_scopes().list(&cx.realm().id).await?;
    Ok(scopes.into_iter().map(|scope| (scope.id, scope.name)).collect())
}

fn id(cx: &AdminRequest) -> ClientId {
    ClientId::from(cx.parameter("client-uuid"))
}

fn represent(cx: &AdminRequest, client: &Client, names: &HashMap<ClientScopeId, String>) -> Result<ClientRepresentation, AdminError> {
    let secret: Option<Secret<String>> = clients::read_secret(&cx.app.sealer, &cx.realm().id, client)?;
    let manage = cx.may(&["manage-clients"]);
    let access = json!({ "view": true, "configure": manage, "manage": manage });
    Ok(ClientRepresentation { access: Some(access), ..ClientRepresentation::of(client, secret, |id| names.get(id).cloned()) })
}

fn settings(given: ClientRepresentation) -> ClientSettings {
    ClientSettings {
        client_id: given.client_id,
        name: given.name,
        description: given.description,
        root_url: given.root_url,
        admin_url: given.admin_url,
        base_url: given.base_url,
        surrogate_auth_required: given.surrogate_auth_required,
        enabled: given.enabled,
        always_display_in_console: given.always_display_in_console,
        client_authenticator_type: given.client_authenticator_type,
        secret: given.secret,
        redirect_uris: given.redirect_uris,
        web_origins: given.web_origins,
        not_before: given.not_before,
        bearer_only: given.bearer_only,
        consent_required: given.consent_required,
        standard_flow_enabled: given.standard_flow_enabled,
        implicit_flow_enabled: given.implicit_flow_enabled,
        direct_access_grants_enabled: given.direct_access_grants_enabled,
        service_accounts_enabled: given.service_accounts_enabled,
        authorization_services_enabled: given.authorization_services_enabled,
        public_client: given.public_client,
        frontchannel_logout: given.frontchannel_logout,
        protocol: given.protocol,
        attributes: given.attributes.unwrap_or_default(),
        authentication_flow_binding_overrides: given
            .authentication_flow_binding_overrides
            .map(|overrides| overrides.into_iter().filter_map(|(name, flow)| Some((name, flow?))).collect()),
        full_scope_allowed: given.full_scope_allowed,
        node_re_registration_timeout: given.node_re_registration_timeout,
        protocol_mappers: given.protocol_mappers.iter().flatten().map(mapper).collect(),
        default_client_scopes: given.default_client_scopes,
        optional_client_scopes: given.optional_client_scopes,
    }
}
