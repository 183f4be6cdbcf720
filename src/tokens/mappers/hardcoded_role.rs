//! `oidc-hardcoded-role-mapper`: a role that every token of the client has.

use crate::compiled::mapper::RoleReference;

use super::TokenRoles;

pub fn apply(role: &RoleReference, roles: &mut TokenRoles<'_>) {
    roles.add(role);
}
