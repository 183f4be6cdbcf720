//! `keywright role`: the roles of a realm and of its clients, and who has them.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::examples;
use super::failure::Failure;
use super::local::{InRealm, Local};
use super::output::{Column, Output, Row, column, wide};
use super::prompt::confirm;
use super::settings::Settings;
use crate::base::id::RoleId;
use crate::manage::representation::role::RoleRepresentation;
use crate::manage::roles::{self, NewRole};
use crate::manage::{groups, users};
use crate::model::client::Client;
use crate::model::realm::Realm;
use crate::model::role::{Role, RoleContainer};
use crate::store::txn::Reader as _;

#[derive(Args)]
#[command(before_help = examples![
    "keywright role list --realm acme",
    "keywright role create auditor -s description='May look, not touch'",
    "keywright role grant auditor --user anna"
])]
pub(super) struct Noun {
    #[command(flatten)]
    place: InRealm,
    #[command(subcommand)]
    verb: Verb,
}

/// Whose role it is.
#[derive(Args)]
struct Of {
    /// The client whose role it is; without it, the role is the realm's
    #[arg(short, long, value_name = "CLIENT")]
    client: Option<String>,
}

/// Who gets or loses roles.
#[derive(Args)]
#[group(id = "holder", required = true)]
struct Holder {
    /// A user
    #[arg(short, long, value_name = "USER", group = "holder")]
    user: Option<String>,
    /// A group, by path: all its members, and those of the groups below it
    #[arg(short, long, value_name = "PATH", group = "holder")]
    group: Option<String>,
    /// A role, which then contains the others
    #[arg(long, value_name = "ROLE", group = "holder")]
    role: Option<String>,
}

#[derive(Subcommand)]
enum Verb {
    /// The roles of the realm, or of one client
    #[command(before_help = examples!["keywright role list", "keywright role list --client account", "keywright role list --realm acme -o name"])]
    List {
        #[command(flatten)]
        of: Of,
        /// Those of all clients as well
        #[arg(long, conflicts_with = "client")]
        all: bool,
    },
    /// One role
    #[command(before_help = examples!["keywright role get admin", "keywright role get view-profile --client account", "keywright role get admin --json"])]
    Get {
        #[arg(value_name = "ROLE")]
        name: String,
        #[command(flatten)]
        of: Of,
    },
    /// Create a role
    #[command(before_help = examples![
        "keywright role create auditor",
        "keywright role create reader --client api",
        "keywright role create auditor --realm acme -s description='May look, not touch'"
    ])]
    Create {
        #[arg(value_name = "ROLE")]
        name: String,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change name, description or attributes of a role
    #[command(before_help = examples![
        "keywright role set auditor -s description='May look'",
        "keywright role set auditor -s name=inspector",
        "keywright role set reader --client api -s attributes.level=2"
    ])]
    Set {
        #[arg(value_name = "ROLE")]
        name: String,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        settings: Settings,
    },
    /// Delete a role; whoever has it loses it
    #[command(before_help = examples![
        "keywright role delete auditor",
        "keywright role delete reader --client api --yes",
        "keywright role delete auditor --realm acme --yes"
    ])]
    Delete {
        #[arg(value_name = "ROLE")]
        name: String,
        #[command(flatten)]
        of: Of,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Give roles to a user, a group or another role
    #[command(before_help = examples![
        "keywright role grant auditor --user anna",
        "keywright role grant reader writer --client api --group /staff",
        "keywright role grant reader --client api --role auditor"
    ])]
    Grant {
        #[arg(value_name = "ROLE", required = true)]
        names: Vec<String>,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        to: Holder,
    },
    /// Take roles from a user, a group or another role
    #[command(before_help = examples![
        "keywright role revoke auditor --user anna",
        "keywright role revoke reader writer --client api --group /staff",
        "keywright role revoke reader --client api --role auditor"
    ])]
    Revoke {
        #[arg(value_name = "ROLE", required = true)]
        names: Vec<String>,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        from: Holder,
    },
}

/// What of a role can be set.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct RoleSettings {
    name: Option<String>,
    description: Option<String>,
    attributes: Option<BTreeMap<String, Vec<String>>>,
}

impl RoleSettings {
    fn read(settings: &Settings, role: Option<&Role>) -> Result<Self, Failure> {
        let current = Self { attributes: role.map(|role| role.attributes.clone()), ..Self::default() };
        settings.read(&serde_json::to_value(current).map_err(Failure::failed)?)
    }
}

const COLUMNS: [Column; 5] = [column("ROLE"), column("OF"), column("COMPOSITE"), column("DESCRIPTION"), wide("ID")];

