//! `UserRepresentation` and the small shapes that hang on a user.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::manage::users::UserSettings;
use crate::model::user::User;

use super::credential::CredentialRepresentation;
use super::lists;

/// A user as Keycloak's JSON has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lists")]
    pub attributes: Option<BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_profile_metadata: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(rename = "self", skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_timestamp: Option<i64>,
    /// Whether he has a one-time-password generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totp: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federation_link: Option<String>,
    /// The `client_id` of the client whose service account this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Vec<CredentialRepresentation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disableable_credential_types: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_actions: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federated_identities: Option<Vec<FederatedIdentityRepresentation>>,
    /// By name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realm_roles: Option<Vec<String>>,
    /// By name under the `client_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_roles: Option<BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_consents: Option<Vec<UserConsentRepresentation>>,
    /// Whole seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    /// By path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// What the caller may do with him.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Map<String, Value>>,
    /// Names of Keycloak 1.x, accepted and ignored.
    #[serde(skip_serializing)]
    pub application_roles: Option<Value>,
    #[serde(skip_serializing)]
    pub social_links: Option<Value>,
}

/// An account at an identity provider that a user is linked with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FederatedIdentityRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
}

/// What a user allowed a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserConsentRepresentation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted_client_scopes: Option<Vec<String>>,
    /// Milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_date: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated_date: Option<i64>,
    /// Of Keycloak 3 and older, accepted and ignored.
    #[serde(skip_serializing)]
    pub granted_realm_roles: Option<Value>,
}

impl UserRepresentation {
    /// What lists show with `briefRepresentation`.
    pub fn brief(user: &User) -> Self {
        Self {
            id: Some(user.id.to_string()),
            username: Some(user.username.clone()),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            email: user.email.clone(),
            email_verified: Some(user.email_verified),
            enabled: Some(user.enabled),
            created_timestamp: Some(user.created.0),
            ..Self::default()
        }
    }

    /// With the user federation that the user came from, in both members that Keycloak has for it.
    #[must_use]
    pub fn from_federation(self, id: Option<String>) -> Self {
        Self { origin: id.clone(), federation_link: id, ..self }
    }

    /// All of the user's own record. `service_account` is the `client_id` behind `user.service_account_client`.
    pub fn full(user: &User, has_otp: bool, service_account: Option<&str>) -> Self {
        Self {
            attributes: Some(user.attributes.clone()).filter(|attributes| !attributes.is_empty()),
            totp: Some(has_otp),
            service_account_client_id: service_account.map(str::to_owned),
            disableable_credential_types: Some(Vec::new()),
            required_actions: Some(user.required_actions.clone()),
            not_before: Some(user.not_before),
            ..Self::brief(user)
        }
    }

    /// What of it the rules of [`crate::manage::users`] take as settings.
    pub fn settings(&self) -> UserSettings {
        UserSettings {
            username: self.username.clone(),
            email: self.email.clone(),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            enabled: self.enabled,
            email_verified: self.email_verified,
            attributes: self.attributes.clone(),
            required_actions: self.required_actions.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::clock::Timestamp;
    use crate::base::id::UserId;

    #[test]
    fn fields_stand_in_keycloaks_order() {
        let user = User {
            first_name: Some("Anna".into()),
            email: Some("anna@example.org".into()),
            email_verified: true,
            attributes: BTreeMap::from([("locale".to_owned(), vec!["en".to_owned()])]),
            required_actions: vec!["VERIFY_EMAIL".into()],
            ..User::new(UserId::from("u"), "anna".into(), Timestamp(7))
        };
        assert_eq!(
            serde_json::to_string(&UserRepresentation::full(&user, false, None)).unwrap(),
            r#"{"id":"u","username":"anna","firstName":"Anna","email":"anna@example.org","emailVerified":true,"attributes":{"locale":["en"]},"enabled":true,"createdTimestamp":7,"totp":false,"disableableCredentialTypes":[],"requiredActions":["VERIFY_EMAIL"],"notBefore":0}"#
        );
        assert_eq!(
            serde_json::to_string(&UserRepresentation::brief(&user)).unwrap(),
            r#"{"id":"u","username":"anna","firstName":"Anna","email":"anna@example.org","emailVerified":true,"enabled":true,"createdTimestamp":7}"#
        );
    }

    #[test]
    fn absent_fields_stay_absent_in_the_settings() {
        let read: UserRepresentation =
            serde_json::from_value(json!({ "firstName": "A", "email": null, "attributes": { "x": "1" } })).unwrap();
        let settings = read.settings();
        assert_eq!((settings.first_name.as_deref(), settings.email, settings.username), (Some("A"), None, None));
        assert_eq!(settings.attributes.unwrap()["x"], ["1"]);
    }
}
