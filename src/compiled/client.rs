//! A client as requests see it: its secret opened, its scopes, mappers, roles and origins resolved against the realm.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::base::seal::Sealer;
use crate::base::secret::Secret;
use crate::keyring::{Algorithm, Encryption, EncryptionKeys, InvalidJwkSet, JwkSet, Keyring};
use crate::model::client::Client;
use crate::model::realm::Realm;
use crate::store::StoreError;
use crate::store::key;

use super::mapper::Mapper;
use super::realm::CompiledRealm;
use super::roles::RoleSet;
use super::scope::{CompiledScope, ScopePlan, compile_mappers};
use super::subject::KnownServiceAccount;

/// Plans that a client keeps; a request for one more computes it each time.
const MAX_PLANS: usize = 64;

/// The attribute of clients and realms that names levels of authentication.
const ACR_LEVELS: &str = "acr.loa.map";

/// A client with its scopes, mappers and origins resolved.
pub struct CompiledClient {
    pub client: Client,
    /// The opened secret of a confidential client.
    pub secret: Option<Secret<String>>,
    /// The opened secret before the last rotation; whether it still counts is a question of the moment.
    pub rotated_secret: Option<Secret<String>>,
    /// The origins whose pages may read its answers: `+` resolved to those of the redirect URIs, `*` means any.
    pub web_origins: Vec<String>,
    /// The algorithms of its tokens: the client's own or those of the realm.
    pub access_token_algorithm: Algorithm,
    pub id_token_algorithm: Algorithm,
    /// The algorithm of signed userinfo, where the client wants it signed.
    pub userinfo_algorithm: Option<Algorithm>,
    /// How its ID tokens and userinfo answers are encrypted, where the client wants that.
    pub id_token_encryption: Option<Encryption>,
    pub userinfo_encryption: Option<Encryption>,
    /// Whether its access tokens carry as little as possible.
    pub lightweight: bool,
    /// Names for levels of authentication (`acr.loa.map`): the client's own or those of the realm.
    pub acr_levels: Vec<(String, i64)>,
    /// Its default and optional scopes, by name.
    pub scopes: Vec<AvailableScope>,
    /// Names and reasons of its own mappers without effect.
    pub skipped_mappers: Vec<(String, String)>,
    /// With keys that the realm lacked when it was compiled.
    pub(super) keyring: Option<Arc<Keyring>>,
    mappers: Vec<Arc<Mapper>>,
    /// What its own roles and scope mappings let into tokens; `None` with full scope.
    roles: Option<RoleSet>,
    plans: RwLock<HashMap<(bool, Box<[u16]>), Arc<ScopePlan>>>,
    pub(super) known_service_account: KnownServiceAccount,
    /// The keys of its assertions that stand in its settings, read when first needed.
    assertion_keys: OnceLock<Result<JwkSet, InvalidJwkSet>>,
    /// Its keys that something can be encrypted for: those of its inline JWK set, or of the one that was fetched last.
    encryption_keys: RwLock<Option<Arc<EncryptionKeys>>>,
}

impl fmt::Debug for CompiledClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledClient").field("client_id", &self.client.client_id).finish_non_exhaustive()
    }
}

/// A scope that a client may have.
#[derive(Debug)]
pub struct AvailableScope {
    pub scope: Arc<CompiledScope>,
    /// Granted without being asked for.
    pub default: bool,
}

impl CompiledClient {
    /// Resolves `client` against `realm`.
    ///
    /// # Errors
    /// When the secret does not open.
    pub fn new(realm: &CompiledRealm, client: Client, sealer: &Sealer) -> Result<Self, StoreError> {
        let algorithm = |attribute: &str| {
            let configured = client.attribute(attribute).and_then(|name| name.parse().ok());
            configured.or_else(|| realm.realm.default_signature_algorithm.parse().ok()).unwrap_or(Algorithm::Rs256)
        };
        let userinfo_algorithm = client.attribute("user.info.response.signature.alg").and_then(|name| name.parse().ok());
        let encryption = |kind: &str| {
            let attribute = |name: &str| client.attribute(&format!("{kind}.encrypted.response.{name}"));
            Encryption::configured(attribute("alg"), attribute("enc"))
        };
        let (mappers, skipped_mappers) = compile_mappers(&client.protocol_mappers);
        Ok(Self {
            secret: open_secret(&realm.realm, &client, sealer, client.secret.as_deref(), &client.secret_identity())?,
            rotated_secret: open_secret(
                &realm.realm,
                &client,
                sealer,
                client.rotated_secret.as_deref(),
                &client.rotated_secret_identity(),
            )?,
            web_origins: web_origins(&client),
            access_token_algorithm: algorithm("access.token.signed.response.alg"),
            id_token_algorithm: algorithm("id.token.signed.response.alg"),
            userinfo_algorithm,
            id_token_encryption: encryption("id.token"),
            userinfo_encryption: encryption("user.info"),
            encryption_keys: RwLock::new(inline_encryption_keys(&client).map(Arc::new)),
            acr_levels: Some(client.attribute(ACR_LEVELS).map(parse_acr_levels).unwrap_or_default())
                .filter(|own| !own.is_empty())
                .unwrap_or_else(|| acr_levels(&realm.realm)),
            keyring: None,
            lightweight: client.flag("client.use.lightweight.access.token.enabled"),
            scopes: available_scopes(realm, &client),
            roles: (!client.full_scope_allowed)
                .then(|| realm.roles.expand(realm.roles.of_client(&client.client_id).chain(&client.scope_mappings))),
            mappers,
            skipped_mappers,
            plans: RwLock::default(),
            known_service_account: KnownServiceAccount::default(),
            assertion_keys: OnceLock::new(),
            client,
        })
    }

