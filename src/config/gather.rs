//! The values of all sources in one place, each with where it came from, and what is wrong with them in an administrator's words.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::keycloak::{self, Alias};
use super::load::{HOST_FLAG, Loaded, PREFIX, known, variable_of};
use super::{Config, Problem, Problems, SECRETS};

/// One value of one source.
struct Leaf {
    key: String,
    value: Value,
    origin: String,
}

/// What the sources said so far.
pub struct Gathered {
    /// `section.key` → default, null where the default is "none".
    known: BTreeMap<String, Value>,
    leaves: Vec<Leaf>,
    problems: Vec<Problem>,
    notes: Vec<String>,
}

impl Gathered {
    pub fn new() -> Self {
        Self { known: known(), leaves: Vec::new(), problems: Vec::new(), notes: Vec::new() }
    }

    fn problem(&mut self, key: &str, origin: &str, reason: impl Into<String>) {
        self.problems.push(Problem { key: key.to_owned(), origin: Some(origin.to_owned()), reason: reason.into() });
    }

    /// Every `key = value` of a file.
    pub fn file(&mut self, path: &Path) {
        let name = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.problems.push(Problem::new(&name, format!("cannot be read: {error}"))),
        };
        let (spans, errors) = toml::de::DeTable::parse_recoverable(&text);
        for error in &errors {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            self.problems.push(Problem::new(&format!("{name}:{line}"), error.message()));
        }
        // A recovered file says things that its author did not.
        let Ok(table) = text.parse::<toml::Table>() else { return };
        for (section, spanned) in spans.get_ref() {
            let origin = |offset| format!("{name}:{}", line_of(&text, offset));
            let Some(entries) = spanned.get_ref().as_table() else {
                let origin = origin(section.span().start);
                self.unknown(section.get_ref(), &origin);
                continue;
            };
            for (entry, _) in entries {
                let key = format!("{}.{}", section.get_ref(), entry.get_ref());
                let value = serde_json::to_value(&table[section.get_ref().as_ref()][entry.get_ref().as_ref()]).unwrap_or(Value::Null);
                self.leaf(&key, value, &origin(entry.span().start));
            }
        }
    }

    /// `KEYWRIGHT_SECTION__KEY` or, for a secret, `KEYWRIGHT_SECTION__KEY_FILE`.
    pub fn variable(&mut self, name: &str, text: &str, all: &[&(String, String)]) {
        let key = name[PREFIX.len()..].to_ascii_lowercase().replacen("__", ".", 1);
        if self.known.contains_key(&key) {
            return self.text(&key, text, name);
        }
        match key.strip_suffix("_file").filter(|key| self.known.contains_key(*key)) {
            None => self.unknown(&key, name),
            Some(key) if !SECRETS.contains(&key) => {
                self.problem(
                    key,
                    name,
                    format!("only secrets are read from files ({}); set {} itself", SECRETS.join(", "), variable_of(key)),
                );
            }
            Some(key) if all.iter().any(|(other, _)| *other == variable_of(key)) => {
                self.problem(key, name, format!("{} is set as well: remove one of them", variable_of(key)));
            }
            Some(key) => match std::fs::read_to_string(text) {
                Ok(secret) => self.text(key, secret.trim_end_matches(['\r', '\n']), name),
                Err(error) => self.problem(key, name, format!("{text} cannot be read: {error}")),
            },
        }
    }

    pub fn keycloak(&mut self, environment: &[(String, String)], later: &Self) {
        let from_keycloak = environment.iter().filter(|(name, _)| name == "KC_HTTP_RELATIVE_PATH").map(|(_, text)| text.as_str());
        let own = self
            .leaves
            .iter()
            .chain(&later.leaves)
            .filter(|leaf| leaf.key == "http.relative_path")
            .filter_map(|leaf| leaf.value.as_str());
        let default = Config::default().http.relative_path;
        let path = own.chain(from_keycloak).last().unwrap_or(default.as_str()).trim_end_matches('/').to_owned();

        for (name, text) in environment.iter().filter(|(name, _)| keycloak::is_keycloak(name)) {
            match keycloak::read(name, text, &path) {
                Alias::Setting(key, value) => {
                    self.notes.push(format!("{name} is read as {key}"));
                    self.text(key, &value, name);
                }
                Alias::Refused(key, reason) => self.problem(key, name, reason),
                Alias::NotUnderstood => self.notes.push(format!("{name} has no meaning here and is ignored")),
            }
        }
    }

    /// A value that comes as text: it becomes what the type of its setting needs.
    pub fn text(&mut self, key: &str, text: &str, origin: &str) {
        let secret = SECRETS.contains(&key);
        let value = match self.known.get(key) {
            // Compose files write `NAME=` for "not set". An empty secret is a mistake; validation says so.
            Some(Value::Null) if text.is_empty() && !secret => return,
            Some(Value::Null | Value::Number(_)) if !secret => text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number)),
            Some(Value::Bool(_)) => text.parse::<bool>().map_or_else(|_| json!(text), |yes| json!(yes)),
            Some(Value::Array(_)) => text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect(),
            _ => json!(text),
        };
        self.leaf(key, value, origin);
    }

    /// Keeps a value that its setting understands.
    fn leaf(&mut self, key: &str, value: Value, origin: &str) {
        if !self.known.contains_key(key) {
            return self.unknown(key, origin);
        }
        let leaf = Leaf { key: key.to_owned(), value, origin: origin.to_owned() };
        match serde_json::from_value::<Config>(nested([&leaf])) {
            Ok(_) => self.leaves.push(leaf),
            Err(_) if SECRETS.contains(&key) => self.problem(key, origin, "must be text in quotes"),
            Err(error) => self.problem(key, origin, in_words(&error)),
        }
    }

    fn unknown(&mut self, key: &str, origin: &str) {
        let reason = match nearest(key, self.known.keys()) {
            Some(known) if origin.starts_with(PREFIX) => format!("there is no such setting; did you mean {}?", variable_of(known)),
            Some(known) => format!("there is no such setting; did you mean {known}?"),
            None => "there is no such setting".to_owned(),
        };
        self.problem(key, origin, reason);
    }

    /// For development: loopback is the default, and another address must be named where it cannot be overlooked.
    pub fn stay_on_loopback(&mut self) {
        let last = |key: &str| self.leaves.iter().rev().find(|leaf| leaf.key == key);
        let host = last("http.host").map(|leaf| (leaf.value.as_str().unwrap_or_default().to_owned(), leaf.origin.clone()));
        let management_is_named = last("management.host").is_some();
        let (address, origin) = host.unwrap_or_else(|| ("127.0.0.1".to_owned(), "--dev".to_owned()));
        if !address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) && origin != HOST_FLAG {
            self.problem(
                "http.host",
                &origin,
                format!("is {address}, but --dev has sample users with known passwords: name the address with {HOST_FLAG}"),
            );
        }
        if origin == "--dev" {
            self.leaf("http.host", json!(address), &origin);
        }
        if !management_is_named {
            self.leaf("management.host", json!(address), "--dev");
        }
    }

    pub fn append(&mut self, later: Self) {
        self.leaves.extend(later.leaves);
        self.problems.extend(later.problems);
        self.notes.extend(later.notes);
    }

    pub fn finish(mut self) -> Result<Loaded, Problems> {
        let origins: BTreeMap<_, _> = self.leaves.iter().map(|leaf| (leaf.key.clone(), leaf.origin.clone())).collect();
        let config: Config = serde_json::from_value(nested(&self.leaves)).expect("every leaf was read on its own");
        if let Err(Problems(more)) = config.validate() {
            self.problems
                .extend(more.into_iter().map(|problem| Problem { origin: origins.get(&problem.key).cloned(), ..problem }));
        }
        if self.problems.is_empty() { Ok(Loaded { config, origins, notes: self.notes }) } else { Err(Problems(self.problems)) }
    }
}

