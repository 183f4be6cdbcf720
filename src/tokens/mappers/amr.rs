//! `oidc-amr-mapper`: the methods by which the user proved himself (RFC 8176). A direct grant runs no authenticator that has
//! a reference, so the list is empty; Keycloak writes it all the same.

use serde_json::Value;

use crate::tokens::claims::Claims;

pub fn apply(claims: &mut Claims<'_>) {
    claims.put_fixed("amr", Value::Array(Vec::new()));
}
