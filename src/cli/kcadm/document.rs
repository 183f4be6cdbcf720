//! The JSON of kcadm: members set by a path, a choice of members, and the layout of its output.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::empty;
use crate::cli::failure::Failure;

/// One step of a path.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

/// `a.b[0].'c.d'`.
fn steps(path: &str) -> Vec<Step> {
    let (mut steps, mut name, mut quote) = (Vec::new(), String::new(), None);
    let mut characters = path.chars().peekable();
    let finish = |name: &mut String, steps: &mut Vec<Step>| {
        if !name.is_empty() {
            steps.push(Step::Name(std::mem::take(name)));
        }
    };
    while let Some(c) = characters.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            ('.', None) => finish(&mut name, &mut steps),
            ('[', None) => {
                finish(&mut name, &mut steps);
                let digits: String = std::iter::from_fn(|| characters.next_if(char::is_ascii_digit)).collect();
                characters.next_if_eq(&']');
                steps.push(Step::Index(digits.parse().unwrap_or(0)));
            }
            (c, _) => name.push(c),
        }
    }
    finish(&mut name, &mut steps);
    steps
}

/// `name=value`, or `name+=value` for one more in a list.
pub(super) fn set(body: &mut Value, assignment: &str) -> Result<(), Failure> {
    let (path, text) = assignment.split_once('=').ok_or_else(|| Failure::usage(format!("-s {assignment} is no NAME=VALUE")))?;
    let (path, appends) = path.strip_suffix('+').map_or((path, false), |path| (path, true));
    let value: Value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    let place = steps(path).into_iter().fold(body, |place, step| match step {
        Step::Name(name) => {
            if !place.is_object() {
                *place = empty();
            }
            place.as_object_mut().expect("it is an object now").entry(name).or_insert(Value::Null)
        }
        Step::Index(index) => {
            if !place.is_array() {
                *place = Value::Array(Vec::new());
            }
            let list = place.as_array_mut().expect("it is a list now");
            // Nobody counts that far in a command.
            let index = index.min(10_000);
            while list.len() <= index {
                list.push(Value::Null);
            }
            &mut list[index]
        }
    });
    match place {
        Value::Array(list) if appends => list.push(value),
        place if appends => *place = Value::Array(vec![value]),
        place => *place = value,
    }
    Ok(())
}

/// Takes the member at a path away.
pub(super) fn remove(body: &mut Value, path: &str) {
    let mut steps = steps(path);
    let Some(last) = steps.pop() else { return };
    let place = steps.into_iter().try_fold(body, |place, step| match step {
        Step::Name(name) => place.get_mut(name),
        Step::Index(index) => place.get_mut(index),
    });
    match (place, last) {
        (Some(Value::Object(members)), Step::Name(name)) => drop(members.remove(&name)),
        (Some(Value::Array(list)), Step::Index(index)) if index < list.len() => drop(list.remove(index)),
        _ => {}
    }
}

/// A choice of members: `id,name,protocolMappers(name,config)`, `*` for all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, Option<Fields>)>);

impl Fields {
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let mut rest = text;
        let fields = Self::parse_level(&mut rest);
        if rest.is_empty() { Ok(fields) } else { Err(Failure::usage(format!("--fields {text}: a bracket is not open"))) }
    }

    fn parse_level(rest: &mut &str) -> Self {
        let mut fields = Vec::new();
        loop {
            let end = rest.find([',', '(', ')']).unwrap_or(rest.len());
            let name = rest[..end].trim().to_owned();
            *rest = &rest[end..];
            let mut inner = None;
            if let Some(below) = rest.strip_prefix('(') {
                *rest = below;
                inner = Some(Self::parse_level(rest));
                *rest = rest.strip_prefix(')').unwrap_or(rest);
            }
            if !name.is_empty() {
                fields.push((name, inner));
            }
            match rest.strip_prefix(',') {
                Some(next) => *rest = next,
                None => return Self(fields),
            }
        }
    }

    pub fn of(&self, value: &Value) -> Value {
        match value {
            Value::Array(all) => Value::Array(all.iter().map(|one| self.of(one)).collect()),
            Value::Object(members) => Value::Object(self.chosen(members)),
            other => other.clone(),
        }
    }

    fn chosen(&self, members: &Map<String, Value>) -> Map<String, Value> {
        let choice = |name: &String| self.0.iter().find(|(wanted, _)| wanted == name || wanted == "*");
        let chosen = members.iter().filter_map(|(name, value)| match choice(name)? {
            (_, Some(inner)) => Some((name.clone(), inner.of(value))),
            (_, None) => Some((name.clone(), value.clone())),
        });
        chosen.collect()
    }
}

