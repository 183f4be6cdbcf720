//! Protocol mappers of a client or a client scope: unique by name and protocol, of a type that exists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::env::Env;
use crate::base::id::{ClientId, ClientScopeId, ProtocolMapperId, RealmId};
use crate::model::protocol_mapper::{PAIRWISE_SALT, PAIRWISE_SUBJECT, ProtocolMapper, TYPES};
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::error::ManageError;
use super::{client_scopes, clients};

/// A mapper to add, or the new contents of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewMapper {
    pub name: String,
    pub protocol: String,
    pub protocol_mapper: String,
    pub consent_required: bool,
    pub config: BTreeMap<String, String>,
}

impl From<&ProtocolMapper> for NewMapper {
    fn from(mapper: &ProtocolMapper) -> Self {
        let ProtocolMapper { id: _, name, protocol, protocol_mapper, consent_required, config } = mapper.clone();
        Self { name, protocol, protocol_mapper, consent_required, config }
    }
}

/// What holds protocol mappers and scope mappings.
#[derive(Clone, Debug)]
pub enum Holder {
    Client(ClientId),
    ClientScope(ClientScopeId),
}

/// Adds a mapper.
///
/// # Errors
/// No such holder, an unknown type, a mapper of this name is there.
pub async fn add(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &RealmId,
    holder: &Holder,
    new: &NewMapper,
) -> Result<ProtocolMapperId, ManageError> {
    change(txn, realm, holder, |mappers| push(mappers, env, new)).await
}

/// Replaces the contents of a mapper.
///
/// # Errors
/// No such holder or mapper, an unknown type, another mapper has the name.
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    holder: &Holder,
    id: &ProtocolMapperId,
    new: &NewMapper,
) -> Result<(), ManageError> {
    change(txn, realm, holder, |mappers| {
        let index = mappers.iter().position(|mapper| mapper.id == *id).ok_or_else(ManageError::no_mapper)?;
        let others = mappers.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, mapper)| mapper);
        let salt = mappers[index].config.get(PAIRWISE_SALT).cloned();
        mappers[index] = checked(new, others, id.clone(), || salt.unwrap_or_default())?;
        Ok(())
    })
    .await
}

/// Removes a mapper.
///
/// # Errors
/// No such holder or mapper.
pub async fn remove(txn: &mut Txn<'_, Configuration>, realm: &RealmId, holder: &Holder, id: &ProtocolMapperId) -> Result<(), ManageError> {
    change(txn, realm, holder, |mappers| {
        let index = mappers.iter().position(|mapper| mapper.id == *id).ok_or_else(ManageError::no_mapper)?;
        mappers.remove(index);
        Ok(())
    })
    .await
}

/// Makes `given` the mappers of a client. One of the same name and protocol keeps its id; those that are not named go.
pub(super) fn replace(mappers: &mut Vec<ProtocolMapper>, env: &Env, given: &[NewMapper]) -> Result<(), ManageError> {
    let old = std::mem::take(mappers);
    for new in given {
        let is_new = !mappers.iter().any(|mapper| mapper.name == new.name && mapper.protocol == new.protocol);
        match old.iter().find(|mapper| mapper.name == new.name && mapper.protocol == new.protocol) {
            // An imported one may be of a type that is not there.
            Some(known) if is_new && NewMapper::from(known) == *new => mappers.push(known.clone()),
            Some(known) => {
                let salt = known.config.get(PAIRWISE_SALT).cloned();
                let salt = || salt.unwrap_or_else(|| env.random().uuid().to_string());
                let mapper = checked(new, mappers.iter(), known.id.clone(), salt)?;
                mappers.push(mapper);
            }
            None => drop(push(mappers, env, new)?),
        }
    }
    Ok(())
}

/// Appends a checked mapper with a fresh id.
pub(super) fn push(mappers: &mut Vec<ProtocolMapper>, env: &Env, new: &NewMapper) -> Result<ProtocolMapperId, ManageError> {
    let mapper = checked(new, mappers.iter(), ProtocolMapperId::random(env.random()), || env.random().uuid().to_string())?;
    let id = mapper.id.clone();
    mappers.push(mapper);
    Ok(id)
}

fn checked<'a>(
    new: &NewMapper,
    mut others: impl Iterator<Item = &'a ProtocolMapper>,
    id: ProtocolMapperId,
    salt: impl FnOnce() -> String,
) -> Result<ProtocolMapper, ManageError> {
    if !TYPES.contains(&new.protocol_mapper.as_str()) {
        return Err(ManageError::no_mapper_type());
    }
    if others.any(|mapper| mapper.name == new.name && mapper.protocol == new.protocol) {
        return Err(ManageError::mapper_exists());
    }
    let mut config = new.config.clone();
    // OIDC Core §8.1: without a secret salt anybody could compute whose subject it is.
    if new.protocol_mapper == PAIRWISE_SUBJECT && config.get(PAIRWISE_SALT).is_none_or(String::is_empty) {
        config.insert(PAIRWISE_SALT.to_owned(), salt());
    }
    Ok(ProtocolMapper {
        id,
        name: new.name.clone(),
        protocol: new.protocol.clone(),
        protocol_mapper: new.protocol_mapper.clone(),
        consent_required: new.consent_required,
        config,
    })
}

async fn change<T>(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    holder: &Holder,
    edit: impl FnOnce(&mut Vec<ProtocolMapper>) -> Result<T, ManageError> + Send,
) -> Result<T, ManageError> {
    match holder {
        Holder::Client(id) => {
            let old = clients::existing(txn, realm, id).await?;
            let mut client = old.clone();
            let answer = edit(&mut client.protocol_mappers)?;
            txn.clients().put(realm, &old, &client);
            Ok(answer)
        }
        Holder::ClientScope(id) => {
            let old = client_scopes::existing(txn, realm, id).await?;
            let mut scope = old.clone();
            let answer = edit(&mut scope.protocol_mappers)?;
            txn.client_scopes().put(realm, &old, &scope);
            Ok(answer)
        }
    }
}
