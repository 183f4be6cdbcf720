//! The bag of services that handlers receive. Domain modules never see it: handlers hand them the narrow things they need.

use crate::audit::Audit;
use crate::base::env::Env;
use crate::base::metric::Stopwatch;
use crate::base::password_blacklist::Blacklists;
use crate::base::password_hash::HashingPool;
use crate::base::rate_limit::RateLimits;
use crate::base::seal::Sealer;
use crate::compiled::Compiled;
use crate::config::Config;
use crate::egress::Egress;
use crate::keyring::KeySource;
use crate::manage::passwords::Passwords;
use crate::notify::Mailer;
use crate::sessions::Stamps;
use crate::store::Store;

/// Everything one running issuer consists of.
pub struct App {
    pub config: Config,
    pub env: Env,
    pub store: Store,
    pub compiled: Compiled,
    pub hashing: HashingPool,
    pub blacklists: Blacklists,
    pub sealer: Sealer,
    /// When the server was built.
    pub started: Stopwatch,
    pub audit: Audit,
    /// Where the keys of new realms come from.
    pub keys: KeySource,
    pub egress: Egress,
    pub mailer: Mailer,
    pub limits: RateLimits,
    /// Uses of sessions that the store does not have yet.
    pub stamps: Stamps,
}

impl App {
    /// Judges and hashes new passwords.
    pub fn passwords(&self) -> Passwords<'_> {
        Passwords { store: &self.store, env: &self.env, hashing: &self.hashing, blacklists: &self.blacklists }
    }
}
