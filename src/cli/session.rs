//! `keywright session`: who is signed in, and the end of it.

use std::collections::HashMap;

use clap::Subcommand;
use serde_json::Value;

use super::api::{Api, text};
use super::examples;
use super::failure::{Code, Failure};
use super::local::Noun;
use super::output::{Column, Output, Row, column, wide};
use super::prompt::confirm;
use crate::base::clock::Timestamp;

/// Sessions that one request asks for.
const PAGE: usize = 500;

#[derive(Subcommand)]
#[command(before_help = examples![
    "keywright session list --realm acme",
    "keywright session list --user anna",
    "keywright session end --user anna"
])]
pub(super) enum Verb {
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
    /// One session; quick when the user is named, otherwise all are looked through
    #[command(before_help = examples![
        "keywright session get 2ZJ1eFVw-HDpW5QGv3yN0Kqd",
        "keywright session get 2ZJ1eFVw-HDpW5QGv3yN0Kqd --user anna --json",
        "keywright session get 2ZJ1eFVw-HDpW5QGv3yN0Kqd --offline"
    ])]
    Get {
        #[arg(value_name = "SESSION", allow_hyphen_values = true)]
        id: String,
        /// Whose it is
        #[arg(short, long, value_name = "USER")]
        user: Option<String>,
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
        #[arg(value_name = "SESSION", allow_hyphen_values = true, group = "which")]
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

pub(super) fn run(noun: Noun<Verb>, output: &Output) -> Result<(), Failure> {
    noun.work(async |api, realm, verb| match verb {
        Verb::List { user, client, offline, limit } => {
            let wanted = Wanted { user: user.as_deref(), client: client.as_deref(), offline, most: limit.saturating_add(1) };
            let mut found = wanted.sessions(api, realm).await?;
            let more = found.len() > limit;
            found.truncate(limit);
            output.list(&COLUMNS, &found.into_iter().map(|session| row(session, offline, output)).collect::<Vec<_>>());
            if more {
                output.note(&format!("there are more than {limit} sessions: narrow it with --user or --client, or raise --limit"));
            }
            Ok(())
        }
        Verb::Get { id, user, offline } => {
            let wanted = Wanted { user: user.as_deref(), client: None, offline, most: usize::MAX };
            let found = wanted.sessions(api, realm).await?.into_iter().find(|session| session["id"] == id.as_str());
            output.one(&COLUMNS, &row(found.ok_or_else(|| missing(&id, realm, offline))?, offline, output));
            Ok(())
        }
        Verb::End { id: Some(id), offline, yes, .. } => {
            confirm(&format!("end session {id}"), yes)?;
            if !end(api, realm, &id, offline).await? {
                return Err(missing(&id, realm, offline));
            }
            output.note("1 session ended");
            Ok(())
        }
        Verb::End { user, offline, yes, .. } => {
            let user = api.user(realm, user.as_deref().unwrap_or_default()).await?;
            let name = text(&user, "username");
            confirm(&format!("end all {} sessions of {name}", if offline { "offline" } else { "online" }), yes)?;
            let mut ended = 0;
            for session in of_user(api, realm, &user, offline).await? {
                ended += usize::from(end(api, realm, &text(&session, "id"), offline).await?);
            }
            output.note(&format!("{ended} session{} ended", if ended == 1 { "" } else { "s" }));
            Ok(())
        }
    })
}

/// Which sessions are asked for.
struct Wanted<'a> {
    user: Option<&'a str>,
    client: Option<&'a str>,
    offline: bool,
    /// No more than these need to be known.
    most: usize,
}

