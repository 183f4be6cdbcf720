//! Settings of an entity on a command line: `-s key=value` as often as needed, and `-f FILE` with Keycloak's JSON. A name that
//! does not exist is an error here, because a slip in a script should not be silence.

use std::path::PathBuf;

use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::prompt::document;

#[derive(Args, Clone, Debug)]
pub(super) struct Settings {
    /// A setting by its name in Keycloak's JSON; the value is JSON or text; attributes.NAME=VALUE reaches into a map
    #[arg(short = 's', long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A JSON object of settings, or - for standard input; -s wins over it
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Settings {
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.file.is_none()
    }

    /// The settings as members of an object, each of which a `T` understands. `current` is the entity as JSON: its names are those
    /// that exist, and a map in it is what `map.name=value` changes.
    pub fn members<T: DeserializeOwned>(&self, current: &Value) -> Result<Map<String, Value>, Failure> {
        let mut members = match &self.file {
            Some(path) => serde_json::from_str(&document(path)?)
                .map_err(|error| Failure::usage(format!("{} is no JSON object: {error}", path.display())))?,
            None => Map::new(),
        };
        for assignment in &self.set {
            let (key, text) = assignment
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("-s {assignment} is no KEY=VALUE")).advice("for example -s enabled=true"))?;
            match key.split_once('.') {
                None => drop(members.insert(key.to_owned(), value::<T>(key, text, |value| value)?)),
                Some((map, name)) => {
                    let base = members.get(map).or_else(|| current.get(map)).cloned().unwrap_or_default();
                    let Value::Object(mut inner) = (if base.is_null() { Value::Object(Map::new()) } else { base }) else {
                        return Err(Failure::usage(format!("{map} is no map, so there is no {key}")));
                    };
                    let within = |value: Value| Value::Object(Map::from_iter([(name.to_owned(), value)]));
                    let Value::Object(one) = value::<T>(map, text, within)? else { unreachable!("a map was put in") };
                    inner.extend(one);
                    members.insert(map.to_owned(), Value::Object(inner));
                }
            }
        }
        let known = |name: &String| current.get(name).is_some();
        if let Some(unknown) = members.keys().find(|name| !known(name)) {
            let names: Vec<String> = current.as_object().into_iter().flat_map(Map::keys).cloned().collect();
            let suggestion = super::failure::nearest(unknown, names.iter().cloned());
            let failure = Failure::usage(format!("there is no setting {unknown}"));
            return Err(match suggestion {
                Some(name) => failure.advice(format!("did you mean {name}?")),
                None => failure.advice(format!("there are {}", names.join(", "))),
            });
        }
        Ok(members)
    }
}

/// The value as JSON if a `T` takes it so, else as text, else as a list with the text in it.
fn value<T: DeserializeOwned>(key: &str, text: &str, wrap: impl Fn(Value) -> Value) -> Result<Value, Failure> {
    let parsed = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    let candidates = [parsed, Value::from(text), Value::from(vec![text])];
    let mut reason = String::new();
    for candidate in candidates {
        let wrapped = wrap(candidate);
        match serde_json::from_value::<T>(Value::Object(Map::from_iter([(key.to_owned(), wrapped.clone())]))) {
            Ok(_) => return Ok(wrapped),
            Err(error) if reason.is_empty() => reason = error.to_string(),
            Err(_) => {}
        }
    }
    Err(Failure::usage(format!("{key} cannot be {text:?}: {reason}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manage::clients::ClientSettings;
    use crate::manage::users::UserSettings;

    fn settings(set: &[&str]) -> Settings {
        Settings { set: set.iter().map(|text| (*text).to_owned()).collect(), file: None }
    }

    fn read<T: DeserializeOwned>(settings: &Settings, current: &Value) -> Result<T, Failure> {
        let members = settings.members::<T>(current)?;
        serde_json::from_value(Value::Object(members)).map_err(Failure::failed)
    }

    #[test]
    fn values_take_the_type_of_their_setting() {
        let current = serde_json::to_value(ClientSettings::default()).unwrap();
        let read = |set: &[&str]| read::<ClientSettings>(&settings(set), &current);
        let client = read(&["enabled=false", "name=7", "redirectUris=https://x/cb", "attributes.access.token.lifespan=60"]).unwrap();
        assert_eq!((client.enabled, client.name.as_deref()), (Some(false), Some("7")));
        assert_eq!(client.redirect_uris, Some(vec!["https://x/cb".to_owned()]));
        assert_eq!(client.attributes["access.token.lifespan"].as_deref(), Some("60"));
        let list = read(&[r#"redirectUris=["a","b"]"#]).unwrap();
        assert_eq!(list.redirect_uris.unwrap().len(), 2);
        assert!(read(&["enabled=perhaps"]).unwrap_err().what.contains("enabled cannot be \"perhaps\""));
        assert_eq!(read(&["redirectUri=x"]).unwrap_err().advice.as_deref(), Some("did you mean redirectUris?"));
        assert!(read(&["enabled"]).unwrap_err().what.contains("KEY=VALUE"));
    }

    #[test]
    fn a_name_in_a_map_leaves_the_others_as_they_are() {
        let mut current = serde_json::to_value(UserSettings::default()).unwrap();
        current["attributes"] = json!({ "team": ["a"], "level": ["1"] });
        let user: UserSettings = read(&settings(&["attributes.level=2"]), &current).unwrap();
        let attributes = user.attributes.unwrap();
        assert_eq!((attributes["team"][0].as_str(), attributes["level"][0].as_str()), ("a", "2"));
    }
}
