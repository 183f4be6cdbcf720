//! `CredentialRepresentation`: secrets and parameters stand in two texts that are JSON themselves.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::base::password_hash::PasswordHash;
use crate::base::secret::Secret;
use crate::manage::users::NewOtp;
use crate::model::credential::{Credential, CredentialKind};

/// A credential as Keycloak's JSON has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CredentialRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `password`, `password-history`, `otp`, …
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_label: Option<String>,
    /// Milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_date: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_data: Option<Secret<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// A password in clear, only as input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Secret<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temporary: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federation_link: Option<String>,
    /// The flat form of Keycloak 8 and older, only as input.
    #[serde(skip_serializing)]
    pub hashed_salted_value: Option<Secret<String>>,
    #[serde(skip_serializing)]
    pub salt: Option<Secret<String>>,
    #[serde(skip_serializing)]
    pub hash_iterations: Option<u32>,
    #[serde(skip_serializing)]
    pub algorithm: Option<String>,
    #[serde(skip_serializing)]
    pub digits: Option<u32>,
    #[serde(skip_serializing)]
    pub counter: Option<u64>,
    #[serde(skip_serializing)]
    pub period: Option<u32>,
    #[serde(skip_serializing)]
    pub device: Option<String>,
    #[serde(skip_serializing)]
    pub config: Option<Value>,
}

/// What a representation asks for.
#[derive(Clone, Debug)]
pub enum GivenCredential {
    /// To be hashed.
    Password {
        value: Secret<String>,
        temporary: bool,
    },
    /// Hashed elsewhere; verified in that form and rehashed at the next sign-in.
    Hash {
        hash: PasswordHash,
        temporary: bool,
    },
    FormerHash(PasswordHash),
    Otp(NewOtp),
    /// Of a type that is not kept here, or without what its type needs.
    Unknown(String),
}

impl CredentialRepresentation {
    /// What an administrator may see: no secrets.
    pub fn without_secrets(credential: &Credential) -> Self {
        Self {
            id: Some(credential.id.to_string()),
            kind: Some(kind(credential).to_owned()),
            user_label: credential.user_label.clone(),
            created_date: Some(credential.created.0),
            credential_data: Some(credential_data(&credential.kind)),
            ..Self::default()
        }
    }

    /// All of it, for an export. `opened` is what the credential keeps sealed: the seed of a one-time-password generator, the
    /// `secretData` of a kept one.
    pub fn complete(credential: &Credential, opened: Option<&Secret<String>>) -> Self {
        let secret_data = match &credential.kind {
            CredentialKind::Password { hash } | CredentialKind::PasswordHistory { hash } => Some(hash.secret_data()),
            CredentialKind::Otp { .. } => opened.map(|seed| Secret::new(json!({ "value": seed.expose() }).to_string())),
            CredentialKind::Kept { .. } => opened.cloned(),
        };
        Self { secret_data, ..Self::without_secrets(credential) }
    }

    /// What a user is to get.
    pub fn given(&self) -> GivenCredential {
        let kind = self.kind.as_deref().unwrap_or(PASSWORD);
        let temporary = self.temporary.unwrap_or(false);
        let hash = || match (&self.secret_data, &self.credential_data, &self.hashed_salted_value, &self.salt) {
            (Some(secret), Some(data), ..) => PasswordHash::from_representation(secret.expose(), data),
            (_, _, Some(value), Some(salt)) => Some(PasswordHash {
                algorithm: self.algorithm.clone().unwrap_or_else(|| "pbkdf2".to_owned()),
                hash_iterations: self.hash_iterations.unwrap_or(1),
                additional_parameters: std::collections::BTreeMap::new(),
                value: value.clone(),
                salt: salt.clone(),
                given_data: None,
            }),
            _ => None,
        };
        match (kind, &self.value) {
            (PASSWORD, Some(value)) => GivenCredential::Password { value: value.clone(), temporary },
            (PASSWORD, None) => match hash() {
                Some(hash) => GivenCredential::Hash { hash, temporary },
                None => GivenCredential::Unknown(kind.to_owned()),
            },
            (PASSWORD_HISTORY, _) => match hash() {
                Some(hash) => GivenCredential::FormerHash(hash),
                None => GivenCredential::Unknown(kind.to_owned()),
            },
            (OTP | "totp" | "hotp", _) => match self.otp() {
                Some(otp) => GivenCredential::Otp(otp),
                None => GivenCredential::Unknown(kind.to_owned()),
            },
            _ => GivenCredential::Unknown(kind.to_owned()),
        }
    }

