//! Key providers: components whose configuration holds a key, read as Keycloak writes them. Every provider has one key.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use josekit::jws::JwsSigner;
use openssl::pkey::{Id, PKey, Private, Public};
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, KeyType};
use super::confirmed::Confirmed;
use super::verifier::{Parts, Verifier};
use super::{KeyError, certificate, signer};
use crate::base::clock::Timestamp;
use crate::base::digest;
use crate::base::id::{ComponentId, RealmId};
use crate::base::seal::Sealer;
use crate::model::component::{Component, KEY_PROVIDER};

/// Configuration keys whose values are private: sealed at rest, never shown by the administration interface.
pub const SECRET_CONFIG: [&str; 5] = ["privateKey", "secret", "ecdsaPrivateKey", "ecdhPrivateKey", "eddsaPrivateKey"];

/// Whether a key may sign, only verify, or neither (`enabled` and `active` of its provider).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyStatus {
    Active,
    Passive,
    Disabled,
}

/// What a key is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyUse {
    Signature,
    Encryption,
}

/// One key of a realm.
pub struct Key {
    pub provider: ComponentId,
    /// Of the active keys of an algorithm the one with the highest priority signs.
    pub priority: i64,
    pub kid: String,
    pub status: KeyStatus,
    pub usage: KeyUse,
    pub key_type: KeyType,
    /// `RS256`, `RSA-OAEP`, `AES`, `ECDH-ES`, …
    pub algorithm: String,
    pub public_key: Option<PublicKey>,
    /// DER.
    pub certificate: Option<Vec<u8>>,
    /// What signs and verifies; encryption keys have none.
    pub(super) signing: Option<Signing>,
}

/// A public key in both forms that are asked for.
pub struct PublicKey {
    pub(super) key: PKey<Public>,
    /// SubjectPublicKeyInfo, DER.
    pub spki: Vec<u8>,
}

pub(super) struct Signing {
    pub algorithm: Algorithm,
    pub signer: Box<dyn JwsSigner>,
    pub verifier: Verifier,
    confirmed: Confirmed,
    /// The header of ordinary tokens (`typ` is `JWT`), already in base64url.
    pub jwt_header: String,
}

impl Key {
    /// When its certificate began: the age of a key that we made. `None` without one.
    pub fn valid_from(&self) -> Option<Timestamp> {
        certificate::valid_from(self.certificate.as_ref()?).ok()
    }

    /// When its certificate ends. `None` without one.
    pub fn valid_to(&self) -> Option<Timestamp> {
        certificate::valid_to(self.certificate.as_ref()?).ok()
    }
}

impl KeyUse {
    /// The JWK member `use` (RFC 7517 §4.2).
    pub const fn as_jwk_use(self) -> &'static str {
        match self {
            Self::Signature => "sig",
            Self::Encryption => "enc",
        }
    }
}

/// The key of a component, or `None` when it is not a key provider of a kind that we know.
pub(super) fn read(realm: &RealmId, component: &Component, sealer: &Sealer) -> Result<Option<Key>, KeyError> {
    if component.provider_type != KEY_PROVIDER {
        return Ok(None);
    }
    let source = Source { realm, component, sealer };
    let key = match component.provider_id.as_str() {
        "rsa-generated" | "rsa" if !source.says_encryption() => {
            source.asymmetric("privateKey", source.rsa_algorithm("RS256"), KeyUse::Signature)
        }
        "rsa-generated" | "rsa" | "rsa-enc-generated" | "rsa-enc" => {
            source.asymmetric("privateKey", source.rsa_algorithm("RSA-OAEP"), KeyUse::Encryption)
        }
        "ecdsa-generated" => source.asymmetric("ecdsaPrivateKey", source.ecdsa_algorithm(), KeyUse::Signature),
        "eddsa-generated" => source.asymmetric("eddsaPrivateKey", "EdDSA", KeyUse::Signature),
        "ecdh-generated" => source.asymmetric("ecdhPrivateKey", component.value("ecdhAlgorithm").unwrap_or("ECDH-ES"), KeyUse::Encryption),
        "hmac-generated" => source.secret(component.value("algorithm").unwrap_or("HS512"), KeyUse::Signature),
        "aes-generated" => source.secret("AES", KeyUse::Encryption),
        _ => return Ok(None),
    };
    key.map(Some).map_err(|reason| KeyError { component: component.name.clone(), reason: reason.to_owned() })
}

