//! `ClientScopeRepresentation`. Role scope mappings are not part of it: REST has URLs for them, an export a list of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::protocol_mapper::ProtocolMapperRepresentation;
use crate::base::id::{ClientScopeId, ProtocolMapperId};
use crate::model::client_scope::ClientScope;

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientScopeRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ClientScopeId>,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    pub attributes: BTreeMap<String, Option<String>>,
    /// Absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_mappers: Option<Vec<ProtocolMapperRepresentation>>,
}

impl From<&ClientScope> for ClientScopeRepresentation {
    fn from(scope: &ClientScope) -> Self {
        Self {
            id: Some(scope.id.clone()),
            name: scope.name.clone(),
            description: scope.description.clone(),
            protocol: Some(scope.protocol.clone()),
            attributes: scope.attributes.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
            protocol_mappers: Some(scope.protocol_mappers.iter().map(Into::into).collect()).filter(|mappers: &Vec<_>| !mappers.is_empty()),
        }
    }
}

impl ClientScopeRepresentation {
    /// The scope, under its own id or else `fresh`, without role scope mappings.
    pub fn into_model(self, fresh: ClientScopeId, mut mapper_id: impl FnMut() -> ProtocolMapperId) -> ClientScope {
        ClientScope {
            id: self.id.unwrap_or(fresh),
            name: self.name,
            description: self.description,
            protocol: self.protocol.unwrap_or_else(|| "openid-connect".to_owned()),
            attributes: self.attributes.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            protocol_mappers: self.protocol_mappers.unwrap_or_default().into_iter().map(|mapper| mapper.into_model(mapper_id())).collect(),
            scope_mappings: Vec::new(),
        }
    }
}
