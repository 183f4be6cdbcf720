//! The JSON of entities against a real Keycloak: what an export holds reads in and writes out the same, in the same order.

use keywright::base::id::{AuthenticatorConfigId, ClientId, ClientScopeId, ComponentId, ProtocolMapperId, RealmId};
use keywright::manage::realms::NewRealm;
use keywright::manage::representation::authentication::{
    AuthenticatorConfigRepresentation, FlowRepresentation, RequiredActionRepresentation,
};
use keywright::manage::representation::client::ClientRepresentation;
use keywright::manage::representation::client_scope::ClientScopeRepresentation;
use keywright::manage::representation::component::ComponentExportRepresentation;
use keywright::manage::representation::realm::{RealmRepresentation, SmtpPassword};
use keywright::model::authentication::RequiredAction;
use keywright::model::client::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::World;

fn export() -> Value {
    serde_json::from_str(include_str!("../fixtures/keycloak-export/realm.json")).unwrap()
}

/// Members of Java maps have no order of their own.
fn settled(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let is_map = ["attributes", "config", "authenticationFlowBindingOverrides", "browserSecurityHeaders"].contains(&name);
            let mut members: Vec<_> = members.iter().map(|(name, value)| (name.clone(), settled(name, value))).collect();
            if is_map {
                members.sort_by(|a, b| a.0.cmp(&b.0));
            }
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(|item| settled("", item)).collect(),
        other => other.clone(),
    }
}

/// Reads an entity of the export, sends it through the model and compares the text of what comes out.
fn assert_survives<T: Serialize + DeserializeOwned>(entity: &Value, through_model: impl FnOnce(T) -> T) {
    let read = serde_json::from_value(entity.clone()).unwrap();
    let written = serde_json::to_value(through_model(read)).unwrap();
    assert_eq!(settled("", &written).to_string(), settled("", entity).to_string());
}

fn no_id<T: for<'a> From<&'a str>>() -> T {
    T::from("every entity of an export has an id")
}

fn each(export: &Value, member: &str) -> Vec<Value> {
    let all = export[member].as_array().unwrap().clone();
    assert!(!all.is_empty());
    all
}

#[test]
fn clients_of_an_export_read_in_and_write_out_the_same() {
    for client in each(&export(), "clients") {
        assert_survives(&client, |representation: ClientRepresentation| {
            let names = |names: &Option<Vec<String>>| -> Vec<ClientScopeId> {
                names.as_ref().unwrap().iter().map(|name| ClientScopeId::from(name.as_str())).collect()
            };
            let (default, optional) = (names(&representation.default_client_scopes), names(&representation.optional_client_scopes));
            let secret = representation.secret.clone();
            let model = representation.into_model(no_id::<ClientId>(), no_id::<ProtocolMapperId>);
            let model = Client { default_client_scopes: default, optional_client_scopes: optional, ..model };
            ClientRepresentation::of(&model, secret, |id| Some(id.to_string()))
        });
    }
}

#[test]
fn client_scopes_of_an_export_read_in_and_write_out_the_same() {
    for scope in each(&export(), "clientScopes") {
        assert_survives(&scope, |representation: ClientScopeRepresentation| {
            (&representation.into_model(no_id(), no_id::<ProtocolMapperId>)).into()
        });
    }
}

#[test]
fn components_of_an_export_read_in_and_write_out_the_same() {
    for (kind, components) in export()["components"].as_object().unwrap() {
        for component in components.as_array().unwrap() {
            assert_survives(component, |representation: ComponentExportRepresentation| {
                let model = representation.into_model(kind, no_id::<ComponentId>());
                ComponentExportRepresentation::of(&model, &model.config)
            });
        }
    }
}

#[test]
fn flows_configurations_and_required_actions_of_an_export_write_out_the_same() {
    let export = export();
    for config in each(&export, "authenticatorConfig") {
        assert_survives(&config, |representation: AuthenticatorConfigRepresentation| {
            (&representation.into_model(no_id::<AuthenticatorConfigId>())).into()
        });
    }
    for action in each(&export, "requiredActions") {
        assert_survives(&action, |representation: RequiredActionRepresentation| (&RequiredAction::from(representation)).into());
    }
    for flow in each(&export, "authenticationFlows") {
        assert_survives(&flow, |representation: FlowRepresentation| representation);
    }
}

#[tokio::test]
async fn a_new_realm_shows_its_settings_in_keycloaks_order() {
    let world = World::with_master().await;
    let realm = world
        .create_realm(&NewRealm { id: Some(RealmId::from("r")), ..NewRealm::enabled("oracle-fresh") })
        .await
        .unwrap();
    let recorded: Value = serde_json::from_str(include_str!("../fixtures/manage/fresh-realm.json")).unwrap();
    let mut recorded = recorded["realm representation"].clone();
    recorded["id"] = json!("r");
    let default_role = recorded["defaultRole"].clone();

    let shown = RealmRepresentation::of(&realm, &SmtpPassword::Masked).with("defaultRole", &default_role);
    assert_eq!(settled("", &serde_json::to_value(&shown).unwrap()).to_string(), settled("", &recorded).to_string());
}
