//! A mark that something happened once: a revoked token id, a used assertion.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SingleUse {
    pub at: Timestamp,
}
