//! What of a document is there already, what replaces it, and what is new: read and turned into the records of a plan.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use crate::base::id::{ClientId, ClientScopeId, GroupId, RoleId};
use crate::base::spelling::of_name;
use crate::manage::clients as client_rules;
use crate::manage::defaults::clients::is_built_in;
use crate::manage::import::document::Members;
use crate::manage::import::draft::{Draft, Names, Problems};
use crate::manage::import::report::Report;
use crate::manage::import::users::{ImportedUser, Reading, Uniqueness};
use crate::manage::import::{Importer, clients, components, roles};
use crate::manage::representation::group;
use crate::model::client::Client;
use crate::model::event::Resource;
use crate::model::group::Group;
use crate::model::identity_provider::IdentityProvider;
use crate::model::realm::Realm;
use crate::model::role::{Role, RoleContainer};
use crate::store::StoreError;
use crate::store::txn::Reader as _;

use super::{Gone, Happened, IfExists, Imported, PartialError, PartialPlan};

/// Tells what is there from what is new, in Keycloak's order of things.
pub(super) struct Sorting<'a> {
    importer: &'a Importer<'a>,
    realm: &'a Realm,
    if_exists: IfExists,
    names: Names,
    scope_protocols: HashMap<ClientScopeId, String>,
    default_role: Option<String>,
    results: Vec<Imported>,
    /// Kind and name of what is replaced.
    replaced: HashSet<(&'static str, String)>,
    gone: Gone,
}

impl<'a> Sorting<'a> {
    pub(super) async fn begin(importer: &'a Importer<'a>, realm: &'a Realm, if_exists: IfExists) -> Result<Self, StoreError> {
        let mut peek = importer.store.peek();
        let (clients, scopes) = (peek.clients().list(&realm.id).await?, peek.client_scopes().list(&realm.id).await?);
        let (roles, groups) = (peek.roles().list(&realm.id).await?, peek.groups().list(&realm.id).await?);
        let client_ids: HashMap<&ClientId, &str> = clients.iter().map(|client| (&client.id, client.client_id.as_str())).collect();
        let mut names = Names {
            clients: clients.iter().map(|client| (client.client_id.clone(), client.id.clone())).collect(),
            scopes: scopes.iter().map(|scope| (scope.name.clone(), scope.id.clone())).collect(),
            groups: group::paths(&groups).into_iter().map(|(id, path)| (path, GroupId::from(id))).collect(),
            ..Names::default()
        };
        for role in &roles {
            match &role.container {
                RoleContainer::Realm => drop(names.realm_roles.insert(role.name.clone(), role.id.clone())),
                RoleContainer::Client(client) => {
                    if let Some(client) = client_ids.get(client) {
                        names.client_roles.entry((*client).to_owned()).or_default().insert(role.name.clone(), role.id.clone());
                    }
                }
            }
        }
        Ok(Self {
            importer,
            realm,
            if_exists,
            names,
            scope_protocols: scopes.into_iter().map(|scope| (scope.id, scope.protocol)).collect(),
            default_role: roles.into_iter().find(|role| role.id == realm.default_role).map(|role| role.name),
            results: Vec::new(),
            replaced: HashSet::new(),
            gone: Gone::default(),
        })
    }

    /// Whether something that is there under `id` is to be read all the same, in its place.
    fn replaces(&mut self, resource: Resource, name: &str, id: &str, exists: impl FnOnce() -> String) -> Result<bool, PartialError> {
        let happened = match self.if_exists {
            IfExists::Fail => return Err(PartialError::Exists(exists())),
            IfExists::Skip => Happened::Skipped,
            IfExists::Overwrite => {
                self.replaced.insert((resource.name(), name.to_owned()));
                return Ok(true);
            }
        };
        self.results.push(Imported { happened, resource, name: name.to_owned(), id: id.to_owned(), client: None });
        Ok(false)
    }

