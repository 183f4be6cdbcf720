//! Components: key providers, registration policies, user federations, as data with checked types. Key providers come with
//! their keys made: that takes long and happens before the transaction ([`crate::keyring`]).

use crate::base::id::{ComponentId, RealmId};
use crate::model::component::{Component, KEY_PROVIDER};
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::defaults::components::REGISTRATION_POLICY;
use super::error::ManageError;
use super::realms;

/// Configuration keys of user federations whose values are private: sealed at rest, never shown.
pub const FEDERATION_SECRETS: [&str; 1] = ["bindCredential"];

/// Every provider that a component can name.
const PROVIDERS: &[(&str, &[&str])] = &[
    (
        KEY_PROVIDER,
        &[
            "aes-generated",
            "ecdh-generated",
            "ecdsa-generated",
            "eddsa-generated",
            "hmac-generated",
            "java-keystore",
            "rsa",
            "rsa-enc",
            "rsa-enc-generated",
            "rsa-generated",
        ],
    ),
    (
        REGISTRATION_POLICY,
        &[
            "allowed-client-templates",
            "allowed-protocol-mappers",
            "client-disabled",
            "consent-required",
            "max-clients",
            "registration-web-origins",
            "scope",
            "trusted-hosts",
        ],
    ),
    ("org.keycloak.storage.UserStorageProvider", &["kerberos", "ldap"]),
    ("org.keycloak.userprofile.UserProfileProvider", &["declarative-user-profile"]),
];

/// Creates a component. Its secrets are sealed already ([`Component::secret_identity`]).
///
/// # Errors
/// No such realm, type or provider; the id is taken; a priority is no number.
pub async fn create(txn: &mut Txn<'_, Configuration>, realm: &RealmId, component: &Component) -> Result<(), ManageError> {
    realms::existing(txn, realm).await?;
    realms::check_id(component.id.as_str())?;
    check(component)?;
    if txn.components().get(realm, &component.id).await?.is_some() {
        return Err(ManageError::component_config("Component with same id exists"));
    }
    txn.components().insert(realm, component);
    Ok(())
}

/// Replaces a component, for example to retire a key (`active` false) or to lock it out (`enabled` false).
///
/// # Errors
/// No such component; otherwise as [`create`].
pub async fn update(txn: &mut Txn<'_, Configuration>, realm: &RealmId, component: &Component) -> Result<(), ManageError> {
    existing(txn, realm, &component.id).await?;
    check(component)?;
    txn.components().put(realm, component);
    Ok(())
}

/// Deletes a component. Tokens that a deleted key signed are worth nothing from then on.
///
/// # Errors
/// No such component.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ComponentId) -> Result<(), ManageError> {
    existing(txn, realm, id).await?;
    txn.components().delete(realm, id);
    Ok(())
}

async fn existing(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ComponentId) -> Result<Component, ManageError> {
    txn.components().get(realm, id).await?.ok_or_else(ManageError::no_component)
}

fn check(component: &Component) -> Result<(), ManageError> {
    let providers = PROVIDERS.iter().find(|(kind, _)| *kind == component.provider_type).map(|(_, providers)| *providers);
    if !providers.is_some_and(|providers| providers.contains(&component.provider_id.as_str())) {
        return Err(ManageError::component_provider());
    }
    if component.value("priority").is_some_and(|text| text.parse::<i64>().is_err()) {
        return Err(ManageError::component_config("'Priority' should be a number"));
    }
    Ok(())
}
