//! JWK sets of others (RFC 7517): of clients that sign their assertions, of identity providers that we trust. A key verifies
//! with the algorithms that its own members allow, whatever the token says.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Rsa;
use openssl::x509::X509;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, KeyType};
use super::verifier::{Parts, Verifier};
use super::{InvalidToken, VerifiedToken, provider};

/// More keys or bytes than any honest set has.
const MAX_KEYS: usize = 100;
const MAX_BYTES: usize = 256 * 1024;

/// The signature keys of somebody else.
pub struct JwkSet {
    keys: Vec<ForeignKey>,
}

/// A text that is no JWK set, or one that cannot be relied on.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct InvalidJwkSet(&'static str);

impl InvalidJwkSet {
    pub const fn reason(&self) -> &'static str {
        self.0
    }
}

struct ForeignKey {
    kid: Option<String>,
    /// The only algorithm that the key is for, if it says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

enum Material {
    Public(PKey<Public>),
    Secret(Zeroizing<Vec<u8>>),
}

impl JwkSet {
    /// Reads a JWK set. Keys of unknown types, for other uses and malformed ones are left out (RFC 7517 §5).
    ///
    /// # Errors
    /// When it is no set, too large, mixes secrets with public keys, or has two keys with one `kid`: then nobody can say which
    /// key a token means.
    pub fn parse(document: &[u8]) -> Result<Self, InvalidJwkSet> {
        let keys = members(document)?;
        let jwks: Vec<_> = keys.iter().filter_map(Value::as_object).collect();
        // Unusable keys count here: what one side leaves out, another may take.
        let mut kids: Vec<_> = jwks.iter().filter(|jwk| text(jwk, "use") != Some("enc")).filter_map(|jwk| text(jwk, "kid")).collect();
        kids.sort_unstable();
        if kids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(InvalidJwkSet("the JWK set has two keys with one kid"));
        }
        let keys: Vec<_> = jwks.into_iter().filter_map(ForeignKey::parse).collect();
        let secrets = keys.iter().filter(|key| matches!(key.material, Material::Secret(_))).count();
        if secrets != 0 && secrets != keys.len() {
            return Err(InvalidJwkSet("the JWK set mixes secrets with public keys"));
        }
        Ok(Self { keys })
    }

    /// The set of one key, from a certificate (PEM or base64 DER). The key's `kid` is Keycloak's: the digest of the key.
    ///
    /// # Errors
    /// The text is no certificate of a key that verifies signatures.
    pub fn of_certificate(text: &str) -> Result<Self, InvalidJwkSet> {
        let der = provider::parse_certificate(text).map_err(InvalidJwkSet)?;
        let key = X509::from_der(&der).and_then(|certificate| certificate.public_key());
        Self::of_key(key.map_err(|_| InvalidJwkSet("the certificate has no usable key"))?)
    }

    /// The set of one key, from its SubjectPublicKeyInfo (PEM or base64 DER).
    ///
    /// # Errors
    /// The text is no public key that verifies signatures.
    pub fn of_public_key(text: &str) -> Result<Self, InvalidJwkSet> {
        let key = if text.trim_start().starts_with("-----") {
            PKey::public_key_from_pem(text.as_bytes()).ok()
        } else {
            let base64: String = text.split_ascii_whitespace().collect();
            STANDARD.decode(base64).ok().and_then(|der| PKey::public_key_from_der(&der).ok())
        };
        Self::of_key(key.ok_or(InvalidJwkSet("the public key cannot be decoded"))?)
    }

    fn of_key(key: PKey<Public>) -> Result<Self, InvalidJwkSet> {
        let spki = key.public_key_to_der().map_err(|_| InvalidJwkSet("the public key cannot be encoded"))?;
        Ok(Self { keys: vec![ForeignKey { kid: Some(provider::key_id(&spki)), algorithm: None, material: Material::Public(key) }] })
    }

