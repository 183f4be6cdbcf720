//! The keys of a realm: which one signs, which ones verify, how they are published.
//!
//! A key comes from a key provider ([`provider`]), a component whose configuration is that of Keycloak. [`Keyring::open`]
//! parses all of them once; after that signing and verifying touch no configuration.

mod algorithm;
pub mod certificate;
pub mod client_keys;
mod confirmed;
pub mod generate;
mod jwe;
mod jwk_set;
mod jwks;
pub mod keystore;
pub mod provider;
mod rsa_key;
mod signer;
mod verifier;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::base::id::RealmId;
use crate::base::seal::Sealer;
use crate::model::component::Component;

pub use algorithm::{Algorithm, KeyType};
pub use generate::{KeyMaker, default_providers};
pub use jwe::{ContentEncryption, Encryption, EncryptionKeys, KeyManagement, NotEncrypted};
pub use jwk_set::{InvalidJwkSet, JwkSet, public_part};
pub use provider::{Key, KeyStatus, KeyUse, SECRET_CONFIG};
pub use rsa_key::KeySource;
pub use verifier::{MAX_TOKEN_BYTES, Unverified};

/// Headers that carry or point to a key. Our tokens never have them, so whoever sends one wants us to use his own key
/// (RFC 8725 §3.10).
const EMBEDDED_KEYS: [&str; 4] = ["jwk", "jku", "x5u", "x5c"];

/// All keys of one realm, parsed once.
pub struct Keyring {
    /// Highest priority first.
    keys: Vec<Key>,
    jwks: Arc<[u8]>,
    public_key: Option<String>,
}

/// A component that cannot serve as a key.
#[derive(Debug, thiserror::Error)]
#[error("key provider {component}: {reason}")]
pub struct KeyError {
    pub component: String,
    pub reason: String,
}

/// A token whose signature holds. Nothing else was checked: not the time, not the issuer, not the type.
#[derive(Debug, Clone)]
pub struct VerifiedToken {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    pub algorithm: Algorithm,
}

/// A token that must not be believed, with the reason for the log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct InvalidToken(pub &'static str);

/// Verifies a compact JWS that somebody signed with a secret that he shares with us.
///
/// # Errors
/// [`InvalidToken`], also when its algorithm is no HMAC or not among `allowed`.
pub fn verify_with_secret(token: &str, secret: &[u8], allowed: &[Algorithm]) -> Result<VerifiedToken, InvalidToken> {
    let parts = verifier::Parts::parse(token)?;
    if !allowed.contains(&parts.algorithm) {
        return Err(InvalidToken("the algorithm is not allowed here"));
    }
    let verifier = verifier::Verifier::hmac(parts.algorithm, secret).map_err(InvalidToken)?;
    parts.verify(&verifier)
}