pub(super) fn run(noun: Noun, output: &Output) -> Result<(), Failure> {
    let Noun { place: InRealm { place, realm }, verb } = noun;
    place.work(async |local| {
        let realm = local.realm(&realm).await?;
        let app = local.app();
        match verb {
            Verb::List { of, all } => list(local, &realm, &of, all, output).await,
            Verb::Get { name, of } => {
                let role = of.role(local, &realm, &name).await?;
                show(local, &realm, &role, output).await
            }
            Verb::Create { name, of, settings } => {
                let RoleSettings { description, attributes, .. } = RoleSettings::read(&settings, None)?;
                let container = match of.client(local, &realm).await? {
                    Some(client) => RoleContainer::Client(client.id),
                    None => RoleContainer::Realm,
                };
                let new = NewRole { description, attributes: attributes.unwrap_or_default(), ..NewRole::named(&name, container) };
                let role = app.store.configuration(|txn| Box::pin(roles::create(txn, &app.env, &realm.id, &new))).await?;
                show(local, &realm, &role, output).await
            }
            Verb::Set { name, of, settings } => {
                if settings.is_empty() {
                    return Err(Failure::usage("there is nothing to set").advice("for example -s description='May look'"));
                }
                let role = of.role(local, &realm, &name).await?;
                let given = RoleSettings::read(&settings, Some(&role))?;
                let name = given.name.unwrap_or_else(|| role.name.clone());
                let description = given.description.or_else(|| role.description.clone());
                let attributes = &given.attributes;
                app.store
                    .configuration(|txn| Box::pin(roles::update(txn, &realm.id, &role.id, &name, description.clone(), attributes.clone())))
                    .await?;
                let changed = local.role(&realm, of.client(local, &realm).await?.as_ref(), &name).await?;
                show(local, &realm, &changed, output).await
            }
            Verb::Delete { name, of, yes } => {
                let role = of.role(local, &realm, &name).await?;
                confirm(&format!("delete role {} of realm {}", role.name, realm.name), yes)?;
                app.store.configuration(|txn| Box::pin(roles::delete(txn, &realm.id, &role.id))).await?;
                local.finish_jobs().await?;
                output.note(&format!("role {} is deleted", role.name));
                Ok(())
            }
            Verb::Grant { names, of, to } => {
                let given = of.roles(local, &realm, &names).await?;
                to.change(local, &realm, &given, true).await?;
                output.note(&format!("granted: {}", names.join(", ")));
                Ok(())
            }
            Verb::Revoke { names, of, from } => {
                let taken = of.roles(local, &realm, &names).await?;
                from.change(local, &realm, &taken, false).await?;
                output.note(&format!("revoked: {}", names.join(", ")));
                Ok(())
            }
        }
    })
}

impl Of {
    async fn client(&self, local: &Local, realm: &Realm) -> Result<Option<Client>, Failure> {
        match &self.client {
            Some(name) => local.client(realm, name).await.map(Some),
            None => Ok(None),
        }
    }

    async fn role(&self, local: &Local, realm: &Realm, name: &str) -> Result<Role, Failure> {
        local.role(realm, self.client(local, realm).await?.as_ref(), name).await
    }

    async fn roles(&self, local: &Local, realm: &Realm, names: &[String]) -> Result<Vec<RoleId>, Failure> {
        let client = self.client(local, realm).await?;
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            ids.push(local.role(realm, client.as_ref(), name).await?.id);
        }
        Ok(ids)
    }
}

impl Holder {
    /// Gives the roles, or takes them.
    async fn change(&self, local: &Local, realm: &Realm, ids: &[RoleId], give: bool) -> Result<(), Failure> {
        let (store, realm_id) = (&local.app().store, &realm.id);
        if let Some(name) = &self.user {
            let user = local.user(realm, name).await?.id;
            let user = &user;
            if give {
                store.configuration(|txn| Box::pin(users::add_roles(txn, realm_id, user, ids))).await?;
            } else {
                store.configuration(|txn| Box::pin(users::remove_roles(txn, realm_id, user, ids))).await?;
            }
        } else if let Some(path) = &self.group {
            let group = local.group(realm, path).await?.id;
            let group = &group;
            if give {
                store.configuration(|txn| Box::pin(groups::add_roles(txn, realm_id, group, ids))).await?;
            } else {
                store.configuration(|txn| Box::pin(groups::remove_roles(txn, realm_id, group, ids))).await?;
            }
        } else if let Some(name) = &self.role {
            let role = local.role(realm, None, name).await?.id;
            let role = &role;
            if give {
                store.configuration(|txn| Box::pin(roles::add_composites(txn, realm_id, role, ids))).await?;
            } else {
                store.configuration(|txn| Box::pin(roles::remove_composites(txn, realm_id, role, ids))).await?;
            }
        }
        Ok(())
    }
}

async fn list(local: &Local, realm: &Realm, of: &Of, all: bool, output: &Output) -> Result<(), Failure> {
    let client = of.client(local, realm).await?;
    let names = local.client_ids(&realm.id).await?;
    let mut roles = local.app().store.peek().roles().list(&realm.id).await?;
    roles.retain(|role| match (&role.container, &client) {
        _ if all => true,
        (RoleContainer::Client(id), Some(client)) => *id == client.id,
        (RoleContainer::Realm, None) => true,
        _ => false,
    });
    let mut rows: Vec<Row> = roles.iter().map(|role| row(realm, role, &RoleRepresentation::brief(&realm.id, role), &names)).collect();
    rows.sort_by(|a, b| (&a.cells[1], &a.name).cmp(&(&b.cells[1], &b.name)));
    output.list(&COLUMNS, &rows);
    Ok(())
}

async fn show(local: &Local, realm: &Realm, role: &Role, output: &Output) -> Result<(), Failure> {
    let names = local.client_ids(&realm.id).await?;
    output.one(&COLUMNS, &row(realm, role, &RoleRepresentation::full(&realm.id, role), &names));
    Ok(())
}

fn row(realm: &Realm, role: &Role, representation: &RoleRepresentation, client_ids: &std::collections::HashMap<String, String>) -> Row {
    let of = match &role.container {
        RoleContainer::Realm => format!("realm {}", realm.name),
        RoleContainer::Client(id) => format!("client {}", client_ids.get(id.as_str()).map_or(id.as_str(), String::as_str)),
    };
    Row {
        name: role.name.clone(),
        cells: vec![
            role.name.clone(),
            of,
            (!role.composites.is_empty()).to_string(),
            role.description.clone().unwrap_or_default(),
            role.id.to_string(),
        ],
        json: serde_json::to_value(representation).unwrap_or_default(),
    }
}
