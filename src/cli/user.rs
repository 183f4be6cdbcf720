//! `keywright user`: the users of a realm. A password never stands in an argument.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::examples;
use super::failure::Failure;
use super::local::{InRealm, Local};
use super::output::{Column, Output, Row, column, wide};
use super::prompt::{Wanted, confirm};
use super::settings::Settings;
use crate::base::id::UserId;
use crate::base::secret::Secret;
use crate::manage::representation::user::UserRepresentation;
use crate::manage::users::{self, NewUser, UserSettings};
use crate::model::credential::CredentialKind;
use crate::model::realm::Realm;
use crate::model::user::User;
use crate::sessions;
use crate::store::StoreError;
use crate::store::txn::Reader as _;

/// Users that one step of a list reads.
const STEP: usize = 500;

#[derive(Args)]
#[command(before_help = examples![
    "keywright user list --realm acme --search anna",
    "keywright user create anna --realm acme --email anna@example.com",
    "keywright user set-password anna --realm acme --temporary"
])]
pub(super) struct Noun {
    #[command(flatten)]
    place: InRealm,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
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
struct Create {
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

pub(super) fn run(noun: Noun, output: &Output) -> Result<(), Failure> {
    let Noun { place: InRealm { place, realm }, verb } = noun;
    place.work(async |local| {
        let realm = local.realm(&realm).await?;
        match verb {
            Verb::List { search, limit } => list(local, &realm, search.as_deref(), limit, output).await,
            Verb::Get { name } => show(local, &realm, &local.user(&realm, &name).await?, output).await,
            Verb::Create(arguments) => create(local, &realm, &arguments, output).await,
            Verb::Set { name, settings } => set(local, &realm, &name, &settings, output).await,
            Verb::Delete { name, yes } => delete(local, &realm, &name, yes, output).await,
            Verb::SetPassword { name, temporary, password } => {
                let user = local.user(&realm, &name).await?;
                set_password(local, &realm, &user.id, password.wanted().chosen()?, temporary).await?;
                output.note(&format!("user {} has a new password", user.username));
                Ok(())
            }
            Verb::Enable { name } => set_enabled(local, &realm, &name, true, output).await,
            Verb::Disable { name } => set_enabled(local, &realm, &name, false, output).await,
            Verb::Unlock { name } => {
                let user = local.user(&realm, &name).await?;
                unlock(local, &realm, &user.id).await?;
                output.note(&format!("user {} is unlocked", user.username));
                Ok(())
            }
        }
    })
}

async fn list(local: &Local, realm: &Realm, search: Option<&str>, limit: usize, output: &Output) -> Result<(), Failure> {
    let search = search.map(str::to_lowercase);
    let matches = |user: &User| {
        let Some(search) = &search else { return true };
        let fields = [Some(&user.username), user.email.as_ref(), user.first_name.as_ref(), user.last_name.as_ref()];
        fields.into_iter().flatten().any(|text| text.to_lowercase().contains(search.as_str()))
    };
    let (mut found, mut after): (Vec<User>, Option<UserId>) = (Vec::new(), None);
    // One more than is shown tells whether there are more.
    while found.len() <= limit {
        let users = local.app().store.peek().users().list(&realm.id, after.as_ref(), STEP).await?;
        let full = users.len() == STEP;
        after = users.last().map(|user| user.id.clone());
        found.extend(users.into_iter().filter(matches));
        if !full {
            break;
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    found.sort_by(|a, b| a.username.cmp(&b.username));
    output.list(&COLUMNS, &found.iter().map(|user| row(user, &UserRepresentation::brief(user), output)).collect::<Vec<_>>());
    if more {
        output.note(&format!("there are more than {limit} users: narrow it with --search or raise --limit"));
    }
    Ok(())
}

async fn create(local: &Local, realm: &Realm, arguments: &Create, output: &Output) -> Result<(), Failure> {
    let current = serde_json::to_value(UserSettings::default()).map_err(Failure::failed)?;
    let given: UserSettings = arguments.settings.read(&current)?;
    let settings = UserSettings {
        username: Some(arguments.name.clone()),
        email: arguments.email.clone().or_else(|| given.email.clone()),
        enabled: given.enabled.or(Some(true)),
        ..given
    };
    let new = NewUser { settings, groups: arguments.group.clone(), ..NewUser::default() };
    let password = arguments.password.wanted().given()?;
    let user = local.keywright().manage().create_user(&realm.name, new, password).await?;
    show(local, realm, &user, output).await
}

async fn set(local: &Local, realm: &Realm, name: &str, settings: &Settings, output: &Output) -> Result<(), Failure> {
    if settings.is_empty() {
        return Err(Failure::usage("there is nothing to set").advice("for example -s emailVerified=true"));
    }
    let user = local.user(realm, name).await?;
    // Where attributes are given, absent names would be removed; so everything is given.
    let whole = UserRepresentation::full(&user, false, None).settings();
    let mut current = serde_json::to_value(&whole).map_err(Failure::failed)?;
    let changes = settings.members::<UserSettings>(&current)?;
    for (name, value) in changes {
        current[name] = value;
    }
    let changes: UserSettings = serde_json::from_value(current).map_err(Failure::failed)?;
    let changed = local.app().store.configuration(|txn| Box::pin(users::update(txn, &realm.id, &user.id, &changes))).await?;
    show(local, realm, &changed, output).await
}

async fn delete(local: &Local, realm: &Realm, name: &str, yes: bool, output: &Output) -> Result<(), Failure> {
    let user = local.user(realm, name).await?;
    confirm(&format!("delete user {} of realm {}", user.username, realm.name), yes)?;
    let store = &local.app().store;
    store.configuration(|txn| Box::pin(users::delete(txn, &realm.id, &user.id))).await?;
    for offline in [false, true] {
        sessions::end_sessions_of(store, &realm.id, &user.id, offline).await?;
    }
    output.note(&format!("user {} is deleted", user.username));
    Ok(())
}

/// For `keywright admin` as well.
pub(super) async fn set_password(
    local: &Local,
    realm: &Realm,
    user: &UserId,
    password: Secret<String>,
    temporary: bool,
) -> Result<(), Failure> {
    Ok(local.app().passwords().set(&realm.id, user, &password, temporary).await?)
}

/// Forgets failed sign-ins. For `keywright admin` as well.
pub(super) async fn unlock(local: &Local, realm: &Realm, user: &UserId) -> Result<(), Failure> {
    let forget = local.app().store.sessions(|txn| {
        txn.login_failures().delete(&realm.id, user);
        Box::pin(std::future::ready(Ok::<_, StoreError>(())))
    });
    forget.await?;
    Ok(())
}

async fn set_enabled(local: &Local, realm: &Realm, name: &str, enabled: bool, output: &Output) -> Result<(), Failure> {
    let user = local.user(realm, name).await?;
    local.app().store.configuration(|txn| Box::pin(users::set_enabled(txn, &realm.id, &user.id, enabled))).await?;
    output.note(&format!("user {} is {}", user.username, if enabled { "enabled" } else { "disabled" }));
    Ok(())
}

async fn show(local: &Local, realm: &Realm, user: &User, output: &Output) -> Result<(), Failure> {
    let mut peek = local.app().store.peek();
    let credentials = peek.credentials().get(&realm.id, &user.id).await?;
    let has_otp = credentials.0.iter().any(|credential| matches!(credential.kind, CredentialKind::Otp { .. }));
    let service_account = match &user.service_account_client {
        Some(client) => peek.clients().get(&realm.id, client).await?.map(|client| client.client_id),
        None => None,
    };
    output.one(&COLUMNS, &row(user, &UserRepresentation::full(user, has_otp, service_account.as_deref()), output));
    Ok(())
}

fn row(user: &User, representation: &UserRepresentation, output: &Output) -> Row {
    let name = [user.first_name.as_deref(), user.last_name.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    Row {
        name: user.username.clone(),
        cells: vec![
            user.username.clone(),
            user.email.clone().unwrap_or_default(),
            name,
            user.enabled.to_string(),
            output.moment(user.created),
            user.required_actions.join(" "),
            user.id.to_string(),
        ],
        json: serde_json::to_value(representation).unwrap_or_default(),
    }
}
