//! The flows, authenticator configurations and required actions of a new realm.

use crate::base::id::{AuthenticatorConfigId, ExecutionId, FlowId};
use crate::base::random::Random;
use crate::model::authentication::{Authentication, AuthenticatorConfig, Execution, Flow, RequiredAction, Requirement};

use super::texts;
use Requirement::{Alternative, Conditional, Disabled, Required};

/// Whether a step or flow is left out of master, where there are no organizations.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    EveryRealm,
    NotMaster,
}
use In::{EveryRealm, NotMaster};

/// A flow: alias, description, provider, whether something can be bound to it, its steps in order.
struct FlowRow(&'static str, Option<&'static str>, &'static str, bool, In, &'static [Step]);

/// A step: what runs, its requirement and its priority.
struct Step(Run, Requirement, i64, In);

enum Run {
    Authenticator(&'static str),
    /// An authenticator and the alias of its configuration.
    Configured(&'static str, &'static str),
    SubFlow(&'static str),
    /// The page of a form, around the sub-flow of its parts.
    Form(&'static str, &'static str),
}
use Run::{Authenticator, Configured, Form, SubFlow};

const BASIC: &str = "basic-flow";

/// The second factor: the same steps after a password and after a broker's sign-in.
macro_rules! second_factor {
    ($config:literal) => {
        &[
            Step(Authenticator("conditional-user-configured"), Required, 10, EveryRealm),
            Step(Configured("conditional-credential", $config), Required, 20, EveryRealm),
            Step(Authenticator("auth-otp-form"), Alternative, 30, EveryRealm),
            Step(Authenticator("webauthn-authenticator"), Disabled, 40, EveryRealm),
            Step(Authenticator("auth-recovery-authn-code-form"), Disabled, 50, EveryRealm),
        ]
    };
}

const FLOWS: &[FlowRow] = &[
    FlowRow(
        "browser",
        Some("Browser based authentication"),
        BASIC,
        true,
        EveryRealm,
        &[
            Step(Authenticator("auth-cookie"), Alternative, 10, EveryRealm),
            Step(Authenticator("auth-spnego"), Disabled, 20, EveryRealm),
            Step(Authenticator("identity-provider-redirector"), Alternative, 25, EveryRealm),
            Step(SubFlow("Organization"), Alternative, 26, NotMaster),
            Step(SubFlow("forms"), Alternative, 30, EveryRealm),
        ],
    ),
    FlowRow(
        "Organization",
        None,
        BASIC,
        false,
        NotMaster,
        &[Step(SubFlow("Browser - Conditional Organization"), Conditional, 10, EveryRealm)],
    ),
    FlowRow(
        "Browser - Conditional Organization",
        Some("Flow to determine if the organization identity-first login is to be used"),
        BASIC,
        false,
        NotMaster,
        &[
            Step(Authenticator("conditional-user-configured"), Required, 10, EveryRealm),
            Step(Authenticator("organization"), Alternative, 20, EveryRealm),
        ],
    ),
    FlowRow(
        "forms",
        Some("Username, password, otp and other auth forms."),
        BASIC,
        false,
        EveryRealm,
        &[
            Step(Authenticator("auth-username-password-form"), Required, 10, EveryRealm),
            Step(SubFlow("Browser - Conditional 2FA"), Conditional, 20, EveryRealm),
        ],
    ),
    FlowRow(
        "Browser - Conditional 2FA",
        Some("Flow to determine if any 2FA is required for the authentication"),
        BASIC,
        false,
        EveryRealm,
        second_factor!("browser-conditional-credential"),
    ),
    FlowRow(
        "direct grant",
        Some("OpenID Connect Resource Owner Grant"),
        BASIC,
        true,
        EveryRealm,
        &[
            Step(Authenticator("direct-grant-validate-username"), Required, 10, EveryRealm),
            Step(Authenticator("direct-grant-validate-password"), Required, 20, EveryRealm),
            Step(SubFlow("Direct Grant - Conditional OTP"), Conditional, 30, EveryRealm),
        ],
    ),
    FlowRow(
        "Direct Grant - Conditional OTP",
        Some("Flow to determine if the OTP is required for the authentication"),
        BASIC,
        false,
        EveryRealm,
        &[
            Step(Authenticator("conditional-user-configured"), Required, 10, EveryRealm),
            Step(Authenticator("direct-grant-validate-otp"), Required, 20, EveryRealm),
        ],
    ),
    FlowRow(
        "registration",
        Some("Registration flow"),
        BASIC,
        true,
        EveryRealm,
        &[Step(Form("registration-page-form", "registration form"), Required, 10, EveryRealm)],
    ),
    FlowRow(
        "registration form",
        Some("Registration form"),
        "form-flow",
        false,
        EveryRealm,
        &[
            Step(Authenticator("registration-user-creation"), Required, 20, EveryRealm),
            Step(Authenticator("registration-password-action"), Required, 50, EveryRealm),
            Step(Authenticator("registration-recaptcha-action"), Disabled, 60, EveryRealm),
            Step(Authenticator("registration-terms-and-conditions"), Disabled, 70, EveryRealm),
        ],
    ),
    FlowRow(
        "reset credentials",
        Some("Reset credentials for a user if they forgot their password or something"),
        BASIC,
        true,
        EveryRealm,
        &[
            Step(Authenticator("reset-credentials-choose-user"), Required, 10, EveryRealm),
            Step(Authenticator("reset-credential-email"), Required, 20, EveryRealm),
            Step(Authenticator("reset-password"), Required, 30, EveryRealm),
            Step(SubFlow("Reset - Conditional OTP"), Conditional, 40, EveryRealm),
        ],
    ),
    FlowRow(
        "Reset - Conditional OTP",
        Some("Flow to determine if the OTP should be reset or not. Set to REQUIRED to force."),
        BASIC,
        false,
        EveryRealm,
        &[
            Step(Authenticator("conditional-user-configured"), Required, 10, EveryRealm),
            Step(Authenticator("reset-otp"), Required, 20, EveryRealm),
        ],
    ),
    FlowRow(
        "clients",
        Some("Base authentication for clients"),
        "client-flow",
        true,
        EveryRealm,
        &[
            Step(Authenticator("client-secret"), Alternative, 10, EveryRealm),
            Step(Authenticator("client-jwt"), Alternative, 20, EveryRealm),
            Step(Authenticator("client-secret-jwt"), Alternative, 30, EveryRealm),
            Step(Authenticator("client-x509"), Alternative, 40, EveryRealm),
            Step(Authenticator("federated-jwt"), Alternative, 50, EveryRealm),
        ],
    ),
    FlowRow(
        "first broker login",
        Some("Actions taken after first broker login with identity provider account, which is not yet linked to any Keycloak account"),
        BASIC,
        true,
        EveryRealm,
        &[
            Step(Configured("idp-review-profile", "review profile config"), Required, 10, EveryRealm),
            Step(SubFlow("User creation or linking"), Required, 20, EveryRealm),
            Step(SubFlow("First Broker Login - Conditional Organization"), Conditional, 60, NotMaster),
        ],
    ),
    FlowRow(
        "User creation or linking",
        Some("Flow for the existing/non-existing user alternatives"),
        BASIC,
        false,
        EveryRealm,
        &[
            Step(Configured("idp-create-user-if-unique", "create unique user config"), Alternative, 10, EveryRealm),
            Step(SubFlow("Handle Existing Account"), Alternative, 20, EveryRealm),
        ],
    ),
    FlowRow(
        "Handle Existing Account",
        Some("Handle what to do if there is existing account with same email/username like authenticated identity provider"),
        BASIC,
        false,
        EveryRealm,
        &[
            Step(Authenticator("idp-confirm-link"), Required, 10, EveryRealm),
            Step(SubFlow("Account verification options"), Required, 20, EveryRealm),
        ],
    ),
    FlowRow(
        "Account verification options",
        Some("Method with which to verify the existing account"),
        BASIC,
        false,
        EveryRealm,
        &[
            Step(Authenticator("idp-email-verification"), Alternative, 10, EveryRealm),
            Step(SubFlow("Verify Existing Account by Re-authentication"), Alternative, 20, EveryRealm),
        ],
    ),
    FlowRow(
        "Verify Existing Account by Re-authentication",
        Some("Reauthentication of existing account"),
        BASIC,
        false,
        EveryRealm,
        &[
            Step(Authenticator("idp-username-password-form"), Required, 10, EveryRealm),
            Step(SubFlow("First broker login - Conditional 2FA"), Conditional, 20, EveryRealm),
        ],
    ),
    FlowRow(
        "First broker login - Conditional 2FA",
        Some("Flow to determine if any 2FA is required for the authentication"),
        BASIC,
        false,
        EveryRealm,
        second_factor!("first-broker-login-conditional-credential"),
    ),
    FlowRow(
        "First Broker Login - Conditional Organization",
        Some("Flow to determine if the authenticator that adds organization members is to be used"),
        BASIC,
        false,
        NotMaster,
        &[
            Step(Authenticator("conditional-user-configured"), Required, 10, EveryRealm),
            Step(Authenticator("idp-add-organization-member"), Required, 20, EveryRealm),
        ],
    ),
    FlowRow(
        "saml ecp",
        Some("SAML ECP Profile Authentication Flow"),
        BASIC,
        true,
        EveryRealm,
        &[Step(Authenticator("http-basic-authenticator"), Required, 10, EveryRealm)],
    ),
    FlowRow(
        "docker auth",
        Some("Used by Docker clients to authenticate against the IDP"),
        BASIC,
        true,
        EveryRealm,
        &[Step(Authenticator("docker-http-basic-authenticator"), Required, 10, EveryRealm)],
    ),
];

const CONFIGS: &[(&str, &[(&str, &str)])] = &[
    ("browser-conditional-credential", &[("credentials", "webauthn-passwordless")]),
    ("first-broker-login-conditional-credential", &[("credentials", "webauthn-passwordless")]),
    ("create unique user config", &[("require.password.update.after.registration", "false")]),
    ("review profile config", &[("update.profile.on.first.login", "missing")]),
];

/// Alias (which is also the provider), name, whether it is enabled, priority.
const REQUIRED_ACTIONS: &[(&str, &str, bool, i64)] = &[
    ("TERMS_AND_CONDITIONS", "Terms and Conditions", false, 20),
    ("UPDATE_PROFILE", "Update Profile", true, 40),
    ("VERIFY_EMAIL", "Verify Email", true, 50),
    ("CONFIGURE_TOTP", "Configure OTP", true, 54),
    ("UPDATE_PASSWORD", "Update Password", true, 57),
    ("delete_account", "Delete Account", false, 60),
    ("UPDATE_EMAIL", "Update Email", false, 70),
    ("webauthn-register", "Webauthn Register", true, 80),
    ("webauthn-register-passwordless", "Webauthn Register Passwordless", true, 90),
    ("VERIFY_PROFILE", "Verify Profile", true, 100),
    ("delete_credential", "Delete Credential", true, 110),
    ("idp_link", "Linking Identity Provider", true, 120),
    ("CONFIGURE_RECOVERY_AUTHN_CODES", "Recovery Authentication Codes", true, 130),
    ("update_user_locale", "Update User Locale", true, 1000),
];

/// Everything, with fresh ids.
pub fn all(random: &dyn Random, master: bool) -> Authentication {
    let here = |place: In| place == EveryRealm || !master;
    let rows: Vec<(&FlowRow, FlowId)> = FLOWS.iter().filter(|row| here(row.4)).map(|row| (row, FlowId::random(random))).collect();
    let configs: Vec<AuthenticatorConfig> = CONFIGS
        .iter()
        .map(|(alias, config)| AuthenticatorConfig {
            id: AuthenticatorConfigId::random(random),
            alias: (*alias).to_owned(),
            config: texts(config),
        })
        .collect();
    let flow_id = |alias: &str| rows.iter().find(|(row, _)| row.0 == alias).map(|(_, id)| id.clone());
    let config_id = |alias: &str| configs.iter().find(|config| config.alias == alias).map(|config| config.id.clone());

    let execution = |Step(run, requirement, priority, _): &Step| {
        let (authenticator, flow, config) = match run {
            Authenticator(authenticator) => (Some(*authenticator), None, None),
            Configured(authenticator, config) => (Some(*authenticator), None, config_id(config)),
            SubFlow(alias) => (None, flow_id(alias), None),
            Form(page, alias) => (Some(*page), flow_id(alias), None),
        };
        Execution {
            id: ExecutionId::random(random),
            requirement: *requirement,
            priority: *priority,
            authenticator: authenticator.map(str::to_owned),
            flow,
            config,
        }
    };
    let flows = rows.iter().map(|(FlowRow(alias, description, provider, top_level, _, steps), id)| Flow {
        id: id.clone(),
        alias: (*alias).to_owned(),
        description: description.map(str::to_owned),
        provider_id: (*provider).to_owned(),
        top_level: *top_level,
        built_in: true,
        executions: steps.iter().filter(|step| here(step.3)).map(execution).collect(),
    });
    Authentication { flows: flows.collect(), required_actions: required_actions(), configs: configs.clone() }
}

fn required_actions() -> Vec<RequiredAction> {
    let action = |(alias, name, enabled, priority): &(&str, &str, bool, i64)| RequiredAction {
        alias: (*alias).to_owned(),
        name: (*name).to_owned(),
        provider_id: (*alias).to_owned(),
        enabled: *enabled,
        default_action: false,
        priority: *priority,
        config: texts(&[]),
    };
    REQUIRED_ACTIONS.iter().map(action).collect()
}
