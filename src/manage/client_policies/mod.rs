//! Client policies: stored and validated here, and asked before a client is made, changed, shown or deleted, before a grant
//! is proved and before a token is introspected, revoked or used at userinfo. A realm without policies pays one comparison. What needs a browser or a feature that is not there is stored and
//! has no effect yet; docs/compatibility.md lists it.

mod condition;
mod executor;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::base::id::{ClientScopeId, RealmId};
use crate::model::client::Client;
use crate::model::client_policy::{ClientPolicy, ClientProfile, Executor};
use crate::model::realm::Realm;
use crate::model::role::RoleContainer;
use crate::oauth::grant_type::GrantType;
use crate::store::StoreError;
use crate::store::txn::Reader;

use super::clients::{self, ClientSettings};
use super::error::ManageError;

/// Every condition that Keycloak knows.
const CONDITIONS: &[&str] = &[
    "acr-condition",
    "any-client",
    "client-access-type",
    "client-attributes",
    "client-roles",
    "client-scopes",
    "client-type",
    "client-updater-context",
    "client-updater-source-groups",
    "client-updater-source-host",
    "client-updater-source-roles",
    "grant-type",
    "identity-provider-alias",
];
/// Every executor that Keycloak knows.
const EXECUTORS: &[&str] = &[
    "auth-flow-enforcer",
    "confidential-client",
    "consent-required",
    "downscope-assertion-grant-enforcer",
    "dpop-bind-enforcer",
    "full-scope-disabled",
    "holder-of-key-enforcer",
    "intent-client-bind-checker",
    "jwt-claim-enforcer",
    "pkce-enforcer",
    "registration-access-token-rotation-disabled",
    "reject-implicit-grant",
    "reject-request",
    "reject-ropc-grant",
    "saml-avoid-redirect",
    "saml-secure-client-uris",
    "saml-signature-enforcer",
    "secure-ciba-req-sig-algorithm",
    "secure-ciba-session",
    "secure-ciba-signed-authn-req",
    "secure-client-authentication-assertion",
    "secure-client-authenticator",
    "secure-client-uris",
    "secure-client-uris-pattern",
    "secure-logout",
    "secure-par-content",
    "secure-redirect-uris-enforcer",
    "secure-request-object",
    "secure-response-type",
    "secure-session",
    "secure-signature-algorithm",
    "secure-signature-algorithm-signed-jwt",
    "suppress-refresh-token-rotation",
    "tls-client-auth-ca-subject-dn",
    "use-lightweight-access-token",
];

/// The profiles that every realm has and nobody can change.
static GLOBAL_PROFILES: LazyLock<Vec<ClientProfile>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../defaults/client_profiles.json")).expect("the file is part of the program, and a test reads it")
});

/// What a policy forbids: 400 with a code and a description.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code}: {description}")]
pub struct Violation {
    pub code: &'static str,
    pub description: Cow<'static, str>,
}

impl Violation {
    fn new(code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self { code, description: description.into() }
    }
}

/// What somebody is about to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Occasion {
    Register,
    Update,
    View,
    Delete,
    Grant(GrantType),
    Introspect,
    Revoke,
    Logout,
    UserInfo,
}

/// What a client asks for, and from where.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub realm: &'a Realm,
    pub client: &'a Client,
    pub occasion: Occasion,
    pub address: IpAddr,
    /// The parameter `scope`.
    pub scope: Option<&'a str>,
}

/// What policies change about the tokens of a request that they let pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TokenRules {
    /// The access token carries as little as possible.
    pub lightweight: bool,
}

/// Who changes a client, in Keycloak's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Updater {
    /// `ByAuthenticatedUser`, `ByAnonymous`, `ByInitialAccessToken`, `ByRegistrationAccessToken`.
    pub source: &'static str,
    /// Realm roles by name, roles of clients as `client.role`.
    pub roles: Vec<String>,
    /// By name.
    pub groups: Vec<String>,
}

