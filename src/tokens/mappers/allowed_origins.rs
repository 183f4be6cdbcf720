//! `oidc-allowed-origins-mapper`: the origins whose scripts may call the resource server.

use crate::tokens::claims::Claims;

use super::Context;

pub fn apply<'a>(cx: &Context<'a>, claims: &mut Claims<'a>) {
    if !cx.client.client.web_origins.is_empty() {
        claims.allowed_origins = Some(&cx.client.web_origins);
    }
}
