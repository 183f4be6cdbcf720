//! `oidc-usermodel-client-role-mapper`: the roles of one client, or of every client under its own name.

use crate::compiled::claim_path::{ClaimPath, Target};
use crate::tokens::claims::Claims;

use super::{TokenRoles, put_roles};

pub fn apply(client: Option<&str>, prefix: &str, multivalued: bool, claim: &ClaimPath, roles: &TokenRoles, claims: &mut Claims<'_>) {
    // What every token has: `resource_access.${client_id}.roles`, all clients, no prefix.
    let usual = claim.target == Target::ClientRoles && claim.is_template() && prefix.is_empty() && multivalued;
    for (client_id, roles) in roles.0.clients.iter().filter(|(client_id, _)| client.is_none_or(|client| client == &*client_id.text)) {
        if roles.is_empty() {
            continue;
        }
        if usual {
            claims.add_client_roles(client_id, roles);
        } else {
            put_roles(claims, &claim.for_client(&client_id.text), prefix, multivalued, roles);
        }
    }
}
