//! The scopes `organization`, `organization:ALIAS` and `organization:*`: which of a user's organizations a grant is about.

use std::sync::Arc;

use crate::compiled::Subject;
use crate::compiled::subject::Belonging;

/// The name of the scope.
pub const ORGANIZATION: &str = "organization";

/// What a request asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// `organization`: the one that the user belongs to. Of several a browser lets him choose; without one none is meant.
    Only,
    /// `organization:*`
    All,
    /// `organization:ALIAS`
    One(String),
}

impl Asked {
    /// What a word of a scope asks for, if it is about organizations.
    pub fn parse(word: &str) -> Option<Self> {
        if word == ORGANIZATION {
            return Some(Self::Only);
        }
        match word.strip_prefix("organization:")? {
            "" => None,
            "*" => Some(Self::All),
            alias => Some(Self::One(alias.to_owned())),
        }
    }

    /// The word in a scope.
    pub fn text(&self) -> String {
        match self {
            Self::Only => ORGANIZATION.to_owned(),
            Self::All => format!("{ORGANIZATION}:*"),
            Self::One(alias) => format!("{ORGANIZATION}:{alias}"),
        }
    }

    /// Those of the user's organizations that are meant.
    pub fn pick(&self, subject: &Subject) -> Arc<[Belonging]> {
        let all = &subject.organizations;
        match self {
            Self::Only if all.len() == 1 => all.iter().cloned().collect(),
            Self::Only => Arc::default(),
            Self::All => all.iter().cloned().collect(),
            Self::One(alias) => all.iter().filter(|one| one.organization.alias == *alias).cloned().collect(),
        }
    }

    /// What a refresh that asks for `self` gets of what was granted (RFC 6749 §6): never more. All may become one; whoever asks
    /// for less exact words keeps what he has.
    pub fn within(self, granted: &Self) -> Option<Self> {
        match (self, granted) {
            (Self::One(alias), Self::All) => Some(Self::One(alias)),
            (Self::All, granted) => Some(granted.clone()),
            (Self::Only, Self::One(alias)) => Some(Self::One(alias.clone())),
            (asked, granted) if asked == *granted => Some(asked),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_ask_for_one_for_all_and_for_the_only_one() {
        for word in ["organization", "organization:*", "organization:acme", "organization:a:b"] {
            assert_eq!(Asked::parse(word).map(|asked| asked.text()).as_deref(), Some(word));
        }
        for word in ["organization:", "organizations", "email", "Organization"] {
            assert_eq!(Asked::parse(word), None, "{word}");
        }
    }

    #[test]
    fn a_refresh_narrows_and_never_widens() {
        let one = |alias: &str| Asked::One(alias.to_owned());
        assert_eq!(one("a").within(&Asked::All), Some(one("a")));
        assert_eq!(Asked::All.within(&one("a")), Some(one("a")));
        assert_eq!(Asked::Only.within(&one("a")), Some(one("a")));
        assert_eq!(one("b").within(&one("a")), None);
        assert_eq!(one("a").within(&Asked::Only), None);
        assert_eq!(Asked::Only.within(&Asked::All), None);
    }
}
