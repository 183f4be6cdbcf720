//! A realm's `smtpServer`: Keycloak's names and defaults. All values are texts there.

use std::collections::BTreeMap;
use std::time::Duration;

use lettre::Address;
use lettre::message::Mailbox;

use crate::base::secret::Secret;

use super::MailError;

const DEFAULT_PORT: u16 = 25;
const DEFAULT_TLS_PORT: u16 = 465;
/// Keycloak's, in milliseconds.
const DEFAULT_TIMEOUT: u64 = 10_000;
/// A request of an administrator waits for it.
const MAX_TIMEOUT: u64 = 60_000;

/// How the connection is secured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    None,
    /// RFC 3207. Required, not merely tried.
    StartTls,
    /// RFC 8314 §3.3: from the first byte on.
    Tls,
}

/// Who sends, in whose name, and where answers go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sender {
    pub from: Mailbox,
    pub reply_to: Mailbox,
    /// Where the mail comes back to if it cannot be delivered (RFC 5321 §4.1.1.2); the sender where absent.
    pub envelope: Address,
}

/// Through whom a realm sends mail.
#[derive(Debug)]
pub struct SmtpServer {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub sender: Sender,
    pub credentials: Option<(String, Secret<String>)>,
    pub connect_timeout: Duration,
    /// For everything after the connection stands.
    pub timeout: Duration,
}

impl SmtpServer {
    /// From a realm's settings. `password` is what `password` in them seals.
    ///
    /// # Errors
    /// There is no usable sender, or a setting cannot be followed.
    pub fn read(settings: &BTreeMap<String, String>, password: Option<Secret<String>>) -> Result<Self, MailError> {
        let text = |name: &str| settings.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let flag = |name: &str| text(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let from = text("from").ok_or_else(|| MailError::Sender("null".to_owned()))?;
        let from = mailbox(from, text("fromDisplayName")).ok_or_else(|| MailError::Sender(from.to_owned()))?;
        let reply_to = match text("replyTo") {
            Some(address) => mailbox(address, text("replyToDisplayName")).ok_or(MailError::Setting("replyTo"))?,
            None => from.clone(),
        };
        let envelope = match text("envelopeFrom") {
            Some(address) => address.parse().map_err(|_| MailError::Setting("envelopeFrom"))?,
            None => from.email.clone(),
        };
        let security = match (flag("ssl"), flag("starttls")) {
            (true, _) => Security::Tls,
            (false, true) => Security::StartTls,
            (false, false) => Security::None,
        };
        let usual = if security == Security::Tls { DEFAULT_TLS_PORT } else { DEFAULT_PORT };
        let port = text("port").map_or(Ok(usual), |port| port.parse().map_err(|_| MailError::Setting("port")))?;
        let host = text("host").unwrap_or("localhost");
        if host.len() > 255 {
            return Err(MailError::Setting("host"));
        }
        let seconds = |name: &'static str| match text(name).map(str::parse::<u64>) {
            None => Ok(Duration::from_millis(DEFAULT_TIMEOUT)),
            Some(Ok(millis)) => Ok(Duration::from_millis(millis.clamp(1, MAX_TIMEOUT))),
            Some(Err(_)) => Err(MailError::Setting(name)),
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            security,
            sender: Sender { from, reply_to, envelope },
            credentials: if flag("auth") { Some(credentials(text("authType"), text("user"), password)?) } else { None },
            connect_timeout: seconds("connectionTimeout")?,
            timeout: seconds("timeout")?.max(seconds("writeTimeout")?),
        })
    }
}

fn credentials(kind: Option<&str>, user: Option<&str>, password: Option<Secret<String>>) -> Result<(String, Secret<String>), MailError> {
    // `token` would fetch an access token for the mail server first.
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("basic")) {
        return Err(MailError::Setting("authType"));
    }
    let user = user.ok_or(MailError::Setting("user"))?.to_owned();
    Ok((user, password.ok_or(MailError::Setting("password"))?))
}

fn mailbox(address: &str, name: Option<&str>) -> Option<Mailbox> {
    Some(Mailbox::new(name.map(str::to_owned), address.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<SmtpServer, MailError> {
        let settings = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        SmtpServer::read(&settings, Some(Secret::new("pw".to_owned())))
    }

    #[test]
    fn absent_settings_have_keycloaks_defaults() {
        let server = read(&[("from", "a@b.c")]).unwrap();
        assert_eq!((server.host.as_str(), server.port, server.security), ("localhost", 25, Security::None));
        assert_eq!((server.connect_timeout.as_millis(), server.credentials.is_none()), (10_000, true));
        assert_eq!((&server.sender.envelope, &server.sender.reply_to), (&server.sender.from.email, &server.sender.from));
        assert_eq!(read(&[("from", "a@b.c"), ("ssl", "true")]).unwrap().port, 465);
    }

    #[test]
    fn what_cannot_be_followed_is_refused_by_name() {
        assert_eq!(read(&[]).unwrap_err(), MailError::Sender("null".to_owned()));
        assert_eq!(read(&[("from", "nobody")]).unwrap_err(), MailError::Sender("nobody".to_owned()));
        for (name, value) in [("port", "70000"), ("replyTo", "x"), ("envelopeFrom", "x"), ("timeout", "soon")] {
            assert_eq!(read(&[("from", "a@b.c"), (name, value)]).unwrap_err(), MailError::Setting(name));
        }
        let token = [("from", "a@b.c"), ("auth", "true"), ("user", "u"), ("authType", "token")];
        assert_eq!(read(&token).unwrap_err(), MailError::Setting("authType"));
        assert_eq!(read(&[("from", "a@b.c"), ("auth", "true")]).unwrap_err(), MailError::Setting("user"));
    }

    #[test]
    fn time_limits_are_bounded() {
        let server = read(&[("from", "a@b.c"), ("timeout", "999999999"), ("connectionTimeout", "0")]).unwrap();
        assert_eq!((server.timeout.as_secs(), server.connect_timeout.as_millis()), (60, 1));
    }
}
