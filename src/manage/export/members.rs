//! The parts of a realm, each as a member of its document.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::base::id::{ComponentId, GroupId};
use crate::base::seal::CannotOpen;
use crate::base::secret::Secret;
use crate::keyring::provider::SECRET_CONFIG;
use crate::manage::client_secrets::{read_private_key, read_rotated, read_secret};
use crate::manage::components::FEDERATION_SECRETS;
use crate::manage::import::{USER_PROFILE_CONFIG, USER_PROFILE_PROVIDER};
use crate::manage::organizations::{self, MemberQuery, OrganizationQuery};
use crate::manage::realms::MASK;
use crate::manage::representation::authentication::{AuthenticatorConfigRepresentation, FlowRepresentation, RequiredActionRepresentation};
use crate::manage::representation::client::ClientRepresentation;
use crate::manage::representation::component::ComponentExportRepresentation;
use crate::manage::representation::group::{self, GroupRepresentation, RolesByName};
use crate::manage::representation::identity_provider::{IdentityProviderMapperRepresentation, IdentityProviderRepresentation};
use crate::manage::representation::organization::{MemberRepresentation, OrganizationRepresentation};
use crate::manage::representation::role::{Composites, RoleRepresentation};
use crate::manage::representation::user::UserRepresentation;
use crate::model::client::{Client, PRIVATE_KEY_SUFFIX, ROTATED_SECRET, SECRET_CREATION};
use crate::model::client_scope::ClientScope;
use crate::model::component::{Component, KEY_PROVIDER};
use crate::model::group::Group;
use crate::model::identity_provider;
use crate::model::role::{Role, RoleContainer};
use crate::store::carried;
use crate::store::txn::{Peek, Reader as _};

use super::{Export, ExportError};

