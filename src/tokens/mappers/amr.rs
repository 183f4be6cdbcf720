//! `oidc-amr-mapper`: the methods by which the user proved himself (RFC 8176), as far as the authenticators of the flow have
//! references and these have not aged out. Without any the list is empty; Keycloak writes it all the same.

use serde_json::Value;

use crate::compiled::references::COMPLETED;
use crate::tokens::claims::Claims;

use super::Context;

pub fn apply(cx: &Context<'_>, claims: &mut Claims<'_>) {
    let noted = cx.session.and_then(|session| session.notes.get(COMPLETED));
    let values = noted.map(|noted| cx.realm.references.values(noted, cx.now)).unwrap_or_default();
    claims.put_fixed("amr", Value::from(values));
}
