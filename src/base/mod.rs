//! The ground floor: time, randomness, identifiers, secrets and the cryptographic primitives that are not JOSE.
//! Nothing here knows what a realm is.

pub mod clock;
pub mod digest;
pub mod env;
pub mod id;
pub mod java_map;
pub mod metric;
pub mod password_blacklist;
pub mod password_hash;
pub mod random;
pub mod rate_limit;
pub mod seal;
pub mod secret;
pub mod spelling;
pub mod totp;
