//! Realms: creation with everything that Keycloak puts into a new one, settings, switching off.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use crate::base::env::Env;
use crate::base::id::{ClientId, ClientScopeId, RealmId, RoleId};
use crate::base::random::Random;
use crate::base::seal::{CannotOpen, Sealer};
use crate::model::client::Client;
use crate::model::component::Component;
use crate::model::realm::Realm;
use crate::model::role::{Role, RoleContainer};
use crate::model::user_profile::UserProfile;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::defaults::client_scopes::Attachment;
use super::defaults::roles::{self as role_tables, RoleTable};
use super::defaults::{self, clients as client_tables};
use super::error::ManageError;

/// Settings by their names in Keycloak's `RealmRepresentation`. Names that are no settings are ignored.
pub type Settings = Map<String, Value>;

/// A realm to create.
#[derive(Clone, Debug, Default)]
pub struct NewRealm {
    pub name: String,
    /// A fresh one if absent.
    pub id: Option<RealmId>,
    /// What differs from the defaults. A realm is disabled unless `enabled` says otherwise.
    pub settings: Settings,
}

impl NewRealm {
    /// A realm that can be used at once, with default settings.
    pub fn enabled(name: &str) -> Self {
        let settings = Map::from_iter([("enabled".to_owned(), Value::Bool(true))]);
        Self { name: name.to_owned(), id: None, settings }
    }
}

/// What stands for a stored secret in a representation; writing it back keeps the secret.
pub const MASK: &str = "**********";

/// Creates a realm with its built-in roles, clients, client scopes, flows, required actions, user profile and registration
/// policies, and in master the client that administers it. `keys` are its key providers: making them takes long, so it happens
/// before ([`crate::keyring::default_providers`], with the id of `new`).
///
/// # Errors
/// The name or id is taken or not allowed, a setting has the wrong type.
pub async fn create(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    new: &NewRealm,
    keys: &[Component],
) -> Result<Realm, ManageError> {
    check_name(&new.name)?;
    let id = new.id.clone().unwrap_or_else(|| RealmId::random(env.random()));
    check_id(id.as_str())?;
    if txn.realms().by_name(&new.name).await?.is_some() || txn.realms().get(&id).await?.is_some() {
        return Err(ManageError::realm_exists(&new.name));
    }

    note_key(txn, sealer).await?;
    let fresh = Fresh::new(env, id, &new.name);
    let (realm, mut contents) = fresh.realm_with_contents();
    let realm = apply(&realm, &new.settings, env, sealer)?;
    if realm.is_master() {
        contents.add_master_roles(env.random());
    }
    contents.write(txn, &realm.id);
    txn.realms().insert(&realm);
    txn.authentication().put(&realm.id, &defaults::authentication::all(env.random(), realm.is_master()));
    txn.user_profiles().put(&realm.id, &defaults::user_profile::profile(realm.is_master()));
    for component in keys.iter().chain(&defaults::components::registration_policies(env.random())) {
        txn.components().insert(&realm.id, component);
    }
    add_administration_client(txn, env, &realm.name).await?;
    Ok(realm)
}

/// Changes settings; what `settings` does not name stays. A new `realm` renames it.
///
/// # Errors
/// No such realm, the new name is taken, a setting has the wrong type.
pub async fn update(
    txn: &mut Txn<'_, Configuration>,
    env: &Env,
    sealer: &Sealer,
    id: &RealmId,
    settings: &Settings,
) -> Result<Realm, ManageError> {
    let old = existing(txn, id).await?;
    let mut realm = apply(&old, settings, env, sealer)?;
    if let Some(Value::String(name)) = settings.get("realm").filter(|name| **name != old.name) {
        check_name(name)?;
        if txn.realms().by_name(name).await?.is_some() {
            return Err(ManageError::realm_name_taken());
        }
        rename_administration_client(txn, &old.name, name).await?;
        realm.name.clone_from(name);
    }
    check_flows(txn, &realm).await?;
    txn.realms().put(&old, &realm);
    Ok(realm)
}

