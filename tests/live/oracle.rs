//! Realm `oracle` as the recordings found it, built through `manage`, and the changes that an administrator made between two rows.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use keywright::base::id::{ClientId, RealmId, RoleId, SessionId, UserId};
use keywright::keyring::{self, KeyMaker, KeySource};
use keywright::manage::{clients, components, defaults, groups, realms, roles, users};
use keywright::model::role::RoleContainer;
use keywright::model::user_profile::UnmanagedAttributePolicy;
use keywright::model::user_session::UserSession;
use keywright::sessions;
use keywright::store::StoreError;
use keywright::store::txn::Reader as _;
use openssl::rsa::Rsa;
use serde_json::{Value, json};
use sha1::Sha1;

use super::normalise::Normaliser;
use crate::support::app::TestApp;
use crate::support::assertion::{self, ClientKey};
use crate::support::http::{Answer, Request};

/// Where redirects of the recordings went.
pub const CALLBACK: &str = "http://127.0.0.1:9999/cb";

const SECRETS: [(&str, &str); 27] = [
    ("api-client", "api-secret-0123456789abcdef0123456"),
    ("other-client", "other-secret-0123456789abcdef01234"),
    ("jwt-secret-client", "jwt-secret-0123456789abcdef0123456789abcdef0123456789abcdef"),
    ("bearer-client", "bearer-secret"),
    ("disabled-client", "disabled-secret"),
    ("consent-client", "consent-secret"),
    ("noflow-client", "noflow-secret"),
    ("short-client", "short-secret"),
    ("light-client", "light-secret"),
    ("ccrefresh-client", "ccrefresh-secret"),
    ("norefresh-client", "norefresh-secret"),
    ("signed-userinfo-client", "signed-secret"),
    ("backchannel-client", "backchannel-secret"),
    ("front-client", "front-secret"),
    ("selfaud-client", "selfaud-secret"),
    ("jarm-client", "jarm-secret"),
    ("mapper-client", "mapper-secret"),
    ("es256-client", "es256-secret-0123456789abcdef"),
    ("ps256-client", "ps256-secret-0123456789abcdef"),
    ("eddsa-client", "eddsa-secret-0123456789abcdef"),
    ("rs512-client", "rs512-secret-0123456789abcdef"),
    ("hs256-client", "hs256-secret-0123456789abcdef"),
    ("uma-client", "uma-secret"),
    ("enc", "enc-secret-0123456789abcdef"),
    ("saml-client", "saml-secret"),
    ("jwt-key-client", ""),
    ("public-client", ""),
];

fn secret_of(client: &str) -> Option<&'static str> {
    SECRETS
        .iter()
        .find(|(known, _)| *known == client)
        .map(|(_, secret)| *secret)
        .filter(|secret| !secret.is_empty())
}

/// A form to the token endpoint and its neighbours.
#[derive(Clone, Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Only the client and its secret.
    pub fn of(client: &str) -> Self {
        Self(Vec::new()).by(client)
    }

    /// A password grant of `user`, whose password is `pw-USER`, by `api-client`.
    pub fn password(user: &str) -> Self {
        Self::of("api-client")
            .with("grant_type", "password")
            .with("username", user)
            .with("password", &format!("pw-{user}"))
    }

    pub fn client_credentials(client: &str) -> Self {
        Self::of(client).with("grant_type", "client_credentials")
    }

    pub fn refresh(token: &str) -> Self {
        Self::of("api-client").with("grant_type", "refresh_token").with("refresh_token", token)
    }

    /// By another client.
    #[must_use]
    pub fn by(self, client: &str) -> Self {
        let mut form = self.with("client_id", client);
        form.0.retain(|(name, _)| name != "client_secret");
        match secret_of(client) {
            Some(secret) => form.with("client_secret", secret),
            None => form,
        }
    }

    /// With this `scope`; an empty one is left out.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        if scope.is_empty() { self } else { self.with("scope", scope) }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A server with realm `oracle`.
pub struct Oracle {
    pub app: TestApp,
    pub names: Normaliser,
}

