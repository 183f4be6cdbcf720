//! `/users/profile`: the user profile of the realm, what forms need to know of it, and attributes that it does not declare.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

use crate::base::java_map;
use crate::manage::realms;
use crate::model::realm::Realm;
use crate::model::user_profile::{Editor, FIELDS, NOTED, ProfileAttribute, UserProfile};
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::existing;
use crate::admin::answer;
use crate::admin::body;
use crate::admin::change::change;
use crate::admin::error::AdminError;

/// `GET …/users/profile`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    Ok(answer::document(&cx.app.store.peek().user_profiles().get(&cx.realm().id).await?))
}

/// `PUT …/users/profile`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let profile: UserProfile = body::read(&cx, "UPConfig")?;
    let (realm, profile) = (&cx.realm().id, &profile);
    change!(cx, |txn| realms::set_user_profile(txn, realm, profile))?;
    Ok(crate::web::oauth_response::json(200, profile))
}

/// `GET …/users/profile/metadata`
pub async fn read_metadata(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let profile = cx.app.store.peek().user_profiles().get(&cx.realm().id).await?;
    Ok(answer::document(&metadata(cx.realm(), &profile, false)))
}

/// `GET …/users/{user-id}/unmanagedAttributes`
pub async fn unmanaged(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let profile = cx.app.store.peek().user_profiles().get(&cx.realm().id).await?;
    let mut attributes = shown(&profile, &user.attributes);
    attributes.retain(|name, _| profile.attribute(name).is_none() && !NOTED.contains(&name.as_str()));
    Ok(answer::document(&attributes))
}

/// The attributes that administrators see: those that the profile shows them, undeclared ones where it lets them be, and the server's own.
pub fn shown(profile: &UserProfile, attributes: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let is_shown = |name: &String| match profile.attribute(name) {
        Some(attribute) => attribute
            .permissions
            .as_ref()
            .is_none_or(|allowed| allowed.view.iter().chain(&allowed.edit).any(|role| role == "admin")),
        None => profile.unmanaged_attribute_policy.is_some() || NOTED.contains(&name.as_str()),
    };
    attributes
        .iter()
        .filter(|(name, _)| is_shown(name))
        .map(|(name, values)| (name.clone(), values.clone()))
        .collect()
}

/// What a form of the administration needs: of an existing user the name may be fixed.
pub fn metadata(realm: &Realm, profile: &UserProfile, existing: bool) -> Value {
    let attributes: Vec<Value> = profile
        .attributes
        .iter()
        .map(|attribute| {
            let name = attribute.name.as_str();
            let is_name = name == FIELDS[0];
            let mut shown = Map::new();
            shown.insert("name".to_owned(), json!(name));
            if let Some(display) = &attribute.display_name {
                shown.insert("displayName".to_owned(), json!(display));
            }
            shown.insert("required".to_owned(), json!(is_name || attribute.required_for(Editor::Admin)));
            let read_only = is_name && existing && !realm.edit_username_allowed || !attribute.editable_by(Editor::Admin);
            shown.insert("readOnly".to_owned(), json!(read_only));
            if !attribute.annotations.is_empty() {
                shown.insert("annotations".to_owned(), Value::Object(attribute.annotations.clone()));
            }
            shown.insert("validators".to_owned(), Value::Object(validators(attribute)));
            if let Some(group) = &attribute.group {
                shown.insert("group".to_owned(), json!(group));
            }
            shown.insert("multivalued".to_owned(), json!(attribute.multivalued));
            Value::Object(shown)
        })
        .collect();
    json!({ "attributes": attributes, "groups": profile.groups })
}

/// The configured validators, each with what Keycloak adds to it, and the one for lists.
fn validators(attribute: &ProfileAttribute) -> Map<String, Value> {
    let mut validators = Map::new();
    for (name, config) in &attribute.validations {
        let mut config = config.as_object().cloned().unwrap_or_default();
        config.entry("ignore.empty.value").or_insert(Value::Bool(true));
        validators.insert(name.clone(), Value::Object(in_javas_order(config)));
    }
    if !attribute.multivalued {
        validators.insert("multivalued".to_owned(), json!({ "max": "1" }));
    }
    in_javas_order(validators)
}

/// The order in which Keycloak writes these two maps.
fn in_javas_order(map: Map<String, Value>) -> Map<String, Value> {
    let mut entries: Vec<(String, Value)> = map.into_iter().collect();
    java_map::sort(&mut entries, |(key, _)| key);
    entries.into_iter().collect()
}
