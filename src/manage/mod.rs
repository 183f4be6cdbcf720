//! The rules of administration: defaults, uniqueness, referential integrity. Functions on a transaction, shared by REST,
//! console, CLI, import and embedding; none of those has a rule of its own.
//!
//! Uniqueness hangs on index keys: a function looks first, to answer with the right text, and inserts with "must be new", so
//! that of two concurrent callers one loses its commit, runs again, and then sees the other. Nothing here computes a hash or a
//! key pair: transactions may run more than once, so both are made before and handed in.

pub mod authentication;
pub mod bootstrap;
pub mod client_certificates;
pub mod client_metadata;
pub mod client_policies;
pub mod client_registration;
pub mod client_scopes;
pub mod client_secrets;
pub mod clients;
pub mod components;
pub mod credentials;
pub mod defaults;
pub mod error;
pub mod export;
pub mod groups;
pub mod identity_links;
pub mod identity_providers;
pub mod import;
pub mod jobs;
pub mod mail;
pub mod organization_groups;
pub mod organization_invitations;
pub mod organizations;
pub mod pairwise;
pub mod passwords;
pub mod protocol_mappers;
pub mod realms;
pub mod registration_policies;
pub mod representation;
pub mod roles;
pub mod scope_mappings;
pub mod user_search;
pub mod users;
