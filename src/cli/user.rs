//! `keywright user`: the users of a realm. A password never stands in an argument.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use serde_json::{Value, json};

use super::api::{Api, flag, own, text, words};
use super::examples;
use super::failure::Failure;
use super::local::{Local, Noun};
use super::output::{Column, Output, Row, column, wide};
use super::prompt::{Wanted, confirm};
use super::settings::Settings;
use crate::authn::brute_force;
use crate::base::clock::Timestamp;
use crate::base::id::UserId;
use crate::base::secret::Secret;
use crate::manage::users::UserSettings;
use crate::model::realm::Realm;

/// Users that one step of a list asks for.
const STEP: usize = 500;

#[derive(Subcommand)]
#[command(before_help = examples![
    "keywright user list --realm acme --search anna",
    "keywright user create anna --realm acme --email anna@example.com",
    "keywright user set-password anna --realm acme --temporary"
])]
pub(super) enum Verb {
    /// The users of the realm
    #[command(before_help = examples![
        "keywright user list",
        "keywright user list --realm acme --search @example.com",
        "keywright user list --limit 100000 --json > users.ndjson"
    ])]
    List {
        /// Only users with this text in name, e-mail address, first or last name
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// At most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
        limit: usize,
    },
    /// One user
    #[command(before_help = examples!["keywright user get anna", "keywright user get anna@example.com --realm acme", "keywright user get anna --json"])]
    Get {
        /// The user name, e-mail address or id
        #[arg(value_name = "USER")]
        name: String,
    },
    /// Create a user, enabled; without a password he cannot sign in yet
    #[command(before_help = examples![
        "keywright user create anna --email anna@example.com -s firstName=Anna -s lastName=Arendt",
        "keywright user create anna --group /staff --password - < password.txt",
        "keywright user create robot -s attributes.team=ops -s requiredActions='[]'"
    ])]
    Create(Create),
    /// Change settings of a user
    #[command(before_help = examples![
        "keywright user set anna -s email=anna@example.org -s emailVerified=true",
        "keywright user set anna -s attributes.team=ops",
        "keywright user set anna -s requiredActions='[\"UPDATE_PASSWORD\"]'"
    ])]
    Set {
        #[arg(value_name = "USER")]
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Delete a user with his credentials and sessions
    #[command(before_help = examples![
        "keywright user delete anna",
        "keywright user delete anna --realm acme --yes",
        "keywright user delete anna@example.com --yes"
    ])]
    Delete {
        #[arg(value_name = "USER")]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Give a user a password, asked for twice without showing it; his sessions go on
    #[command(before_help = examples![
        "keywright user set-password anna",
        "keywright user set-password anna --temporary            # he must change it when he signs in",
        "keywright user set-password anna --password - < password.txt"
    ])]
    SetPassword {
        #[arg(value_name = "USER")]
        name: String,
        /// He must change it when he signs in
        #[arg(long)]
        temporary: bool,
        #[command(flatten)]
        password: Password,
    },
    /// Let a user sign in again
    #[command(before_help = examples!["keywright user enable anna", "keywright user enable anna --realm acme", "keywright user enable anna -q"])]
    Enable {
        #[arg(value_name = "USER")]
        name: String,
    },
    /// Keep a user out; his tokens stop working at once
    #[command(before_help = examples!["keywright user disable anna", "keywright user disable anna --realm acme", "keywright user disable anna -q"])]
    Disable {
        #[arg(value_name = "USER")]
        name: String,
    },
    /// Forget the failed sign-ins that locked a user
    #[command(before_help = examples!["keywright user unlock anna", "keywright user unlock anna --realm acme", "keywright user unlock anna@example.com"])]
    Unlock {
        #[arg(value_name = "USER")]
        name: String,
    },
}

#[derive(Args)]
pub(super) struct Create {
    #[arg(value_name = "USER")]
    name: String,
    /// His e-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The path of a group to join; may be repeated
    #[arg(long, value_name = "PATH")]
    group: Vec<String>,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct Password {
    /// The password: - reads a line of standard input [env: KEYWRIGHT_PASSWORD]
    #[arg(long, value_name = "-", conflicts_with = "password_file")]
    password: Option<String>,
    /// A file with the password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Password {
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted {
            what: "the password",
            flag: "--password",
            text: self.password.as_deref(),
            file: self.password_file.as_deref(),
            variable: Some("KEYWRIGHT_PASSWORD"),
        }
    }
}

const COLUMNS: [Column; 7] =
    [column("USER"), column("EMAIL"), column("NAME"), column("ENABLED"), column("CREATED"), wide("REQUIRED ACTIONS"), wide("ID")];

pub(super) fn run(noun: Noun<Verb>, output: &Output) -> Result<(), Failure> {
    noun.work(async |api, realm, verb| match verb {
        Verb::List { search, limit } => list(api, realm, search.as_deref(), limit, output).await,
        Verb::Get { name } => {
            output.one(&COLUMNS, &row(api.user(realm, &name).await?, output));
            Ok(())
        }
        Verb::Create(arguments) => create(api, realm, &arguments, output).await,
        Verb::Set { name, settings } => set(api, realm, &name, &settings, output).await,
        Verb::Delete { name, yes } => {
            let user = api.user(realm, &name).await?;
            let name = text(&user, "username");
            confirm(&format!("delete user {name} of realm {realm}"), yes)?;
            api.delete(&[realm, "users", &text(&user, "id")], &[], None).await?;
            output.note(&format!("user {name} is deleted"));
            Ok(())
        }
        Verb::SetPassword { name, temporary, password } => {
            let user = api.user(realm, &name).await?;
            let body = json!({ "type": "password", "value": password.wanted().chosen()?.expose(), "temporary": temporary });
            api.put(&[realm, "users", &text(&user, "id"), "reset-password"], &body).await?;
            output.note(&format!("user {} has a new password", text(&user, "username")));
            Ok(())
        }
        Verb::Enable { name } => set_enabled(api, realm, &name, true, output).await,
        Verb::Disable { name } => set_enabled(api, realm, &name, false, output).await,
        Verb::Unlock { name } => {
            let user = api.user(realm, &name).await?;
            api.delete(&[realm, "attack-detection", "brute-force", "users", &text(&user, "id")], &[], None).await?;
            output.note(&format!("user {} is unlocked", text(&user, "username")));
            Ok(())
        }
    })
}

