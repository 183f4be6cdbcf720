//! Keywright: an embedded OpenID Connect identity provider that speaks Keycloak's public HTTP surface.
//!
//! `docs/architecture.md` is the map of this crate. The public API for embedders is [`embed`] and [`testing`]; the other
//! modules are public so that the tests, the benches and the console share them, and follow the crate's needs.

pub mod admin;
pub mod app;
pub mod audit;
pub mod authn;
pub mod base;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compiled;
pub mod config;
pub mod egress;
pub mod embed;
pub mod grants;
pub mod i18n;
pub mod keyring;
pub mod manage;
pub mod management;
pub mod model;
pub mod notify;
pub mod oauth;
pub mod oidc;
pub mod routes;
pub mod sessions;
pub mod store;
pub mod testing;
pub mod tokens;
pub mod web;
