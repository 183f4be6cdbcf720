//! What an event says besides its fields: texts by name.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::java_map;

/// Names of [`Details`].
pub mod detail {
    pub const IMPERSONATOR: &str = "impersonator";
    pub const IMPERSONATOR_REALM: &str = "impersonator_realm";
    pub const REASON: &str = "reason";
    pub const AUTH_METHOD: &str = "auth_method";
    pub const AUTH_TYPE: &str = "auth_type";
    pub const AUDIENCE: &str = "audience";
    pub const CLIENT_ASSERTION_ID: &str = "client_assertion_id";
    pub const CLIENT_ASSERTION_ISSUER: &str = "client_assertion_issuer";
    pub const CLIENT_ASSERTION_SUB: &str = "client_assertion_sub";
    pub const CLIENT_AUTH_METHOD: &str = "client_auth_method";
    pub const CODE_ID: &str = "code_id";
    pub const CREDENTIAL_TYPE: &str = "credential_type";
    pub const EMAIL: &str = "email";
    pub const GRANT_TYPE: &str = "grant_type";
    pub const NOT_BEFORE: &str = "not_before";
    pub const NUM_FAILURES: &str = "num_failures";
    pub const REDIRECT_URI: &str = "redirect_uri";
    pub const REFRESH_TOKEN_ID: &str = "refresh_token_id";
    pub const REFRESH_TOKEN_TYPE: &str = "refresh_token_type";
    pub const REQUESTED_TOKEN_TYPE: &str = "requested_token_type";
    pub const REVOKED_CLIENT: &str = "revoked_client";
    pub const SCOPE: &str = "scope";
    pub const SIGNATURE_ALGORITHM: &str = "signature_algorithm";
    pub const SIGNATURE_REQUIRED: &str = "signature_required";
    pub const SUBJECT_TOKEN_CLIENT_ID: &str = "subject_token_client_id";
    pub const TOKEN_ISSUED_FOR: &str = "token_issued_for";
    pub const TOKEN_TYPE: &str = "token_type";
    pub const TOKEN_ID: &str = "token_id";
    pub const ACCESS_TOKEN_EXPIRATION_TIME: &str = "access_token_expiration_time";
    pub const AGE_OF_REFRESH_TOKEN: &str = "age_of_refresh_token";
    pub const UPDATED_REFRESH_TOKEN_ID: &str = "updated_refresh_token_id";
    pub const USERNAME: &str = "username";
}

/// What else is known, as it was noted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Details(Vec<(Cow<'static, str>, Cow<'static, str>)>);

impl Details {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces what stands there by that name.
    pub fn insert(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) {
        let (name, value) = (name.into(), value.into());
        if let Some((_, old)) = self.0.iter_mut().find(|(known, _)| *known == name) {
            *old = value;
            return;
        }
        if self.0.is_empty() {
            self.0.reserve(8);
        }
        self.0.push((name, value));
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|(known, value)| (known == name).then_some(&**value))
    }

    /// In the order in which Keycloak answers them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut entries: Vec<_> = self.0.iter().map(|(name, value)| (&**name, &**value)).collect();
        java_map::sort(&mut entries, |(name, _)| *name);
        entries.into_iter()
    }
}

impl Serialize for Details {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Details {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Details;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("texts by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Details, A::Error> {
                let mut details = Details::default();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    details.insert(name, value);
                }
                Ok(details)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of recorded events, one of them with more details than a small table holds.
    #[test]
    fn details_come_in_the_order_of_a_java_map() {
        let mut details = Details::default();
        // As a registration tells them; what shares a bucket is inserted in the order of the recording.
        let names =
            ["auth_method", "auth_type", "register_method", "last_name", "redirect_uri", "first_name", "code_id", "email", "username"];
        for name in
            ["username", "code_id", "email", "auth_method", "auth_type", "redirect_uri", "register_method", "first_name", "last_name"]
        {
            details.insert(name, "");
        }
        assert_eq!(details.iter().map(|(name, _)| name).collect::<Vec<_>>(), names);

        for name in ["reason", "credential_type", "token_id", "scope"] {
            details.insert(name, "");
        }
        let buckets: Vec<_> = details.iter().map(|(name, _)| java_map::bucket(name, 32)).collect();
        assert!(details.iter().count() > 12 && buckets.is_sorted(), "{details:?}");
    }
}
