//! `[keys]`: the key that seals every secret in the store.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

use super::Problem;
use crate::base::secret::Secret;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// Where the key-encryption key is, and is made at the first start (mode 0600). Relative to the working directory.
    pub directory: PathBuf,
    /// The key itself instead of a file in `directory`: 32 bytes in base64.
    pub key_encryption_key: Option<Secret<String>>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { directory: PathBuf::from("keys"), key_encryption_key: None }
    }
}

impl Keys {
    /// The bytes of [`Keys::key_encryption_key`], when it is set and well formed.
    pub fn key_encryption_key_bytes(&self) -> Option<Secret<[u8; 32]>> {
        // Both alphabets of RFC 4648, with and without padding: the file in `directory` is written in the second one.
        let text = Secret::new(self.key_encryption_key.as_ref()?.expose().trim().trim_end_matches('=').replace('-', "+").replace('_', "/"));
        let decoded = Secret::new(STANDARD_NO_PAD.decode(text.expose()).ok()?);
        decoded.expose().as_slice().try_into().ok().map(Secret::new)
    }

    pub(super) fn validate(&self, problems: &mut Vec<Problem>) {
        if self.key_encryption_key.is_some() && self.key_encryption_key_bytes().is_none() {
            problems.push(Problem::new("keys.key_encryption_key", "is not 32 bytes in base64 (make one with: openssl rand -base64 32)"));
        }
        if self.key_encryption_key.is_none() && self.directory.as_os_str().is_empty() {
            problems.push(Problem::new("keys.directory", "is empty, and there is no keys.key_encryption_key"));
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn a_key_encryption_key_is_32_bytes_in_base64() {
        let problems = |text: &str| {
            let mut problems = Vec::new();
            Keys { key_encryption_key: Some(text.into()), ..Keys::default() }.validate(&mut problems);
            problems
        };
        for right in [STANDARD.encode([255; 32]), URL_SAFE_NO_PAD.encode([255; 32])] {
            assert_eq!(problems(&right), []);
        }
        for wrong in ["", "no base64!", &STANDARD.encode([7; 31]), &STANDARD.encode([7; 33])] {
            let problems = problems(wrong);
            assert_eq!(problems.len(), 1, "{wrong}");
            assert!(wrong.is_empty() || !problems[0].reason.contains(wrong), "the reason shows the key");
        }
    }
}
