//! `/components`: key providers, registration policies, user federations; and `/keys`, what the key providers came to.

use actix_web::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::base::id::ComponentId;
use crate::keyring::{Key, KeyMaker, KeyStatus, KeyType, KeyUse, SECRET_CONFIG};
use crate::manage::components;
use crate::manage::components::user_storage::{self, Parting};
use crate::manage::error::ManageError;
use crate::manage::realms::MASK;
use crate::manage::representation::component::ComponentRepresentation;
use crate::model::catalogue::user_storage::{LDAP_MAPPER, LDAP_MAPPERS, USER_STORAGE, sync_of};
use crate::model::component::{Component, KEY_PROVIDER};
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::change;
use super::error::AdminError;

/// What a key provider keeps besides its settings: made from the key, and not shown.
const DERIVED: &[&str] = &["certificate", "kid", "ecdsaPublicKey", "eddsaPublicKey", "ecdhPublicKey"];
/// Secrets of other components.
const OTHER_SECRETS: &[&str] = &["bindCredential"];

/// `GET …/components`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let realm = cx.realm();
    let mut found = cx.app.store.peek().components().list(&realm.id).await?;
    let wanted = |name: &str, value: &str| cx.argument(name).is_none_or(|wanted| wanted == value);
    found.retain(|component| {
        let parent = component.parent.as_ref().map_or(realm.id.as_str(), ComponentId::as_str);
        wanted("type", &component.provider_type)
            && wanted("name", &component.name)
            && wanted("providerId", &component.provider_id)
            && wanted("parent", parent)
    });
    found.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let shown: Vec<_> = found.iter().map(|component| represent(&cx, component)).collect();
    Ok(answer::document(&shown))
}

/// `POST …/components`
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: ComponentRepresentation = body::read(&cx, "ComponentRepresentation")?;
    let random = cx.app.env.random();
    let of_users = given.provider_type.as_deref() == Some(USER_STORAGE);
    let fresh = if of_users { user_storage::new_id(random) } else { ComponentId::random(random) };
    let mut component = given.into_model(&cx.realm().id, fresh);
    if component.name.is_empty() {
        component.name.clone_from(&component.provider_id);
    }
    let component = &complete(&cx, component).await?;
    let (realm, parts) = (&cx.realm().id, &user_storage::default_mappers(random, component));
    change!(cx, |txn| components::create_with_parts(txn, realm, component, parts))?;
    Ok(answer::created(&cx, &["components", component.id.as_str()]))
}

/// `GET …/components/{id}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    Ok(answer::document(&represent(&cx, &existing(&cx).await?)))
}

/// `PUT …/components/{id}`: settings that the body does not name go, keys and masked secrets stay.
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let old = existing(&cx).await?;
    let given: ComponentRepresentation = body::read(&cx, "ComponentRepresentation")?;
    let given = ComponentRepresentation {
        id: Some(old.id.clone()),
        name: given.name.or_else(|| Some(old.name.clone())),
        provider_id: given.provider_id.or_else(|| Some(old.provider_id.clone())),
        provider_type: given.provider_type.or_else(|| Some(old.provider_type.clone())),
        ..given
    };
    let mut component = given.into_model(&cx.realm().id, old.id.clone());
    for (key, values) in &old.config {
        let is_secret = SECRET_CONFIG.contains(&key.as_str()) || OTHER_SECRETS.contains(&key.as_str());
        let keeps = match component.config.get(key) {
            None => is_secret || DERIVED.contains(&key.as_str()),
            Some(given) => is_secret && given.first().is_some_and(|given| given == MASK),
        };
        if keeps {
            component.config.insert(key.clone(), values.clone());
        }
    }
    let component = &complete(&cx, component).await?;
    let (realm, old) = (&cx.realm().id, &old);
    change!(cx, |txn| components::replace(txn, realm, old, component))?;
    Ok(answer::done())
}

/// `DELETE …/components/{id}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &ComponentId::from(cx.parameter("id")));
    change!(cx, |txn| components::delete(txn, realm, id))?;
    Ok(answer::done())
}

/// `POST …/user-storage/{id}/remove-imported-users`
pub async fn remove_imported_users(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    part_users(&cx, Parting::Go).await
}

/// `POST …/user-storage/{id}/unlink-users`
pub async fn unlink_users(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    part_users(&cx, Parting::Stay).await
}

async fn part_users(cx: &AdminRequest, parting: Parting) -> Result<HttpResponse, AdminError> {
    let (realm, id) = (&cx.realm().id, &ComponentId::from(cx.parameter("id")));
    change!(cx, |txn| components::part_users(txn, realm, id, parting))?;
    Ok(answer::done())
}

