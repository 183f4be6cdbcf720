//! Clients: Keycloak's defaults at creation, sealed secrets, service accounts, scopes, deletion with roles and references.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::env::Env;
use crate::base::id::{ClientId, ClientScopeId, RealmId, RoleId};
use crate::base::seal::Sealer;
use crate::base::secret::Secret;
use crate::model::client::{Client, SECRET_CREATION, SECRET_EXPIRATION};
use crate::model::client_scope::ClientScope;
use crate::model::realm::Realm;
use crate::model::role::RoleContainer;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::client_secrets::{forget_rotated_secret, seal_rotated_secret};
use super::defaults::client_scopes::SERVICE_ACCOUNT;
use super::defaults::clients::is_built_in;
use super::error::ManageError;
use super::protocol_mappers::{self, NewMapper};
use super::{realms, roles, users};

/// Characters of a generated secret: 512 bits, and nothing that needs escaping in a form, a shell or Basic credentials.
pub(super) const SECRET_LENGTH: usize = 86;
/// The longest secret that is accepted.
pub(super) const MAX_SECRET: usize = 2048;
const OIDC: &str = "openid-connect";

/// What a client is to become, by the names of Keycloak's `ClientRepresentation`. Absent fields get their default at creation
/// and stay at an update.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientSettings {
    pub client_id: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub root_url: Option<String>,
    pub admin_url: Option<String>,
    pub base_url: Option<String>,
    pub surrogate_auth_required: Option<bool>,
    pub enabled: Option<bool>,
    pub always_display_in_console: Option<bool>,
    pub client_authenticator_type: Option<String>,
    /// In clear. The mask keeps what is stored.
    pub secret: Option<Secret<String>>,
    pub redirect_uris: Option<Vec<String>>,
    /// `+` stands for the origins of the redirect URIs; it is resolved where tokens are made.
    pub web_origins: Option<Vec<String>>,
    pub not_before: Option<i64>,
    pub bearer_only: Option<bool>,
    pub consent_required: Option<bool>,
    pub standard_flow_enabled: Option<bool>,
    pub implicit_flow_enabled: Option<bool>,
    pub direct_access_grants_enabled: Option<bool>,
    pub service_accounts_enabled: Option<bool>,
    pub authorization_services_enabled: Option<bool>,
    pub public_client: Option<bool>,
    pub frontchannel_logout: Option<bool>,
    pub protocol: Option<String>,
    /// Merged into what is there; an empty or absent value removes.
    pub attributes: BTreeMap<String, Option<String>>,
    pub authentication_flow_binding_overrides: Option<BTreeMap<String, String>>,
    pub full_scope_allowed: Option<bool>,
    pub node_re_registration_timeout: Option<i64>,
    /// Only at creation.
    pub protocol_mappers: Vec<NewMapper>,
    /// By name; only at creation.
    pub default_client_scopes: Option<Vec<String>>,
    /// By name; only at creation.
    pub optional_client_scopes: Option<Vec<String>>,
}

/// A client to create.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewClient {
    /// A fresh one if absent.
    pub id: Option<ClientId>,
    #[serde(flatten)]
    pub settings: ClientSettings,
}

/// Whether a scope comes unasked or only by request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScopeAttachment {
    Default,
    Optional,
}

/// Creates a client. A confidential one without a secret gets a generated one; one with a service account gets its user.
///
/// # Errors
/// The `client_id` or id is taken or not allowed, a URL has an illegal scheme, a protocol or mapper type is unknown.
pub async fn create(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    realm: &RealmId,
    new: &NewClient,
) -> Result<Client, ManageError> {
    let realm = realms::existing(txn, realm).await?;
    let id = new.id.clone().unwrap_or_else(|| ClientId::random(env.random()));
    realms::check_id(id.as_str())?;
    let client_id = new.settings.client_id.clone().unwrap_or_else(|| id.to_string());
    if txn.clients().by_client_id(&realm.id, &client_id).await?.is_some() || txn.clients().get(&realm.id, &id).await?.is_some() {
        return Err(ManageError::client_exists(&client_id));
    }

    let mut client = with_defaults(id, client_id, &new.settings);
    apply(&mut client, &new.settings);
    check(&client)?;
    seal_rotated_secret(&mut client, env, sealer, &realm.id)?;
    client.attributes.entry("realm_client".to_owned()).or_insert_with(|| "false".to_owned());
    note_secret_creation(&mut client, env);
    match given_secret(&new.settings) {
        Some(secret) => set_secret(&mut client, env, sealer, &realm.id, secret)?,
        None if !client.public_client => drop(generate_secret(&mut client, env, sealer, &realm.id)?),
        None => {}
    }
    for mapper in &new.settings.protocol_mappers {
        protocol_mappers::push(&mut client.protocol_mappers, env, mapper)?;
    }
    match (&new.settings.default_client_scopes, &new.settings.optional_client_scopes) {
        (None, None) => attach_realm_scopes(txn, &realm, &mut client).await?,
        (default, optional) => {
            client.default_client_scopes = scopes_named(txn, &realm.id, default.as_deref().unwrap_or_default()).await?;
            client.optional_client_scopes = scopes_named(txn, &realm.id, optional.as_deref().unwrap_or_default()).await?;
        }
    }
    settle_service_account(txn, env, &realm, None, &mut client).await?;
    txn.clients().insert(&realm.id, &client);
    Ok(client)
}

