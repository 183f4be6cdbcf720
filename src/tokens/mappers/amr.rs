//! `oidc-amr-mapper`: the methods by which the user proved himself (RFC 8176). A direct grant runs no authenticator that has
//! a reference, so the list is empty; Keycloak writes it into tokens all the same, and into nothing else.

use serde_json::Value;

use crate::compiled::claim_path::ClaimPath;
use crate::compiled::mapper::TokenKind;
use crate::tokens::claims::Claims;

pub fn apply(claim: &ClaimPath, kind: TokenKind, claims: &mut Claims<'_>) {
    if matches!(kind, TokenKind::Access | TokenKind::LightweightAccess | TokenKind::Id) {
        claims.put(claim, Value::Array(Vec::new()));
    }
}
