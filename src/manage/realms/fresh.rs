//! What Keycloak puts into a new realm: roles, clients, client scopes, and which of them are attached to which.

use std::collections::{BTreeMap, HashMap};

use crate::base::env::Env;
use crate::base::id::{ClientId, ClientScopeId, RealmId, RoleId};
use crate::base::random::Random;
use crate::manage::defaults::client_scopes::Attachment;
use crate::manage::defaults::roles::{self as role_tables, RoleTable};
use crate::manage::defaults::{self, clients as client_tables};
use crate::model::client::Client;
use crate::model::client_scope::ClientScope;
use crate::model::realm::Realm;
use crate::model::role::{Role, RoleContainer};
use crate::store::txn::{Configuration, Reader as _, Txn};

/// What a new realm consists of, for an import to fill gaps from.
pub(in crate::manage) fn usual_contents(env: &Env, id: &RealmId, name: &str) -> Contents {
    let (_, mut contents) = Fresh::new(env, id.clone(), name).realm_with_contents();
    if contents.realm.is_master() {
        contents.add_master_roles(env.random());
    }
    contents
}

/// The name of the composite role that every new user gets.
pub(in crate::manage) fn default_role_name(realm: &str) -> String {
    format!("default-roles-{}", realm.to_lowercase())
}

/// The ids of a realm in the making.
pub(super) struct Fresh<'a> {
    env: &'a Env,
    id: RealmId,
    name: &'a str,
    default_role: RoleId,
    offline_access: RoleId,
}

/// What a realm consists of besides keys, flows and the like.
pub(in crate::manage) struct Contents {
    /// Before any setting was applied.
    pub(in crate::manage) realm: Realm,
    pub(in crate::manage) roles: Vec<Role>,
    pub(in crate::manage) clients: Vec<Client>,
    pub(in crate::manage) scopes: Vec<ClientScope>,
}

impl<'a> Fresh<'a> {
    pub(super) fn new(env: &'a Env, id: RealmId, name: &'a str) -> Self {
        Self { env, id, name, default_role: RoleId::random(env.random()), offline_access: RoleId::random(env.random()) }
    }

    pub(super) fn realm_with_contents(&self) -> (Realm, Contents) {
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
    pub(super) fn add_master_roles(&mut self, random: &dyn Random) {
        let create_realm = role(random, RoleContainer::Realm, role_tables::CREATE_REALM);
        let admin = Role { composites: vec![create_realm.id.clone()], ..role(random, RoleContainer::Realm, role_tables::ADMIN) };
        self.roles.extend([admin, create_realm]);
    }

    pub(super) fn write(&self, txn: &mut Txn<'_, Configuration>, realm: &RealmId) {
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
pub(super) fn client_roles(random: &dyn Random, client: &ClientId, table: RoleTable) -> Vec<Role> {
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