/// Keycloak's kid of an asymmetric key: the base64url SHA-256 of its SubjectPublicKeyInfo, not the thumbprint of RFC 7638.
pub(super) fn key_id(spki: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::sha256(spki))
}

/// Reads a private key in any form that Keycloak accepts: base64 of PKCS#1, SEC 1 or PKCS#8, with or without PEM armour.
pub(super) fn private_key(text: &str) -> Result<PKey<Private>, &'static str> {
    let text = text.trim();
    let key = if text.starts_with("-----") {
        // With a passphrase of our own OpenSSL never asks the terminal for one when the key is encrypted.
        PKey::private_key_from_pem_passphrase(text.as_bytes(), b"")
    } else {
        let base64: Zeroizing<String> = Zeroizing::new(text.split_ascii_whitespace().collect());
        let der = Zeroizing::new(STANDARD.decode(&*base64).map_err(|_| "the private key is neither PEM nor base64")?);
        PKey::private_key_from_der(&der)
    };
    key.map_err(|_| "the private key cannot be decoded")
}

/// The public half of a private key.
pub(super) fn public_half(key: &PKey<Private>) -> Result<PublicKey, &'static str> {
    let spki = key.public_key_to_der().map_err(|_| "the key has no public half")?;
    let key = PKey::public_key_from_der(&spki).map_err(|_| "the key has no public half")?;
    Ok(PublicKey { key, spki })
}

/// Reads a certificate: base64 DER as Keycloak stores it, or PEM. Keycloak keeps a whole chain as PEM; the first is the key's own.
pub(super) fn parse_certificate(text: &str) -> Result<Vec<u8>, &'static str> {
    let text = text.trim();
    let parsed = if text.starts_with("-----") {
        openssl::x509::X509::from_pem(text.as_bytes())
    } else {
        let base64: String = text.split_ascii_whitespace().collect();
        openssl::x509::X509::from_der(&STANDARD.decode(base64).map_err(|_| "the certificate is neither PEM nor base64")?)
    };
    parsed.and_then(|certificate| certificate.to_der()).map_err(|_| "the certificate cannot be decoded")
}

struct Source<'a> {
    realm: &'a RealmId,
    component: &'a Component,
    sealer: &'a Sealer,
}

