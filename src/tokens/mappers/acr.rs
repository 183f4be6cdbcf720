//! `oidc-acr-mapper`: how strongly the user proved himself (OIDC Core §2), by the name that `acr.loa.map` gives to the level.

use std::borrow::Cow;

use crate::tokens::claims::Claims;

use super::Context;

pub fn apply<'a>(cx: &Context<'a>, claims: &mut Claims<'a>) {
    claims.acr = Some(Cow::Borrowed(name(cx.acr, &cx.client.acr_levels)));
}

/// The name of the highest level that `acr` reaches. What is no level has its name already; a level below all names, and every
/// level without a map, is itself.
fn name<'a>(acr: &'a str, levels: &'a [(String, i64)]) -> &'a str {
    let Ok(reached) = acr.parse::<i64>() else { return acr };
    let below = levels.iter().filter(|(_, level)| *level > 0 && *level <= reached);
    below.max_by_key(|(_, level)| *level).map_or(acr, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `keycloak-live/modern.json`, rows "LoA: …".
    #[test]
    fn the_highest_level_that_was_reached_gives_the_name() {
        let levels = [("gold".to_owned(), 2), ("silver".to_owned(), 1), ("zero".to_owned(), 0)];
        for (acr, expected) in [("1", "silver"), ("2", "gold"), ("7", "gold"), ("0", "0"), ("gold", "gold"), ("", "")] {
            assert_eq!(name(acr, &levels), expected, "{acr}");
        }
        assert_eq!(name("1", &[]), "1");
        assert_eq!(name("1", &[("gold".to_owned(), 2)]), "1");
    }
}