    fn otp(&self) -> Option<NewOtp> {
        let data: Value = serde_json::from_str(self.credential_data.as_deref().unwrap_or("{}")).ok()?;
        let secret = match (&self.secret_data, &self.hashed_salted_value) {
            (Some(secret), _) => {
                let secret: Value = serde_json::from_str(secret.expose()).ok()?;
                Secret::new(secret["value"].as_str()?.to_owned())
            }
            (None, Some(seed)) => seed.clone(),
            (None, None) => return None,
        };
        let number = |name: &str, flat: Option<u64>, default: u64| data[name].as_u64().or(flat).unwrap_or(default);
        let text = |name: &str, flat: Option<&str>, default: &str| data[name].as_str().or(flat).unwrap_or(default).to_owned();
        Some(NewOtp {
            user_label: self.user_label.clone(),
            secret,
            secret_encoding: data["secretEncoding"].as_str().map(str::to_owned),
            sub_type: text("subType", self.kind.as_deref().filter(|kind| *kind == "hotp"), "totp"),
            digits: u32::try_from(number("digits", self.digits.map(u64::from), 6)).ok()?,
            period: u32::try_from(number("period", self.period.map(u64::from), 30)).ok()?,
            counter: number("counter", self.counter, 0),
            algorithm: text("algorithm", self.algorithm.as_deref(), "HmacSHA1"),
        })
    }
}

const PASSWORD: &str = "password";
const PASSWORD_HISTORY: &str = "password-history";
const OTP: &str = "otp";

fn kind(credential: &Credential) -> &str {
    match &credential.kind {
        CredentialKind::Password { .. } => PASSWORD,
        CredentialKind::PasswordHistory { .. } => PASSWORD_HISTORY,
        CredentialKind::Otp { .. } => OTP,
        CredentialKind::Kept { of, .. } => of,
    }
}

fn credential_data(kind: &CredentialKind) -> String {
    match kind {
        CredentialKind::Password { hash } | CredentialKind::PasswordHistory { hash } => hash.credential_data(),
        CredentialKind::Otp { sub_type, digits, counter, period, algorithm, secret_encoding, .. } => {
            let mut data = json!({
                "subType": sub_type, "digits": digits, "counter": counter, "period": period, "algorithm": algorithm,
            });
            if let Some(encoding) = secret_encoding {
                data["secretEncoding"] = json!(encoding);
            }
            data.to_string()
        }
        CredentialKind::Kept { credential_data, .. } => credential_data.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;
    use crate::base::id::CredentialId;

    fn read(value: Value) -> GivenCredential {
        serde_json::from_value::<CredentialRepresentation>(value).unwrap().given()
    }

    #[test]
    fn a_password_comes_in_clear_or_hashed_in_two_forms() {
        assert!(matches!(read(json!({ "value": "x" })), GivenCredential::Password { temporary: false, .. }));
        assert!(matches!(
            read(json!({ "type": "password", "value": "x", "temporary": true })),
            GivenCredential::Password { temporary: true, .. }
        ));
        let hashed = json!({
            "type": "password", "secretData": "{\"value\":\"AAAA\",\"salt\":\"AAAA\"}",
            "credentialData": "{\"hashIterations\":27500,\"algorithm\":\"pbkdf2-sha256\"}",
        });
        assert!(matches!(read(hashed), GivenCredential::Hash { hash, .. } if hash.algorithm == "pbkdf2-sha256"));
        let old = json!({ "type": "password", "hashedSaltedValue": "AAAA", "salt": "AAAA", "hashIterations": 20000 });
        assert!(matches!(read(old), GivenCredential::Hash { hash, .. } if hash.hash_iterations == 20000));
        assert!(matches!(read(json!({ "type": "password" })), GivenCredential::Unknown(_)));
        assert!(matches!(read(json!({ "type": "webauthn", "secretData": "{}" })), GivenCredential::Unknown(kind) if kind == "webauthn"));
    }

    #[test]
    fn a_generator_reads_and_writes_back() {
        let data =
            "{\"subType\":\"hotp\",\"digits\":8,\"counter\":3,\"period\":0,\"algorithm\":\"HmacSHA256\",\"secretEncoding\":\"BASE32\"}";
        let given = read(json!({ "type": "otp", "secretData": "{\"value\":\"seed\"}", "credentialData": data }));
        let GivenCredential::Otp(otp) = given else { panic!("{given:?}") };
        assert_eq!((otp.secret.expose().as_str(), otp.digits, otp.counter), ("seed", 8, 3));
        let credential = Credential {
            id: CredentialId::from("c"),
            user_label: None,
            created: Timestamp(5),
            kind: CredentialKind::Otp {
                secret: "sealed".into(),
                secret_encoding: otp.secret_encoding,
                sub_type: otp.sub_type,
                digits: otp.digits,
                period: otp.period,
                counter: otp.counter,
                algorithm: otp.algorithm,
            },
        };
        let shown = serde_json::to_value(CredentialRepresentation::without_secrets(&credential)).unwrap();
        assert_eq!(shown, json!({ "id": "c", "type": "otp", "createdDate": 5, "credentialData": data }));
        let whole = CredentialRepresentation::complete(&credential, Some(&otp.secret));
        assert_eq!(whole.secret_data.unwrap().expose(), "{\"value\":\"seed\"}");
    }
}
