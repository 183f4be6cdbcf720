//! `oidc-usersessionmodel-note-mapper`: a note of the user session.

use crate::compiled::mapper::Claim;
use crate::tokens::claims::Claims;

use super::Context;

pub fn apply(note: &str, claim: &Claim, cx: &Context<'_>, claims: &mut Claims<'_>) {
    claims.put_texts(claim, cx.note(note).as_deref());
}