impl Export<'_> {
    pub(super) fn roles(&mut self, roles: &[Role], of_clients_too: bool) {
        let (mut of_realm, mut of_clients) = (Vec::new(), BTreeMap::<&str, Vec<RoleRepresentation>>::new());
        for client in self.names.clients.values().filter(|_| of_clients_too) {
            of_clients.insert(client, Vec::new());
        }
        for role in roles {
            let shown = RoleRepresentation { composites: self.composites(role), ..RoleRepresentation::full(&self.realm.id, role) };
            match &role.container {
                RoleContainer::Realm => of_realm.push(shown),
                RoleContainer::Client(client) => {
                    if let Some(client) = self.names.clients.get(client).filter(|_| of_clients_too) {
                        of_clients.entry(client).or_default().push(shown);
                    }
                }
            }
        }
        let all = json!({ "realm": of_realm, "client": of_clients });
        self.add("roles", &all);
    }

    pub(super) fn default_role(&mut self, roles: &[Role]) {
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

    pub(super) fn groups(&mut self, groups: &[Group]) {
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

    pub(super) fn scope_mappings(&mut self, clients: &[Client], scopes: &[ClientScope], of_client_roles: bool) {
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
        if of_client_roles {
            self.add("clientScopeMappings", &of_clients);
        }
    }

    pub(super) async fn clients(&mut self, mut peek: Peek<'_>, clients: &[Client]) -> Result<(), ExportError> {
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
            for prefix in client.private_keys.keys().filter(|_| self.with_secrets) {
                let key = read_private_key(self.sealer, &self.realm.id, client, prefix)?.map(|key| key.expose().clone());
                representation.attributes.get_or_insert_default().insert(format!("{prefix}{PRIVATE_KEY_SUFFIX}"), key);
            }
            if !self.with_secrets
                && let Some(attributes) = &mut representation.attributes
            {
                attributes.remove(SECRET_CREATION);
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

    pub(super) async fn components(&mut self, mut peek: Peek<'_>) -> Result<(), ExportError> {
        let components = peek.components().list(&self.realm.id).await?;
        let profile = peek.user_profiles().get(&self.realm.id).await?;
        let mut below: HashMap<Option<&str>, Vec<&Component>> = HashMap::new();
        for component in &components {
            below.entry(component.parent.as_ref().map(ComponentId::as_str)).or_default().push(component);
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
                config.remove("certificate");
            }
            for value in config.get_mut(*name).into_iter().flatten().filter(|value| !value.is_empty()) {
                *value =
                    if self.with_secrets { self.open(&component.secret_identity(name), value)?.expose().clone() } else { MASK.to_owned() };
            }
        }
        Ok(config)
    }

    pub(super) async fn identity_providers(&mut self, mut peek: Peek<'_>) -> Result<(), ExportError> {
        let (mut shown, mut mappers) = (Vec::new(), Vec::new());
        for provider in peek.identity_providers().list(&self.realm.id).await? {
            let mut config = provider.config.clone();
            for name in identity_provider::SECRET_CONFIG {
                if let Some(value) = config.get_mut(name) {
                    let identity = provider.secret_identity(name);
                    *value = if self.with_secrets { self.open(&identity, value)?.expose().clone() } else { MASK.to_owned() };
                }
            }
            mappers.extend(provider.mappers.iter().map(|mapper| IdentityProviderMapperRepresentation::of(&provider, mapper)));
            shown.push(IdentityProviderRepresentation::of(&provider, &config));
        }
        self.add("identityProviders", &shown);
        self.add("identityProviderMappers", &mappers);
        Ok(())
    }

    /// With their members by name. They stand in whole documents only, as in Keycloak.
    pub(super) async fn organizations(&mut self, mut peek: Peek<'_>) -> Result<(), ExportError> {
        let realm = &self.realm.id;
        let providers = peek.identity_providers().list(realm).await?;
        let mut shown = Vec::new();
        for organization in organizations::find(&mut peek, realm, &OrganizationQuery::default(), (0, None)).await? {
            let id = &organization.id;
            let groups = peek.organizations().groups(realm, id).await?;
            let paths = group::paths(&groups);
            let mut members = Vec::new();
            for user in organizations::find_members(&mut peek, (realm, id), &MemberQuery::default(), (0, None)).await? {
                let Some(membership) = organizations::membership(&user, id) else { continue };
                let of_user: Vec<String> = membership.groups.iter().filter_map(|id| paths.get(id.as_str()).cloned()).collect();
                let groups = Some(of_user).filter(|groups| !groups.is_empty());
                let user = UserRepresentation { username: Some(user.username.clone()), groups, ..UserRepresentation::default() };
                members.push(MemberRepresentation { user, membership_type: Some(membership.membership_type) });
            }
            let own = providers.iter().filter(|provider| provider.organization_id.as_deref() == Some(id.as_str()));
            let own: Vec<Value> = own.map(|provider| json!({ "alias": provider.alias })).collect();
            let tree = organization_groups(&groups, &paths, None, groups.len());
            shown.push(OrganizationRepresentation {
                members: Some(members).filter(|members| !members.is_empty()),
                identity_providers: Some(own).filter(|own| !own.is_empty()),
                groups: Some(tree).filter(|tree| !tree.is_empty()),
                ..OrganizationRepresentation::full(&organization)
            });
        }
        if !shown.is_empty() {
            self.add("organizations", &shown);
        }
        Ok(())
    }

    pub(super) async fn authentication(&mut self, mut peek: Peek<'_>) -> Result<(), ExportError> {
        let all = peek.authentication().get(&self.realm.id).await?;
        let mut flows: Vec<_> = all.flows.iter().map(|flow| FlowRepresentation::of(flow, &all)).collect();
        flows.sort_by(|a, b| a.alias.cmp(&b.alias));
        self.add("authenticationFlows", &flows);
        self.add("authenticatorConfig", &all.configs.iter().map(AuthenticatorConfigRepresentation::from).collect::<Vec<_>>());
        self.add("requiredActions", &all.required_actions.iter().map(RequiredActionRepresentation::from).collect::<Vec<_>>());
        let texts = peek.localization().get(&self.realm.id).await?;
        if !texts.is_empty() {
            self.add("localizationTexts", &texts);
        }
        Ok(())
    }

    /// Members that the import kept.
    pub(super) async fn kept(&mut self, mut peek: Peek<'_>) -> Result<(), ExportError> {
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

    pub(super) fn open(&self, identity: &str, sealed: &str) -> Result<Secret<String>, CannotOpen> {
        let bytes = self.sealer.open(&self.realm.id, identity, sealed)?;
        String::from_utf8(bytes.expose().clone()).map(Secret::new).map_err(|_| CannotOpen)
    }
}

/// The groups below `parent` with everything below them; they hold no roles.
fn organization_groups(
    groups: &[Group],
    paths: &BTreeMap<&str, String>,
    parent: Option<&GroupId>,
    depth: usize,
) -> Vec<GroupRepresentation> {
    let below = groups.iter().filter(|group| depth > 0 && group.parent.as_ref() == parent);
    below
        .map(|group| GroupRepresentation {
            attributes: Some(group.attributes.clone()),
            sub_groups: Some(organization_groups(groups, paths, Some(&group.id), depth - 1)),
            ..GroupRepresentation::brief(group, paths.get(group.id.as_str()).cloned().unwrap_or_default())
        })
        .collect()
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