/// Changes a client; what `settings` does not name stays.
///
/// # Errors
/// No such client; otherwise as [`create`].
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    realm: &RealmId,
    id: &ClientId,
    settings: &ClientSettings,
) -> Result<Client, ManageError> {
    let realm = realms::existing(txn, realm).await?;
    let old = existing(txn, &realm.id, id).await?;
    let mut client = old.clone();
    apply(&mut client, settings);
    check(&client)?;
    seal_rotated_secret(&mut client, env, sealer, &realm.id)?;
    if client.client_id != old.client_id && txn.clients().by_client_id(&realm.id, &client.client_id).await?.is_some() {
        return Err(ManageError::client_id_taken());
    }
    match given_secret(settings) {
        Some(secret) => set_secret(&mut client, env, sealer, &realm.id, secret)?,
        None if client.secret.is_none() && !client.public_client => drop(generate_secret(&mut client, env, sealer, &realm.id)?),
        None => {}
    }
    settle_service_account(txn, env, &realm, Some(&old), &mut client).await?;
    txn.clients().put(&realm.id, &old, &client);
    Ok(client)
}

/// Switches a client on or off.
///
/// # Errors
/// No such client.
pub async fn set_enabled(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ClientId, enabled: bool) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    txn.clients().put(realm, &old, &Client { enabled, ..old.clone() });
    Ok(())
}

/// Deletes a client with its roles and its service account.
///
/// # Errors
/// No such client, or a built-in one.
pub async fn delete(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ClientId) -> Result<(), ManageError> {
    let realm = realms::existing(txn, realm).await?;
    let client = existing(txn, &realm.id, id).await?;
    if is_built_in(&client.client_id, &realm.name, realm.is_master()) {
        return Err(ManageError::built_in_client());
    }
    remove(txn, &realm.id, &client).await
}

/// Deletes a client whether it is built in or not.
pub(super) async fn remove(txn: &mut Txn<'_, Configuration>, realm: &RealmId, client: &Client) -> Result<(), ManageError> {
    let mut own_roles = txn.roles().list(realm).await?;
    own_roles.retain(|role| role.container == RoleContainer::Client(client.id.clone()));
    roles::remove_all(txn, realm, &own_roles).await?;
    users::remove_service_account(txn, realm, &client.id).await?;
    txn.clients().delete(realm, client);
    Ok(())
}

/// Gives a client a new secret and answers it. The old one, and one that still overlapped with it, are worth nothing from the
/// commit on: [`super::client_secrets::rotate`] is the gentle way.
///
/// # Errors
/// No such client.
pub async fn regenerate_secret(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    realm: &RealmId,
    id: &ClientId,
) -> Result<Secret<String>, ManageError> {
    let old = existing(txn, realm, id).await?;
    let mut client = old.clone();
    let secret = generate_secret(&mut client, env, sealer, realm)?;
    forget_rotated_secret(&mut client);
    client.attributes.remove(SECRET_EXPIRATION);
    note_secret_creation(&mut client, env);
    txn.clients().put(realm, &old, &client);
    Ok(secret)
}

/// The secret of a client in clear; `None` if it has none.
///
/// # Errors
/// It was sealed under another key.
pub fn read_secret(sealer: &Sealer, realm: &RealmId, client: &Client) -> Result<Option<Secret<String>>, ManageError> {
    open(sealer, realm, client.secret.as_deref(), &client.secret_identity())
}