impl Keyring {
    /// Opens the key providers among `components`. Providers of kinds that we do not know are skipped.
    ///
    /// # Errors
    /// When a provider of a known kind has no usable key.
    pub fn open(realm: &RealmId, components: &[Component], sealer: &Sealer) -> Result<Self, KeyError> {
        let keys = components.iter().filter_map(|component| provider::read(realm, component, sealer).transpose());
        let mut keys = keys.collect::<Result<Vec<_>, _>>()?;
        keys.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.provider.cmp(&b.provider)));
        let jwks = jwks::serialise(keys.iter().filter(|key| key.status != KeyStatus::Disabled)).into();
        let mut keyring = Self { keys, jwks, public_key: None };
        keyring.public_key = keyring.active(Algorithm::Rs256).and_then(|(key, _)| Some(STANDARD.encode(&key.public_key.as_ref()?.spki)));
        Ok(keyring)
    }

    /// Signs `claims` (a JSON object, as bytes) with the active key of the highest priority for `algorithm`: a compact JWS
    /// with header `{"alg", "typ", "kid"}` in this order. `None` when the realm has no such key.
    pub fn sign(&self, algorithm: Algorithm, typ: &str, claims: &[u8]) -> Option<String> {
        let (key, signing) = self.active(algorithm)?;
        let header = signing.header(typ, &key.kid);
        let mut token = String::with_capacity(header.len() + (claims.len() + signing.signer.signature_len()).div_ceil(3) * 4 + 8);
        token.push_str(&header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = match signing.signer.sign(token.as_bytes()) {
            Ok(signature) => signature,
            Err(error) => {
                tracing::error!(kid = key.kid, %error, "a key failed to sign");
                return None;
            }
        };
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Some(token)
    }

    /// Verifies a compact JWS with the enabled key that its `kid` names (for a token without `kid`: any key of its `alg`).
    ///
    /// # Errors
    /// [`InvalidToken`] for whatever is not a token that one of these keys signed with its own algorithm.
    pub fn verify(&self, token: &str) -> Result<VerifiedToken, InvalidToken> {
        let parts = verifier::Parts::parse(token)?;
        if EMBEDDED_KEYS.iter().any(|name| parts.header.contains_key(*name)) {
            return Err(InvalidToken("the header brings a key of its own"));
        }
        let signing = self.keys.iter().filter(|key| key.status != KeyStatus::Disabled);
        let mut signing = signing.filter_map(|key| Some((key, key.signing.as_ref()?)));
        match parts.header.get("kid") {
            Some(kid) => {
                let named = signing.find(|(key, signing)| kid.as_str() == Some(&key.kid) && signing.algorithm == parts.algorithm);
                let (_, named) = named.ok_or(InvalidToken("no enabled key has this kid and algorithm"))?;
                if named.confirms(&parts) { parts.believed() } else { Err(InvalidToken("the signature does not match")) }
            }
            None if signing.any(|(_, signing)| signing.confirms(&parts)) => parts.believed(),
            None => Err(InvalidToken("the signature does not match")),
        }
    }

    /// The JWK set of all enabled public keys, serialised once: what `certs` answers.
    pub fn jwks(&self) -> &Arc<[u8]> {
        &self.jwks
    }

    /// The public key of the active RS256 key as base64 SPKI, for `GET /realms/{realm}`.
    pub fn public_key(&self) -> Option<&str> {
        self.public_key.as_deref()
    }

    /// The kid of the key that [`Keyring::sign`] uses for this algorithm.
    pub fn signing_kid(&self, algorithm: Algorithm) -> Option<&str> {
        self.active(algorithm).map(|(key, _)| key.kid.as_str())
    }

    /// All keys, highest priority first, for the administrator's list.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The certificate (DER) of the key that signs with `algorithm`.
    pub fn certificate(&self, algorithm: Algorithm) -> Option<&[u8]> {
        self.active(algorithm)?.0.certificate.as_deref()
    }

    fn active(&self, algorithm: Algorithm) -> Option<(&Key, &provider::Signing)> {
        let active = self.keys.iter().filter(|key| key.status == KeyStatus::Active);
        active
            .filter_map(|key| Some((key, key.signing.as_ref()?)))
            .find(|(_, signing)| signing.algorithm == algorithm)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::base::env::Env;

    /// A realm with a key for every algorithm, the default ones fixed.
    struct Realm {
        id: RealmId,
        sealer: Sealer,
        components: Vec<Component>,
    }

    impl Realm {
        fn new(name: &str) -> Self {
            let (env, id, sealer) = (Env::system(), RealmId::from(name), Sealer::from_key([1; 32]));
            let components = default_providers(&env, &id, name, &sealer, KeySource::Fixed).unwrap();
            Self { id, sealer, components }
        }

        fn with_every_algorithm() -> Self {
            let mut realm = Self::new("master");
            let rsa = realm.components[0].clone();
            for algorithm in Algorithm::ALL {
                let env = Env::system();
                let maker = KeyMaker { env: &env, realm: &realm.id, realm_name: "master", sealer: &realm.sealer };
                if algorithm.key_type() == KeyType::Rsa {
                    // The one fixed key serves all RSA algorithms: one kid, six algorithms.
                    let mut other = maker.component("rsa", "rsa", &[("algorithm", algorithm.as_str())]);
                    let text = realm.sealer.open(&realm.id, &rsa.secret_identity("privateKey"), rsa.value("privateKey").unwrap()).unwrap();
                    let text = String::from_utf8(text.expose().clone()).unwrap();
                    other.config.insert("privateKey".to_owned(), vec![text]);
                    maker.complete(&mut other).unwrap();
                    realm.components.push(other);
                } else {
                    realm.components.push(maker.fallback_provider(algorithm).unwrap());
                }
            }
            realm
        }

        fn open(&self) -> Keyring {
            Keyring::open(&self.id, &self.components, &self.sealer).unwrap()
        }
    }

    fn with_header(header: &Value, payload: &str, signature: &str) -> String {
        format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()))
    }

    #[test]
    fn what_a_key_of_any_algorithm_signs_verifies() {
        let keyring = Realm::with_every_algorithm().open();
        for algorithm in Algorithm::ALL {
            let token = keyring.sign(algorithm, "JWT", br#"{"sub":"x"}"#).unwrap();
            let verified = keyring.verify(&token).unwrap();
            assert_eq!(verified.algorithm, algorithm);
            assert_eq!(verified.claims["sub"], "x");
            assert_eq!(verified.header["kid"], keyring.signing_kid(algorithm).unwrap());
            assert_eq!(verified.header.keys().collect::<Vec<_>>(), ["alg", "typ", "kid"]);
        }
        assert_eq!(Realm::new("master").open().sign(Algorithm::Es256, "JWT", b"{}"), None);
    }

    /// An independent implementation (josekit on OpenSSL) believes our signatures.
    #[test]
    fn openssl_verifies_what_aws_lc_signs() {
        use josekit::jws::{ES256, ES384, ES512, EdDSA, JwsVerifier, PS256, PS384, PS512, RS256, RS384, RS512};
        let keyring = Realm::with_every_algorithm().open();
        for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.key_type() != KeyType::Oct) {
            let spki = &keyring.active(algorithm).unwrap().0.public_key.as_ref().unwrap().spki;
            let verifier: Box<dyn JwsVerifier> = match algorithm {
                Algorithm::Rs256 => Box::new(RS256.verifier_from_der(spki).unwrap()),
                Algorithm::Rs384 => Box::new(RS384.verifier_from_der(spki).unwrap()),
                Algorithm::Rs512 => Box::new(RS512.verifier_from_der(spki).unwrap()),
                Algorithm::Ps256 => Box::new(PS256.verifier_from_der(spki).unwrap()),
                Algorithm::Ps384 => Box::new(PS384.verifier_from_der(spki).unwrap()),
                Algorithm::Ps512 => Box::new(PS512.verifier_from_der(spki).unwrap()),
                Algorithm::Es256 => Box::new(ES256.verifier_from_der(spki).unwrap()),
                Algorithm::Es384 => Box::new(ES384.verifier_from_der(spki).unwrap()),
                Algorithm::Es512 => Box::new(ES512.verifier_from_der(spki).unwrap()),
                _ => Box::new(EdDSA.verifier_from_der(spki).unwrap()),
            };
            let token = keyring.sign(algorithm, "JWT", b"{}").unwrap();
            let (message, signature) = token.rsplit_once('.').unwrap();
            verifier.verify(message.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        }
    }

    #[test]
    fn the_jwk_set_is_one_that_a_verifier_can_use() {
        let keyring = Realm::with_every_algorithm().open();
        let jwks: Value = serde_json::from_slice(keyring.jwks()).unwrap();
        for jwk in jwks["keys"].as_array().unwrap().iter().filter(|jwk| jwk["use"] == "sig") {
            let algorithm: Algorithm = jwk["alg"].as_str().unwrap().parse().unwrap();
            let set = JwkSet::parse(serde_json::json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
            let token = keyring.sign(algorithm, "JWT", b"{}").unwrap();
            assert!(set.verify(&token, &Algorithm::ALL).is_ok(), "{algorithm}");
        }
        let published: BTreeSet<_> = jwks["keys"].as_array().unwrap().iter().map(|jwk| jwk["alg"].as_str().unwrap()).collect();
        let expected = ["ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "RSA-OAEP"];
        assert_eq!(published.into_iter().collect::<Vec<_>>(), expected);
        assert!(!jwks.to_string().contains("\"k\"") && !jwks.to_string().contains("\"d\""));
    }

    /// The members and their order are those of the live recording `public.json`, row "certs".
    #[test]
    fn the_jwk_set_of_a_new_realm_has_keycloaks_members() {
        let jwks: Value = serde_json::from_slice(Realm::with_every_algorithm().open().jwks()).unwrap();
        for jwk in jwks["keys"].as_array().unwrap() {
            let members: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
            let expected: &[&str] = match jwk["kty"].as_str().unwrap() {
                "RSA" => &["kid", "kty", "alg", "use", "x5c", "x5t", "x5t#S256", "n", "e"],
                "EC" => &["kid", "kty", "alg", "use", "crv", "x", "y"],
                _ => &["kid", "kty", "alg", "use", "crv", "x"],
            };
            assert_eq!(members, expected);
        }
    }

    #[test]
    fn the_realm_names_its_rs256_key() {
        assert!(Realm::new("master").open().public_key().unwrap().starts_with("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"));
    }

    /// RFC 8725 §2.1: the public key, in whatever encoding, as the secret of an HMAC.
    #[test]
    fn a_public_key_is_never_an_hmac_secret() {
        let keyring = Realm::new("master").open();
        let key = keyring.active(Algorithm::Rs256).unwrap().0;
        let public = key.public_key.as_ref().unwrap();
        let pem = public.key.public_key_to_pem().unwrap();
        let secrets = [public.spki.clone(), pem.clone(), pem.trim_ascii_end().to_vec(), keyring.public_key().unwrap().as_bytes().to_vec()];
        for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            for secret in &secrets {
                let header = URL_SAFE_NO_PAD.encode(serde_json::json!({ "alg": algorithm.as_str(), "kid": key.kid }).to_string());
                let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode("{}"));
                let signature = signer::hmac(algorithm, secret).unwrap().sign(message.as_bytes()).unwrap();
                assert!(keyring.verify(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))).is_err());
            }
        }
    }

    #[test]
    fn a_header_cannot_choose_the_algorithm_the_key_or_an_extension() {
        let keyring = Realm::with_every_algorithm().open();
        let token = keyring.sign(Algorithm::Rs256, "JWT", b"{}").unwrap();
        let [_, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let kid = keyring.signing_kid(Algorithm::Rs256).unwrap();
        let other = keyring.signing_kid(Algorithm::Es256).unwrap();
        let headers = [
            serde_json::json!({ "alg": "none", "kid": kid }),
            serde_json::json!({ "alg": "None", "kid": kid }),
            serde_json::json!({ "alg": "RS384", "kid": kid }),
            serde_json::json!({ "alg": "PS256", "kid": kid }),
            serde_json::json!({ "alg": "RS256", "kid": other }),
            serde_json::json!({ "alg": "RS256", "kid": "unknown" }),
            serde_json::json!({ "alg": "RS256", "kid": null }),
            serde_json::json!({ "alg": "RS256", "kid": [kid] }),
            serde_json::json!({ "kid": kid }),
            serde_json::json!({ "alg": ["RS256"], "kid": kid }),
            serde_json::json!([]),
        ];
        for header in headers {
            for signature in [signature, ""] {
                assert!(keyring.verify(&with_header(&header, payload, signature)).is_err(), "{header}");
            }
        }
        assert!(keyring.verify(&token).is_ok());
    }

    /// The signature is right in each of these: only the header is not to be believed.
    #[test]
    fn a_rightly_signed_token_with_a_dangerous_header_is_refused() {
        let keyring = Realm::new("master").open();
        let (key, signing) = keyring.active(Algorithm::Rs256).unwrap();
        let signed = |extra: &str| {
            let header = format!(r#"{{"alg":"RS256","kid":"{}"{extra}}}"#, key.kid);
            let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode("{}"));
            let signature = signing.signer.sign(message.as_bytes()).unwrap();
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
        };
        assert!(keyring.verify(&signed("")).is_ok());
        assert!(keyring.verify(&signed(r#","typ":"JWT""#)).is_ok());
        for extra in [
            r#","crit":["exp"]"#,
            r#","crit":[]"#,
            r#","crit":["b64"],"b64":false"#,
            r#","jwk":{"kty":"oct","k":"AA"}"#,
            r#","jku":"https://attacker.example/keys""#,
            r#","x5u":"https://attacker.example/cert""#,
            r#","x5c":["AA"]"#,
        ] {
            assert!(keyring.verify(&signed(extra)).is_err(), "{extra}");
        }
    }

    #[test]
    fn a_token_of_another_realm_or_of_nobody_is_refused() {
        let (ours, theirs) = (Realm::new("master").open(), Realm::new("other").open());
        for algorithm in [Algorithm::Rs256, Algorithm::Hs512] {
            let token = theirs.sign(algorithm, "JWT", b"{}").unwrap();
            assert!(theirs.verify(&token).is_ok());
            assert!(ours.verify(&token).is_err());
        }
        let long = format!("{}.{}.", "A".repeat(40_000), "A".repeat(40_000));
        for token in ["", ".", "..", "...", "a.b", "a.b.c.d", "e30.e30.", "e30.e30.e30", &long] {
            assert!(ours.verify(token).is_err());
        }
    }

    #[test]
    fn a_token_without_kid_verifies_with_any_enabled_key_of_its_algorithm() {
        let realm = Realm::new("master");
        let keyring = realm.open();
        let (_, signing) = keyring.active(Algorithm::Hs512).unwrap();
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS512"}"#), URL_SAFE_NO_PAD.encode("{}"));
        let signature = signing.signer.sign(message.as_bytes()).unwrap();
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
        assert!(keyring.verify(&token).is_ok());
        assert!(Realm::new("other").open().verify(&token).is_err());
    }

    #[test]
    fn a_sealed_key_opens_in_its_own_realm_and_component_only() {
        let realm = Realm::new("master");
        let error = |id: &str, components: &[Component]| {
            Keyring::open(&RealmId::from(id), components, &realm.sealer).err().map(|error| error.component)
        };
        assert_eq!(error("master", &realm.components), None);
        assert_eq!(error("other", &realm.components), Some("rsa-generated".to_owned()));
        let mut swapped = realm.components.clone();
        swapped[0].id = crate::base::id::ComponentId::from("another");
        assert_eq!(error("master", &swapped), Some("rsa-generated".to_owned()));
        let unknown = Component { provider_id: "java-keystore".to_owned(), ..realm.components[0].clone() };
        assert!(Keyring::open(&realm.id, &[unknown], &realm.sealer).unwrap().keys().is_empty());
    }

    #[test]
    fn a_key_shows_no_secret_when_it_is_printed() {
        let realm = Realm::new("master");
        let keyring = realm.open();
        let printed = format!("{:?}", keyring.active(Algorithm::Hs512).unwrap().1.signer);
        assert_eq!(printed, "Signer(HS512)");
    }

    proptest! {
        #[test]
        fn no_token_makes_the_verifier_panic(token in r"[A-Za-z0-9_.=\-]{0,200}") {
            thread_local!(static KEYRING: Keyring = Realm::new("master").open());
            prop_assert!(KEYRING.with(|keyring| keyring.verify(&token).is_err()));
        }

        #[test]
        fn one_changed_character_spoils_a_token(position in 0usize..10_000, replacement in "[A-Za-z0-9_-]") {
            thread_local!(static TOKEN: (Keyring, String) = {
                let keyring = Realm::new("master").open();
                let token = keyring.sign(Algorithm::Rs256, "JWT", br#"{"sub":"x","exp":1}"#).unwrap();
                (keyring, token)
            });
            TOKEN.with(|(keyring, token)| {
                let position = position % token.len();
                let mut changed = token.clone();
                changed.replace_range(position..=position, &replacement);
                prop_assert_eq!(keyring.verify(&changed).is_ok(), changed == *token);
                Ok(())
            })?;
        }
    }
}
