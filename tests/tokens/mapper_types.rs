//! Every type of mapper that a real Keycloak 26.7.3 offers (`tests/fixtures/tokens/mapper-types.json`, from its server info), with every
//! option: each has its meaning here, its priority, and writes where it says and nowhere else.

use std::collections::BTreeMap;

use keywright::base::id::ProtocolMapperId;
use keywright::compiled::mapper::{Mapper, TokenKind};
use keywright::model::protocol_mapper::{POSTGRES_ARRAY, ProtocolMapper, TYPES};
use serde_json::Value;

const SWITCHES: [(&str, TokenKind); 6] = [
    ("access.token.claim", TokenKind::Access),
    ("lightweight.claim", TokenKind::LightweightAccess),
    ("id.token.claim", TokenKind::Id),
    ("userinfo.token.claim", TokenKind::UserInfo),
    ("introspection.token.claim", TokenKind::Introspection),
    ("access.tokenResponse.claim", TokenKind::Response),
];

/// Options that a type cannot do without, with a value that works.
const NEEDED: [(&str, &str); 7] = [
    ("claim.name", "c"),
    ("claim.value", "7"),
    ("user.attribute", "email"),
    ("user.session.note", "n"),
    ("role", "r"),
    ("new.role.name", "s"),
    ("included.custom.audience", "urn:x"),
];

fn types() -> Vec<Value> {
    serde_json::from_str(include_str!("../fixtures/tokens/mapper-types.json")).expect("a list of types")
}

fn options(kind: &Value) -> Vec<&str> {
    kind["properties"]
        .as_array()
        .expect("options")
        .iter()
        .map(|option| option["name"].as_str().expect("a name"))
        .collect()
}

fn compile(kind: &Value, switches: &[(&str, &str)]) -> Mapper {
    let id = kind["id"].as_str().expect("a type");
    let config: BTreeMap<String, String> = NEEDED
        .iter()
        .filter(|(name, _)| options(kind).contains(name))
        .chain(switches)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mapper = ProtocolMapper {
        id: ProtocolMapperId::from("m"),
        name: id.to_owned(),
        protocol: "openid-connect".to_owned(),
        protocol_mapper: id.to_owned(),
        consent_required: false,
        config,
    };
    Mapper::compile(&mapper).unwrap_or_else(|reason| panic!("{id}: {reason}"))
}

#[test]
fn every_type_of_keycloak_is_known_and_runs_in_its_place() {
    for kind in types() {
        let id = kind["id"].as_str().expect("a type");
        assert!(TYPES.contains(&id), "{id} can be configured");
        assert_eq!(i64::from(compile(&kind, &[]).priority), kind["priority"].as_i64().expect("a number"), "{id}");
    }
    let known: Vec<String> = types().iter().map(|kind| kind["id"].as_str().expect("a type").to_owned()).collect();
    for ours in TYPES.iter().filter(|name| name.starts_with("oidc-")) {
        assert!(known.iter().any(|id| id == ours), "{ours} is a type of Keycloak");
    }
}

/// A switch that the type offers works; what it does not offer cannot be switched on.
#[test]
fn every_type_writes_where_its_switches_say_and_nowhere_else() {
    for kind in types() {
        let (id, options) = (kind["id"].as_str().expect("a type"), options(&kind));
        let offered: Vec<_> = SWITCHES.iter().filter(|(name, _)| options.contains(name)).collect();
        if offered.is_empty() {
            continue; // those without switches act on every token
        }
        let all_on: Vec<_> = SWITCHES.iter().map(|(name, _)| (*name, "true")).collect();
        let all_off: Vec<_> = SWITCHES.iter().map(|(name, _)| (*name, "false")).collect();
        for (name, token) in SWITCHES {
            let expected = offered.iter().any(|(offered, _)| *offered == name);
            assert_eq!(compile(&kind, &all_on).includes(token), expected, "{id}: everything on, {name}");
            assert!(!compile(&kind, &all_off).includes(token), "{id}: everything off, {name}");
            let mut only = all_off.clone();
            only.iter_mut().filter(|(switch, _)| *switch == name).for_each(|(_, value)| *value = "true");
            assert_eq!(compile(&kind, &only).includes(token), expected, "{id}: only {name}");
        }
    }
}

#[test]
fn every_type_and_option_is_documented() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tokens.md");
    let document = std::fs::read_to_string(path).expect("docs/tokens.md");
    assert!(document.contains(POSTGRES_ARRAY));
    for kind in types() {
        let id = kind["id"].as_str().expect("a type");
        assert!(document.contains(&format!("`{id}`")), "{id}");
        for option in options(&kind) {
            // Members of one family are written as `.suffix` after the first.
            let last = &option[option.rfind('.').unwrap_or(0)..];
            assert!(document.contains(&format!("`{option}`")) || document.contains(&format!("`{last}`")), "{id}: {option}");
        }
    }
}
