//! `oidc-full-name-mapper`: first and last name, whichever there is.

use serde_json::Value;

use crate::tokens::claims::Claims;

use super::Context;

pub fn apply(cx: &Context<'_>, claims: &mut Claims<'_>) {
    let user = &cx.subject.user;
    let names = [user.first_name.as_deref(), user.last_name.as_deref()];
    let name = names.into_iter().flatten().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ");
    if !name.is_empty() {
        claims.put_fixed("name", Value::from(name));
    }
}
