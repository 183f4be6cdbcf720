//! Applies the licences and bans of deny.toml to the crates that are really compiled, without any further tool.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What deny.toml says.
struct Policy {
    licences: BTreeSet<String>,
    /// Crate → reason.
    banned: BTreeMap<String, String>,
}

impl Policy {
    fn read() -> Self {
        let table: toml::Table = include_str!("../deny.toml").parse().expect("deny.toml is TOML");
        let text = |value: &toml::Value| value.as_str().expect("is text").to_owned();
        Self {
            licences: table["licenses"]["allow"].as_array().unwrap().iter().map(text).collect(),
            banned: table["bans"]["deny"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| (text(&row["name"]), text(&row["reason"])))
                .collect(),
        }
    }
}

/// `cargo metadata` of this package with the versions of Cargo.lock, tests' own dependencies included.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--all-features",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo answers JSON")
}

#[test]
fn every_crate_has_a_licence_that_we_accept() {
    let (policy, metadata) = (Policy::read(), metadata());
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "cargo metadata names only {} packages", packages.len());
    let refused: Vec<_> = packages
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(|expression| accepts(expression, &policy.licences)))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "add the licence to deny.toml or drop the crate:\n{}", refused.join("\n"));
}

#[test]
fn no_banned_crate_is_part_of_the_product() {
    let (policy, shipped) = (Policy::read(), shipped());
    assert!(shipped.contains("actix-web") && shipped.contains("aws-lc-sys") && !shipped.contains("proptest"), "{shipped:?}");
    let found: Vec<_> = policy.banned.iter().filter(|(name, _)| shipped.contains(name.as_str())).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn crates_come_from_the_registry_only() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        let own = package["name"] == "keywright";
        let registry = package["source"] == "registry+https://github.com/rust-lang/crates.io-index";
        assert!(own || registry, "{} comes from {}", package["name"], package["source"]);
    }
}

#[test]
fn the_readme_says_why_each_dependency_is_there() {
    let manifest: toml::Table = include_str!("../Cargo.toml").parse().expect("Cargo.toml is TOML");
    let target = manifest["target"]
        .as_table()
        .into_iter()
        .flat_map(toml::Table::values)
        .filter_map(|target| target.get("dependencies"));
    let tables = target.chain([&manifest["dependencies"]]).filter_map(toml::Value::as_table);
    let depended: BTreeSet<&str> = tables.flat_map(toml::Table::keys).map(String::as_str).collect();
    let (_, table) = include_str!("../README.md").split_once("| Crate | Why |").expect("the README has the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(1));
    let explained: BTreeSet<&str> = rows.flat_map(|names| names.split(',')).map(str::trim).collect();
    assert_eq!(depended, explained);
}

/// The names of the crates that end up in the binary or run while it is built: everything but development dependencies. `cargo
/// metadata` would also name optional dependencies that a weak feature (`ring?/std`) mentions and nothing turns on.
fn shipped() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--all-features", "--target", "x86_64-unknown-linux-gnu"])
        .args(["--edges", "no-dev", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be fulfilled with the licences of `allowed`. `/` is the old spelling of OR.
fn accepts(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let accepted = any(&mut rest, allowed);
    accepted && rest.is_empty()
}

/// `a OR b`
fn any(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut accepted = all(words, allowed);
    while words.first() == Some(&"OR") {
        *words = &words[1..];
        accepted |= all(words, allowed);
    }
    accepted
}

/// `a AND b`, which binds more tightly
fn all(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut accepted = one(words, allowed);
    while words.first() == Some(&"AND") {
        *words = &words[1..];
        accepted &= one(words, allowed);
    }
    accepted
}

/// A licence, one with an exception, or an expression in parentheses.
fn one(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    match **words {
        ["(", ref rest @ ..] => {
            *words = rest;
            let accepted = any(words, allowed);
            let closed = words.first() == Some(&")");
            *words = words.get(1..).unwrap_or_default();
            accepted && closed
        }
        [licence, "WITH", exception, ref rest @ ..] => {
            *words = rest;
            allowed.contains(&format!("{licence} WITH {exception}"))
        }
        [licence, ref rest @ ..] => {
            *words = rest;
            allowed.contains(licence)
        }
        [] => false,
    }
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for accepted in
        ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "MIT AND ISC", "(GPL-3.0 OR MIT) AND ISC", "Apache-2.0 WITH LLVM-exception OR GPL-3.0"]
    {
        assert!(accepts(accepted, &allowed), "{accepted}");
    }
    for refused in
        ["", "GPL-3.0", "MIT AND GPL-3.0", "ISC AND (GPL-3.0 OR LGPL-2.1)", "Apache-2.0", "(MIT", "MIT ISC", "GPL-3.0 OR MIT AND GPL-3.0"]
    {
        assert!(!accepts(refused, &allowed), "{refused}");
    }
}
