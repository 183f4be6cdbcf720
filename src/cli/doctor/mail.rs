//! Whether the realms can send the mails that they promise: a sender, a server that answers, and TLS to it. No mail is sent and
//! nobody signs in there.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use super::super::api::{Api, flag, text};
use super::super::failure::Failure;
use super::{Finding, good, problem, warning};
use crate::base::secret::Secret;
use crate::notify::{MailError, Mailer, Security, SmtpServer};

const CHECK: &str = "mail";

/// A finding for each realm that sends mails or ought to.
pub(super) async fn findings(api: &Api<'_>, mailer: &Mailer) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for realm in api.list(&[], &[]).await? {
        let settings: BTreeMap<String, String> = realm["smtpServer"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect();
        findings.extend(of_realm(&realm, &settings, mailer).await);
    }
    if findings.is_empty() {
        findings.push(good(CHECK, "no realm sends mails"));
    }
    Ok(findings)
}

async fn of_realm(realm: &Value, settings: &BTreeMap<String, String>, mailer: &Mailer) -> Option<Finding> {
    let name = text(realm, "realm");
    if settings.is_empty() {
        let wanted = ["verifyEmail", "resetPasswordAllowed"].into_iter().find(|member| flag(realm, member))?;
        let advice = format!("keywright realm set {name} -s smtpServer.host=… -s smtpServer.from=…");
        return Some(warning(CHECK, format!("realm {name} has {wanted} and no mail server"), advice));
    }
    // What the password is does not matter: nobody signs in.
    let server = match SmtpServer::read(settings, Some(Secret::from(""))) {
        Ok(server) => server,
        Err(error) => return Some(problem(CHECK, format!("realm {name}: {error}"), "correct smtpServer of the realm")),
    };
    let place = format!("{}:{}", server.host, server.port);
    Some(match mailer.reach(&server).await {
        Ok(()) if server.security == Security::None && !is_local(&server.host) => warning(
            CHECK,
            format!("realm {name}: {place} answers, and mails travel there in clear, with links that sign people in"),
            "smtpServer.starttls or smtpServer.ssl",
        ),
        Ok(()) => {
            let secured = if server.security == Security::None { "answers" } else { "answers by TLS" };
            good(CHECK, format!("realm {name}: {place} {secured}; mails come from {}", server.sender.from.email))
        }
        Err(error @ MailError::Insecure) => problem(
            CHECK,
            format!("realm {name}: {place}: {error}"),
            "does its certificate fit? egress.ca_file names an authority of your own",
        ),
        Err(error) => {
            problem(CHECK, format!("realm {name}: {place}: {error}"), "smtpServer.host and smtpServer.port; does a firewall stand between?")
        }
    })
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
