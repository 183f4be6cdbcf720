//! `oidc-hardcoded-claim-mapper`: a constant.

use serde_json::Value;

use crate::compiled::claim_path::ClaimPath;
use crate::tokens::claims::Claims;

pub fn apply(claim: &ClaimPath, value: &Value, claims: &mut Claims<'_>) {
    claims.put(claim, value.clone());
}
