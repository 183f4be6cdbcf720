//! The realm `oracle` of the recordings: its users, groups, roles and clients, with a clock that stands still.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keywright::base::clock::{SettableClock, Timestamp};
use keywright::base::env::Env;
use keywright::base::id::{ClientId, RealmId, SessionId};
use keywright::base::random::SeededRandom;
use keywright::base::seal::Sealer;
use keywright::compiled::Subject;
use keywright::compiled::{Compiled, CompiledClient, CompiledRealm};
use keywright::keyring::generate::KeyMaker;
use keywright::keyring::{Algorithm, KeySource, default_providers};
use keywright::manage::clients::NewClient;
use keywright::manage::error::ManageError;
use keywright::manage::groups::NewGroup;
use keywright::manage::realms::NewRealm;
use keywright::manage::roles::NewRole;
use keywright::manage::users::{NewUser, UserSettings};
use keywright::manage::{clients, components, groups, realms, roles, users};
use keywright::model::realm::Realm;
use keywright::model::role::RoleContainer;
use keywright::model::user::User;
use keywright::store::Store;
use keywright::store::txn::{Configuration, Reader as _, Txn};
use keywright::tokens::authorization::{Authorization, FrontChannel, GrantKind, SessionPart};
use keywright::tokens::issue::{TokenResponse, issue};
use keywright::tokens::scope;
use serde_json::{Map, Value, json};

pub const ISSUER: &str = "http://localhost/auth/realms/oracle";
pub const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub struct Oracle {
    pub env: Env,
    pub clock: Arc<SettableClock>,
    pub store: Store,
    pub sealer: Sealer,
    pub compiled: Compiled,
    pub realm: RealmId,
}

impl Oracle {
    pub async fn new() -> Self {
        let clock = Arc::new(SettableClock::at(NOW));
        let env = Env { clock: Arc::clone(&clock) as _, random: Arc::new(SeededRandom::new(7)) };
        let (store, sealer) = (Store::memory(), Sealer::from_key([1; 32]));
        let realm = RealmId::from("oracle-id");
        let oracle = Self { compiled: Compiled::new(store.clone(), sealer.clone(), env.clone()), clock, env, store, sealer, realm };
        oracle.set_up().await.expect("the realm of the recordings can be made");
        oracle
    }

