//! Message catalogues: every text that people read, by key and locale, compiled in from `templates/i18n/`. A realm may have
//! texts of its own (the localization of Keycloak's administration); they go before the catalogue. Keys and placeholders
//! (`{0}`, `{1}` …) of mails are Keycloak's, so that a realm's own texts mean the same here.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// The language of last resort.
pub const DEFAULT_LOCALE: &str = "en";

static CATALOGUES: LazyLock<Vec<(&'static str, HashMap<&'static str, &'static str>)>> = LazyLock::new(|| {
    vec![
        ("en", catalogue(include_str!("../../templates/i18n/en.properties"))),
        ("de", catalogue(include_str!("../../templates/i18n/de.properties"))),
    ]
});

/// The texts of one locale, those of a realm before the catalogue's.
pub struct Texts<'a> {
    locale: String,
    /// By locale, then by key.
    own: &'a BTreeMap<String, BTreeMap<String, String>>,
}

impl<'a> Texts<'a> {
    pub fn new(locale: &str, own: &'a BTreeMap<String, BTreeMap<String, String>>) -> Self {
        Self { locale: locale.to_owned(), own }
    }

    pub fn locale(&self) -> &str {
        &self.locale
    }

    /// The text of `key`: the realm's, the locale's, the English one; the key itself where nobody has one.
    pub fn text(&self, key: &str) -> String {
        let own = self.own.get(&self.locale).and_then(|texts| texts.get(key)).map(String::as_str);
        let of = |locale: &str| CATALOGUES.iter().find(|(known, _)| *known == locale).and_then(|(_, texts)| texts.get(key).copied());
        own.or_else(|| of(&self.locale))
            .or_else(|| of(self.locale.split(['-', '_']).next().unwrap_or_default()))
            .or_else(|| of(DEFAULT_LOCALE))
            .unwrap_or(key)
            .to_owned()
    }

    /// The text of `key` with its placeholders filled in.
    pub fn format(&self, key: &str, arguments: &[&str]) -> String {
        fill(&self.text(key), arguments)
    }
}

/// The languages that have a catalogue.
pub fn locales() -> impl Iterator<Item = &'static str> {
    CATALOGUES.iter().map(|(locale, _)| *locale)
}

/// Puts the arguments in the place of `{0}`, `{1}` … What an argument contains is not looked at again. Two apostrophes stand
/// for one, as in Java's message formats.
fn fill(text: &str, arguments: &[&str]) -> String {
    let mut filled = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find(['{', '\'']) {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("''") {
            filled.push('\'');
            rest = after;
            continue;
        }
        let number = rest.strip_prefix('{').and_then(|inside| inside.split_once('}')).and_then(|(number, after)| {
            let argument = arguments.get(number.parse::<usize>().ok()?)?;
            Some((*argument, after))
        });
        if let Some((argument, after)) = number {
            filled.push_str(argument);
            rest = after;
        } else {
            filled.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    filled + rest
}

/// Lines `key = text`; `\n` in a text is a line break.
fn catalogue(source: &'static str) -> HashMap<&'static str, &'static str> {
    source
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, text)| (key.trim(), text.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_locale_has_every_text() {
        let (_, english) = &CATALOGUES[0];
        assert!(english.len() > 10, "the catalogue was not read");
        for (locale, texts) in CATALOGUES.iter() {
            let mut missing: Vec<_> = english.keys().filter(|key| !texts.contains_key(*key)).collect();
            missing.extend(texts.keys().filter(|key| !english.contains_key(*key)));
            assert!(missing.is_empty(), "{locale}: {missing:?}");
            for (key, text) in texts {
                let placeholders = |text: &str| (0..6).map(|number| text.contains(&format!("{{{number}}}"))).collect::<Vec<_>>();
                assert_eq!(placeholders(text), placeholders(english[key]), "{locale}: {key}");
            }
        }
        assert_eq!(locales().collect::<Vec<_>>(), ["en", "de"]);
    }

    #[test]
    fn a_realms_own_text_goes_first_and_an_unknown_locale_speaks_english() {
        let own = BTreeMap::from([("de".to_owned(), BTreeMap::from([("emailTestSubject".to_owned(), "Probe".to_owned())]))]);
        assert_eq!(Texts::new("de", &own).text("emailTestSubject"), "Probe");
        assert_ne!(Texts::new("de-AT", &own).text("emailTestSubject"), Texts::new("en", &own).text("emailTestSubject"));
        assert_eq!(Texts::new("tlh", &own).text("emailTestSubject"), Texts::new("en", &own).text("emailTestSubject"));
        assert_eq!(Texts::new("en", &own).text("no.such.key"), "no.such.key");
    }

    #[test]
    fn placeholders_are_filled_once_and_what_is_no_placeholder_stays() {
        assert_eq!(fill("{0} and {1}", &["{1}", "b"]), "{1} and b");
        assert_eq!(fill("it''s {0}, {7}, {x}, { and '", &["a"]), "it's a, {7}, {x}, { and '");
        assert_eq!(fill("ä{0}ö", &["ü"]), "äüö");
    }
}