async fn list(api: &Api<'_>, realm: &str, search: Option<&str>, limit: usize, output: &Output) -> Result<(), Failure> {
    // Anywhere in the name, the address, the first or the last name.
    let search = search.map(|search| format!("*{search}*"));
    let mut found: Vec<Value> = Vec::new();
    // One more than is shown tells whether there are more.
    while found.len() <= limit {
        let (first, max) = (found.len().to_string(), STEP.min(limit + 1 - found.len()).to_string());
        let mut query = vec![("first", first.as_str()), ("max", max.as_str()), ("briefRepresentation", "true")];
        query.extend(search.as_deref().map(|search| ("search", search)));
        let users = api.list(&[realm, "users"], &query).await?;
        let done = users.is_empty();
        found.extend(users);
        if done {
            break;
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    found.sort_by_key(|user| text(user, "username"));
    output.list(&COLUMNS, &found.into_iter().map(|user| row(user, output)).collect::<Vec<_>>());
    if more {
        output.note(&format!("there are more than {limit} users: narrow it with --search or raise --limit"));
    }
    Ok(())
}

async fn create(api: &Api<'_>, realm: &str, arguments: &Create, output: &Output) -> Result<(), Failure> {
    let current = serde_json::to_value(UserSettings::default()).map_err(Failure::failed)?;
    let mut members = arguments.settings.members::<UserSettings>(&current)?;
    members.insert("username".to_owned(), json!(arguments.name));
    members.entry("enabled").or_insert(Value::Bool(true));
    if let Some(email) = &arguments.email {
        members.insert("email".to_owned(), json!(email));
    }
    if !arguments.group.is_empty() {
        members.insert("groups".to_owned(), json!(arguments.group));
    }
    if let Some(password) = arguments.password.wanted().given()? {
        members.insert("credentials".to_owned(), json!([{ "type": "password", "value": password.expose(), "temporary": false }]));
    }
    let id = api.create(&[realm, "users"], &Value::Object(members)).await?;
    output.one(&COLUMNS, &row(api.get(&[realm, "users", &id], &[]).await?, output));
    Ok(())
}

async fn set(api: &Api<'_>, realm: &str, name: &str, settings: &Settings, output: &Output) -> Result<(), Failure> {
    if settings.is_empty() {
        return Err(Failure::usage("there is nothing to set").advice("for example -s emailVerified=true"));
    }
    let user = api.user(realm, name).await?;
    let id = text(&user, "id");
    let mut whole = own(api.get(&[realm, "users", &id], &[]).await?);
    let mut known = serde_json::to_value(UserSettings::default()).map_err(Failure::failed)?;
    known["attributes"].clone_from(&whole["attributes"]);
    // Where attributes are given, absent names would be removed; so everything is given.
    for (name, value) in settings.members::<UserSettings>(&known)? {
        whole[name] = value;
    }
    api.put(&[realm, "users", &id], &whole).await?;
    output.one(&COLUMNS, &row(api.get(&[realm, "users", &id], &[]).await?, output));
    Ok(())
}

/// For `keywright admin`.
pub(super) async fn set_password(
    local: &Local,
    realm: &Realm,
    user: &UserId,
    password: Secret<String>,
    temporary: bool,
) -> Result<(), Failure> {
    Ok(local.app().passwords().set(&realm.id, user, &password, temporary).await?)
}

/// Forgets failed sign-ins. For `keywright admin`.
pub(super) async fn unlock(local: &Local, realm: &Realm, user: &UserId) -> Result<(), Failure> {
    Ok(brute_force::forget(&local.app().store, &realm.id, user).await?)
}

async fn set_enabled(api: &Api<'_>, realm: &str, name: &str, enabled: bool, output: &Output) -> Result<(), Failure> {
    let id = text(&api.user(realm, name).await?, "id");
    let mut whole = own(api.get(&[realm, "users", &id], &[]).await?);
    whole["enabled"] = Value::Bool(enabled);
    api.put(&[realm, "users", &id], &whole).await?;
    if enabled {
        api.delete(&[realm, "attack-detection", "brute-force", "users", &id], &[], None).await?;
    }
    output.note(&format!("user {} is {}", text(&whole, "username"), if enabled { "enabled" } else { "disabled" }));
    Ok(())
}

fn row(user: Value, output: &Output) -> Row {
    let json = own(user);
    let names = [text(&json, "firstName"), text(&json, "lastName")];
    let created = json["createdTimestamp"].as_i64().map_or_else(String::new, |millis| output.moment(Timestamp(millis)));
    Row {
        name: text(&json, "username"),
        cells: vec![
            text(&json, "username"),
            text(&json, "email"),
            names.join(" ").trim().to_owned(),
            flag(&json, "enabled").to_string(),
            created,
            words(&json, "requiredActions"),
            text(&json, "id"),
        ],
        json,
    }
}
