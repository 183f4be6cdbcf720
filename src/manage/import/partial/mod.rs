//! A partial import: clients, roles, identity providers, groups and users of a document come into a realm that is there, all in one
//! commit or none. Reading is that of a whole import; what is there already is kept, replaced, or a reason to refuse.

mod sorting;

use serde_json::{Map, Value};

use crate::base::id::{ClientId, GroupId, RoleId, UserId};
use crate::manage::error::ManageError;
use crate::manage::{clients as client_rules, groups as group_rules, roles as role_rules, users as user_rules};
use crate::model::client::Client;
use crate::model::credential::Credentials;
use crate::model::event::Resource;
use crate::model::group::Group;
use crate::model::identity_provider::IdentityProvider;
use crate::model::realm::Realm;
use crate::model::role::Role;
use crate::store::StoreError;
use crate::store::txn::{Configuration, Reader as _, Txn};

use super::apply::{hashed, put_user};
use super::document::Members;
use super::users::ImportedUser;
use super::{ImportError, Importer};
use sorting::Sorting;

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
        sorting.users(&mut members).await?;
        let plan = sorting.read(members)?;
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