impl Oracle {
    /// What the script of the recordings did before the first row.
    pub async fn set_up(app: TestApp) -> Self {
        let names = Normaliser::new(&app.base, &app.origin);
        let mut oracle = Self { app, names };
        for (client, secret) in SECRETS.into_iter().filter(|(client, secret)| !secret.is_empty() && *client != "saml-client") {
            oracle.names.learn_secret(secret, client);
            oracle.app.secret(secret);
        }
        oracle.learn_realm("master").await;
        oracle.create_realm("oracle", json!({"enabled": true})).await;
        oracle.allow_all_attributes().await;
        oracle.add_keys().await;
        let (reader, boss) = (oracle.create_role("reader", None).await, oracle.create_role("boss", None).await);
        oracle.contain(&boss, &reader).await;
        oracle.create_groups().await;
        oracle.create_clients().await;
        let api_role = oracle.create_role("api-role", Some("api-client")).await;
        oracle.create_users().await;
        oracle.give_roles("alice", &[boss, api_role]).await;
        oracle
    }

    /// A form to `…/protocol/openid-connect/{endpoint}`.
    pub async fn post(&self, realm: &str, endpoint: &str, form: &Form) -> Answer {
        let pairs: Vec<(&str, &str)> = form.0.iter().map(|(name, value)| (&**name, &**value)).collect();
        self.app.oidc(realm, endpoint, &pairs).await
    }

    pub async fn administrator(&self) -> Answer {
        self.app.administrator().await
    }

    /// A request of the administrator of `master` to `path` below `/admin/realms`; a null body is none.
    pub async fn administer(&self, method: &str, path: &str, body: &Value) -> Answer {
        let token = self.administrator().await.field("access_token");
        let request = Request::new(method, self.app.target(&format!("/admin/realms{path}"))).bearer(&token);
        self.app.send(&if body.is_null() { request } else { request.json(body) }).await
    }

    pub async fn create_realm(&mut self, name: &str, settings: Value) {
        let app = self.app.keywright.app();
        let id = RealmId::random(app.env.random());
        let keys = keyring::default_providers(&app.env, &id, name, &app.sealer, KeySource::Fixed).expect("keys");
        let new = realms::NewRealm { name: name.to_owned(), id: Some(id), settings: fields(settings) };
        app.store
            .configuration(|txn| Box::pin(realms::create(txn, &app.env, &app.sealer, &new, &keys)))
            .await
            .expect("a new realm");
        self.learn_realm(name).await;
    }

    pub async fn update_realm(&self, name: &str, settings: Value) {
        let (app, id, settings) = (self.app.keywright.app(), self.realm(name).await, fields(settings));
        app.store
            .configuration(|txn| Box::pin(realms::update(txn, &app.env, &app.sealer, &id, &settings)))
            .await
            .expect("a changed realm");
    }

    /// A client as the script made them: everything on that is not said.
    pub async fn create_client(&mut self, realm: &str, client_id: &str, settings: Value) {
        let mut all = fields(json!({"clientId": client_id, "enabled": true, "protocol": "openid-connect", "publicClient": false,
            "standardFlowEnabled": true, "directAccessGrantsEnabled": true, "serviceAccountsEnabled": false,
            "redirectUris": [CALLBACK, format!("{CALLBACK}/*")], "webOrigins": ["+"], "fullScopeAllowed": true,
            "attributes": {"post.logout.redirect.uris": "+"}}));
        for (name, value) in fields(settings) {
            match (all.get_mut(&name).and_then(Value::as_object_mut), value) {
                (Some(attributes), Value::Object(more)) => attributes.extend(more),
                (_, value) => drop(all.insert(name, value)),
            }
        }
        if let Some(secret) = secret_of(client_id) {
            all.insert("secret".to_owned(), json!(secret));
        }
        self.insert_client(realm, client_id, Value::Object(all)).await;
    }

    async fn insert_client(&mut self, realm: &str, client_id: &str, representation: Value) {
        let (app, realm) = (self.app.keywright.app(), self.realm(realm).await);
        let new: clients::NewClient = serde_json::from_value(representation).expect("a client");
        let client = app
            .store
            .configuration(|txn| Box::pin(clients::create(txn, &app.env, &app.sealer, &realm, &new)))
            .await
            .expect("a new client");
        self.names.learn_id(client.id.as_str(), &format!("client {client_id}"));
    }

