//! `keywright group`: the tree of groups of a realm, by path.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::examples;
use super::failure::Failure;
use super::local::{InRealm, Local};
use super::output::{Column, Output, Row, column, wide};
use super::prompt::confirm;
use super::settings::Settings;
use crate::manage::groups::{self, NewGroup};
use crate::manage::representation::group::{GroupRepresentation, RolesByName, paths};
use crate::manage::users;
use crate::model::group::Group;
use crate::model::realm::Realm;
use crate::model::role::RoleContainer;
use crate::store::txn::Reader as _;

#[derive(Args)]
#[command(before_help = examples![
    "keywright group list --realm acme",
    "keywright group create /staff/night",
    "keywright group add /staff anna"
])]
pub(super) struct Noun {
    #[command(flatten)]
    place: InRealm,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// All groups with their paths
    #[command(before_help = examples!["keywright group list", "keywright group list --realm acme -o name", "keywright group list --json"])]
    List,
    /// One group
    #[command(before_help = examples!["keywright group get /staff", "keywright group get /staff/night --json", "keywright group get /staff -o yaml"])]
    Get {
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// Create a group; the one above it must exist
    #[command(before_help = examples![
        "keywright group create /staff",
        "keywright group create /staff/night -s description='Those who are awake'",
        "keywright group create /staff -s attributes.site=north"
    ])]
    Create {
        #[arg(value_name = "PATH")]
        path: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change name, description or attributes of a group
    #[command(before_help = examples![
        "keywright group set /staff -s name=crew",
        "keywright group set /staff -s attributes.site=south",
        "keywright group set /staff/night -s description=Nobody"
    ])]
    Set {
        #[arg(value_name = "PATH")]
        path: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Delete a group with all groups below it; its members stay
    #[command(before_help = examples!["keywright group delete /staff", "keywright group delete /staff/night --yes", "keywright group delete /staff --realm acme --yes"])]
    Delete {
        #[arg(value_name = "PATH")]
        path: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Make a user a member
    #[command(before_help = examples!["keywright group add /staff anna", "keywright group add /staff/night bob --realm acme", "keywright group add /staff anna -q"])]
    Add {
        #[arg(value_name = "PATH")]
        path: String,
        #[arg(value_name = "USER")]
        user: String,
    },
    /// End a membership
    #[command(before_help = examples!["keywright group remove /staff anna", "keywright group remove /staff/night bob --realm acme", "keywright group remove /staff anna -q"])]
    Remove {
        #[arg(value_name = "PATH")]
        path: String,
        #[arg(value_name = "USER")]
        user: String,
    },
}

/// What of a group can be set.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct GroupSettings {
    name: Option<String>,
    description: Option<String>,
    attributes: Option<BTreeMap<String, Vec<String>>>,
}

impl GroupSettings {
    fn read(settings: &Settings, group: Option<&Group>) -> Result<Self, Failure> {
        let current = Self { attributes: group.map(|group| group.attributes.clone()), ..Self::default() };
        settings.read(&serde_json::to_value(current).map_err(Failure::failed)?)
    }
}

const COLUMNS: [Column; 4] = [column("PATH"), column("ROLES"), column("DESCRIPTION"), wide("ID")];

