//! Which kinds of providers exist, and what can be set for each: facts about Keycloak's interface, for lists and for the checks
//! of what administrators send. A kind that is listed can be stored; whether something here runs it is said elsewhere.

pub mod authenticator;
pub mod identity_provider;
pub mod required_action;
pub mod user_storage;

use serde::Serialize;

/// A setting of a provider: `ConfigPropertyRepresentation`, as far as it is about the setting and not about a form for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Property {
    pub name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help_text: Option<&'static str>,
    /// `String`, `boolean`, `List`, `Role`, …
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_value: Option<DefaultValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<&'static [&'static str]>,
    pub secret: bool,
    pub required: bool,
    pub read_only: bool,
}

/// Keycloak's defaults are sometimes numbers and booleans, and sometimes the same as text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum DefaultValue {
    Text(&'static str),
    Number(i64),
    Flag(bool),
}

const fn property(name: &'static str, kind: &'static str) -> Property {
    Property {
        name,
        label: None,
        help_text: None,
        kind,
        default_value: None,
        options: None,
        secret: false,
        required: false,
        read_only: false,
    }
}

impl Property {
    const fn text(self, value: &'static str) -> Self {
        Self { default_value: Some(DefaultValue::Text(value)), ..self }
    }

    const fn number(self, value: i64) -> Self {
        Self { default_value: Some(DefaultValue::Number(value)), ..self }
    }

    const fn flag(self, value: bool) -> Self {
        Self { default_value: Some(DefaultValue::Flag(value)), ..self }
    }

    const fn options(self, options: &'static [&'static str]) -> Self {
        Self { options: Some(options), ..self }
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn explained(self, label: &'static str, help: &'static str) -> Self {
        Self { label: Some(label), help_text: Some(help), ..self }
    }
}

/// The settings of a kind of component.
pub struct ComponentType {
    pub id: &'static str,
    pub properties: &'static [Property],
}
