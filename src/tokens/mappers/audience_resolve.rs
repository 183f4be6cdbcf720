//! `oidc-audience-resolve-mapper`: every other client in which the token has a role is an audience.

use std::borrow::Cow;

use crate::tokens::claims::Claims;

use super::{Context, TokenRoles};

pub fn apply(roles: &TokenRoles<'_>, cx: &Context<'_>, claims: &mut Claims<'_>) {
    for (client, roles) in &roles.0.clients {
        if !roles.is_empty() && *client.text != *cx.client.client.client_id {
            claims.add_audience(Cow::Owned(client.text.to_string()));
        }
    }
}
