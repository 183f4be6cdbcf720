//! OpenID Connect and OAuth below `/realms/{realm}`: one file per endpoint, named after the last fixed segment of its URL.

pub mod certs;
pub mod discovery;
pub mod introspect;
pub mod logout;
pub mod realm;
pub mod redirects;
pub mod registration;
pub mod revoke;
pub mod token;
pub mod userinfo;
