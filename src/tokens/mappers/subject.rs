//! `oidc-sub-mapper`: `sub` in access tokens. It is a mapper so that a client can do without.

use std::borrow::Cow;

use crate::tokens::claims::Claims;

use super::Context;

pub fn apply<'a>(cx: &Context<'a>, claims: &mut Claims<'a>) {
    claims.sub = Some(Cow::Borrowed(cx.subject.user.id.as_str()));
}
