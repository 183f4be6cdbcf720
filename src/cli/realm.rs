//! `keywright realm`: the realms of a store.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::examples;
use super::failure::Failure;
use super::local::{Local, Place};
use super::output::{Column, Output, Row, column, number, wide};
use super::prompt::confirm;
use super::settings::Settings;
use crate::manage::realms::{self, NewRealm};
use crate::manage::representation::realm::{RealmRepresentation, SmtpPassword};
use crate::model::realm::Realm;
use crate::store::txn::Reader as _;

#[derive(Args)]
#[command(before_help = examples![
    "keywright realm list",
    "keywright realm create acme -s displayName=Acme",
    "keywright realm set acme -s accessTokenLifespan=600 -s bruteForceProtected=true"
])]
pub(super) struct Noun {
    #[command(flatten)]
    place: Place,
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
    match verb {
        Verb::List => place.work(async |local| {
            let mut realms = local.app().store.peek().realms().list().await?;
            realms.sort_by(|a, b| a.name.cmp(&b.name));
            output.list(&COLUMNS, &realms.iter().map(row).collect::<Vec<_>>());
            Ok(())
        }),
        Verb::Get { name } => place.work(async |local| {
            output.one(&COLUMNS, &row(&local.realm(&name).await?));
            Ok(())
        }),
        Verb::Create { name, settings } => place.work(async |local| create(local, &name, &settings, output).await),
        Verb::Set { name, settings } => place.work(async |local| set(local, &name, &settings, output).await),
        Verb::Delete { name, yes } => place.work(async |local| {
            let realm = local.realm(&name).await?;
            confirm(&format!("delete realm {} with everything in it", realm.name), yes)?;
            local.app().store.configuration(|txn| Box::pin(realms::delete(txn, &realm.id))).await?;
            local.finish_jobs().await?;
            output.note(&format!("realm {} is deleted", realm.name));
            Ok(())
        }),
    }
}

async fn create(local: &Local, name: &str, settings: &Settings, output: &Output) -> Result<(), Failure> {
    let mut members = NewRealm::enabled(name).settings;
    members.extend(members_of(settings, &Realm::new("".into(), name, "".into()))?);
    let new = NewRealm { name: name.to_owned(), id: None, settings: members };
    let realm = local.keywright().manage().create_realm(new).await?;
    output.one(&COLUMNS, &row(&realm));
    Ok(())
}

async fn set(local: &Local, name: &str, settings: &Settings, output: &Output) -> Result<(), Failure> {
    if settings.is_empty() {
        return Err(Failure::usage("there is nothing to set").advice("for example -s accessTokenLifespan=600"));
    }
    let realm = local.realm(name).await?;
    let members = members_of(settings, &realm)?;
    let changed = local.keywright().manage().update_realm(&realm.name, &members).await?;
    output.one(&COLUMNS, &row(&changed));
    Ok(())
}

/// The members as a realm understands them. One by one they are read by the realm's own type, so text stays text.
fn members_of(settings: &Settings, realm: &Realm) -> Result<Map<String, Value>, Failure> {
    let current = serde_json::to_value(realm).map_err(Failure::failed)?;
    settings.members::<Realm>(&current)
}

fn row(realm: &Realm) -> Row {
    let json = serde_json::to_value(RealmRepresentation::of(realm, &SmtpPassword::Masked)).unwrap_or_default();
    Row {
        name: realm.name.clone(),
        cells: vec![
            realm.name.clone(),
            realm.enabled.to_string(),
            realm.display_name.clone().unwrap_or_default(),
            serde_json::to_value(realm.ssl_required)
                .ok()
                .and_then(|text| text.as_str().map(str::to_owned))
                .unwrap_or_default(),
            realm.access_token_lifespan.to_string(),
            realm.brute_force_protected.to_string(),
            realm.id.to_string(),
        ],
        json,
    }
}
