//! The recorded answers of a real Keycloak 26.7.3 (tests/fixtures/live/README.md) and the index that says which are replayed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

pub const TOPICS: [&str; 13] = [
    "public",
    "token-success",
    "token-errors",
    "refresh",
    "introspect",
    "userinfo",
    "revoke",
    "logout",
    "numbers",
    "fresh-realm",
    "modern",
    "registration",
    "events",
];

/// The rows of one topic in the order in which they were asked.
pub struct Recording {
    pub topic: String,
    pub rows: Vec<Row>,
}

pub struct Row {
    pub name: String,
    /// `method`, `path`, `headers`, `form`, `json`, `basic`, `bearer`, `body`; null for an observation between requests.
    pub request: Value,
    /// The whole row: `status`, `headers`, `security`, `body`, `decoded` and what an observation holds.
    pub answer: Value,
}

impl Recording {
    pub fn load(topic: &str) -> Self {
        let document: Value = serde_json::from_str(&read(&format!("{topic}.json"))).expect("a recording is JSON");
        let rows = document["answers"].as_array().expect("a recording has answers").iter();
        let rows = rows.map(|row| Row {
            name: row["name"].as_str().expect("a row has a name").to_owned(),
            request: row["request"].clone(),
            answer: row.clone(),
        });
        Self { topic: topic.to_owned(), rows: rows.collect() }
    }

    pub fn row(&self, name: &str) -> &Row {
        self.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("{} has no row {name:?}", self.topic))
    }
}

/// What the index says about a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    Now,
    /// Concerns the root of the server or the management port, which an embedder keeps.
    StandaloneOnly,
    /// The capability and the reason.
    Waits(String, String),
}

/// A rule of our own by which a row is judged.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Deviation {
    /// Our body is an ordered part of the recorded one: only what works is advertised.
    PartOf { why: String },
    /// Keycloak answers 5xx to bad input, we answer this.
    ClientError { status: u16, error: String, why: String },
    /// Ours is the answer that was recorded for another row of the topic.
    As { row: String, why: String },
    /// These parts (JSON pointers into the row) are not compared.
    Without { parts: Vec<String>, why: String },
}

impl Deviation {
    /// The reason that an operator would be told.
    pub fn why(&self) -> &str {
        match self {
            Self::PartOf { why } | Self::ClientError { why, .. } | Self::As { why, .. } | Self::Without { why, .. } => why,
        }
    }
}

/// `index.toml`.
pub struct Index {
    rows: BTreeMap<(String, String), Class>,
    deviations: BTreeMap<(String, String), Deviation>,
    /// Each row of `error-cases.json` with the recorded rows that prove it, or with what it waits for.
    pub error_cases: BTreeMap<String, Result<Vec<(String, String)>, Class>>,
}

impl Index {
    /// Reads the index; fails the test on an entry that cannot be understood.
    pub fn load() -> Self {
        let mut document: toml::Table = read("index.toml").parse().expect("the index is TOML");
        let mut deviations = BTreeMap::new();
        for (topic, entries) in table(document.remove("deviation")) {
            for (row, entry) in table(Some(entries)) {
                let deviation = entry.try_into().unwrap_or_else(|error| panic!("deviation of {topic}, {row:?}: {error}"));
                deviations.insert((topic.clone(), row), deviation);
            }
        }
        let mut error_cases = BTreeMap::new();
        for (case, entry) in table(document.remove("error-cases")) {
            let proof = match &entry {
                toml::Value::Array(rows) => Ok(rows.iter().map(|row| pair(row.as_str().unwrap_or_default(), &case)).collect()),
                class => Err(parse_class(class.as_str().unwrap_or_default(), &case)),
            };
            error_cases.insert(case, proof);
        }
        let mut rows = BTreeMap::new();
        for (topic, entries) in document {
            for (row, class) in table(Some(entries)) {
                let class = parse_class(class.as_str().unwrap_or_default(), &row);
                rows.insert((topic.clone(), row), class);
            }
        }
        Self { rows, deviations, error_cases }
    }

    pub fn class(&self, topic: &str, row: &str) -> Option<&Class> {
        self.rows.get(&(topic.to_owned(), row.to_owned()))
    }

    pub fn deviation(&self, topic: &str, row: &str) -> Option<&Deviation> {
        self.deviations.get(&(topic.to_owned(), row.to_owned()))
    }

    /// Every entry: topic and row, deviations included.
    pub fn entries(&self) -> impl Iterator<Item = &(String, String)> {
        self.rows.keys().chain(self.deviations.keys())
    }
}

fn parse_class(text: &str, row: &str) -> Class {
    match text {
        "now" => Class::Now,
        "standalone only" => Class::StandaloneOnly,
        _ => {
            let (capability, reason) = pair(text, row);
            Class::Waits(capability, reason)
        }
    }
}

fn pair(text: &str, row: &str) -> (String, String) {
    let (left, right) = text.split_once(": ").unwrap_or_else(|| panic!("{row:?}: cannot read {text:?}"));
    (left.to_owned(), right.to_owned())
}

fn table(value: Option<toml::Value>) -> toml::Table {
    match value {
        Some(toml::Value::Table(table)) => table,
        None => toml::Table::new(),
        Some(other) => panic!("the index has {other} where a table belongs"),
    }
}

pub fn read(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/live").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
