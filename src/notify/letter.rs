//! What is written: the mails of Keycloak's server, by the texts of the realm or of the catalogue, as plain text and HTML side
//! by side (RFC 2046 §5.1.4).

use std::time::{Duration, UNIX_EPOCH};

use askama::Template;
use lettre::address::Envelope;
use lettre::message::{Mailbox, Message, MultiPart, header};

use crate::base::env::Env;
use crate::i18n::Texts;
use crate::model::realm::Realm;
use crate::model::user::User;

use super::{MailError, SmtpServer};

/// A mail to one recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// An e-mail address.
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// `templates/email/letter.txt`
#[derive(Template)]
#[template(path = "email/letter.txt", escape = "none")]
struct PlainLetter<'a> {
    body: &'a str,
}

/// `templates/email/letter.html`
#[derive(Template)]
#[template(path = "email/letter.html")]
struct HtmlLetter<'a> {
    locale: &'a str,
    subject: &'a str,
    /// HTML.
    body: &'a str,
}

/// A link that is sent, and how long it works.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    pub url: &'a str,
    /// Seconds.
    pub lifespan: i64,
}

impl Letter {
    /// Shows that mail works.
    pub fn test(texts: &Texts<'_>, realm: &Realm, to: &str) -> Self {
        Self::write(texts, to, "emailTest", &[], &[realm_name(realm)])
    }

    /// Asks a user to confirm his address.
    pub fn verify_email(texts: &Texts<'_>, realm: &Realm, to: &str, link: Link<'_>) -> Self {
        let (minutes, span) = (minutes(link), span(texts, link.lifespan));
        Self::write(texts, to, "emailVerification", &[], &[link.url, &minutes, realm_name(realm), &span])
    }

    /// Asks a user to do something with his account: `actions` are aliases of required actions.
    pub fn execute_actions(texts: &Texts<'_>, realm: &Realm, to: &str, link: Link<'_>, actions: &[String]) -> Self {
        let named: Vec<String> = actions
            .iter()
            .map(|alias| {
                let key = format!("requiredAction.{alias}");
                let name = texts.text(&key);
                if name == key { alias.clone() } else { name }
            })
            .collect();
        let (minutes, span, named) = (minutes(link), span(texts, link.lifespan), named.join(", "));
        Self::write(texts, to, "executeActions", &[], &[link.url, &minutes, realm_name(realm), &named, &span])
    }

    /// Lets a user set a new password.
    pub fn reset_password(texts: &Texts<'_>, realm: &Realm, to: &str, link: Link<'_>) -> Self {
        let (minutes, span) = (minutes(link), span(texts, link.lifespan));
        Self::write(texts, to, "passwordReset", &[], &[link.url, &minutes, realm_name(realm), &span])
    }

    /// Invites somebody into an organization.
    pub fn organization_invite(texts: &Texts<'_>, realm: &Realm, to: &str, link: Link<'_>, organization: &str) -> Self {
        let (minutes, span) = (minutes(link), span(texts, link.lifespan));
        Self::write(texts, to, "orgInvite", &[organization], &[link.url, &minutes, realm_name(realm), organization, &span])
    }

    /// The texts `{kind}Subject`, `{kind}Body` and `{kind}BodyHtml` with their arguments.
    fn write(texts: &Texts<'_>, to: &str, kind: &str, subject: &[&str], body: &[&str]) -> Self {
        let subject = texts.format(&format!("{kind}Subject"), subject).replace(['\r', '\n'], " ");
        let plain = texts.format(&format!("{kind}Body"), body).replace("\\n", "\n");
        let escaped: Vec<String> = body.iter().map(|argument| escape(argument)).collect();
        let escaped: Vec<&str> = escaped.iter().map(String::as_str).collect();
        let html = texts.format(&format!("{kind}BodyHtml"), &escaped);
        let text = PlainLetter { body: &plain }.render().unwrap_or(plain.clone());
        let html = HtmlLetter { locale: texts.locale(), subject: &subject, body: &html }.render().unwrap_or_default();
        Self { to: to.to_owned(), subject, text, html }
    }

    /// The message as it is sent (RFC 5322).
    pub(super) fn message(&self, env: &Env, server: &SmtpServer) -> Result<Vec<u8>, MailError> {
        let recipient: Mailbox = Mailbox::new(None, self.to.parse().map_err(|_| MailError::Recipient)?);
        let sender = &server.sender;
        let now = UNIX_EPOCH + Duration::from_secs(u64::try_from(env.now().seconds()).unwrap_or_default());
        let message = Message::builder()
            .date(now)
            .from(sender.from.clone())
            .reply_to(sender.reply_to.clone())
            .to(recipient)
            .message_id(Some(format!("<{}@{}>", env.random().uuid(), sender.from.email.domain())))
            .header(header::MIME_VERSION_1_0)
            .subject(&self.subject)
            .multipart(MultiPart::alternative_plain_html(self.text.clone(), self.html.clone()));
        Ok(message.map_err(|_| MailError::Recipient)?.formatted())
    }

