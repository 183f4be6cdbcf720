//! Client policies and profiles: under which conditions which executors judge what a client asks for or is to become. As
//! Keycloak's `ClientPoliciesRepresentation` and `ClientProfilesRepresentation` have them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A set of executors.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientProfile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executors: Option<Vec<Executor>>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Executor {
    #[serde(rename = "executor", skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Map<String, Value>>,
}

/// When the executors of some profiles judge.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
    /// By name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profiles: Option<Vec<String>>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Condition {
    #[serde(rename = "condition", skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Map<String, Value>>,
}

/// The settings of an executor or a condition, which come as JSON values or as texts of them.
#[derive(Clone, Copy)]
pub struct Settings<'a>(Option<&'a Map<String, Value>>);

impl Executor {
    pub const fn settings(&self) -> Settings<'_> {
        Settings(self.configuration.as_ref())
    }
}

impl Condition {
    pub const fn settings(&self) -> Settings<'_> {
        Settings(self.configuration.as_ref())
    }
}

impl<'a> Settings<'a> {
    /// A switch; off unless it is `true` as a value or a text.
    pub fn flag(self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::Bool(on)) => *on,
            Some(Value::String(text)) => text == "true",
            _ => false,
        }
    }

    pub fn text(self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    /// A list of texts; one text counts as a list of one.
    pub fn list(self, name: &str) -> Vec<&'a str> {
        match self.get(name) {
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(text)) => vec![text],
            _ => Vec::new(),
        }
    }

    pub fn get(self, name: &str) -> Option<&'a Value> {
        self.0?.get(name)
    }
}
