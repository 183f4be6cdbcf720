//! Keycloak's JSON shapes of what is administered, in Keycloak's field order: pure conversions between the model and serde
//! structs, shared by the Admin REST API, import, export and the command line. Absent fields are `None` and are not written,
//! so one struct serves brief and full representations and partial updates. Secrets come in opened by the caller, or not at all.

pub mod authentication;
pub mod client;
pub mod client_scope;
pub mod component;
pub mod credential;
pub mod group;
pub mod identity_provider;
pub mod organization;
pub mod protocol_mapper;
pub mod realm;
pub mod role;
pub mod user;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A multi-valued map as Keycloak reads it: a lone value stands for a list of one, `null` for none.
///
/// # Errors
/// When a value is an object or a nested list.
pub fn lists<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeMap<String, Vec<String>>>, D::Error> {
    let Some(given) = Option::<BTreeMap<String, Value>>::deserialize(deserializer)? else { return Ok(None) };
    let mut lists = BTreeMap::new();
    for (name, value) in given {
        let values = match value {
            Value::Array(values) => values,
            Value::Null => continue,
            one => vec![one],
        };
        let texts = values.into_iter().filter_map(scalar).collect::<Result<_, _>>().map_err(serde::de::Error::custom)?;
        lists.insert(name, texts);
    }
    Ok(Some(lists))
}

/// The text of a scalar; nothing for `null`.
fn scalar(value: Value) -> Option<Result<String, &'static str>> {
    match value {
        Value::String(text) => Some(Ok(text)),
        Value::Bool(flag) => Some(Ok(flag.to_string())),
        Value::Number(number) => Some(Ok(number.to_string())),
        Value::Null => None,
        Value::Array(_) | Value::Object(_) => Some(Err("expected a text or a list of texts")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_value_is_a_list_of_one() {
        let read = |text: &str| lists(&mut serde_json::Deserializer::from_str(text));
        let map = read(r#"{"a": "x", "b": ["y", 1, true], "c": null}"#).unwrap().unwrap();
        assert_eq!(map, BTreeMap::from([("a".into(), vec!["x".into()]), ("b".into(), vec!["y".into(), "1".into(), "true".into()])]));
        assert_eq!(read("null").unwrap(), None);
        assert!(read(r#"{"a": [["x"]]}"#).is_err());
        assert!(read(r#"{"a": {"b": 1}}"#).is_err());
    }
}
