//! `oidc-audience-mapper`: a fixed audience, usually the resource server that the client talks to.

use std::borrow::Cow;

use crate::tokens::claims::Claims;

pub fn apply<'a>(audience: &'a str, claims: &mut Claims<'a>) {
    claims.add_audience(Cow::Borrowed(audience));
}