    pub(super) fn envelope(&self, server: &SmtpServer) -> Result<Envelope, MailError> {
        let recipient = self.to.parse().map_err(|_| MailError::Recipient)?;
        Envelope::new(Some(server.sender.envelope.clone()), vec![recipient]).map_err(|_| MailError::Recipient)
    }
}

/// The locale in which `user` is written to: his own if the realm speaks it.
pub fn locale_of<'a>(realm: &'a Realm, user: &'a User) -> &'a str {
    let own = user.attributes.get("locale").and_then(|values| values.first());
    own.filter(|own| realm.internationalization_enabled && realm.supported_locales.contains(own))
        .map_or_else(|| realm_locale(realm), String::as_str)
}

/// The locale of whoever has none of his own.
pub fn realm_locale(realm: &Realm) -> &str {
    realm
        .default_locale
        .as_deref()
        .filter(|_| realm.internationalization_enabled)
        .unwrap_or(crate::i18n::DEFAULT_LOCALE)
}

fn realm_name(realm: &Realm) -> &str {
    realm.display_name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(&realm.name)
}

fn minutes(link: Link<'_>) -> String {
    (link.lifespan / 60).to_string()
}

/// Seconds in the largest unit that divides them.
fn span(texts: &Texts<'_>, seconds: i64) -> String {
    let units = [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)];
    let (unit, length) = units.into_iter().find(|(_, length)| seconds >= *length && seconds % length == 0).unwrap_or(("second", 1));
    let count = seconds / length;
    let number = if count == 1 { "one" } else { "several" };
    texts.format(&format!("linkExpiration.{unit}.{number}"), &[&count.to_string()])
}

/// For text and attribute values in double quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::id::{RealmId, RoleId};

    fn realm(display: &str) -> Realm {
        let mut realm = Realm::new(RealmId::from("r"), "shop", RoleId::from("d"));
        realm.display_name = Some(display.to_owned());
        realm
    }

    #[test]
    fn every_letter_has_its_link_twice_and_escapes_what_it_names() {
        let own = BTreeMap::new();
        let link = Link { url: "https://id.example/x?key=a&b", lifespan: 43_200 };
        for locale in crate::i18n::locales() {
            let (texts, realm) = (Texts::new(locale, &own), realm("<b>Shop</b>"));
            let letters = [
                Letter::verify_email(&texts, &realm, "a@b.c", link),
                Letter::reset_password(&texts, &realm, "a@b.c", link),
                Letter::execute_actions(&texts, &realm, "a@b.c", link, &["UPDATE_PASSWORD".to_owned(), "<own>".to_owned()]),
                Letter::organization_invite(&texts, &realm, "a@b.c", link, "Acme & Co"),
            ];
            for letter in letters {
                assert!(letter.text.contains(link.url) && letter.html.contains("key=a&amp;b"), "{letter:?}");
                assert!(!letter.html.contains("<b>Shop") && !letter.html.contains("<own>"), "{letter:?}");
                assert!(!letter.text.contains("\\n") && !letter.text.contains('{') && !letter.html.contains("{0}"), "{letter:?}");
                assert!(letter.text.contains("12 "), "{letter:?}");
            }
        }
    }

    #[test]
    fn a_realms_own_text_is_sent_and_no_subject_breaks_a_header() {
        let mine = BTreeMap::from([
            ("emailTestSubject".to_owned(), "Hello\r\nBcc: x@y.z".to_owned()),
            ("emailTestBody".to_owned(), "realm {0} says hi".to_owned()),
        ]);
        let own = BTreeMap::from([("en".to_owned(), mine)]);
        let letter = Letter::test(&Texts::new("en", &own), &realm("Shop"), "a@b.c");
        assert_eq!((letter.subject.as_str(), letter.text.trim()), ("Hello  Bcc: x@y.z", "realm Shop says hi"));
    }

    #[test]
    fn a_span_is_told_in_the_largest_unit_that_fits() {
        let own = BTreeMap::new();
        let texts = Texts::new("en", &own);
        let spans: Vec<String> = [86_400, 43_200, 3600, 300, 61, 60, 1].into_iter().map(|seconds| span(&texts, seconds)).collect();
        assert_eq!(spans, ["1 day", "12 hours", "1 hour", "5 minutes", "61 seconds", "1 minute", "1 second"]);
    }
}
