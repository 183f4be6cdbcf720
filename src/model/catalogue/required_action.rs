//! The required actions that a realm can register.

use super::{Property, property};

/// A required action: its id, which is its alias, too, and the name under which it is registered.
pub struct RequiredActionType {
    pub id: &'static str,
    pub name: &'static str,
    pub properties: &'static [Property],
}

/// Every action can ask for a fresh sign-in first, when the user starts it himself.
const MAX_AGE: Property = property("max_auth_age", "String").number(300).explained(
    "Maximum Age of Authentication",
    "Configures the duration in seconds this action can be used after the last authentication before the user is required to re-authenticate. \
     This parameter is used just in the context of AIA when the kc_action parameter is available in the request, which is for instance when user \
     himself updates his password in the account console.",
);

const fn action(id: &'static str, name: &'static str) -> RequiredActionType {
    RequiredActionType { id, name, properties: &[MAX_AGE] }
}

/// By id.
pub const REQUIRED_ACTIONS: &[RequiredActionType] = &[
    action("CONFIGURE_RECOVERY_AUTHN_CODES", "Recovery Authentication Codes"),
    action("CONFIGURE_TOTP", "Configure OTP"),
    action("TERMS_AND_CONDITIONS", "Terms and Conditions"),
    action("UPDATE_EMAIL", "Update Email"),
    action("UPDATE_PASSWORD", "Update Password"),
    action("UPDATE_PROFILE", "Update Profile"),
    action("VERIFY_EMAIL", "Verify Email"),
    action("VERIFY_PROFILE", "Verify Profile"),
    action("delete_account", "Delete Account"),
    action("delete_credential", "Delete Credential"),
    action("idp_link", "Linking Identity Provider"),
    action("update_user_locale", "Update User Locale"),
    action("webauthn-register", "Webauthn Register"),
    action("webauthn-register-passwordless", "Webauthn Register Passwordless"),
];

pub fn find(id: &str) -> Option<&'static RequiredActionType> {
    REQUIRED_ACTIONS.iter().find(|action| action.id == id)
}
