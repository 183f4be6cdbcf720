//! `RealmRepresentation`: the settings of a realm, and in an export everything else under its name. A map whose members come out in
//! Keycloak's order, because the settings are already fields of [`Realm`] by the same names.

use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value};

use crate::base::secret::Secret;
use crate::manage::realms::MASK;
use crate::model::realm::Realm;

/// Members by name. Serialises in Keycloak's order; names that Keycloak does not have follow.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct RealmRepresentation(Map<String, Value>);

/// How the password of the mail server is shown.
#[derive(Clone, Debug)]
pub enum SmtpPassword {
    Masked,
    Shown(Secret<String>),
}

/// Every member, in Keycloak's order.
const ORDER: &[&str] = &[
    "id",
    "realm",
    "displayName",
    "displayNameHtml",
    "notBefore",
    "defaultSignatureAlgorithm",
    "revokeRefreshToken",
    "refreshTokenMaxReuse",
    "accessTokenLifespan",
    "accessTokenLifespanForImplicitFlow",
    "ssoSessionIdleTimeout",
    "ssoSessionMaxLifespan",
    "ssoSessionIdleTimeoutRememberMe",
    "ssoSessionMaxLifespanRememberMe",
    "offlineSessionIdleTimeout",
    "offlineSessionMaxLifespanEnabled",
    "offlineSessionMaxLifespan",
    "clientSessionIdleTimeout",
    "clientSessionMaxLifespan",
    "clientOfflineSessionIdleTimeout",
    "clientOfflineSessionMaxLifespan",
    "accessCodeLifespan",
    "accessCodeLifespanUserAction",
    "accessCodeLifespanLogin",
    "actionTokenGeneratedByAdminLifespan",
    "actionTokenGeneratedByUserLifespan",
    "oauth2DeviceCodeLifespan",
    "oauth2DevicePollingInterval",
    "enabled",
    "sslRequired",
    "registrationAllowed",
    "registrationEmailAsUsername",
    "rememberMe",
    "verifyEmail",
    "loginWithEmailAllowed",
    "duplicateEmailsAllowed",
    "resetPasswordAllowed",
    "editUsernameAllowed",
    "bruteForceProtected",
    "permanentLockout",
    "maxTemporaryLockouts",
    "bruteForceStrategy",
    "maxFailureWaitSeconds",
    "minimumQuickLoginWaitSeconds",
    "waitIncrementSeconds",
    "quickLoginCheckMilliSeconds",
    "maxDeltaTimeSeconds",
    "failureFactor",
    "maxSecondaryAuthFailures",
    "roles",
    "groups",
    "defaultRole",
    "adminPermissionsClient",
    "defaultGroups",
    "requiredCredentials",
    "passwordPolicy",
    "otpPolicyType",
    "otpPolicyAlgorithm",
    "otpPolicyInitialCounter",
    "otpPolicyDigits",
    "otpPolicyLookAheadWindow",
    "otpPolicyPeriod",
    "otpPolicyCodeReusable",
    "otpSupportedApplications",
    "localizationTexts",
    "webAuthnPolicyRpEntityName",
    "webAuthnPolicySignatureAlgorithms",
    "webAuthnPolicyRpId",
    "webAuthnPolicyAttestationConveyancePreference",
    "webAuthnPolicyAuthenticatorAttachment",
    "webAuthnPolicyRequireResidentKey",
    "webAuthnPolicyResidentKey",
    "webAuthnPolicyUserVerificationRequirement",
    "webAuthnPolicyCreateTimeout",
    "webAuthnPolicyAvoidSameAuthenticatorRegister",
    "webAuthnPolicyAcceptableAaguids",
    "webAuthnPolicyExtraOrigins",
    "webAuthnPolicyPasswordlessRpEntityName",
    "webAuthnPolicyPasswordlessSignatureAlgorithms",
    "webAuthnPolicyPasswordlessRpId",
    "webAuthnPolicyPasswordlessAttestationConveyancePreference",
    "webAuthnPolicyPasswordlessAuthenticatorAttachment",
    "webAuthnPolicyPasswordlessRequireResidentKey",
    "webAuthnPolicyPasswordlessResidentKey",
    "webAuthnPolicyPasswordlessUserVerificationRequirement",
    "webAuthnPolicyPasswordlessCreateTimeout",
    "webAuthnPolicyPasswordlessAvoidSameAuthenticatorRegister",
    "webAuthnPolicyPasswordlessAcceptableAaguids",
    "webAuthnPolicyPasswordlessExtraOrigins",
    "webAuthnPolicyPasswordlessPasskeysEnabled",
    "users",
    "federatedUsers",
    "scopeMappings",
    "clientScopeMappings",
    "clients",
    "clientScopes",
    "defaultDefaultClientScopes",
    "defaultOptionalClientScopes",
    "browserSecurityHeaders",
    "smtpServer",
    "userFederationProviders",
    "userFederationMappers",
    "loginTheme",
    "accountTheme",
    "adminTheme",
    "emailTheme",
    "eventsEnabled",
    "eventsExpiration",
    "eventsListeners",
    "enabledEventTypes",
    "adminEventsEnabled",
    "adminEventsDetailsEnabled",
    "identityProviders",
    "identityProviderMappers",
    "protocolMappers",
    "components",
    "internationalizationEnabled",
    "supportedLocales",
    "defaultLocale",
    "authenticationFlows",
    "authenticatorConfig",
    "requiredActions",
    "browserFlow",
    "registrationFlow",
    "directGrantFlow",
    "resetCredentialsFlow",
    "clientAuthenticationFlow",
    "dockerAuthenticationFlow",
    "firstBrokerLoginFlow",
    "attributes",
    "keycloakVersion",
    "userManagedAccessAllowed",
    "organizationsEnabled",
    "organizations",
    "verifiableCredentialsEnabled",
    "adminPermissionsEnabled",
    "scimApiEnabled",
    "clientProfiles",
    "clientPolicies",
];

