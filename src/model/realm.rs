//! A realm: its settings as Keycloak's `RealmRepresentation` names them. Durations are whole seconds, 0 means "not set"
//! where Keycloak says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::id::{ClientScopeId, GroupId, RealmId, RoleId};

/// Which requests must have come over TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SslRequired {
    All,
    /// All but those from private and loopback addresses.
    #[default]
    External,
    None,
}

/// Attribute of a realm, ours and off by default: a client may introspect its own tokens without being in their `aud`, as before
/// Keycloak 26.7.
pub const OWN_TOKENS_WITHOUT_AUDIENCE: &str = "keywright.introspect.own.tokens";
/// Attribute of a realm, ours and off by default: brute force protection locks the address that failed and not the account.
pub const BRUTE_FORCE_BY_ADDRESS: &str = "keywright.bruteforce.by.address";
/// Attribute of a realm, ours and off by default: refused passwords answer 401, as before Keycloak 26.6.
pub const REFUSED_PASSWORDS_UNAUTHORIZED: &str = "keywright.password.refusals.401";

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Realm {
    pub id: RealmId,
    /// The name in the URL.
    #[serde(rename = "realm")]
    pub name: String,
    pub display_name: Option<String>,
    pub display_name_html: Option<String>,
    pub ssl_required: SslRequired,
    pub brute_force_strategy: String,
    pub password_policy: Option<String>,
    pub otp_supported_applications: Vec<String>,
    pub events_listeners: Vec<String>,
    pub enabled_event_types: Vec<String>,
    pub required_credentials: Vec<String>,
    pub login_theme: Option<String>,
    pub account_theme: Option<String>,
    pub admin_theme: Option<String>,
    pub email_theme: Option<String>,
    pub supported_locales: Vec<String>,
    pub default_locale: Option<String>,
    pub events_expiration: Option<i64>,
    pub browser_security_headers: BTreeMap<String, String>,
    pub smtp_server: BTreeMap<String, String>,
    pub attributes: BTreeMap<String, String>,
    /// The composite role that every new user gets.
    pub default_role: RoleId,
    /// Scopes that a new client gets as default ones.
    pub default_default_client_scopes: Vec<ClientScopeId>,
    /// Scopes that a new client gets as optional ones.
    pub default_optional_client_scopes: Vec<ClientScopeId>,
    pub default_groups: Vec<GroupId>,
    pub client_profiles: serde_json::Value,
    pub client_policies: serde_json::Value,
    pub not_before: i64,
    pub default_signature_algorithm: String,
    pub revoke_refresh_token: bool,
    pub refresh_token_max_reuse: i64,
    pub access_token_lifespan: i64,
    pub access_token_lifespan_for_implicit_flow: i64,
    pub sso_session_idle_timeout: i64,
    pub sso_session_max_lifespan: i64,
    pub sso_session_idle_timeout_remember_me: i64,
    pub sso_session_max_lifespan_remember_me: i64,
    pub offline_session_idle_timeout: i64,
    pub offline_session_max_lifespan_enabled: bool,
    pub offline_session_max_lifespan: i64,
    pub client_session_idle_timeout: i64,
    pub client_session_max_lifespan: i64,
    pub client_offline_session_idle_timeout: i64,
    pub client_offline_session_max_lifespan: i64,
    pub access_code_lifespan: i64,
    pub access_code_lifespan_user_action: i64,
    pub access_code_lifespan_login: i64,
    pub action_token_generated_by_admin_lifespan: i64,
    pub action_token_generated_by_user_lifespan: i64,
    pub oauth2_device_code_lifespan: i64,
    pub oauth2_device_polling_interval: i64,
    pub enabled: bool,
    pub registration_allowed: bool,
    pub registration_email_as_username: bool,
    pub remember_me: bool,
    pub verify_email: bool,
    pub login_with_email_allowed: bool,
    pub duplicate_emails_allowed: bool,
    pub reset_password_allowed: bool,
    pub edit_username_allowed: bool,
    pub brute_force_protected: bool,
    pub permanent_lockout: bool,
    pub max_temporary_lockouts: i64,
    pub max_failure_wait_seconds: i64,
    pub minimum_quick_login_wait_seconds: i64,
    pub wait_increment_seconds: i64,
    pub quick_login_check_milli_seconds: i64,
    pub max_delta_time_seconds: i64,
    pub failure_factor: i64,
    pub max_secondary_auth_failures: i64,
    pub otp_policy_type: String,
    pub otp_policy_algorithm: String,
    pub otp_policy_initial_counter: i64,
    pub otp_policy_digits: i64,
    pub otp_policy_look_ahead_window: i64,
    pub otp_policy_period: i64,
    pub otp_policy_code_reusable: bool,
    #[serde(rename = "webAuthnPolicyRpEntityName")]
    pub webauthn_policy_rp_entity_name: String,
    #[serde(rename = "webAuthnPolicySignatureAlgorithms")]
    pub webauthn_policy_signature_algorithms: Vec<String>,
    #[serde(rename = "webAuthnPolicyRpId")]
    pub webauthn_policy_rp_id: String,
    #[serde(rename = "webAuthnPolicyAttestationConveyancePreference")]
    pub webauthn_policy_attestation_conveyance_preference: String,
    #[serde(rename = "webAuthnPolicyAuthenticatorAttachment")]
    pub webauthn_policy_authenticator_attachment: String,
    #[serde(rename = "webAuthnPolicyRequireResidentKey")]
    pub webauthn_policy_require_resident_key: String,
    #[serde(rename = "webAuthnPolicyResidentKey")]
    pub webauthn_policy_resident_key: String,
    #[serde(rename = "webAuthnPolicyUserVerificationRequirement")]
    pub webauthn_policy_user_verification_requirement: String,
    #[serde(rename = "webAuthnPolicyCreateTimeout")]
    pub webauthn_policy_create_timeout: i64,
    #[serde(rename = "webAuthnPolicyAvoidSameAuthenticatorRegister")]
    pub webauthn_policy_avoid_same_authenticator_register: bool,
    #[serde(rename = "webAuthnPolicyAcceptableAaguids")]
    pub webauthn_policy_acceptable_aaguids: Vec<String>,
    #[serde(rename = "webAuthnPolicyExtraOrigins")]
    pub webauthn_policy_extra_origins: Vec<String>,
    #[serde(rename = "webAuthnPolicyPasswordlessRpEntityName")]
    pub webauthn_policy_passwordless_rp_entity_name: String,
    #[serde(rename = "webAuthnPolicyPasswordlessSignatureAlgorithms")]
    pub webauthn_policy_passwordless_signature_algorithms: Vec<String>,
    #[serde(rename = "webAuthnPolicyPasswordlessRpId")]
    pub webauthn_policy_passwordless_rp_id: String,
    #[serde(rename = "webAuthnPolicyPasswordlessAttestationConveyancePreference")]
    pub webauthn_policy_passwordless_attestation_conveyance_preference: String,
    #[serde(rename = "webAuthnPolicyPasswordlessAuthenticatorAttachment")]
    pub webauthn_policy_passwordless_authenticator_attachment: String,
    #[serde(rename = "webAuthnPolicyPasswordlessRequireResidentKey")]
    pub webauthn_policy_passwordless_require_resident_key: String,
    #[serde(rename = "webAuthnPolicyPasswordlessResidentKey")]
    pub webauthn_policy_passwordless_resident_key: String,
    #[serde(rename = "webAuthnPolicyPasswordlessUserVerificationRequirement")]
    pub webauthn_policy_passwordless_user_verification_requirement: String,
    #[serde(rename = "webAuthnPolicyPasswordlessCreateTimeout")]
    pub webauthn_policy_passwordless_create_timeout: i64,
    #[serde(rename = "webAuthnPolicyPasswordlessAvoidSameAuthenticatorRegister")]
    pub webauthn_policy_passwordless_avoid_same_authenticator_register: bool,
    #[serde(rename = "webAuthnPolicyPasswordlessAcceptableAaguids")]
    pub webauthn_policy_passwordless_acceptable_aaguids: Vec<String>,
    #[serde(rename = "webAuthnPolicyPasswordlessExtraOrigins")]
    pub webauthn_policy_passwordless_extra_origins: Vec<String>,
    pub events_enabled: bool,
    pub admin_events_enabled: bool,
    pub admin_events_details_enabled: bool,
    pub internationalization_enabled: bool,
    pub browser_flow: String,
    pub registration_flow: String,
    pub direct_grant_flow: String,
    pub reset_credentials_flow: String,
    pub client_authentication_flow: String,
    pub docker_authentication_flow: String,
    pub first_broker_login_flow: String,
    pub user_managed_access_allowed: bool,
    pub organizations_enabled: bool,
    pub verifiable_credentials_enabled: bool,
    pub admin_permissions_enabled: bool,
    pub scim_api_enabled: bool,
}

