//! What the event of a change shows of it: what was sent, as Keycloak has read it, that is with its members in Keycloak's order, with
//! what Keycloak's types say by themselves, and of something new with the id that it got.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::base::java_map;
use crate::manage::representation::authentication::RequiredActionRepresentation;
use crate::manage::representation::client::ClientRepresentation;
use crate::manage::representation::client_scope::ClientScopeRepresentation;
use crate::manage::representation::component::ComponentRepresentation;
use crate::manage::representation::group::GroupRepresentation;
use crate::manage::representation::identity_provider::{IdentityProviderMapperRepresentation, IdentityProviderRepresentation};
use crate::manage::representation::organization::OrganizationRepresentation;
use crate::manage::representation::protocol_mapper::ProtocolMapperRepresentation;
use crate::manage::representation::realm::RealmRepresentation;
use crate::manage::representation::role::RoleRepresentation;
use crate::manage::representation::user::{FederatedIdentityRepresentation, UserRepresentation};

/// What was sent to `path` below a realm.
pub fn as_read(path: &str, sent: Value) -> Value {
    if let Value::Array(all) = sent {
        return all.into_iter().map(|one| as_read(path, one)).collect();
    }
    let Value::Object(sent) = sent else { return sent };
    let parts: Vec<&str> = path.split('/').collect();
    Value::Object(match parts.as_slice() {
        [""] => in_order::<RealmRepresentation>(sent),
        ["users", "profile"] => sent,
        ["users"] | ["users", _] => in_order::<UserRepresentation>(sent),
        ["users", _, "federated-identity", _] => in_order::<FederatedIdentityRepresentation>(sent),
        ["groups"] | ["groups", _] | ["groups", _, "children"] => {
            in_order::<GroupRepresentation>(with(sent, "subGroups", Value::Array(Vec::new())))
        }
        ["roles" | "roles-by-id", ..] | ["clients", _, "roles", ..] | [_, _, "role-mappings" | "scope-mappings", ..] => {
            in_order::<RoleRepresentation>(with(sent, "composite", Value::Bool(false)))
        }
        [.., "protocol-mappers", "models" | "add-models"] | [.., "protocol-mappers", "models", _] => {
            in_order::<ProtocolMapperRepresentation>(sent)
        }
        ["clients"] | ["clients", _] => client(sent),
        ["client-scopes" | "client-templates"] | ["client-scopes" | "client-templates", _] => in_order::<ClientScopeRepresentation>(sent),
        ["components"] | ["components", _] => component(sent),
        ["identity-provider", "instances"] | ["identity-provider", "instances", _] => in_order::<IdentityProviderRepresentation>(sent),
        ["identity-provider", "instances", _, "mappers", ..] => in_order::<IdentityProviderMapperRepresentation>(sent),
        ["authentication", "required-actions", _] => in_order::<RequiredActionRepresentation>(sent),
        ["organizations"] | ["organizations", _] => in_order::<OrganizationRepresentation>(sent),
        _ => sent,
    })
}

/// A type of Keycloak's says this of itself when the request does not.
fn with(mut sent: Map<String, Value>, member: &str, value: Value) -> Map<String, Value> {
    sent.entry(member).or_insert(value);
    sent
}

/// When the secret was made is the server's to know; a client that is read and written back says it.
fn client(sent: Map<String, Value>) -> Map<String, Value> {
    let mut client = in_order::<ClientRepresentation>(sent);
    if let Some(attributes) = client.get_mut("attributes").and_then(Value::as_object_mut) {
        attributes.shift_remove("client.secret.creation.time");
    }
    client
}

/// The configuration is a hash map in Keycloak; other maps keep the order in which they were sent.
fn component(sent: Map<String, Value>) -> Map<String, Value> {
    let mut component = in_order::<ComponentRepresentation>(sent);
    if let Some(Value::Object(config)) = component.get_mut("config") {
        let mut entries: Vec<_> = std::mem::take(config).into_iter().collect();
        java_map::sort(&mut entries, |(name, _)| name);
        config.extend(entries);
    }
    component
}

/// The members that were sent in the order of `T`, with those that `T` writes in any case; what `T` does not know comes last.
fn in_order<T: DeserializeOwned + Serialize>(mut sent: Map<String, Value>) -> Map<String, Value> {
    sent.retain(|_, value| !value.is_null());
    let read = serde_json::from_value::<T>(Value::Object(sent.clone())).and_then(serde_json::to_value);
    let Ok(Value::Object(read)) = read else { return sent };
    let mut ordered = Map::new();
    for (name, value) in read {
        let value = sent.shift_remove(&name).unwrap_or(value);
        ordered.insert(name, value);
    }
    ordered.extend(sent);
    ordered
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(path: &str, sent: Value) -> String {
        as_read(path, sent).to_string()
    }

    #[test]
    fn members_stand_in_keycloaks_order_and_maps_as_they_were_sent() {
        let client = json!({ "attributes": { "z": "1", "a": "2", "client.secret.creation.time": "5" }, "name": null, "enabled": true, "clientId": "api" });
        assert_eq!(told("clients", client), r#"{"clientId":"api","enabled":true,"attributes":{"z":"1","a":"2"}}"#);
        let user = json!({ "enabled": true, "email": "e", "firstName": "F", "username": "u" });
        assert_eq!(told("users/1", user), r#"{"username":"u","firstName":"F","email":"e","enabled":true}"#);
        assert_eq!(
            told("", json!({ "rememberMe": true, "registrationAllowed": false })),
            r#"{"registrationAllowed":false,"rememberMe":true}"#
        );
    }

    #[test]
    fn what_a_type_always_says_is_there() {
        assert_eq!(told("clients/c/roles", json!({ "name": "r" })), r#"{"name":"r","composite":false}"#);
        assert_eq!(told("groups/g/children", json!({ "name": "g" })), r#"{"name":"g","subGroups":[]}"#);
        let roles = json!([{ "name": "r", "id": "1" }]);
        assert_eq!(told("users/u/role-mappings/realm", roles), r#"[{"id":"1","name":"r","composite":false}]"#);
    }

    #[test]
    fn the_configuration_of_a_component_is_a_hash_map() {
        let sent = json!({ "name": "k", "config": { "priority": [], "enabled": [], "active": [], "algorithm": [], "keySize": [] } });
        let config = &as_read("components", sent)["config"];
        let names: Vec<&String> = config.as_object().unwrap().keys().collect();
        assert_eq!(names, ["keySize", "active", "priority", "enabled", "algorithm"]);
    }

    #[test]
    fn what_nobody_can_read_is_shown_as_it_was_sent() {
        assert_eq!(told("users", json!({ "x": 1, "username": {} })), r#"{"x":1,"username":{}}"#);
        assert_eq!(told("localization/de", json!({ "b": "1", "a": "2" })), r#"{"b":"1","a":"2"}"#);
    }
}