    pub async fn update_client(&self, realm: &str, client_id: &str, settings: Value) {
        let (app, realm) = (self.app.keywright.app(), self.realm(realm).await);
        let id = self.client(&realm, client_id).await;
        let settings: clients::ClientSettings = serde_json::from_value(settings).expect("settings of a client");
        app.store
            .configuration(|txn| Box::pin(clients::update(txn, &app.env, &app.sealer, &realm, &id, &settings)))
            .await
            .expect("a changed client");
    }

    /// A user as the script made them: verified address `NAME@example.org`, names, a permanent password.
    pub async fn create_user(&mut self, realm: &str, name: &str, password: &str, settings: Value) {
        let mut all = fields(json!({"username": name, "enabled": true, "emailVerified": true, "email": format!("{name}@example.org"),
            "firstName": capitalised(name), "lastName": "Example"}));
        all.extend(fields(settings));
        let groups = all.remove("groups").map_or_else(Vec::new, |groups| serde_json::from_value(groups).expect("paths of groups"));
        let (app, realm) = (self.app.keywright.app(), self.realm(realm).await);
        let hash = app.hashing.hash(password.into()).await.expect("the queue has room");
        let settings = serde_json::from_value(Value::Object(all)).expect("settings of a user");
        let new = users::NewUser { settings, groups, password: Some(users::NewPassword::stored(hash, false)) };
        let user = app.store.configuration(|txn| Box::pin(users::create(txn, &app.env, &realm, &new))).await.expect("a new user");
        self.app.secret(password);
        self.names.learn_id(user.id.as_str(), &format!("user {name}"));
    }

    pub async fn update_user(&self, realm: &str, name: &str, settings: Value) {
        let (app, realm) = (self.app.keywright.app(), self.realm(realm).await);
        let id = self.user(&realm, name).await;
        let settings = serde_json::from_value(settings).expect("settings of a user");
        app.store
            .configuration(|txn| Box::pin(users::update(txn, &realm, &id, &settings)))
            .await
            .expect("a changed user");
    }

    pub async fn delete_user(&self, realm: &str, name: &str) {
        let (app, realm) = (self.app.keywright.app(), self.realm(realm).await);
        let id = self.user(&realm, name).await;
        app.store.configuration(|txn| Box::pin(users::delete(txn, &realm, &id))).await.expect("a deleted user");
    }

    pub async fn set_password(&self, realm: &str, name: &str, password: &str) {
        let (app, realm) = (self.app.keywright.app(), self.realm(realm).await);
        let id = self.user(&realm, name).await;
        let hash = app.hashing.hash(password.into()).await.expect("the queue has room");
        let password = users::NewPassword::stored(hash, false);
        app.store
            .configuration(|txn| Box::pin(users::set_password(txn, &app.env, &realm, &id, &password)))
            .await
            .expect("a new password");
    }

    pub async fn add_totp(&self, realm: &str, name: &str, secret: &str) {
        let (app, realm) = (self.app.keywright.app(), self.realm(realm).await);
        let id = self.user(&realm, name).await;
        let new = users::NewOtp {
            user_label: Some("phone".to_owned()),
            secret: secret.into(),
            secret_encoding: None,
            sub_type: "totp".to_owned(),
            digits: 6,
            period: 30,
            counter: 0,
            algorithm: "HmacSHA1".to_owned(),
        };
        app.store
            .configuration(|txn| Box::pin(users::add_otp(txn, &app.env, &app.sealer, &realm, &id, &new)))
            .await
            .expect("a generator");
    }

    /// Ends one session of a user, as `DELETE /admin/realms/{realm}/sessions/{id}` does.
    pub async fn end_session(&self, realm: &str, user: &str, id: &str) {
        self.end_sessions(realm, user, false, &|session| session.id == SessionId::from(id)).await;
    }

    /// Ends the online sessions of a user and refuses his older tokens, as `POST …/users/{id}/logout` does.
    pub async fn log_out(&self, realm: &str, user: &str) {
        self.end_sessions(realm, user, false, &|_| true).await;
        let (app, realm) = (self.app.keywright.app(), self.realm(realm).await);
        let (id, now) = (self.user(&realm, user).await, self.app.now().seconds());
        app.store
            .configuration(|txn| Box::pin(users::set_not_before(txn, &realm, &id, now)))
            .await
            .expect("a changed user");
    }

