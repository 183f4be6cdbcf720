//! A new realm, part by part against what a real Keycloak made. Only ids, secrets and the order of sets are normalised.

use std::collections::BTreeMap;

use keywright::base::id::{ClientScopeId, RealmId, RoleId};
use keywright::manage::realms::NewRealm;
use keywright::model::authentication::{Authentication, Execution};
use keywright::model::client::Client;
use keywright::model::component::KEY_PROVIDER;
use keywright::model::protocol_mapper::ProtocolMapper;
use keywright::model::realm::Realm;
use keywright::model::role::{Role, RoleContainer};
use keywright::store::txn::Reader as _;
use serde_json::{Value, json};

use super::World;

fn expected(part: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../fixtures/manage/fresh-realm.json")).unwrap();
    assert!(!all[part].is_null(), "{part}");
    all[part].clone()
}

/// The realm that the recording is of.
async fn fresh() -> (World, Realm) {
    let world = World::with_master().await;
    let realm = world.create_realm(&NewRealm::enabled("oracle-fresh")).await.unwrap();
    (world, realm)
}

async fn master() -> (World, Realm) {
    let world = World::with_master().await;
    let master = world.store.peek().realms().by_name("master").await.unwrap().unwrap();
    (world, master)
}

fn sorted(mut values: Vec<Value>) -> Value {
    values.sort_by_key(Value::to_string);
    Value::Array(values)
}

/// As a set of objects whose keys are sorted, without the keys that differ from run to run.
pub(super) fn normalised(list: &Value, without: &[&str]) -> Value {
    let list = list.as_array().unwrap().iter().map(|item| {
        let item = item.as_object().unwrap().iter().filter(|(key, _)| !without.contains(&key.as_str()));
        ordered(&Value::Object(item.map(|(key, value)| (key.clone(), value.clone())).collect()))
    });
    sorted(list.collect())
}

fn ordered(value: &Value) -> Value {
    let Value::Object(fields) = value else { return value.clone() };
    let fields: BTreeMap<&String, Value> = fields
        .iter()
        .map(|(key, value)| match key.as_str() {
            "protocolMappers" => (key, normalised(value, &["id"])),
            "defaultClientScopes" | "optionalClientScopes" | "allowed-protocol-mapper-types" => {
                (key, sorted(value.as_array().unwrap().clone()))
            }
            _ => (key, ordered(value)),
        })
        .collect();
    json!(fields)
}

fn assert_same(ours: &Value, theirs: &Value) {
    let (ours, theirs) = (ours.as_array().unwrap(), theirs.as_array().unwrap());
    for (our, their) in ours.iter().zip(theirs) {
        assert_eq!(our, their);
    }
    assert_eq!(ours.len(), theirs.len());
}

/// What a stored realm has that its representation shows elsewhere or not at all.
const STORED_ONLY: [&str; 6] =
    ["id", "defaultRole", "defaultDefaultClientScopes", "defaultOptionalClientScopes", "defaultGroups", "supportedLocales"];

fn representation(realm: &Realm) -> BTreeMap<String, Value> {
    let Value::Object(fields) = serde_json::to_value(realm).unwrap() else { panic!("a realm is an object") };
    fields.into_iter().filter(|(name, value)| !value.is_null() && !STORED_ONLY.contains(&name.as_str())).collect()
}

fn recorded(part: &str) -> BTreeMap<String, Value> {
    let Value::Object(fields) = expected(part) else { panic!("{part} is an object") };
    fields.into_iter().filter(|(name, _)| !STORED_ONLY.contains(&name.as_str())).collect()
}

#[tokio::test]
async fn the_settings_of_a_new_realm_are_keycloaks() {
    let (world, realm) = fresh().await;
    assert_eq!(representation(&realm), recorded("realm representation"));
    let default_role = world.store.peek().roles().get(&realm.id, &realm.default_role).await.unwrap().unwrap();
    assert_eq!(role(&default_role), without_ids(&expected("realm representation")["defaultRole"]));
}

#[tokio::test]
async fn the_settings_of_master_are_keycloaks() {
    let (_world, realm) = master().await;
    assert_eq!(representation(&realm), recorded("master realm representation"));
}

fn without_ids(value: &Value) -> Value {
    let mut value = value.clone();
    for key in ["id", "containerId"] {
        value.as_object_mut().unwrap().remove(key);
    }
    value
}