    pub(super) fn clients(&mut self, members: &mut Members) -> Result<(), PartialError> {
        let built_in = |name: &str| is_built_in(name, &self.realm.name, self.realm.is_master());
        // Keycloak passes over its own clients without a word.
        let given: Vec<Value> = items(members, "clients").filter(|client| !built_in(text(client, "clientId"))).collect();
        if let Some(Value::Object(of_clients)) = members.get_mut("roles").and_then(|roles| roles.get_mut("client")) {
            of_clients.retain(|client, _| !built_in(client));
        }
        let mut kept = Vec::new();
        for mut client in given {
            let name = text(&client, "clientId").to_owned();
            if let Some(id) = self.names.clients.get(&name).cloned() {
                if !self.replaces(Resource::Client, &name, id.as_str(), || format!("Client id '{name}' already exists"))? {
                    continue;
                }
                self.names.clients.remove(&name);
                self.names.client_roles.remove(&name);
                self.gone.clients.push(id);
                renew(&mut client);
            }
            kept.push(client);
        }
        put(members, "clients", kept);
        Ok(())
    }

    pub(super) fn roles(&mut self, members: &mut Members) -> Result<(), PartialError> {
        let Some(Value::Object(mut given)) = members.remove("roles") else { return Ok(()) };
        let mut kept = Vec::new();
        for mut role in items(&mut given, "realm") {
            let name = text(&role, "name").to_owned();
            if self.default_role.as_ref() == Some(&name) {
                continue;
            }
            if let Some(id) = self.names.realm_roles.get(&name).cloned() {
                if !self.replaces(Resource::RealmRole, &name, id.as_str(), || format!("Realm role '{name}' already exists."))? {
                    continue;
                }
                self.names.realm_roles.remove(&name);
                self.gone.roles.push(id);
                renew(&mut role);
            }
            kept.push(role);
        }
        let mut of_clients = Map::new();
        let given_of_clients = given.remove("client");
        for (client, roles) in given_of_clients
            .and_then(|roles| if let Value::Object(roles) = roles { Some(roles) } else { None })
            .unwrap_or_default()
        {
            let mut kept = Vec::new();
            for mut role in if let Value::Array(roles) = roles { roles } else { Vec::new() } {
                let name = text(&role, "name").to_owned();
                if let Some(id) = self.names.client_role(&client, &name).cloned() {
                    let exists = || format!("Client role '{name}' for client '{client}' already exists.");
                    if !self.replaces(Resource::ClientRole, &name, id.as_str(), exists)? {
                        continue;
                    }
                    self.names.client_roles.entry(client.clone()).or_default().remove(&name);
                    self.gone.roles.push(id);
                    renew(&mut role);
                }
                kept.push(role);
            }
            of_clients.insert(client, Value::Array(kept));
        }
        members.insert("roles".to_owned(), json!({ "realm": kept, "client": of_clients }));
        Ok(())
    }

    pub(super) async fn identity_providers(&mut self, members: &mut Members) -> Result<(), PartialError> {
        let present = self.importer.store.peek().identity_providers().list(&self.realm.id).await?;
        let (mut kept, mut skipped) = (Vec::new(), HashSet::new());
        for mut provider in items(members, "identityProviders") {
            let name = text(&provider, "alias").to_owned();
            if let Some(old) = present.iter().find(|old| old.alias == name) {
                let exists = || format!("Identity Provider '{name}' already exists.");
                if !self.replaces(Resource::IdentityProvider, &name, &old.internal_id, exists)? {
                    skipped.insert(name);
                    continue;
                }
                self.gone.identity_providers.push(name);
                if let Some(members) = provider.as_object_mut() {
                    members.remove("internalId");
                }
            }
            kept.push(provider);
        }
        let mappers = items(members, "identityProviderMappers").filter(|mapper| !skipped.contains(text(mapper, "identityProviderAlias")));
        let mappers = mappers.collect();
        put(members, "identityProviders", kept);
        put(members, "identityProviderMappers", mappers);
        Ok(())
    }