    /// Ends what a client holds offline of a user, as `DELETE …/users/{id}/consents/{client}` does.
    pub async fn revoke_offline(&self, realm: &str, user: &str, client_id: &str) {
        let client = self.client(&self.realm(realm).await, client_id).await;
        self.end_sessions(realm, user, true, &|session| session.clients.contains_key(&client)).await;
    }

    async fn end_sessions(&self, realm: &str, user: &str, offline: bool, chosen: &(dyn Fn(&UserSession) -> bool + Sync)) {
        let realm = self.realm(realm).await;
        let user = self.user(&realm, user).await;
        let store = &self.app.keywright.app().store;
        let ended: Result<(), StoreError> = store
            .sessions(|txn| {
                let (realm, user) = (realm.clone(), user.clone());
                Box::pin(async move {
                    for id in txn.user_sessions().of_user(&realm, &user, offline, None, 500).await? {
                        let session = txn.user_sessions().get(&realm, &id, offline).await?;
                        if let Some(session) = session.filter(|session| chosen(session)) {
                            sessions::end(txn, &realm, &session);
                        }
                    }
                    Ok(())
                })
            })
            .await;
        ended.expect("ended sessions");
    }

    /// Forgets the failed logins of a user, as `DELETE …/attack-detection/brute-force/users/{id}` does.
    pub async fn clear_failures(&self, realm: &str, user: &str) {
        let realm = self.realm(realm).await;
        let user = self.user(&realm, user).await;
        let store = &self.app.keywright.app().store;
        let cleared: Result<(), StoreError> = store
            .sessions(|txn| {
                txn.login_failures().delete(&realm, &user);
                Box::pin(async { Ok(()) })
            })
            .await;
        cleared.expect("no failures any more");
    }

    async fn realm(&self, name: &str) -> RealmId {
        self.app.keywright.app().store.peek().realms().by_name(name).await.expect("a store").expect("the realm").id
    }

    async fn client(&self, realm: &RealmId, client_id: &str) -> ClientId {
        self.app
            .keywright
            .app()
            .store
            .peek()
            .clients()
            .by_client_id(realm, client_id)
            .await
            .expect("a store")
            .expect("the client")
            .id
    }

    async fn user(&self, realm: &RealmId, name: &str) -> UserId {
        self.app
            .keywright
            .app()
            .store
            .peek()
            .users()
            .by_username(realm, name)
            .await
            .expect("a store")
            .expect("the user")
            .id
    }

    /// Ids and keys that answers of this realm show.
    async fn learn_realm(&mut self, name: &str) {
        let id = self.realm(name).await;
        let app = self.app.keywright.app();
        let clients = app.store.peek().clients().list(&id).await.expect("a store");
        let roles = app.store.peek().roles().list(&id).await.expect("a store");
        let realm = app.compiled.realm(name).await.expect("a store").expect("the realm");
        self.names.learn_id(id.as_str(), &format!("realm {name}"));
        for client in clients {
            self.names.learn_id(client.id.as_str(), &format!("client {}", client.client_id));
        }
        for role in roles {
            self.names.learn_id(role.id.as_str(), &format!("role {}", role.name));
        }
        let of_realm = if name == "oracle" { String::new() } else { format!(" of {name}") };
        for key in realm.keyring.keys() {
            self.names.learn_key(&key.kid, &format!("{}{of_realm}", key.algorithm));
        }
    }

    /// `unmanagedAttributePolicy`: the users have attributes that the profile does not declare.
    async fn allow_all_attributes(&self) {
        let (app, realm) = (self.app.keywright.app(), self.realm("oracle").await);
        let mut profile = defaults::user_profile::profile(false);
        profile.unmanaged_attribute_policy = Some(UnmanagedAttributePolicy::Enabled);
        app.store
            .configuration(|txn| Box::pin(realms::set_user_profile(txn, &realm, &profile)))
            .await
            .expect("a user profile");
    }