fn role(role: &Role) -> Value {
    json!({
        "name": role.name, "description": role.description, "composite": !role.composites.is_empty(),
        "clientRole": matches!(role.container, RoleContainer::Client(_)),
    })
}

fn roles(roles: &[&Role]) -> Value {
    sorted(roles.iter().map(|one| role(one)).collect())
}

async fn scope_names(world: &World, realm: &RealmId, ids: &[ClientScopeId]) -> Value {
    let mut names = Vec::new();
    for id in ids {
        names.push(json!(world.store.peek().client_scopes().get(realm, id).await.unwrap().unwrap().name));
    }
    sorted(names)
}

fn mappers(mappers: &[ProtocolMapper]) -> Value {
    normalised(&json!(mappers), &["id"])
}

pub(super) async fn client(world: &World, realm: &RealmId, client: &Client) -> Value {
    let Value::Object(mut fields) = serde_json::to_value(client).unwrap() else { panic!("a client is an object") };
    fields.retain(|name, value| {
        !value.is_null() && !["id", "scopeMappings", "authorizationServicesEnabled", "secret"].contains(&name.as_str())
    });
    fields.insert("defaultClientScopes".to_owned(), scope_names(world, realm, &client.default_client_scopes).await);
    fields.insert("optionalClientScopes".to_owned(), scope_names(world, realm, &client.optional_client_scopes).await);
    match client.protocol_mappers.as_slice() {
        [] => drop(fields.remove("protocolMappers")),
        some => drop(fields.insert("protocolMappers".to_owned(), mappers(some))),
    }
    Value::Object(fields)
}

#[tokio::test]
async fn the_clients_of_a_new_realm_are_keycloaks() {
    let (world, realm) = fresh().await;
    let mut ours = Vec::new();
    for one in world.store.peek().clients().list(&realm.id).await.unwrap() {
        ours.push(client(&world, &realm.id, &one).await);
    }
    let theirs = normalised(&expected("clients"), &["id", "access", "secret"]);
    assert_same(&normalised(&json!(ours), &[]), &theirs);
}

#[tokio::test]
async fn the_clients_of_master_are_keycloaks() {
    let (world, realm) = master().await;
    let ours = world
        .store
        .peek()
        .clients()
        .list(&realm.id)
        .await
        .unwrap()
        .into_iter()
        .map(|client| json!(client.client_id))
        .collect();
    assert_eq!(sorted(ours), expected("clients of master"));
}

#[tokio::test]
async fn the_roles_of_a_new_realm_are_keycloaks() {
    let (world, realm) = fresh().await;
    let all = world.store.peek().roles().list(&realm.id).await.unwrap();
    let of = |container: &RoleContainer| roles(&all.iter().filter(|role| role.container == *container).collect::<Vec<_>>());
    let theirs = |part: &str| sorted(expected(part).as_array().unwrap().iter().map(without_ids).collect());

    assert_eq!(of(&RoleContainer::Realm), theirs("realm roles"));
    for client in world.store.peek().clients().list(&realm.id).await.unwrap() {
        assert_eq!(of(&RoleContainer::Client(client.id)), theirs(&format!("roles of client {}", client.client_id)), "{}", client.client_id);
    }
}

#[tokio::test]
async fn the_composites_of_a_new_realm_are_keycloaks() {
    let (world, realm) = fresh().await;
    let all = world.store.peek().roles().list(&realm.id).await.unwrap();
    let name = |id: &RoleId| all.iter().find(|role| role.id == *id).unwrap().name.clone();
    let account = world.store.peek().clients().by_client_id(&realm.id, "account").await.unwrap().unwrap();
    let ours = all.iter().filter(|role| !role.composites.is_empty()).map(|role| {
        let key = match &role.container {
            RoleContainer::Realm => "default-roles".to_owned(),
            RoleContainer::Client(client) if *client == account.id => format!("account:{}", role.name),
            RoleContainer::Client(_) => role.name.clone(),
        };
        let mut contained: Vec<String> = role.composites.iter().map(name).collect();
        contained.sort();
        (key, json!(contained))
    });
    let theirs = expected("composites of built-in roles");
    assert_eq!(Value::Object(ours.collect()), theirs);
}

