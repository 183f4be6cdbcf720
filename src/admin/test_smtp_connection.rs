//! `testSMTPConnection`: sends a mail to the caller by settings that may not be saved yet.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde_json::Value;

use crate::i18n::{DEFAULT_LOCALE, Texts};
use crate::manage::mail;
use crate::notify::Letter;
use crate::oauth::params::Params;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::error::AdminError;

/// `POST …/testSMTPConnection`, settings as JSON or as the field `config` of a form. Whatever is wrong, the answer is the same:
/// it must not tell what else listens in the network.
pub async fn send(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (app, realm) = (&cx.app, cx.realm());
    let settings = settings(&cx)?;
    let failed = || AdminError::message(500, "Failed to send email");
    let to = cx.caller.user.email.as_deref().ok_or_else(failed)?;
    let server = mail::tried(realm, &app.sealer, &settings)?.map_err(|_| failed())?;
    let own = app.store.peek().localization().get(&realm.id).await?;
    let locale = realm.default_locale.as_deref().filter(|_| realm.internationalization_enabled);
    let letter = Letter::test(&Texts::new(locale.unwrap_or(DEFAULT_LOCALE), &own), realm, to);
    app.mailer.send(&app.env, &server, &letter).await.map_err(|_| failed())?;
    Ok(answer::done())
}

fn settings(cx: &AdminRequest) -> Result<BTreeMap<String, String>, AdminError> {
    let unreadable = || AdminError::described(400, "invalid_request", "Cannot parse the JSON");
    let is_form = cx.content_type().is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let given: BTreeMap<String, Value> = if is_form {
        let form = Params::parse(&cx.body).map_err(|_| unreadable())?;
        serde_json::from_str(form.get("config").unwrap_or("{}")).map_err(|_| unreadable())?
    } else {
        body::read(cx, "Map")?
    };
    let texts = given.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        Value::Bool(_) | Value::Number(_) => Some((name, value.to_string())),
        _ => None,
    });
    Ok(texts.collect())
}
