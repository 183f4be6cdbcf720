//! `/admin/realms` and `/admin/realms/{realm}`: the realms themselves.

use std::sync::Arc;

use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::base::id::{RealmId, UserId};
use crate::keyring;
use crate::manage::error::{ManageError, Refusal};
use crate::manage::import::{ImportError, Importer, OnConflict, Source};
use crate::manage::realms::{self, NewRealm, Settings};
use crate::manage::representation::realm::{RealmRepresentation, SmtpPassword};
use crate::manage::representation::role::RoleRepresentation;
use crate::model::realm::Realm;
use crate::store::job;
use crate::store::txn::Reader as _;
use crate::web::addressing::segment;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::{change, told};
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
    "scopeMappings",
    "clientScopeMappings",
    "roles",
    "defaultRole",
    "groups",
    "defaultGroups",
    "defaultDefaultClientScopes",
    "defaultOptionalClientScopes",
    "components",
    "identityProviders",
    "identityProviderMappers",
    "authenticationFlows",
    "authenticatorConfig",
    "requiredActions",
    "localizationTexts",
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

/// `POST /admin/realms`: a new realm, with what the document has besides settings.
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    body::is_json(&cx)?;
    let mut settings: Settings = serde_json::from_slice(&cx.body).map_err(|_| unreadable())?;
    if settings.keys().any(|name| !RealmRepresentation::knows(name)) {
        return Err(unreadable());
    }
    cx.app.passwords().check_settings(&settings).await?;
    let has = |name: &str| settings.get(name).is_some_and(|value| ![Value::Null, json!([]), json!({})].contains(value));
    if CONTENTS.iter().any(|name| has(name)) {
        let name = settings.get("realm").and_then(Value::as_str).unwrap_or_default();
        realms::check_name(name)?;
        let address = address(&cx, name);
        import(cx).await?;
        return Ok(answer::created_at(&address));
    }
    let name = settings.remove("realm").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    let id = settings.remove("id").and_then(|id| id.as_str().map(RealmId::from));
    let id = id.unwrap_or_else(|| RealmId::random(cx.app.env.random()));
    let new = NewRealm { name, id: Some(id.clone()), settings };

    let (env, sealer, name, source) = (cx.app.env.clone(), cx.app.sealer.clone(), new.name.clone(), cx.app.keys);
    // RSA keys take 150 ms and more: not on a thread that serves requests.
    let keys = tokio::task::spawn_blocking(move || keyring::default_providers(&env, &id, &name, &sealer, source));
    let keys = keys.await.map_err(|failed| AdminError::Failed(failed.to_string()))??;
    let (app, new, keys, creator) = (&cx.app, &new, &keys, creator(&cx));
    let made = change!(cx, |txn| async {
        let realm = realms::create(txn, &app.env, &app.sealer, new, keys).await?;
        if let Some(creator) = creator {
            realms::give_all_roles_over(txn, &realm, creator).await?;
        }
        Ok(realm)
    });
    match made {
        Ok(realm) => Ok(answer::created_at(&address(&cx, &realm.name))),
        Err(ManageError::Invalid(Refusal::Message(text))) if text.starts_with("Failed to update realm") => Err(unreadable()),
        Err(error) => Err(error.into()),
    }
}

fn unreadable() -> AdminError {
    AdminError::message(400, "unable to read contents from stream")
}

fn address(cx: &AdminRequest, realm: &str) -> String {
    format!("{}/admin/realms/{}", cx.base_url, segment(realm))
}

/// Who needs roles over the realm that he makes: a full administrator has them.
fn creator(cx: &AdminRequest) -> Option<&UserId> {
    (!cx.caller.has_realm_role("admin")).then_some(&cx.caller.user.id)
}

/// Everything that stands in the document, or nothing. Its `${NAME}` stay as they are: the server's environment is not the caller's.
async fn import(cx: AdminRequest) -> Result<(), AdminError> {
    let runtime = tokio::runtime::Handle::current();
    // Reading a realm makes keys and checks every user: not on a thread that serves requests.
    let work = tokio::task::spawn_blocking(move || {
        runtime.block_on(async move {
            let app = &cx.app;
            let owner = job::owner(app.env.random());
            let importer = importer(app, &owner, creator(&cx));
            let source = Source::text("realm", &cx.body);
            let mut name = String::new();
            for plan in importer.plan(&source, OnConflict::Fail).await? {
                name.clone_from(&plan.realm);
                for note in plan.report.notes() {
                    tracing::info!(realm = name, "{note}");
                }
                importer.apply(plan, &mut |_| {}).await?;
            }
            told(&cx, Some(&name), None).await
        })
    });
    work.await.map_err(|failed| AdminError::Failed(failed.to_string()))?
}

/// Imports documents of requests.
pub fn importer<'a>(app: &'a App, owner: &'a str, creator: Option<&'a UserId>) -> Importer<'a> {
    let (store, env, sealer, hashing, keys) = (&app.store, &app.env, &app.sealer, &app.hashing, app.keys);
    Importer { store, env, sealer, hashing, keys, lookup: Arc::new(|_| None), owner, creator }
}

impl From<ImportError> for AdminError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Exists(name) => ManageError::realm_exists(&name).into(),
            ImportError::Wrong { problems, .. } => Self::message(400, problems.join("; ")),
            ImportError::Manage(error) => error.into(),
            ImportError::Hashing(error) => error.into(),
            ImportError::Store(error) => error.into(),
            ImportError::Read { error, .. } => Self::Failed(error.to_string()),
        }
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

/// Required actions that register a credential.
const REGISTRATORS: &[&str] = &["CONFIGURE_RECOVERY_AUTHN_CODES", "CONFIGURE_TOTP", "webauthn-register", "webauthn-register-passwordless"];

/// `GET …/credential-registrators`: those that the realm has switched on.
pub async fn credential_registrators(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let authentication = cx.app.store.peek().authentication().get(&cx.realm().id).await?;
    let actions = authentication
        .required_actions
        .iter()
        .filter(|action| action.enabled && REGISTRATORS.contains(&action.provider_id.as_str()));
    Ok(answer::document(&actions.map(|action| &action.alias).collect::<Vec<_>>()))
}

/// All settings of a realm, with its default role.
async fn full(cx: &AdminRequest, realm: &Realm) -> Result<RealmRepresentation, AdminError> {
    let default_role = cx.app.store.peek().roles().get(&realm.id, &realm.default_role).await?;
    let representation = RealmRepresentation::of(realm, &SmtpPassword::Masked);
    let default_role: Value = default_role.map_or(Value::Null, |role| json!(RoleRepresentation::brief(&realm.id, &role)));
    Ok(if default_role.is_null() { representation } else { representation.with("defaultRole", &default_role) })
}