    /// The keys that its settings hold for its assertions: a JWK set, a certificate, or a bare public key, in this order.
    ///
    /// # Errors
    /// There are none, or they cannot be read.
    pub fn assertion_keys(&self) -> Result<&JwkSet, &InvalidJwkSet> {
        let read = || {
            let setting = |name: &str| self.client.attribute(name).filter(|text| !text.is_empty());
            if self.client.flag("use.jwks.string") {
                JwkSet::parse(setting("jwks.string").unwrap_or_default().as_bytes())
            } else if let Some(certificate) = setting("jwt.credential.certificate") {
                JwkSet::of_certificate(certificate)
            } else {
                JwkSet::of_public_key(setting("jwt.credential.public.key").unwrap_or_default())
            }
        };
        self.assertion_keys.get_or_init(read).as_ref()
    }

    /// Where the client publishes its keys, if it does; a path is one below its root URL.
    pub fn jwks_url(&self) -> Option<String> {
        let client = &self.client;
        let url = client.flag("use.jwks.url").then(|| client.attribute("jwks.url"))??;
        Some(if url.starts_with('/') { format!("{}{url}", client.root_url.as_deref().unwrap_or_default()) } else { url.to_owned() })
    }

    /// The keys that something can be encrypted for, as far as they are known.
    pub fn encryption_keys(&self) -> Option<Arc<EncryptionKeys>> {
        self.encryption_keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the keys of the JWK set that the client publishes.
    pub fn remember_encryption_keys(&self, keys: EncryptionKeys) {
        *self.encryption_keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
    }

    /// Whether pages of `origin` may read answers to this client.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.web_origins.iter().any(|allowed| allowed == "*" || allowed == origin)
    }

    /// Every algorithm that its tokens need; refresh tokens are HMACs of the realm.
    pub(super) fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        [self.access_token_algorithm, self.id_token_algorithm, Algorithm::Hs512]
            .into_iter()
            .chain(self.userinfo_algorithm)
    }

    /// The keys that sign its tokens.
    pub fn keyring<'a>(&'a self, realm: &'a CompiledRealm) -> &'a Keyring {
        self.keyring.as_deref().unwrap_or(&realm.keyring)
    }

    /// The position of an available scope in [`CompiledClient::scopes`].
    pub fn scope_position(&self, name: &str) -> Option<u16> {
        let position = self.scopes.binary_search_by(|available| available.scope.name.as_str().cmp(name)).ok()?;
        u16::try_from(position).ok()
    }

    /// What a selection of scopes (positions, ascending) means for this client's tokens.
    pub fn plan(&self, openid: bool, selected: Vec<u16>) -> Arc<ScopePlan> {
        let selection = (openid, selected.into_boxed_slice());
        if let Some(plan) = self.plans.read().unwrap_or_else(PoisonError::into_inner).get(&selection) {
            return Arc::clone(plan);
        }
        let scopes = selection
            .1
            .iter()
            .filter_map(|position| self.scopes.get(usize::from(*position)))
            .map(|available| &*available.scope);
        let plan = Arc::new(ScopePlan::new(selection.clone(), &scopes, &self.mappers, self.roles.as_ref()));
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        if plans.len() < MAX_PLANS {
            plans.insert(selection, Arc::clone(&plan));
        }
        plan
    }
}

