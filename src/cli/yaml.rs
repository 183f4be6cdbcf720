//! JSON values as YAML 1.2, for people who read them. Every text that a YAML reader could take for something else stands in
//! the quotes of JSON, of which YAML is a superset.

use std::fmt::Write as _;

use serde_json::Value;

/// The document, with a newline at its end.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => write(&mut out, value, 0),
        Value::Array(items) if !items.is_empty() => write(&mut out, value, 0),
        scalar => {
            out.push_str(&flow(scalar));
            out.push('\n');
        }
    }
    out
}

/// A collection in block style, each line behind `depth` times two spaces.
fn write(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let _ = write!(out, "{indent}{}:", scalar(name));
                behind_colon(out, member, depth);
            }
        }
        Value::Array(items) => {
            for item in items {
                let _ = write!(out, "{indent}-");
                match item {
                    Value::Object(members) if !members.is_empty() => {
                        let mut block = String::new();
                        write(&mut block, item, depth + 1);
                        // The first member stands behind the dash.
                        out.push(' ');
                        out.push_str(block.trim_start());
                    }
                    item => behind_colon(out, item, depth),
                }
            }
        }
        _ => {}
    }
}

fn behind_colon(out: &mut String, value: &Value, depth: usize) {
    let is_block = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if is_block {
        out.push('\n');
        write(out, value, depth + 1);
    } else {
        let _ = writeln!(out, " {}", flow(value));
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// A text without quotes if it begins with a letter or slash, has only harmless characters, and is no word of YAML.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 8] = ["true", "false", "null", "yes", "no", "on", "off", "y"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@".contains(c))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && !text.eq_ignore_ascii_case("n");
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_blocks_and_doubtful_texts_are_quoted() {
        let value = json!({
            "realm": "acme", "enabled": true, "display": "Acme: the realm", "no": "no", "empty": [], "none": null,
            "list": ["a", "1", {"x": 1, "w": {"z": "q"}}], "nested": {"a.b": ["c"]},
        });
        let expected = "realm: acme\nenabled: true\ndisplay: \"Acme: the realm\"\n\"no\": \"no\"\nempty: []\nnone: null\n\
            list:\n  - a\n  - \"1\"\n  - x: 1\n    w:\n      z: q\nnested:\n  a.b:\n    - c\n";
        assert_eq!(text(&value), expected);
        assert_eq!(text(&json!([])), "[]\n");
    }
}
