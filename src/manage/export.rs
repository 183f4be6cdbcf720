//! A realm as a document in Keycloak's format. Users stream out in pages, so memory does not grow with their number; what an
//! import only kept comes out again.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::base::id::{ClientId, ClientScopeId, GroupId, RoleId};
use crate::base::seal::{CannotOpen, Sealer};
use crate::base::secret::Secret;
use crate::keyring::provider::SECRET_CONFIG;
use crate::model::client::{Client, ROTATED_SECRET};
use crate::model::client_scope::ClientScope;
use crate::model::component::{Component, KEY_PROVIDER};
use crate::model::credential::CredentialKind;
use crate::model::group::Group;
use crate::model::identity_provider;
use crate::model::realm::Realm;
use crate::model::role::{Role, RoleContainer};
use crate::model::user::User;
use crate::store::txn::{Peek, Reader as _};
use crate::store::{Store, StoreError, carried};

use super::client_secrets::read_rotated;
use super::clients::read_secret;
use super::components::FEDERATION_SECRETS;
use super::error::ManageError;
use super::import::{USER_PROFILE_CONFIG, USER_PROFILE_PROVIDER};
use super::realms::MASK;
use super::representation::authentication::{AuthenticatorConfigRepresentation, FlowRepresentation, RequiredActionRepresentation};
use super::representation::client::ClientRepresentation;
use super::representation::client_scope::ClientScopeRepresentation;
use super::representation::component::ComponentExportRepresentation;
use super::representation::credential::CredentialRepresentation;
use super::representation::group::{self, GroupRepresentation, RolesByName};
use super::representation::realm::{RealmRepresentation, SmtpPassword};
use super::representation::role::{Composites, RoleRepresentation};
use super::representation::user::{FederatedIdentityRepresentation, UserConsentRepresentation, UserRepresentation};

/// The Keycloak whose format this is; importers look at it to decide what to migrate.
const KEYCLOAK_VERSION: &str = "26.7.3";
/// Users read at a time.
const PAGE: usize = 200;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("there is no realm {0}")]
    NoRealm(String),
    #[error("the export cannot be written: {0}")]
    Write(#[from] io::Error),
    #[error(transparent)]
    Manage(#[from] ManageError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sealed(#[from] CannotOpen),
}

/// A realm to write out, with everything but its users in memory.
pub struct Export<'a> {
    store: &'a Store,
    sealer: &'a Sealer,
    /// Secrets, private keys and credentials as they are; otherwise masked or left out.
    with_secrets: bool,
    realm: Realm,
    names: Names,
    members: RealmRepresentation,
}

/// What things are called.
struct Names {
    clients: HashMap<ClientId, String>,
    scopes: HashMap<ClientScopeId, String>,
    /// With the `client_id` of a client's role.
    roles: HashMap<RoleId, (Option<String>, String)>,
    groups: HashMap<GroupId, String>,
}

