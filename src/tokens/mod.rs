//! Tokens: what a grant proves ([`authorization`]), which scopes it may name ([`scope`]), the one mint ([`issue`]) and the
//! check of what comes back ([`verify`]). Claims come from protocol mappers only ([`mappers`]).

mod access_token;
pub mod authorization;
pub mod claims;
pub mod encryption;
pub mod exchange;
mod id_token;
pub mod introspection;
pub mod issue;
pub mod mappers;
pub mod refresh_token;
pub mod scope;
pub mod userinfo;
pub mod verify;
