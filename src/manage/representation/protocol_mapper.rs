//! `ProtocolMapperRepresentation`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::ProtocolMapperId;
use crate::model::protocol_mapper::ProtocolMapper;

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProtocolMapperRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ProtocolMapperId>,
    pub name: String,
    pub protocol: String,
    pub protocol_mapper: String,
    pub consent_required: bool,
    /// A value may be null, which is the same as an absent one.
    pub config: BTreeMap<String, Option<String>>,
}

impl From<&ProtocolMapper> for ProtocolMapperRepresentation {
    fn from(mapper: &ProtocolMapper) -> Self {
        Self {
            id: Some(mapper.id.clone()),
            name: mapper.name.clone(),
            protocol: mapper.protocol.clone(),
            protocol_mapper: mapper.protocol_mapper.clone(),
            consent_required: mapper.consent_required,
            config: mapper.config.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
        }
    }
}

impl ProtocolMapperRepresentation {
    /// The mapper, under its own id or else `fresh`.
    pub fn into_model(self, fresh: ProtocolMapperId) -> ProtocolMapper {
        ProtocolMapper {
            id: self.id.unwrap_or(fresh),
            name: self.name,
            protocol: self.protocol,
            protocol_mapper: self.protocol_mapper,
            consent_required: self.consent_required,
            config: self.config.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        }
    }
}