impl Realm {
    /// A boolean attribute; absent or anything but `true` is false.
    pub fn flag(&self, name: &str) -> bool {
        self.attributes.get(name).is_some_and(|value| value == "true")
    }

    /// A new realm with Keycloak's defaults for one made over REST, but enabled.
    pub fn new(id: RealmId, name: &str, default_role: RoleId) -> Self {
        let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Self {
            id,
            name: name.to_owned(),
            display_name: None,
            display_name_html: None,
            ssl_required: SslRequired::External,
            brute_force_strategy: "MULTIPLE".to_owned(),
            password_policy: None,
            otp_supported_applications: ["totpAppFreeOTPName", "totpAppGoogleName", "totpAppMicrosoftAuthenticatorName"]
                .map(str::to_owned)
                .to_vec(),
            events_listeners: vec!["jboss-logging".to_owned()],
            enabled_event_types: Vec::new(),
            required_credentials: vec!["password".to_owned()],
            login_theme: None,
            account_theme: None,
            admin_theme: None,
            email_theme: None,
            supported_locales: Vec::new(),
            default_locale: None,
            events_expiration: None,
            browser_security_headers: pairs(&[
                ("contentSecurityPolicyReportOnly", ""),
                ("xContentTypeOptions", "nosniff"),
                ("referrerPolicy", "no-referrer"),
                ("xRobotsTag", "none"),
                ("xFrameOptions", "SAMEORIGIN"),
                ("contentSecurityPolicy", "frame-src 'self'; frame-ancestors 'self'; object-src 'none';"),
                ("strictTransportSecurity", "max-age=31536000; includeSubDomains"),
            ]),
            smtp_server: BTreeMap::new(),
            attributes: pairs(&[
                ("cibaBackchannelTokenDeliveryMode", "poll"),
                ("cibaExpiresIn", "120"),
                ("cibaAuthRequestedUserHint", "login_hint"),
                ("oauth2DeviceCodeLifespan", "600"),
                ("oauth2DevicePollingInterval", "5"),
                ("parRequestUriLifespan", "60"),
                ("cibaInterval", "5"),
                ("realmReusableOtpCode", "false"),
            ]),
            default_role,
            default_default_client_scopes: Vec::new(),
            default_optional_client_scopes: Vec::new(),
            default_groups: Vec::new(),
            client_profiles: serde_json::json!({ "profiles": [] }),
            client_policies: serde_json::json!({ "policies": [] }),
            not_before: 0,
            default_signature_algorithm: "RS256".to_owned(),
            revoke_refresh_token: false,
            refresh_token_max_reuse: 0,
            access_token_lifespan: 300,
            access_token_lifespan_for_implicit_flow: 900,
            sso_session_idle_timeout: 1800,
            sso_session_max_lifespan: 36_000,
            sso_session_idle_timeout_remember_me: 0,
            sso_session_max_lifespan_remember_me: 0,
            offline_session_idle_timeout: 2_592_000,
            offline_session_max_lifespan_enabled: false,
            offline_session_max_lifespan: 5_184_000,
            client_session_idle_timeout: 0,
            client_session_max_lifespan: 0,
            client_offline_session_idle_timeout: 0,
            client_offline_session_max_lifespan: 0,
            access_code_lifespan: 60,
            access_code_lifespan_user_action: 300,
            access_code_lifespan_login: 1800,
            action_token_generated_by_admin_lifespan: 43_200,
            action_token_generated_by_user_lifespan: 300,
            oauth2_device_code_lifespan: 600,
            oauth2_device_polling_interval: 5,
            enabled: true,
            registration_allowed: false,
            registration_email_as_username: false,
            remember_me: false,
            verify_email: false,
            login_with_email_allowed: true,
            duplicate_emails_allowed: false,
            reset_password_allowed: false,
            edit_username_allowed: false,
            brute_force_protected: false,
            permanent_lockout: false,
            max_temporary_lockouts: 0,
            max_failure_wait_seconds: 900,
            minimum_quick_login_wait_seconds: 60,
            wait_increment_seconds: 60,
            quick_login_check_milli_seconds: 1000,
            max_delta_time_seconds: 43_200,
            failure_factor: 30,
            max_secondary_auth_failures: 0,
            otp_policy_type: "totp".to_owned(),
            otp_policy_algorithm: "HmacSHA1".to_owned(),
            otp_policy_initial_counter: 0,
            otp_policy_digits: 6,
            otp_policy_look_ahead_window: 1,
            otp_policy_period: 30,
            otp_policy_code_reusable: false,
            webauthn_policy_rp_entity_name: "keycloak".to_owned(),
            webauthn_policy_signature_algorithms: ["ES256", "RS256"].map(str::to_owned).to_vec(),
            webauthn_policy_rp_id: String::new(),
            webauthn_policy_attestation_conveyance_preference: "not specified".to_owned(),
            webauthn_policy_authenticator_attachment: "not specified".to_owned(),
            webauthn_policy_require_resident_key: "not specified".to_owned(),
            webauthn_policy_resident_key: "not specified".to_owned(),
            webauthn_policy_user_verification_requirement: "not specified".to_owned(),
            webauthn_policy_create_timeout: 0,
            webauthn_policy_avoid_same_authenticator_register: false,
            webauthn_policy_acceptable_aaguids: Vec::new(),
            webauthn_policy_extra_origins: Vec::new(),
            webauthn_policy_passwordless_rp_entity_name: "keycloak".to_owned(),
            webauthn_policy_passwordless_signature_algorithms: ["ES256", "RS256"].map(str::to_owned).to_vec(),
            webauthn_policy_passwordless_rp_id: String::new(),
            webauthn_policy_passwordless_attestation_conveyance_preference: "not specified".to_owned(),
            webauthn_policy_passwordless_authenticator_attachment: "not specified".to_owned(),
            webauthn_policy_passwordless_require_resident_key: "not specified".to_owned(),
            webauthn_policy_passwordless_resident_key: "required".to_owned(),
            webauthn_policy_passwordless_user_verification_requirement: "required".to_owned(),
            webauthn_policy_passwordless_create_timeout: 0,
            webauthn_policy_passwordless_avoid_same_authenticator_register: false,
            webauthn_policy_passwordless_acceptable_aaguids: Vec::new(),
            webauthn_policy_passwordless_extra_origins: Vec::new(),
            events_enabled: false,
            admin_events_enabled: false,
            admin_events_details_enabled: false,
            internationalization_enabled: false,
            browser_flow: "browser".to_owned(),
            registration_flow: "registration".to_owned(),
            direct_grant_flow: "direct grant".to_owned(),
            reset_credentials_flow: "reset credentials".to_owned(),
            client_authentication_flow: "clients".to_owned(),
            docker_authentication_flow: "docker auth".to_owned(),
            first_broker_login_flow: "first broker login".to_owned(),
            user_managed_access_allowed: false,
            organizations_enabled: false,
            verifiable_credentials_enabled: false,
            admin_permissions_enabled: false,
            scim_api_enabled: false,
        }
    }
}

impl Realm {
    /// The realm that administers all others.
    pub const MASTER: &'static str = "master";

    pub fn is_master(&self) -> bool {
        self.name == Self::MASTER
    }

    /// The identity under which the password of the mail server is sealed.
    pub fn smtp_secret_identity(&self) -> String {
        format!("realm/{}/smtp_server/password", self.id)
    }
}

/// Fields that an older version did not write yet read as those of a new realm.
impl Default for Realm {
    fn default() -> Self {
        Self::new(RealmId::from(""), "", RoleId::from(""))
    }
}
