//! Encryption of tokens for their clients (RFC 7516): a signed token, or plain claims, wrapped for a public key of the client.
//! Nothing is ever decrypted here; the algorithms are those that Keycloak offers.

#![allow(deprecated, reason = "RSA1_5 stands in Keycloak's list; only a client that asks for it gets it, and nothing is decrypted here")]

use std::fmt;
use std::str::FromStr;

use josekit::jwe::{
    self, ECDH_ES, ECDH_ES_A128KW, ECDH_ES_A192KW, ECDH_ES_A256KW, JweEncrypter, JweHeader, RSA_OAEP, RSA_OAEP_256, RSA1_5,
};
use josekit::jwk::Jwk;
use serde_json::{Map, Value};

use super::jwk_set::{self, InvalidJwkSet};

/// How the key of the content is brought to the reader (RFC 7518 §4.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyManagement {
    EcdhEs,
    EcdhEsA128Kw,
    EcdhEsA192Kw,
    EcdhEsA256Kw,
    RsaOaep,
    RsaOaep256,
    Rsa15,
}

/// How the content itself is encrypted (RFC 7518 §5.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ContentEncryption {
    A128CbcHs256,
    A128Gcm,
    A192CbcHs384,
    A192Gcm,
    A256CbcHs512,
    A256Gcm,
}

/// What a client wants for one kind of answer: `…encrypted.response.alg` and `…enc`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Encryption {
    pub key: KeyManagement,
    pub content: ContentEncryption,
}

/// A name that is no algorithm of ours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown encryption algorithm")]
pub struct UnknownEncryption;

/// The public keys of a client that something can be encrypted for.
pub struct EncryptionKeys(Vec<EncryptionKey>);

/// Why nothing was encrypted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEncrypted {
    #[error("the client has no key for {0}")]
    NoKey(KeyManagement),
    #[error("the key of the client does not work: {0}")]
    Failed(String),
}

/// One key, reduced to what it consists of.
struct EncryptionKey {
    kid: Option<String>,
    /// The only algorithm that the key is for, if it says so.
    algorithm: Option<KeyManagement>,
    /// `use` is `enc`; others say nothing.
    dedicated: bool,
    elliptic: bool,
    jwk: Jwk,
}

impl EncryptionKeys {
    /// Reads a JWK set. Keys for signatures, of other types and malformed ones are left out (RFC 7517 §5).
    ///
    /// # Errors
    /// When it is no set or too large.
    pub fn parse(document: &[u8]) -> Result<Self, InvalidJwkSet> {
        Ok(Self(jwk_set::members(document)?.iter().filter_map(Value::as_object).filter_map(EncryptionKey::parse).collect()))
    }

    /// Whether one of the keys is for this algorithm.
    pub fn serve(&self, wanted: KeyManagement) -> bool {
        self.0.iter().any(|key| key.serves(wanted))
    }

    /// `payload` as a compact JWE. `content_type` is `JWT` for a token inside a token (RFC 7519 §5.2), `JSON` for plain claims.
    ///
    /// # Errors
    /// None of the keys is for this algorithm, or a library refuses.
    pub fn encrypt(&self, how: Encryption, content_type: &str, payload: &[u8]) -> Result<String, NotEncrypted> {
        let mut keys: Vec<&EncryptionKey> = self.0.iter().filter(|key| key.serves(how.key)).collect();
        keys.sort_by_key(|key| !key.dedicated);
        let key = keys.first().ok_or(NotEncrypted::NoKey(how.key))?;
        let failed = |error: josekit::JoseError| NotEncrypted::Failed(error.to_string());
        let encrypter = key.encrypter(how.key).map_err(failed)?;
        // Keycloak's order of members.
        let mut header = JweHeader::new();
        header.set_algorithm(how.key.as_str());
        header.set_content_encryption(how.content.as_str());
        header.set_content_type(content_type);
        if let Some(kid) = &key.kid {
            header.set_key_id(kid);
        }
        jwe::serialize_compact(payload, &header, &*encrypter).map_err(failed)
    }
}

