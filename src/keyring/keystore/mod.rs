//! Keystores, as Java applications keep them: a key pair or a certificate under an alias, protected by passwords. Two formats:
//! PKCS #12 (RFC 7292) and Java's own JKS. What is written here is read by `keytool`, and the other way round.

mod jks;

use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::stack::Stack;
use openssl::x509::X509;

use crate::base::clock::Timestamp;
use crate::base::random::Random;
use crate::base::secret::Secret;

use super::client_keys::{CertifiedKey, text};
use super::provider;

/// The longest alias or password.
const MAX_NAME: usize = 255;

/// A format that is written and read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeystoreFormat {
    Jks,
    Pkcs12,
}

/// Passwords of a keystore: of the whole, and of a key in it. PKCS #12 has only the first.
pub struct Passwords<'a> {
    pub store: &'a Secret<String>,
    pub key: &'a Secret<String>,
}

/// What is written.
pub struct Contents<'a> {
    pub alias: &'a str,
    pub entry: &'a CertifiedKey,
    /// Certificates (DER) that the owner of the keystore is to trust, each under its alias.
    pub trusted: &'a [(String, Vec<u8>)],
}

/// Why there is no keystore, or nothing in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeystoreError {
    #[error("the keystore cannot be read: it is damaged, or the password is another one")]
    Unreadable,
    #[error("there is nothing under this alias")]
    NoEntry,
    #[error("an alias or a password is empty, too long, or has a character that keystores do not have")]
    Name,
    #[error("the key or the certificate cannot be encoded")]
    Encoding,
}

impl KeystoreFormat {
    /// By Keycloak's name, in any case of letters. `None` for what is not there, such as BCFKS.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "JKS" => Some(Self::Jks),
            "PKCS12" => Some(Self::Pkcs12),
            _ => None,
        }
    }

    /// The file of a keystore.
    ///
    /// # Errors
    /// A name that does not fit, a key or certificate that is none.
    pub fn write(
        self,
        contents: &Contents<'_>,
        passwords: &Passwords<'_>,
        random: &dyn Random,
        now: Timestamp,
    ) -> Result<Vec<u8>, KeystoreError> {
        let aliases = contents.trusted.iter().map(|(alias, _)| alias.as_str()).chain([contents.alias]);
        for name in aliases.chain([passwords.store.expose().as_str(), passwords.key.expose().as_str()]) {
            check_name(name)?;
        }
        match self {
            Self::Jks => jks::write(contents, passwords, random, now),
            Self::Pkcs12 => write_pkcs12(contents, passwords.store),
        }
    }

    /// What stands under `alias` in the file of a keystore.
    ///
    /// # Errors
    /// It cannot be read, or nothing stands there.
    pub fn read(self, file: &[u8], alias: &str, passwords: &Passwords<'_>) -> Result<CertifiedKey, KeystoreError> {
        match self {
            Self::Jks => jks::read(file, alias, passwords),
            Self::Pkcs12 => read_pkcs12(file, alias, passwords.store),
        }
    }
}

