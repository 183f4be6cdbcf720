//! What a flow can be made of, with the names, texts and settings that Keycloak's lists have: authenticators, client
//! authenticators, the actions and the page of a form. A table of names; nothing here says that a step is run.

mod client;
mod form;

use super::{Property, property};
use crate::model::authentication::Requirement::{self, Alternative, Disabled, Required};

pub use client::CLIENT_AUTHENTICATORS;
pub use form::{FORM_ACTIONS, FORMS};

/// Something that can stand in a flow.
pub struct Step {
    pub id: &'static str,
    pub name: &'static str,
    pub help: &'static str,
    /// What an administrator can choose.
    pub choices: &'static [Requirement],
    pub properties: &'static [Property],
}

/// A client authenticator.
pub struct ClientStep {
    pub step: Step,
    /// Whether it needs the client's secret.
    pub supports_secret: bool,
    /// What each client sets for itself.
    pub per_client: &'static [Property],
}

impl Step {
    pub fn is_configurable(&self) -> bool {
        !self.properties.is_empty()
    }
}

/// What can stand in a flow of this kind (`basic-flow`, `form-flow`, `client-flow`).
pub fn of_flow(kind: &str, id: &str) -> Option<&'static Step> {
    match kind {
        "client-flow" => CLIENT_AUTHENTICATORS.iter().map(|client| &client.step).find(|step| step.id == id),
        "form-flow" => FORM_ACTIONS.iter().find(|step| step.id == id),
        _ => AUTHENTICATORS.iter().find(|step| step.id == id),
    }
}

/// A step of whatever kind of flow.
pub fn find(id: &str) -> Option<&'static Step> {
    ["basic-flow", "form-flow", "client-flow"].into_iter().find_map(|kind| of_flow(kind, id))
}

const ANY: &[Requirement] = &[Required, Alternative, Disabled];
const ONLY_REQUIRED: &[Requirement] = &[Required];
const REQUIRED_OR_NOT: &[Requirement] = &[Required, Disabled];

/// The mapping of an X.509 certificate to a user, for both flows that know it.
const X509: &[Property] = &[
    property("x509-cert-auth.mapping-source-selection", "List")
        .text("Match SubjectDN using regular expression")
        .options(&[
            "Match SubjectDN using regular expression",
            "Subject's e-mail",
            "Subject's Alternative Name E-mail",
            "Subject's Alternative Name otherName (UPN)",
            "Subject's Common Name",
            "Match IssuerDN using regular expression",
            "Certificate Serial Number",
            "Certificate Serial Number and IssuerDN",
            "SHA-256 Thumbprint",
            "Full Certificate in PEM format",
        ]),
    property("x509-cert-auth.canonical-dn-enabled", "boolean").text("false"),
    property("x509-cert-auth.serialnumber-hex-enabled", "boolean").text("false"),
    property("x509-cert-auth.regular-expression", "String").text("(.*?)(?:$)"),
    property("x509-cert-auth.mapper-selection", "List")
        .text("Custom Attribute Mapper")
        .options(&["Custom Attribute Mapper", "Username or Email"]),
    property("x509-cert-auth.mapper-selection.user-attribute-name", "MultivaluedString").text("usercertificate"),
    property("x509-cert-auth.timestamp-validation-enabled", "boolean").text("true"),
    property("x509-cert-auth.crl-checking-enabled", "boolean"),
    property("x509-cert-auth.crldp-checking-enabled", "boolean").text("false"),
    property("x509-cert-auth.crl-relative-path", "MultivaluedString").text("crl.pem"),
    property("x509-cert-auth-crl-abort-if-non-updated", "boolean").text("true"),
    property("x509-cert-auth.ocsp-checking-enabled", "boolean"),
    property("x509-cert-auth.ocsp-fail-open", "boolean").text("false"),
    property("x509-cert-auth.ocsp-responder-uri", "String"),
    property("x509-cert-auth.ocsp-responder-certificate", "Text"),
    property("x509-cert-auth.keyusage", "String"),
    property("x509-cert-auth.extendedkeyusage", "String"),
    property("x509-cert-auth.confirmation-page-disallowed", "boolean"),
    property("x509-cert-auth.revalidate-certificate-enabled", "boolean"),
    property("x509-cert-auth.certificate-policy", "String"),
    property("x509-cert-auth.certificate-policy-mode", "List").text("All").options(&["All", "Any"]),
];