/// What is known of the request that is judged.
pub struct Situation<'a> {
    pub realm: &'a Realm,
    pub occasion: Occasion,
    /// The client that asks or that is concerned, as it is; `None` while it is being made.
    pub client: Option<&'a Client>,
    /// Who changes it; `None` for a grant.
    pub updater: Option<&'a Updater>,
    pub address: IpAddr,
    /// The parameter `scope` of a grant.
    pub scope: Option<&'a str>,
    /// The names of the client's own roles, its default and its optional scopes.
    pub names: &'a ClientNames,
}

/// What conditions ask of a client by name.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ClientNames {
    pub roles: Vec<String>,
    pub default_scopes: Vec<String>,
    pub optional_scopes: Vec<String>,
}

impl ClientNames {
    /// Looks them up.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of(reader: &mut impl Reader, realm: &RealmId, client: &Client) -> Result<Self, StoreError> {
        let container = RoleContainer::Client(client.id.clone());
        let roles = reader.roles().list(realm).await?.into_iter().filter(|role| role.container == container);
        let roles = roles.map(|role| role.name).collect();
        let scopes = reader.client_scopes().list(realm).await?;
        let names = |ids: &[ClientScopeId]| scopes.iter().filter(|scope| ids.contains(&scope.id)).map(|scope| scope.name.clone()).collect();
        Ok(Self { roles, default_scopes: names(&client.default_client_scopes), optional_scopes: names(&client.optional_client_scopes) })
    }
}

/// Whether the realm has policies at all: without any, nobody needs to find out what they would ask.
pub fn has_policies(realm: &Realm) -> bool {
    realm.client_policies.get("policies").and_then(Value::as_array).is_some_and(|policies| !policies.is_empty())
}

/// Judges what a client is to become and completes it where a policy says how.
///
/// # Errors
/// The first executor that refuses.
pub fn judge_proposal(situation: &Situation<'_>, settings: &mut ClientSettings) -> Result<(), Violation> {
    if !has_policies(situation.realm) {
        return Ok(());
    }
    let proposed = clients::preview(situation.client, settings);
    for executor in in_force(situation, &proposed) {
        executor::judge_proposal(&executor, situation, settings)?;
    }
    Ok(())
}

/// Judges what is done with a client that stays as it is.
///
/// # Errors
/// The first executor that refuses.
pub fn judge(situation: &Situation<'_>) -> Result<(), Violation> {
    if !has_policies(situation.realm) {
        return Ok(());
    }
    let Some(client) = situation.client else { return Ok(()) };
    in_force(situation, client).iter().try_for_each(|executor| executor::judge(executor, situation, client))
}

/// Judges a request of a client at one of the protocol's endpoints. A realm without policies reads nothing for it.
///
/// # Errors
/// When the store fails; inside, the first executor that refuses.
pub async fn judge_request(reader: &mut impl Reader, asked: Asked<'_>) -> Result<Result<TokenRules, Violation>, StoreError> {
    let Asked { realm, client, occasion, address, scope } = asked;
    if !has_policies(realm) {
        return Ok(Ok(TokenRules::default()));
    }
    let names = &ClientNames::of(reader, &realm.id, client).await?;
    let situation = Situation { realm, occasion, client: Some(client), updater: None, address, scope, names };
    Ok(judge(&situation).map(|()| TokenRules { lightweight: has_executor(&situation, "use-lightweight-access-token") }))
}

/// Whether an executor of this name is in force.
pub fn has_executor(situation: &Situation<'_>, name: &str) -> bool {
    let client = situation.client.filter(|_| has_policies(situation.realm));
    client.is_some_and(|client| in_force(situation, client).iter().any(|executor| executor.provider.as_deref() == Some(name)))
}

