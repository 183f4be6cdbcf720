//! `keywright session`: who is signed in, and the end of it.

use std::collections::HashMap;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::examples;
use super::failure::{Code, Failure};
use super::local::{InRealm, Local};
use super::output::{Column, Output, Row, column, wide};
use super::prompt::confirm;
use crate::base::id::SessionId;
use crate::model::realm::Realm;
use crate::model::user_session::UserSession;
use crate::sessions::{self, Stamps};
use crate::store::txn::Reader as _;

/// Sessions that one step of a list reads.
const STEP: usize = 500;

#[derive(Args)]
#[command(before_help = examples![
    "keywright session list --realm acme",
    "keywright session list --user anna",
    "keywright session end --user anna"
])]
pub(super) struct Noun {
    #[command(flatten)]
    place: InRealm,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// The living sessions of the realm
    #[command(before_help = examples![
        "keywright session list",
        "keywright session list --user anna --offline",
        "keywright session list --client app --json"
    ])]
    List {
        /// Only those of this user
        #[arg(short, long, value_name = "USER")]
        user: Option<String>,
        /// Only those in which this client has tokens
        #[arg(short, long, value_name = "CLIENT")]
        client: Option<String>,
        /// Offline sessions instead, which outlive the sign-in
        #[arg(long)]
        offline: bool,
        /// At most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
        limit: usize,
    },
    /// One session
    #[command(before_help = examples![
        "keywright session get 2ZJ1eFVw-HDpW5QGv3yN0Kqd",
        "keywright session get 2ZJ1eFVw-HDpW5QGv3yN0Kqd --json",
        "keywright session get 2ZJ1eFVw-HDpW5QGv3yN0Kqd --offline"
    ])]
    Get {
        #[arg(value_name = "SESSION")]
        id: String,
        /// It is an offline session
        #[arg(long)]
        offline: bool,
    },
    /// End a session, or all of a user: their tokens stop working at once
    #[command(before_help = examples![
        "keywright session end 2ZJ1eFVw-HDpW5QGv3yN0Kqd",
        "keywright session end --user anna --yes",
        "keywright session end --user anna --offline --yes"
    ])]
    #[group(id = "which", required = true)]
    End {
        #[arg(value_name = "SESSION", group = "which")]
        id: Option<String>,
        /// All sessions of this user
        #[arg(short, long, value_name = "USER", group = "which")]
        user: Option<String>,
        /// Offline sessions instead
        #[arg(long)]
        offline: bool,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

const COLUMNS: [Column; 7] =
    [column("USER"), column("CLIENTS"), column("STARTED"), column("LAST USE"), column("ADDRESS"), wide("OFFLINE"), column("ID")];

pub(super) fn run(noun: Noun, output: &Output) -> Result<(), Failure> {
    let Noun { place: InRealm { place, realm }, verb } = noun;
    place.work(async |local| {
        let realm = local.realm(&realm).await?;
        match verb {
            Verb::List { user, client, offline, limit } => {
                let wanted = Wanted { user: user.as_deref(), client: client.as_deref(), offline, limit };
                list(local, &realm, &wanted, output).await
            }
            Verb::Get { id, offline } => {
                let session = living(local, &realm, &id.as_str().into(), offline).await?;
                let Some(session) = session else { return Err(missing(&id, &realm, offline)) };
                for row in rows(local, &realm, &[session], output).await? {
                    output.one(&COLUMNS, &row);
                }
                Ok(())
            }
            Verb::End { id: Some(id), offline, yes, .. } => {
                confirm(&format!("end session {id}"), yes)?;
                if !sessions::end_session(&local.app().store, &realm.id, &id.as_str().into(), offline).await? {
                    return Err(missing(&id, &realm, offline));
                }
                output.note("1 session ended");
                Ok(())
            }
            Verb::End { user, offline, yes, .. } => {
                let user = local.user(&realm, user.as_deref().unwrap_or_default()).await?;
                confirm(&format!("end all {} sessions of {}", if offline { "offline" } else { "online" }, user.username), yes)?;
                let ended = sessions::end_sessions_of(&local.app().store, &realm.id, &user.id, offline).await?;
                output.note(&format!("{ended} session{} ended", if ended == 1 { "" } else { "s" }));
                Ok(())
            }
        }
    })
}

/// Which sessions a list shows.
struct Wanted<'a> {
    user: Option<&'a str>,
    client: Option<&'a str>,
    offline: bool,
    limit: usize,
}