/// Members of the stored realm that refer to other entities by id. A representation names those ([`RealmRepresentation::with`]).
const REFERENCES: [&str; 4] = ["defaultRole", "defaultDefaultClientScopes", "defaultOptionalClientScopes", "defaultGroups"];

impl RealmRepresentation {
    /// The settings of `realm`, as REST answers them but for `defaultRole`.
    pub fn of(realm: &Realm, smtp_password: &SmtpPassword) -> Self {
        let Ok(Value::Object(mut members)) = serde_json::to_value(realm) else { unreachable!("a realm serialises as an object") };
        members.retain(|name, value| !value.is_null() && !REFERENCES.contains(&name.as_str()));
        if realm.supported_locales.is_empty() {
            members.remove("supportedLocales");
        }
        if realm.smtp_server.contains_key("password") {
            let shown = match smtp_password {
                SmtpPassword::Masked => MASK,
                SmtpPassword::Shown(password) => password.expose(),
            };
            members["smtpServer"]["password"] = shown.into();
        }
        Self(members)
    }

    /// With another member, or another value of one.
    ///
    /// # Panics
    /// When `value` is no JSON (a map with keys that are no text).
    #[must_use]
    pub fn with(mut self, name: &str, value: &impl Serialize) -> Self {
        self.0.insert(name.to_owned(), serde_json::to_value(value).expect("representations are JSON"));
        self
    }

    /// What a list of realms shows when only names are asked for.
    #[must_use]
    pub fn brief(mut self) -> Self {
        self.0.retain(|name, _| ["id", "realm", "displayName", "displayNameHtml", "enabled"].contains(&name.as_str()));
        self
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The members of Keycloak's representation.
    pub fn names() -> &'static [&'static str] {
        ORDER
    }

    /// Whether Keycloak's representation has a member of this name.
    pub fn knows(name: &str) -> bool {
        ORDER.contains(&name)
    }

    /// The members in Keycloak's order.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Value)> {
        let known = ORDER.iter().filter_map(|name| Some((*name, self.0.get(*name)?)));
        let others = self.0.iter().filter(|(name, _)| !ORDER.contains(&name.as_str()));
        known.chain(others.map(|(name, value)| (name.as_str(), value)))
    }

    /// Whether Keycloak writes `member` after `name`; for a writer that streams `name` itself.
    pub fn follows(member: &str, name: &str) -> bool {
        let place = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
        place(member) > place(name)
    }
}

impl Serialize for RealmRepresentation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.members() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{RealmId, RoleId};

    fn realm() -> Realm {
        let mut realm = Realm::new(RealmId::from("r"), "oracle-fresh", RoleId::from("d"));
        realm.smtp_server.insert("password".to_owned(), "sealed".to_owned());
        realm
    }

    #[test]
    fn members_come_in_keycloaks_order_wherever_they_were_added() {
        let text =
            serde_json::to_string(&RealmRepresentation::of(&realm(), &SmtpPassword::Masked).with("x-own", &1).with("users", &[1])).unwrap();
        let places = ["\"id\"", "\"realm\"", "\"notBefore\"", "\"users\"", "\"smtpServer\"", "\"clientPolicies\"", "\"x-own\""]
            .map(|name| text.find(name).unwrap());
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn the_sealed_password_never_leaves() {
        let masked = RealmRepresentation::of(&realm(), &SmtpPassword::Masked);
        assert_eq!(masked.get("smtpServer").unwrap()["password"], MASK);
        let shown = RealmRepresentation::of(&realm(), &SmtpPassword::Shown("clear".into()));
        assert_eq!(shown.get("smtpServer").unwrap()["password"], "clear");
    }

    #[test]
    fn references_and_absent_settings_are_left_out() {
        let representation = RealmRepresentation::of(&realm(), &SmtpPassword::Masked);
        for name in ["defaultRole", "defaultGroups", "displayName", "supportedLocales"] {
            assert_eq!(representation.get(name), None, "{name}");
        }
        assert_eq!(representation.brief().members().map(|(name, _)| name).collect::<Vec<_>>(), ["id", "realm", "enabled"]);
    }
}
