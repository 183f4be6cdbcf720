//! A realm as requests see it: settings, keys, roles and client scopes, read and parsed once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Mutex, OnceCell};

use crate::base::id::{ClientId, ClientScopeId, FlowId, RealmId};
use crate::base::seal::Sealer;
use crate::keyring::{KeyError, Keyring};
use crate::model::authentication::Authentication;
use crate::model::client::Client;
use crate::model::client_scope::ClientScope;
use crate::model::component::Component;
use crate::model::password_policy::PasswordPolicy;
use crate::model::realm::Realm;
use crate::model::role::{Role, RoleContainer};
use crate::model::user_profile::UserProfile;
use crate::store::txn::Reader as _;
use crate::store::{Store, StoreError};

use super::client::CompiledClient;
use super::direct_grant::{self, DirectGrant};
use super::references::References;
use super::roles::RoleGraph;
use super::scope::CompiledScope;

/// Clients of one realm that are compiled at the same time; the others wait for their turn.
const COMPILING: usize = 16;

/// A realm as requests see it. Immutable; a change makes a new one.
pub struct CompiledRealm {
    pub realm: Realm,
    pub keyring: Keyring,
    pub roles: RoleGraph,
    pub profile: UserProfile,
    /// One that does not parse counts as none here: it refuses new passwords, not logins.
    pub password_policy: PasswordPolicy,
    /// The aliases of the required actions that are enabled.
    pub enabled_actions: HashSet<String>,
    /// The realm's direct-grant flow, and those that clients can be bound to instead.
    direct_grant: DirectGrant,
    direct_grants: HashMap<FlowId, DirectGrant>,
    pub references: References,
    scopes: HashMap<ClientScopeId, Arc<CompiledScope>>,
    /// The store's epoch of the realm when this was read.
    pub(super) epoch: u64,
    /// Clients that somebody asked for. Only clients that exist are kept, so their number is the administrator's.
    pub(super) clients: RwLock<HashMap<String, Arc<CompiledClient>>>,
    pub(super) compiling: [Mutex<()>; COMPILING],
    client_names: OnceCell<Vec<ClientName>>,
}

/// A client's public name, as searches see it.
pub struct ClientName {
    pub id: ClientId,
    /// In lower case.
    pub text: String,
}

/// What a realm is compiled from.
#[derive(Default)]
pub struct RealmParts {
    pub realm: Realm,
    pub components: Vec<Component>,
    pub roles: Vec<Role>,
    pub client_scopes: Vec<ClientScope>,
    pub profile: UserProfile,
    pub authentication: Authentication,
    /// The public names of the clients that own roles.
    pub client_ids: HashMap<ClientId, Arc<str>>,
}

impl RealmParts {
    /// Reads what belongs to `realm`.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn read(store: &Store, realm: Realm) -> Result<Self, StoreError> {
        let mut peek = store.peek();
        let id = &realm.id;
        let (components, roles) = (peek.components().list(id).await?, peek.roles().list(id).await?);
        let (client_scopes, profile) = (peek.client_scopes().list(id).await?, peek.user_profiles().get(id).await?);
        let owners: HashSet<ClientId> = roles.iter().filter_map(owner).cloned().collect();
        let mut client_ids = HashMap::with_capacity(owners.len());
        for owner in owners {
            if let Some(client) = peek.clients().get(id, &owner).await? {
                client_ids.insert(owner, Arc::from(client.client_id));
            }
        }
        let authentication = peek.authentication().get(id).await?;
        Ok(Self { realm, components, roles, client_scopes, profile, authentication, client_ids })
    }
}

fn owner(role: &Role) -> Option<&ClientId> {
    match &role.container {
        RoleContainer::Realm => None,
        RoleContainer::Client(client) => Some(client),
    }
}

impl CompiledRealm {
    /// Compiles a realm.
    ///
    /// # Errors
    /// When a key provider has no usable key.
    pub fn new(parts: RealmParts, sealer: &Sealer, epoch: u64) -> Result<Self, KeyError> {
        let roles = RoleGraph::new(parts.roles, &parts.client_ids);
        let oidc = parts.client_scopes.iter().filter(|scope| scope.protocol == "openid-connect");
        let direct_grant = DirectGrant::of_alias(&parts.realm.direct_grant_flow, &parts.authentication);
        let direct_grants = direct_grant::all(&parts.authentication).collect();
        let references = References::new(&parts.authentication);
        let enabled_actions = parts.authentication.required_actions.into_iter().filter(|action| action.enabled);
        Ok(Self {
            direct_grant,
            direct_grants,
            enabled_actions: enabled_actions.map(|action| action.alias).collect(),
            references,
            keyring: Keyring::open(&parts.realm.id, &parts.components, sealer)?,
            scopes: oidc.map(|scope| (scope.id.clone(), Arc::new(CompiledScope::new(scope, &roles)))).collect(),
            roles,
            profile: parts.profile,
            password_policy: PasswordPolicy::parse(parts.realm.password_policy.as_deref().unwrap_or_default()).unwrap_or_default(),
            realm: parts.realm,
            epoch,
            clients: RwLock::default(),
            compiling: Default::default(),
            client_names: OnceCell::new(),
        })
    }

    pub fn id(&self) -> &RealmId {
        &self.realm.id
    }

    /// The direct-grant flow of a client: the one that it is bound to, or the realm's.
    pub fn direct_grant(&self, client: &Client) -> &DirectGrant {
        let bound = client.authentication_flow_binding_overrides.get("direct_grant");
        bound.and_then(|id| self.direct_grants.get(&FlowId::from(id.as_str()))).unwrap_or(&self.direct_grant)
    }

    /// A client scope of the protocol OpenID Connect.
    pub fn scope(&self, id: &ClientScopeId) -> Option<&Arc<CompiledScope>> {
        self.scopes.get(id)
    }

    /// The names of all clients, sorted by `client_id`; read from their index when somebody asks for the first time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn client_names(&self, store: &Store) -> Result<&[ClientName], StoreError> {
        let names = self.client_names.get_or_try_init(|| async {
            let names = store.peek().clients().names(self.id()).await?;
            // Others will see them without asking the store, so they must be durable first.
            store.settle().await?;
            Ok(names.into_iter().map(|(name, id)| ClientName { id, text: name.to_lowercase() }).collect())
        });
        names.await.map(Vec::as_slice)
    }

    /// A client that was compiled before.
    pub(super) fn known_client(&self, client_id: &str) -> Option<Arc<CompiledClient>> {
        self.clients.read().unwrap_or_else(PoisonError::into_inner).get(client_id).cloned()
    }
}
