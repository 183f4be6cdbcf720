//! What an import does differently from what the file says, by name and with the effect. Nothing is left out in silence.

use std::collections::BTreeMap;
use std::fmt;

/// How many names of one kind are listed; the others are counted.
const LISTED: usize = 20;

/// What becomes of something that cannot be imported as it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fate {
    /// Imported, but not as the file has it.
    Changed,
    /// Stored and exported again, without any effect here.
    Kept,
    /// Not imported.
    Dropped,
}

impl Fate {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Kept => "kept without effect",
            Self::Dropped => "not imported",
        }
    }
}

/// One kind of thing that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    pub fate: Fate,
    /// `identity provider`, `password of user`, …
    pub what: &'static str,
    pub effect: String,
    /// The first names.
    pub names: Vec<String>,
    pub count: usize,
}

/// All notes of one import, collected by kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    notes: BTreeMap<(Fate, &'static str, String), (Vec<String>, usize)>,
}

impl Report {
    pub(super) fn add(&mut self, fate: Fate, what: &'static str, name: impl Into<String>, effect: impl Into<String>) {
        let (names, count) = self.notes.entry((fate, what, effect.into())).or_default();
        if names.len() < LISTED {
            names.push(name.into());
        }
        *count += 1;
    }

    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    pub fn notes(&self) -> impl Iterator<Item = Note> + '_ {
        self.notes.iter().map(|((fate, what, effect), (names, count))| Note {
            fate: *fate,
            what,
            effect: effect.clone(),
            names: names.clone(),
            count: *count,
        })
    }
}

impl fmt::Display for Note {
    /// `identity provider ext: kept without effect: nobody can sign in through it`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.names.join(", "))?;
        if self.count > self.names.len() {
            write!(f, " and {} more", self.count - self.names.len())?;
        }
        write!(f, ": {}: {}", self.fate.as_str(), self.effect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_lists_some_names_and_counts_the_rest() {
        let mut report = Report::default();
        for number in 0..25 {
            report.add(Fate::Kept, "passkey of user", format!("u{number}"), "no effect");
        }
        report.add(Fate::Dropped, "x", "y", "z");
        let notes: Vec<_> = report.notes().map(|note| note.to_string()).collect();
        assert!(
            notes[0].starts_with("passkey of user u0, u1") && notes[0].ends_with("u19 and 5 more: kept without effect: no effect"),
            "{notes:?}"
        );
        assert_eq!(notes[1], "x y: not imported: z");
    }
}