/// The executors of the policies whose conditions hold, in the order of the policies.
fn in_force(situation: &Situation<'_>, client: &Client) -> Vec<Executor> {
    let own = profiles_of(situation.realm);
    let policies = policies_of(situation.realm);
    let holding = policies
        .iter()
        .filter(|policy| policy.enabled != Some(false) && condition::all_hold(policy, situation, client));
    let mut executors = Vec::new();
    for name in holding.flat_map(|policy| policy.profiles.iter().flatten()) {
        let profile = own.iter().chain(GLOBAL_PROFILES.iter()).find(|profile| profile.name.as_deref() == Some(name));
        executors.extend(profile.into_iter().flat_map(|profile| profile.executors.iter().flatten()).cloned());
    }
    executors
}

/// The realm's own profiles; none when an old import left something else there.
pub fn profiles_of(realm: &Realm) -> Vec<ClientProfile> {
    parsed(&realm.client_profiles, "profiles")
}

/// The realm's policies.
pub fn policies_of(realm: &Realm) -> Vec<ClientPolicy> {
    parsed(&realm.client_policies, "policies")
}

/// The profiles that every realm has.
pub fn global_profiles() -> &'static [ClientProfile] {
    &GLOBAL_PROFILES
}

fn parsed<T: serde::de::DeserializeOwned>(stored: &Value, member: &str) -> Vec<T> {
    stored.get(member).and_then(|list| serde_json::from_value(list.clone()).ok()).unwrap_or_default()
}

/// The setting of a realm that these profiles are.
///
/// # Errors
/// A profile has no name, one that is taken, or an executor that does not exist.
pub fn checked_profiles(profiles: &[ClientProfile]) -> Result<Value, ManageError> {
    for (index, profile) in profiles.iter().enumerate() {
        let name = profile.name.as_deref().filter(|name| !name.is_empty()).ok_or_else(ManageError::client_profile_without_name)?;
        if profiles[..index].iter().any(|other| other.name.as_deref() == Some(name)) {
            return Err(ManageError::client_profile_twice());
        }
        if GLOBAL_PROFILES.iter().any(|global| global.name.as_deref() == Some(name)) {
            return Err(ManageError::client_profile_is_global(name));
        }
        let is_known = |executor: &Executor| executor.provider.as_deref().is_some_and(|provider| EXECUTORS.contains(&provider));
        if !profile.executors.iter().flatten().all(is_known) {
            return Err(ManageError::client_profile_executor());
        }
    }
    Ok(json!({ "profiles": profiles }))
}

/// The setting of a realm that these policies are.
///
/// # Errors
/// A policy has no name, one that is taken, or a condition or profile that does not exist.
pub fn checked_policies(realm: &Realm, policies: &[ClientPolicy]) -> Result<Value, ManageError> {
    let own = profiles_of(realm);
    for (index, policy) in policies.iter().enumerate() {
        let name = policy.name.as_deref().filter(|name| !name.is_empty()).ok_or_else(ManageError::client_policy_without_name)?;
        if policies[..index].iter().any(|other| other.name.as_deref() == Some(name)) {
            return Err(ManageError::client_policy_twice());
        }
        for condition in policy.conditions.iter().flatten() {
            let provider = condition.provider.as_deref().unwrap_or_default();
            if !CONDITIONS.contains(&provider) {
                return Err(ManageError::client_policy_condition(name, provider));
            }
        }
        for profile in policy.profiles.iter().flatten() {
            if !own.iter().chain(GLOBAL_PROFILES.iter()).any(|known| known.name.as_ref() == Some(profile)) {
                return Err(ManageError::client_policy_profile(name, profile));
            }
        }
    }
    Ok(json!({ "policies": policies }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_global_profiles_are_read_and_name_executors_that_exist() {
        assert_eq!(GLOBAL_PROFILES.len(), 10);
        for executor in GLOBAL_PROFILES.iter().flat_map(|profile| profile.executors.iter().flatten()) {
            assert!(EXECUTORS.contains(&executor.provider.as_deref().unwrap_or_default()), "{executor:?}");
        }
    }
}
