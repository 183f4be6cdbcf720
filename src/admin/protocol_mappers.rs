//! `protocol-mappers` of clients and client scopes

use actix_web::HttpResponse;

use crate::base::id::ProtocolMapperId;
use crate::manage::error::ManageError;
use crate::manage::pairwise;
use crate::manage::protocol_mappers::{self, Holder, NewMapper};
use crate::manage::representation::client::mapper;
use crate::manage::representation::protocol_mapper::ProtocolMapperRepresentation;
use crate::model::protocol_mapper::ProtocolMapper;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::change;
use super::error::AdminError;
use super::{client_scopes, clients};

/// `GET …/protocol-mappers/models`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (_, mappers) = holder(&cx).await?;
    Ok(show(&mappers))
}

/// `GET …/protocol-mappers/protocol/{protocol}`
pub async fn of_protocol(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (_, mut mappers) = holder(&cx).await?;
    mappers.retain(|mapper| mapper.protocol == cx.parameter("protocol"));
    Ok(show(&mappers))
}

/// `POST …/protocol-mappers/models`
pub async fn create(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (holder, _) = holder(&cx).await?;
    let given: ProtocolMapperRepresentation = body::read(&cx, "ProtocolMapperRepresentation")?;
    let new = mapper(&given);
    check_sector(&cx, &holder, &new).await?;
    let (app, realm, target, new) = (&cx.app, &cx.realm().id, &holder, &new);
    let id = change!(cx, |txn| protocol_mappers::add(txn, &app.env, realm, target, new))?;
    let (family, owner) = match &holder {
        Holder::Client(id) => ("clients", id.to_string()),
        Holder::ClientScope(id) => ("client-scopes", id.to_string()),
    };
    Ok(answer::created(&cx, &[family, &owner, "protocol-mappers", "models", id.as_str()]))
}

/// `POST …/protocol-mappers/add-models`: all of a list, or none
pub async fn create_all(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (holder, _) = holder(&cx).await?;
    let given: Vec<ProtocolMapperRepresentation> = body::list(&cx, "ProtocolMapperRepresentation")?;
    for one in &given {
        check_sector(&cx, &holder, &mapper(one)).await?;
    }
    let (app, realm, holder, given) = (&cx.app, &cx.realm().id, &holder, &given);
    change!(cx, |txn| async {
        for one in given {
            protocol_mappers::add(txn, &app.env, realm, holder, &mapper(one)).await?;
        }
        Ok(())
    })?;
    Ok(answer::done())
}

/// `GET …/protocol-mappers/models/{id}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (_, mappers) = holder(&cx).await?;
    let found = mappers.iter().find(|mapper| mapper.id.as_str() == cx.parameter("id")).ok_or_else(ManageError::no_mapper)?;
    Ok(answer::document(&ProtocolMapperRepresentation::from(found)))
}

/// `PUT …/protocol-mappers/models/{id}`
pub async fn update(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (holder, _) = holder(&cx).await?;
    let given: ProtocolMapperRepresentation = body::read(&cx, "ProtocolMapperRepresentation")?;
    check_sector(&cx, &holder, &mapper(&given)).await?;
    let (realm, holder, id, new) = (&cx.realm().id, &holder, &ProtocolMapperId::from(cx.parameter("id")), &mapper(&given));
    change!(cx, |txn| protocol_mappers::update(txn, realm, holder, id, new))?;
    Ok(answer::done())
}

/// `DELETE …/protocol-mappers/models/{id}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (holder, _) = holder(&cx).await?;
    let (realm, holder, id) = (&cx.realm().id, &holder, &ProtocolMapperId::from(cx.parameter("id")));
    change!(cx, |txn| protocol_mappers::remove(txn, realm, holder, id))?;
    Ok(answer::done())
}

/// A pairwise subject of a client needs a sector; a client scope is of many clients, whose redirect URIs decide at each token.
async fn check_sector(cx: &AdminRequest, holder: &Holder, new: &NewMapper) -> Result<(), AdminError> {
    let Holder::Client(_) = holder else { return Ok(()) };
    let client = clients::existing(cx).await?;
    Ok(pairwise::check(&cx.app.egress, &client, new).await.map_err(ManageError::sector_of_mapper)?)
}

/// The client or client scope in the URL with its mappers.
async fn holder(cx: &AdminRequest) -> Result<(Holder, Vec<ProtocolMapper>), AdminError> {
    if cx.has_parameter("client-uuid") {
        let client = clients::existing(cx).await?;
        return Ok((Holder::Client(client.id), client.protocol_mappers));
    }
    let scope = client_scopes::existing(cx).await?;
    Ok((Holder::ClientScope(scope.id), scope.protocol_mappers))
}

fn show(mappers: &[ProtocolMapper]) -> HttpResponse {
    let shown: Vec<_> = mappers.iter().map(ProtocolMapperRepresentation::from).collect();
    answer::document(&shown)
}
