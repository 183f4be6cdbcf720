//! The first start on an empty store, and the contents of `serve --dev`. Both may run at every start and on several nodes at
//! once: what is there stays, and of racing first starts one wins.

use futures_util::future::BoxFuture;

use crate::base::env::Env;
use crate::base::id::{RealmId, UserId};
use crate::base::password_hash::{HashingPool, Overloaded, PasswordHash};
use crate::base::seal::{KeyEncryptionKeyError, Sealer};
use crate::base::secret::Secret;
use crate::base::spelling::of_name;
use crate::keyring::{self, KeyError, KeySource};
use crate::model::client::Client;
use crate::model::component::Component;
use crate::model::realm::Realm;
use crate::model::user::User;
use crate::model::user_profile::TEMPORARY_ADMIN;
use crate::store::txn::{Configuration, Reader as _, Txn};
use crate::store::{Store, StoreError};

use super::clients::{self, ClientSettings, NewClient};
use super::credentials;
use super::defaults::roles::ADMIN;
use super::error::ManageError;
use super::protocol_mappers::NewMapper;
use super::realms::{self, NewRealm};
use super::users::{self, NewPassword, NewUser, UserSettings};

/// What a start works with.
#[derive(Clone, Copy)]
pub struct Bootstrap<'a> {
    pub store: &'a Store,
    pub env: &'a Env,
    pub sealer: &'a Sealer,
    pub hashing: &'a HashingPool,
    pub keys: KeySource,
}

/// Who is to administer a new installation.
#[derive(Clone, Debug)]
pub struct Administrator {
    pub username: String,
    /// A password is generated if absent.
    pub password: Option<Secret<String>>,
}

/// What a first start found or did.
#[derive(Debug)]
pub enum FirstStart {
    /// The store has its master realm already; nothing was changed.
    Existing,
    /// Master was created with this administrator. A generated password is shown to the person who started the server, once,
    /// and never logged.
    Created { username: String, generated_password: Option<Secret<String>> },
}

/// The secrets of the development clients, and the development user.
#[derive(Debug)]
pub struct Development {
    pub api_client_secret: Secret<String>,
    pub resource_server_secret: Secret<String>,
    pub username: &'static str,
    pub password: &'static str,
}

