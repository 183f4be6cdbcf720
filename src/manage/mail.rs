//! The mail server of a realm, ready to use: settings with the sealed password opened.

use std::collections::BTreeMap;

use crate::base::seal::{CannotOpen, Sealer};
use crate::base::secret::Secret;
use crate::model::realm::Realm;
use crate::notify::{MailError, SmtpServer};

use super::realms::{MASK, same_mail_account};

/// The server through which `realm` sends.
///
/// # Errors
/// The password cannot be opened; inside, what is wrong with the settings.
pub fn server(realm: &Realm, sealer: &Sealer) -> Result<Result<SmtpServer, MailError>, CannotOpen> {
    Ok(SmtpServer::read(&realm.smtp_server, password(realm, sealer)?))
}

/// The server that `settings` describe, which are being tried out. A masked password is the realm's own, and goes only where the
/// realm has it for.
///
/// # Errors
/// As [`server`].
pub fn tried(realm: &Realm, sealer: &Sealer, settings: &BTreeMap<String, String>) -> Result<Result<SmtpServer, MailError>, CannotOpen> {
    let given = settings.get("password").cloned();
    let password = match given {
        Some(mask) if mask == MASK => {
            if same_mail_account(&realm.smtp_server, settings) {
                password(realm, sealer)?
            } else {
                None
            }
        }
        given => given.map(Secret::new),
    };
    Ok(SmtpServer::read(settings, password))
}

fn password(realm: &Realm, sealer: &Sealer) -> Result<Option<Secret<String>>, CannotOpen> {
    let Some(sealed) = realm.smtp_server.get("password") else { return Ok(None) };
    let opened = sealer.open(&realm.id, &realm.smtp_secret_identity(), sealed)?;
    String::from_utf8(opened.expose().clone()).map(|text| Some(Secret::new(text))).map_err(|_| CannotOpen)
}
