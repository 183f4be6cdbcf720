//! What the protocol says: parameters, grant types, scopes, errors. No IO.

pub mod error;
pub mod grant_type;
pub mod params;
