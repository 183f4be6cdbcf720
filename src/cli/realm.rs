//! `keywright realm`: the realms of a store.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::api::{Api, flag, own, text};
use super::examples;
use super::failure::Failure;
use super::local::Anywhere;
use super::output::{Column, Output, Row, column, number, wide};
use super::prompt::confirm;
use super::settings::Settings;
use crate::model::realm::Realm;

#[derive(Args)]
#[command(before_help = examples![
    "keywright realm list",
    "keywright realm create acme -s displayName=Acme",
    "keywright realm set acme -s accessTokenLifespan=600 -s bruteForceProtected=true"
])]
pub(super) struct Noun {
    #[command(flatten)]
    place: Anywhere,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// All realms
    #[command(before_help = examples!["keywright realm list", "keywright realm list -o name", "keywright realm list --json | jq .accessTokenLifespan"])]
    List,
    /// One realm with its settings
    #[command(before_help = examples!["keywright realm get acme", "keywright realm get acme --json", "keywright realm get master -o yaml"])]
    Get {
        #[arg(value_name = "REALM")]
        name: String,
    },
    /// Create a realm with keys, built-in clients, scopes and roles of its own
    #[command(before_help = examples![
        "keywright realm create acme",
        "keywright realm create acme -s displayName='Acme Inc.' -s registrationAllowed=true",
        "keywright realm create acme -s enabled=false -f settings.json"
    ])]
    Create {
        #[arg(value_name = "REALM")]
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change settings of a realm
    #[command(before_help = examples![
        "keywright realm set acme -s accessTokenLifespan=600",
        "keywright realm set acme -s realm=acme-inc                # renames it",
        "keywright realm set acme -s enabled=false"
    ])]
    Set {
        #[arg(value_name = "REALM")]
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Delete a realm with everything in it
    #[command(before_help = examples![
        "keywright realm delete acme",
        "keywright realm delete acme --yes",
        "keywright realm delete acme --data /var/lib/keywright --yes"
    ])]
    Delete {
        #[arg(value_name = "REALM")]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

const COLUMNS: [Column; 7] = [
    column("REALM"),
    column("ENABLED"),
    column("DISPLAY NAME"),
    wide("TLS"),
    number("TOKEN SECONDS"),
    wide("BRUTE FORCE PROTECTION"),
    wide("ID"),
];

pub(super) fn run(noun: Noun, output: &Output) -> Result<(), Failure> {
    let Noun { place, verb } = noun;
    place.administer(async |api| match verb {
        Verb::List => {
            let mut realms = api.list(&[], &[]).await?;
            realms.sort_by_key(|realm| text(realm, "realm"));
            output.list(&COLUMNS, &realms.into_iter().map(row).collect::<Vec<_>>());
            Ok(())
        }
        Verb::Get { name } => {
            output.one(&COLUMNS, &row(api.realm(&name).await?));
            Ok(())
        }
        Verb::Create { name, settings } => create(api, &name, &settings, output).await,
        Verb::Set { name, settings } => set(api, &name, &settings, output).await,
        Verb::Delete { name, yes } => {
            let name = api.realm_name(&name).await?;
            confirm(&format!("delete realm {name} with everything in it"), yes)?;
            api.delete(&[&name], &[], None).await?;
            output.note(&format!("realm {name} is deleted"));
            Ok(())
        }
    })
}

async fn create(api: &Api<'_>, name: &str, settings: &Settings, output: &Output) -> Result<(), Failure> {
    let new = serde_json::to_value(Realm::new("".into(), name, "".into())).map_err(Failure::failed)?;
    let mut members = settings.members::<Realm>(&new)?;
    members.insert("realm".to_owned(), Value::from(name));
    members.entry("enabled").or_insert(Value::Bool(true));
    api.post(&[], &Value::Object(members)).await?;
    output.one(&COLUMNS, &row(api.get(&[name], &[]).await?));
    Ok(())
}

async fn set(api: &Api<'_>, name: &str, settings: &Settings, output: &Output) -> Result<(), Failure> {
    if settings.is_empty() {
        return Err(Failure::usage("there is nothing to set").advice("for example -s accessTokenLifespan=600"));
    }
    // One by one the members are read by the realm's own type, so text stays text.
    let current = own(api.realm(name).await?);
    let members: Map<String, Value> = settings.members::<Realm>(&current)?;
    let renamed = members.get("realm").and_then(Value::as_str).unwrap_or(name).to_owned();
    api.put(&[name], &Value::Object(members)).await?;
    output.one(&COLUMNS, &row(api.get(&[&renamed], &[]).await?));
    Ok(())
}

fn row(realm: Value) -> Row {
    let json = own(realm);
    Row {
        name: text(&json, "realm"),
        cells: vec![
            text(&json, "realm"),
            flag(&json, "enabled").to_string(),
            text(&json, "displayName"),
            text(&json, "sslRequired"),
            json["accessTokenLifespan"].to_string(),
            flag(&json, "bruteForceProtected").to_string(),
            text(&json, "id"),
        ],
        json,
    }
}