/// Deletes a realm: at once for everybody who looks, its contents in the background. Its name is free from then on, its id when
/// the work is done.
///
/// # Errors
/// No such realm, or master.
pub async fn delete(txn: &mut Txn<'_, Configuration>, id: &RealmId) -> Result<(), ManageError> {
    let realm = existing(txn, id).await?;
    if realm.is_master() {
        return Err(ManageError::master_realm());
    }
    if let Some(master) = txn.realms().by_name(Realm::MASTER).await? {
        let client_id = client_tables::administration_client_id(&realm.name);
        if let Some(client) = txn.clients().by_client_id(&master.id, &client_id).await? {
            super::clients::remove(txn, &master.id, &client).await?;
        }
    }
    txn.realms().delete(&realm);
    Ok(())
}

/// Switches a realm on or off. A realm that is off answers nothing but refusals.
///
/// # Errors
/// No such realm.
pub async fn set_enabled(txn: &mut Txn<'_, Configuration>, id: &RealmId, enabled: bool) -> Result<(), ManageError> {
    let old = existing(txn, id).await?;
    txn.realms().put(&old, &Realm { enabled, ..old.clone() });
    Ok(())
}

/// Refuses every token of the realm that was issued before this moment (whole seconds since 1970; 0 refuses none).
///
/// # Errors
/// No such realm.
pub async fn set_not_before(txn: &mut Txn<'_, Configuration>, id: &RealmId, not_before: i64) -> Result<(), ManageError> {
    let old = existing(txn, id).await?;
    txn.realms().put(&old, &Realm { not_before, ..old.clone() });
    Ok(())
}

/// Replaces the user profile configuration.
///
/// # Errors
/// No such realm; the configuration lacks an attribute that every user has, has one twice, or names an unknown validator.
pub async fn set_user_profile(txn: &mut Txn<'_, Configuration>, id: &RealmId, profile: &UserProfile) -> Result<(), ManageError> {
    existing(txn, id).await?;
    profile.check().map_err(|problem| ManageError::user_profile(&problem))?;
    txn.user_profiles().put(id, profile);
    Ok(())
}

/// Switches a required action on or off, and says whether every new user gets it.
///
/// # Errors
/// No such action.
pub async fn set_required_action(
    txn: &mut Txn<'_, Configuration>,
    id: &RealmId,
    alias: &str,
    enabled: bool,
    default_action: bool,
) -> Result<(), ManageError> {
    let mut authentication = txn.authentication().get(id).await?;
    let action = authentication
        .required_actions
        .iter_mut()
        .find(|action| action.alias == alias)
        .ok_or_else(ManageError::no_required_action)?;
    (action.enabled, action.default_action) = (enabled, default_action);
    txn.authentication().put(id, &authentication);
    Ok(())
}

/// A realm is the first thing with secrets in it: from now on the store opens only with the key that they are sealed under.
pub(super) async fn note_key(txn: &mut Txn<'_, Configuration>, sealer: &Sealer) -> Result<(), ManageError> {
    if let Some(stored) = txn.key_check().get().await? {
        return sealer.check(&stored).map_err(|_| ManageError::Sealed(CannotOpen));
    }
    txn.key_check().insert(&sealer.check_value());
    Ok(())
}

/// The realm, as part of the transaction.
pub(super) async fn existing(txn: &mut Txn<'_, Configuration>, id: &RealmId) -> Result<Realm, ManageError> {
    txn.realms().get(id).await?.ok_or_else(ManageError::no_realm)
}

/// A name stands in every URL of the realm, so it must not contain what has a meaning there (RFC 3986 §2.2).
pub(super) fn check_name(name: &str) -> Result<(), ManageError> {
    if name.trim().is_empty() {
        return Err(ManageError::realm_name_missing());
    }
    if name.len() > 255 {
        return Err(ManageError::too_large("Realm name"));
    }
    let reserved = |c: &char| ":/?#@!$&()*+,;=[]\\%".contains(*c) || c.is_control();
    match name.chars().find(reserved) {
        Some(character) => Err(ManageError::reserved_character(character)),
        None if name == "." || name == ".." => Err(ManageError::reserved_character('.')),
        None => Ok(()),
    }
}

