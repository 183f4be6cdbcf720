//! New keys: the key providers that every realm begins with, and the ones that an administrator or an import adds, completed
//! to the form in which Keycloak would have written them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use zeroize::Zeroizing;

use super::provider::{self, SECRET_CONFIG};
use super::rsa_key::{KeySource, RSA_BITS, new_rsa_key, rsa_key_pair};
use super::{Algorithm, KeyError, certificate};
use crate::base::env::Env;
use crate::base::id::{ComponentId, RealmId};
use crate::base::seal::{self, Sealer};
use crate::model::component::{Component, KEY_PROVIDER};

const RSA_SIGNATURE_ALGORITHMS: [&str; 6] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const RSA_ENCRYPTION_ALGORITHMS: [&str; 3] = ["RSA1_5", "RSA-OAEP", "RSA-OAEP-256"];
const HMAC_ALGORITHMS: [&str; 3] = ["HS256", "HS384", "HS512"];
const ECDH_ALGORITHMS: [&str; 4] = ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"];
/// Keycloak offers 1024 as well; RFC 7518 §3.3 forbids it, and aws-lc does not sign with such a key.
pub(super) const RSA_SIZES: [&str; 3] = ["2048", "3072", "4096"];
const CURVES: [&str; 3] = ["P-256", "P-384", "P-521"];
const EDWARDS_CURVES: [&str; 2] = ["Ed25519", "Ed448"];
const HMAC_SIZES: [&str; 7] = ["16", "24", "32", "64", "128", "256", "512"];
const AES_SIZES: [&str; 3] = ["16", "24", "32"];

/// The key providers of a new realm: `rsa-generated`, `rsa-enc-generated`, `hmac-generated-hs512`, `aes-generated`. The two RSA
/// keys are made in parallel.
///
/// # Errors
/// When a library refuses to make or encode a key.
pub fn default_providers(
    env: &Env,
    realm: &RealmId,
    realm_name: &str,
    sealer: &Sealer,
    source: KeySource,
) -> Result<Vec<Component>, KeyError> {
    let maker = KeyMaker { env, realm, realm_name, sealer };
    let mut signature = maker.component("rsa-generated", "rsa-generated", &[("priority", "100")]);
    let mut encryption = maker.component("rsa-enc-generated", "rsa-enc-generated", &[("priority", "100"), ("algorithm", "RSA-OAEP")]);
    let mut hmac = maker.component("hmac-generated-hs512", "hmac-generated", &[("priority", "100"), ("algorithm", "HS512")]);
    let mut aes = maker.component("aes-generated", "aes-generated", &[("priority", "100")]);
    for (component, key) in [&mut signature, &mut encryption].into_iter().zip(rsa_key_pair(env, realm_name, source)?) {
        maker.put_secret(component, "privateKey", key.expose());
    }
    let mut components = [&mut signature, &mut encryption, &mut hmac, &mut aes];
    components.iter_mut().try_for_each(|component| maker.complete(component))?;
    Ok(vec![signature, encryption, hmac, aes])
}

/// Makes and completes key providers of one realm.
#[derive(Clone, Copy)]
pub struct KeyMaker<'a> {
    pub env: &'a Env,
    pub realm: &'a RealmId,
    pub realm_name: &'a str,
    pub sealer: &'a Sealer,
}