    /// Whether a key of the set is meant by this `kid` (without one: any) and for this algorithm.
    pub fn has_key(&self, kid: Option<&str>, algorithm: Algorithm) -> bool {
        let named = |key: &&ForeignKey| kid.is_none() || kid == key.kid.as_deref();
        self.keys.iter().filter(named).any(|key| key.verifier(algorithm).is_some())
    }

    /// Verifies a compact JWS with the key that its `kid` names (without one: any key), if its algorithm is among `allowed` and
    /// the key is for it. Keys in the token's own header are never looked at.
    ///
    /// # Errors
    /// [`InvalidToken`].
    pub fn verify(&self, token: &str, allowed: &[Algorithm]) -> Result<VerifiedToken, InvalidToken> {
        self.checked(token, allowed)?.believed()
    }

    fn checked<'a>(&self, token: &'a str, allowed: &[Algorithm]) -> Result<Parts<'a>, InvalidToken> {
        let parts = Parts::parse(token)?;
        if !allowed.contains(&parts.algorithm) {
            return Err(InvalidToken("the algorithm is not allowed here"));
        }
        let named = |key: &&ForeignKey| match parts.header.get("kid") {
            Some(kid) => kid.as_str() == key.kid.as_deref(),
            None => true,
        };
        let mut verifiers = self.keys.iter().filter(named).filter_map(|key| key.verifier(parts.algorithm));
        if verifiers.any(|verifier| parts.is_signed_by(&verifier)) {
            return Ok(parts);
        }
        Err(InvalidToken("no key of the set made this signature"))
    }
}

/// Members of a JWK that only its owner may know (RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2 has `d`, too).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A JWK set without what only the owner of its keys may know: private members are taken out, and secrets (`oct`) whole. `None` if the
/// document is none of bounded size.
pub fn public_part(document: &str) -> Option<String> {
    let keys = members(document.as_bytes()).ok()?;
    let is_public = |jwk: &Map<String, Value>| !PRIVATE_MEMBERS.iter().any(|member| jwk.contains_key(*member));
    if keys.iter().filter_map(Value::as_object).all(is_public) {
        return Some(document.trim().to_owned());
    }
    let mut set: Map<String, Value> = serde_json::from_str(document).ok()?;
    if let Some(Value::Array(keys)) = set.get_mut("keys") {
        keys.retain(|jwk| jwk.get("kty").is_none_or(|kty| kty != "oct"));
        for jwk in keys.iter_mut().filter_map(Value::as_object_mut) {
            for member in PRIVATE_MEMBERS {
                drop(jwk.shift_remove(member));
            }
        }
    }
    serde_json::to_string(&set).ok()
}

/// What stands under `keys` of a document of bounded size.
pub(super) fn members(document: &[u8]) -> Result<Vec<Value>, InvalidJwkSet> {
    if document.len() > MAX_BYTES {
        return Err(InvalidJwkSet("the JWK set is too large"));
    }
    let mut set: Map<String, Value> = serde_json::from_slice(document).map_err(|_| InvalidJwkSet("the JWK set is not a JSON object"))?;
    let Some(Value::Array(keys)) = set.remove("keys") else { return Err(InvalidJwkSet("the JWK set has no keys")) };
    if keys.len() > MAX_KEYS {
        return Err(InvalidJwkSet("the JWK set has too many keys"));
    }
    Ok(keys)
}

impl ForeignKey {
    fn parse(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| text(jwk, name);
        // RFC 7517 §4.2, §4.3: a key for something else does not verify.
        if jwk.contains_key("use") && text("use") != Some("sig") {
            return None;
        }
        if let Some(operations) = jwk.get("key_ops") {
            operations.as_array()?.iter().find(|operation| *operation == "verify")?;
        }
        let algorithm = match jwk.get("alg") {
            Some(name) => Some(name.as_str()?.parse::<Algorithm>().ok()?),
            None => None,
        };
        let (key_type, material) = match text("kty")? {
            "RSA" => (KeyType::Rsa, Material::Public(rsa(number(text("n")?)?, number(text("e")?)?)?)),
            "EC" => (KeyType::Ec, Material::Public(ec(text("crv")?, text("x")?, text("y")?)?)),
            "OKP" => (KeyType::Okp, Material::Public(okp(text("crv")?, text("x")?)?)),
            "oct" => (KeyType::Oct, Material::Secret(Zeroizing::new(URL_SAFE_NO_PAD.decode(text("k")?).ok()?))),
            _ => return None,
        };
        if algorithm.is_some_and(|algorithm| algorithm.key_type() != key_type) {
            return None;
        }
        Some(Self { kid: text("kid").map(str::to_owned), algorithm, material })
    }

