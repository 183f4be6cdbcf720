//! The bag of services that handlers receive. Domain modules never see it: handlers hand them the narrow things they need.

use crate::base::env::Env;
use crate::base::password_hash::HashingPool;
use crate::base::seal::Sealer;
use crate::compiled::Compiled;
use crate::config::Config;
use crate::sessions::Stamps;
use crate::store::Store;

/// Everything one running issuer consists of.
pub struct App {
    pub config: Config,
    pub env: Env,
    pub store: Store,
    pub compiled: Compiled,
    pub hashing: HashingPool,
    pub sealer: Sealer,
    /// Uses of sessions that the store does not have yet.
    pub stamps: Stamps,
}
