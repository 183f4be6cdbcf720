//! The keys of a real Keycloak export (tests/fixtures/keycloak-export): imported here, they are published as they were there,
//! and the tokens that Keycloak signed with them verify.

use std::collections::BTreeMap;

use keywright::base::env::Env;
use keywright::base::id::RealmId;
use keywright::base::seal::{self, Sealer};
use keywright::keyring::{Algorithm, KeyMaker, KeyStatus, KeyUse, Keyring};
use keywright::model::component::{Component, KEY_PROVIDER};
use serde_json::Value;

struct Export {
    facts: Value,
    realm: RealmId,
    sealer: Sealer,
    components: Vec<Component>,
}

impl Export {
    fn imported() -> Self {
        let facts: Value = serde_json::from_str(include_str!("../fixtures/keycloak-export/keys.json")).unwrap();
        let (env, realm, sealer) = (Env::system(), RealmId::from(text(&facts["realmId"])), Sealer::from_key([3; 32]));
        let maker = KeyMaker { env: &env, realm: &realm, realm_name: text(&facts["realm"]), sealer: &sealer };
        let mut components: Vec<_> = facts["providers"].as_array().unwrap().iter().map(component).collect();
        for component in &mut components {
            maker.complete(component).unwrap();
        }
        Self { facts, realm, sealer, components }
    }

    fn open(&self) -> Keyring {
        Keyring::open(&self.realm, &self.components, &self.sealer).unwrap()
    }

    fn set(&mut self, name: &str, key: &str, value: &str) {
        let component = self.components.iter_mut().find(|component| component.name == name).unwrap();
        component.config.insert(key.to_owned(), vec![value.to_owned()]);
    }
}

fn component(exported: &Value) -> Component {
    Component {
        id: text(&exported["id"]).into(),
        name: text(&exported["name"]).to_owned(),
        provider_id: text(&exported["providerId"]).to_owned(),
        provider_type: KEY_PROVIDER.to_owned(),
        sub_type: None,
        parent: None,
        config: serde_json::from_value(exported["config"].clone()).unwrap(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn every_exported_token_verifies_with_the_key_that_its_kid_names() {
    let export = Export::imported();
    let keyring = export.open();
    let mut algorithms = BTreeMap::new();
    for row in export.facts["tokens"].as_array().unwrap() {
        let verified = keyring.verify(text(&row["token"])).unwrap_or_else(|error| panic!("{}: {error}", row["name"]));
        assert_eq!(verified.claims["iss"], "http://localhost:8080/auth/realms/migration", "{}", row["name"]);
        *algorithms.entry(verified.algorithm.as_str()).or_insert(0) += 1;
    }
    let counts: Vec<_> = algorithms.into_iter().collect();
    assert_eq!(counts, [("ES256", 2), ("HS512", 5), ("RS256", 8)]);
}

#[test]
fn the_imported_keys_are_published_as_they_were() {
    let export = Export::imported();
    let ours: Value = serde_json::from_slice(export.open().jwks()).unwrap();
    assert_eq!(ours.to_string(), export.facts["jwks"].to_string(), "members and order included");
}

#[test]
fn the_imported_keys_are_listed_as_they_were() {
    let export = Export::imported();
    let keyring = export.open();
    let expected = export.facts["keys"].as_array().unwrap();
    assert_eq!(keyring.keys().len(), expected.len());
    for row in expected {
        let key = keyring.keys().iter().find(|key| key.kid == text(&row["kid"])).unwrap_or_else(|| panic!("no key {row}"));
        let status = match key.status {
            KeyStatus::Active => "ACTIVE",
            KeyStatus::Passive => "PASSIVE",
            KeyStatus::Disabled => "DISABLED",
        };
        let usage = if key.usage == KeyUse::Signature { "SIG" } else { "ENC" };
        let ours = (key.algorithm.as_str(), key.key_type.as_str(), usage, status, key.priority);
        let theirs = (
            text(&row["algorithm"]),
            text(&row["type"]),
            text(&row["use"]),
            text(&row["status"]),
            row["providerPriority"].as_i64().unwrap(),
        );
        assert_eq!(ours, theirs);
    }
}

#[test]
fn private_values_of_an_import_are_sealed() {
    let export = Export::imported();
    let mut sealed = 0;
    for component in &export.components {
        for name in keywright::keyring::provider::SECRET_CONFIG {
            if let Some(value) = component.value(name) {
                assert!(seal::is_sealed(value), "{} {name}", component.name);
                sealed += 1;
            }
        }
    }
    assert_eq!(sealed, 7);
}

#[test]
fn the_imported_key_of_the_highest_priority_signs() {
    let export = Export::imported();
    assert_eq!(export.open().signing_kid(Algorithm::Rs256), Some("Zn5UZjdxWEmsTSMxvtJ2sPTjwDoMczHuuPEJUuPTCes"));
}

#[test]
fn a_passive_key_verifies_and_a_disabled_one_does_not() {
    let mut export = Export::imported();
    let token = text(&export.facts["tokens"][0]["token"]).to_owned();
    export.set("imported-rsa", "active", "false");
    let passive = export.open();
    assert_eq!(passive.signing_kid(Algorithm::Rs256), Some("dMP2U4i-M-yKwAOvExLY0tKAr3SzaXzcfq1MGQD7YQY"));
    assert!(passive.verify(&token).is_ok());
    export.set("imported-rsa", "enabled", "false");
    let disabled = export.open();
    assert!(disabled.verify(&token).is_err());
    assert!(!std::str::from_utf8(disabled.jwks()).unwrap().contains("Zn5UZjdx"));
}

#[test]
fn tokens_of_our_imported_keys_carry_the_header_that_keycloak_wrote() {
    let export = Export::imported();
    let keyring = export.open();
    for row in export.facts["tokens"].as_array().unwrap() {
        let theirs = text(&row["token"]).split('.').next().unwrap();
        let algorithm = keyring.verify(text(&row["token"])).unwrap().algorithm;
        let ours = keyring.sign(algorithm, "JWT", b"{}").unwrap();
        assert_eq!(ours.split('.').next().unwrap(), theirs, "{}", row["name"]);
    }
}