    /// One more key for each algorithm that a client of the recordings signs with.
    async fn add_keys(&mut self) {
        let (app, realm) = (self.app.keywright.app(), self.realm("oracle").await);
        let maker = KeyMaker { env: &app.env, realm: &realm, realm_name: "oracle", sealer: &app.sealer };
        for (name, provider, setting, value) in [
            ("es256", "ecdsa-generated", "ecdsaEllipticCurveKey", "P-256"),
            ("eddsa", "eddsa-generated", "eddsaEllipticCurveKey", "Ed25519"),
            ("ps256", "rsa-generated", "algorithm", "PS256"),
            ("rs512", "rsa-generated", "algorithm", "RS512"),
        ] {
            let mut component =
                maker.component(name, provider, &[("priority", "90"), ("enabled", "true"), ("active", "true"), (setting, value)]);
            if provider == "rsa-generated" {
                let key = if name == "ps256" { &PS256_KEY } else { &RS512_KEY };
                component.config.insert("privateKey".to_owned(), vec![key.to_string()]);
            }
            maker.complete(&mut component).expect("a key");
            app.store
                .configuration(|txn| Box::pin(components::create(txn, &realm, &component)))
                .await
                .expect("a key provider");
        }
        self.learn_realm("oracle").await;
    }

    async fn create_role(&mut self, name: &str, client_id: Option<&str>) -> RoleId {
        let realm = self.realm("oracle").await;
        let container = match client_id {
            Some(client_id) => RoleContainer::Client(self.client(&realm, client_id).await),
            None => RoleContainer::Realm,
        };
        let (app, new) = (self.app.keywright.app(), roles::NewRole::named(name, container));
        let role = app.store.configuration(|txn| Box::pin(roles::create(txn, &app.env, &realm, &new))).await.expect("a new role");
        self.names.learn_id(role.id.as_str(), &format!("role {name}"));
        role.id
    }

    async fn contain(&self, composite: &RoleId, contained: &RoleId) {
        let (app, realm) = (self.app.keywright.app(), self.realm("oracle").await);
        let contained = std::slice::from_ref(contained);
        app.store
            .configuration(|txn| Box::pin(roles::add_composites(txn, &realm, composite, contained)))
            .await
            .expect("a composite role");
    }

    async fn create_groups(&mut self) {
        let (app, realm) = (self.app.keywright.app(), self.realm("oracle").await);
        let mut parent = None;
        for (name, path, attributes) in [("staff", "staff", &[("floor", "3")][..]), ("night", "staff/night", &[])] {
            let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
            let new = groups::NewGroup { name: name.to_owned(), description: None, parent: parent.clone(), attributes };
            let group = app
                .store
                .configuration(|txn| Box::pin(groups::create(txn, &app.env, &realm, &new)))
                .await
                .expect("a new group");
            self.names.learn_id(group.id.as_str(), &format!("group {path}"));
            parent = Some(group.id);
        }
    }

    async fn give_roles(&self, user: &str, given: &[RoleId]) {
        let (app, realm) = (self.app.keywright.app(), self.realm("oracle").await);
        let id = self.user(&realm, user).await;
        app.store
            .configuration(|txn| Box::pin(users::add_roles(txn, &realm, &id, given)))
            .await
            .expect("a user with roles");
    }

    async fn create_users(&mut self) {
        let alice = json!({"attributes": {"team": ["red", "blue"], "locale": ["en"], "phoneNumber": ["+491701234567"], "street": ["Main 1"],
            "locality": ["Town"], "birthdate": ["1990-01-01"]}, "groups": ["/staff", "/staff/night"]});
        for (name, settings) in [
            ("alice", alice),
            ("bob", json!({})),
            ("dora", json!({"enabled": false})),
            ("penny", json!({"requiredActions": ["UPDATE_PASSWORD"]})),
            ("tina", json!({})),
            ("noname", json!({"firstName": null, "lastName": null})),
            ("carl", json!({})),
            ("erin", json!({})),
            ("finn", json!({})),
            ("gina", json!({})),
            ("hugo", json!({})),
            ("ivan", json!({})),
            ("judy", json!({})),
        ] {
            self.create_user("oracle", name, &format!("pw-{name}"), settings).await;
        }
        self.add_totp("oracle", "tina", TOTP_SECRET).await;
    }

    async fn create_clients(&mut self) {
        for (client_id, settings) in clients_of_the_script() {
            self.create_client("oracle", client_id, settings).await;
        }
        let saml = json!({"clientId": "saml-client", "protocol": "saml", "enabled": true, "secret": secret_of("saml-client")});
        self.insert_client("oracle", "saml-client", saml).await;
    }
}