    async fn set_up(&self) -> Result<(), ManageError> {
        let mut keys = default_providers(&self.env, &self.realm, "oracle", &self.sealer, KeySource::Fixed).expect("keys");
        let maker = KeyMaker { env: &self.env, realm: &self.realm, realm_name: "oracle", sealer: &self.sealer };
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
            keys.push(maker.fallback_provider(algorithm).expect("a key"));
        }
        let keys = &keys;
        self.store.configuration(|txn| Box::pin(self.add_realm(txn, keys))).await?;
        for client in recorded_clients() {
            self.add_client(client).await;
        }
        self.store.configuration(|txn| Box::pin(self.add_people(txn))).await
    }

    async fn add_realm(
        &self,
        txn: &mut Txn<'_, Configuration>,
        keys: &[keywright::model::component::Component],
    ) -> Result<(), ManageError> {
        let new = NewRealm { id: Some(self.realm.clone()), ..NewRealm::enabled("oracle") };
        realms::create(txn, &self.env, &self.sealer, &new, keys).await?;
        for (id, component) in keys.iter().enumerate() {
            // The providers came with the realm; this only proves that they are what an administrator could have added.
            assert!(id < 4 || components::update(txn, &self.realm, component).await.is_ok());
        }
        Ok(())
    }

    /// Adds a client; `settings` as in the administration API.
    pub async fn add_client(&self, settings: Value) -> ClientId {
        let new: NewClient = serde_json::from_value(settings).expect("client settings");
        let new = &new;
        let made = self
            .store
            .configuration(|txn| Box::pin(async move { clients::create(txn, &self.env, &self.sealer, &self.realm, new).await }));
        made.await.expect("the client can be made").id
    }

    async fn add_people(&self, txn: &mut Txn<'_, Configuration>) -> Result<(), ManageError> {
        let (env, realm) = (&self.env, &self.realm);
        let reader = roles::create(txn, env, realm, &NewRole::named("reader", RoleContainer::Realm)).await?;
        let boss = NewRole { composites: vec![reader.id], ..NewRole::named("boss", RoleContainer::Realm) };
        let boss = roles::create(txn, env, realm, &boss).await?;
        let api_client = txn.clients().by_client_id(realm, "api-client").await?.expect("made before");
        let api_role = roles::create(txn, env, realm, &NewRole::named("api-role", RoleContainer::Client(api_client.id))).await?;
        let staff = NewGroup { name: "staff".to_owned(), attributes: attributes(&[("floor", &["3"])]), ..NewGroup::default() };
        let staff = groups::create(txn, env, realm, &staff).await?;
        let night = NewGroup { name: "night".to_owned(), parent: Some(staff.id), ..NewGroup::default() };
        groups::create(txn, env, realm, &night).await?;
        let alice = NewUser {
            settings: UserSettings {
                username: Some("alice".to_owned()),
                email: Some("alice@example.org".to_owned()),
                first_name: Some("Alice".to_owned()),
                last_name: Some("Example".to_owned()),
                enabled: Some(true),
                email_verified: Some(true),
                ..UserSettings::default()
            },
            groups: vec!["/staff".to_owned(), "/staff/night".to_owned()],
            password: None,
        };
        let alice = users::create(txn, env, realm, &alice).await?;
        // Attributes that the profile does not name are set in the document: whether they may be is not the question here.
        let mut changed = alice.clone();
        changed.attributes = attributes(&[
            ("team", &["red", "blue"]),
            ("phoneNumber", &["+491701234567"]),
            ("street", &["Main 1"]),
            ("locality", &["Town"]),
            ("birthdate", &["1990-01-01"]),
        ]);
        changed.roles.extend([boss.id, api_role.id]);
        txn.users().put(realm, &alice, &changed, true);
        Ok(())
    }

    pub async fn realm(&self) -> Arc<CompiledRealm> {
        self.compiled.realm("oracle").await.expect("the store works").expect("the realm is there")
    }

    pub async fn client(&self, client_id: &str) -> (Arc<CompiledRealm>, Arc<CompiledClient>) {
        let realm = self.realm().await;
        let client = self.compiled.client(&realm, client_id).await.expect("the store works");
        (realm, client.unwrap_or_else(|| panic!("there is a client {client_id}")))
    }

    pub async fn subject(&self, username: &str) -> Subject {
        let mut peek = self.store.peek();
        let user = peek.users().by_username(&self.realm, username).await.expect("the store works").expect("the user is there");
        Subject::load(&mut peek, &self.realm, user).await.expect("the store works")
    }

    /// What the password grant proves for alice.
    pub async fn alice(&self, client_id: &str, requested: Option<&str>) -> Authorization {
        self.authorization(client_id, requested, "alice").await
    }

    /// What the password grant proves.
    pub async fn authorization(&self, client_id: &str, requested: Option<&str>, username: &str) -> Authorization {
        let (realm, client) = self.client(client_id).await;
        let scope = scope::resolve(&realm, &client, requested).expect("the scopes are the client's");
        let now = self.env.now();
        let session = SessionPart {
            id: SessionId::generate(self.env.random()),
            offline: scope.is_offline(),
            remember_me: false,
            started: now,
            client_started: now,
            notes: BTreeMap::new(),
            rotation: None,
        };
        Authorization {
            realm,
            lightweight: client.lightweight,
            client,
            subject: Arc::new(self.subject(username).await),
            session: Some(session),
            scope,
            grant: GrantKind::Password,
            audience: Vec::new(),
            exchange: None,
            auth_time: None,
            nonce: None,
            front_channel: FrontChannel::default(),
            acr: "1".to_owned(),
            client_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }

    /// What the client credentials grant proves.
    pub async fn service_account(&self, client_id: &str, requested: Option<&str>) -> Authorization {
        let username = format!("service-account-{client_id}");
        let proved = self.authorization(client_id, requested, &username).await;
        Authorization { grant: GrantKind::ClientCredentials, session: None, ..proved }
    }

    pub fn issue(&self, authorization: &Authorization) -> TokenResponse {
        issue(&self.env, ISSUER, authorization).expect("the realm has the keys")
    }

    /// Changes the document of alice.
    pub async fn change_alice(&self, change: impl Fn(&mut User) + Send + Sync) {
        let (realm, change) = (&self.realm, &change);
        let changed = self.store.configuration(|txn| {
            Box::pin(async move {
                let old = txn.users().by_username(realm, "alice").await?.expect("alice is there");
                let mut new = old.clone();
                change(&mut new);
                txn.users().put(realm, &old, &new, true);
                Ok::<_, ManageError>(())
            })
        });
        changed.await.expect("alice can be changed");
    }

    /// Changes the realm's document.
    pub async fn change_realm(&self, change: impl Fn(&mut Realm) + Send + Sync) {
        let (realm, change) = (&self.realm, &change);
        let changed = self.store.configuration(|txn| {
            Box::pin(async move {
                let old = txn.realms().get(realm).await?.expect("the realm is there");
                let mut new = old.clone();
                change(&mut new);
                txn.realms().put(&old, &new);
                Ok::<_, ManageError>(())
            })
        });
        changed.await.expect("the realm can be changed");
    }
}