    /// What checks signatures of `algorithm`. `None` if the key is not for it.
    fn verifier(&self, algorithm: Algorithm) -> Option<Verifier> {
        if self.algorithm.is_some_and(|own| own != algorithm) {
            return None;
        }
        match &self.material {
            Material::Public(key) => Verifier::asymmetric(algorithm, key).ok(),
            // RFC 7518 §3.2: a key of at least the digest's size.
            Material::Secret(secret) if secret.len() < digest_length(algorithm)? => None,
            Material::Secret(secret) => Verifier::hmac(algorithm, secret).ok(),
        }
    }
}

fn text<'a>(jwk: &'a Map<String, Value>, member: &str) -> Option<&'a str> {
    jwk.get(member).and_then(Value::as_str)
}

fn digest_length(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::Hs256 => Some(32),
        Algorithm::Hs384 => Some(48),
        Algorithm::Hs512 => Some(64),
        _ => None,
    }
}

fn number(base64url: &str) -> Option<BigNum> {
    BigNum::from_slice(&URL_SAFE_NO_PAD.decode(base64url).ok()?).ok()
}

fn rsa(n: BigNum, e: BigNum) -> Option<PKey<Public>> {
    PKey::from_rsa(Rsa::from_public_components(n, e).ok()?).ok()
}

/// A point is checked to be on its curve (RFC 8725 §3.4 names the attack).
pub(super) fn ec(curve: &str, x: &str, y: &str) -> Option<PKey<Public>> {
    let curve = match curve {
        "P-256" => Nid::X9_62_PRIME256V1,
        "P-384" => Nid::SECP384R1,
        "P-521" => Nid::SECP521R1,
        _ => return None,
    };
    let key = EcKey::from_public_key_affine_coordinates(&*EcGroup::from_curve_name(curve).ok()?, &*number(x)?, &*number(y)?).ok()?;
    key.check_key().ok()?;
    PKey::from_ec_key(key).ok()
}

