//! `oidc-usermodel-client-role-mapper`: the roles of one client, or of every client under its own name.

use crate::compiled::claim_path::Target;
use crate::compiled::mapper::{Claim, JsonType};
use crate::tokens::claims::Claims;

use super::{TokenRoles, put_roles};

pub fn apply(client: Option<&str>, prefix: &str, claim: &Claim, roles: &TokenRoles<'_>, claims: &mut Claims<'_>) {
    // What every token has: `resource_access.${client_id}.roles`, all clients, no prefix.
    let texts = claim.multivalued && matches!(claim.json_type, JsonType::Unset | JsonType::String);
    let usual = claim.path.target == Target::ClientRoles && claim.path.is_template() && prefix.is_empty() && texts;
    for (client_id, roles) in roles.0.clients.iter().filter(|(client_id, _)| client.is_none_or(|client| client == &*client_id.text)) {
        if roles.is_empty() {
            continue;
        }
        if usual {
            claims.add_client_roles(client_id, roles);
        } else {
            put_roles(claims, &claim.path.for_client(&client_id.text), claim, prefix, roles);
        }
    }
}