#[tokio::test]
async fn the_administrator_of_master_holds_the_roles_of_every_realm() {
    let (world, realm) = fresh().await;
    let mut peek = world.store.peek();
    let master = peek.realms().by_name("master").await.unwrap().unwrap();
    let mut realm_roles: Vec<String> = Vec::new();
    let all = peek.roles().list(&master.id).await.unwrap();
    realm_roles.extend(all.iter().filter(|role| role.container == RoleContainer::Realm).map(|role| role.name.clone()));
    realm_roles.sort();
    assert_eq!(json!(realm_roles), expected("realm roles of master"));

    let admin = peek.roles().realm_role(&master.id, "admin").await.unwrap().unwrap();
    for name in ["master", &realm.name] {
        let client = peek.clients().by_client_id(&master.id, &format!("{name}-realm")).await.unwrap().unwrap();
        let of_client: Vec<&Role> = all.iter().filter(|role| role.container == RoleContainer::Client(client.id.clone())).collect();
        assert_eq!(of_client.len(), 18);
        assert!(of_client.iter().all(|role| admin.composites.contains(&role.id)));
        assert!(client.bearer_only && !client.full_scope_allowed);
        assert_eq!(client.name, Some(format!("{name} Realm")));
    }
    assert_eq!(admin.composites.len(), 1 + 2 * 18, "create-realm, and the roles of both clients");
}

#[tokio::test]
async fn the_client_scopes_of_a_new_realm_are_keycloaks() {
    let (world, realm) = fresh().await;
    let scopes = world.store.peek().client_scopes().list(&realm.id).await.unwrap();
    let ours = scopes.iter().map(|scope| {
        json!({
            "name": scope.name, "description": scope.description, "protocol": scope.protocol, "attributes": scope.attributes,
            "protocolMappers": scope.protocol_mappers,
        })
    });
    assert_same(&normalised(&ours.collect(), &[]), &normalised(&expected("client scopes"), &["id"]));
    assert_eq!(scope_names(&world, &realm.id, &realm.default_default_client_scopes).await, expected("default client scopes"));
    assert_eq!(scope_names(&world, &realm.id, &realm.default_optional_client_scopes).await, expected("optional client scopes"));
}

#[tokio::test]
async fn the_scope_mappings_of_a_new_realm_are_keycloaks() {
    let (world, realm) = fresh().await;
    let mut peek = world.store.peek();
    let all = peek.roles().list(&realm.id).await.unwrap();
    let names = |ids: &[RoleId]| {
        let found = all.iter().filter(|role| ids.contains(&role.id));
        sorted(found.map(|role| json!(role.name)).collect())
    };
    let export = expected("partial export (flows, components, required actions)");

    let scopes = peek.client_scopes().list(&realm.id).await.unwrap();
    let mapped = scopes.iter().filter(|scope| !scope.scope_mappings.is_empty());
    let ours: Value = mapped.map(|scope| json!({"clientScope": scope.name, "roles": names(&scope.scope_mappings)})).collect();
    assert_eq!(ours, export["scopeMappings"]);

    let account = peek.clients().by_client_id(&realm.id, "account").await.unwrap().unwrap();
    let clients = peek.clients().list(&realm.id).await.unwrap();
    let mapped: Vec<_> = clients.iter().filter(|client| !client.scope_mappings.is_empty()).collect();
    let ours: Value = mapped
        .iter()
        .map(|client| json!({"client": client.client_id, "roles": names(&client.scope_mappings)}))
        .collect();
    assert_eq!(json!({ "account": ours }), export["clientScopeMappings"]);
    for role in all.iter().filter(|role| mapped[0].scope_mappings.contains(&role.id)) {
        assert_eq!(role.container, RoleContainer::Client(account.id.clone()));
    }
}

#[tokio::test]
async fn the_user_profiles_are_keycloaks() {
    let (world, realm) = fresh().await;
    let mut peek = world.store.peek();
    let master = peek.realms().by_name("master").await.unwrap().unwrap();
    assert_eq!(json!(peek.user_profiles().get(&realm.id).await.unwrap()), expected("user profile"));
    assert_eq!(json!(peek.user_profiles().get(&master.id).await.unwrap()), expected("user profile of master"));
}

