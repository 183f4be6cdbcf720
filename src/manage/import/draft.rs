//! A realm in the making: what the parts of an import share while they turn representations into records.

use std::collections::HashMap;
use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::base::env::Env;
use crate::base::id::{ClientId, ClientScopeId, GroupId, RealmId, RoleId};
use crate::base::seal::Sealer;
use crate::manage::realms;
use crate::model::organization::Membership;
use crate::store::carried;

use super::report::Report;

/// How many problems are listed before the rest is only counted.
const LISTED: usize = 50;

pub(super) struct Draft<'a> {
    pub env: &'a Env,
    pub sealer: &'a Sealer,
    pub realm: RealmId,
    pub realm_name: String,
    pub report: Report,
    pub problems: Problems,
    /// Sealed JSON texts by name ([`crate::store::carried`]).
    pub carried: Vec<(String, String)>,
}

/// Why a file cannot be imported; all reasons, so that one round of repairs is enough.
#[derive(Default)]
pub(super) struct Problems {
    pub listed: Vec<String>,
    pub count: usize,
}

impl Problems {
    pub fn add(&mut self, place: impl Display, reason: impl Display) {
        if self.listed.len() < LISTED {
            self.listed.push(format!("{place}: {reason}"));
        }
        self.count += 1;
    }
}

impl Draft<'_> {
    /// Reads `value` as `T`; `None` and a problem if it is no such thing.
    pub fn typed<T: DeserializeOwned>(&mut self, place: &str, value: Value) -> Option<T> {
        serde_json::from_value(value).map_err(|error| self.problems.add(place, error)).ok()
    }

    /// Reads a list, each item with its place. An absent one is empty.
    pub fn list<T: DeserializeOwned>(&mut self, place: &str, value: Option<Value>) -> Vec<(String, T)> {
        self.raw_list(place, value)
            .into_iter()
            .filter_map(|(place, item)| {
                let item = self.typed(&place, item)?;
                Some((place, item))
            })
            .collect()
    }

    pub fn raw_list(&mut self, place: &str, value: Option<Value>) -> Vec<(String, Value)> {
        match value {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items.into_iter().enumerate().map(|(number, item)| (format!("{place}[{number}]"), item)).collect(),
            Some(_) => {
                self.problems.add(place, "a list is expected");
                Vec::new()
            }
        }
    }

    /// Whether an id may be part of keys and URLs.
    pub fn check_id(&mut self, place: &str, id: &str) {
        if let Err(error) = realms::check_id(id) {
            self.problems.add(place, format!("the id {id:?} cannot be kept: {error}"));
        }
    }

    pub fn check_name(&mut self, place: &str, name: &str) {
        if name.trim().is_empty() || name.len() > 255 {
            self.problems.add(place, "a name has 1 to 255 bytes");
        }
    }

    /// Keeps something without effect, so that an export gives it back.
    pub fn carry(&mut self, name: &str, value: &Value) {
        let sealed = self
            .sealer
            .seal(self.env.random(), &self.realm, &carried::secret_identity(name), value.to_string().as_bytes());
        self.carried.push((name.to_owned(), sealed));
    }

    /// Seals a secret of this realm.
    pub fn seal(&self, identity: &str, secret: &str) -> String {
        self.sealer.seal(self.env.random(), &self.realm, identity, secret.as_bytes())
    }
}

/// The members of `given` that a representation did not take, with what they hold. Empty ones say nothing.
pub(super) fn untaken(given: &Value, taken: &impl Serialize) -> Map<String, Value> {
    let (Value::Object(given), Ok(Value::Object(taken))) = (given, serde_json::to_value(taken)) else { return Map::new() };
    let says_nothing = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    given
        .iter()
        .filter(|(name, value)| !taken.contains_key(*name) && !says_nothing(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Texts where a switch or a number belongs become one, as Keycloak reads them; `${ENV}` stands in quotes.
pub(super) fn coerce(value: &mut Value, like: &Value) {
    let (Value::Object(members), Value::Object(like)) = (value, like) else { return };
    for (name, member) in members {
        let Value::String(text) = &*member else { continue };
        match like.get(name) {
            Some(Value::Bool(_)) => {
                if let Ok(flag) = text.parse::<bool>() {
                    *member = flag.into();
                }
            }
            Some(Value::Number(_)) => {
                if let Ok(number) = text.parse::<i64>() {
                    *member = number.into();
                }
            }
            _ => {}
        }
    }
}

/// What things are called, for everything that refers to them by name.
#[derive(Default)]
pub(super) struct Names {
    pub realm_roles: HashMap<String, RoleId>,
    /// By `client_id`.
    pub client_roles: HashMap<String, HashMap<String, RoleId>>,
    /// By `client_id`.
    pub clients: HashMap<String, ClientId>,
    pub scopes: HashMap<String, ClientScopeId>,
    /// By path.
    pub groups: HashMap<String, GroupId>,
    /// By user name: the organizations that the user belongs to.
    pub memberships: HashMap<String, Vec<Membership>>,
}

impl Names {
    pub fn client_role(&self, client: &str, role: &str) -> Option<&RoleId> {
        self.client_roles.get(client)?.get(role)
    }
}