/// A line per object, the members in the order of `fields`.
pub(super) fn csv(value: &Value, fields: Option<&str>, quoted: bool) -> Vec<String> {
    let all = match value {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let line = |one: &Value| {
        let names: Vec<String> = match fields {
            Some(fields) => fields.split(',').map(|name| name.trim().to_owned()).collect(),
            None => one.as_object().into_iter().flat_map(Map::keys).cloned().collect(),
        };
        let cell = |name: &String| match &one[name.as_str()] {
            Value::Null => String::new(),
            Value::String(text) if quoted => format!("\"{}\"", text.replace('"', "\"\"")),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        names.iter().map(cell).collect::<Vec<_>>().join(",")
    };
    all.iter().map(line).collect()
}

/// As kcadm lays JSON out: runbooks search in it.
pub(super) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text
}

fn write(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(members) if members.is_empty() => text.push_str("{ }"),
        Value::Object(members) => {
            text.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                let _ = write!(text, "{comma}\n{:width$}{} : ", "", Value::from(name.as_str()), width = (depth + 1) * 2);
                write(text, value, depth + 1);
            }
            let _ = write!(text, "\n{:width$}}}", "", width = depth * 2);
        }
        Value::Array(all) if all.is_empty() => text.push_str("[ ]"),
        Value::Array(all) => {
            text.push_str("[ ");
            for (index, value) in all.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                write(text, value, depth);
            }
            text.push_str(" ]");
        }
        other => {
            let _ = write!(text, "{other}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_set_and_taken_away_by_their_path() {
        let mut body = json!({ "attributes": { "a": "1" }, "list": ["x"] });
        for assignment in ["enabled=true", "attributes.'b.c'=2", "list+=y", "deep.er[1].name=z", "text=hello world", "empty="] {
            set(&mut body, assignment).unwrap();
        }
        let expected = json!({
            "attributes": { "a": "1", "b.c": 2 }, "list": ["x", "y"], "enabled": true,
            "deep": { "er": [null, { "name": "z" }] }, "text": "hello world", "empty": "",
        });
        assert_eq!(body, expected);
        remove(&mut body, "attributes.'b.c'");
        remove(&mut body, "list[0]");
        remove(&mut body, "nope.nope");
        assert_eq!((&body["attributes"], &body["list"]), (&json!({ "a": "1" }), &json!(["y"])));
        assert!(set(&mut body, "enabled").is_err());
    }

    #[test]
    fn a_choice_of_members_reaches_into_lists() {
        let value = json!([{ "id": 1, "name": "n", "mappers": [{ "name": "m", "config": {} }] }]);
        let chosen = Fields::parse("id,mappers(name)").unwrap().of(&value);
        assert_eq!(chosen, json!([{ "id": 1, "mappers": [{ "name": "m" }] }]));
        assert_eq!(Fields::parse("*").unwrap().of(&value), value);
        assert!(Fields::parse("id)").is_err());
    }

    #[test]
    fn the_layout_is_that_of_kcadm() {
        let value = json!([{ "id": "a", "list": ["x", "y"], "none": {} }, {}]);
        assert_eq!(pretty(&value), "[ {\n  \"id\" : \"a\",\n  \"list\" : [ \"x\", \"y\" ],\n  \"none\" : { }\n}, { } ]");
        assert_eq!(csv(&value, Some("id,list"), true), ["\"a\",[\"x\",\"y\"]", ","]);
        assert_eq!(csv(&value, Some("id"), false)[0], "a");
    }
}
