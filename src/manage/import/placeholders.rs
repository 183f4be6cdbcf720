//! `${NAME}` and `${NAME:default}` in the texts of a realm file, as Keycloak replaces them at an import. A name without a value stays
//! as it stands: `${client_account}` is a key of the message catalogue. Replaced inside parsed texts and never before parsing, so
//! that no value can change the shape of the file.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

/// Finds values of names, typically environment variables.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Replaces placeholders everywhere in `value`. Names that look like environment variables and have no value are added to
/// `missing`.
pub(super) fn replace(value: &mut Value, lookup: &dyn Fn(&str) -> Option<String>, missing: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.contains("${") => *text = replaced(text, lookup, missing),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, lookup, missing)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, lookup, missing)),
        _ => {}
    }
}

fn replaced(text: &str, lookup: &dyn Fn(&str) -> Option<String>, missing: &mut BTreeSet<String>) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        out.push_str(&rest[..start]);
        let inner = &rest[start + 2..start + length];
        let (name, default) = inner.split_once(':').map_or((inner, None), |(name, default)| (name, Some(default)));
        let value = if is_name(name) { lookup(name).or_else(|| default.map(str::to_owned)) } else { None };
        if let Some(value) = value {
            out.push_str(&value);
        } else {
            if is_name(name) && !name.contains(|c: char| c.is_ascii_lowercase()) {
                missing.insert(name.to_owned());
            }
            out.push_str(&rest[start..=start + length]);
        }
        rest = &rest[start + length + 1..];
    }
    out + rest
}

/// What a shell takes as the name of a variable.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_with_values_are_replaced_and_others_stay() {
        let lookup = |name: &str| (name == "HOST").then(|| "a\"b${HOST}".to_owned());
        let mut missing = BTreeSet::new();
        let mut value = json!({"a": "https://${HOST}/x", "b": ["${NOPE:fall}${back", "${client_account}", "${MISSING}", "${a-b}", "${}"], "${HOST}": 1});
        replace(&mut value, &lookup, &mut missing);
        assert_eq!(
            value,
            json!({"a": "https://a\"b${HOST}/x", "b": ["fall${back", "${client_account}", "${MISSING}", "${a-b}", "${}"], "${HOST}": 1})
        );
        assert_eq!(missing.into_iter().collect::<Vec<_>>(), ["MISSING"]);
    }
}
