//! What things are called in a document: it refers by name where the store refers by id.

use std::collections::HashMap;

use crate::base::id::{ClientId, ClientScopeId, GroupId, RoleId};
use crate::manage::representation::group::{self, RolesByName};
use crate::model::client::Client;
use crate::model::client_scope::ClientScope;
use crate::model::group::Group;
use crate::model::role::{Role, RoleContainer};

/// What things are called.
pub(super) struct Names {
    pub clients: HashMap<ClientId, String>,
    pub scopes: HashMap<ClientScopeId, String>,
    /// With the `client_id` of a client's role.
    pub roles: HashMap<RoleId, (Option<String>, String)>,
    pub groups: HashMap<GroupId, String>,
}

impl Names {
    pub fn of(clients: &[Client], scopes: &[ClientScope], roles: &[Role], groups: &[Group]) -> Self {
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
    pub fn by_name(&self, ids: &[RoleId]) -> RolesByName {
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
