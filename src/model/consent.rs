//! What a user allowed clients that must ask him.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::id::{ClientId, ClientScopeId};

/// All consents of a user, one per client.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Consents(pub Vec<Consent>);

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    pub client: ClientId,
    pub scopes: Vec<ClientScopeId>,
    pub created: Timestamp,
    pub updated: Timestamp,
}
