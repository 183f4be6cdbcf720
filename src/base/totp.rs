//! One-time passwords: HOTP (RFC 4226) and TOTP (RFC 6238). Which codes are acceptable now is the caller's business.

use totp_rs::{Algorithm, TOTP};

/// The code of `counter` with as many digits as asked for. `None` for an algorithm or a number of digits that nobody uses.
///
/// `algorithm` is Keycloak's name: `HmacSHA1`, `HmacSHA256`, `HmacSHA512`.
pub fn code(algorithm: &str, secret: &[u8], digits: u32, counter: u64) -> Option<String> {
    let algorithm = match algorithm {
        "HmacSHA1" => Algorithm::SHA1,
        "HmacSHA256" => Algorithm::SHA256,
        "HmacSHA512" => Algorithm::SHA512,
        _ => return None,
    };
    let digits = usize::try_from(digits).ok().filter(|digits| (6..=8).contains(digits))?;
    // A step of one second makes the crate's time the counter itself.
    Some(TOTP::new_unchecked(algorithm, digits, 0, 1, secret.to_vec()).generate(counter))
}

/// The bytes that Base32 text stands for (RFC 4648 §6), padded or not. `None` for anything else.
pub fn base32(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?.trim_end_matches('=');
    totp_rs::Secret::Encoded(text.to_owned()).to_bytes().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4226, Appendix D.
    #[test]
    fn the_codes_of_rfc_4226() {
        let expected = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (counter, expected) in (0..).zip(expected) {
            assert_eq!(code("HmacSHA1", b"12345678901234567890", 6, counter).as_deref(), Some(expected));
        }
    }

    /// RFC 6238, Appendix B, at second 1111111109.
    #[test]
    fn the_codes_of_rfc_6238() {
        let counter = 1_111_111_109 / 30;
        let secret = |length: usize| b"1234567890".iter().copied().cycle().take(length).collect::<Vec<_>>();
        assert_eq!(code("HmacSHA1", &secret(20), 8, counter).as_deref(), Some("07081804"));
        assert_eq!(code("HmacSHA256", &secret(32), 8, counter).as_deref(), Some("68084774"));
        assert_eq!(code("HmacSHA512", &secret(64), 8, counter).as_deref(), Some("25091201"));
    }

    #[test]
    fn unknown_algorithms_and_lengths_have_no_code() {
        assert_eq!(code("HmacMD5", b"x", 6, 0), None);
        assert_eq!(code("HmacSHA1", b"x", 3, 0), None);
    }

    /// RFC 4648 §10.
    #[test]
    fn base32_text_reads_with_and_without_padding() {
        assert_eq!(base32(b"MZXW6YQ=").as_deref(), Some(&b"foob"[..]));
        assert_eq!(base32(b"MZXW6YQ").as_deref(), Some(&b"foob"[..]));
        assert_eq!(base32(b"1"), None);
    }
}
