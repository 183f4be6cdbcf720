//! What a new realm contains, as Keycloak 26.7 makes it: tables of its roles, clients, client scopes, flows, required actions,
//! user profile and registration policies. Only ids and keys are fresh; [`super::realms::create`] puts the parts together.

pub mod authentication;
pub mod client_scopes;
pub mod clients;
pub mod components;
pub mod roles;
pub mod user_profile;

use std::collections::BTreeMap;

/// A map of texts from pairs.
fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