/// An id is a part of keys and URLs. Ours are UUIDs; a given one may be any short text of unreserved characters (RFC 3986 §2.3).
pub(super) fn check_id(id: &str) -> Result<(), ManageError> {
    if id.is_empty() || id.len() > 64 {
        return Err(ManageError::too_large("Id"));
    }
    match id.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.' | '~')) {
        Some(character) => Err(ManageError::reserved_character(character)),
        None => Ok(()),
    }
}

/// What is no setting: it has a function of its own or follows from other things.
pub(super) const NO_SETTINGS: [&str; 6] =
    ["id", "realm", "defaultRole", "defaultDefaultClientScopes", "defaultOptionalClientScopes", "defaultGroups"];

pub(super) fn apply(old: &Realm, settings: &Settings, env: &Env, sealer: &Sealer) -> Result<Realm, ManageError> {
    let mut merged = serde_json::to_value(old).map_err(|error| ManageError::realm_settings(&error.to_string()))?;
    for (name, value) in settings.iter().filter(|(name, value)| !value.is_null() && !NO_SETTINGS.contains(&name.as_str())) {
        // Keycloak reads this enumeration in any case of letters.
        let lower = value.as_str().filter(|_| name == "sslRequired").map(|text| Value::String(text.to_lowercase()));
        merged[name] = lower.unwrap_or_else(|| value.clone());
    }
    let mut realm: Realm = serde_json::from_value(merged).map_err(|error| ManageError::realm_settings(&error.to_string()))?;
    if settings.contains_key("passwordPolicy") {
        super::passwords::policy(&realm)?;
    }
    settle_emails(old, settings, &mut realm);
    settle_attributes(old, settings, &mut realm);
    seal_smtp_password(old, settings, &mut realm, env, sealer);
    Ok(realm)
}

/// Signing in by e-mail, or an e-mail as user name, needs addresses that stand for one user. Of two contradicting wishes the
/// later in Keycloak's order holds: name, then sign-in, then duplicates.
fn settle_emails(old: &Realm, settings: &Settings, realm: &mut Realm) {
    let asked = |name: &str| settings.get(name) == Some(&Value::Bool(true));
    realm.duplicate_emails_allowed = old.duplicate_emails_allowed;
    if asked("registrationEmailAsUsername") || asked("loginWithEmailAllowed") {
        realm.duplicate_emails_allowed = false;
    }
    if let Some(Value::Bool(allowed)) = settings.get("duplicateEmailsAllowed") {
        realm.duplicate_emails_allowed = *allowed;
    }
    if realm.duplicate_emails_allowed {
        realm.login_with_email_allowed = false;
        realm.registration_email_as_username = false;
    }
}

