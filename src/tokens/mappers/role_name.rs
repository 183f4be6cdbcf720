//! `oidc-role-name-mapper`: a role shows under another name, possibly that of another client's role.

use crate::compiled::mapper::RoleReference;

use super::TokenRoles;

pub fn apply(role: &RoleReference, new: &RoleReference, roles: &mut TokenRoles<'_>) {
    if roles.remove(role) {
        roles.add(new);
    }
}
