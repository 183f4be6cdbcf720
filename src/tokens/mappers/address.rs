//! `oidc-address-mapper`: the claim `address` (OIDC Core §5.1.1) from single attributes.

use serde_json::{Map, Value};

use crate::compiled::mapper::AddressFields;
use crate::tokens::claims::Claims;

use super::Context;

/// Keycloak writes the claim even when no attribute is there.
pub fn apply(fields: &AddressFields, cx: &Context<'_>, claims: &mut Claims<'_>) {
    claims.put_fixed("address", of(fields, cx));
}

/// The members that the user has.
pub(super) fn of(fields: &AddressFields, cx: &Context<'_>) -> Value {
    let attributes = &cx.subject.user.attributes;
    let value = |attribute: &str| attributes.get(attribute)?.first().filter(|value| !value.is_empty());
    let members = fields
        .members
        .iter()
        .filter_map(|(member, attribute)| Some(((*member).to_owned(), Value::from(value(attribute)?.as_str()))));
    Value::Object(members.collect::<Map<_, _>>())
}