/// Leaves as sections; a later leaf replaces an earlier one of the same key.
fn nested<'a>(leaves: impl IntoIterator<Item = &'a Leaf>) -> Value {
    let mut sections = Map::new();
    for leaf in leaves {
        let (section, key) = leaf.key.split_once('.').expect("known keys have a section");
        sections.entry(section).or_insert_with(|| json!({}))[key] = leaf.value.clone();
    }
    Value::Object(sections)
}

/// The known key that `key` is most likely a slip of.
fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    let last = |key: &'_ str| key.rsplit_once('.').map_or_else(|| key.to_owned(), |(_, last)| last.to_owned());
    let likeness = |candidate: &str| strsim::jaro_winkler(candidate, key) + if last(candidate) == last(key) { 0.5 } else { 0.0 };
    let best = known.map(|candidate| (likeness(candidate), candidate)).max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (best.0 > 0.85).then_some(best.1.as_str())
}

/// What serde says about a value, with the types as an administrator knows them.
fn in_words(error: &serde_json::Error) -> String {
    const TYPES: &[(&str, &str)] = &[
        ("expected u16", "expected a number from 0 to 65535"),
        ("expected u64", "expected a whole number"),
        ("expected usize", "expected a whole number"),
        ("expected a nonzero usize", "expected a whole number above 0"),
        ("expected a boolean", "expected true or false"),
        ("expected a sequence", "expected a list"),
        ("invalid type: ", ""),
        ("invalid value: ", ""),
    ];
    TYPES.iter().fold(error.to_string(), |text, (type_name, words)| text.replace(type_name, words))
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
