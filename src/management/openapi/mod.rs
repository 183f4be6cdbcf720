//! `GET /openapi.json`: the Admin REST API as an OpenAPI 3.1 document. Paths, methods, parameters (of path and query) and roles
//! come from the rows of `routes.rs`, members from the representations themselves ([`shape`]); only which representation stands at
//! which noun of a path is said here. It is served on the management port: who may use the API is asked there, and who may read about it should not
//! be everybody.

mod bodies;
pub mod shape;

use actix_web::HttpResponse;
use serde::de::value::Error;
use serde_json::{Map, Value, json};

use crate::manage::representation::authentication::{
    AuthenticatorConfigRepresentation, ExecutionInfoRepresentation, FlowRepresentation, RequiredActionRepresentation,
};
use crate::manage::representation::client::ClientRepresentation;
use crate::manage::representation::client_scope::ClientScopeRepresentation;
use crate::manage::representation::component::ComponentRepresentation;
use crate::manage::representation::credential::CredentialRepresentation;
use crate::manage::representation::group::GroupRepresentation;
use crate::manage::representation::identity_provider::{IdentityProviderMapperRepresentation, IdentityProviderRepresentation};
use crate::manage::representation::organization::{OrganizationInvitationRepresentation, OrganizationRepresentation};
use crate::manage::representation::protocol_mapper::ProtocolMapperRepresentation;
use crate::manage::representation::role::RoleRepresentation;
use crate::manage::representation::user::{FederatedIdentityRepresentation, UserConsentRepresentation, UserRepresentation};
use crate::model::organization::MembershipType;
use crate::web::administrator::Admission;
use crate::web::oauth_response;
use crate::web::query::{Kind, Parameter};
use crate::web::route::{Feature, Policy, Route};

use bodies::Bodies;
use shape::Schemas;