impl<'a> Source<'a> {
    fn asymmetric(&self, private_key_name: &str, algorithm: &str, usage: KeyUse) -> Result<Key, &'static str> {
        let text = self.open(private_key_name)?;
        let private = private_key(&text)?;
        let public = public_half(&private)?;
        let kid = self.component.value("kid").filter(|kid| !kid.is_empty()).map_or_else(|| key_id(&public.spki), str::to_owned);
        let signing = if usage == KeyUse::Signature {
            let algorithm: Algorithm = algorithm.parse().map_err(|_| "the signature algorithm is unknown")?;
            let signer = signer::asymmetric(algorithm, &private)?;
            let verifier = Verifier::asymmetric(algorithm, &public.key)?;
            Some(Signing::new(algorithm, signer, verifier, &kid))
        } else {
            None
        };
        let key_type = match private.id() {
            Id::RSA => KeyType::Rsa,
            Id::EC => KeyType::Ec,
            Id::ED25519 | Id::ED448 => KeyType::Okp,
            _ => return Err("the private key is of an unsupported type"),
        };
        let certificate = self.component.value("certificate").filter(|text| !text.is_empty()).map(parse_certificate).transpose()?;
        Ok(Key { public_key: Some(public), certificate, signing, ..self.key(kid, usage, key_type, algorithm)? })
    }

    fn secret(&self, algorithm: &str, usage: KeyUse) -> Result<Key, &'static str> {
        let kid = self.component.value("kid").ok_or("it has no kid")?.to_owned();
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.decode(&*self.open("secret")?).map_err(|_| "the secret is not base64url")?);
        let signing = if usage == KeyUse::Signature {
            let algorithm: Algorithm = algorithm.parse().map_err(|_| "the signature algorithm is unknown")?;
            Some(Signing::new(algorithm, signer::hmac(algorithm, &secret)?, Verifier::hmac(algorithm, &secret)?, &kid))
        } else {
            None
        };
        Ok(Key { signing, ..self.key(kid, usage, KeyType::Oct, algorithm)? })
    }

    fn key(&self, kid: String, usage: KeyUse, key_type: KeyType, algorithm: &str) -> Result<Key, &'static str> {
        let priority = self.component.value("priority").filter(|text| !text.is_empty()).map_or(Ok(0), str::parse);
        let is = |name| self.component.value(name).is_none_or(|value| value.eq_ignore_ascii_case("true"));
        let status = match (is("enabled"), is("active")) {
            (false, _) => KeyStatus::Disabled,
            (true, false) => KeyStatus::Passive,
            (true, true) => KeyStatus::Active,
        };
        Ok(Key {
            provider: self.component.id.clone(),
            priority: priority.map_err(|_| "the priority is not a number")?,
            kid,
            status,
            usage,
            key_type,
            algorithm: algorithm.to_owned(),
            public_key: None,
            certificate: None,
            signing: None,
        })
    }

    /// A private configuration value, opened.
    fn open(&self, name: &str) -> Result<Zeroizing<String>, &'static str> {
        let sealed = self.component.value(name).ok_or("its private key is missing")?;
        let bytes = self.sealer.open(self.realm, &self.component.secret_identity(name), sealed);
        let bytes = bytes.map_err(|_| "its private key was sealed with another key or for another record")?;
        String::from_utf8(bytes.expose().clone()).map(Zeroizing::new).map_err(|_| "its private key is not text")
    }

    fn rsa_algorithm(&self, default: &'static str) -> &'a str {
        self.component.value("algorithm").filter(|text| !text.is_empty()).unwrap_or(default)
    }

    /// In older exports the providers `rsa` and `rsa-generated` serve both uses, told apart by `keyUse`.
    fn says_encryption(&self) -> bool {
        self.component.value("keyUse").is_some_and(|text| text.eq_ignore_ascii_case("enc"))
    }

    fn ecdsa_algorithm(&self) -> &'static str {
        match self.component.value("ecdsaEllipticCurveKey") {
            Some("P-384") => "ES384",
            Some("P-521") => "ES512",
            _ => "ES256",
        }
    }
}

impl Signing {
    fn new(algorithm: Algorithm, signer: Box<dyn JwsSigner>, verifier: Verifier, kid: &str) -> Self {
        Self { algorithm, signer, verifier, confirmed: Confirmed::default(), jwt_header: header(algorithm, "JWT", kid) }
    }

    /// Whether this key signed the token, now or when it was shown before. An HMAC costs no more than remembering it.
    pub fn confirms(&self, parts: &Parts<'_>) -> bool {
        let check = || parts.is_signed_by(&self.verifier);
        if self.algorithm.key_type() == KeyType::Oct {
            check()
        } else {
            self.confirmed.or_check(digest::sha256(parts.token.as_bytes()), check)
        }
    }

    pub fn header(&self, typ: &str, kid: &str) -> std::borrow::Cow<'_, str> {
        if typ == "JWT" { self.jwt_header.as_str().into() } else { header(self.algorithm, typ, kid).into() }
    }
}

/// The protected header in base64url, with the white space that Keycloak's own has.
fn header(algorithm: Algorithm, typ: &str, kid: &str) -> String {
    let quote = |text: &str| serde_json::Value::from(text).to_string();
    URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm}","typ" : {},"kid" : {}}}"#, quote(typ), quote(kid)))
}