async fn list(local: &Local, realm: &Realm, wanted: &Wanted<'_>, output: &Output) -> Result<(), Failure> {
    let app = local.app();
    let client = match wanted.client {
        Some(name) => Some(local.client(realm, name).await?.id),
        None => None,
    };
    let has_client = |session: &UserSession| client.as_ref().is_none_or(|client| session.clients.contains_key(client));
    let user = match wanted.user {
        Some(name) => Some(local.user(realm, name).await?.id),
        None => None,
    };
    let (mut found, mut after): (Vec<UserSession>, Option<String>) = (Vec::new(), None);
    while found.len() <= wanted.limit {
        let mut peek = app.store.peek();
        let ids: Vec<SessionId> = if let Some(user) = &user {
            peek.user_sessions().of_user(&realm.id, user, wanted.offline, after.as_deref(), STEP).await?
        } else {
            let sessions = peek.user_sessions().list(&realm.id, wanted.offline, after.as_deref(), STEP).await?;
            sessions.into_iter().map(|session| session.id).collect()
        };
        for id in &ids {
            found.extend(living(local, realm, id, wanted.offline).await?.filter(has_client));
        }
        if ids.len() < STEP {
            break;
        }
        after = ids.last().map(|id| id.as_str().to_owned());
    }
    let more = found.len() > wanted.limit;
    found.truncate(wanted.limit);
    found.sort_by_key(|session| session.started);
    output.list(&COLUMNS, &rows(local, realm, &found, output).await?);
    if more {
        output.note(&format!("there are more than {} sessions: narrow it with --user or --client, or raise --limit", wanted.limit));
    }
    Ok(())
}

async fn living(local: &Local, realm: &Realm, id: &SessionId, offline: bool) -> Result<Option<UserSession>, Failure> {
    let app = local.app();
    Ok(sessions::find(&mut app.store.peek(), &Stamps::default(), realm, id, offline, app.env.now()).await?)
}

fn missing(id: &str, realm: &Realm, offline: bool) -> Failure {
    let failure = Failure::new(Code::NotFound, format!("there is no living session {id} in realm {}", realm.name));
    if offline { failure } else { failure.advice("is it an offline session? Then say --offline") }
}

async fn rows(local: &Local, realm: &Realm, sessions: &[UserSession], output: &Output) -> Result<Vec<Row>, Failure> {
    let client_ids = local.client_ids(&realm.id).await?;
    let mut names: HashMap<&str, String> = HashMap::new();
    for session in sessions {
        if !names.contains_key(session.user.as_str()) {
            let user = local.app().store.peek().users().get(&realm.id, &session.user).await?;
            names.insert(session.user.as_str(), user.map(|user| user.username).unwrap_or_default());
        }
    }
    let row = |session: &UserSession| {
        let username = names.get(session.user.as_str()).cloned().unwrap_or_default();
        let clients: Map<String, Value> = session.clients.keys().map(|id| (id.to_string(), json!(client_ids.get(id.as_str())))).collect();
        let shown: Vec<&str> = clients.values().filter_map(Value::as_str).collect();
        Row {
            name: session.id.to_string(),
            cells: vec![
                username.clone(),
                shown.join(" "),
                output.moment(session.started),
                output.moment(session.last_refresh),
                session.ip_address.clone(),
                session.offline.to_string(),
                session.id.to_string(),
            ],
            // Keycloak's UserSessionRepresentation.
            json: json!({
                "id": session.id, "username": username, "userId": session.user, "ipAddress": session.ip_address,
                "start": session.started.millis(), "lastAccess": session.last_refresh.millis(),
                "rememberMe": session.remember_me, "clients": clients, "transientUser": false,
            }),
        }
    };
    Ok(sessions.iter().map(row).collect())
}
