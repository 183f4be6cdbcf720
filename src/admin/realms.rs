//! `/admin/realms` and `/admin/realms/{realm}`: the realms themselves.

use actix_web::HttpResponse;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::{Value, json};

use crate::base::id::{RealmId, RoleId};
use crate::keyring;
use crate::manage::error::ManageError;
use crate::manage::realms::{self, NewRealm, Settings};
use crate::manage::representation::realm::{RealmRepresentation, SmtpPassword};
use crate::manage::representation::role::RoleRepresentation;
use crate::manage::users;
use crate::model::realm::Realm;
use crate::model::role::RoleContainer;
use crate::store::txn::{Configuration, Reader as _, Txn};
use crate::web::addressing::segment;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::change;
use super::error::AdminError;

/// What lets a caller see all settings of a realm.
const VIEW: &[&str] = &["view-realm", "manage-realm"];
/// What lets a caller know of a realm at all: every role but impersonation.
pub const KNOW: &[&str] = &[
    "create-client",
    "view-realm",
    "view-users",
    "view-clients",
    "view-events",
    "view-identity-providers",
    "view-authorization",
    "view-organizations",
    "manage-realm",
    "manage-users",
    "manage-clients",
    "manage-events",
    "manage-identity-providers",
    "manage-authorization",
    "manage-organizations",
    "query-users",
    "query-clients",
    "query-realms",
    "query-groups",
    "query-organizations",
];

/// Members of a realm's document that are no settings.
const CONTENTS: &[&str] = &[
    "users",
    "federatedUsers",
    "clients",
    "clientScopes",
    "roles",
    "groups",
    "components",
    "identityProviders",
    "identityProviderMappers",
    "authenticationFlows",
    "organizations",
];

/// `GET /admin/realms`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let mut realms = cx.app.store.peek().realms().list().await?;
    realms.sort_by(|a, b| a.name.cmp(&b.name));
    let brief = cx.flag("briefRepresentation").unwrap_or(false);
    let mut shown: Vec<RealmRepresentation> = Vec::new();
    for realm in &realms {
        if cx.caller.may(realm, VIEW) {
            shown.push(if brief { RealmRepresentation::of(realm, &SmtpPassword::Masked).brief() } else { full(&cx, realm).await? });
        } else if cx.caller.may(realm, KNOW) {
            shown.push(RealmRepresentation::default().with("realm", &realm.name));
        }
    }
    if shown.is_empty() { Err(AdminError::Forbidden) } else { Ok(answer::document(&shown)) }
}

/// What the forms of other administrators need.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reduced<'a> {
    realm: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_email_as_username: Option<bool>,
    brute_force_protected: bool,
    supported_locales: &'a [String],
    organizations_enabled: bool,
}

/// `GET /admin/realms/{realm}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let realm = cx.realm();
    if cx.may(VIEW) {
        return Ok(answer::document(&full(&cx, realm).await?));
    }
    Ok(answer::document(&Reduced {
        realm: &realm.name,
        registration_email_as_username: cx.may(&["view-users", "manage-users"]).then_some(realm.registration_email_as_username),
        brute_force_protected: realm.brute_force_protected,
        supported_locales: &realm.supported_locales,
        organizations_enabled: realm.organizations_enabled,
    }))
}

