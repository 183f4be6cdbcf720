//! `oidc-session-state-mapper`: the session's id once more, for adapters older than Keycloak 24.

use serde_json::Value;

use crate::tokens::claims::Claims;

use super::Context;

pub fn apply(cx: &Context<'_>, claims: &mut Claims<'_>) {
    if let Some(session) = cx.session {
        claims.put_fixed("session_state", Value::from(session.id.as_str()));
    }
}