/// Why a start cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    #[error(transparent)]
    Manage(#[from] ManageError),
    /// The store was written under another key-encryption key.
    #[error(transparent)]
    KeyEncryptionKey(#[from] KeyEncryptionKeyError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Hashing(#[from] Overloaded),
}

impl From<StoreError> for BootstrapError {
    fn from(error: StoreError) -> Self {
        Self::Manage(error.into())
    }
}

/// Characters of a generated password: 143 bits.
const PASSWORD_LENGTH: usize = 24;

/// Creates the realm `master` with an administrator if the store has none, and checks the key-encryption key in any case.
///
/// # Errors
/// The key-encryption key is not the one that the store was written under; keys or hash could not be made; the store failed.
pub async fn first_start(cx: &Bootstrap<'_>, administrator: &Administrator) -> Result<FirstStart, BootstrapError> {
    let mut peek = cx.store.peek();
    if let Some(stored) = peek.key_check().get().await? {
        cx.sealer.check(&stored)?;
    }
    if peek.realms().by_name(Realm::MASTER).await?.is_some() {
        return Ok(FirstStart::Existing);
    }

    let generated = administrator.password.is_none().then(|| Secret::new(cx.env.random().alphanumeric(PASSWORD_LENGTH)));
    let password = administrator.password.clone().or_else(|| generated.clone()).unwrap_or_default();
    let master = NewRealm { id: Some(RealmId::random(cx.env.random())), ..NewRealm::enabled(Realm::MASTER) };
    let plan = Plan {
        username: of_name(&administrator.username),
        temporary: generated.is_none(),
        password: cx.hashing.hash(password).await?,
        keys: keyring::default_providers(cx.env, &master.id.clone().unwrap_or_default(), Realm::MASTER, cx.sealer, cx.keys)?,
        master,
    };
    let won = cx
        .store
        .configuration(|txn| -> BoxFuture<'_, Result<bool, BootstrapError>> { Box::pin(plan.carry_out(txn, cx)) })
        .await?;
    Ok(if won { FirstStart::Created { username: plan.username, generated_password: generated } } else { FirstStart::Existing })
}

/// Everything that a first start makes before its transaction.
struct Plan {
    master: NewRealm,
    keys: Vec<Component>,
    username: String,
    password: PasswordHash,
    temporary: bool,
}

impl Plan {
    /// False if another first start was faster.
    async fn carry_out(&self, txn: &mut Txn<'_, Configuration>, cx: &Bootstrap<'_>) -> Result<bool, BootstrapError> {
        if let Some(stored) = txn.key_check().get().await? {
            cx.sealer.check(&stored)?;
        }
        if txn.realms().by_name(Realm::MASTER).await?.is_some() {
            return Ok(false);
        }
        let realm = realms::create(txn, cx.env, cx.sealer, &self.master, &self.keys).await?;
        // Realms may have been imported into the store before its first start.
        realms::settle_administration_clients(txn, cx.env, &realm).await?;
        // Not held against the user profile: whoever sets up the server may call himself as he likes.
        let mut user = User { enabled: true, ..users::blank(cx.env, &realm, self.username.clone()) };
        user.roles.extend(txn.roles().realm_role(&realm.id, ADMIN).await?.map(|role| role.id));
        if self.temporary {
            user.attributes.insert(TEMPORARY_ADMIN.to_owned(), vec!["true".to_owned()]);
        }
        txn.users().insert(&realm.id, &user, true);
        credentials::put_password(txn, cx.env, &realm, &user.id, &self.password).await?;
        Ok(true)
    }
}

const API_CLIENT: &str = "api-client";
const RESOURCE_SERVER: &str = "resource-server";
const JANE: &str = "jane@example.test";
const JANES_PASSWORD: &str = "secret";

/// Fills master with the clients and the user of `serve --dev`: those of the document that this server was first made for
/// (a model-serving platform that asks for tokens with `api-client` and reads Hasura's claims from them), and a resource server
/// with its client. What is there already is left as it is, whoever changed it.
///
/// # Errors
/// There is no master realm; otherwise as [`first_start`].
pub async fn development(cx: &Bootstrap<'_>) -> Result<Development, BootstrapError> {
    let hash = match find_jane(cx).await? {
        Some(_) => None,
        None => Some(cx.hashing.hash(JANES_PASSWORD.into()).await?),
    };
    let secrets = cx
        .store
        .configuration(|txn| -> BoxFuture<'_, Result<[Secret<String>; 2], BootstrapError>> { Box::pin(fill(txn, cx, hash.as_ref())) })
        .await?;
    let [api_client_secret, resource_server_secret] = secrets;
    Ok(Development { api_client_secret, resource_server_secret, username: JANE, password: JANES_PASSWORD })
}

async fn find_jane(cx: &Bootstrap<'_>) -> Result<Option<User>, BootstrapError> {
    let mut peek = cx.store.peek();
    let realm = peek.realms().by_name(Realm::MASTER).await?.ok_or_else(ManageError::no_realm)?;
    Ok(peek.users().by_username(&realm.id, JANE).await?)
}

/// `hash` is there when Jane is not; who deletes her at this moment gets her back at the next start.
async fn fill(
    txn: &mut Txn<'_, Configuration>,
    cx: &Bootstrap<'_>,
    hash: Option<&PasswordHash>,
) -> Result<[Secret<String>; 2], BootstrapError> {
    let realm = txn.realms().by_name(Realm::MASTER).await?.ok_or_else(ManageError::no_realm)?;
    for settings in development_clients() {
        let client_id = settings.client_id.clone().unwrap_or_default();
        if txn.clients().by_client_id(&realm.id, &client_id).await?.is_none() {
            clients::create(txn, cx.env, cx.sealer, &realm.id, &NewClient { id: None, settings }).await?;
        }
    }
    if let Some(hash) = hash
        && txn.users().by_username(&realm.id, JANE).await?.is_none()
    {
        let jane = create_jane(txn, cx, &realm, hash).await?;
        let admin = txn.roles().realm_role(&realm.id, ADMIN).await?.ok_or_else(ManageError::no_such_role)?;
        users::add_roles(txn, &realm.id, &jane, &[admin.id]).await?;
    }
    Ok([secret_of(txn, cx, &realm, API_CLIENT).await?, secret_of(txn, cx, &realm, RESOURCE_SERVER).await?])
}

/// She has no first or last name: the document's tokens have neither, and master's user profile asks for none.
async fn create_jane(
    txn: &mut Txn<'_, Configuration>,
    cx: &Bootstrap<'_>,
    realm: &Realm,
    hash: &PasswordHash,
) -> Result<UserId, ManageError> {
    let settings = UserSettings {
        username: Some(JANE.to_owned()),
        email: Some(JANE.to_owned()),
        email_verified: Some(true),
        enabled: Some(true),
        ..UserSettings::default()
    };
    let new = NewUser { settings, groups: Vec::new(), password: Some(NewPassword::stored(hash.clone(), false)) };
    Ok(users::create(txn, cx.env, &realm.id, &new).await?.id)
}

async fn secret_of(
    txn: &mut Txn<'_, Configuration>,
    cx: &Bootstrap<'_>,
    realm: &Realm,
    client_id: &str,
) -> Result<Secret<String>, ManageError> {
    let client: Client = txn.clients().by_client_id(&realm.id, client_id).await?.ok_or_else(ManageError::no_client)?;
    Ok(clients::read_secret(cx.sealer, &realm.id, &client)?.unwrap_or_default())
}

fn development_clients() -> [ClientSettings; 4] {
    let client = |client_id: &str, public: bool, direct_grants: bool| ClientSettings {
        client_id: Some(client_id.to_owned()),
        protocol: Some("openid-connect".to_owned()),
        public_client: Some(public),
        standard_flow_enabled: Some(false),
        direct_access_grants_enabled: Some(direct_grants),
        ..ClientSettings::default()
    };
    let attribute = |name: &str, value: &str| [(name.to_owned(), Some(value.to_owned()))].into();
    [
        ClientSettings {
            service_accounts_enabled: Some(true),
            web_origins: Some(vec!["*".to_owned()]),
            attributes: attribute("access.token.lifespan", "3600"),
            protocol_mappers: Some(platform_mappers()),
            ..client(API_CLIENT, false, true)
        },
        ClientSettings {
            attributes: attribute("oauth2.device.authorization.grant.enabled", "true"),
            protocol_mappers: Some(platform_mappers()),
            ..client("sdk-client", true, true)
        },
        ClientSettings { protocol_mappers: Some(vec![audience(RESOURCE_SERVER)]), ..client("orders-app", true, true) },
        client(RESOURCE_SERVER, false, false),
    ]
}

/// What the platform's tokens carry besides Keycloak's default claims: `session_state`, and one object for Hasura whose values
/// are texts, `x-hasura-user-groups` the literal of an empty PostgreSQL array. The dot in the object's name is escaped, or it
/// would begin an object of its own.
fn platform_mappers() -> Vec<NewMapper> {
    let hasura = |name: &str| format!("https://hasura\\.io/jwt/claims.x-hasura-{name}");
    let constant = |name: &str, value: &str, json_type: &str| {
        let claim = hasura(name);
        let config = [("claim.name", claim.as_str()), ("claim.value", value), ("jsonType.label", json_type)];
        mapper(&format!("x-hasura-{name}"), "oidc-hardcoded-claim-mapper", &config)
    };
    let user_id = hasura("user-id");
    vec![
        mapper("session_state", "oidc-session-state-mapper", &[]),
        mapper(
            "x-hasura-user-id",
            "oidc-usermodel-property-mapper",
            &[("user.attribute", "id"), ("claim.name", &user_id), ("jsonType.label", "String")],
        ),
        constant("default-role", "user", "String"),
        constant("allowed-roles", "[\"user\"]", "JSON"),
        constant("user-groups", "{}", "String"),
    ]
}

fn audience(client_id: &str) -> NewMapper {
    mapper(&format!("audience {client_id}"), "oidc-audience-mapper", &[("included.client.audience", client_id)])
}

/// A mapper into access tokens and what introspection says of them.
fn mapper(name: &str, kind: &str, config: &[(&str, &str)]) -> NewMapper {
    let everywhere = [("access.token.claim", "true"), ("introspection.token.claim", "true"), ("id.token.claim", "false")];
    NewMapper {
        name: name.to_owned(),
        protocol: "openid-connect".to_owned(),
        protocol_mapper: kind.to_owned(),
        consent_required: false,
        config: config.iter().chain(&everywhere).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    }
}
