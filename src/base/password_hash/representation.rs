//! A password hash in Keycloak's representation: two JSON texts, `secretData` and `credentialData`, as exports and the
//! administration interface have them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PasswordHash;
use crate::base::secret::Secret;

/// The order in which Keycloak writes argon2's parameters; others follow by name.
const PARAMETER_ORDER: [&str; 5] = ["hashLength", "memory", "type", "version", "parallelism"];

/// The longest text that is kept beside what was read from it.
const MAX_GIVEN: usize = 4096;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SecretData {
    value: Secret<String>,
    salt: Secret<String>,
    #[serde(default)]
    additional_parameters: Parameters,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialData {
    hash_iterations: u32,
    algorithm: String,
    #[serde(default)]
    additional_parameters: Parameters,
}

type Parameters = serde_json::Map<String, serde_json::Value>;

impl PasswordHash {
    /// Reads a credential of type `password`. `None` when the texts are not JSON or lack a member; whether the algorithm is
    /// known shows at the first verification.
    pub fn from_representation(secret_data: &str, credential_data: &str) -> Option<Self> {
        let secret: SecretData = serde_json::from_str(secret_data).ok()?;
        let credential: CredentialData = serde_json::from_str(credential_data).ok()?;
        let parameters = credential.additional_parameters.into_iter();
        Some(Self {
            algorithm: credential.algorithm,
            hash_iterations: credential.hash_iterations,
            // Keycloak's multi-valued map with one value each.
            additional_parameters: parameters.filter_map(|(name, values)| Some((name, values.get(0)?.as_str()?.to_owned()))).collect(),
            value: secret.value,
            salt: secret.salt,
            given_data: Some(credential_data.to_owned()).filter(|text| text.len() <= MAX_GIVEN),
        })
    }

    /// The text of `credentialData`: everything but value and salt.
    pub fn credential_data(&self) -> String {
        if let Some(given) = &self.given_data {
            return given.clone();
        }
        let data = CredentialData {
            hash_iterations: self.hash_iterations,
            algorithm: self.algorithm.clone(),
            additional_parameters: in_keycloaks_order(&self.additional_parameters),
        };
        serde_json::to_string(&data).expect("strings and numbers serialise")
    }

    /// The text of `secretData`: value and salt.
    pub fn secret_data(&self) -> Secret<String> {
        let data = SecretData { value: self.value.clone(), salt: self.salt.clone(), additional_parameters: Parameters::new() };
        Secret::new(serde_json::to_string(&data).expect("strings serialise"))
    }
}

fn in_keycloaks_order(parameters: &BTreeMap<String, String>) -> Parameters {
    let known = PARAMETER_ORDER.iter().filter_map(|name| parameters.get_key_value(*name));
    let others = parameters.iter().filter(|(name, _)| !PARAMETER_ORDER.contains(&name.as_str()));
    known.chain(others).map(|(name, value)| (name.clone(), serde_json::json!([value]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_representation_reads_and_writes_back_as_keycloak_has_it() {
        let credential = r#"{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],"memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}"#;
        let secret = r#"{"value":"dmFsdWU=","salt":"c2FsdA==","additionalParameters":{}}"#;
        let hash = PasswordHash::from_representation(secret, credential).unwrap();
        assert_eq!(hash.additional_parameters["memory"], "7168");
        assert_eq!(hash.credential_data(), credential);
        assert_eq!(hash.secret_data().expose(), secret);
    }

    #[test]
    fn a_representation_without_parameters_reads_and_a_broken_one_does_not() {
        let short = r#"{"hashIterations": 27500, "algorithm": "pbkdf2-sha256"}"#;
        let secret = r#"{"value":"dmFsdWU=","salt":"c2FsdA=="}"#;
        assert!(PasswordHash::from_representation(secret, short).is_some());
        assert!(PasswordHash::from_representation("{}", short).is_none());
        assert!(PasswordHash::from_representation(secret, "not json").is_none());
        assert!(PasswordHash::from_representation(secret, r#"{"algorithm":"argon2","hashIterations":-1}"#).is_none());
    }
}
