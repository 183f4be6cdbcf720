//! The integration tests: one binary, a folder per capability, test files named like the source file that they are about.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it is")]
#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    clippy::needless_pass_by_value,
    clippy::needless_for_each,
    clippy::default_trait_access,
    clippy::unused_async,
    reason = "what these rules save does not matter in a test; json!() arguments read better by value"
)]

mod admin;
mod architecture;
mod audit;
mod clients;
mod documentation;
mod durability;
mod egress;
mod grants;
mod keyring;
mod licences;
mod live;
mod manage;
mod management;
mod oidc;
mod process;
mod security;
mod sessions;
mod store;
mod support;
mod tokens;
mod transport;
mod web;
mod whole_run;