impl KeyMaker<'_> {
    /// Completes a key provider that an administrator, an import or [`KeyMaker::component`] gives: checks the configuration,
    /// seals private values that stand in clear text, makes the key when there is none or when its size or curve was changed,
    /// and adds what follows from it (kid, public key, certificate). Afterwards the component is usable; doing it again changes
    /// nothing.
    ///
    /// # Errors
    /// The reason is the text that Keycloak answers as `errorMessage` where we know it.
    pub fn complete(&self, component: &mut Component) -> Result<(), KeyError> {
        self.try_complete(component).map_err(|reason| KeyError { component: component.name.clone(), reason })?;
        provider::read(self.realm, component, self.sealer).map(drop)
    }

    /// A provider with nothing but its configuration, for [`KeyMaker::complete`].
    pub fn component(&self, name: &str, provider_id: &str, config: &[(&str, &str)]) -> Component {
        Component {
            id: ComponentId::random(self.env.random()),
            name: name.to_owned(),
            provider_id: provider_id.to_owned(),
            provider_type: KEY_PROVIDER.to_owned(),
            sub_type: None,
            parent: None,
            config: config.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect(),
        }
    }

    /// The provider that Keycloak adds by itself when a client wants an algorithm for which the realm has no key: named
    /// `fallback-<algorithm>`, priority -100.
    ///
    /// # Errors
    /// When a library refuses to make a key.
    pub fn fallback_provider(&self, algorithm: Algorithm) -> Result<Component, KeyError> {
        let name = format!("fallback-{algorithm}");
        let (provider_id, key, value) = match algorithm {
            Algorithm::Es256 => ("ecdsa-generated", "ecdsaEllipticCurveKey", "P-256"),
            Algorithm::Es384 => ("ecdsa-generated", "ecdsaEllipticCurveKey", "P-384"),
            Algorithm::Es512 => ("ecdsa-generated", "ecdsaEllipticCurveKey", "P-521"),
            Algorithm::EdDsa => ("eddsa-generated", "eddsaEllipticCurveKey", "Ed25519"),
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => ("hmac-generated", "algorithm", algorithm.as_str()),
            _ => ("rsa-generated", "algorithm", algorithm.as_str()),
        };
        let mut component = self.component(&name, provider_id, &[("priority", "-100"), (key, value)]);
        self.complete(&mut component)?;
        Ok(component)
    }

    fn try_complete(&self, component: &mut Component) -> Result<(), String> {
        check_common(component)?;
        self.seal_clear_secrets(component);
        match component.provider_id.as_str() {
            "rsa-generated" => self.complete_rsa(component, &RSA_SIGNATURE_ALGORITHMS),
            "rsa-enc-generated" => self.complete_rsa(component, &RSA_ENCRYPTION_ALGORITHMS),
            "rsa" => self.complete_imported_rsa(component, &RSA_SIGNATURE_ALGORITHMS),
            "rsa-enc" => self.complete_imported_rsa(component, &RSA_ENCRYPTION_ALGORITHMS),
            "ecdsa-generated" => self.complete_ec(component, ["ecdsaPrivateKey", "ecdsaPublicKey", "ecdsaEllipticCurveKey"]),
            "ecdh-generated" => {
                choice(component, "ecdhAlgorithm", "Algorithm", &ECDH_ALGORITHMS)?;
                self.complete_ec(component, ["ecdhPrivateKey", "ecdhPublicKey", "ecdhEllipticCurveKey"])
            }
            "eddsa-generated" => self.complete_eddsa(component),
            "hmac-generated" => {
                choice(component, "algorithm", "Algorithm", &HMAC_ALGORITHMS)?;
                let size = choice(component, "secretSize", "Secret size", &HMAC_SIZES)?.unwrap_or("128");
                self.complete_secret(component, size)
            }
            "aes-generated" => {
                let size = choice(component, "secretSize", "Secret size", &AES_SIZES)?.unwrap_or("32");
                self.complete_secret(component, size)
            }
            _ => Err("Invalid provider type or no such provider".to_owned()),
        }
    }

    fn complete_rsa(&self, component: &mut Component, algorithms: &[&'static str]) -> Result<(), String> {
        choice(component, "algorithm", "Algorithm", algorithms)?;
        let wanted = choice(component, "keySize", "Key size", &RSA_SIZES)?.map(|size| size.parse().expect("the sizes are numbers"));
        let existing = self.existing_key(component, "privateKey")?;
        let fitting = existing.filter(|key| wanted.is_none_or(|wanted: u32| key.bits() == wanted));
        let key = if let Some(key) = fitting {
            key
        } else {
            let text = new_rsa_key(self.env.random(), wanted.unwrap_or(RSA_BITS)).map_err(|error| error.reason)?;
            self.put_secret(component, "privateKey", text.expose());
            component.config.remove("certificate");
            provider::private_key(text.expose())?
        };
        self.complete_certificate(component, &key)
    }

    fn complete_imported_rsa(&self, component: &mut Component, algorithms: &[&'static str]) -> Result<(), String> {
        choice(component, "algorithm", "Algorithm", algorithms)?;
        let missing = || "'Private RSA Key' is required".to_owned();
        let decoded = self.existing_key(component, "privateKey").map_err(|_| "Failed to decode private key".to_owned())?;
        let key = decoded.ok_or_else(missing)?;
        key.rsa().map_err(|_| "Failed to decode private key".to_owned())?;
        self.complete_certificate(component, &key)
    }

    /// Adds a self-signed certificate when there is none, and refuses one of another key.
    fn complete_certificate(&self, component: &mut Component, key: &PKey<Private>) -> Result<(), String> {
        let Some(text) = value(component, "certificate") else {
            let made = certificate::self_signed(key, self.realm_name, self.env.now());
            put(component, "certificate", STANDARD.encode(made.map_err(|_| "No certificate could be made".to_owned())?));
            return Ok(());
        };
        let der = provider::parse_certificate(text).map_err(|_| "Failed to decode certificate".to_owned())?;
        let public = X509::from_der(&der).and_then(|certificate| certificate.public_key());
        if public.is_ok_and(|public| public.public_eq(key)) {
            Ok(())
        } else {
            Err("The certificate does not belong to the private key".to_owned())
        }
    }

    fn complete_ec(&self, component: &mut Component, [private_name, public_name, curve_name]: [&str; 3]) -> Result<(), String> {
        let curve = match choice(component, curve_name, "Elliptic Curve", &CURVES)?.unwrap_or("P-256") {
            "P-384" => Nid::SECP384R1,
            "P-521" => Nid::SECP521R1,
            _ => Nid::X9_62_PRIME256V1,
        };
        let existing = self.existing_key(component, private_name)?;
        let on_curve = |key: &PKey<Private>| key.ec_key().is_ok_and(|key| key.group().curve_name() == Some(curve));
        let key = if let Some(key) = existing.filter(on_curve) {
            key
        } else {
            let key = EcGroup::from_curve_name(curve).and_then(|group| EcKey::generate(&group)).and_then(PKey::from_ec_key);
            let key = key.map_err(|_| "No EC key could be made".to_owned())?;
            component.config.remove("certificate");
            self.put_key_pair(component, &key, private_name, public_name)?;
            key
        };
        if value(component, "ecGenerateCertificate").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            self.complete_certificate(component, &key)?;
        }
        Ok(())
    }

    fn complete_eddsa(&self, component: &mut Component) -> Result<(), String> {
        let curve = choice(component, "eddsaEllipticCurveKey", "Elliptic Curve", &EDWARDS_CURVES)?.unwrap_or("Ed25519");
        let id = if curve == "Ed448" { openssl::pkey::Id::ED448 } else { openssl::pkey::Id::ED25519 };
        if self.existing_key(component, "eddsaPrivateKey")?.is_some_and(|key| key.id() == id) {
            return Ok(());
        }
        let key = if curve == "Ed448" { PKey::generate_ed448() } else { PKey::generate_ed25519() };
        let key = key.map_err(|_| "No EdDSA key could be made".to_owned())?;
        self.put_key_pair(component, &key, "eddsaPrivateKey", "eddsaPublicKey")
    }

    fn complete_secret(&self, component: &mut Component, size: &str) -> Result<(), String> {
        let size: usize = size.parse().expect("the sizes are numbers");
        let resized = value(component, "secretSize").is_some()
            && self.existing(component, "secret")?.is_some_and(|text| base64url_length(&text) != size);
        if value(component, "secret").is_none() || resized {
            let mut secret = Zeroizing::new(vec![0; size]);
            self.env.random().fill(&mut secret);
            self.put_secret(component, "secret", &Zeroizing::new(URL_SAFE_NO_PAD.encode(&*secret)));
            put(component, "kid", self.env.random().uuid().to_string());
        } else if value(component, "kid").is_none() {
            put(component, "kid", self.env.random().uuid().to_string());
        }
        Ok(())
    }

    fn put_key_pair(&self, component: &mut Component, key: &PKey<Private>, private_name: &str, public_name: &str) -> Result<(), String> {
        let failed = |_| "The key cannot be encoded".to_owned();
        let private = Zeroizing::new(key.private_key_to_pkcs8().map_err(failed)?);
        self.put_secret(component, private_name, &Zeroizing::new(STANDARD.encode(&*private)));
        put(component, public_name, STANDARD.encode(key.public_key_to_der().map_err(failed)?));
        Ok(())
    }

    fn existing_key(&self, component: &Component, name: &str) -> Result<Option<PKey<Private>>, String> {
        Ok(self.existing(component, name)?.map(|text| provider::private_key(&text)).transpose()?)
    }

    fn existing(&self, component: &Component, name: &str) -> Result<Option<Zeroizing<String>>, String> {
        let Some(sealed) = value(component, name) else { return Ok(None) };
        let opened = self.sealer.open(self.realm, &component.secret_identity(name), sealed).map_err(|error| error.to_string())?;
        String::from_utf8(opened.expose().clone())
            .map(|text| Some(Zeroizing::new(text)))
            .map_err(|_| "The key is not text".to_owned())
    }

    fn seal_clear_secrets(&self, component: &mut Component) {
        for name in SECRET_CONFIG {
            if let Some(clear) = value(component, name).filter(|text| !seal::is_sealed(text)) {
                let clear = Zeroizing::new(clear.to_owned());
                self.put_secret(component, name, &clear);
            }
        }
    }

    fn put_secret(&self, component: &mut Component, name: &str, text: &str) {
        let sealed = self.sealer.seal(self.env.random(), self.realm, &component.secret_identity(name), text.as_bytes());
        put(component, name, sealed);
    }
}

