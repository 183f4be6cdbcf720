//! A partial import: clients, roles, identity providers, groups and users of a document come into a realm that is there, all in one
//! commit or none. Reading is that of a whole import; what is there already is kept, replaced, or a reason to refuse.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use crate::base::id::{ClientId, ClientScopeId, GroupId, RoleId, UserId};
use crate::base::spelling::of_name;
use crate::manage::defaults::clients::is_built_in;
use crate::manage::error::ManageError;
use crate::manage::representation::group;
use crate::manage::{clients as client_rules, groups as group_rules, roles as role_rules, users as user_rules};
use crate::model::client::Client;
use crate::model::credential::Credentials;
use crate::model::event::Resource;
use crate::model::group::Group;
use crate::model::identity_provider::IdentityProvider;
use crate::model::realm::Realm;
use crate::model::role::{Role, RoleContainer};
use crate::store::StoreError;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::apply::{hashed, put_user};
use super::document::Members;
use super::draft::{Draft, Names, Problems};
use super::report::Report;
use super::users::{ImportedUser, Reading, Uniqueness};
use super::{ImportError, Importer, clients, components, roles};

/// Things in one request: they are one commit.
const MAX_RESOURCES: usize = 2_000;

/// What happens to things that are there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IfExists {
    /// The first of them refuses the whole request.
    #[default]
    Fail,
    Skip,
    /// They go, and the document's come in their place, under new ids.
    Overwrite,
}

/// What became of one thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Happened {
    Added,
    Skipped,
    Overwritten,
}

impl Happened {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Skipped => "SKIPPED",
            Self::Overwritten => "OVERWRITTEN",
        }
    }
}

/// One thing of the document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Imported {
    pub happened: Happened,
    pub resource: Resource,
    pub name: String,
    pub id: String,
    /// For a role of a client: the client.
    pub client: Option<ClientId>,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum PartialError {
    /// Something is there already, and the request said that this is an error.
    #[error("{0}")]
    Exists(String),
    /// The document is wrong in these places.
    #[error("{}", .0.join("; "))]
    Wrong(Vec<String>),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a partial import is going to do.
pub struct PartialPlan {
    realm: Realm,
    pub results: Vec<Imported>,
    /// Roles of the realm that something of the document brings to somebody.
    pub granted: Vec<RoleId>,
    /// Groups of the realm that users of the document join.
    pub joined: Vec<GroupId>,
    gone: Gone,
    clients: Vec<Client>,
    roles: Vec<Role>,
    groups: Vec<Group>,
    identity_providers: Vec<IdentityProvider>,
    users: Vec<(ImportedUser, Credentials)>,
    carried: Vec<(String, String)>,
}

/// What is replaced.
#[derive(Default)]
struct Gone {
    clients: Vec<ClientId>,
    roles: Vec<RoleId>,
    groups: Vec<GroupId>,
    identity_providers: Vec<String>,
    users: Vec<UserId>,
}

impl Importer<'_> {
    /// Reads a document for `realm`. Members that no partial import takes are ignored, as in Keycloak: consoles send whole realm files.
    ///
    /// # Errors
    /// [`PartialError`].
    pub async fn plan_partial(&self, realm: &Realm, mut members: Members, if_exists: IfExists) -> Result<PartialPlan, PartialError> {
        members.retain(|name, _| TAKEN.contains(&name.as_str()));
        let count: usize = members.iter().map(|(name, value)| if name == "roles" { roles_in(value) } else { length(value) }).sum();
        if count > MAX_RESOURCES {
            return Err(PartialError::Wrong(vec![format!("a partial import takes at most {MAX_RESOURCES} things, these are {count}")]));
        }
        let mut sorting = Sorting::begin(self, realm, if_exists).await?;
        sorting.clients(&mut members)?;
        sorting.roles(&mut members)?;
        sorting.identity_providers(&mut members).await?;
        sorting.groups(&mut members)?;
        sorting.users(self, &mut members).await?;
        let plan = sorting.read(self, members)?;
        self.ready(plan).await
    }

    /// Hashes the passwords that came in clear.
    async fn ready(&self, (mut plan, users): (PartialPlan, Vec<ImportedUser>)) -> Result<PartialPlan, PartialError> {
        for user in users {
            plan.users.push(hashed(self.hashing, user).await?);
        }
        Ok(plan)
    }
}