fn attributes(all: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    all.iter()
        .map(|(name, values)| ((*name).to_owned(), values.iter().map(|value| (*value).to_owned()).collect()))
        .collect()
}

/// A client as the recordings' set-up makes them.
pub fn client(client_id: &str, more: Value) -> Value {
    let mut client = json!({
        "clientId": client_id, "enabled": true, "protocol": "openid-connect", "publicClient": false, "standardFlowEnabled": true,
        "directAccessGrantsEnabled": true, "redirectUris": ["http://127.0.0.1:9999/cb", "http://127.0.0.1:9999/cb/*"], "webOrigins": ["+"],
        "fullScopeAllowed": true
    });
    let (Value::Object(fields), Value::Object(more)) = (&mut client, more) else { panic!("clients are objects") };
    fields.extend(more);
    client
}

/// A protocol mapper.
pub fn mapper(kind: &str, config: Value) -> Value {
    json!({ "name": format!("{kind} {config}"), "protocol": "openid-connect", "protocolMapper": kind, "config": config })
}

fn recorded_clients() -> Vec<Value> {
    let both = |mut config: Value| {
        config["access.token.claim"] = json!("true");
        config["id.token.claim"] = json!("true");
        config
    };
    let access = |mut config: Value| {
        config["access.token.claim"] = json!("true");
        config
    };
    let algorithm = |name: &str| json!({"attributes": {"access.token.signed.response.alg": name, "id.token.signed.response.alg": name}});
    vec![
        client("api-client", json!({"serviceAccountsEnabled": true, "webOrigins": ["*"], "attributes": {"access.token.lifespan": "3600"}})),
        client("public-client", json!({"publicClient": true})),
        client("other-client", json!({"serviceAccountsEnabled": true})),
        client("short-client", json!({"attributes": {"access.token.lifespan": "2", "client.session.max.lifespan": "3"}})),
        client(
            "light-client",
            json!({"serviceAccountsEnabled": true, "attributes": {"client.use.lightweight.access.token.enabled": "true"}}),
        ),
        client(
            "ccrefresh-client",
            json!({"serviceAccountsEnabled": true, "attributes": {
                "client_credentials.use_refresh_token": "true", "token.response.type.bearer.lower-case": "true"
            }}),
        ),
        client("norefresh-client", json!({"attributes": {"use.refresh.tokens": "false"}})),
        client("signed-userinfo-client", json!({"attributes": {"user.info.response.signature.alg": "RS256"}})),
        client(
            "selfaud-client",
            json!({"serviceAccountsEnabled": true, "protocolMappers": [
                mapper("oidc-audience-mapper", access(json!({"included.client.audience": "selfaud-client"})))
            ]}),
        ),
        client("es256-client", algorithm("ES256")),
        client("eddsa-client", algorithm("EdDSA")),
        client("hs256-client", algorithm("HS256")),
        client(
            "mapper-client",
            json!({"protocolMappers": [
                mapper("oidc-group-membership-mapper", both(json!({"full.path": "true", "userinfo.token.claim": "true", "claim.name": "groups"}))),
                mapper("oidc-audience-mapper", access(json!({"included.client.audience": "other-client"}))),
                mapper("oidc-audience-mapper", access(json!({"included.custom.audience": "urn:thing"}))),
                mapper("oidc-hardcoded-claim-mapper", both(json!({"claim.name": "a.b", "claim.value": "7", "jsonType.label": "int"}))),
                mapper("oidc-hardcoded-claim-mapper", both(json!({"claim.name": "j", "claim.value": "{\"x\":[1,true]}", "jsonType.label": "JSON"}))),
                mapper("oidc-usermodel-attribute-mapper", both(json!({
                    "user.attribute": "team", "claim.name": "team", "jsonType.label": "String", "multivalued": "true", "userinfo.token.claim": "true"
                }))),
                mapper("oidc-usermodel-attribute-mapper", both(json!({"user.attribute": "team", "claim.name": "team_one", "jsonType.label": "String"}))),
                mapper("oidc-usersessionmodel-note-mapper", access(json!({
                    "user.session.note": "clientAddress", "claim.name": "note", "jsonType.label": "String"
                }))),
                mapper("oidc-amr-mapper", both(json!({}))),
                mapper("oidc-session-state-mapper", both(json!({}))),
            ]}),
        ),
    ]
}

/// The header of a token.
pub fn header(token: &str) -> Map<String, Value> {
    segment(token, 0)
}

/// The claims of a token, in order.
pub fn claims(token: &str) -> Map<String, Value> {
    segment(token, 1)
}

fn segment(token: &str, index: usize) -> Map<String, Value> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(index).expect("a compact JWS")).expect("base64url");
    serde_json::from_slice(&bytes).expect("a JSON object")
}