fn execution(authentication: &Authentication, execution: &Execution) -> Value {
    let mut shown = json!({
        "authenticatorFlow": execution.flow.is_some(), "autheticatorFlow": execution.flow.is_some(), "requirement": execution.requirement,
        "priority": execution.priority, "userSetupAllowed": false,
    });
    if let Some(authenticator) = &execution.authenticator {
        shown["authenticator"] = json!(authenticator);
    }
    if let Some(flow) = &execution.flow {
        shown["flowAlias"] = json!(authentication.flow(flow).unwrap().alias);
    }
    if let Some(config) = &execution.config {
        shown["authenticatorConfig"] = json!(authentication.config(config).unwrap().alias);
    }
    shown
}

fn flows(authentication: &Authentication) -> Value {
    let flows = authentication.flows.iter().map(|flow| {
        let mut shown = json!({
            "alias": flow.alias, "providerId": flow.provider_id, "topLevel": flow.top_level, "builtIn": flow.built_in,
            "authenticationExecutions": flow.executions.iter().map(|step| execution(authentication, step)).collect::<Vec<_>>(),
        });
        if let Some(description) = &flow.description {
            shown["description"] = json!(description);
        }
        shown
    });
    normalised(&flows.collect(), &[])
}

#[tokio::test]
async fn the_flows_and_required_actions_of_a_new_realm_are_keycloaks() {
    let (world, realm) = fresh().await;
    let ours = world.store.peek().authentication().get(&realm.id).await.unwrap();
    let export = expected("partial export (flows, components, required actions)");

    assert_same(&flows(&ours), &normalised(&export["authenticationFlows"], &["id"]));
    assert_same(&normalised(&json!(ours.configs), &["id"]), &normalised(&export["authenticatorConfig"], &["id"]));
    assert_eq!(json!(ours.required_actions), export["requiredActions"]);
}

#[tokio::test]
async fn master_has_no_flows_for_organizations() {
    let (world, realm) = master().await;
    let authentication = world.store.peek().authentication().get(&realm.id).await.unwrap();
    assert!(!serde_json::to_string(&authentication).unwrap().to_lowercase().contains("organization"));
    let steps = |alias: &str| authentication.flow_by_alias(alias).unwrap().executions.len();
    assert_eq!((steps("browser"), steps("first broker login")), (4, 2));
}

#[tokio::test]
async fn the_components_of_a_new_realm_are_keycloaks() {
    let (world, realm) = fresh().await;
    let components = world.store.peek().components().list(&realm.id).await.unwrap();
    let ours = components.iter().map(|component| {
        // Generated keys are secret; Keycloak hides these values, too.
        let config = component
            .config
            .iter()
            .filter(|(name, _)| component.provider_type != KEY_PROVIDER || ["priority", "algorithm"].contains(&name.as_str()));
        let config: BTreeMap<_, Value> =
            config.map(|(name, values)| (name, sorted(values.iter().map(|value| json!(value)).collect()))).collect();
        let mut shown =
            json!({"name": component.name, "providerId": component.provider_id, "providerType": component.provider_type, "config": config});
        if let Some(sub_type) = &component.sub_type {
            shown["subType"] = json!(sub_type);
        }
        shown
    });
    assert_same(&normalised(&ours.collect(), &[]), &normalised(&expected("components"), &[]));
}

#[tokio::test]
async fn the_bootstrap_administrator_is_keycloaks() {
    let (world, realm) = master().await;
    let mut peek = world.store.peek();
    let admin = peek.users().by_username(&realm.id, "admin").await.unwrap().unwrap();
    let theirs = &expected("bootstrap admin user")[0];
    assert_eq!(json!(admin.attributes), theirs["attributes"]);
    assert_eq!((json!(admin.enabled), json!(admin.email_verified)), (theirs["enabled"].clone(), theirs["emailVerified"].clone()));
    assert_eq!(json!(admin.required_actions), theirs["requiredActions"]);
    let role = peek.roles().realm_role(&realm.id, "admin").await.unwrap().unwrap();
    assert_eq!(admin.roles, [realm.default_role.clone(), role.id]);
    let stored = peek.credentials().get(&realm.id, &admin.id).await.unwrap();
    assert!(world.hashing.verify("admin".into(), stored.password().cloned(), Default::default()).await.unwrap());
}
