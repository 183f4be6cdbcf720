//! The Admin REST API as commands use it: of a server (`--url`, with the tokens of `keywright login`) or in process on the store
//! of a stopped one. A command knows only requests and answers, so it is written once and its result is the same either way.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::failure::{Code, Failure};
use super::local::Local;
use super::trust::unreachable;
use crate::base::secret::Secret;
use crate::egress::operator::OperatorClient;

/// RFC 3986 §2.3.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// How many names are looked through for the one that was meant.
const SUGGESTIONS: &str = "500";

/// Who answers.
pub(super) enum Api<'a> {
    Store(&'a Local),
    Server(Box<Remote>),
}

/// A server and a token for it.
pub(super) struct Remote {
    pub client: OperatorClient,
    /// Without `/admin`.
    pub url: String,
    pub token: Secret<String>,
}

/// What was answered.
pub(super) struct Reply {
    pub status: u16,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl Reply {
    pub const fn is_good(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The body; null when there is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The last part of the address of what was made.
    pub fn id(&self) -> Option<String> {
        let last = self.location.as_deref()?.rsplit('/').next()?;
        Some(percent_encoding::percent_decode_str(last).decode_utf8_lossy().into_owned())
    }

    /// Why it was refused, in the words of the API.
    pub fn failure(&self) -> Failure {
        let body = self.json();
        let text = ["errorMessage", "error_description", "error"].into_iter().find_map(|name| body[name].as_str());
        let several = body["errors"].as_array().map(|errors| {
            let lines: Vec<&str> = errors.iter().filter_map(|error| error["errorMessage"].as_str()).collect();
            lines.join(", ")
        });
        let what = text.map(str::to_owned).or(several).unwrap_or_else(|| format!("the server answers {}", self.status));
        match self.status {
            401 => Failure::new(Code::NotAllowed, what).advice("keywright login --url URL signs in anew"),
            403 => Failure::new(Code::NotAllowed, what).advice("the login lacks a role for this"),
            404 => Failure::new(Code::NotFound, what),
            409 => Failure::new(Code::Conflict, what),
            _ => Failure::failed(what),
        }
    }
}

/// A path below the realms: `["acme", "users", id]`.
pub(super) fn path(parts: &[&str]) -> String {
    let mut path = "/admin/realms".to_owned();
    for part in parts {
        path.push('/');
        path += &utf8_percent_encode(part, ENCODED).to_string();
    }
    path
}

fn encoded(query: &[(&str, &str)]) -> String {
    let pairs = query
        .iter()
        .map(|(name, value)| format!("{}={}", utf8_percent_encode(name, ENCODED), utf8_percent_encode(value, ENCODED)));
    pairs.collect::<Vec<_>>().join("&")
}

impl Api<'_> {
    /// One request. `path` begins with `/admin/`. An answer of any status is no failure.
    pub async fn ask(&self, method: &str, path: &str, query: &[(&str, &str)], body: Option<Vec<u8>>) -> Result<Reply, Failure> {
        let query = encoded(query);
        match self {
            Self::Store(local) => {
                let answered = local.keywright().operate(method, path, &query, body.unwrap_or_default()).await;
                Ok(Reply { status: answered.status, location: answered.location, body: answered.body })
            }
            Self::Server(remote) => {
                let mut url = format!("{}{path}", remote.url);
                if !query.is_empty() {
                    url = format!("{url}?{query}");
                }
                let answered = remote.client.ask(method, &url, &remote.token, body).await;
                let answered = answered.map_err(|error| unreachable(&url, &error))?;
                Ok(Reply { status: answered.status, location: answered.location, body: answered.body })
            }
        }
    }

    async fn good(&self, method: &str, parts: &[&str], query: &[(&str, &str)], body: Option<&Value>) -> Result<Reply, Failure> {
        let body = body.map(|body| body.to_string().into_bytes());
        let reply = self.ask(method, &path(parts), query, body).await?;
        if reply.is_good() { Ok(reply) } else { Err(reply.failure()) }
    }

    pub async fn get(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        Ok(self.good("GET", parts, query, None).await?.json())
    }

    /// What is there, or nothing.
    pub async fn find(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<Option<Value>, Failure> {
        let reply = self.ask("GET", &path(parts), query, None).await?;
        match reply.status {
            404 => Ok(None),
            _ if reply.is_good() => Ok(Some(reply.json())),
            _ => Err(reply.failure()),
        }
    }

    /// A list; what is no list counts as an empty one.
    pub async fn list(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<Vec<Value>, Failure> {
        match self.get(parts, query).await? {
            Value::Array(all) => Ok(all),
            _ => Ok(Vec::new()),
        }
    }

    pub async fn post(&self, parts: &[&str], body: &Value) -> Result<Reply, Failure> {
        self.good("POST", parts, &[], Some(body)).await
    }

    /// Makes something and answers its id.
    pub async fn create(&self, parts: &[&str], body: &Value) -> Result<String, Failure> {
        let reply = self.post(parts, body).await?;
        reply.id().ok_or_else(|| Failure::failed("the answer does not say what was made"))
    }

    pub async fn put(&self, parts: &[&str], body: &Value) -> Result<(), Failure> {
        self.good("PUT", parts, &[], Some(body)).await.map(drop)
    }

    pub async fn delete(&self, parts: &[&str], query: &[(&str, &str)], body: Option<&Value>) -> Result<(), Failure> {
        self.good("DELETE", parts, query, body).await?;
        // No server is there to do beside requests what a deletion left for later.
        match self {
            Self::Store(local) => local.finish_jobs().await,
            Self::Server(_) => Ok(()),
        }
    }

    /// The name of a realm that is there.
    pub async fn realm_name(&self, name: &str) -> Result<String, Failure> {
        Ok(text(&self.realm(name).await?, "realm"))
    }

    pub async fn realm(&self, name: &str) -> Result<Value, Failure> {
        if let Some(realm) = self.find(&[name], &[]).await? {
            return Ok(realm);
        }
        let realms = self.list(&[], &[("briefRepresentation", "true")]).await.unwrap_or_default();
        Err(Failure::not_found(format!("there is no realm {name}"), name, texts(&realms, "realm"))
            .advice_unless("keywright realm list shows all of them"))
    }

    /// By `clientId`, else by id.
    pub async fn client(&self, realm: &str, name: &str) -> Result<Value, Failure> {
        if let Some(client) = self.list(&[realm, "clients"], &[("clientId", name)]).await?.into_iter().next() {
            return Ok(client);
        }
        if let Some(client) = self.find(&[realm, "clients", name], &[]).await? {
            return Ok(client);
        }
        let clients = self.list(&[realm, "clients"], &[]).await?;
        Err(Failure::not_found(format!("there is no client {name} in realm {realm}"), name, texts(&clients, "clientId")))
    }

    /// By user name, else by id, else by e-mail address.
    pub async fn user(&self, realm: &str, name: &str) -> Result<Value, Failure> {
        let users = [realm, "users"];
        if let Some(user) = self.list(&users, &[("username", name), ("exact", "true")]).await?.into_iter().next() {
            return Ok(user);
        }
        if let Some(user) = self.find(&[realm, "users", name], &[]).await? {
            return Ok(user);
        }
        let mut by_email = self.list(&users, &[("email", name), ("exact", "true"), ("max", "2")]).await?;
        match (by_email.pop(), by_email.is_empty()) {
            (Some(user), true) => Ok(user),
            (Some(_), false) => Err(Failure::new(Code::Conflict, format!("several users have the address {name}: name one by user name"))),
            (None, _) => {
                let known = self.list(&users, &[("max", SUGGESTIONS), ("briefRepresentation", "true")]).await?;
                Err(Failure::not_found(format!("there is no user {name} in realm {realm}"), name, texts(&known, "username")))
            }
        }
    }

    /// By name in the realm or, with a client, in it; else by id.
    pub async fn role(&self, realm: &str, client: Option<&Value>, name: &str) -> Result<Value, Failure> {
        let id = client.map(|client| text(client, "id"));
        let all: Vec<&str> = match &id {
            Some(id) => vec![realm, "clients", id, "roles"],
            None => vec![realm, "roles"],
        };
        if let Some(role) = self.find(&[&all[..], &[name]].concat(), &[]).await? {
            return Ok(role);
        }
        if let Some(role) = self.find(&[realm, "roles-by-id", name], &[]).await? {
            return Ok(role);
        }
        let owner = client.map_or_else(|| format!("realm {realm}"), |client| format!("client {}", text(client, "clientId")));
        let known = self.list(&all, &[]).await?;
        Err(Failure::not_found(format!("there is no role {name} in {owner}"), name, texts(&known, "name"))
            .advice_unless("a role of a client is named with --client"))
    }

    /// By path, else by id.
    pub async fn group(&self, realm: &str, name: &str) -> Result<Value, Failure> {
        let wanted = format!("/{}", name.trim_start_matches('/'));
        let segments: Vec<&str> = wanted.trim_start_matches('/').split('/').collect();
        let by_path = [&[realm, "group-by-path"][..], &segments].concat();
        if let Some(group) = self.find(&by_path, &[]).await? {
            return self.get(&[realm, "groups", &text(&group, "id")], &[]).await;
        }
        if let Some(group) = self.find(&[realm, "groups", name], &[]).await? {
            return Ok(group);
        }
        let paths = self.groups(realm).await?.into_iter().map(|group| text(&group, "path"));
        Err(Failure::not_found(format!("there is no group {wanted} in realm {realm}"), &wanted, paths))
    }

    /// Every group of the tree, in full.
    pub async fn groups(&self, realm: &str) -> Result<Vec<Value>, Failure> {
        let full = [("briefRepresentation", "false")];
        let mut waiting = self.list(&[realm, "groups"], &full).await?;
        let mut all = Vec::new();
        while let Some(group) = waiting.pop() {
            if group["subGroupCount"].as_u64().is_none_or(|count| count > 0) {
                waiting.extend(self.list(&[realm, "groups", &text(&group, "id"), "children"], &[full[0], ("max", "1000000")]).await?);
            }
            all.push(group);
        }
        Ok(all)
    }
}

/// A member that is a text; empty when it is none.
pub(super) fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}

pub(super) fn flag(value: &Value, member: &str) -> bool {
    value[member].as_bool().unwrap_or(false)
}

fn texts(all: &[Value], member: &str) -> Vec<String> {
    all.iter().map(|value| text(value, member)).collect()
}

/// Without what the asking administrator may do with it: that is no part of the thing.
pub(super) fn own(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.remove("access");
    }
    value
}

/// Texts of a list.
pub(super) fn words(value: &Value, member: &str) -> String {
    let texts = value[member].as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.collect::<Vec<_>>().join(" ")
}
