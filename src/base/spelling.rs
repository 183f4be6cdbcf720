//! One spelling per name: what people type as a user name or an address in many ways is one key in the store.

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// A user name or e-mail address as it is stored and looked up: without spaces around it, in lower case as Keycloak has it, and
/// with composed letters (NFC), because keyboards differ in whether they send `é` as one character or as two. Compatibility forms
/// (NFKC: `ﬁ` and `fi`, full width) stay apart, as they do in Keycloak: an import may hold users who differ by nothing else.
pub fn of_name(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.to_lowercase();
    if is_nfc(&lower) { lower } else { lower.nfc().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_name_are_one() {
        for spelling in ["ren\u{e9}", "rene\u{301}", "REN\u{c9}", "RENE\u{301}", " René\t", "\u{a0}rené\u{2003}"] {
            assert_eq!(of_name(spelling), "ren\u{e9}", "{spelling:?}");
        }
        assert_eq!(of_name(" Alice "), "alice");
        assert_ne!(of_name("ﬁona"), of_name("fiona"));
        assert_eq!(of_name(&of_name("İSTANBUL")), of_name("İSTANBUL"), "what is stored is found again");
    }
}