pub(super) fn open(sealer: &Sealer, realm: &RealmId, sealed: Option<&str>, identity: &str) -> Result<Option<Secret<String>>, ManageError> {
    let Some(sealed) = sealed else { return Ok(None) };
    let opened = sealer.open(realm, identity, sealed)?;
    let text = String::from_utf8(opened.expose().clone()).map_err(|_| crate::base::seal::CannotOpen)?;
    Ok(Some(Secret::new(text)))
}

/// Attaches a client scope. A scope that the client has already, one way or the other, stays as it is.
///
/// # Errors
/// No such client or scope.
pub async fn add_scope(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &ClientId,
    scope: &ClientScopeId,
    attachment: ScopeAttachment,
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    txn.client_scopes().get(realm, scope).await?.ok_or_else(ManageError::no_such_scope)?;
    let mut client = old.clone();
    if client.default_client_scopes.contains(scope) || client.optional_client_scopes.contains(scope) {
        return Ok(());
    }
    match attachment {
        ScopeAttachment::Default => client.default_client_scopes.push(scope.clone()),
        ScopeAttachment::Optional => client.optional_client_scopes.push(scope.clone()),
    }
    txn.clients().put(realm, &old, &client);
    Ok(())
}

/// Detaches a client scope, whichever way it is attached.
///
/// # Errors
/// No such client.
pub async fn remove_scope(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &ClientId,
    scope: &ClientScopeId,
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    let mut client = old.clone();
    client.default_client_scopes.retain(|attached| attached != scope);
    client.optional_client_scopes.retain(|attached| attached != scope);
    txn.clients().put(realm, &old, &client);
    Ok(())
}

/// Says which roles may stand in the client's tokens when not all of them may.
///
/// # Errors
/// No such client or role.
pub async fn add_scope_mappings(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &ClientId,
    mapped: &[RoleId],
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    roles::check_all(txn, realm, mapped).await?;
    let mut client = old.clone();
    client.scope_mappings.extend(mapped.iter().filter(|role| !old.scope_mappings.contains(role)).cloned());
    txn.clients().put(realm, &old, &client);
    Ok(())
}

/// Takes roles out of the client's scope mappings.
///
/// # Errors
/// No such client.
pub async fn remove_scope_mappings(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    id: &ClientId,
    mapped: &[RoleId],
) -> Result<(), ManageError> {
    let old = existing(txn, realm, id).await?;
    let mut client = old.clone();
    client.scope_mappings.retain(|role| !mapped.contains(role));
    txn.clients().put(realm, &old, &client);
    Ok(())
}

pub(super) async fn existing(txn: &mut Txn<'_, Configuration>, realm: &RealmId, id: &ClientId) -> Result<Client, ManageError> {
    txn.clients().get(realm, id).await?.ok_or_else(ManageError::no_client)
}

/// Attaches the realm's default and optional scopes of the client's protocol.
pub(super) async fn attach_realm_scopes(txn: &mut Txn<'_, Configuration>, realm: &Realm, client: &mut Client) -> Result<(), ManageError> {
    let protocol = client.protocol.clone().unwrap_or_else(|| OIDC.to_owned());
    client.default_client_scopes = of_protocol(txn, &realm.id, &realm.default_default_client_scopes, &protocol).await?;
    client.optional_client_scopes = of_protocol(txn, &realm.id, &realm.default_optional_client_scopes, &protocol).await?;
    Ok(())
}

async fn of_protocol(
    txn: &mut Txn<'_, Configuration>,
    realm: &RealmId,
    ids: &[ClientScopeId],
    protocol: &str,
) -> Result<Vec<ClientScopeId>, ManageError> {
    let mut matching = Vec::with_capacity(ids.len());
    for id in ids {
        let scope: Option<ClientScope> = txn.client_scopes().get(realm, id).await?;
        matching.extend(scope.filter(|scope| scope.protocol == protocol).map(|scope| scope.id));
    }
    Ok(matching)
}

/// Names that no scope has are skipped, as Keycloak skips them.
async fn scopes_named(txn: &mut Txn<'_, Configuration>, realm: &RealmId, names: &[String]) -> Result<Vec<ClientScopeId>, ManageError> {
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        ids.extend(txn.client_scopes().by_name(realm, name).await?.map(|scope| scope.id));
    }
    Ok(ids)
}