/// The key of tina's one-time passwords.
pub const TOTP_SECRET: &str = "JBSWY3DPEHPK3PXPtest";

/// RFC 6238 with the defaults of everybody: SHA-1, 30 seconds, six digits.
pub fn totp(secret: &str, seconds: i64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("any length is a key");
    mac.update(&(seconds / 30).to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let number = u32::from_be_bytes(hash[at..at + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

static PS256_KEY: LazyLock<String> = LazyLock::new(rsa_key);
static RS512_KEY: LazyLock<String> = LazyLock::new(rsa_key);

/// A key for the whole process: making one takes a tenth of a second.
fn rsa_key() -> String {
    let key = Rsa::generate(2048).expect("OpenSSL makes a key");
    STANDARD.encode(key.private_key_to_der().expect("a key in DER"))
}

/// The clients in the order in which the script made them; `create_client` fills in the rest.
fn clients_of_the_script() -> Vec<(&'static str, Value)> {
    let attributes = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<Value>();
    let with = |name: &str, value: &str| json!({"attributes": attributes(&[(name, value)])});
    let mut clients = vec![
        (
            "api-client",
            json!({"serviceAccountsEnabled": true, "webOrigins": ["*"], "attributes": attributes(&[("access.token.lifespan", "3600"),
                ("standard.token.exchange.enabled", "true"), ("oauth2.device.authorization.grant.enabled", "true")])}),
        ),
        ("other-client", json!({"serviceAccountsEnabled": true, "attributes": attributes(&[("standard.token.exchange.enabled", "true")])})),
        (
            "public-client",
            json!({"publicClient": true, "attributes": attributes(&[("oauth2.device.authorization.grant.enabled", "true")])}),
        ),
        ("pkce-client", json!({"publicClient": true, "attributes": attributes(&[("pkce.code.challenge.method", "S256")])})),
        ("bearer-client", json!({"bearerOnly": true})),
        ("disabled-client", json!({"enabled": false})),
        (
            "jwt-secret-client",
            json!({"clientAuthenticatorType": "client-secret-jwt", "serviceAccountsEnabled": true,
                "attributes": attributes(&[("token.endpoint.auth.signing.alg", "HS256")])}),
        ),
        (
            "jwt-key-client",
            json!({"clientAuthenticatorType": "client-jwt", "serviceAccountsEnabled": true, "attributes": attributes(&[("use.jwks.string", "true"),
                ("jwks.string", &client_jwks()), ("token.endpoint.auth.signing.alg", "RS256")])}),
        ),
        ("consent-client", json!({"consentRequired": true})),
        ("noflow-client", json!({"standardFlowEnabled": false, "directAccessGrantsEnabled": false})),
        ("implicit-client", json!({"publicClient": true, "implicitFlowEnabled": true})),
        ("nostandard-client", json!({"publicClient": true, "standardFlowEnabled": false, "implicitFlowEnabled": true})),
        ("short-client", json!({"attributes": attributes(&[("access.token.lifespan", "2"), ("client.session.max.lifespan", "3")])})),
        (
            "light-client",
            json!({"serviceAccountsEnabled": true, "attributes": attributes(&[("client.use.lightweight.access.token.enabled", "true")])}),
        ),
        (
            "ccrefresh-client",
            json!({"directAccessGrantsEnabled": false, "serviceAccountsEnabled": true,
                "attributes": attributes(&[("client_credentials.use_refresh_token", "true"), ("token.response.type.bearer.lower-case", "true")])}),
        ),
        ("norefresh-client", with("use.refresh.tokens", "false")),
        (
            "signed-userinfo-client",
            json!({"attributes": attributes(&[("user.info.response.signature.alg", "RS256"), ("client.introspection.response.allow.jwt.claim.enabled", "true")])}),
        ),
        (
            "selfaud-client",
            json!({"serviceAccountsEnabled": true, "attributes": attributes(&[("client.introspection.response.allow.jwt.claim.enabled", "true")]),
                "protocolMappers": [audience("aud", "included.client.audience", "selfaud-client")]}),
        ),
        ("jarm-client", json!({})),
        ("mapper-client", json!({"protocolMappers": mappers()})),
    ];
    for (client, algorithm) in [
        ("es256-client", "ES256"),
        ("ps256-client", "PS256"),
        ("eddsa-client", "EdDSA"),
        ("rs512-client", "RS512"),
        ("hs256-client", "HS256"),
    ] {
        let algorithms = attributes(&[("access.token.signed.response.alg", algorithm), ("id.token.signed.response.alg", algorithm)]);
        clients.push((client, json!({"attributes": algorithms})));
    }
    clients
}

fn mapper(name: &str, kind: &str, config: Value) -> Value {
    json!({"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config})
}

fn audience(name: &str, setting: &str, audience: &str) -> Value {
    mapper(name, "oidc-audience-mapper", json!({setting: audience, "access.token.claim": "true", "id.token.claim": "false"}))
}

fn mappers() -> Value {
    json!([
        mapper(
            "groups",
            "oidc-group-membership-mapper",
            json!({"full.path": "true", "id.token.claim": "true", "access.token.claim": "true",
            "userinfo.token.claim": "true", "claim.name": "groups"})
        ),
        audience("aud", "included.client.audience", "other-client"),
        audience("aud2", "included.custom.audience", "urn:thing"),
        mapper(
            "hard",
            "oidc-hardcoded-claim-mapper",
            json!({"claim.name": "a.b", "claim.value": "7", "jsonType.label": "int",
            "access.token.claim": "true", "id.token.claim": "true"})
        ),
        mapper(
            "hardjson",
            "oidc-hardcoded-claim-mapper",
            json!({"claim.name": "j", "claim.value": "{\"x\":[1,true]}", "jsonType.label": "JSON",
            "access.token.claim": "true", "id.token.claim": "true"})
        ),
        mapper(
            "attr",
            "oidc-usermodel-attribute-mapper",
            json!({"user.attribute": "team", "claim.name": "team", "jsonType.label": "String",
            "multivalued": "true", "access.token.claim": "true", "id.token.claim": "true", "userinfo.token.claim": "true"})
        ),
        mapper(
            "attr1",
            "oidc-usermodel-attribute-mapper",
            json!({"user.attribute": "team", "claim.name": "team_one", "jsonType.label": "String",
            "access.token.claim": "true", "id.token.claim": "true"})
        ),
        mapper(
            "note",
            "oidc-usersessionmodel-note-mapper",
            json!({"user.session.note": "clientAddress", "claim.name": "note",
            "jsonType.label": "String", "access.token.claim": "true"})
        ),
        mapper("amr", "oidc-amr-mapper", json!({"access.token.claim": "true", "id.token.claim": "true"})),
        mapper("state", "oidc-session-state-mapper", json!({"access.token.claim": "true", "id.token.claim": "true"})),
    ])
}

/// The public key with which `jwt-key-client` signs its assertions.
fn client_jwks() -> String {
    CLIENT_KEY.jwks("test-key-1")
}

static CLIENT_KEY: LazyLock<ClientKey> = LazyLock::new(ClientKey::generate);

/// Assertions as the script made them.
impl Oracle {
    /// What a right assertion of `client` says, with changes.
    pub fn claims(&self, client: &str, changes: Value) -> Value {
        let issuer = format!("{}/realms/oracle", self.app.base);
        assertion::changed(assertion::claims(client, &issuer, self.app.now()), changes)
    }

    /// By `jwt-key-client`, with its key.
    pub fn by_key(&self, changes: Value) -> String {
        CLIENT_KEY.sign("test-key-1", &self.claims("jwt-key-client", changes))
    }

    /// With the key of `jwt-key-client` under another name, or none.
    pub fn by_key_named(&self, kid: &str, client: &str) -> String {
        CLIENT_KEY.sign(kid, &self.claims(client, json!({})))
    }

    /// With the secret of a client.
    pub fn by_secret(&self, client: &str, changes: Value) -> String {
        assertion::hs256(secret_of(client).expect("a secret").as_bytes(), &self.claims(client, changes))
    }

    pub fn token_endpoint(&self) -> String {
        format!("{}/realms/oracle/protocol/openid-connect/token", self.app.base)
    }
}

/// Settings as an object.
fn fields(settings: Value) -> serde_json::Map<String, Value> {
    settings.as_object().cloned().expect("an object")
}

fn capitalised(name: &str) -> String {
    name[..1].to_uppercase() + &name[1..]
}