/// Java knows an alias by its lower case.
fn same_alias(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// JKS writes names in sixteen bits a character, PKCS #12 in C strings.
fn check_name(name: &str) -> Result<(), KeystoreError> {
    let fits = |c: char| c != '\0' && u32::from(c) <= 0xFFFF;
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(fits) {
        return Err(KeystoreError::Name);
    }
    Ok(())
}

fn write_pkcs12(contents: &Contents<'_>, password: &Secret<String>) -> Result<Vec<u8>, KeystoreError> {
    let key = contents.entry.private_key.as_ref().map(private_key).transpose()?;
    let certificate = X509::from_der(&contents.entry.certificate).map_err(|_| KeystoreError::Encoding)?;
    let build = || {
        let mut trusted = Stack::new()?;
        for (_, certificate) in contents.trusted {
            trusted.push(X509::from_der(certificate)?)?;
        }
        let mut builder = Pkcs12::builder();
        builder.name(contents.alias).cert(&certificate).ca(trusted);
        if let Some(key) = &key {
            builder.pkey(key);
        }
        builder.build2(password.expose())?.to_der()
    };
    build().map_err(|_: openssl::error::ErrorStack| KeystoreError::Encoding)
}

fn read_pkcs12(file: &[u8], alias: &str, password: &Secret<String>) -> Result<CertifiedKey, KeystoreError> {
    let parsed = Pkcs12::from_der(file).and_then(|keystore| keystore.parse2(password.expose()));
    let parsed = parsed.map_err(|_| KeystoreError::Unreadable)?;
    let certificates: Vec<X509> = parsed.cert.into_iter().chain(parsed.ca.into_iter().flatten()).collect();
    // What is alone in a keystore needs no name.
    let unnamed = certificates.len() == 1;
    let is_meant = |certificate: &X509| certificate.alias().map_or(unnamed, |name| same_alias(&String::from_utf8_lossy(name), alias));
    let certificate = certificates.into_iter().find(is_meant).ok_or(KeystoreError::NoEntry)?;
    let own = |key: &PKey<Private>| certificate.public_key().is_ok_and(|public| public.public_eq(key));
    let private_key = parsed.pkey.filter(own).map(|key| text(&key)).transpose().map_err(|_| KeystoreError::Encoding)?;
    Ok(CertifiedKey { private_key, certificate: certificate.to_der().map_err(|_| KeystoreError::Encoding)? })
}

fn private_key(text: &Secret<String>) -> Result<PKey<Private>, KeystoreError> {
    provider::private_key(text.expose()).map_err(|_| KeystoreError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn entry(name: &str) -> CertifiedKey {
        let key = PKey::ec_gen("prime256v1").unwrap();
        CertifiedKey {
            private_key: Some(text(&key).unwrap()),
            certificate: super::super::certificate::self_signed(&key, name, NOW).unwrap(),
        }
    }

    #[test]
    fn what_was_written_is_read_with_the_right_passwords_and_alias_only() {
        let (entry, trusted) = (entry("app"), vec![("realm".to_owned(), entry("realm").certificate)]);
        let (store, key, wrong) = (Secret::from("store-pass"), Secret::from("key-pass"), Secret::from("wrong"));
        let contents = Contents { alias: "App", entry: &entry, trusted: &trusted };
        let passwords = Passwords { store: &store, key: &key };
        for format in [KeystoreFormat::Jks, KeystoreFormat::Pkcs12] {
            let file = format.write(&contents, &passwords, &SeededRandom::new(1), NOW).unwrap();
            let read = format.read(&file, "app", &passwords).unwrap();
            assert_eq!(read.certificate, entry.certificate, "{format:?}");
            let (ours, theirs) = (private_key(entry.private_key.as_ref().unwrap()), private_key(read.private_key.as_ref().unwrap()));
            assert!(ours.unwrap().public_eq(&theirs.unwrap()), "{format:?}");
            assert_eq!(format.read(&file, "other", &passwords), Err(KeystoreError::NoEntry), "{format:?}");
            let denied = Passwords { store: &wrong, key: &key };
            assert_eq!(format.read(&file, "app", &denied), Err(KeystoreError::Unreadable), "{format:?}");
            let mut damaged = file.clone();
            let middle = damaged.len() / 2;
            damaged[middle] ^= 1;
            assert_eq!(format.read(&damaged, "app", &passwords), Err(KeystoreError::Unreadable), "{format:?}");
            for length in [0, 1, 4, 20, file.len() - 1] {
                assert_eq!(format.read(&file[..length], "app", &passwords), Err(KeystoreError::Unreadable), "{format:?} {length}");
            }
        }
        let file = KeystoreFormat::Jks.write(&contents, &passwords, &SeededRandom::new(1), NOW).unwrap();
        let denied = Passwords { store: &store, key: &wrong };
        assert_eq!(KeystoreFormat::Jks.read(&file, "app", &denied), Err(KeystoreError::Unreadable));
        assert_eq!(KeystoreFormat::Jks.read(&file, "realm", &passwords).map(|read| read.private_key), Ok(None));
    }

    /// Made by `keytool` of OpenJDK 17 (tests/fixtures/keystores/README.md).
    #[test]
    fn keystores_of_keytool_are_read() {
        let password = Secret::from("changeit");
        let key = Secret::from("keypass1");
        let jks = include_bytes!("../../../tests/fixtures/keystores/app.jks");
        let pkcs12 = include_bytes!("../../../tests/fixtures/keystores/app.p12");
        let read = KeystoreFormat::Jks.read(jks, "app", &Passwords { store: &password, key: &key }).unwrap();
        let other = KeystoreFormat::Pkcs12.read(pkcs12, "app", &Passwords { store: &password, key: &password }).unwrap();
        for read in [read, other] {
            let public = X509::from_der(&read.certificate).unwrap().public_key().unwrap();
            assert!(public.public_eq(&private_key(&read.private_key.unwrap()).unwrap()));
        }
    }

    #[test]
    fn a_name_that_no_keystore_has_is_refused() {
        let entry = entry("app");
        let password = Secret::from("p");
        for alias in ["", "a\0b", "\u{1F511}", &"x".repeat(256)] {
            let contents = Contents { alias, entry: &entry, trusted: &[] };
            let passwords = Passwords { store: &password, key: &password };
            assert_eq!(KeystoreFormat::Jks.write(&contents, &passwords, &SeededRandom::new(1), NOW), Err(KeystoreError::Name));
        }
        assert_eq!(KeystoreFormat::named("BCFKS"), None);
    }
}