pub(super) fn run(noun: Noun, output: &Output) -> Result<(), Failure> {
    let Noun { place: InRealm { place, realm }, verb } = noun;
    place.work(async |local| {
        let realm = local.realm(&realm).await?;
        let (app, id) = (local.app(), &realm.id);
        match verb {
            Verb::List => {
                let groups = app.store.peek().groups().list(id).await?;
                let mut rows = rows(local, &realm, &groups.iter().collect::<Vec<_>>()).await?;
                rows.sort_by(|a, b| a.name.cmp(&b.name));
                output.list(&COLUMNS, &rows);
                Ok(())
            }
            Verb::Get { path } => show(local, &realm, &local.group(&realm, &path).await?, output).await,
            Verb::Create { path, settings } => {
                let GroupSettings { description, attributes, .. } = GroupSettings::read(&settings, None)?;
                let (above, name) = path.trim_start_matches('/').rsplit_once('/').unwrap_or(("", path.trim_start_matches('/')));
                let parent = if above.is_empty() { None } else { Some(local.group(&realm, above).await?.id) };
                let new = NewGroup { name: name.to_owned(), description, parent, attributes: attributes.unwrap_or_default() };
                let group = app.store.configuration(|txn| Box::pin(groups::create(txn, &app.env, id, &new))).await?;
                show(local, &realm, &group, output).await
            }
            Verb::Set { path, settings } => {
                if settings.is_empty() {
                    return Err(Failure::usage("there is nothing to set").advice("for example -s description=Nobody"));
                }
                let group = local.group(&realm, &path).await?;
                let given = GroupSettings::read(&settings, Some(&group))?;
                let name = given.name.unwrap_or_else(|| group.name.clone());
                let (description, attributes) = (given.description.or_else(|| group.description.clone()), given.attributes);
                app.store
                    .configuration(|txn| Box::pin(groups::update(txn, id, &group.id, &name, description.clone(), attributes.clone())))
                    .await?;
                show(local, &realm, &local.group(&realm, group.id.as_str()).await?, output).await
            }
            Verb::Delete { path, yes } => {
                let group = local.group(&realm, &path).await?;
                confirm(&format!("delete group {path} of realm {} with all groups below it", realm.name), yes)?;
                app.store.configuration(|txn| Box::pin(groups::delete(txn, id, &group.id))).await?;
                local.finish_jobs().await?;
                output.note(&format!("group {path} is deleted"));
                Ok(())
            }
            Verb::Add { path, user } => {
                let (group, user) = (local.group(&realm, &path).await?, local.user(&realm, &user).await?);
                app.store.configuration(|txn| Box::pin(users::join_group(txn, id, &user.id, &group.id))).await?;
                output.note(&format!("{} is a member of {path}", user.username));
                Ok(())
            }
            Verb::Remove { path, user } => {
                let (group, user) = (local.group(&realm, &path).await?, local.user(&realm, &user).await?);
                app.store.configuration(|txn| Box::pin(users::leave_group(txn, id, &user.id, &group.id))).await?;
                output.note(&format!("{} is no member of {path}", user.username));
                Ok(())
            }
        }
    })
}

async fn show(local: &Local, realm: &Realm, group: &Group, output: &Output) -> Result<(), Failure> {
    for row in rows(local, realm, &[group]).await? {
        output.one(&COLUMNS, &row);
    }
    Ok(())
}

async fn rows(local: &Local, realm: &Realm, wanted: &[&Group]) -> Result<Vec<Row>, Failure> {
    let mut peek = local.app().store.peek();
    let (groups, roles) = (peek.groups().list(&realm.id).await?, peek.roles().list(&realm.id).await?);
    let (paths, client_ids) = (paths(&groups), local.client_ids(&realm.id).await?);
    let row = |group: &&Group| {
        let mut by_name = RolesByName::default();
        for role in roles.iter().filter(|role| group.roles.contains(&role.id)) {
            match &role.container {
                RoleContainer::Realm => by_name.realm.push(role.name.clone()),
                RoleContainer::Client(id) => {
                    let client = client_ids.get(id.as_str()).cloned().unwrap_or_default();
                    by_name.client.entry(client).or_default().push(role.name.clone());
                }
            }
        }
        let of_clients = by_name.client.iter().flat_map(|(client, names)| names.iter().map(move |name| format!("{client}:{name}")));
        let shown: Vec<String> = by_name.realm.iter().cloned().chain(of_clients).collect();
        let path = paths.get(group.id.as_str()).cloned().unwrap_or_default();
        Row {
            name: path.clone(),
            cells: vec![path.clone(), shown.join(" "), group.description.clone().unwrap_or_default(), group.id.to_string()],
            json: serde_json::to_value(GroupRepresentation::full(group, path, by_name)).unwrap_or_default(),
        }
    };
    Ok(wanted.iter().map(row).collect())
}
