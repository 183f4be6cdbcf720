//! `RoleRepresentation` and the shapes of role mappings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::id::{ClientId, RealmId};
use crate::model::role::{Role, RoleContainer};

use super::lists;

/// A role as Keycloak's JSON has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoleRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub composite: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub composites: Option<Composites>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_role: Option<bool>,
    /// The id of the realm or client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lists")]
    pub attributes: Option<BTreeMap<String, Vec<String>>>,
    /// Of Keycloak 3 and older, accepted and ignored.
    #[serde(skip_serializing)]
    pub scope_param_required: Option<Value>,
}

/// The roles in a composite, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Composites {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realm: Option<Vec<String>>,
    /// Under the `client_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<BTreeMap<String, Vec<String>>>,
    /// Of Keycloak 1.x, accepted and ignored.
    #[serde(skip_serializing)]
    pub application: Option<Value>,
}

/// All role mappings of a user, group, client or client scope.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MappingsRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realm_mappings: Option<Vec<RoleRepresentation>>,
    /// Under the `client_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_mappings: Option<BTreeMap<String, ClientMappingsRepresentation>>,
}

/// Role mappings of one client.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ClientMappingsRepresentation {
    pub id: String,
    /// The `client_id`.
    pub client: String,
    pub mappings: Vec<RoleRepresentation>,
}

impl RoleRepresentation {
    /// What lists show with `briefRepresentation`.
    pub fn brief(realm: &RealmId, role: &Role) -> Self {
        let (client_role, container_id) = match &role.container {
            RoleContainer::Realm => (false, realm.to_string()),
            RoleContainer::Client(client) => (true, client.to_string()),
        };
        Self {
            id: Some(role.id.to_string()),
            name: Some(role.name.clone()),
            description: role.description.clone(),
            composite: Some(!role.composites.is_empty()),
            client_role: Some(client_role),
            container_id: Some(container_id),
            ..Self::default()
        }
    }

    /// With attributes.
    pub fn full(realm: &RealmId, role: &Role) -> Self {
        Self { attributes: Some(role.attributes.clone()), ..Self::brief(realm, role) }
    }

    /// The client whose role it is, if `client_role` and `container_id` say so.
    pub fn client(&self) -> Option<ClientId> {
        self.container_id.as_deref().filter(|_| self.client_role == Some(true)).map(ClientId::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::RoleId;

    #[test]
    fn fields_stand_in_keycloaks_order() {
        let role = Role {
            id: RoleId::from("r"),
            name: "r1".into(),
            description: Some("d".into()),
            container: RoleContainer::Client(ClientId::from("c")),
            composites: vec![RoleId::from("x")],
            attributes: BTreeMap::from([("a".to_owned(), vec!["1".to_owned()])]),
        };
        let realm = RealmId::from("realm");
        assert_eq!(
            serde_json::to_string(&RoleRepresentation::full(&realm, &role)).unwrap(),
            r#"{"id":"r","name":"r1","description":"d","composite":true,"clientRole":true,"containerId":"c","attributes":{"a":["1"]}}"#
        );
        let brief =
            RoleRepresentation::brief(&realm, &Role { container: RoleContainer::Realm, description: None, composites: Vec::new(), ..role });
        assert_eq!(
            serde_json::to_string(&brief).unwrap(),
            r#"{"id":"r","name":"r1","composite":false,"clientRole":false,"containerId":"realm"}"#
        );
    }
}
