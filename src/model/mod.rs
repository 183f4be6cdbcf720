//! What exists: plain values, no IO. Field names are those of Keycloak's representations, so that a stored document reads
//! like the export that it came from.

pub mod authentication;
pub mod catalogue;
pub mod client;
pub mod client_policy;
pub mod client_scope;
pub mod component;
pub mod consent;
pub mod credential;
pub mod event;
pub mod group;
pub mod identity_provider;
pub mod initial_access;
pub mod lifetimes;
pub mod login_failures;
pub mod organization;
pub mod password_policy;
pub mod protocol_mapper;
pub mod realm;
pub mod role;
pub mod single_use;
pub mod user;
pub mod user_profile;
pub mod user_session;
