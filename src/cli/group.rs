//! `keywright group`: the tree of groups of a realm, by path.

use std::collections::BTreeMap;

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::api::{Api, own, text, words};
use super::examples;
use super::failure::Failure;
use super::local::Noun;
use super::output::{Column, Output, Row, column, wide};
use super::prompt::confirm;
use super::settings::Settings;

#[derive(Subcommand)]
#[command(before_help = examples![
    "keywright group list --realm acme",
    "keywright group create /staff/night",
    "keywright group add /staff anna"
])]
pub(super) enum Verb {
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

/// The members that are set; a name in the attributes leaves those of `current` as they are.
fn members_of(settings: &Settings, current: &Value) -> Result<Map<String, Value>, Failure> {
    let mut known = serde_json::to_value(GroupSettings::default()).map_err(Failure::failed)?;
    known["attributes"].clone_from(&current["attributes"]);
    settings.members::<GroupSettings>(&known)
}

const COLUMNS: [Column; 4] = [column("PATH"), column("ROLES"), column("DESCRIPTION"), wide("ID")];

pub(super) fn run(noun: Noun<Verb>, output: &Output) -> Result<(), Failure> {
    noun.work(async |api, realm, verb| match verb {
        Verb::List => {
            let mut rows = Vec::new();
            for group in api.groups(realm).await? {
                rows.push(row(api.get(&[realm, "groups", &text(&group, "id")], &[]).await?));
            }
            rows.sort_by(|a, b| a.name.cmp(&b.name));
            output.list(&COLUMNS, &rows);
            Ok(())
        }
        Verb::Get { path } => {
            output.one(&COLUMNS, &row(api.group(realm, &path).await?));
            Ok(())
        }
        Verb::Create { path, settings } => create(api, realm, &path, &settings, output).await,
        Verb::Set { path, settings } => {
            if settings.is_empty() {
                return Err(Failure::usage("there is nothing to set").advice("for example -s description=Nobody"));
            }
            let mut group = own(api.group(realm, &path).await?);
            for (name, value) in members_of(&settings, &group)? {
                group[name] = value;
            }
            let id = text(&group, "id");
            api.put(&[realm, "groups", &id], &group).await?;
            output.one(&COLUMNS, &row(api.get(&[realm, "groups", &id], &[]).await?));
            Ok(())
        }
        Verb::Delete { path, yes } => {
            let group = api.group(realm, &path).await?;
            confirm(&format!("delete group {path} of realm {realm} with all groups below it"), yes)?;
            api.delete(&[realm, "groups", &text(&group, "id")], &[], None).await?;
            output.note(&format!("group {path} is deleted"));
            Ok(())
        }
        Verb::Add { path, user } => {
            let (group, user) = (api.group(realm, &path).await?, api.user(realm, &user).await?);
            let at = [realm, "users", &text(&user, "id"), "groups", &text(&group, "id")];
            api.put(&at, &Value::Object(Map::new())).await?;
            output.note(&format!("{} is a member of {path}", text(&user, "username")));
            Ok(())
        }
        Verb::Remove { path, user } => {
            let (group, user) = (api.group(realm, &path).await?, api.user(realm, &user).await?);
            api.delete(&[realm, "users", &text(&user, "id"), "groups", &text(&group, "id")], &[], None).await?;
            output.note(&format!("{} is no member of {path}", text(&user, "username")));
            Ok(())
        }
    })
}

async fn create(api: &Api<'_>, realm: &str, path: &str, settings: &Settings, output: &Output) -> Result<(), Failure> {
    let mut members = members_of(settings, &Value::Null)?;
    let (above, name) = path.trim_start_matches('/').rsplit_once('/').unwrap_or(("", path.trim_start_matches('/')));
    members.insert("name".to_owned(), Value::from(name));
    let id = if above.is_empty() {
        api.create(&[realm, "groups"], &Value::Object(members)).await?
    } else {
        let parent = text(&api.group(realm, above).await?, "id");
        api.create(&[realm, "groups", &parent, "children"], &Value::Object(members)).await?
    };
    output.one(&COLUMNS, &row(api.get(&[realm, "groups", &id], &[]).await?));
    Ok(())
}

fn row(group: Value) -> Row {
    let json = own(group);
    let of_clients = json["clientRoles"].as_object().into_iter().flatten().flat_map(|(client, names)| {
        let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
        names.map(move |name| format!("{client}:{name}"))
    });
    let roles: Vec<String> = Some(words(&json, "realmRoles")).filter(|roles| !roles.is_empty()).into_iter().chain(of_clients).collect();
    Row {
        name: text(&json, "path"),
        cells: vec![text(&json, "path"), roles.join(" "), text(&json, "description"), text(&json, "id")],
        json,
    }
}