impl EncryptionKey {
    fn parse(members: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        // RFC 7517 §4.2, §4.3: a key that says what else it is for does not encrypt.
        if members.contains_key("use") && text("use") != Some("enc") {
            return None;
        }
        if let Some(operations) = members.get("key_ops") {
            let encrypts = |operation: &Value| matches!(operation.as_str(), Some("encrypt" | "wrapKey" | "deriveKey" | "deriveBits"));
            operations.as_array()?.iter().find(|operation| encrypts(operation))?;
        }
        let algorithm = match members.get("alg") {
            Some(name) => Some(name.as_str()?.parse::<KeyManagement>().ok()?),
            None => None,
        };
        let kind = text("kty")?;
        let parts: &[&str] = match kind {
            "RSA" => &["n", "e"],
            "EC" => &["crv", "x", "y"],
            "OKP" => &["crv", "x"],
            _ => return None,
        };
        // A point that is not on its curve would give the agreed secret away (RFC 8725 §3.4).
        if kind == "EC" {
            jwk_set::ec(text("crv")?, text("x")?, text("y")?)?;
        }
        let mut jwk = Jwk::new(kind);
        for part in parts {
            jwk.set_parameter(part, Some(Value::from(text(part)?))).ok()?;
        }
        Some(Self { kid: text("kid").map(str::to_owned), algorithm, dedicated: text("use").is_some(), elliptic: kind != "RSA", jwk })
    }

    fn serves(&self, wanted: KeyManagement) -> bool {
        self.algorithm.is_none_or(|own| own == wanted) && self.elliptic == wanted.is_elliptic()
    }

    fn encrypter(&self, wanted: KeyManagement) -> Result<Box<dyn JweEncrypter>, josekit::JoseError> {
        let jwk = &self.jwk;
        Ok(match wanted {
            KeyManagement::EcdhEs => Box::new(ECDH_ES.encrypter_from_jwk(jwk)?),
            KeyManagement::EcdhEsA128Kw => Box::new(ECDH_ES_A128KW.encrypter_from_jwk(jwk)?),
            KeyManagement::EcdhEsA192Kw => Box::new(ECDH_ES_A192KW.encrypter_from_jwk(jwk)?),
            KeyManagement::EcdhEsA256Kw => Box::new(ECDH_ES_A256KW.encrypter_from_jwk(jwk)?),
            KeyManagement::RsaOaep => Box::new(RSA_OAEP.encrypter_from_jwk(jwk)?),
            KeyManagement::RsaOaep256 => Box::new(RSA_OAEP_256.encrypter_from_jwk(jwk)?),
            KeyManagement::Rsa15 => Box::new(RSA1_5.encrypter_from_jwk(jwk)?),
        })
    }
}

impl Encryption {
    /// From the two attributes of a client. `None` when the first is not set or not known; without the second it is
    /// `A128CBC-HS256` (OpenID Connect Registration §2).
    pub fn configured(algorithm: Option<&str>, content: Option<&str>) -> Option<Self> {
        let key = algorithm?.parse().ok()?;
        Some(Self { key, content: content.and_then(|name| name.parse().ok()).unwrap_or(ContentEncryption::A128CbcHs256) })
    }
}

impl KeyManagement {
    /// In the order of Keycloak's discovery document.
    pub const ALL: [Self; 7] =
        [Self::EcdhEs, Self::EcdhEsA128Kw, Self::EcdhEsA192Kw, Self::EcdhEsA256Kw, Self::RsaOaep, Self::RsaOaep256, Self::Rsa15];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA128Kw => "ECDH-ES+A128KW",
            Self::EcdhEsA192Kw => "ECDH-ES+A192KW",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::Rsa15 => "RSA1_5",
        }
    }

    const fn is_elliptic(self) -> bool {
        !matches!(self, Self::RsaOaep | Self::RsaOaep256 | Self::Rsa15)
    }
}