/// The document for these rows.
pub fn get(rows: &[Route]) -> HttpResponse {
    match document(rows) {
        Ok(document) => oauth_response::json(200, &document),
        Err(error) => {
            tracing::error!(%error, "a representation has no schema");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Which representation stands at a noun: of its collection, and of what an id below it names.
struct Noun {
    /// A whole segment of a path.
    segment: &'static str,
    schema: Value,
}

/// The OpenAPI document of the rows that belong to the Admin REST API.
///
/// # Errors
/// A representation cannot be asked for its shape.
pub fn document(rows: &[Route]) -> Result<Value, Error> {
    let schemas = Schemas::default();
    let (nouns, bodies) = (nouns(&schemas)?, Bodies::new(&schemas)?);
    let mut paths: Map<String, Value> = Map::new();
    for row in rows {
        let Policy::Admin(admission) = row.policy else { continue };
        let path = row.path.replace("*}", "}");
        let item = paths.entry(path.clone()).or_insert_with(|| json!({ "parameters": parameters(&path) }));
        item[row.method.as_str().to_lowercase()] = operation(row, admission, &nouns, &bodies);
    }
    Ok(json!({
        "openapi": "3.1.0",
        "info": { "title": "Keywright Admin REST API", "version": env!("CARGO_PKG_VERSION"), "license": { "name": "MIT OR Apache-2.0" } },
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas.into_map(),
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
        },
    }))
}

fn nouns(schemas: &Schemas) -> Result<Vec<Noun>, Error> {
    let mut nouns = Vec::new();
    macro_rules! noun {
        ($($type:ty: $($segment:literal)+;)+) => {$(
            let schema = schemas.of::<$type>()?;
            $(nouns.push(Noun { segment: $segment, schema: schema.clone() });)+
        )+};
    }
    noun! {
        UserRepresentation: "users";
        CredentialRepresentation: "credentials";
        FederatedIdentityRepresentation: "federated-identity";
        UserConsentRepresentation: "consents";
        GroupRepresentation: "groups" "children" "default-groups" "group-by-path";
        RoleRepresentation: "roles" "roles-by-id" "composites" "available" "composite";
        ClientRepresentation: "clients";
        ClientScopeRepresentation: "client-scopes" "client-templates";
        ProtocolMapperRepresentation: "models" "add-models";
        ComponentRepresentation: "components";
        FlowRepresentation: "flows";
        ExecutionInfoRepresentation: "executions";
        AuthenticatorConfigRepresentation: "config";
        RequiredActionRepresentation: "required-actions";
        OrganizationRepresentation: "organizations";
        OrganizationInvitationRepresentation: "invitations";
        IdentityProviderRepresentation: "instances";
        IdentityProviderMapperRepresentation: "mappers";
    }
    // A user with one member more, which no single type reads by name.
    let mut member = schemas.get("UserRepresentation").unwrap_or_default();
    member["properties"]["membershipType"] = schemas.of::<MembershipType>()?;
    schemas.insert("MemberRepresentation", member);
    Ok(nouns)
}

fn operation(row: &Route, admission: Admission, nouns: &[Noun], bodies: &Bodies) -> Value {
    let method = row.method.as_str();
    let segments: Vec<&str> = row.path.trim_start_matches("/admin/realms").split('/').filter(|segment| !segment.is_empty()).collect();
    let literals = segments.iter().filter(|segment| !segment.starts_with('{'));
    let tag = literals.clone().next().copied().unwrap_or("realms");
    let mut operation = json!({ "operationId": operation_id(method, &segments), "tags": [tag], "responses": responses(row) });
    let query: Vec<Value> = row.query.iter().copied().flatten().map(query_parameter).collect();
    if !query.is_empty() {
        operation["parameters"] = json!(query);
    }
    let found = representation(&segments, nouns);
    if let Some((schema, is_item)) = found {
        if method == "GET" {
            let shown = if is_item { schema.clone() } else { json!({ "type": "array", "items": schema }) };
            operation["responses"]["200"]["content"] = json!({ "application/json": { "schema": shown } });
        } else if row.body_limit > 0 && bodies.at(row.path).is_none() {
            let is_roles = segments.iter().any(|segment| matches!(*segment, "composites" | "role-mappings" | "scope-mappings"));
            let sent = if is_roles || segments.last() == Some(&"add-models") {
                json!({ "type": "array", "items": schema })
            } else {
                schema.clone()
            };
            operation["requestBody"] = json!({ "content": { "application/json": { "schema": sent } } });
        }
    }
    if row.body_limit > 0 && operation.get("requestBody").is_none() {
        let untold = || json!({ "content": { "application/json": { "schema": {} } } });
        operation["requestBody"] = bodies.at(row.path).unwrap_or_else(untold);
    }
    operation["x-required-roles"] = match admission {
        Admission::AnyOf(roles) => json!(roles),
        Admission::CreateRealm => json!(["create-realm"]),
        Admission::Anywhere => json!([]),
    };
    operation
}

/// What stands at the end of a path, and whether it is one of a collection.
fn representation<'n>(segments: &[&str], nouns: &'n [Noun]) -> Option<(&'n Value, bool)> {
    let last = segments.last()?;
    let is_item = last.starts_with('{');
    let at = if is_item { segments.get(segments.len().checked_sub(2)?)? } else { last };
    let within = |names: &[&str]| segments.iter().any(|segment| names.contains(segment));
    if within(&["composites", "role-mappings", "scope-mappings"]) {
        // Roles, by whatever they are picked from. The mappings as a whole have a shape of their own.
        let role = nouns.iter().find(|noun| noun.segment == "roles").filter(|_| !last.ends_with("-mappings"))?;
        return Some((&role.schema, false));
    }
    // Named by an id alone, or something else under the same word.
    let is_other = within(&["attack-detection", "default-groups"]) && is_item || *at == "config" && !is_item;
    let noun = nouns.iter().find(|noun| noun.segment == *at && !is_other)?;
    Some((&noun.schema, is_item))
}

fn operation_id(method: &str, segments: &[&str]) -> String {
    let parts = segments.iter().map(|segment| segment.trim_matches(['{', '}', '*']));
    std::iter::once(method.to_lowercase()).chain(parts.map(str::to_owned)).collect::<Vec<_>>().join("-")
}

fn parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect()
}

fn query_parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Number => json!({ "type": "integer", "format": "int32" }),
    };
    json!({ "name": parameter.name, "in": "query", "schema": schema })
}

fn responses(row: &Route) -> Value {
    let mut responses = match row.method.as_str() {
        _ if row.feature == Feature::Off => json!({}),
        "GET" => json!({ "200": { "description": "What is there" } }),
        "POST" => {
            json!({ "200": { "description": "Done" }, "201": { "description": "Made; Location says where" }, "204": { "description": "Done" } })
        }
        _ => json!({ "200": { "description": "Done" }, "204": { "description": "Done" } }),
    };
    for (status, description) in [
        ("400", "The request breaks a rule"),
        ("401", "No administrator's token"),
        ("403", "The administrator lacks the role"),
        ("404", "Nothing has this id"),
        ("409", "Something else has it already"),
        ("415", "Another content type"),
    ] {
        responses[status] = json!({ "description": description });
    }
    if row.feature != Feature::On {
        responses["501"] = json!({ "description": "The feature is not there" });
    }
    responses
}
