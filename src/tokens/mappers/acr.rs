//! `oidc-acr-mapper`: how strongly the user proved himself (OIDC Core §2).

use std::borrow::Cow;

use crate::tokens::claims::Claims;

use super::Context;

pub fn apply<'a>(cx: &Context<'a>, claims: &mut Claims<'a>) {
    claims.acr = Some(Cow::Borrowed(cx.acr));
}
