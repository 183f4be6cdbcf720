//! The validators of the user profile: each by its id, with its settings. Messages and parameters are Keycloak's. What they
//! check is one value after another; how many values there may be is `multivalued`'s business.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};
use serde_json::{Value, json};

use super::Violation;

/// How large a compiled pattern may become.
const MAX_PATTERN_BYTES: usize = 1 << 20;
/// The longest value that a pattern is held against.
const MAX_MATCHED: usize = 16 << 10;
/// RFC 5321 §4.5.3.1.1.
const MAX_LOCAL: usize = 64;

/// The validators that exist here. A configuration that names another one is refused: a rule that is not enforced is worse
/// than none.
const IDS: &[&str] = &[
    "double",
    "email",
    "integer",
    "iso-date",
    "length",
    "local-date",
    "multivalued",
    "not-blank",
    "not-empty",
    "options",
    "pattern",
    "person-name-prohibited-characters",
    "up-username-not-idn-homograph",
    "uri",
    "username-prohibited-characters",
];

/// What is wrong with a validator of attribute `name` that is to be configured so; the texts are Keycloak's.
pub(super) fn check(name: &str, validator: &str, config: &Value) -> Result<(), String> {
    if !IDS.contains(&validator) {
        return Err(format!("Validator '{validator}' defined for attribute '{name}' doesn't exist"));
    }
    let wrong =
        |problem: &str| Err(format!("Validator '{validator}' defined for attribute '{name}' has incorrect configuration: {problem}"));
    let is_number = |key: &str| config.get(key).is_none_or(|_| bound(config, key).is_some());
    let is_float = |key: &str| config.get(key).is_none_or(|_| limit(config, key).is_some());
    match validator {
        "length" | "multivalued" | "integer" if !is_number("min") || !is_number("max") => {
            wrong("error-validator-config-invalid-number-value")
        }
        "double" if !is_float("min") || !is_float("max") => wrong("error-validator-config-invalid-number-value"),
        "length" if bound(config, "min").is_none() && bound(config, "max").is_none() => wrong("error-validator-config-missing-value"),
        "options" if !config["options"].is_array() => wrong("error-validator-config-missing-value"),
        "pattern" => match config["pattern"].as_str().filter(|pattern| !pattern.is_empty()) {
            None => wrong("error-validator-config-missing-value"),
            Some(pattern) if compile(pattern).is_none() => wrong("error-validator-config-invalid-value"),
            Some(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

/// How many values of `config` of `multivalued` are too few or too many.
pub(super) fn broken_count(name: &str, count: usize, config: &Value) -> Option<Violation> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let (min, max) = (bound(config, "min").unwrap_or(0), bound(config, "max"));
    (count < min || max.is_some_and(|max| count > max))
        .then(|| Violation::new(name, "error-invalid-multivalued-size", &[json!(min), json!(max)]))
}

/// The rule of `validator` that `value` breaks.
pub(super) fn broken_rule(name: &str, value: &str, validator: &str, config: &Value) -> Option<Violation> {
    let unless = |holds: bool, message: &'static str, params: &[Value]| (!holds).then(|| Violation::new(name, message, params));
    // These may word their refusal otherwise.
    let own = |holds: bool, usual: &'static str, params: &[Value]| {
        let message = config["error-message"].as_str().filter(|text| !text.trim().is_empty());
        (!holds).then(|| Violation::new(name, message.map_or(Cow::Borrowed(usual), |text| Cow::Owned(text.to_owned())), params))
    };
    match validator {
        "length" => length(name, value, config),
        "email" => {
            let local = bound(config, "max-local-length").and_then(|most| usize::try_from(most).ok()).unwrap_or(MAX_LOCAL);
            unless(is_email_within(value, local), "error-invalid-email", &[json!(value)])
        }
        "username-prohibited-characters" => {
            let bad = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | ',' | ':') || is_prohibited(c);
            own(!value.contains(bad), "error-username-invalid-character", &[])
        }
        "person-name-prohibited-characters" => {
            own(!value.contains(|c: char| c == '"' || is_prohibited(c)), "error-person-name-invalid-character", &[])
        }
        "up-username-not-idn-homograph" => {
            own(!value.contains(|c: char| c.is_alphabetic() && !is_latin(c)), "error-username-invalid-character", &[])
        }
        "options" => {
            let allowed = config["options"].as_array().is_some_and(|options| options.iter().any(|option| option == value));
            unless(allowed, "error-invalid-value", &[])
        }
        "integer" => match value.parse::<i64>() {
            Ok(number) => range(name, (bound(config, "min"), bound(config, "max")), |min| number < min, |max| number > max),
            Err(_) => unless(false, "error-invalid-number", &[]),
        },
        "double" => match value.parse::<f64>().ok().filter(|number| number.is_finite()) {
            Some(number) => range(name, (limit(config, "min"), limit(config, "max")), |min| number < min, |max| number > max),
            None => unless(false, "error-invalid-number", &[]),
        },
        "pattern" => {
            let pattern = config["pattern"].as_str().unwrap_or_default();
            let matches = value.len() <= MAX_MATCHED && compile(pattern).is_some_and(|pattern| pattern.is_match(value));
            own(matches, "error-pattern-no-match", &[json!(pattern)])
        }
        "uri" => uri(name, value, config),
        "iso-date" => unless(is_date(value, ['-', '-'], [0, 1, 2]), "error-invalid-date", &[]),
        // The short form of the language that an administrator's requests are in: English.
        "local-date" => unless(is_date(value, ['/', '/'], [2, 0, 1]), "error-invalid-date", &[]),
        "not-blank" => unless(!value.trim().is_empty(), "error-invalid-blank", &[]),
        "not-empty" => unless(!value.is_empty(), "error-empty", &[]),
        _ => None,
    }
}

/// A bound is a number, or a number as text.
fn bound(config: &Value, key: &str) -> Option<i64> {
    config[key].as_i64().or_else(|| config[key].as_str()?.trim().parse().ok())
}

fn limit(config: &Value, key: &str) -> Option<f64> {
    config[key].as_f64().or_else(|| config[key].as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}

fn length(name: &str, value: &str, config: &Value) -> Option<Violation> {
    let trimmed = if config["trim-disabled"] == json!("true") || config["trim-disabled"] == json!(true) { value } else { value.trim() };
    // Java counts UTF-16 units.
    let length = i64::try_from(trimmed.encode_utf16().count()).unwrap_or(i64::MAX);
    let (min, max) = (bound(config, "min"), bound(config, "max"));
    let (short, long) = (min.is_some_and(|min| length < min), max.is_some_and(|max| length > max));
    if !short && !long {
        return None;
    }
    let message = match (min, max) {
        (Some(_), Some(_)) => "error-invalid-length",
        (Some(_), None) => "error-invalid-length-too-short",
        _ => "error-invalid-length-too-long",
    };
    Some(Violation::new(name, message, &[json!(min), json!(max)]))
}

fn range<N: Copy + Into<Value>>(
    name: &str,
    (min, max): (Option<N>, Option<N>),
    below: impl Fn(N) -> bool,
    above: impl Fn(N) -> bool,
) -> Option<Violation> {
    if !min.is_some_and(&below) && !max.is_some_and(&above) {
        return None;
    }
    let message = match (min, max) {
        (Some(_), None) => "error-number-out-of-range-too-small",
        (None, Some(_)) => "error-number-out-of-range-too-big",
        _ => "error-number-out-of-range",
    };
    let shown = |bound: Option<N>| bound.map_or(Value::Null, Into::into);
    Some(Violation::new(name, message, &[shown(min), shown(max)]))
}

/// The whole value must match, as with Java's `matches`.
fn compile(pattern: &str) -> Option<Regex> {
    let build = |text: &str| RegexBuilder::new(text).size_limit(MAX_PATTERN_BYTES).build().ok();
    // Wrapped only after it stands on its own, or `a)|(b` would escape the anchors.
    build(pattern)?;
    build(&format!(r"\A(?:{pattern})\z"))
}

/// RFC 3986, as far as a value that somebody will click on must be looked at.
fn uri(name: &str, value: &str, config: &Value) -> Option<Violation> {
    let broken = |message: &'static str, params: &[Value]| Some(Violation::new(name, message, params));
    let switch = |key: &str| config[key] != json!(false) && config[key] != json!("false");
    let Some((scheme, rest)) = value.split_once(':') else { return broken("error-invalid-uri", &[]) };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '\\' | '^' | '`' | '{' | '|' | '}');
    if !is_scheme || rest.is_empty() || rest.contains(odd) {
        return broken("error-invalid-uri", &[]);
    }
    let given: Vec<&str> = config["allowedSchemes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let allowed = if given.is_empty() { vec!["http", "https"] } else { given };
    if !allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(scheme)) {
        return broken("error-invalid-uri-scheme", &[json!(scheme)]);
    }
    if !switch("allowFragment") && rest.contains('#') {
        return broken("error-invalid-uri-fragment", &[]);
    }
    let host = rest.strip_prefix("//").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if is_web && switch("requireValidUrl") && host.is_none_or(str::is_empty) {
        return broken("error-invalid-uri", &[]);
    }
    None
}

/// Whether the three numbers between `separators` are a day of the calendar; `order` says where year, month and day stand.
fn is_date(text: &str, separators: [char; 2], order: [usize; 3]) -> bool {
    let Some((first, rest)) = text.split_once(separators[0]) else { return false };
    let Some((second, third)) = rest.split_once(separators[1]) else { return false };
    let parts = [first, second, third];
    if parts.iter().any(|part| part.is_empty() || part.len() > 4 || !part.bytes().all(|byte| byte.is_ascii_digit())) {
        return false;
    }
    let number = |place: usize| parts[order[place]].parse::<i32>().unwrap_or_default();
    let month = u8::try_from(number(1)).ok().and_then(|month| time::Month::try_from(month).ok());
    let day = u8::try_from(number(2)).unwrap_or_default();
    // ISO 8601 has two digits for months and days, and four for years.
    let full = separators[0] != '-' || (parts[0].len() == 4 && parts[1].len() == 2 && parts[2].len() == 2);
    full && month.is_some_and(|month| time::Date::from_calendar_date(number(0), month, day).is_ok())
}

/// The shape of RFC 5321 §4.1.2 without quoted local parts: bounded, one `@`, labels without white space or controls.
pub fn is_email(text: &str) -> bool {
    is_email_within(text, MAX_LOCAL)
}

fn is_email_within(text: &str, max_local: usize) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain = |part: &str, max: usize, banned: &[char]| {
        !part.is_empty()
            && part.len() <= max
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || banned.contains(&c))
    };
    plain(local, max_local, &['"', '(', ')', ',', ':', ';', '<', '>', '[', '\\', ']'])
        && plain(domain, 255, &['@', '/', '"', '<', '>', ',', ';', '\\', '_'])
}