/// Given attributes replace all others but those in which Keycloak keeps settings of their own; those follow their setting.
fn settle_attributes(old: &Realm, settings: &Settings, realm: &mut Realm) {
    if settings.contains_key("attributes") {
        let kept = old
            .attributes
            .iter()
            .filter(|(name, _)| name.starts_with("ciba") || name.starts_with("parRequestUri") || name.starts_with("oauth2Device"));
        for (name, value) in kept {
            realm.attributes.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    for name in ["oauth2DeviceCodeLifespan", "oauth2DevicePollingInterval"] {
        let field = if name == "oauth2DeviceCodeLifespan" {
            &mut realm.oauth2_device_code_lifespan
        } else {
            &mut realm.oauth2_device_polling_interval
        };
        if settings.contains_key(name) {
            realm.attributes.insert(name.to_owned(), field.to_string());
        } else if let Some(seconds) = realm.attributes.get(name).and_then(|text| text.parse().ok()) {
            *field = seconds;
        }
    }
    if settings.contains_key("otpPolicyCodeReusable") {
        realm.attributes.insert("realmReusableOtpCode".to_owned(), realm.otp_policy_code_reusable.to_string());
    }
}

fn seal_smtp_password(old: &Realm, settings: &Settings, realm: &mut Realm, env: &Env, sealer: &Sealer) {
    if !settings.contains_key("smtpServer") {
        return;
    }
    let password = match realm.smtp_server.remove("password") {
        Some(given) if given == MASK => old.smtp_server.get("password").cloned(),
        Some(given) => Some(sealer.seal(env.random(), &realm.id, &realm.smtp_secret_identity(), given.as_bytes())),
        None => None,
    };
    realm.smtp_server.extend(password.map(|sealed| ("password".to_owned(), sealed)));
}

/// Every flow that the realm is bound to must exist.
async fn check_flows(txn: &mut Txn<'_, Configuration>, realm: &Realm) -> Result<(), ManageError> {
    let authentication = txn.authentication().get(&realm.id).await?;
    match bound_flows(realm)
        .into_iter()
        .find(|alias| authentication.flow_by_alias(alias).is_none_or(|flow| !flow.top_level))
    {
        Some(alias) => Err(ManageError::realm_settings(&format!("there is no flow {alias}"))),
        None => Ok(()),
    }
}

/// The aliases of the flows that the realm is bound to.
pub(super) fn bound_flows(realm: &Realm) -> [&str; 7] {
    [
        &realm.browser_flow,
        &realm.registration_flow,
        &realm.direct_grant_flow,
        &realm.reset_credentials_flow,
        &realm.client_authentication_flow,
        &realm.docker_authentication_flow,
        &realm.first_broker_login_flow,
    ]
}

/// What a new realm consists of, for an import to fill gaps from.
pub(super) fn usual_contents(env: &Env, id: &RealmId, name: &str) -> Contents {
    let (_, mut contents) = Fresh::new(env, id.clone(), name).realm_with_contents();
    if contents.realm.is_master() {
        contents.add_master_roles(env.random());
    }
    contents
}

/// The name of the composite role that every new user gets.
pub(super) fn default_role_name(realm: &str) -> String {
    format!("default-roles-{}", realm.to_lowercase())
}

/// The ids of a realm in the making.
struct Fresh<'a> {
    env: &'a Env,
    id: RealmId,
    name: &'a str,
    default_role: RoleId,
    offline_access: RoleId,
}

/// What a realm consists of besides keys, flows and the like.
pub(super) struct Contents {
    /// Before any setting was applied.
    pub(super) realm: Realm,
    pub(super) roles: Vec<Role>,
    pub(super) clients: Vec<Client>,
    pub(super) scopes: Vec<crate::model::client_scope::ClientScope>,
}

impl<'a> Fresh<'a> {
    fn new(env: &'a Env, id: RealmId, name: &'a str) -> Self {
        Self { env, id, name, default_role: RoleId::random(env.random()), offline_access: RoleId::random(env.random()) }
    }

    fn realm_with_contents(&self) -> (Realm, Contents) {
        let scopes = defaults::client_scopes::all(self.env.random(), &self.offline_access);
        let attached = |attachment: Attachment, protocol: Option<&str>| -> Vec<ClientScopeId> {
            let rows = scopes
                .iter()
                .filter(|(scope, how)| *how == attachment && protocol.is_none_or(|protocol| scope.protocol == protocol));
            rows.map(|(scope, _)| scope.id.clone()).collect()
        };

        let mut realm = Realm { enabled: false, ..Realm::new(self.id.clone(), self.name, self.default_role.clone()) };
        realm.default_default_client_scopes = attached(Attachment::Default, None);
        realm.default_optional_client_scopes = attached(Attachment::Optional, None);
        if realm.is_master() {
            realm.enabled = true;
            realm.display_name = Some("Keycloak".to_owned());
            realm.display_name_html = Some("<div class=\"kc-logo-text\"><span>Keycloak</span></div>".to_owned());
            realm.access_token_lifespan = 60;
            realm.attributes.retain(|name, _| !name.starts_with("oauth2Device"));
        }

        let mut clients = client_tables::of_every_realm(self.env.random(), self.name);
        if !realm.is_master() {
            let name = format!("${{client_{}}}", client_tables::REALM_MANAGEMENT);
            clients.push(client_tables::role_holder(self.env.random(), client_tables::REALM_MANAGEMENT, &name));
        }
        for client in &mut clients {
            client.default_client_scopes = attached(Attachment::Default, Some("openid-connect"));
            client.optional_client_scopes = attached(Attachment::Optional, Some("openid-connect"));
        }

        let roles = self.roles(&mut clients);
        let scopes = scopes.into_iter().map(|(scope, _)| scope).collect();
        (realm.clone(), Contents { realm, roles, clients, scopes })
    }

    /// All roles; the console's client learns which of `account` may stand in its tokens.
    fn roles(&self, clients: &mut [Client]) -> Vec<Role> {
        let random = self.env.random();
        let mut roles: Vec<Role> = role_tables::REALM
            .iter()
            .map(|(name, description)| {
                let id = if *name == "offline_access" { self.offline_access.clone() } else { RoleId::random(random) };
                Role { id, description: Some((*description).to_owned()), ..role(random, RoleContainer::Realm, name) }
            })
            .collect();
        let mut default_composites: Vec<RoleId> = roles.iter().map(|role| role.id.clone()).collect();

        let mut console_mappings = Vec::new();
        for client in clients.iter() {
            let of_client = match client.client_id.as_str() {
                client_tables::ACCOUNT => client_roles(random, &client.id, role_tables::ACCOUNT),
                client_tables::BROKER => client_roles(random, &client.id, role_tables::BROKER),
                client_tables::REALM_MANAGEMENT => realm_management_roles(random, &client.id),
                _ => continue,
            };
            if client.client_id == client_tables::ACCOUNT {
                default_composites.extend(ids(&of_client, role_tables::DEFAULT_ACCOUNT));
                console_mappings = ids(&of_client, &["manage-account", "view-groups"]);
            }
            roles.extend(of_client);
        }
        if let Some(console) = clients.iter_mut().find(|client| client.client_id == client_tables::ACCOUNT_CONSOLE) {
            console.scope_mappings = console_mappings;
        }

        roles.push(Role {
            id: self.default_role.clone(),
            description: Some("${role_default-roles}".to_owned()),
            composites: default_composites,
            ..role(random, RoleContainer::Realm, &default_role_name(self.name))
        });
        roles
    }
}

impl Contents {
    fn add_master_roles(&mut self, random: &dyn Random) {
        let create_realm = role(random, RoleContainer::Realm, role_tables::CREATE_REALM);
        let admin = Role { composites: vec![create_realm.id.clone()], ..role(random, RoleContainer::Realm, role_tables::ADMIN) };
        self.roles.extend([admin, create_realm]);
    }

    fn write(&self, txn: &mut Txn<'_, Configuration>, realm: &RealmId) {
        for role in &self.roles {
            txn.roles().insert(realm, role);
        }
        for scope in &self.scopes {
            txn.client_scopes().insert(realm, scope);
        }
        for client in &self.clients {
            txn.clients().insert(realm, client);
        }
    }
}

fn role(random: &dyn Random, container: RoleContainer, name: &str) -> Role {
    Role {
        id: RoleId::random(random),
        name: name.to_owned(),
        description: Some(format!("${{role_{name}}}")),
        container,
        composites: Vec::new(),
        attributes: BTreeMap::new(),
    }
}

fn ids(roles: &[Role], names: &[&str]) -> Vec<RoleId> {
    roles.iter().filter(|role| names.contains(&role.name.as_str())).map(|role| role.id.clone()).collect()
}

/// The roles of a table as roles of `client`.
fn client_roles(random: &dyn Random, client: &ClientId, table: RoleTable) -> Vec<Role> {
    let mut roles: Vec<Role> = table.iter().map(|(name, _)| role(random, RoleContainer::Client(client.clone()), name)).collect();
    let by_name: HashMap<&str, RoleId> = table.iter().map(|(name, _)| *name).zip(roles.iter().map(|role| role.id.clone())).collect();
    for (role, (_, contained)) in roles.iter_mut().zip(table) {
        role.composites = contained.iter().map(|name| by_name[name].clone()).collect();
    }
    roles
}

fn realm_management_roles(random: &dyn Random, client: &ClientId) -> Vec<Role> {
    let mut roles = client_roles(random, client, role_tables::ADMINISTRATION);
    roles.extend(client_roles(random, client, role_tables::ORGANIZATIONS));
    let all = roles.iter().map(|role| role.id.clone()).collect();
    roles.push(Role { composites: all, ..role(random, RoleContainer::Client(client.clone()), role_tables::REALM_ADMIN) });
    roles
}

/// The client in master that holds the roles over realm `name`; `admin` contains them all. Without a master (an imported realm
/// in a store of its own) there is nobody to administer it from outside.
pub(super) async fn add_administration_client(txn: &mut Txn<'_, Configuration>, env: &Env, name: &str) -> Result<(), ManageError> {
    let Some(master) = txn.realms().by_name(Realm::MASTER).await? else { return Ok(()) };
    let client_id = client_tables::administration_client_id(name);
    if txn.clients().by_client_id(&master.id, &client_id).await?.is_some() {
        return Err(ManageError::client_exists(&client_id));
    }
    let mut client = client_tables::role_holder(env.random(), &client_id, &format!("{name} Realm"));
    super::clients::attach_realm_scopes(txn, &master, &mut client).await?;
    let roles = client_roles(env.random(), &client.id, role_tables::ADMINISTRATION);
    if let Some(admin) = txn.roles().realm_role(&master.id, role_tables::ADMIN).await? {
        let mut changed = admin.clone();
        changed.composites.extend(roles.iter().map(|role| role.id.clone()));
        txn.roles().put(&master.id, &admin, &changed);
    }
    txn.clients().insert(&master.id, &client);
    for role in &roles {
        txn.roles().insert(&master.id, role);
    }
    Ok(())
}

/// After `realm` has appeared ready-made: master knows how to administer it, or all others if it is master itself.
pub(super) async fn settle_administration_clients(txn: &mut Txn<'_, Configuration>, env: &Env, realm: &Realm) -> Result<(), ManageError> {
    let names =
        if realm.is_master() { txn.realms().list().await?.into_iter().map(|realm| realm.name).collect() } else { vec![realm.name.clone()] };
    let Some(master) = txn.realms().by_name(Realm::MASTER).await? else { return Ok(()) };
    for name in names {
        let client_id = client_tables::administration_client_id(&name);
        if txn.clients().by_client_id(&master.id, &client_id).await?.is_none() {
            add_administration_client(txn, env, &name).await?;
        }
    }
    Ok(())
}

async fn rename_administration_client(txn: &mut Txn<'_, Configuration>, from: &str, to: &str) -> Result<(), ManageError> {
    let Some(master) = txn.realms().by_name(Realm::MASTER).await? else { return Ok(()) };
    let (from, to_id) = (client_tables::administration_client_id(from), client_tables::administration_client_id(to));
    let Some(old) = txn.clients().by_client_id(&master.id, &from).await? else { return Ok(()) };
    if txn.clients().by_client_id(&master.id, &to_id).await?.is_some() {
        return Err(ManageError::realm_name_taken());
    }
    let client = Client { client_id: to_id, name: Some(format!("{to} Realm")), ..old.clone() };
    txn.clients().put(&master.id, &old, &client);
    Ok(())
}