/// What every key provider has: `priority` (a number, 0 by default), `enabled` and `active` (true by default).
fn check_common(component: &Component) -> Result<(), String> {
    if value(component, "priority").is_some_and(|text| text.parse::<i64>().is_err()) {
        return Err("'Priority' should be a number".to_owned());
    }
    for (name, label) in [("enabled", "Enabled"), ("active", "Active")] {
        if value(component, name).is_some_and(|text| text != "true" && text != "false") {
            return Err(format!("'{label}' should be 'true' or 'false'"));
        }
    }
    Ok(())
}

/// The value of `name`, which must be one of `choices`. `None` when it is not set.
fn choice(component: &Component, name: &str, label: &str, choices: &[&'static str]) -> Result<Option<&'static str>, String> {
    let Some(text) = value(component, name) else { return Ok(None) };
    let found = choices.iter().find(|choice| **choice == text).copied();
    let (last, others) = choices.split_last().expect("there is a choice");
    found.map(Some).ok_or_else(|| format!("'{label}' should be {} or {last}", others.join(", ")))
}

/// The value of a configuration key; empty text counts as none, because forms send it.
fn value<'a>(component: &'a Component, name: &str) -> Option<&'a str> {
    component.value(name).filter(|text| !text.is_empty())
}

fn put(component: &mut Component, name: &str, value: String) {
    component.config.insert(name.to_owned(), vec![value]);
}

