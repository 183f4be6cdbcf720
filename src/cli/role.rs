//! `keywright role`: the roles of a realm and of its clients, and who has them.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::api::{Api, flag, own, text};
use super::examples;
use super::failure::Failure;
use super::local::Noun;
use super::output::{Column, Output, Row, column, wide};
use super::prompt::confirm;
use super::settings::Settings;

/// Whose role it is.
#[derive(Args)]
pub(super) struct Of {
    /// The client whose role it is; without it, the role is the realm's
    #[arg(short, long, value_name = "CLIENT")]
    client: Option<String>,
}

/// Who gets or loses roles.
#[derive(Args)]
#[group(id = "holder", required = true)]
pub(super) struct Holder {
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
#[command(before_help = examples![
    "keywright role list --realm acme",
    "keywright role create auditor -s description='May look, not touch'",
    "keywright role grant auditor --user anna"
])]
pub(super) enum Verb {
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

/// The members that are set; a name in the attributes leaves those of `current` as they are.
fn members_of(settings: &Settings, current: &Value) -> Result<Map<String, Value>, Failure> {
    let mut known = serde_json::to_value(RoleSettings::default()).map_err(Failure::failed)?;
    known["attributes"].clone_from(&current["attributes"]);
    settings.members::<RoleSettings>(&known)
}

const COLUMNS: [Column; 5] = [column("ROLE"), column("OF"), column("COMPOSITE"), column("DESCRIPTION"), wide("ID")];

pub(super) fn run(noun: Noun<Verb>, output: &Output) -> Result<(), Failure> {
    noun.work(async |api, realm, verb| match verb {
        Verb::List { of, all } => list(api, realm, &of, all, output).await,
        Verb::Get { name, of } => {
            let client = of.client(api, realm).await?;
            let role = api.role(realm, client.as_ref(), &name).await?;
            output.one(&COLUMNS, &row(role, &of_whom(realm, client.as_ref())));
            Ok(())
        }
        Verb::Create { name, of, settings } => {
            let client = of.client(api, realm).await?;
            let mut members = members_of(&settings, &Value::Null)?;
            members.insert("name".to_owned(), Value::from(name.as_str()));
            let id = client.as_ref().map(|client| text(client, "id"));
            let at: Vec<&str> = match &id {
                Some(id) => vec![realm, "clients", id, "roles"],
                None => vec![realm, "roles"],
            };
            api.post(&at, &Value::Object(members)).await?;
            let role = api.role(realm, client.as_ref(), &name).await?;
            output.one(&COLUMNS, &row(role, &of_whom(realm, client.as_ref())));
            Ok(())
        }
        Verb::Set { name, of, settings } => {
            if settings.is_empty() {
                return Err(Failure::usage("there is nothing to set").advice("for example -s description='May look'"));
            }
            let client = of.client(api, realm).await?;
            let mut role = api.role(realm, client.as_ref(), &name).await?;
            for (name, value) in members_of(&settings, &role)? {
                role[name] = value;
            }
            let at = [realm, "roles-by-id", &text(&role, "id")];
            api.put(&at, &role).await?;
            output.one(&COLUMNS, &row(api.get(&at, &[]).await?, &of_whom(realm, client.as_ref())));
            Ok(())
        }
        Verb::Delete { name, of, yes } => {
            let client = of.client(api, realm).await?;
            let role = api.role(realm, client.as_ref(), &name).await?;
            let name = text(&role, "name");
            confirm(&format!("delete role {name} of realm {realm}"), yes)?;
            api.delete(&[realm, "roles-by-id", &text(&role, "id")], &[], None).await?;
            output.note(&format!("role {name} is deleted"));
            Ok(())
        }
        Verb::Grant { names, of, to } => {
            to.change(api, realm, &of, &names, true).await?;
            output.note(&format!("granted: {}", names.join(", ")));
            Ok(())
        }
        Verb::Revoke { names, of, from } => {
            from.change(api, realm, &of, &names, false).await?;
            output.note(&format!("revoked: {}", names.join(", ")));
            Ok(())
        }
    })
}

impl Of {
    async fn client(&self, api: &Api<'_>, realm: &str) -> Result<Option<Value>, Failure> {
        match &self.client {
            Some(name) => api.client(realm, name).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Holder {
    /// Gives the roles, or takes them.
    async fn change(&self, api: &Api<'_>, realm: &str, of: &Of, names: &[String], give: bool) -> Result<(), Failure> {
        let client = of.client(api, realm).await?;
        let mut roles = Vec::with_capacity(names.len());
        for name in names {
            roles.push(api.role(realm, client.as_ref(), name).await?);
        }
        let container = client.as_ref().map(|client| text(client, "id"));
        let (kind, id) = if let Some(name) = &self.user {
            ("users", text(&api.user(realm, name).await?, "id"))
        } else if let Some(path) = &self.group {
            ("groups", text(&api.group(realm, path).await?, "id"))
        } else {
            ("roles-by-id", text(&api.role(realm, None, self.role.as_deref().unwrap_or_default()).await?, "id"))
        };
        let mut at = vec![realm, kind, &id];
        match (&container, kind) {
            (_, "roles-by-id") => at.push("composites"),
            (Some(container), _) => at.extend(["role-mappings", "clients", container]),
            (None, _) => at.extend(["role-mappings", "realm"]),
        }
        let roles = Value::Array(roles);
        if give { api.post(&at, &roles).await.map(drop) } else { api.delete(&at, &[], Some(&roles)).await }
    }
}

async fn list(api: &Api<'_>, realm: &str, of: &Of, all: bool, output: &Output) -> Result<(), Failure> {
    let mut owners: Vec<Option<Value>> = vec![of.client(api, realm).await?];
    if all {
        owners.extend(api.list(&[realm, "clients"], &[]).await?.into_iter().map(Some));
    }
    let mut rows = Vec::new();
    for owner in owners {
        let id = owner.as_ref().map(|client| text(client, "id"));
        let at: Vec<&str> = match &id {
            Some(id) => vec![realm, "clients", id, "roles"],
            None => vec![realm, "roles"],
        };
        let whose = of_whom(realm, owner.as_ref());
        rows.extend(api.list(&at, &[]).await?.into_iter().map(|role| row(role, &whose)));
    }
    rows.sort_by(|a, b| (&a.cells[1], &a.name).cmp(&(&b.cells[1], &b.name)));
    output.list(&COLUMNS, &rows);
    Ok(())
}

fn of_whom(realm: &str, client: Option<&Value>) -> String {
    client.map_or_else(|| format!("realm {realm}"), |client| format!("client {}", text(client, "clientId")))
}

fn row(role: Value, of: &str) -> Row {
    let json = own(role);
    Row {
        name: text(&json, "name"),
        cells: vec![
            text(&json, "name"),
            of.to_owned(),
            flag(&json, "composite").to_string(),
            text(&json, "description"),
            text(&json, "id"),
        ],
        json,
    }
}