impl<'a> Export<'a> {
    /// Reads the realm `name`.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn read(store: &'a Store, sealer: &'a Sealer, name: &str, with_secrets: bool) -> Result<Self, ExportError> {
        let mut peek = store.peek();
        let realm = peek.realms().by_name(name).await?.ok_or_else(|| ExportError::NoRealm(name.to_owned()))?;
        let id = &realm.id;
        let (clients, scopes) = (peek.clients().list(id).await?, peek.client_scopes().list(id).await?);
        let (roles, groups) = (peek.roles().list(id).await?, peek.groups().list(id).await?);
        let names = Names::of(&clients, &scopes, &roles, &groups);
        let members = RealmRepresentation::default();
        let mut export = Self { store, sealer, with_secrets, realm, names, members };
        export.members = export.settings()?;
        export.roles(&roles);
        export.groups(&groups);
        export.scope_mappings(&clients, &scopes);
        export.clients(peek, &clients).await?;
        export.add("clientScopes", &scopes.iter().map(ClientScopeRepresentation::from).collect::<Vec<_>>());
        export.components(peek).await?;
        export.identity_providers(peek).await?;
        export.authentication(peek).await?;
        export.kept(peek).await?;
        Ok(export)
    }

    /// The name of the realm.
    pub fn realm(&self) -> &str {
        &self.realm.name
    }

    /// Writes the whole document, with or without users. How many users it has.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn write(&self, out: &mut (dyn Write + Send), with_users: bool) -> Result<u64, ExportError> {
        let (mut first, mut users, mut pending) = (true, 0, with_users);
        write!(out, "{{")?;
        for (name, value) in self.members.members() {
            if pending && RealmRepresentation::follows(name, "users") {
                users = self.write_user_member(out, first).await?;
                (first, pending) = (false, false);
            }
            write_member(out, name, value, first)?;
            first = false;
        }
        if pending {
            users = self.write_user_member(out, first).await?;
        }
        writeln!(out, "\n}}")?;
        out.flush()?;
        Ok(users)
    }

    /// Writes nothing but users, as the files beside a realm file have them: at most `limit` of them, after the user `after`. The
    /// last user written, if there may be more.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn write_users(
        &self,
        out: &mut (dyn Write + Send),
        after: Option<&crate::base::id::UserId>,
        limit: Option<usize>,
    ) -> Result<(u64, Option<crate::base::id::UserId>), ExportError> {
        write!(out, "{{\n  \"realm\" : {},\n  \"users\" : [ ", json!(self.realm.name))?;
        let answer = self.stream(out, after.cloned(), limit).await?;
        writeln!(out, " ]\n}}")?;
        out.flush()?;
        Ok(answer)
    }

    async fn write_user_member(&self, out: &mut (dyn Write + Send), first: bool) -> Result<u64, ExportError> {
        write!(out, "{}\n  \"users\" : [ ", if first { "" } else { "," })?;
        let (count, _) = self.stream(out, None, None).await?;
        write!(out, " ]")?;
        Ok(count)
    }

    async fn stream(
        &self,
        out: &mut (dyn Write + Send),
        mut after: Option<crate::base::id::UserId>,
        limit: Option<usize>,
    ) -> Result<(u64, Option<crate::base::id::UserId>), ExportError> {
        let mut count = 0;
        loop {
            let left = limit.map_or(PAGE, |limit| PAGE.min(limit - count));
            let page = self.store.peek().users().list(&self.realm.id, after.as_ref(), left).await?;
            for user in &page {
                let text = pretty(&self.user(user).await?);
                write!(out, "{}{text}", if count == 0 { "" } else { ", " })?;
                count += 1;
            }
            after = page.last().map(|user| user.id.clone()).or(after);
            if page.len() < left {
                return Ok((count as u64, None));
            }
            if limit == Some(count) {
                return Ok((count as u64, after));
            }
        }
    }

    fn add(&mut self, name: &str, value: &impl Serialize) {
        self.members = std::mem::take(&mut self.members).with(name, value);
    }

    fn settings(&self) -> Result<RealmRepresentation, ExportError> {
        let realm = &self.realm;
        let smtp = match realm.smtp_server.get("password") {
            Some(sealed) if self.with_secrets => SmtpPassword::Shown(self.open(&realm.smtp_secret_identity(), sealed)?),
            _ => SmtpPassword::Masked,
        };
        let scope_names = |ids: &[ClientScopeId]| ids.iter().filter_map(|id| self.names.scopes.get(id)).cloned().collect::<Vec<_>>();
        let mut members = RealmRepresentation::of(realm, &smtp)
            .with("defaultDefaultClientScopes", &scope_names(&realm.default_default_client_scopes))
            .with("defaultOptionalClientScopes", &scope_names(&realm.default_optional_client_scopes))
            .with("keycloakVersion", &KEYCLOAK_VERSION);
        if !realm.default_groups.is_empty() {
            members =
                members.with("defaultGroups", &realm.default_groups.iter().filter_map(|id| self.names.groups.get(id)).collect::<Vec<_>>());
        }
        Ok(members)
    }

    fn roles(&mut self, roles: &[Role]) {
        let (mut of_realm, mut of_clients) = (Vec::new(), BTreeMap::<&str, Vec<RoleRepresentation>>::new());
        for client in self.names.clients.values() {
            of_clients.insert(client, Vec::new());
        }
        for role in roles {
            let shown = RoleRepresentation { composites: self.composites(role), ..RoleRepresentation::full(&self.realm.id, role) };
            match &role.container {
                RoleContainer::Realm => of_realm.push(shown),
                RoleContainer::Client(client) => {
                    if let Some(client) = self.names.clients.get(client) {
                        of_clients.entry(client).or_default().push(shown);
                    }
                }
            }
        }
        let all = json!({ "realm": of_realm, "client": of_clients });
        self.add("roles", &all);
        if let Some(role) = roles.iter().find(|role| role.id == self.realm.default_role) {
            let shown = RoleRepresentation::brief(&self.realm.id, role);
            self.add("defaultRole", &shown);
        }
    }

    fn composites(&self, role: &Role) -> Option<Composites> {
        // A set: in the order of names, whatever the ids are.
        let RolesByName { mut realm, mut client } = self.names.by_name(&role.composites);
        realm.sort();
        for roles in client.values_mut() {
            roles.sort();
        }
        let composites = Composites {
            realm: Some(realm).filter(|roles| !roles.is_empty()),
            client: Some(client).filter(|roles| !roles.is_empty()),
            ..Composites::default()
        };
        (!role.composites.is_empty()).then_some(composites)
    }

    fn groups(&mut self, groups: &[Group]) {
        let mut children: HashMap<Option<&GroupId>, Vec<&Group>> = HashMap::new();
        for group in groups {
            children.entry(group.parent.as_ref()).or_default().push(group);
        }
        let tree = self.subtree(None, &children, groups.len());
        self.add("groups", &tree);
    }

    /// `depth` bounds the recursion where the store, against all rules, has a circle.
    fn subtree(
        &self,
        parent: Option<&GroupId>,
        children: &HashMap<Option<&GroupId>, Vec<&Group>>,
        depth: usize,
    ) -> Vec<GroupRepresentation> {
        let groups = children.get(&parent).filter(|_| depth > 0);
        let shown = groups.into_iter().flatten().map(|group| {
            let path = self.names.groups.get(&group.id).cloned().unwrap_or_default();
            let below = self.subtree(Some(&group.id), children, depth - 1);
            GroupRepresentation { sub_groups: Some(below), ..GroupRepresentation::full(group, path, self.names.by_name(&group.roles)) }
        });
        shown.collect()
    }

    fn scope_mappings(&mut self, clients: &[Client], scopes: &[ClientScope]) {
        let (mut of_realm, mut of_clients) = (Vec::new(), BTreeMap::<String, Vec<Value>>::new());
        let holders = clients.iter().map(|client| ("client", &client.client_id, &client.scope_mappings));
        let holders = holders.chain(scopes.iter().map(|scope| ("clientScope", &scope.name, &scope.scope_mappings)));
        for (kind, name, mapped) in holders.filter(|(_, _, mapped)| !mapped.is_empty()) {
            let RolesByName { realm, client } = self.names.by_name(mapped);
            if !realm.is_empty() {
                of_realm.push(json!({ kind: name, "roles": realm }));
            }
            for (client, roles) in client {
                of_clients.entry(client).or_default().push(json!({ kind: name, "roles": roles }));
            }
        }
        self.add("scopeMappings", &of_realm);
        self.add("clientScopeMappings", &of_clients);
    }

    async fn clients(&mut self, mut peek: Peek<'_>, clients: &[Client]) -> Result<(), ExportError> {
        let mut shown = Vec::with_capacity(clients.len());
        for client in clients {
            let secret = match &client.secret {
                Some(_) if self.with_secrets => read_secret(self.sealer, &self.realm.id, client)?,
                Some(_) => Some(Secret::from(MASK)),
                None => None,
            };
            let mut representation = ClientRepresentation::of(client, secret, |id| self.names.scopes.get(id).cloned());
            if client.rotated_secret.is_some() {
                let rotated = if self.with_secrets { read_rotated(self.sealer, &self.realm.id, client)? } else { Some(MASK.into()) };
                let rotated = rotated.map(|secret| secret.expose().clone());
                representation.attributes.get_or_insert_default().insert(ROTATED_SECRET.to_owned(), rotated);
            }
            let mut members = serde_json::to_value(representation).unwrap_or_default();
            let name = format!("client.{}", client.client_id);
            if let Some(sealed) = peek.carried().get(&self.realm.id, &name).await?
                && let (Value::Object(members), Value::Object(kept)) = (&mut members, self.carried(&name, &sealed)?)
            {
                members.extend(kept);
            }
            shown.push(members);
        }
        self.add("clients", &shown);
        Ok(())
    }

    async fn components(&mut self, mut peek: Peek<'_>) -> Result<(), ExportError> {
        let components = peek.components().list(&self.realm.id).await?;
        let profile = peek.user_profiles().get(&self.realm.id).await?;
        let mut below: HashMap<Option<&str>, Vec<&Component>> = HashMap::new();
        for component in &components {
            below.entry(component.parent.as_ref().map(crate::base::id::ComponentId::as_str)).or_default().push(component);
        }
        let mut shown = self.components_below(None, &below, components.len() + 1)?;
        let profile = vec![Some(serde_json::to_string(&profile).unwrap_or_default())];
        let holders = shown.entry(USER_PROFILE_PROVIDER.to_owned()).or_default();
        if holders.is_empty() {
            holders.push(ComponentExportRepresentation { provider_id: "declarative-user-profile".to_owned(), ..Default::default() });
        }
        holders[0].config.insert(USER_PROFILE_CONFIG.to_owned(), profile);
        self.add("components", &shown);
        Ok(())
    }

    fn components_below(
        &self,
        parent: Option<&str>,
        below: &HashMap<Option<&str>, Vec<&Component>>,
        depth: usize,
    ) -> Result<BTreeMap<String, Vec<ComponentExportRepresentation>>, ExportError> {
        let mut shown: BTreeMap<String, Vec<ComponentExportRepresentation>> = BTreeMap::new();
        for component in below.get(&parent).filter(|_| depth > 0).into_iter().flatten() {
            let representation = ComponentExportRepresentation {
                sub_components: self.components_below(Some(component.id.as_str()), below, depth - 1)?,
                ..ComponentExportRepresentation::of(component, &self.config_of(component)?)
            };
            shown.entry(component.provider_type.clone()).or_default().push(representation);
        }
        Ok(shown)
    }

    /// The configuration with its secrets opened; without secrets keys lose their private halves and passwords are masked.
    fn config_of(&self, component: &Component) -> Result<BTreeMap<String, Vec<String>>, ExportError> {
        let mut config = component.config.clone();
        let secrets: &[&str] = if component.provider_type == KEY_PROVIDER { &SECRET_CONFIG } else { &FEDERATION_SECRETS };
        for name in secrets {
            if !self.with_secrets && component.provider_type == KEY_PROVIDER {
                config.remove(*name);
            }
            for value in config.get_mut(*name).into_iter().flatten().filter(|value| !value.is_empty()) {
                *value =
                    if self.with_secrets { self.open(&component.secret_identity(name), value)?.expose().clone() } else { MASK.to_owned() };
            }
        }
        Ok(config)
    }

    async fn identity_providers(&mut self, mut peek: Peek<'_>) -> Result<(), ExportError> {
        let (mut shown, mut mappers) = (Vec::new(), Vec::new());
        for mut provider in peek.identity_providers().list(&self.realm.id).await? {
            for name in identity_provider::SECRET_CONFIG {
                let identity = provider.secret_identity(name);
                if let Some(value) = provider.config.get_mut(name) {
                    *value = if self.with_secrets { self.open(&identity, value)?.expose().clone() } else { MASK.to_owned() };
                }
            }
            for mapper in std::mem::take(&mut provider.mappers) {
                let mut members = Map::new();
                members.insert("id".to_owned(), mapper.id.into());
                members.insert("name".to_owned(), mapper.name.into());
                members.insert("identityProviderAlias".to_owned(), provider.alias.clone().into());
                members.insert("identityProviderMapper".to_owned(), mapper.identity_provider_mapper.into());
                members.insert("config".to_owned(), json!(mapper.config));
                mappers.push(members);
            }
            shown.push(in_keycloaks_order(&provider));
        }
        self.add("identityProviders", &shown);
        self.add("identityProviderMappers", &mappers);
        Ok(())
    }

    async fn authentication(&mut self, mut peek: Peek<'_>) -> Result<(), ExportError> {
        let all = peek.authentication().get(&self.realm.id).await?;
        self.add("authenticationFlows", &all.flows.iter().map(|flow| FlowRepresentation::of(flow, &all)).collect::<Vec<_>>());
        self.add("authenticatorConfig", &all.configs.iter().map(AuthenticatorConfigRepresentation::from).collect::<Vec<_>>());
        self.add("requiredActions", &all.required_actions.iter().map(RequiredActionRepresentation::from).collect::<Vec<_>>());
        let texts = peek.localization().get(&self.realm.id).await?;
        if !texts.is_empty() {
            self.add("localizationTexts", &texts);
        }
        Ok(())
    }

    /// Members that the import kept.
    async fn kept(&mut self, mut peek: Peek<'_>) -> Result<(), ExportError> {
        for (name, sealed) in peek.carried().list(&self.realm.id).await? {
            if !name.starts_with("client.") {
                let value = self.carried(&name, &sealed)?;
                self.add(&name, &value);
            }
        }
        Ok(())
    }

    fn carried(&self, name: &str, sealed: &str) -> Result<Value, ExportError> {
        let text = self.open(&carried::secret_identity(name), sealed)?;
        let mut value = serde_json::from_str(text.expose()).map_err(|_| CannotOpen)?;
        if !self.with_secrets {
            mask(&mut value);
        }
        Ok(value)
    }

    fn open(&self, identity: &str, sealed: &str) -> Result<Secret<String>, CannotOpen> {
        let bytes = self.sealer.open(&self.realm.id, identity, sealed)?;
        String::from_utf8(bytes.expose().clone()).map(Secret::new).map_err(|_| CannotOpen)
    }

    async fn user(&self, user: &User) -> Result<UserRepresentation, ExportError> {
        let (mut peek, id) = (self.store.peek(), &self.realm.id);
        let credentials = peek.credentials().get(id, &user.id).await?;
        let links = peek.identity_providers().links(id, &user.id).await?;
        let consents = peek.consents().get(id, &user.id).await?;
        let service_account = user.service_account_client.as_ref().and_then(|client| self.names.clients.get(client));
        let mut shown = Vec::new();
        for credential in credentials.0.iter().filter(|_| self.with_secrets) {
            let sealed = match &credential.kind {
                CredentialKind::Otp { secret, .. } => Some(secret),
                CredentialKind::Kept { secret_data, .. } => Some(secret_data),
                _ => None,
            };
            let opened = sealed.map(|sealed| self.open(&credential.secret_identity(), sealed)).transpose()?;
            shown.push(CredentialRepresentation::complete(credential, opened.as_ref()));
        }
        let RolesByName { realm, client } = self.names.by_name(&user.roles);
        let accounts = links.accounts.into_iter().map(|link| FederatedIdentityRepresentation {
            identity_provider: Some(link.identity_provider),
            user_id: Some(link.user_id),
            user_name: link.user_name,
        });
        let consents = consents.0.iter().filter_map(|consent| {
            Some(UserConsentRepresentation {
                client_id: Some(self.names.clients.get(&consent.client)?.clone()),
                granted_client_scopes: Some(consent.scopes.iter().filter_map(|id| self.names.scopes.get(id)).cloned().collect()),
                created_date: Some(consent.created.0),
                last_updated_date: Some(consent.updated.0),
                ..UserConsentRepresentation::default()
            })
        });
        Ok(UserRepresentation {
            credentials: Some(shown),
            federation_link: links.federation,
            federated_identities: Some(accounts.collect()).filter(|accounts: &Vec<_>| !accounts.is_empty()),
            realm_roles: Some(realm),
            client_roles: Some(client).filter(|roles| !roles.is_empty()),
            client_consents: Some(consents.collect()).filter(|consents: &Vec<_>| !consents.is_empty()),
            groups: Some(user.groups.iter().filter_map(|id| self.names.groups.get(id)).cloned().collect()),
            ..UserRepresentation::full(user, credentials.has_otp(), service_account.map(String::as_str))
        })
    }
}