fn okp(curve: &str, x: &str) -> Option<PKey<Public>> {
    let id = match curve {
        "Ed25519" => Id::ED25519,
        "Ed448" => Id::ED448,
        _ => return None,
    };
    PKey::public_key_from_raw_bytes(&URL_SAFE_NO_PAD.decode(x).ok()?, id).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_key_only_its_public_half_is_kept_and_of_a_secret_nothing() {
        let public = r#" {"keys":[{"kty":"EC","x":"a"}], "more": 1} "#;
        assert_eq!(public_part(public).as_deref(), Some(public.trim()));
        let private = r#"{"keys":[{"kty":"RSA","n":"n","d":"d","p":"p","q":"q","dp":"x","dq":"y","qi":"z","oth":[],"e":"AQAB"},{"kty":"oct","k":"s"},{"kty":"OKP","d":"d"}]}"#;
        assert_eq!(public_part(private).as_deref(), Some(r#"{"keys":[{"kty":"RSA","n":"n","e":"AQAB"},{"kty":"OKP"}]}"#));
        assert_eq!(public_part("{}"), None);
    }

    const SIGNATURES: &str = include_str!("../../tests/fixtures/wycheproof/json_web_signature_test.json");
    const KEYS: &str = include_str!("../../tests/fixtures/wycheproof/json_web_key_test.json");

    /// Vectors that we judge otherwise than the file does, with the reason.
    const STRICTER: [(u64, &str); 6] = [
        (346, "the key says PS256 and the token PS384: the algorithm belongs to the key"),
        (350, "the same"),
        (347, "the key says ES521, which is no algorithm"),
        (351, "the same"),
        (372, "a character outside of base64url stands in the header"),
        (373, "a character outside of base64url stands in the payload"),
    ];
    /// The file calls these invalid, but they are letter by letter the valid vector 357 (their padding got lost).
    const MISLABELLED: [u64; 2] = [367, 370];

    struct Vector {
        id: u64,
        token: String,
        valid: bool,
        accepted: bool,
    }

    fn judge(file: &str) -> Vec<Vector> {
        let file: Value = serde_json::from_str(file).unwrap();
        let mut vectors = Vec::new();
        for group in file["testGroups"].as_array().unwrap() {
            let key = if group["public"].is_null() { &group["private"] } else { &group["public"] };
            let set = if key["keys"].is_null() { json!({ "keys": [key] }) } else { key.clone() };
            let set = JwkSet::parse(set.to_string().as_bytes());
            for test in group["tests"].as_array().unwrap() {
                let token = test["jws"].as_str().map_or_else(|| test["jws"].to_string(), str::to_owned);
                vectors.push(Vector {
                    id: test["tcId"].as_u64().unwrap(),
                    valid: test["result"] == "valid",
                    accepted: set.as_ref().is_ok_and(|set| set.checked(&token, &Algorithm::ALL).is_ok()),
                    token,
                });
            }
        }
        vectors
    }

    #[test]
    fn every_wycheproof_signature_is_judged_as_it_should_be() {
        let vectors = judge(SIGNATURES);
        assert_eq!(vectors.len(), 401);
        let exceptions: BTreeMap<_, _> = STRICTER.into_iter().collect();
        let valid = &vectors.iter().find(|vector| vector.id == 357).unwrap().token;
        for vector in &vectors {
            let expected = if MISLABELLED.contains(&vector.id) {
                assert_eq!(vector.token, *valid);
                true
            } else {
                if exceptions.contains_key(&vector.id) {
                    assert!(vector.valid, "{} is stricter than the file", vector.id);
                }
                vector.valid && !exceptions.contains_key(&vector.id)
            };
            assert_eq!(vector.accepted, expected, "vector {}: {}", vector.id, vector.token);
        }
    }

    #[test]
    fn every_wycheproof_key_set_is_judged_as_it_should_be() {
        let vectors = judge(KEYS);
        assert_eq!(vectors.len(), 26);
        for vector in vectors {
            assert_eq!(vector.accepted, vector.valid, "vector {}", vector.id);
        }
    }

    #[test]
    fn only_the_allowed_algorithms_and_json_claims_are_accepted() {
        let secret = URL_SAFE_NO_PAD.encode([7; 32]);
        let set = JwkSet::parse(json!({ "keys": [{ "kty": "oct", "k": secret }] }).to_string().as_bytes()).unwrap();
        let signed = |payload: &str| {
            let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode(payload));
            let signature = super::super::signer::hmac(Algorithm::Hs256, &[7; 32]).unwrap().sign(message.as_bytes()).unwrap();
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
        };
        assert_eq!(set.verify(&signed(r#"{"sub":"x"}"#), &[Algorithm::Hs256]).unwrap().claims["sub"], "x");
        assert!(set.verify(&signed(r#"{"sub":"x"}"#), &[Algorithm::Rs256, Algorithm::Hs512]).is_err());
        assert!(set.verify(&signed("[]"), &[Algorithm::Hs256]).is_err());
        assert!(set.verify(&signed("foo"), &[Algorithm::Hs256]).is_err());
    }

    #[test]
    fn a_set_is_bounded() {
        assert!(JwkSet::parse(&vec![b' '; MAX_BYTES + 1]).is_err());
        assert!(JwkSet::parse(json!({ "keys": vec![json!({}); MAX_KEYS + 1] }).to_string().as_bytes()).is_err());
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, "null"] {
            assert!(JwkSet::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(JwkSet::parse(br#"{"keys":[1,null,{"kty":"future"}]}"#).unwrap().keys.is_empty());
    }
}