/// `POST /admin/realms`
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    body::is_json(&cx)?;
    let unreadable = || AdminError::message(400, "unable to read contents from stream");
    let mut settings: Settings = serde_json::from_slice(&cx.body).map_err(|_| unreadable())?;
    if settings.keys().any(|name| !RealmRepresentation::knows(name)) {
        return Err(unreadable());
    }
    let has = |name: &str| settings.get(name).is_some_and(|value| ![Value::Null, json!([]), json!({})].contains(value));
    if let Some(contents) = CONTENTS.iter().find(|name| has(name)) {
        // To leave them out without a word would lose them.
        return Err(AdminError::message(501, format!("A realm with {contents} is imported with `keywright import`, not over REST")));
    }
    let name = settings.remove("realm").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    let id = settings.remove("id").and_then(|id| id.as_str().map(RealmId::from));
    let id = id.unwrap_or_else(|| RealmId::random(cx.app.env.random()));
    cx.app.passwords().check_settings(&settings).await?;
    let new = NewRealm { name, id: Some(id.clone()), settings };

    let (env, sealer, name, source) = (cx.app.env.clone(), cx.app.sealer.clone(), new.name.clone(), cx.app.keys);
    // RSA keys take 150 ms and more: not on a thread that serves requests.
    let keys = tokio::task::spawn_blocking(move || keyring::default_providers(&env, &id, &name, &sealer, source));
    let keys = keys.await.map_err(|failed| AdminError::Failed(failed.to_string()))??;
    let making = Making { cx: &cx, new: &new, keys: &keys };
    let made = cx
        .app
        .store
        .configuration(|txn| -> BoxFuture<'_, Result<Realm, ManageError>> { Box::pin(making.carry_out(txn)) });
    match made.await {
        Ok(realm) => Ok(answer::created_at(&format!("{}/admin/realms/{}", cx.base_url, segment(&realm.name)))),
        Err(ManageError::Invalid(crate::manage::error::Refusal::Message(text))) if text.starts_with("Failed to update realm") => {
            Err(unreadable())
        }
        Err(error) => Err(error.into()),
    }
}

/// `PUT /admin/realms/{realm}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let settings: Settings = body::read(&cx, "RealmRepresentation")?;
    if let Some(unknown) = settings.keys().find(|name| !RealmRepresentation::knows(name)) {
        return Err(body::unrecognised(&cx.body, unknown, "RealmRepresentation"));
    }
    let (app, realm, settings) = (&cx.app, &cx.realm().id, &settings);
    app.passwords().check_settings(settings).await?;
    change!(cx, |txn| realms::update(txn, &app.env, &app.sealer, realm, settings))?;
    Ok(answer::done())
}

/// `DELETE /admin/realms/{realm}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let realm = &cx.realm().id;
    change!(cx, |txn| realms::delete(txn, realm))?;
    Ok(answer::done())
}

/// What the creation of a realm works with.
struct Making<'a> {
    cx: &'a AdminRequest,
    new: &'a NewRealm,
    keys: &'a [crate::model::component::Component],
}

impl Making<'_> {
    /// Who may create realms but is no full administrator gets all roles over the new one, or he could not touch it.
    async fn carry_out(&self, txn: &mut Txn<'_, Configuration>) -> Result<Realm, ManageError> {
        let app = &self.cx.app;
        let realm = realms::create(txn, &app.env, &app.sealer, self.new, self.keys).await?;
        let caller = &self.cx.caller;
        let master = caller.realm.id();
        if caller.has_realm_role("admin") {
            return Ok(realm);
        }
        let client = txn.clients().by_client_id(master, &format!("{}-realm", realm.name)).await?;
        if let Some(client) = client {
            let container = RoleContainer::Client(client.id);
            let roles = txn.roles().list(master).await?;
            let ids: Vec<RoleId> = roles.into_iter().filter(|role| role.container == container).map(|role| role.id).collect();
            users::add_roles(txn, master, &caller.user.id, &ids).await?;
        }
        Ok(realm)
    }
}

/// All settings of a realm, with its default role.
async fn full(cx: &AdminRequest, realm: &Realm) -> Result<RealmRepresentation, AdminError> {
    let default_role = cx.app.store.peek().roles().get(&realm.id, &realm.default_role).await?;
    let representation = RealmRepresentation::of(realm, &SmtpPassword::Masked);
    let default_role: Value = default_role.map_or(Value::Null, |role| json!(RoleRepresentation::brief(&realm.id, &role)));
    Ok(if default_role.is_null() { representation } else { representation.with("defaultRole", &default_role) })
}
