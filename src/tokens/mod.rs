//! Tokens: what a grant proves ([`authorization`]), which scopes it may name ([`scope`]), the one mint ([`issue`]) and the
//! check of what comes back ([`verify`]). Links in mails carry an [`action_token`]. Claims come from protocol mappers only ([`mappers`]).

mod access_token;
pub mod action_token;
pub mod adapter_action;
pub mod authorization;
pub mod claims;
pub mod encryption;
pub mod exchange;
mod id_token;
pub mod identity_cookie;
pub mod introspection;
pub mod issue;
pub mod mappers;
pub mod organization;
pub mod refresh_token;
pub mod registration;
pub mod scope;
pub mod userinfo;
pub mod verify;