impl Wanted<'_> {
    /// The oldest first, each once.
    async fn sessions(&self, api: &Api<'_>, realm: &str) -> Result<Vec<Value>, Failure> {
        let client = match self.client {
            Some(name) => Some(text(&api.client(realm, name).await?, "id")),
            None => None,
        };
        let mut found: HashMap<String, Value> = HashMap::new();
        let mut note = |sessions: Vec<Value>| found.extend(sessions.into_iter().map(|session| (text(&session, "id"), session)));
        match (self.user, &client) {
            (Some(name), client) => {
                let user = api.user(realm, name).await?;
                let mut sessions = of_user(api, realm, &user, self.offline).await?;
                sessions.retain(|session| client.as_ref().is_none_or(|client| session["clients"].get(client).is_some()));
                note(sessions);
            }
            (None, Some(client)) => note(of_client(api, realm, client, self.offline, self.most).await?),
            (None, None) => {
                for client in clients_with_sessions(api, realm, self.offline).await? {
                    note(of_client(api, realm, &client, self.offline, self.most).await?);
                }
            }
        }
        let mut found: Vec<Value> = found.into_values().collect();
        found.sort_by_key(|session| (session["start"].as_i64(), text(session, "id")));
        Ok(found)
    }
}

/// Keycloak's API lists the offline sessions of a user by client only.
async fn of_user(api: &Api<'_>, realm: &str, user: &Value, offline: bool) -> Result<Vec<Value>, Failure> {
    let id = text(user, "id");
    if !offline {
        return api.list(&[realm, "users", &id, "sessions"], &[]).await;
    }
    let mut found: Vec<Value> = Vec::new();
    for client in clients_with_sessions(api, realm, true).await? {
        for session in api.list(&[realm, "users", &id, "offline-sessions", &client], &[]).await? {
            if !found.iter().any(|known| known["id"] == session["id"]) {
                found.push(session);
            }
        }
    }
    Ok(found)
}

async fn of_client(api: &Api<'_>, realm: &str, client: &str, offline: bool, most: usize) -> Result<Vec<Value>, Failure> {
    let kind = if offline { "offline-sessions" } else { "user-sessions" };
    let mut found = Vec::new();
    while found.len() < most {
        let (first, max) = (found.len().to_string(), PAGE.min(most - found.len()).to_string());
        let page = api.list(&[realm, "clients", client, kind], &[("first", &first), ("max", &max)]).await?;
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    Ok(found)
}

/// The ids of the clients that have tokens in a living session.
async fn clients_with_sessions(api: &Api<'_>, realm: &str, offline: bool) -> Result<Vec<String>, Failure> {
    let member = if offline { "offline" } else { "active" };
    let stats = api.list(&[realm, "client-session-stats"], &[]).await?;
    Ok(stats.iter().filter(|client| client[member] != "0").map(|client| text(client, "id")).collect())
}

/// Whether there was such a session.
async fn end(api: &Api<'_>, realm: &str, id: &str, offline: bool) -> Result<bool, Failure> {
    let query: &[(&str, &str)] = if offline { &[("isOffline", "true")] } else { &[] };
    match api.delete(&[realm, "sessions", id], query, None).await {
        Ok(()) => Ok(true),
        Err(failure) if failure.code == Code::NotFound => Ok(false),
        Err(failure) => Err(failure),
    }
}

fn missing(id: &str, realm: &str, offline: bool) -> Failure {
    let failure = Failure::new(Code::NotFound, format!("there is no living session {id} in realm {realm}"));
    if offline { failure } else { failure.advice("is it an offline session? Then say --offline") }
}

/// Of Keycloak's `UserSessionRepresentation`.
fn row(session: Value, offline: bool, output: &Output) -> Row {
    let clients: Vec<&str> = session["clients"].as_object().into_iter().flatten().filter_map(|(_, name)| name.as_str()).collect();
    let moment = |member: &str| output.moment(Timestamp(session[member].as_i64().unwrap_or_default()));
    Row {
        name: text(&session, "id"),
        cells: vec![
            text(&session, "username"),
            clients.join(" "),
            moment("start"),
            moment("lastAccess"),
            text(&session, "ipAddress"),
            offline.to_string(),
            text(&session, "id"),
        ],
        json: session,
    }
}
