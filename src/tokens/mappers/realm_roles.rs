//! `oidc-usermodel-realm-role-mapper`: the realm roles.

use crate::compiled::mapper::Claim;
use crate::tokens::claims::Claims;

use super::{TokenRoles, put_roles};

pub fn apply(prefix: &str, claim: &Claim, roles: &TokenRoles<'_>, claims: &mut Claims<'_>) {
    if !roles.0.realm.is_empty() {
        put_roles(claims, &claim.path, claim, prefix, &roles.0.realm);
    }
}
