//! `/identity-provider/instances/{alias}/mappers`

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

use crate::admin::answer;
use crate::admin::body;
use crate::admin::change::change;
use crate::admin::error::AdminError;
use crate::manage::error::ManageError;
use crate::manage::identity_providers::mappers;
use crate::manage::representation::identity_provider::IdentityProviderMapperRepresentation;
use crate::model::catalogue::identity_provider;
use crate::web::administrator::AdminRequest;

use super::existing;

/// `GET …/mapper-types`: those that this provider can have, by id
pub async fn types(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let provider = existing(&cx).await?;
    let described = identity_provider::mappers_of(&provider.provider_id).map(|kind| {
        let described = json!({ "id": kind.id, "name": kind.name, "category": kind.category, "properties": kind.properties });
        (kind.id.to_owned(), described)
    });
    Ok(answer::document(&described.collect::<Map<String, Value>>()))
}

/// `GET …/mappers`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let provider = existing(&cx).await?;
    let shown: Vec<_> = provider.mappers.iter().map(|mapper| IdentityProviderMapperRepresentation::of(&provider, mapper)).collect();
    Ok(answer::document(&shown))
}

/// `POST …/mappers`: of the provider in the URL, whatever the body says
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: IdentityProviderMapperRepresentation = body::read(&cx, "IdentityProviderMapperRepresentation")?;
    let new = given.into_model();
    let (app, realm, alias, new) = (&cx.app, &cx.realm().id, cx.parameter("alias"), &new);
    let id = change!(cx, |txn| mappers::add(txn, &app.env, realm, alias, new))?;
    Ok(answer::created(&cx, &["identity-provider", "instances", alias, "mappers", &id]))
}

/// `GET …/mappers/{id}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let provider = existing(&cx).await?;
    let mapper = provider.mappers.iter().find(|mapper| mapper.id == cx.parameter("id")).ok_or_else(ManageError::no_mapper)?;
    Ok(answer::document(&IdentityProviderMapperRepresentation::of(&provider, mapper)))
}

/// `PUT …/mappers/{id}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: IdentityProviderMapperRepresentation = body::read(&cx, "IdentityProviderMapperRepresentation")?;
    let new = given.into_model();
    let (realm, alias, id, new) = (&cx.realm().id, cx.parameter("alias"), cx.parameter("id"), &new);
    change!(cx, |txn| mappers::update(txn, realm, alias, id, new))?;
    Ok(answer::done())
}

/// `DELETE …/mappers/{id}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, alias, id) = (&cx.realm().id, cx.parameter("alias"), cx.parameter("id"));
    change!(cx, |txn| mappers::remove(txn, realm, alias, id))?;
    Ok(answer::done())
}