/// The defaults at creation. Keycloak has more of them when the body names the protocol: such a client is a public one that may
/// use passwords, and its URLs follow from its root.
fn with_defaults(id: ClientId, client_id: String, settings: &ClientSettings) -> Client {
    let consent_required = settings.consent_required.unwrap_or(false);
    let mut client = Client {
        id,
        client_id,
        enabled: true,
        client_authenticator_type: "client-secret".to_owned(),
        standard_flow_enabled: true,
        full_scope_allowed: !consent_required,
        node_re_registration_timeout: -1,
        protocol: Some(OIDC.to_owned()),
        ..Client::default()
    };
    match settings.protocol.as_deref() {
        Some(OIDC) => {
            client.public_client = settings.public_client.is_none() && settings.bearer_only.is_none();
            client.direct_access_grants_enabled = true;
            for (name, value) in [("backchannel.logout.session.required", "true"), ("backchannel.logout.revoke.offline.tokens", "false")] {
                client.attributes.insert(name.to_owned(), value.to_owned());
            }
            if let Some(root) = settings.root_url.as_deref().filter(|root| !root.is_empty()) {
                client.admin_url = Some(root.to_owned());
                client.redirect_uris = vec![format!("{}/*", root.trim_end_matches('/'))];
                client.web_origins = origin(root).into_iter().collect();
            }
        }
        Some("saml") => client.frontchannel_logout = true,
        _ => {}
    }
    client
}

/// Scheme, host and port of a URL (RFC 6454 §4).
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())?;
    Some(format!("{scheme}://{authority}"))
}

fn apply(client: &mut Client, settings: &ClientSettings) {
    fn set<T: Clone>(field: &mut T, given: Option<&T>) {
        if let Some(value) = given {
            field.clone_from(value);
        }
    }
    fn set_some<T: Clone>(field: &mut Option<T>, given: Option<&T>) {
        if given.is_some() {
            *field = given.cloned();
        }
    }
    set(&mut client.client_id, settings.client_id.as_ref());
    set_some(&mut client.name, settings.name.as_ref());
    set_some(&mut client.description, settings.description.as_ref());
    set_some(&mut client.root_url, settings.root_url.as_ref());
    set_some(&mut client.admin_url, settings.admin_url.as_ref());
    set_some(&mut client.base_url, settings.base_url.as_ref());
    set(&mut client.surrogate_auth_required, settings.surrogate_auth_required.as_ref());
    set(&mut client.enabled, settings.enabled.as_ref());
    set(&mut client.always_display_in_console, settings.always_display_in_console.as_ref());
    set(&mut client.client_authenticator_type, settings.client_authenticator_type.as_ref());
    set(&mut client.redirect_uris, settings.redirect_uris.as_ref());
    set(&mut client.web_origins, settings.web_origins.as_ref());
    set(&mut client.not_before, settings.not_before.as_ref());
    set(&mut client.bearer_only, settings.bearer_only.as_ref());
    set(&mut client.consent_required, settings.consent_required.as_ref());
    set(&mut client.standard_flow_enabled, settings.standard_flow_enabled.as_ref());
    set(&mut client.implicit_flow_enabled, settings.implicit_flow_enabled.as_ref());
    set(&mut client.direct_access_grants_enabled, settings.direct_access_grants_enabled.as_ref());
    set(&mut client.service_accounts_enabled, settings.service_accounts_enabled.as_ref());
    set(&mut client.authorization_services_enabled, settings.authorization_services_enabled.as_ref());
    set(&mut client.public_client, settings.public_client.as_ref());
    set(&mut client.frontchannel_logout, settings.frontchannel_logout.as_ref());
    set_some(&mut client.protocol, settings.protocol.as_ref());
    set(&mut client.authentication_flow_binding_overrides, settings.authentication_flow_binding_overrides.as_ref());
    set(&mut client.full_scope_allowed, settings.full_scope_allowed.as_ref());
    set(&mut client.node_re_registration_timeout, settings.node_re_registration_timeout.as_ref());
    for (name, value) in &settings.attributes {
        match value.as_ref().filter(|value| !value.is_empty()) {
            Some(value) => drop(client.attributes.insert(name.clone(), value.clone())),
            None => drop(client.attributes.remove(name)),
        }
    }
}