/// Steps of a `basic-flow`.
pub const AUTHENTICATORS: &[Step] = &[
    Step {
        id: "allow-access-authenticator",
        name: "Allow access",
        help: "Authenticator will always successfully authenticate. Useful for example in the conditional flows to be used after satisfying the previous conditions",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "auth-conditional-otp-form",
        name: "Conditional OTP Form",
        help: "Validates a OTP on a separate OTP form. Only shown if required based on the configured conditions.",
        choices: ANY,
        properties: &[
            property("otpControlAttribute", "String"),
            property("skipOtpRole", "Role"),
            property("forceOtpRole", "Role"),
            property("noOtpRequiredForHeaderPattern", "String").text(""),
            property("forceOtpForHeaderPattern", "String").text(""),
            property("defaultOtpOutcome", "List").options(&["skip", "force"]),
        ],
    },
    Step { id: "auth-cookie", name: "Cookie", help: "Validates the SSO cookie set by the auth server.", choices: ANY, properties: &[] },
    Step { id: "auth-otp-form", name: "OTP Form", help: "Validates a OTP on a separate OTP form.", choices: ANY, properties: &[] },
    Step {
        id: "auth-password-form",
        name: "Password Form",
        help: "Validates a password from login form.",
        choices: ONLY_REQUIRED,
        properties: &[],
    },
    Step {
        id: "auth-recovery-authn-code-form",
        name: "Recovery Authentication Code Form",
        help: "Validates a Recovery Authentication Code",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "auth-spnego",
        name: "Kerberos",
        help: "Initiates the SPNEGO protocol.  Most often used with Kerberos.",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "auth-username-form",
        name: "Username Form",
        help: "Selects a user from his username.",
        choices: ONLY_REQUIRED,
        properties: &[],
    },
    Step {
        id: "auth-username-password-form",
        name: "Username Password Form",
        help: "Validates a username and password from login form.",
        choices: ONLY_REQUIRED,
        properties: &[],
    },
    Step {
        id: "auth-x509-client-username-form",
        name: "X509/Validate Username Form",
        help: "Validates username and password from X509 client certificate received as a part of mutual SSL handshake.",
        choices: ANY,
        properties: X509,
    },
    Step {
        id: "conditional-client-scope",
        name: "Condition - client scope",
        help: "Condition to evaluate if a configured client scope is present as a client scope of the client requesting authentication",
        choices: REQUIRED_OR_NOT,
        properties: &[property("client_scope", "String").required(), property("negate", "boolean").required()],
    },
    Step {
        id: "conditional-credential",
        name: "Condition - credential",
        help: "Condition to evaluate if a specific credential type has been used (or not used) by the user during the authentication process",
        choices: REQUIRED_OR_NOT,
        properties: &[
            property("credentials", "MultivaluedList")
                .options(&["webauthn", "recovery-authn-codes", "otp", "password", "webauthn-passwordless", "kerberos", "cert", "none"])
                .required(),
            property("included", "boolean"),
        ],
    },
    Step {
        id: "conditional-level-of-authentication",
        name: "Condition - Level of Authentication",
        help: "Flow is executed only if the configured LOA or a higher one has been requested but not yet satisfied. After the flow is successfully finished, the LOA in the session will be updated to value prescribed by this condition.",
        choices: REQUIRED_OR_NOT,
        properties: &[property("loa-condition-level", "String"), property("loa-max-age", "String").number(36000)],
    },
    Step {
        id: "conditional-sub-flow-executed",
        name: "Condition - sub-flow executed",
        help: "Condition to evaluate if a sub-flow was executed successfully during the authentication process",
        choices: REQUIRED_OR_NOT,
        properties: &[
            property("flow_to_check", "String").required(),
            property("check_result", "List").text("executed").options(&["executed", "not-executed"]).required(),
        ],
    },
    Step {
        id: "conditional-user-attribute",
        name: "Condition - user attribute",
        help: "Flow is executed only if the user attribute exists and has the expected value",
        choices: REQUIRED_OR_NOT,
        properties: &[
            property("attribute_name", "String"),
            property("attribute_expected_value", "String"),
            property("include_group_attributes", "boolean"),
            property("not", "boolean"),
            property("regex", "boolean"),
        ],
    },
    Step {
        id: "conditional-user-configured",
        name: "Condition - user configured",
        help: "Executes the current flow only if authenticators are configured",
        choices: REQUIRED_OR_NOT,
        properties: &[],
    },
    Step {
        id: "conditional-user-role",
        name: "Condition - user role",
        help: "Flow is executed only if user has the given role.",
        choices: REQUIRED_OR_NOT,
        properties: &[property("condUserRole", "Role"), property("negate", "boolean")],
    },
    Step {
        id: "deny-access-authenticator",
        name: "Deny access",
        help: "Access will be always denied. Useful for example in the conditional flows to be used after satisfying the previous conditions",
        choices: ANY,
        properties: &[property("denyErrorMessage", "String")],
    },
    Step {
        id: "direct-grant-auth-x509-username",
        name: "X509/Validate Username",
        help: "Validates username and password from X509 client certificate received as a part of mutual SSL handshake.",
        choices: ANY,
        properties: X509,
    },
    Step {
        id: "direct-grant-validate-otp",
        name: "OTP",
        help: "Validates the one time password supplied as a 'totp' form parameter in direct grant request",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "direct-grant-validate-password",
        name: "Password",
        help: "Validates the password supplied as a 'password' form parameter in direct grant request",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "direct-grant-validate-username",
        name: "Username Validation",
        help: "Validates the username supplied as a 'username' form parameter in direct grant request",
        choices: ONLY_REQUIRED,
        properties: &[],
    },
    Step {
        id: "docker-http-basic-authenticator",
        name: "Docker Authenticator",
        help: "Uses HTTP Basic authentication to validate docker users, returning a docker error token on auth failure",
        choices: ONLY_REQUIRED,
        properties: &[],
    },
    Step {
        id: "http-basic-authenticator",
        name: "HTTP Basic Authentication",
        help: "Validates username and password from Authorization HTTP header",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "identity-provider-redirector",
        name: "Identity Provider Redirector",
        help: "Redirects to default Identity Provider or Identity Provider specified with kc_idp_hint query parameter",
        choices: ANY,
        properties: &[property("defaultProvider", "String").explained(
            "Default Identity Provider",
            "To automatically redirect to an identity provider set to the alias of the identity provider",
        )],
    },
    Step {
        id: "idp-add-organization-member",
        name: "Organization Member Onboard",
        help: "Adds a federated user as a member of an organization",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "idp-auto-link",
        name: "Automatically set existing user",
        help: "Automatically set existing user to authentication context without any verification",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "idp-confirm-link",
        name: "Confirm link existing account",
        help: "Show the form where user confirms if he wants to link identity provider with existing account or rather edit user profile data retrieved from identity provider to avoid conflict",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "idp-confirm-override-link",
        name: "Confirm override existing link",
        help: "Confirm override the link if there is an existing broker user linked to the account.",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "idp-create-user-if-unique",
        name: "Create User If Unique",
        help: "Detect if there is existing Keycloak account with same email like identity provider. If no, create new user",
        choices: ANY,
        properties: &[property("require.password.update.after.registration", "boolean")],
    },
    Step {
        id: "idp-detect-existing-broker-user",
        name: "Detect existing broker user",
        help: "Detect if there is an existing Keycloak account with same email like identity provider. If no, throw an error.",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "idp-email-verification",
        name: "Verify existing account by Email",
        help: "Email verification of existing Keycloak user, that wants to link his user account with identity provider",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "idp-review-profile",
        name: "Review Profile",
        help: "User reviews and updates profile data retrieved from Identity Provider in the displayed form",
        choices: ANY,
        properties: &[property("update.profile.on.first.login", "List").text("missing").options(&["on", "missing", "off"])],
    },
    Step {
        id: "idp-username-password-form",
        name: "Username Password Form for identity provider reauthentication",
        help: "Validates a password from login form. Username may be already known from identity provider authentication",
        choices: ONLY_REQUIRED,
        properties: &[],
    },
    Step {
        id: "organization",
        name: "Organization Identity-First Login",
        help: "If organizations are enabled, automatically redirects users to the corresponding identity provider.",
        choices: ANY,
        properties: &[property("requiresUserMembership", "boolean")],
    },
    Step {
        id: "reset-credential-email",
        name: "Send Reset Email",
        help: "Send email to user and wait for response.",
        choices: ONLY_REQUIRED,
        properties: &[property("force-login", "List").text("only-federated").options(&["true", "false", "only-federated"])],
    },
    Step {
        id: "reset-credentials-choose-user",
        name: "Choose User",
        help: "Choose a user to reset credentials for",
        choices: ONLY_REQUIRED,
        properties: &[],
    },
    Step {
        id: "reset-otp",
        name: "Reset OTP",
        help: "Removes existing OTP configurations (if chosen) and sets the 'Configure OTP' required action.",
        choices: ANY,
        properties: &[property("action_on_otp_reset_flag", "List").text("Remove none").options(&[
            "Remove none",
            "Remove one",
            "Remove all",
        ])],
    },
    Step {
        id: "reset-password",
        name: "Reset Password",
        help: "Sets the Update Password required action if execution is REQUIRED.  Will also set it if execution is OPTIONAL and the password is currently configured for it.",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "user-session-limits",
        name: "User session count limiter",
        help: "Configures how many concurrent sessions a single user is allowed to create for this realm and/or client",
        choices: REQUIRED_OR_NOT,
        properties: &[
            property("userRealmLimit", "String").text("3"),
            property("userClientLimit", "String").text("0"),
            property("behavior", "List")
                .text("Deny new session")
                .options(&["Deny new session", "Terminate oldest session"]),
            property("errorMessage", "String"),
        ],
    },
    Step {
        id: "webauthn-authenticator",
        name: "WebAuthn Authenticator",
        help: "Authenticator for WebAuthn. Usually used for WebAuthn two-factor authentication",
        choices: ANY,
        properties: &[],
    },
    Step {
        id: "webauthn-authenticator-passwordless",
        name: "WebAuthn Passwordless Authenticator",
        help: "Authenticator for Passwordless WebAuthn authentication",
        choices: ANY,
        properties: &[],
    },
];
