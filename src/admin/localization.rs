//! `/localization`: the realm's own texts by locale and key.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value};

use crate::manage::error::ManageError;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::body;
use super::change::change;
use super::error::AdminError;

/// Characters of one text.
const MAX_TEXT: usize = 32 << 10;
/// Texts of a locale: they are one document.
const MAX_TEXTS: usize = 10_000;

/// `GET …/localization`
pub async fn locales(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let texts = cx.app.store.peek().localization().get(&cx.realm().id).await?;
    let locales: Vec<&String> = texts.iter().filter(|(_, texts)| !texts.is_empty()).map(|(locale, _)| locale).collect();
    Ok(answer::document(&locales))
}

/// `GET …/localization/{locale}`
pub async fn texts(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let mut texts = cx.app.store.peek().localization().get(&cx.realm().id).await?;
    let mut shown = texts.remove(cx.parameter("locale")).unwrap_or_default();
    if cx.flag("useRealmDefaultLocaleFallback").unwrap_or(false)
        && let Some(fallback) = cx.realm().default_locale.as_ref().and_then(|locale| texts.remove(locale))
    {
        for (key, text) in fallback {
            shown.entry(key).or_insert(text);
        }
    }
    Ok(answer::document(&shown))
}

/// `GET …/localization/{locale}/{key}`
pub async fn text(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let texts = cx.app.store.peek().localization().get(&cx.realm().id).await?;
    let text = texts.get(cx.parameter("locale")).and_then(|texts| texts.get(cx.parameter("key")));
    let text = text.ok_or_else(|| AdminError::error(404, "Localization text not found"))?;
    let mut response = HttpResponse::Ok().body(text.clone());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    Ok(response)
}

/// `POST …/localization/{locale}`: texts by key, beside those that are there
pub async fn add(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let given: Map<String, Value> = body::read(&cx, "Map")?;
    let mut pairs = Vec::with_capacity(given.len());
    for (key, text) in given {
        let Value::String(text) = text else { return Err(AdminError::described(400, "unknown_error", "Cannot parse the JSON")) };
        pairs.push((key, text));
    }
    put(cx, pairs).await
}

/// `PUT …/localization/{locale}/{key}`, a plain text
pub async fn set(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let pair = (cx.parameter("key").to_owned(), body::text(&cx)?.to_owned());
    put(cx, vec![pair]).await
}

/// `DELETE …/localization/{locale}`
pub async fn delete_locale(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, locale) = (&cx.realm().id, cx.parameter("locale"));
    let gone = change!(cx, |txn| async {
        let mut texts = txn.localization().get(realm).await?;
        let gone = texts.remove(locale).is_some_and(|texts| !texts.is_empty());
        txn.localization().put(realm, &texts);
        Ok(gone)
    })?;
    if gone { Ok(answer::done()) } else { Err(AdminError::error(404, format!("No localization texts for locale {locale} found."))) }
}

/// `DELETE …/localization/{locale}/{key}`
pub async fn delete(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let (realm, locale, key) = (&cx.realm().id, cx.parameter("locale"), cx.parameter("key"));
    let gone = change!(cx, |txn| async {
        let mut texts = txn.localization().get(realm).await?;
        let gone = texts.get_mut(locale).is_some_and(|texts| texts.remove(key).is_some());
        txn.localization().put(realm, &texts);
        Ok(gone)
    })?;
    if gone { Ok(answer::done()) } else { Err(AdminError::error(404, "Localization text not found")) }
}

async fn put(cx: AdminRequest, pairs: Vec<(String, String)>) -> Result<HttpResponse, AdminError> {
    if pairs.iter().any(|(key, text)| key.is_empty() || key.len() > 255 || text.len() > MAX_TEXT) {
        return Err(ManageError::too_large("A localization text or its key").into());
    }
    let (realm, locale, pairs) = (&cx.realm().id, cx.parameter("locale"), &pairs);
    if locale.len() > 255 {
        return Err(ManageError::too_large("The locale").into());
    }
    change!(cx, |txn| async {
        let mut texts = txn.localization().get(realm).await?;
        let of_locale = texts.entry(locale.to_owned()).or_default();
        of_locale.extend(pairs.iter().cloned());
        if of_locale.len() > MAX_TEXTS {
            return Err(ManageError::too_large("The set of texts"));
        }
        txn.localization().put(realm, &texts);
        Ok(())
    })?;
    Ok(answer::done())
}