    pub(super) fn groups(&mut self, members: &mut Members) -> Result<(), PartialError> {
        let mut kept = Vec::new();
        for mut group in items(members, "groups") {
            let (name, path) = (text(&group, "name").to_owned(), text(&group, "path").to_owned());
            if path.is_empty() {
                return Err(PartialError::Wrong(vec![format!("the group {name:?} has no path")]));
            }
            if let Some(id) = self.names.groups.get(&path).cloned() {
                if !self.replaces(Resource::Group, &name, id.as_str(), || format!("Group '{path}' already exists"))? {
                    continue;
                }
                // What is below it goes with it.
                self.names.groups.retain(|known, _| *known != path && !known.starts_with(&format!("{path}/")));
                self.gone.groups.push(id);
                renew(&mut group);
            }
            kept.push(group);
        }
        put(members, "groups", kept);
        Ok(())
    }

    pub(super) async fn users(&mut self, members: &mut Members) -> Result<(), PartialError> {
        let mut kept = Vec::new();
        for mut user in items(members, "users") {
            let (name, email) = (of_name(text(&user, "username")), of_name(text(&user, "email")));
            let mut peek = self.importer.store.peek();
            let mut present = peek.users().by_username(&self.realm.id, &name).await?;
            let by_name = present.is_some();
            if present.is_none() && !email.is_empty() && !self.realm.duplicate_emails_allowed {
                present = peek.users().by_email(&self.realm.id, &email, 1).await?.pop();
            }
            if let Some(present) = present {
                let exists = || {
                    if by_name {
                        format!("User with user name {name} already exists.")
                    } else {
                        format!("User with email {email} already exists.")
                    }
                };
                if !self.replaces(Resource::User, &name, present.id.as_str(), exists)? {
                    continue;
                }
                if !self.gone.users.contains(&present.id) {
                    self.gone.users.push(present.id);
                }
                renew(&mut user);
            }
            kept.push(user);
        }
        put(members, "users", kept);
        Ok(())
    }

    /// Turns what is left into records.
    pub(super) fn read(mut self, mut members: Members) -> Result<(PartialPlan, Vec<ImportedUser>), PartialError> {
        let mut draft = Draft {
            env: self.importer.env,
            sealer: self.importer.sealer,
            realm: self.realm.id.clone(),
            realm_name: self.realm.name.clone(),
            report: Report::default(),
            problems: Problems::default(),
            carried: Vec::new(),
        };
        let before = (role_ids(&self.names), self.names.groups.values().cloned().collect::<HashSet<_>>());
        let given = clients::clients(&mut draft, &mut members, &mut self.names);
        let roles = roles::roles(&mut draft, &mut members, &mut self.names);
        let identity_providers = components::identity_providers(&mut draft, &mut members);
        let groups = roles::groups(&mut draft, &mut members, &mut self.names);
        let mut clients = Vec::with_capacity(given.len());
        for client in given {
            if let Err(error) = client_rules::check(&client.client) {
                draft.problems.add(&client.place, error);
            }
            let protocol = client.client.protocol.clone().unwrap_or_default();
            let scopes = [&self.realm.default_default_client_scopes, &self.realm.default_optional_client_scopes]
                .map(|ids| ids.iter().filter(|id| self.scope_protocols.get(*id) == Some(&protocol)).cloned().collect());
            clients.push(client.resolved(&mut draft, &self.names, &scopes));
        }
        let users = self.read_users(&mut draft, &mut members);
        if draft.problems.count > 0 {
            return Err(PartialError::Wrong(draft.problems.listed));
        }
        let new = New { clients: &clients, roles: &roles, identity_providers: &identity_providers, groups: &groups, users: &users };
        self.note_new(&new);
        let granted = roles.iter().flat_map(|role| &role.composites);
        let granted = granted.chain(groups.iter().flat_map(|group| &group.roles));
        let granted = granted.chain(users.iter().flat_map(|user| &user.user.roles));
        let granted: HashSet<RoleId> = granted.filter(|id| before.0.contains(*id)).cloned().collect();
        let joined: HashSet<GroupId> =
            users.iter().flat_map(|user| &user.user.groups).filter(|id| before.1.contains(*id)).cloned().collect();
        let plan = PartialPlan {
            realm: self.realm.clone(),
            results: self.results,
            granted: granted.into_iter().collect(),
            joined: joined.into_iter().collect(),
            gone: self.gone,
            clients,
            roles,
            groups,
            identity_providers,
            users: Vec::new(),
            carried: draft.carried,
        };
        Ok((plan, users))
    }

