//! Mail: what the server tells people who are not looking at it. A realm's `smtpServer` says through whom ([`SmtpServer`]),
//! [`letter`] what; [`Mailer`] speaks SMTP (RFC 5321) with TLS by rustls. Nothing here decides whether a mail may be sent.

pub mod letter;
mod server;

pub use letter::Letter;
pub use server::{Security, Sender, SmtpServer};

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters, TlsParametersBuilder};
use lettre::transport::smtp::extension::ClientId;

use crate::base::env::Env;

/// Why a mail was not sent. The texts are for the administrator who asked for it; none tells what a server behind the address
/// answered, or this would be a way to talk to servers inside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Keycloak's text.
    #[error(
        "Invalid sender address '{0}'. If the address contains UTF-8 characters in the local part please ensure the SMTP server supports the SMTPUTF8 extension and enable 'Allow UTF-8' in the email realm configuration."
    )]
    Sender(String),
    #[error("Invalid recipient address")]
    Recipient,
    /// A setting that cannot be followed.
    #[error("Invalid SMTP setting '{0}'")]
    Setting(&'static str),
    /// No such host, nobody listens there, or too slowly.
    #[error("Couldn't connect to the SMTP server")]
    Unreachable,
    #[error("Couldn't establish a secure connection to the SMTP server")]
    Insecure,
    #[error("Couldn't authenticate at the SMTP server")]
    Credentials,
    /// The server took the connection but not the mail. Its code, if it gave one.
    #[error("The SMTP server didn't take the message{}", .0.map(|code| format!(" ({code})")).unwrap_or_default())]
    Refused(Option<u16>),
}

/// Sends mails.
pub struct Mailer {
    /// Trusted besides those of the operating system.
    authorities: Vec<Certificate>,
    /// How this server calls itself.
    hello: ClientId,
}

impl Mailer {
    /// `ca_file` is a PEM file of certificate authorities to trust besides those of the operating system; `host` is the name of
    /// this server.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificates.
    pub fn new(ca_file: Option<&Path>, host: &str) -> Result<Self, String> {
        let authorities = match ca_file {
            None => Vec::new(),
            Some(path) => {
                let pem = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
                vec![Certificate::from_pem(&pem).map_err(|_| format!("{} holds no usable certificate", path.display()))?]
            }
        };
        let hello = match host.trim_matches(['[', ']']).parse() {
            Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
            Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
            Err(_) => ClientId::Domain(host.to_owned()),
        };
        Ok(Self { authorities, hello })
    }

    /// Hands a letter to the server. Every step has the server's time limits.
    ///
    /// # Errors
    /// Why it was not taken. The log knows more.
    pub async fn send(&self, env: &Env, server: &SmtpServer, letter: &Letter) -> Result<(), MailError> {
        let sent = self.deliver(env, server, letter).await;
        if let Err(error) = &sent {
            tracing::warn!(host = server.host, port = server.port, %error, "a mail was not sent");
        }
        sent
    }

    /// Whether the server answers, secured as it is to be. Nobody signs in and nothing is sent.
    ///
    /// # Errors
    /// [`MailError::Unreachable`], [`MailError::Insecure`].
    pub async fn reach(&self, server: &SmtpServer) -> Result<(), MailError> {
        let mut connection = within(server.connect_timeout, self.connect(server), MailError::Unreachable).await?;
        // It answered; whether the goodbye is heard does not matter.
        let _ = tokio::time::timeout(Duration::from_secs(1), connection.quit()).await;
        Ok(())
    }

    async fn deliver(&self, env: &Env, server: &SmtpServer, letter: &Letter) -> Result<(), MailError> {
        let message = letter.message(env, server)?;
        let envelope = letter.envelope(server)?;
        let mut connection = within(server.connect_timeout, self.connect(server), MailError::Unreachable).await?;
        let conversation = async {
            if let Some((user, password)) = &server.credentials {
                let credentials = Credentials::new(user.clone(), password.expose().clone());
                let answer = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
                let answer = answer.map_err(|error| because(&error, MailError::Credentials))?;
                if !answer.is_positive() {
                    return Err(MailError::Credentials);
                }
            }
            let refused = |error: lettre::transport::smtp::Error| {
                let code = error.status().map(u16::from);
                because(&error, MailError::Refused(code))
            };
            connection.send(&envelope, &message).await.map_err(refused)?;
            Ok(())
        };
        let sent = within(server.timeout, conversation, MailError::Refused(None)).await;
        // The mail is taken; whether the goodbye is heard does not matter.
        let _ = tokio::time::timeout(Duration::from_secs(1), connection.quit()).await;
        sent
    }

    async fn connect(&self, server: &SmtpServer) -> Result<AsyncSmtpConnection, MailError> {
        let address = resolve(&server.host, server.port).await?;
        let implicit = (server.security == Security::Tls).then(|| self.tls(server)).transpose()?;
        let connected = AsyncSmtpConnection::connect_tokio1(address, Some(server.connect_timeout), &self.hello, implicit, None).await;
        let mut connection = connected.map_err(|error| {
            let reason = if error.is_tls() || is_tls_failure(&error) { MailError::Insecure } else { MailError::Unreachable };
            because(&error, reason)
        })?;
        if server.security == Security::StartTls {
            // RFC 3207 §6: a server that does not offer it any more may be somebody in the middle, so there is no way without.
            let secured = connection.starttls(self.tls(server)?, &self.hello).await;
            secured.map_err(|error| because(&error, MailError::Insecure))?;
        }
        Ok(connection)
    }

    fn tls(&self, server: &SmtpServer) -> Result<TlsParameters, MailError> {
        let builder = TlsParameters::builder(server.host.clone());
        let builder = self.authorities.iter().cloned().fold(builder, TlsParametersBuilder::add_root_certificate);
        builder.build_rustls().map_err(|error| because(&error, MailError::Insecure))
    }
}

/// Whether a connection failed at its handshake: rustls says so through an error of input and output.
fn is_tls_failure(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(error) = source {
        if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::InvalidData) {
            return true;
        }
        source = error.source();
    }
    false
}

/// Where the server is. Relays stand inside the network, so private addresses are as good as public ones; what answers on
/// link-local ones are the metadata services of clouds, and no relay.
async fn resolve(host: &str, port: u16) -> Result<SocketAddr, MailError> {
    let found = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await.map_err(|_| MailError::Unreachable)?;
    let mut usable = found.filter(|address| is_relay(address.ip()));
    usable.next().ok_or(MailError::Unreachable)
}

fn is_relay(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !(v4.is_link_local() || v4.is_multicast() || v4.is_broadcast() || v4.is_unspecified()),
        IpAddr::V6(v6) => {
            let metadata = v6.segments()[..2] == [0xfd00, 0x0ec2];
            !(v6.is_unicast_link_local() || v6.is_multicast() || v6.is_unspecified() || metadata)
        }
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, MailError>>, late: MailError) -> Result<T, MailError> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(late))
}

/// `reason`, with what the library says in the log.
fn because(error: &lettre::transport::smtp::Error, reason: MailError) -> MailError {
    tracing::debug!(?error, "SMTP");
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_stand_anywhere_but_where_clouds_keep_their_metadata() {
        for address in ["127.0.0.1", "10.0.0.25", "192.168.1.1", "8.8.8.8", "::1", "fd12::25", "2606:4700::1111"] {
            assert!(is_relay(address.parse().unwrap()), "{address}");
        }
        for address in ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0", "::", "224.0.0.1", "ff02::1"] {
            assert!(!is_relay(address.parse().unwrap()), "{address}");
        }
    }
}
