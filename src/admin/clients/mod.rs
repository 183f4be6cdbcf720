//! `/clients`: created, read, changed, deleted; what hangs on one client has a file each.

pub mod certificates;
pub mod description;
pub mod evaluate;
pub mod installation;
pub mod nodes;
pub mod registration_token;
pub mod scopes;
pub mod secret;
pub mod sessions;

use std::collections::HashMap;

use actix_web::HttpResponse;
use serde_json::json;

use crate::base::id::{ClientId, ClientScopeId};
use crate::base::secret::Secret;
use crate::manage::client_policies::Occasion;
use crate::manage::clients::{self, ClientSettings, NewClient};
use crate::manage::error::ManageError;
use crate::manage::pairwise;
use crate::manage::protocol_mappers::NewMapper;
use crate::manage::realms::MASK;
use crate::manage::representation::client::{ClientRepresentation, settings};
use crate::model::client::Client;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::auth;
use super::body;
use super::change::change;
use super::client_policies;
use super::error::AdminError;
use super::paging::Page;
use super::users;

/// What lets a caller see clients.
pub const VIEW: &[&str] = &["view-clients", "manage-clients"];
/// What lets a caller change clients, and see what they prove themselves with.
const MANAGE: &[&str] = &["manage-clients"];

/// Members of Keycloak's representation that are accepted and not kept.
const NOT_KEPT: &[&str] = &[
    "type",
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
    let found = match (cx.argument("clientId"), cx.flag("search").unwrap_or(false)) {
        (Some(name), false) => page.take(cx.app.store.peek().clients().by_client_id(&cx.realm().id, name).await?),
        (name, _) => containing(&cx, name.unwrap_or_default(), page).await?,
    };
    let names = scope_names(&cx).await?;
    let shown: Result<Vec<_>, _> = found.iter().map(|client| represent(&cx, client, &names)).collect();
    Ok(answer::document(&shown?))
}

/// The clients of a page whose `client_id` contains `part`, in any case of letters. Of the clients only those of the page are read.
async fn containing(cx: &AdminRequest, part: &str, page: Page) -> Result<Vec<Client>, AdminError> {
    let (realm, part) = (cx.realm(), part.to_lowercase());
    let Some(compiled) = cx.app.compiled.realm(&realm.name).await? else { return Ok(Vec::new()) };
    let names = compiled.client_names(&cx.app.store).await?.iter().filter(|name| name.text.contains(&part));
    let mut found = Vec::new();
    for name in page.take(names) {
        found.extend(cx.app.store.peek().clients().get(&realm.id, &name.id).await?);
    }
    Ok(found)
}

/// `POST …/clients`
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: ClientRepresentation = body::read_knowing(&cx, "ClientRepresentation", NOT_KEPT)?;
    let mut new = NewClient { id: given.id.clone(), settings: settings(given) };
    client_policies::judge_proposal(&cx, None, &mut new.settings).await?;
    check_sector(&cx, None, &new.settings, new.settings.protocol_mappers.as_deref()).await?;
    let (app, realm, new) = (&cx.app, &cx.realm().id, &new);
    let client = change!(cx, |txn| clients::create(txn, &app.env, &app.sealer, realm, new))?;
    Ok(answer::created(&cx, &["clients", client.id.as_str()]))
}

/// `GET …/clients/{client-uuid}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    client_policies::judge(&cx, Occasion::View, &client).await?;
    Ok(answer::document(&represent(&cx, &client, &scope_names(&cx).await?)?))
}

/// `PUT …/clients/{client-uuid}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let given: ClientRepresentation = body::read_knowing(&cx, "ClientRepresentation", NOT_KEPT)?;
    let mut settings = settings(given);
    client_policies::judge_proposal(&cx, Some(&client), &mut settings).await?;
    check_sector(&cx, Some(&client), &settings, settings.protocol_mappers.as_deref()).await?;
    let (app, realm, id, settings) = (&cx.app, &cx.realm().id, &client.id, &settings);
    change!(cx, |txn| async {
        clients::update(txn, &app.env, &app.sealer, realm, id, settings).await?;
        Ok(())
    })?;
    Ok(answer::done())
}

/// `DELETE …/clients/{client-uuid}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    client_policies::judge(&cx, Occasion::Delete, &existing(&cx).await?).await?;
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

/// Redirect URIs decide about pairwise subjects, so whoever changes them is asked for the sector, too.
async fn check_sector(
    cx: &AdminRequest,
    current: Option<&Client>,
    settings: &ClientSettings,
    mappers: Option<&[NewMapper]>,
) -> Result<(), AdminError> {
    let checked = pairwise::check_client(&cx.app.egress, current, settings, mappers).await;
    Ok(checked.map_err(ManageError::sector_of_client)?)
}

/// The client in the URL.
///
/// # Errors
/// There is none.
pub async fn existing(cx: &AdminRequest) -> Result<Client, AdminError> {
    Ok(cx.app.store.peek().clients().get(&cx.realm().id, &id(cx)).await?.ok_or_else(ManageError::no_client)?)
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

/// A client's secret as the caller may see it.
fn visible_secret(cx: &AdminRequest, client: &Client) -> Result<Option<Secret<String>>, AdminError> {
    if client.secret.is_none() {
        return Ok(None);
    }
    masked(cx, || clients::read_secret(&cx.app.sealer, &cx.realm().id, client))
}

/// A secret for who manages clients, and the mask for everybody else: whoever may look at a client must not be able to act as it.
fn masked(
    cx: &AdminRequest,
    read: impl FnOnce() -> Result<Option<Secret<String>>, ManageError>,
) -> Result<Option<Secret<String>>, AdminError> {
    if cx.may(MANAGE) { Ok(read()?) } else { Ok(Some(MASK.into())) }
}

fn represent(cx: &AdminRequest, client: &Client, names: &HashMap<ClientScopeId, String>) -> Result<ClientRepresentation, AdminError> {
    let secret = visible_secret(cx, client)?;
    // The console must not offer to change what administration itself stands on.
    let manage = cx.may(MANAGE) && !auth::is_of_administration(cx.realm(), client);
    let access = json!({ "view": true, "configure": manage, "manage": manage });
    Ok(ClientRepresentation { access: Some(access), ..ClientRepresentation::of(client, secret, |id| names.get(id).cloned()) })
}
