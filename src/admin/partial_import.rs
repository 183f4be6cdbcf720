//! `/partialImport`: parts of a document come into the realm.

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

use crate::audit;
use crate::manage::error::ManageError;
use crate::manage::import::{Happened, IfExists, Imported, PartialError, PartialPlan};
use crate::model::event::{Operation, Resource};
use crate::model::role::RoleContainer;
use crate::store::job;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::auth;
use super::body;
use super::change::events;
use super::error::AdminError;
use super::realms::importer;

/// What a caller needs for each part of the document besides `manage-realm`.
const NEEDED: &[(&str, &str)] = &[
    ("clients", "manage-clients"),
    ("users", "manage-users"),
    ("groups", "manage-users"),
    ("identityProviders", "manage-identity-providers"),
    ("identityProviderMappers", "manage-identity-providers"),
];

impl From<PartialError> for AdminError {
    fn from(error: PartialError) -> Self {
        match error {
            PartialError::Exists(text) => Self::message(409, text),
            PartialError::Wrong(problems) => Self::message(400, problems.join("; ")),
            PartialError::Import(error) => error.into(),
            PartialError::Store(error) => error.into(),
        }
    }
}

/// `POST …/partialImport`
pub async fn import(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let members: Map<String, Value> = body::read(&cx, "PartialImportRepresentation")?;
    for (part, role) in NEEDED {
        if says_something(members.get(*part)) && !cx.may(&[role]) {
            return Err(AdminError::Forbidden);
        }
    }
    let policy = members.get("ifResourceExists").or_else(|| members.get("policy")).and_then(Value::as_str);
    let if_exists = match policy {
        None | Some("FAIL") => IfExists::Fail,
        Some("SKIP") => IfExists::Skip,
        Some("OVERWRITE") => IfExists::Overwrite,
        Some(_) => return Err(AdminError::described(400, "unknown_error", "Cannot parse the JSON")),
    };
    let (app, owner) = (&cx.app, job::owner(cx.app.env.random()));
    let importer = importer(app, &owner, None);
    let plan = importer.plan_partial(cx.realm(), members, if_exists).await?;
    may_carry_out(&cx, &plan).await?;

    let happened = plan.results.iter().filter(|imported| imported.happened != Happened::Skipped);
    let (plan, importer, realm, events) = (&plan, &importer, cx.realm(), &events(&cx, happened.map(happening)));
    let done = app.store.configuration(|txn| {
        Box::pin(async move {
            plan.carry_out(txn, importer).await?;
            for event in events {
                audit::admin::record(txn, realm, event);
            }
            Ok::<(), ManageError>(())
        })
    });
    done.await?;
    for event in events {
        app.audit.administered(realm, event);
    }
    Ok(answer::document(&shown(&plan.results)))
}

fn says_something(part: Option<&Value>) -> bool {
    part.is_some_and(|part| part.as_array().is_none_or(|items| !items.is_empty()) && !part.is_null())
}

/// A document must not bring what its sender could not give by hand.
async fn may_carry_out(cx: &AdminRequest, plan: &PartialPlan) -> Result<(), AdminError> {
    for client in plan.shaped() {
        if !cx.may(&["manage-clients"]) {
            return Err(AdminError::Forbidden);
        }
        auth::may_shape(cx, &RoleContainer::Client(client.clone())).await?;
    }
    auth::may_grant(cx, &plan.granted).await?;
    for group in &plan.joined {
        auth::may_give_membership(cx, group).await?;
    }
    Ok(())
}

/// The admin event of one thing.
fn happening(imported: &Imported) -> (Operation, Resource, String) {
    let Imported { happened, resource, name, id, client } = imported;
    let operation = if *happened == Happened::Overwritten { Operation::Update } else { Operation::Create };
    let path = match (resource, client) {
        (Resource::ClientRole, Some(client)) => format!("clients/{client}/roles/{name}"),
        (Resource::RealmRole, _) => format!("roles/{name}"),
        (Resource::IdentityProvider, _) => format!("identity-provider/instances/{name}"),
        (Resource::Group, _) => format!("groups/{id}"),
        (Resource::Client, _) => format!("clients/{id}"),
        _ => format!("users/{id}"),
    };
    (operation, *resource, path)
}

fn shown(results: &[Imported]) -> Value {
    let count = |happened: Happened| results.iter().filter(|imported| imported.happened == happened).count();
    let each = |imported: &Imported| {
        json!({
            "action": imported.happened.as_str(),
            "resourceType": imported.resource.name(),
            "resourceName": imported.name,
            "id": imported.id,
        })
    };
    json!({
        "overwritten": count(Happened::Overwritten),
        "added": count(Happened::Added),
        "skipped": count(Happened::Skipped),
        "results": results.iter().map(each).collect::<Vec<_>>(),
    })
}
