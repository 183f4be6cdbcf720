//! What a user proves himself with. Each kind keeps the facts of Keycloak's `secretData` and `credentialData`, so that an
//! export carries it over unchanged.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::id::CredentialId;
use crate::base::password_hash::PasswordHash;

/// All credentials of a user, in the order in which he prefers them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Credentials(pub Vec<Credential>);

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    pub id: CredentialId,
    pub user_label: Option<String>,
    #[serde(rename = "createdDate")]
    pub created: Timestamp,
    #[serde(flatten)]
    pub kind: CredentialKind,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "type")]
pub enum CredentialKind {
    Password {
        hash: PasswordHash,
    },
    /// A former password that a policy forbids to use again.
    PasswordHistory {
        hash: PasswordHash,
    },
    /// A generator of one-time passwords (RFC 4226, RFC 6238).
    Otp {
        /// The seed, sealed with [`Credential::secret_identity`].
        secret: String,
        /// `BASE32` for an imported seed; absent, the UTF-8 bytes of the seed's text are the HMAC key.
        secret_encoding: Option<String>,
        /// `totp` or `hotp`.
        sub_type: String,
        digits: u32,
        /// Seconds that a code lives (`totp`).
        period: u32,
        /// The next counter (`hotp`).
        counter: u64,
        /// `HmacSHA1`, `HmacSHA256`, `HmacSHA512`.
        algorithm: String,
    },
    /// Of a kind that nobody can sign in with here yet, such as a passkey or recovery codes: kept, so that an export gives it
    /// back.
    #[serde(rename = "kept")]
    Kept {
        /// Its `type` elsewhere: `webauthn`, `webauthn-passwordless`, `recovery-authn-codes`, …
        of: String,
        /// Sealed with [`Credential::secret_identity`].
        secret_data: String,
        credential_data: String,
    },
}

impl Credential {
    /// The identity under which the secret of this credential is sealed.
    pub fn secret_identity(&self) -> String {
        secret_identity(&self.id)
    }
}

/// The identity under which the secret of the credential `id` is sealed.
pub fn secret_identity(id: &CredentialId) -> String {
    format!("credential/{id}/secret")
}

impl Credentials {
    /// The hash of the password, if there is one.
    pub fn password(&self) -> Option<&PasswordHash> {
        self.0.iter().find_map(|credential| match &credential.kind {
            CredentialKind::Password { hash } => Some(hash),
            _ => None,
        })
    }

    /// Whether the user must present a one-time password where a flow asks for one only from users who have one.
    pub fn has_otp(&self) -> bool {
        self.0.iter().any(|credential| matches!(credential.kind, CredentialKind::Otp { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_password_reads_like_keycloaks_record() {
        let stored = serde_json::json!([{
            "id": "c1", "userLabel": null, "createdDate": 5, "type": "password",
            "hash": {"algorithm": "argon2", "hash_iterations": 5, "additional_parameters": {}, "value": "dg==", "salt": "cw=="},
        }]);
        let credentials: Credentials = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(credentials.password().unwrap().hash_iterations, 5);
        assert!(!credentials.has_otp());
        assert_eq!(serde_json::to_value(&credentials).unwrap(), stored);
    }

    #[test]
    fn a_former_password_is_no_password() {
        let hash = PasswordHash {
            algorithm: "argon2".to_owned(),
            hash_iterations: 5,
            additional_parameters: std::collections::BTreeMap::new(),
            value: "dg==".into(),
            salt: "cw==".into(),
            given_data: None,
        };
        let former = Credential {
            id: CredentialId::from("c"),
            user_label: None,
            created: Timestamp(0),
            kind: CredentialKind::PasswordHistory { hash },
        };
        assert_eq!(Credentials(vec![former]).password(), None);
    }
}
