//! Settings of a realm: what a representation changes, and what follows from that.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::env::Env;
use crate::base::seal::Sealer;
use crate::manage::error::ManageError;
use crate::manage::passwords;
use crate::model::realm::Realm;

use super::{MASK, Settings};

/// What is no setting: it has a function of its own or follows from other things.
pub(in crate::manage) const NO_SETTINGS: [&str; 6] =
    ["id", "realm", "defaultRole", "defaultDefaultClientScopes", "defaultOptionalClientScopes", "defaultGroups"];

/// The realm with these settings; what they do not name stays.
pub(in crate::manage) fn apply(old: &Realm, settings: &Settings, env: &Env, sealer: &Sealer) -> Result<Realm, ManageError> {
    let mut merged = serde_json::to_value(old).map_err(|error| ManageError::realm_settings(&error.to_string()))?;
    for (name, value) in settings.iter().filter(|(name, value)| !value.is_null() && !NO_SETTINGS.contains(&name.as_str())) {
        // Keycloak reads this enumeration in any case of letters.
        let lower = value.as_str().filter(|_| name == "sslRequired").map(|text| Value::String(text.to_lowercase()));
        merged[name] = lower.unwrap_or_else(|| value.clone());
    }
    let mut realm: Realm = serde_json::from_value(merged).map_err(|error| ManageError::realm_settings(&error.to_string()))?;
    if settings.contains_key("passwordPolicy") {
        passwords::policy(&realm)?;
    }
    settle_emails(old, settings, &mut realm);
    settle_attributes(old, settings, &mut realm);
    seal_smtp_password(old, settings, &mut realm, env, sealer);
    Ok(realm)
}

/// Signing in by e-mail, or an e-mail as user name, needs addresses that stand for one user. Of two contradicting wishes the
/// later in Keycloak's order holds: name, then sign-in, then duplicates.
fn settle_emails(old: &Realm, settings: &Settings, realm: &mut Realm) {
    let asked = |name: &str| settings.get(name) == Some(&Value::Bool(true));
    realm.duplicate_emails_allowed = old.duplicate_emails_allowed;
    if asked("registrationEmailAsUsername") || asked("loginWithEmailAllowed") {
        realm.duplicate_emails_allowed = false;
    }
    if let Some(Value::Bool(allowed)) = settings.get("duplicateEmailsAllowed") {
        realm.duplicate_emails_allowed = *allowed;
    }
    if realm.duplicate_emails_allowed {
        realm.login_with_email_allowed = false;
        realm.registration_email_as_username = false;
    }
}

/// Given attributes replace all others but those in which Keycloak keeps settings of their own; those follow their setting.
fn settle_attributes(old: &Realm, settings: &Settings, realm: &mut Realm) {
    if settings.contains_key("attributes") {
        let kept = old
            .attributes
            .iter()
            .filter(|(name, _)| name.starts_with("ciba") || name.starts_with("parRequestUri") || name.starts_with("oauth2Device"));
        for (name, value) in kept {
            realm.attributes.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    for name in ["oauth2DeviceCodeLifespan", "oauth2DevicePollingInterval"] {
        let field = if name == "oauth2DeviceCodeLifespan" {
            &mut realm.oauth2_device_code_lifespan
        } else {
            &mut realm.oauth2_device_polling_interval
        };
        if settings.contains_key(name) {
            realm.attributes.insert(name.to_owned(), field.to_string());
        } else if let Some(seconds) = realm.attributes.get(name).and_then(|text| text.parse().ok()) {
            *field = seconds;
        }
    }
    if settings.contains_key("otpPolicyCodeReusable") {
        realm.attributes.insert("realmReusableOtpCode".to_owned(), realm.otp_policy_code_reusable.to_string());
    }
}

/// Whether a password saved for `old` would go to the same host and user, in the same way, as `new` says. Whoever may change
/// settings must not have it sent elsewhere.
pub(in crate::manage) fn same_mail_account(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> bool {
    ["host", "port", "user", "ssl", "starttls"].iter().all(|name| old.get(*name) == new.get(*name))
}

fn seal_smtp_password(old: &Realm, settings: &Settings, realm: &mut Realm, env: &Env, sealer: &Sealer) {
    if !settings.contains_key("smtpServer") {
        return;
    }
    let password = match realm.smtp_server.remove("password") {
        Some(given) if given == MASK => {
            old.smtp_server.get("password").filter(|_| same_mail_account(&old.smtp_server, &realm.smtp_server)).cloned()
        }
        Some(given) => Some(sealer.seal(env.random(), &realm.id, &realm.smtp_secret_identity(), given.as_bytes())),
        None => None,
    };
    realm.smtp_server.extend(password.map(|sealed| ("password".to_owned(), sealed)));
}