impl Names {
    fn of(clients: &[Client], scopes: &[ClientScope], roles: &[Role], groups: &[Group]) -> Self {
        let clients: HashMap<_, _> = clients.iter().map(|client| (client.id.clone(), client.client_id.clone())).collect();
        let roles = roles.iter().map(|role| {
            let client = match &role.container {
                RoleContainer::Realm => None,
                RoleContainer::Client(client) => clients.get(client).cloned(),
            };
            (role.id.clone(), (client, role.name.clone()))
        });
        Self {
            roles: roles.collect(),
            scopes: scopes.iter().map(|scope| (scope.id.clone(), scope.name.clone())).collect(),
            groups: group::paths(groups).into_iter().map(|(id, path)| (GroupId::from(id), path)).collect(),
            clients,
        }
    }

    /// Roles that are gone are left out: a job is about to forget them.
    fn by_name(&self, ids: &[RoleId]) -> RolesByName {
        let mut names = RolesByName::default();
        for (client, role) in ids.iter().filter_map(|id| self.roles.get(id)) {
            match client {
                None => names.realm.push(role.clone()),
                Some(client) => names.client.entry(client.clone()).or_default().push(role.clone()),
            }
        }
        names
    }
}

/// Without the members that are absent; [`identity_provider::IdentityProvider`] stores them as null.
fn in_keycloaks_order(provider: &identity_provider::IdentityProvider) -> Value {
    let mut value = serde_json::to_value(provider).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.remove("mappers");
        members.retain(|_, value| !value.is_null());
        // Keycloak writes the display name and then the internal id.
        for name in ["internalId", "providerId", "enabled"] {
            if let Some(value) = members.remove(name) {
                members.insert(name.to_owned(), value);
            }
        }
        let rest: Vec<String> = members
            .keys()
            .filter(|name| !["alias", "displayName", "internalId", "providerId", "enabled"].contains(&name.as_str()))
            .cloned()
            .collect();
        for name in rest {
            if let Some(value) = members.remove(&name) {
                members.insert(name, value);
            }
        }
    }
    value
}

/// Masks what bears the name of a secret, in documents whose shape nobody here knows.
fn mask(value: &mut Value) {
    const SECRETS: [&str; 7] = ["clientSecret", "secret", "password", "bindCredential", "privateKey", "secretData", "value"];
    match value {
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(members) => {
            for (name, member) in members {
                if SECRETS.contains(&name.as_str()) && member.is_string() {
                    *member = MASK.into();
                } else {
                    mask(member);
                }
            }
        }
        _ => {}
    }
}

fn write_member(out: &mut (dyn Write + Send), name: &str, value: &Value, first: bool) -> io::Result<()> {
    write!(out, "{}\n  {} : {}", if first { "" } else { "," }, json!(name), pretty(value))
}

/// As Keycloak's files look, two levels in. A line break inside a JSON text is escaped, so every one found here is layout.
fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default().replace('\n', "\n  ")
}
