//! `oidc-nonce-backwards-compatible-mapper`: `nonce` in the access token too, for adapters older than Keycloak 25.

use std::borrow::Cow;

use crate::tokens::claims::Claims;

use super::Context;

pub fn apply<'a>(cx: &Context<'a>, claims: &mut Claims<'a>) {
    claims.nonce = cx.nonce.map(Cow::Borrowed);
}