impl ContentEncryption {
    /// In the order of Keycloak's discovery document.
    pub const ALL: [Self; 6] = [Self::A128CbcHs256, Self::A128Gcm, Self::A192CbcHs384, Self::A192Gcm, Self::A256CbcHs512, Self::A256Gcm];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A128Gcm => "A128GCM",
            Self::A192CbcHs384 => "A192CBC-HS384",
            Self::A192Gcm => "A192GCM",
            Self::A256CbcHs512 => "A256CBC-HS512",
            Self::A256Gcm => "A256GCM",
        }
    }
}

impl FromStr for KeyManagement {
    type Err = UnknownEncryption;

    fn from_str(name: &str) -> Result<Self, UnknownEncryption> {
        Self::ALL.into_iter().find(|known| known.as_str() == name).ok_or(UnknownEncryption)
    }
}

impl FromStr for ContentEncryption {
    type Err = UnknownEncryption;

    fn from_str(name: &str) -> Result<Self, UnknownEncryption> {
        Self::ALL.into_iter().find(|known| known.as_str() == name).ok_or(UnknownEncryption)
    }
}

impl fmt::Display for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use josekit::jwe::JweDecrypter;
    use josekit::jwk::KeyPair as _;
    use josekit::jwk::alg::ec::{EcCurve, EcKeyPair};
    use josekit::jwk::alg::ecx::{EcxCurve, EcxKeyPair};
    use josekit::jwk::alg::rsa::RsaKeyPair;
    use serde_json::json;

    use super::*;

    fn keys(jwks: &[&Jwk]) -> EncryptionKeys {
        let all: Vec<&Map<String, Value>> = jwks.iter().map(AsRef::as_ref).collect();
        EncryptionKeys::parse(json!({ "keys": all }).to_string().as_bytes()).unwrap()
    }

    fn decrypter(how: KeyManagement, private: &Jwk) -> Box<dyn JweDecrypter> {
        match how {
            KeyManagement::EcdhEs => Box::new(ECDH_ES.decrypter_from_jwk(private).unwrap()),
            KeyManagement::EcdhEsA128Kw => Box::new(ECDH_ES_A128KW.decrypter_from_jwk(private).unwrap()),
            KeyManagement::EcdhEsA192Kw => Box::new(ECDH_ES_A192KW.decrypter_from_jwk(private).unwrap()),
            KeyManagement::EcdhEsA256Kw => Box::new(ECDH_ES_A256KW.decrypter_from_jwk(private).unwrap()),
            KeyManagement::RsaOaep => Box::new(RSA_OAEP.decrypter_from_jwk(private).unwrap()),
            KeyManagement::RsaOaep256 => Box::new(RSA_OAEP_256.decrypter_from_jwk(private).unwrap()),
            KeyManagement::Rsa15 => Box::new(RSA1_5.decrypter_from_jwk(private).unwrap()),
        }
    }

    #[test]
    fn whoever_has_the_private_key_reads_what_every_pair_of_algorithms_wrote() {
        let rsa = RsaKeyPair::generate(2048).unwrap();
        let p256 = EcKeyPair::generate(EcCurve::P256).unwrap();
        let p521 = EcKeyPair::generate(EcCurve::P521).unwrap();
        let x25519 = EcxKeyPair::generate(EcxCurve::X25519).unwrap();
        for how in KeyManagement::ALL {
            let pairs = if how.is_elliptic() {
                vec![
                    (p256.to_jwk_public_key(), p256.to_jwk_private_key()),
                    (p521.to_jwk_public_key(), p521.to_jwk_private_key()),
                    (x25519.to_jwk_public_key(), x25519.to_jwk_private_key()),
                ]
            } else {
                vec![(rsa.to_jwk_public_key(), rsa.to_jwk_private_key())]
            };
            for (public, private) in pairs {
                for content in ContentEncryption::ALL {
                    let token = keys(&[&public]).encrypt(Encryption { key: how, content }, "JWT", b"a.b.c").unwrap();
                    let (payload, header) = jwe::deserialize_compact(&token, &*decrypter(how, &private)).unwrap();
                    assert_eq!(payload, b"a.b.c");
                    assert_eq!((header.algorithm(), header.content_encryption()), (Some(how.as_str()), Some(content.as_str())));
                }
            }
        }
    }

    #[test]
    fn the_header_has_keycloaks_members_in_its_order() {
        let mut public = RsaKeyPair::generate(2048).unwrap().to_jwk_public_key();
        public.set_key_id("k1");
        let how = Encryption { key: KeyManagement::RsaOaep, content: ContentEncryption::A256Gcm };
        let token = keys(&[&public]).encrypt(how, "JWT", b"x").unwrap();
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        assert_eq!(header, br#"{"alg":"RSA-OAEP","enc":"A256GCM","cty":"JWT","kid":"k1"}"#);
    }

    #[test]
    fn a_key_is_used_only_for_what_it_is_for() {
        let how = Encryption { key: KeyManagement::RsaOaep, content: ContentEncryption::A128Gcm };
        let public = |key_use: Option<&str>, algorithm: Option<&str>, kid: &str| {
            let mut public = RsaKeyPair::generate(2048).unwrap().to_jwk_public_key();
            public.set_key_id(kid);
            public.set_parameter("use", key_use.map(Value::from)).unwrap();
            public.set_parameter("alg", algorithm.map(Value::from)).unwrap();
            public
        };
        for (key_use, algorithm) in [(Some("sig"), None), (None, Some("RSA-OAEP-256")), (Some("enc"), Some("RS256"))] {
            let refused = keys(&[&public(key_use, algorithm, "k")]).encrypt(how, "JWT", b"x");
            assert_eq!(refused, Err(NotEncrypted::NoKey(KeyManagement::RsaOaep)), "{key_use:?} {algorithm:?}");
        }
        let token = keys(&[&public(None, None, "any"), &public(Some("enc"), None, "enc")]).encrypt(how, "JWT", b"x").unwrap();
        assert_eq!(josekit::jwt::decode_header(&token).unwrap().claim("kid"), Some(&json!("enc")));
        let elliptic = EcKeyPair::generate(EcCurve::P256).unwrap().to_jwk_public_key();
        assert_eq!(keys(&[&elliptic]).encrypt(how, "JWT", b"x"), Err(NotEncrypted::NoKey(KeyManagement::RsaOaep)));
        let small = RsaKeyPair::generate(1024).unwrap().to_jwk_public_key();
        assert!(matches!(keys(&[&small]).encrypt(how, "JWT", b"x"), Err(NotEncrypted::Failed(_))));
    }

    #[test]
    fn a_point_beside_its_curve_is_no_key() {
        let mut public = EcKeyPair::generate(EcCurve::P256).unwrap().to_jwk_public_key();
        public.set_parameter("y", public.parameter("x").cloned()).unwrap();
        let how = Encryption { key: KeyManagement::EcdhEs, content: ContentEncryption::A128Gcm };
        assert_eq!(keys(&[&public]).encrypt(how, "JWT", b"x"), Err(NotEncrypted::NoKey(KeyManagement::EcdhEs)));
    }

    #[test]
    fn every_name_reads_back_and_the_content_has_a_default() {
        for how in KeyManagement::ALL {
            assert_eq!(how.as_str().parse(), Ok(how));
        }
        for content in ContentEncryption::ALL {
            assert_eq!(content.as_str().parse(), Ok(content));
        }
        assert_eq!(
            Encryption::configured(Some("RSA-OAEP"), None),
            Some(Encryption { key: KeyManagement::RsaOaep, content: ContentEncryption::A128CbcHs256 })
        );
        for name in [None, Some(""), Some("dir"), Some("A128KW")] {
            assert_eq!(Encryption::configured(name, Some("A128GCM")), None);
        }
    }
}
