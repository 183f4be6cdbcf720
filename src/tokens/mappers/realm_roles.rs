//! `oidc-usermodel-realm-role-mapper`: the realm roles.

use crate::compiled::claim_path::ClaimPath;
use crate::tokens::claims::Claims;

use super::{TokenRoles, put_roles};

pub fn apply(prefix: &str, multivalued: bool, claim: &ClaimPath, roles: &TokenRoles, claims: &mut Claims<'_>) {
    if !roles.0.realm.is_empty() {
        put_roles(claims, claim, prefix, multivalued, &roles.0.realm);
    }
}
