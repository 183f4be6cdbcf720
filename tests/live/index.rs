//! The index covers every recorded row, names nothing that does not exist, and is counted.

use std::collections::BTreeMap;

use serde_json::Value;

use super::recording::{Class, Index, Recording, TOPICS, read};

#[test]
fn every_recorded_row_has_an_entry_in_the_index_and_every_entry_a_row() {
    let index = Index::load();
    let mut known = Vec::new();
    for topic in TOPICS {
        for row in Recording::load(topic).rows {
            assert!(index.class(topic, &row.name).is_some(), "{topic}: {:?} has no entry in index.toml", row.name);
            known.push((topic.to_owned(), row.name));
        }
    }
    for entry in index.entries() {
        assert!(known.contains(entry), "index.toml names {entry:?}, which was not recorded");
    }
}

#[test]
fn every_error_case_is_proved_by_recorded_rows_or_waits_for_a_capability() {
    let index = Index::load();
    let cases: Value = serde_json::from_str(&read("error-cases.json")).expect("the cases are JSON");
    let cases = cases["cases"].as_array().expect("a list of cases");
    assert_eq!(cases.len(), index.error_cases.len());
    for case in cases {
        let name = format!("{}: {}", case["endpoint"].as_str().unwrap_or_default(), case["case"].as_str().unwrap_or_default());
        match index.error_cases.get(&name) {
            None => panic!("{name:?} has no entry in index.toml"),
            Some(Err(class)) => assert!(matches!(class, Class::Waits(..)), "{name:?} names no recorded row"),
            Some(Ok(rows)) => {
                for (topic, row) in rows {
                    let recorded = &Recording::load(topic).row(row).answer.clone();
                    assert_eq!(recorded["status"], case["status"], "{name:?} against {topic}: {row:?}");
                    let (error, description) = error_of(recorded);
                    assert!(
                        agrees(&case["error"], error.as_deref()) && agrees(&case["error_description"], description.as_deref()),
                        "{name:?} against {topic}: {row:?}: {error:?} {description:?}"
                    );
                }
            }
        }
    }
}

/// The error of a recorded answer: from its body, or from `WWW-Authenticate` (RFC 6750 §3).
fn error_of(recorded: &Value) -> (Option<String>, Option<String>) {
    let challenge = recorded["headers"]["www-authenticate"].as_str().unwrap_or_default();
    let field = |name: &str| {
        let quoted = || Some(challenge.split_once(&format!("{name}=\""))?.1.split_once('"')?.0);
        recorded["body"][name].as_str().or_else(quoted).map(str::to_owned)
    };
    (field("error"), field("error_description"))
}

/// Whether a text is what a case says: ` | ` separates alternatives, `<…>` stands for anything, nothing for nothing.
fn agrees(case: &Value, text: Option<&str>) -> bool {
    let Some(case) = case.as_str() else { return text.is_none() };
    let text = text.unwrap_or_default();
    case.split(" | ").any(|alternative| {
        let pieces: Vec<String> = alternative
            .split('<')
            .enumerate()
            .map(|(n, piece)| if n == 0 { piece } else { piece.split_once('>').map_or(piece, |(_, rest)| rest) })
            .map(regex::escape)
            .collect();
        regex::Regex::new(&format!("(?s)^{}$", pieces.join(".*"))).is_ok_and(|pattern| pattern.is_match(text))
    })
}

/// What an operator reads before migrating: no deviation is known to the tests alone, and none has a reason of its own.
#[test]
fn every_deviation_stands_in_the_compatibility_document_with_an_allowed_reason() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compatibility.md");
    let document = std::fs::read_to_string(path).expect("docs/compatibility.md");
    let section = |heading: &str| {
        let text = document.split(&format!("\n## {heading}")).nth(1).unwrap_or_else(|| panic!("no section {heading:?}"));
        text.split("\n## ")
            .next()
            .unwrap_or_default()
            .lines()
            .filter(|line| line.starts_with('|'))
            .skip(2)
            .collect::<Vec<_>>()
    };
    let (differences, classes) = (section("What differs and why"), section("The security classes"));
    assert!(!differences.is_empty() && !classes.is_empty());
    for row in &differences {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{row}");
        let allowed = match cells[3].strip_prefix("class ") {
            Some(class) => classes.iter().any(|known| known.starts_with(&format!("| {class} |"))),
            None => matches!(cells[3], "absent" | "5xx"),
        };
        assert!(allowed, "{:?} is no allowed reason: {row}", cells[3]);
    }
    let index = Index::load();
    for (topic, row) in index.entries().filter(|(topic, row)| index.deviation(topic, row).is_some()) {
        assert!(
            differences.iter().any(|line| line.contains(&format!("`{topic}: {row}`"))),
            "{topic}: {row} is not in docs/compatibility.md"
        );
    }
}

/// The closing note of a session quotes this: `cargo test --test integration live::index::counts -- --nocapture`.
#[test]
fn counts_of_the_rows_are_printed() {
    let index = Index::load();
    let mut total = BTreeMap::<&str, usize>::new();
    for topic in TOPICS {
        let mut counts = BTreeMap::<String, usize>::new();
        for row in Recording::load(topic).rows {
            let class = match index.class(topic, &row.name) {
                Some(Class::Now) => "now",
                Some(Class::StandaloneOnly) => "standalone only",
                Some(Class::Waits(..)) | None => "waiting",
            };
            *total.entry(class).or_default() += 1;
            *counts.entry(class.to_owned()).or_default() += 1;
            if let Some(deviation) = index.deviation(topic, &row.name) {
                println!("{topic}: {}: differs, because {}", row.name, deviation.why());
            }
            if let Some(Class::Waits(capability, _)) = index.class(topic, &row.name) {
                *counts.entry(format!("  {capability}")).or_default() += 1;
            }
        }
        println!("{topic}: {counts:?}");
    }
    let replayed = |(topic, row): &(String, String)| matches!(index.class(topic, row), Some(Class::Now | Class::StandaloneOnly));
    let now = index.error_cases.values().filter(|proof| proof.as_ref().is_ok_and(|rows| rows.iter().all(replayed))).count();
    println!("all topics: {total:?}; error-cases.json: {now} now, {} waiting", index.error_cases.len() - now);
    assert_eq!(total.values().sum::<usize>(), TOPICS.iter().map(|topic| Recording::load(topic).rows.len()).sum::<usize>());
}