    fn read_users(&self, draft: &mut Draft<'_>, members: &mut Members) -> Vec<ImportedUser> {
        let reading = Reading { env: self.importer.env, sealer: self.importer.sealer, realm: &self.realm.id, names: &self.names };
        let (mut unique, mut users) = (Uniqueness::default(), Vec::new());
        for (place, user) in draft.raw_list("users", members.remove("users")) {
            let read = reading.user(user, &mut draft.report, None);
            let read = read.and_then(|user| unique.note(&user.user, !self.realm.duplicate_emails_allowed).map(|()| user));
            match read {
                Ok(user) => users.push(user),
                Err(problem) => draft.problems.add(place, problem),
            }
        }
        users
    }

    fn note_new(&mut self, new: &New<'_>) {
        let replaced = std::mem::take(&mut self.replaced);
        let mut note = |resource: Resource, name: &str, id: &str, client: Option<&ClientId>| {
            let in_place = replaced.contains(&(resource.name(), name.to_owned()));
            let happened = if in_place { Happened::Overwritten } else { Happened::Added };
            let imported = Imported { happened, resource, name: name.to_owned(), id: id.to_owned(), client: client.cloned() };
            // Keycloak counts a role that it replaces as a new one besides.
            if in_place && matches!(resource, Resource::RealmRole | Resource::ClientRole) {
                self.results.push(Imported { happened: Happened::Added, ..imported.clone() });
            }
            self.results.push(imported);
        };
        for client in new.clients {
            note(Resource::Client, &client.client_id, client.id.as_str(), None);
        }
        for role in new.roles {
            match &role.container {
                RoleContainer::Realm => note(Resource::RealmRole, &role.name, role.id.as_str(), None),
                RoleContainer::Client(client) => note(Resource::ClientRole, &role.name, role.id.as_str(), Some(client)),
            }
        }
        for provider in new.identity_providers {
            note(Resource::IdentityProvider, &provider.alias, &provider.internal_id, None);
        }
        for group in new.groups.iter().filter(|group| group.parent.is_none()) {
            note(Resource::Group, &group.name, group.id.as_str(), None);
        }
        for user in new.users {
            note(Resource::User, &user.user.username, user.user.id.as_str(), None);
        }
    }
}

/// What was read.
struct New<'a> {
    clients: &'a [Client],
    roles: &'a [Role],
    identity_providers: &'a [IdentityProvider],
    groups: &'a [Group],
    users: &'a [ImportedUser],
}

fn role_ids(names: &Names) -> HashSet<RoleId> {
    names.realm_roles.values().chain(names.client_roles.values().flat_map(HashMap::values)).cloned().collect()
}

/// The items of a list, taken out of `members`. What is no list is left for the reader to complain about.
fn items(members: &mut Members, name: &str) -> impl Iterator<Item = Value> + use<> {
    let items = match members.remove(name) {
        Some(Value::Array(items)) => items,
        Some(Value::Null) | None => Vec::new(),
        Some(other) => vec![other],
    };
    items.into_iter()
}

fn put(members: &mut Members, name: &str, items: Vec<Value>) {
    members.insert(name.to_owned(), Value::Array(items));
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// What comes in the place of something does so under an id of its own: the old one is in use until a job has cleared it away.
fn renew(value: &mut Value) {
    if let Some(members) = value.as_object_mut() {
        members.remove("id");
    }
}