fn open_secret(
    realm: &Realm,
    client: &Client,
    sealer: &Sealer,
    sealed: Option<&str>,
    identity: &str,
) -> Result<Option<Secret<String>>, StoreError> {
    let Some(sealed) = sealed else { return Ok(None) };
    let damaged = |reason: String| StoreError::Damaged {
        key: String::from_utf8_lossy(key::client(&realm.id, &client.id).as_bytes()).into_owned(),
        reason,
    };
    let opened = sealer.open(&realm.id, identity, sealed).map_err(|error| damaged(error.to_string()))?;
    let text = std::str::from_utf8(opened.expose()).map_err(|_| damaged("the secret is no text".to_owned()))?;
    Ok(Some(Secret::from(text)))
}

/// A set that cannot be read holds no key: tokens are then refused, not sent in the clear.
fn inline_encryption_keys(client: &Client) -> Option<EncryptionKeys> {
    let inline = client.flag("use.jwks.string") && !client.flag("use.jwks.url");
    EncryptionKeys::parse(client.attribute("jwks.string").filter(|_| inline)?.as_bytes()).ok()
}

/// The names that a realm gives to levels of authentication; empty without.
pub fn acr_levels(realm: &Realm) -> Vec<(String, i64)> {
    realm.attributes.get(ACR_LEVELS).map(|text| parse_acr_levels(text)).unwrap_or_default()
}

/// `{"silver": 1, "gold": "2"}`: levels may be text.
fn parse_acr_levels(text: &str) -> Vec<(String, i64)> {
    let map: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    let level = |value: &serde_json::Value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    map.iter().filter_map(|(name, value)| Some((name.clone(), level(value)?))).collect()
}

/// Scopes are ordered by name, which is also the order of the `scope` claims. A scope that is both default and optional is a
/// default one.
fn available_scopes(realm: &CompiledRealm, client: &Client) -> Vec<AvailableScope> {
    let of = |ids: &[crate::base::id::ClientScopeId], default| {
        let scopes: Vec<_> = ids.iter().filter_map(|id| realm.scope(id)).cloned().collect();
        scopes.into_iter().map(move |scope| AvailableScope { scope, default })
    };
    let mut scopes: Vec<AvailableScope> =
        of(&client.default_client_scopes, true).chain(of(&client.optional_client_scopes, false)).collect();
    scopes.sort_by(|a, b| (&a.scope.name, !a.default).cmp(&(&b.scope.name, !b.default)));
    scopes.dedup_by(|later, earlier| later.scope.name == earlier.scope.name);
    scopes
}

/// `+` stands for the origins of the redirect URIs. A trailing slash is no part of an origin (RFC 6454 §6.2).
fn web_origins(client: &Client) -> Vec<String> {
    let mut origins: Vec<String> = Vec::new();
    let mut add = |origin: &str| {
        let origin = origin.trim_end_matches('/');
        if !origin.is_empty() && !origins.iter().any(|known| known == origin) {
            origins.push(origin.to_owned());
        }
    };
    for configured in &client.web_origins {
        if configured == "+" {
            redirect_uris(client).iter().filter_map(|uri| origin_of(uri)).for_each(&mut add);
        } else {
            add(configured);
        }
    }
    origins
}

/// The redirect URIs, relative ones completed with the root URL.
fn redirect_uris(client: &Client) -> Vec<String> {
    let root = client.root_url.as_deref().unwrap_or_default();
    let complete = |uri: &String| if uri.starts_with('/') { format!("{root}{uri}") } else { uri.clone() };
    client.redirect_uris.iter().map(complete).collect()
}

/// `scheme://authority` of an http or https URI.
fn origin_of(uri: &str) -> Option<&str> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| uri.starts_with(scheme))?;
    let end = uri[scheme.len()..].find(['/', '?', '#', '*']).map_or(uri.len(), |end| scheme.len() + end);
    (end > scheme.len()).then(|| &uri[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(web_origins: &[&str], redirect_uris: &[&str]) -> Client {
        let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        Client { web_origins: texts(web_origins), redirect_uris: texts(redirect_uris), ..Client::default() }
    }

    #[test]
    fn plus_stands_for_the_origins_of_the_redirect_uris() {
        let resolved =
            web_origins(&client(&["+", "https://app.example/"], &["http://127.0.0.1:9999/cb", "http://127.0.0.1:9999/cb/*", "myapp:/cb"]));
        assert_eq!(resolved, ["http://127.0.0.1:9999", "https://app.example"]);
        assert_eq!(web_origins(&client(&["*"], &[])), ["*"]);
        assert_eq!(web_origins(&client(&["+"], &["/relative", "https://*"])), [""; 0]);
        let rooted = Client { root_url: Some("https://root.example".to_owned()), ..client(&["+"], &["/relative"]) };
        assert_eq!(web_origins(&rooted), ["https://root.example"]);
    }
}