/// What neither a user name nor a person's name may contain: characters with a meaning in markup, shells and paths.
fn is_prohibited(c: char) -> bool {
    c.is_control()
        || matches!(c, '<' | '>' | '&' | '$' | '%' | '!' | '#' | '?' | '§' | ';' | '*' | '~' | '/' | '\\' | '|' | '^' | '=')
        || matches!(c, '[' | ']' | '{' | '}' | '(' | ')' | '\u{2028}' | '\u{2029}')
}

/// The blocks of the Unicode script Latin. A letter of another script could look like a Latin one and pose as another user.
fn is_latin(c: char) -> bool {
    matches!(u32::from(c), 0x41..=0x5A | 0x61..=0x7A | 0xAA | 0xB5 | 0xBA | 0xC0..=0x2B8 | 0x2E0..=0x2E4 | 0x1D00..=0x1D25
        | 0x1D2C..=0x1D5C | 0x1D62..=0x1D65 | 0x1D6B..=0x1D77 | 0x1D79..=0x1DBE | 0x1E00..=0x1EFF | 0x2071 | 0x207F
        | 0x2090..=0x209C | 0x2C60..=0x2C7F | 0xA722..=0xA787 | 0xA78B..=0xA7FF | 0xAB30..=0xAB5A | 0xFB00..=0xFB06
        | 0xFF21..=0xFF3A | 0xFF41..=0xFF5A)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(validator: &str, config: &Value, value: &str) -> Option<Value> {
        assert_eq!(check("x", validator, config), Ok(()), "{validator}");
        broken_rule("x", value, validator, config).map(|violation| {
            let mut shown = serde_json::to_value(violation).unwrap();
            let params = shown["params"].as_array().unwrap()[1..].to_vec();
            json!([shown["errorMessage"].take(), params])
        })
    }

    #[test]
    fn each_validator_takes_what_it_should_and_words_its_refusal() {
        for (validator, config, good, bad, said) in [
            ("integer", json!({"min": "1", "max": 9}), "5", "10", json!(["error-number-out-of-range", [1, 9]])),
            ("integer", json!({"min": 1}), "1", "0", json!(["error-number-out-of-range-too-small", [1, null]])),
            ("integer", json!({}), "-7", "1.5", json!(["error-invalid-number", []])),
            ("double", json!({"max": 1.5}), "1.25", "1.75", json!(["error-number-out-of-range-too-big", [null, 1.5]])),
            ("double", json!({}), "1e3", "NaN", json!(["error-invalid-number", []])),
            ("pattern", json!({"pattern": "[a-z]+"}), "abc", "abc1", json!(["error-pattern-no-match", ["[a-z]+"]])),
            ("pattern", json!({"pattern": "a|b", "error-message": "own"}), "b", "ab", json!(["own", ["a|b"]])),
            ("uri", json!({}), "https://a.example/x#y", "ftp://a", json!(["error-invalid-uri-scheme", ["ftp"]])),
            ("uri", json!({}), "http://a", "javascript:alert(1)", json!(["error-invalid-uri-scheme", ["javascript"]])),
            ("uri", json!({"allowFragment": false}), "http://a", "http://a#b", json!(["error-invalid-uri-fragment", []])),
            ("uri", json!({"allowedSchemes": ["ssh"]}), "ssh:x", "nothing", json!(["error-invalid-uri", []])),
            ("uri", json!({}), "http://a/b", "http:///b", json!(["error-invalid-uri", []])),
            ("iso-date", json!({}), "2024-02-29", "2023-02-29", json!(["error-invalid-date", []])),
            ("iso-date", json!({}), "2024-12-01", "2024-2-1", json!(["error-invalid-date", []])),
            ("local-date", json!({}), "2/29/2024", "13/1/2024", json!(["error-invalid-date", []])),
            ("options", json!({"options": ["a", "b"]}), "a", "c", json!(["error-invalid-value", []])),
            ("email", json!({"max-local-length": 3}), "abc@d.e", "abcd@d.e", json!(["error-invalid-email", ["abcd@d.e"]])),
            ("not-blank", json!({}), "x", " ", json!(["error-invalid-blank", []])),
            ("length", json!({"min": 2}), "ab", "a ", json!(["error-invalid-length-too-short", [2, null]])),
        ] {
            assert_eq!(refusal(validator, &config, good), None, "{validator} {good}");
            assert_eq!(refusal(validator, &config, bad), Some(said), "{validator} {bad}");
        }
        assert!(broken_count("x", 3, &json!({"max": "2"})).is_some() && broken_count("x", 0, &json!({"min": 1})).is_some());
        assert!(broken_count("x", 2, &json!({"min": 1, "max": 2})).is_none());
    }

    #[test]
    fn a_validator_that_could_not_be_enforced_is_refused_when_it_is_configured() {
        for (validator, config) in [
            ("nope", json!({})),
            ("length", json!({})),
            ("length", json!({"max": "many"})),
            ("double", json!({"min": "x"})),
            ("options", json!({})),
            ("pattern", json!({})),
            ("pattern", json!({"pattern": "("})),
            ("pattern", json!({"pattern": "a)|(b"})),
            ("pattern", json!({"pattern": "(((a{100}){100}){100}){100}"})),
        ] {
            assert!(check("x", validator, &config).is_err(), "{validator} {config}");
        }
    }

    #[test]
    fn addresses_have_one_at_sign_and_bounded_parts() {
        for good in ["a@b", "jane@example.test", "o'brien+tag@example.org", "l/p@d.e"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b/c", ".a@b", "a..b@c", "a@b.", "a@b\n", &format!("{}@b", "x".repeat(65))] {
            assert!(!is_email(bad), "{bad:?}");
        }
    }
}
