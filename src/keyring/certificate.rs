//! The self-signed certificates that stand beside RSA keys: what Keycloak makes, so that `x5c`, `x5t` and `x5t#S256` of an
//! imported realm and of ours look alike. Nobody checks them; the key is what counts.

use openssl::asn1::{Asn1Integer, Asn1Time, Asn1TimeRef};
use openssl::bn::BigNum;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Builder, X509NameBuilder};
use time::OffsetDateTime;

use crate::base::clock::Timestamp;

/// Validity begins this many seconds in the past, for verifiers whose clock is behind.
const BACKDATED_SECONDS: i64 = 100;
const VALID_YEARS: i32 = 10;
/// RFC 5280 appendix A: the longest common name.
const MAX_COMMON_NAME: usize = 64;

/// A version 1 certificate in DER: subject and issuer `CN=<realm name>`, serial number the time in milliseconds, SHA-256 with RSA.
pub(super) fn self_signed(key: &PKey<Private>, realm_name: &str, now: Timestamp) -> Result<Vec<u8>, ErrorStack> {
    self_signed_for(key, realm_name, now, VALID_YEARS)
}

/// The same for whatever `subject` and number of years.
pub(super) fn self_signed_for(key: &PKey<Private>, subject: &str, now: Timestamp, years: i32) -> Result<Vec<u8>, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_text("CN", common_name(subject))?;
    let name = name.build();
    let mut certificate = X509Builder::new()?;
    certificate.set_serial_number(&*Asn1Integer::from_bn(&*BigNum::from_dec_str(&now.millis().max(1).to_string())?)?)?;
    certificate.set_subject_name(&name)?;
    certificate.set_issuer_name(&name)?;
    certificate.set_not_before(&*Asn1Time::from_unix(now.seconds() - BACKDATED_SECONDS)?)?;
    certificate.set_not_after(&*Asn1Time::from_unix(years_after(now, years))?)?;
    certificate.set_pubkey(key)?;
    certificate.sign(key, MessageDigest::sha256())?;
    certificate.build().to_der()
}

/// When a certificate (DER) ends.
///
/// # Errors
/// It is no certificate.
pub fn valid_to(certificate: &[u8]) -> Result<Timestamp, ErrorStack> {
    moment(X509::from_der(certificate)?.not_after())
}

/// When a certificate (DER) began.
pub(super) fn valid_from(certificate: &[u8]) -> Result<Timestamp, ErrorStack> {
    moment(X509::from_der(certificate)?.not_before())
}

fn moment(time: &Asn1TimeRef) -> Result<Timestamp, ErrorStack> {
    let since_epoch = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(Timestamp::from_seconds(i64::from(since_epoch.days) * 86_400 + i64::from(since_epoch.secs)))
}

/// The same day and second some calendar years later; 29 February becomes 1 March where there is none.
fn years_after(now: Timestamp, years: i32) -> i64 {
    let later = OffsetDateTime::from_unix_timestamp(now.seconds()).ok().and_then(|today| {
        let year = today.year() + years;
        today.replace_year(year).or_else(|_| (today + time::Duration::DAY).replace_year(year)).ok()
    });
    later.map_or(i64::from(u32::MAX), OffsetDateTime::unix_timestamp)
}

/// OpenSSL refuses an empty and a longer name; a realm may have either.
fn common_name(realm_name: &str) -> &str {
    let end = realm_name
        .char_indices()
        .map(|(start, c)| start + c.len_utf8())
        .take_while(|end| *end <= MAX_COMMON_NAME)
        .last();
    end.map_or("realm", |end| &realm_name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(realm_name: &str, now: i64) -> X509 {
        let key = PKey::ec_gen("prime256v1").unwrap();
        X509::from_der(&self_signed(&key, realm_name, Timestamp::from_seconds(now)).unwrap()).unwrap()
    }

    /// The figures are those of a certificate that a real Keycloak made (tests/fixtures/keycloak-export): made at 01:33:07,
    /// valid from 01:31:27 for ten calendar years, version 1, serial number the time in milliseconds.
    #[test]
    fn a_certificate_looks_like_keycloaks() {
        let fixture: serde_json::Value = serde_json::from_str(include_str!("../../tests/fixtures/keycloak-export/keys.json")).unwrap();
        let theirs = super::super::provider::parse_certificate(fixture["jwks"]["keys"][0]["x5c"][0].as_str().unwrap()).unwrap();
        let theirs = X509::from_der(&theirs).unwrap();
        let made = 1_795_311_187;
        let ours = certificate("migration", made);
        assert_eq!(theirs.not_before(), ours.not_before());
        assert_eq!(theirs.not_after(), ours.not_after());
        assert_eq!(theirs.version(), ours.version());
        assert_eq!(theirs.subject_name().to_der().unwrap(), ours.subject_name().to_der().unwrap());
        let serial = |certificate: &X509| certificate.serial_number().to_bn().unwrap().to_dec_str().unwrap().parse::<i64>().unwrap() / 1000;
        assert_eq!(serial(&theirs), made);
        assert_eq!(serial(&ours), made);
        assert!(ours.verify(&ours.public_key().unwrap()).unwrap());
    }

    #[test]
    fn the_end_of_validity_reads_back() {
        let leap_day = 1_709_164_800; // 2024-02-29, and 2034 has none
        let der = certificate("r", leap_day).to_der().unwrap();
        assert_eq!(valid_to(&der).unwrap(), Timestamp::from_seconds(2_024_784_000)); // 2034-03-01
    }

    #[test]
    fn any_realm_name_has_a_certificate() {
        for name in ["", "ä", &"x".repeat(300), &"ä".repeat(64), "a/b, CN=c"] {
            certificate(name, 1_700_000_000);
        }
    }
}
