//! The claims parameter (OIDC Core §5.5), kept by the sign-in as a note of the session. `oidc-claims-param-token-mapper` adds what
//! it names as essential and the user has, `oidc-claims-param-value-idtoken-mapper` hands one value of it through.
//! Direct grants have no such parameter.

use serde_json::{Map, Value};

use crate::compiled::claim_path::ClaimPath;
use crate::compiled::mapper::{AddressFields, TokenKind};
use crate::tokens::claims::Claims;

use super::{Context, address, user_attribute};

/// The note that holds the parameter as it was sent.
pub const NOTE: &str = "claims";

/// The claims of OIDC Core §5.1 that are attributes, with the attribute's name. Nothing else of a user is given to whoever asks.
const ATTRIBUTES: [(&str, &str); 16] = [
    ("preferred_username", "username"),
    ("given_name", "firstName"),
    ("family_name", "lastName"),
    ("middle_name", "middleName"),
    ("nickname", "nickname"),
    ("profile", "profile"),
    ("picture", "picture"),
    ("website", "website"),
    ("email", "email"),
    ("gender", "gender"),
    ("birthdate", "birthdate"),
    ("zoneinfo", "zoneinfo"),
    ("locale", "locale"),
    ("phone_number", "phoneNumber"),
    ("phone_number_verified", "phoneNumberVerified"),
    ("updated_at", "updatedAt"),
];

/// Adds the essential claims of the ID token or of userinfo.
pub fn essential(kind: TokenKind, cx: &Context<'_>, claims: &mut Claims<'_>) {
    // Names without dots, so a name is a whole claim.
    let Some(requested) = requested(cx, if kind == TokenKind::UserInfo { "userinfo" } else { "id_token" }) else { return };
    let essential = requested.iter().filter(|(_, request)| request["essential"] == true);
    for (name, value) in essential.filter_map(|(name, _)| Some((name, of_user(name, cx)?))) {
        claims.put_fixed(name, value);
    }
}

/// Adds the claim `name` with the value that the request gives to it.
pub fn value(name: &str, cx: &Context<'_>, claims: &mut Claims<'_>) {
    let value = requested(cx, "id_token").and_then(|mut requested| Some(requested.get_mut(name)?.get_mut("value")?.take()));
    if let (Some(value), Some(path)) = (value, ClaimPath::parse(name)) {
        claims.put(&path, value);
    }
}

fn requested(cx: &Context<'_>, part: &str) -> Option<Map<String, Value>> {
    let parameter = cx.session?.notes.get(NOTE)?;
    match serde_json::from_str::<Value>(parameter).ok()?.get_mut(part)?.take() {
        Value::Object(requested) => Some(requested),
        _ => None,
    }
}

fn of_user(name: &str, cx: &Context<'_>) -> Option<Value> {
    let user = &cx.subject.user;
    match name {
        "name" => {
            let names = [user.first_name.as_deref(), user.last_name.as_deref()].into_iter().flatten().filter(|name| !name.is_empty());
            Some(Value::from(names.collect::<Vec<_>>().join(" "))).filter(|name| name != "")
        }
        "email_verified" => Some(Value::from(user.email_verified)),
        "address" => Some(address::of(&AddressFields::standard(), cx)),
        _ => {
            let (_, attribute) = ATTRIBUTES.iter().find(|(claim, _)| *claim == name)?;
            let first = user_attribute::values(cx.subject, attribute, false).into_iter().find(|value| !value.is_empty())?;
            Some(match name {
                "phone_number_verified" => Value::from(first == "true"),
                "updated_at" => Value::from(first.parse::<i64>().ok()?),
                _ => Value::from(first),
            })
        }
    }
}
