//! Every setting is explained to whoever runs the server: a member of a realm or a client, or an attribute that the code asks for,
//! without a word in `docs/` fails here. (The configuration is looked at in `process/config.rs`, options of mappers in
//! `tokens/mapper_types.rs`, metrics in `management/metrics.rs`.)

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::admin::Administrator;

/// Of Keycloak's documentation: the attributes of clients that have to do with OpenID Connect.
const CLIENT_ATTRIBUTES: &str = include_str!("fixtures/keycloak/client-attributes.txt");
/// Lists of differences, and generated tables: they name things and explain none.
const NO_EXPLANATIONS: [&str; 3] = ["compatibility.md", "administration-matrix.md", "architecture.md"];

fn files(directory: &Path, extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("it is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|own| own == extension) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push((name, std::fs::read_to_string(&path).expect("text")));
        }
    }
    found
}

/// What the code has constants for that are no attributes.
const FILES: [&str; 2] = ["keywright.toml", "keywright.lock"];

/// The names that stand in backquotes or in examples.
struct Explained {
    names: BTreeSet<String>,
    /// `webAuthnPolicyPasswordless…` stands for all that begin so.
    families: Vec<String>,
}

impl Explained {
    fn read() -> Self {
        let mut explained = Self { names: BTreeSet::new(), families: Vec::new() };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        for (_, text) in files(&root, "md").into_iter().filter(|(name, _)| !NO_EXPLANATIONS.contains(&name.as_str())) {
            // Every second piece between backquotes is code, in a line as in a block.
            for code in text.split('`').skip(1).step_by(2) {
                explained.families.extend(code.strip_suffix('…').map(str::to_owned));
                let words = code.split(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
                explained.names.extend(words.map(|word| word.trim_matches('.').to_owned()));
            }
        }
        explained
    }

    fn has(&self, name: &str) -> bool {
        self.names.contains(name) || self.families.iter().any(|family| !family.is_empty() && name.starts_with(family))
    }

    fn lacks<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        names.into_iter().filter(|name| !self.has(name)).collect()
    }
}

fn members(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn every_member_of_a_realm_and_of_a_client_is_explained() {
    let explained = Explained::read();
    let admin = Administrator::with_realm().await;
    let realm = admin.read("/r").await;
    assert!(members(&realm).len() > 90, "{realm}");
    assert_eq!(explained.lacks(members(&realm)), Vec::<&str>::new(), "members of a realm");
    assert_eq!(explained.lacks(members(&realm["attributes"])), Vec::<&str>::new(), "attributes of a realm");

    let id = admin
        .create("/r/clients", json!({ "clientId": "app", "protocol": "openid-connect", "secret": "s", "name": "n" }))
        .await;
    let mut client = admin.read(&format!("/r/clients/{id}")).await;
    // What whoever asks may do with it: no setting.
    client.as_object_mut().expect("an object").remove("access");
    assert!(members(&client).len() > 20, "{client}");
    assert_eq!(explained.lacks(members(&client)), Vec::<&str>::new(), "members of a client");
    assert_eq!(explained.lacks(members(&client["attributes"])), Vec::<&str>::new(), "attributes of a client");
}

#[test]
fn every_attribute_that_keycloak_names_is_explained() {
    let known: Vec<&str> = CLIENT_ATTRIBUTES.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(known.len() > 40);
    assert_eq!(Explained::read().lacks(known), Vec::<&str>::new());
}

/// What the code asks a realm, a client or a mapper for by name.
#[test]
fn every_attribute_that_the_code_asks_for_is_explained() {
    let explained = Explained::read();
    let mut asked = BTreeSet::new();
    for (_, text) in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "rs") {
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        for method in [".flag(\"", ".attribute(\"", ".seconds(\"", ": &str = \"keywright.", "attributes.get(\""] {
            let skipped = if method.ends_with("keywright.") { "keywright." } else { "" };
            for rest in product.split(method).skip(1) {
                let name = format!("{skipped}{}", rest.split('"').next().unwrap_or_default());
                if name.contains('.') && !FILES.contains(&name.as_str()) {
                    asked.insert(name);
                }
            }
        }
    }
    assert!(asked.len() > 25 && asked.contains("access.token.lifespan") && asked.contains("keywright.bruteforce.by.address"), "{asked:?}");
    assert_eq!(explained.lacks(asked.iter().map(String::as_str)), Vec::<&str>::new());
}