fn base64url_length(text: &str) -> usize {
    text.len() * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::super::rsa_key::fixed_rsa_keys;
    use super::*;
    use crate::base::clock::{SettableClock, Timestamp};
    use crate::base::random::SeededRandom;
    use crate::keyring::{KeyUse, Keyring};
    use std::sync::Arc;

    struct Realm {
        env: Env,
        id: RealmId,
        sealer: Sealer,
    }

    impl Realm {
        fn new() -> Self {
            let clock = Arc::new(SettableClock::at(Timestamp::from_seconds(1_700_000_000)));
            Self { env: Env { clock, random: Arc::new(SeededRandom::new(1)) }, id: RealmId::from("r"), sealer: Sealer::from_key([1; 32]) }
        }

        fn maker(&self) -> KeyMaker<'_> {
            KeyMaker { env: &self.env, realm: &self.id, realm_name: "r", sealer: &self.sealer }
        }

        fn completed(&self, provider_id: &str, config: &[(&str, &str)]) -> Result<Component, String> {
            let mut component = self.maker().component("test", provider_id, config);
            self.maker().complete(&mut component).map(|()| component).map_err(|error| error.reason)
        }

        fn kid(&self, component: &Component) -> String {
            Keyring::open(&self.id, std::slice::from_ref(component), &self.sealer).unwrap().keys()[0].kid.clone()
        }
    }

    #[test]
    fn a_new_realm_has_the_providers_of_keycloak() {
        let realm = Realm::new();
        for source in [KeySource::Fixed, KeySource::Fresh] {
            let components = default_providers(&realm.env, &realm.id, "r", &realm.sealer, source).unwrap();
            let names: Vec<_> = components.iter().map(|component| component.name.as_str()).collect();
            assert_eq!(names, ["rsa-generated", "rsa-enc-generated", "hmac-generated-hs512", "aes-generated"]);
            let keyring = Keyring::open(&realm.id, &components, &realm.sealer).unwrap();
            let mut keys: Vec<_> = keyring
                .keys()
                .iter()
                .map(|key| (key.algorithm.as_str(), key.usage == KeyUse::Signature, key.priority))
                .collect();
            keys.sort_unstable();
            assert_eq!(keys, [("AES", false, 100), ("HS512", true, 100), ("RS256", true, 100), ("RSA-OAEP", false, 100)]);
            let private = components
                .iter()
                .flat_map(|component| component.config.iter())
                .filter(|(name, _)| SECRET_CONFIG.contains(&name.as_str()));
            assert!(private.map(|(_, values)| &values[0]).all(|value| seal::is_sealed(value)));
        }
    }

    #[test]
    fn every_provider_completes_itself_once() {
        let realm = Realm::new();
        let cases: [(&str, &[(&str, &str)], &str); 11] = [
            ("ecdsa-generated", &[], "ES256"),
            ("ecdsa-generated", &[("ecdsaEllipticCurveKey", "P-384")], "ES384"),
            ("ecdsa-generated", &[("ecdsaEllipticCurveKey", "P-521"), ("ecGenerateCertificate", "true")], "ES512"),
            ("ecdh-generated", &[], "ECDH-ES"),
            ("ecdh-generated", &[("ecdhAlgorithm", "ECDH-ES+A256KW"), ("ecdhEllipticCurveKey", "P-384")], "ECDH-ES+A256KW"),
            ("eddsa-generated", &[], "EdDSA"),
            ("eddsa-generated", &[("eddsaEllipticCurveKey", "Ed448")], "EdDSA"),
            ("hmac-generated", &[], "HS512"),
            ("hmac-generated", &[("algorithm", "HS256"), ("secretSize", "16")], "HS256"),
            ("aes-generated", &[("secretSize", "24"), ("priority", "")], "AES"),
            ("rsa-generated", &[("algorithm", "PS384")], "PS384"),
        ];
        for (provider_id, config, algorithm) in cases {
            let component = realm.completed(provider_id, config).unwrap();
            let keyring = Keyring::open(&realm.id, std::slice::from_ref(&component), &realm.sealer).unwrap();
            let key = &keyring.keys()[0];
            assert_eq!(key.algorithm, algorithm);
            if key.usage == KeyUse::Signature {
                let token = keyring.sign(algorithm.parse().unwrap(), "JWT", b"{}").unwrap();
                assert!(keyring.verify(&token).is_ok(), "{provider_id} {config:?}");
            }
            assert_eq!(key.certificate.is_some(), provider_id == "rsa-generated" || config.contains(&("ecGenerateCertificate", "true")));
            let mut again = component.clone();
            realm.maker().complete(&mut again).unwrap();
            assert_eq!(again, component, "completing twice changes nothing");
        }
    }

    #[test]
    fn another_size_or_curve_makes_another_key() {
        let realm = Realm::new();
        let cases = [
            ("ecdsa-generated", "ecdsaEllipticCurveKey", "P-384"),
            ("eddsa-generated", "eddsaEllipticCurveKey", "Ed448"),
            ("hmac-generated", "secretSize", "64"),
            ("aes-generated", "secretSize", "16"),
        ];
        for (provider_id, name, value) in cases {
            let mut component = realm.completed(provider_id, &[]).unwrap();
            let before = realm.kid(&component);
            put(&mut component, name, value.to_owned());
            realm.maker().complete(&mut component).unwrap();
            assert_ne!(realm.kid(&component), before, "{provider_id}");
        }
    }

    #[test]
    fn an_older_rsa_provider_may_be_for_encryption() {
        let realm = Realm::new();
        let key = fixed_rsa_keys("r")[0].expose().clone();
        let component = realm.completed("rsa-generated", &[("privateKey", &key), ("keyUse", "ENC")]).unwrap();
        let keyring = Keyring::open(&realm.id, &[component], &realm.sealer).unwrap();
        assert_eq!((keyring.keys()[0].algorithm.as_str(), keyring.keys()[0].usage), ("RSA-OAEP", KeyUse::Encryption));
        assert_eq!(keyring.sign(Algorithm::Rs256, "JWT", b"{}"), None);
    }

    #[test]
    fn an_imported_key_is_read_in_every_form() {
        let realm = Realm::new();
        let pkcs1 = fixed_rsa_keys("r")[0].expose().clone();
        let key = provider::private_key(&pkcs1).unwrap();
        let pem = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let forms = [
            pkcs1.clone(),
            STANDARD.encode(key.private_key_to_pkcs8().unwrap()),
            pem(key.private_key_to_pem_pkcs8().unwrap()),
            pem(key.rsa().unwrap().private_key_to_pem().unwrap()),
        ];
        let kids: Vec<_> = forms.iter().map(|form| realm.kid(&realm.completed("rsa", &[("privateKey", form)]).unwrap())).collect();
        assert!(kids.iter().all(|kid| *kid == kids[0]), "{kids:?}");
    }

    /// The component and the JWK are those of tests/fixtures/credentials/vectors.json, which Keycloak's forms were checked with.
    #[test]
    fn the_vectors_component_has_the_expected_jwk() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../tests/fixtures/credentials/vectors.json")).unwrap();
        let row = &vectors["rsaKeyComponent"];
        let realm = Realm::new();
        let mut component = realm.maker().component("rsa-generated", "rsa-generated", &[]);
        component.config = serde_json::from_value(row["component"]["config"].clone()).unwrap();
        realm.maker().complete(&mut component).unwrap();
        let keyring = Keyring::open(&realm.id, &[component], &realm.sealer).unwrap();
        let jwks: serde_json::Value = serde_json::from_slice(keyring.jwks()).unwrap();
        assert_eq!(jwks["keys"][0], row["expectedJwk"]);
    }

    /// The texts of the live recording `admin-scopes-idps-components.json`.
    #[test]
    fn a_bad_configuration_is_refused_in_keycloaks_words() {
        let realm = Realm::new();
        let other = fixed_rsa_keys("a")[1].expose().clone();
        let own = fixed_rsa_keys("a")[0].expose().clone();
        let certificate = realm.completed("rsa", &[("privateKey", &own)]).unwrap().value("certificate").unwrap().to_owned();
        let cases: [(&str, &[(&str, &str)], &str); 12] = [
            ("ecdsa-generated", &[("ecdsaEllipticCurveKey", "P-1")], "'Elliptic Curve' should be P-256, P-384 or P-521"),
            ("ecdsa-generated", &[("priority", "x")], "'Priority' should be a number"),
            ("rsa", &[("privateKey", "garbage")], "Failed to decode private key"),
            ("rsa", &[], "'Private RSA Key' is required"),
            ("rsa-enc", &[], "'Private RSA Key' is required"),
            ("rsa", &[("privateKey", &other), ("certificate", &certificate)], "The certificate does not belong to the private key"),
            ("rsa", &[("privateKey", &own), ("certificate", "garbage")], "Failed to decode certificate"),
            ("rsa-generated", &[("keySize", "1024")], "'Key size' should be 2048, 3072 or 4096"),
            ("rsa-generated", &[("algorithm", "HS256")], "'Algorithm' should be RS256, RS384, RS512, PS256, PS384 or PS512"),
            ("hmac-generated", &[("algorithm", "none")], "'Algorithm' should be HS256, HS384 or HS512"),
            ("aes-generated", &[("enabled", "yes")], "'Enabled' should be 'true' or 'false'"),
            ("nope", &[], "Invalid provider type or no such provider"),
        ];
        for (provider_id, config, expected) in cases {
            assert_eq!(realm.completed(provider_id, config).unwrap_err(), expected, "{provider_id}");
        }
    }

    #[test]
    fn a_weak_or_foreign_private_key_is_refused() {
        let realm = Realm::new();
        let weak = PKey::from_rsa(openssl::rsa::Rsa::generate(1024).unwrap()).unwrap();
        let ec = PKey::ec_gen("prime256v1").unwrap();
        for key in [weak, ec] {
            let text = STANDARD.encode(key.private_key_to_pkcs8().unwrap());
            assert!(realm.completed("rsa", &[("privateKey", &text)]).is_err());
        }
        // Encrypted PEM is refused, and OpenSSL does not wait at the terminal for its passphrase.
        let good = provider::private_key(fixed_rsa_keys("r")[0].expose()).unwrap();
        let pem = good.private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_256_cbc(), b"secret").unwrap();
        let refused = realm.completed("rsa", &[("privateKey", std::str::from_utf8(&pem).unwrap())]).unwrap_err();
        assert_eq!(refused, "Failed to decode private key");
    }

    #[test]
    fn a_fallback_provider_signs_only_when_nothing_else_does() {
        let realm = Realm::new();
        let fallback = realm.maker().fallback_provider(Algorithm::Es256).unwrap();
        assert_eq!((fallback.name.as_str(), fallback.value("priority")), ("fallback-ES256", Some("-100")));
        let own = realm.completed("ecdsa-generated", &[]).unwrap();
        let alone = Keyring::open(&realm.id, std::slice::from_ref(&fallback), &realm.sealer).unwrap();
        let both = Keyring::open(&realm.id, &[fallback.clone(), own.clone()], &realm.sealer).unwrap();
        assert_eq!(alone.signing_kid(Algorithm::Es256), Some(realm.kid(&fallback).as_str()));
        assert_eq!(both.signing_kid(Algorithm::Es256), Some(realm.kid(&own).as_str()));
    }
}