pub(super) fn check(client: &Client) -> Result<(), ManageError> {
    if client.client_id.trim().is_empty() {
        return Err(ManageError::client_id_blank());
    }
    if client.client_id.len() > 255 {
        return Err(ManageError::too_large("Client ID"));
    }
    match client.protocol.as_deref() {
        Some(OIDC | "saml" | "docker-v2") | None => {}
        Some(other) => return Err(ManageError::client_protocol(other)),
    }
    for (what, url) in [("Root URL", &client.root_url), ("Base URL", &client.base_url), ("Master SAML Processing URL", &client.admin_url)] {
        if url.as_deref().is_some_and(has_illegal_scheme) {
            return Err(ManageError::client_url(format!("{what} uses an illegal scheme")));
        }
    }
    for uri in &client.redirect_uris {
        if has_illegal_scheme(uri) {
            return Err(ManageError::client_url("A redirect URI uses an illegal scheme"));
        }
        // RFC 6749 §3.1.2: the redirection endpoint URI MUST NOT include a fragment component.
        if uri.contains('#') {
            return Err(ManageError::client_url("A redirect URI must not contain an URL fragment"));
        }
    }
    Ok(())
}

/// Schemes that a browser runs as code in the page that follows them. It skips white space and controls before and inside.
fn has_illegal_scheme(url: &str) -> bool {
    let scheme = url.split(':').next().filter(|scheme| scheme.len() < url.len()).unwrap_or_default();
    let scheme: String = scheme.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    ["javascript", "data", "vbscript"].iter().any(|illegal| scheme.eq_ignore_ascii_case(illegal))
}

fn given_secret(settings: &ClientSettings) -> Option<&Secret<String>> {
    settings.secret.as_ref().filter(|secret| !secret.expose().is_empty() && secret.expose() != realms::MASK)
}

fn set_secret(client: &mut Client, env: &Env, sealer: &Sealer, realm: &RealmId, secret: &Secret<String>) -> Result<(), ManageError> {
    if secret.expose().len() > MAX_SECRET {
        return Err(ManageError::too_large("Secret"));
    }
    client.secret = Some(sealer.seal(env.random(), realm, &client.secret_identity(), secret.expose().as_bytes()));
    Ok(())
}

pub(super) fn generate_secret(client: &mut Client, env: &Env, sealer: &Sealer, realm: &RealmId) -> Result<Secret<String>, ManageError> {
    let secret = Secret::new(env.random().alphanumeric(SECRET_LENGTH));
    set_secret(client, env, sealer, realm, &secret)?;
    Ok(secret)
}

pub(super) fn note_secret_creation(client: &mut Client, env: &Env) {
    client.attributes.insert(SECRET_CREATION.to_owned(), env.now().seconds().to_string());
}

/// Lets the service account follow its client: made and unmade with the switch, renamed with the `client_id`.
async fn settle_service_account(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    realm: &Realm,
    old: Option<&Client>,
    client: &mut Client,
) -> Result<(), ManageError> {
    let had = old.is_some_and(|old| old.service_accounts_enabled);
    if !client.service_accounts_enabled && !had {
        return Ok(());
    }
    let scope = txn.client_scopes().by_name(&realm.id, SERVICE_ACCOUNT).await?.map(|scope| scope.id);
    if client.service_accounts_enabled {
        if let Some(scope) = scope.filter(|scope| !client.default_client_scopes.contains(scope)) {
            client.optional_client_scopes.retain(|attached| *attached != scope);
            client.default_client_scopes.push(scope);
        }
        users::ensure_service_account(txn, env, realm, client).await
    } else {
        client.default_client_scopes.retain(|attached| Some(attached) != scope.as_ref());
        users::remove_service_account(txn, &realm.id, &client.id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_that_run_code_are_found_in_every_disguise() {
        for bad in ["javascript:alert(1)", "JavaScript:x", " javascript:x", "java\tscript:x", "data:text/html,x", "vbscript:x"] {
            assert!(has_illegal_scheme(bad), "{bad:?}");
        }
        for good in ["https://x/javascript:", "/cb", "http://127.0.0.1:7000/*", "javascript", "com.example.app:/cb", "*", ""] {
            assert!(!has_illegal_scheme(good), "{good:?}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(origin("http://127.0.0.1:7000/a?b#c").as_deref(), Some("http://127.0.0.1:7000"));
        assert_eq!(origin("https://x").as_deref(), Some("https://x"));
        assert_eq!(origin("/relative"), None);
    }
}
