//! `ComponentRepresentation` of REST, and `ComponentExportRepresentation` of an export: there components stand under their type and
//! those that belong to another one inside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::{ComponentId, RealmId};
use crate::model::component::Component;

/// Configuration values by key. `None` in the list is an absent value.
pub type ComponentConfig = BTreeMap<String, Vec<Option<String>>>;

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComponentRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ComponentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_type: Option<String>,
    /// The realm, or the component that this one belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_type: Option<String>,
    pub config: ComponentConfig,
}

impl ComponentRepresentation {
    /// `config` is the component's own, with secrets opened, masked or left out as the reader may see them.
    pub fn of(realm: &RealmId, component: &Component, config: &BTreeMap<String, Vec<String>>) -> Self {
        Self {
            id: Some(component.id.clone()),
            name: Some(component.name.clone()),
            provider_id: Some(component.provider_id.clone()),
            provider_type: Some(component.provider_type.clone()),
            parent_id: Some(component.parent.as_ref().map_or_else(|| realm.to_string(), ToString::to_string)),
            sub_type: component.sub_type.clone(),
            config: shown(config),
        }
    }

    /// The component in `realm` with its configuration as given: secrets in it are not sealed yet.
    pub fn into_model(self, realm: &RealmId, fresh: ComponentId) -> Component {
        Component {
            id: self.id.unwrap_or(fresh),
            name: self.name.unwrap_or_default(),
            provider_id: self.provider_id.unwrap_or_default(),
            provider_type: self.provider_type.unwrap_or_default(),
            sub_type: self.sub_type,
            parent: self.parent_id.filter(|parent| !parent.is_empty() && parent != realm.as_str()).map(ComponentId::from),
            config: present(self.config),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComponentExportRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ComponentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub provider_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_type: Option<String>,
    pub sub_components: BTreeMap<String, Vec<ComponentExportRepresentation>>,
    pub config: ComponentConfig,
}

impl ComponentExportRepresentation {
    /// Without what belongs to it. `config` as in [`ComponentRepresentation::of`].
    pub fn of(component: &Component, config: &BTreeMap<String, Vec<String>>) -> Self {
        Self {
            id: Some(component.id.clone()),
            name: Some(component.name.clone()).filter(|name| !name.is_empty()),
            provider_id: component.provider_id.clone(),
            sub_type: component.sub_type.clone(),
            sub_components: BTreeMap::new(),
            config: shown(config),
        }
    }

    /// The component of type `provider_type`, without what belongs to it; secrets in its configuration are not sealed yet.
    pub fn into_model(self, provider_type: &str, fresh: ComponentId) -> Component {
        Component {
            id: self.id.unwrap_or(fresh),
            name: self.name.unwrap_or_default(),
            provider_id: self.provider_id,
            provider_type: provider_type.to_owned(),
            sub_type: self.sub_type,
            parent: None,
            config: present(self.config),
        }
    }
}

fn shown(config: &BTreeMap<String, Vec<String>>) -> ComponentConfig {
    config.iter().map(|(key, values)| (key.clone(), values.iter().cloned().map(Some).collect())).collect()
}

fn present(config: ComponentConfig) -> BTreeMap<String, Vec<String>> {
    config.into_iter().map(|(key, values)| (key, values.into_iter().flatten().collect())).collect()
}