/// `GET …/components/{id}/sub-component-types`: what can belong to the component. Only federations of kind `ldap` have any.
pub async fn sub_types(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let component = existing(&cx).await?;
    let kind = cx.argument("type").ok_or_else(|| AdminError::error(400, "must specify a subtype"))?;
    let belongs = kind == LDAP_MAPPER && component.provider_type == USER_STORAGE && component.provider_id == "ldap";
    if kind != LDAP_MAPPER {
        return Err(AdminError::error(400, format!("There is no type {kind}")));
    }
    let types = LDAP_MAPPERS.iter().filter(|_| belongs);
    let described = types.map(|kind| {
        let syncs = sync_of(kind.id);
        let mut metadata = json!({ "fedToKeycloakSyncSupported": syncs.is_some(), "keycloakToFedSyncSupported": syncs.is_some() });
        if let Some(what) = syncs {
            metadata["fedToKeycloakSyncMessage"] = json!(format!("sync-ldap-{what}-to-keycloak"));
            metadata["keycloakToFedSyncMessage"] = json!(format!("sync-keycloak-{what}-to-ldap"));
        }
        json!({ "id": kind.id, "properties": kind.properties, "metadata": metadata })
    });
    Ok(answer::document(&described.collect::<Vec<_>>()))
}

/// `GET …/keys`
pub async fn keys(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let realm = cx.app.compiled.realm(&cx.realm().name).await?.ok_or_else(ManageError::no_realm)?;
    let mut keys: Vec<&Key> = realm.keyring.keys().iter().collect();
    keys.sort_by_key(|key| std::cmp::Reverse(key.priority));
    let mut active = Map::new();
    for key in keys.iter().filter(|key| key.status == KeyStatus::Active) {
        active.entry(key.algorithm.clone()).or_insert_with(|| json!(key.kid));
    }
    let shown: Vec<KeyMetadata<'_>> = keys.into_iter().map(KeyMetadata::of).collect();
    Ok(answer::document(&json!({ "active": active, "keys": shown })))
}

/// `KeyMetadataRepresentation`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyMetadata<'a> {
    provider_id: &'a str,
    provider_priority: i64,
    kid: &'a str,
    status: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    algorithm: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(rename = "use")]
    usage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_to: Option<i64>,
}

impl<'a> KeyMetadata<'a> {
    fn of(key: &'a Key) -> Self {
        Self {
            provider_id: key.provider.as_str(),
            provider_priority: key.priority,
            kid: &key.kid,
            status: match key.status {
                KeyStatus::Active => "ACTIVE",
                KeyStatus::Passive => "PASSIVE",
                KeyStatus::Disabled => "DISABLED",
            },
            kind: match key.key_type {
                KeyType::Rsa => "RSA",
                KeyType::Ec => "EC",
                KeyType::Okp => "OKP",
                KeyType::Oct => "OCT",
            },
            algorithm: &key.algorithm,
            public_key: key.public_key.as_ref().map(|key| STANDARD.encode(&key.spki)),
            certificate: key.certificate.as_ref().map(|der| STANDARD.encode(der)),
            usage: match key.usage {
                KeyUse::Signature => "SIG",
                KeyUse::Encryption => "ENC",
            },
            valid_to: key.valid_to().map(|time| time.0),
        }
    }
}

/// The component in the URL.
async fn existing(cx: &AdminRequest) -> Result<Component, AdminError> {
    let id = ComponentId::from(cx.parameter("id"));
    Ok(cx.app.store.peek().components().get(&cx.realm().id, &id).await?.ok_or_else(ManageError::no_component)?)
}

/// Makes the key of a key provider, and seals what is secret. Before the transaction: keys take long.
async fn complete(cx: &AdminRequest, mut component: Component) -> Result<Component, AdminError> {
    if component.provider_type != KEY_PROVIDER {
        let realm = &cx.realm().id;
        if component.provider_type == USER_STORAGE {
            user_storage::complete(&mut component);
        }
        let stored = cx.app.store.peek().components().get(realm, &component.id).await?;
        for key in OTHER_SECRETS {
            let identity = component.secret_identity(key);
            let Some(values) = component.config.get_mut(*key) else { continue };
            let kept = stored.as_ref().and_then(|stored| stored.config.get(*key)).is_some_and(|stored| stored == values);
            if !kept {
                for value in values {
                    *value = cx.app.sealer.seal(cx.app.env.random(), realm, &identity, value.as_bytes());
                }
            }
        }
        return Ok(component);
    }
    let (env, sealer, realm, name) = (cx.app.env.clone(), cx.app.sealer.clone(), cx.realm().id.clone(), cx.realm().name.clone());
    let made = tokio::task::spawn_blocking(move || {
        let maker = KeyMaker { env: &env, realm: &realm, realm_name: &name, sealer: &sealer };
        maker.complete(&mut component).map(|()| component)
    });
    let made = made.await.map_err(|failed| AdminError::Failed(failed.to_string()))?;
    made.map_err(|error| match error.reason.as_str() {
        // Keycloak looks for the provider first.
        "Invalid provider type or no such provider" => ManageError::component_provider().into(),
        reason => AdminError::message(400, reason.to_owned()),
    })
}

/// Without keys, with other secrets masked.
fn represent(cx: &AdminRequest, component: &Component) -> Value {
    let mut config = component.config.clone();
    if component.provider_type == KEY_PROVIDER {
        config.retain(|key, _| !SECRET_CONFIG.contains(&key.as_str()) && !DERIVED.contains(&key.as_str()));
    }
    for (key, values) in &mut config {
        if OTHER_SECRETS.contains(&key.as_str()) {
            values.fill(MASK.to_owned());
        }
    }
    json!(ComponentRepresentation::of(&cx.realm().id, component, &config))
}