const TAKEN: &[&str] = &["clients", "roles", "identityProviders", "identityProviderMappers", "groups", "users"];

fn length(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

fn roles_in(roles: &Value) -> usize {
    let of_clients = roles["client"].as_object().into_iter().flat_map(Map::values);
    length(&roles["realm"]) + of_clients.map(length).sum::<usize>()
}

/// Tells what is there from what is new, in Keycloak's order of things.
struct Sorting<'a> {
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
    async fn begin(importer: &'a Importer<'a>, realm: &'a Realm, if_exists: IfExists) -> Result<Self, StoreError> {
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

    fn clients(&mut self, members: &mut Members) -> Result<(), PartialError> {
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

    fn roles(&mut self, members: &mut Members) -> Result<(), PartialError> {
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

    async fn identity_providers(&mut self, members: &mut Members) -> Result<(), PartialError> {
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

    fn groups(&mut self, members: &mut Members) -> Result<(), PartialError> {
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

    async fn users(&mut self, importer: &Importer<'_>, members: &mut Members) -> Result<(), PartialError> {
        let mut kept = Vec::new();
        for mut user in items(members, "users") {
            let (name, email) = (of_name(text(&user, "username")), of_name(text(&user, "email")));
            let mut peek = importer.store.peek();
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
    fn read(mut self, importer: &Importer<'_>, mut members: Members) -> Result<(PartialPlan, Vec<ImportedUser>), PartialError> {
        let mut draft = Draft {
            env: importer.env,
            sealer: importer.sealer,
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
        let users = self.read_users(importer, &mut draft, &mut members);
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

    fn read_users(&self, importer: &Importer<'_>, draft: &mut Draft<'_>, members: &mut Members) -> Vec<ImportedUser> {
        let reading = Reading { env: importer.env, sealer: importer.sealer, realm: &self.realm.id, names: &self.names };
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

impl PartialPlan {
    /// Clients whose roles the document brings or replaces.
    pub fn shaped(&self) -> impl Iterator<Item = &ClientId> {
        self.results
            .iter()
            .filter(|imported| imported.happened != Happened::Skipped)
            .filter_map(|imported| imported.client.as_ref())
    }

    /// Replaces and adds, as part of a transaction.
    ///
    /// # Errors
    /// Something came or went meanwhile, or may not be replaced.
    pub async fn carry_out(&self, txn: &mut Txn<'_, Configuration>, importer: &Importer<'_>) -> Result<(), ManageError> {
        let realm = &self.realm.id;
        for id in &self.gone.users {
            user_rules::delete(txn, realm, id).await?;
        }
        for id in &self.gone.groups {
            group_rules::delete(txn, realm, id).await?;
        }
        for alias in &self.gone.identity_providers {
            txn.identity_providers().delete(realm, alias);
        }
        for id in &self.gone.roles {
            role_rules::delete(txn, realm, id).await?;
        }
        for id in &self.gone.clients {
            client_rules::delete(txn, realm, id).await?;
        }
        for client in &self.clients {
            txn.clients().insert(realm, client);
        }
        for role in &self.roles {
            txn.roles().insert(realm, role);
        }
        for provider in &self.identity_providers {
            txn.identity_providers().insert(realm, provider);
        }
        for group in &self.groups {
            txn.groups().insert(realm, group);
        }
        for (name, sealed) in &self.carried {
            txn.carried().put(realm, name, sealed);
        }
        for (user, credentials) in &self.users {
            put_user(txn, &self.realm, user, credentials);
        }
        for client in self.clients.iter().filter(|client| client.service_accounts_enabled) {
            if !self.users.iter().any(|(user, _)| user.user.service_account_client.as_ref() == Some(&client.id)) {
                user_rules::ensure_service_account(txn, importer.env, &self.realm, client).await?;
            }
        }
        Ok(())
    }
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
