//! A request to the Admin REST API: who asks, proved by a bearer token of `master` or of the realm in the URL, and what he may
//! do there. The roles are resolved here from the stored user at every request. What the token says about roles counts for
//! nothing, so a role that was taken away is gone at once, and a lightweight token does as well as any other.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, ORIGIN};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;

use crate::app::App;
use crate::base::id::{SessionId, UserId};
use crate::compiled::claim_path::ClaimName;
use crate::compiled::roles::RoleSet;
use crate::compiled::{CompiledClient, CompiledRealm, Subject};
use crate::manage::client_policies::Updater;
use crate::manage::defaults::clients::administration_client_id;
use crate::manage::defaults::roles::{ADMINISTRATION, ORGANIZATIONS};
use crate::model::realm::Realm;
use crate::model::user::User;
use crate::oauth::params::Params;
use crate::sessions;
use crate::store::txn::Reader as _;
use crate::store::{Store, StoreError};

use crate::tokens::{scope, verify};

use super::page_error::json_error;

/// The client that holds the administration roles of a realm, except in `master`.
const REALM_MANAGEMENT: &str = "realm-management";
/// What contains every role over the realm.
const REALM_ADMIN: &str = "realm-admin";
/// The clients of administrators: their tokens stand for the whole user, whatever scope the client has.
const ADMINISTRATION_CLIENTS: [&str; 2] = ["admin-cli", "security-admin-console"];

/// The name of whoever works on the store itself, in the admin events of what he does.
const OPERATOR: &str = "local-operator";

/// The longest bearer token that is looked at.
const MAX_TOKEN: usize = 64 << 10;

/// What a row of the Admin REST API asks of the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// One of these roles over the realm in the URL.
    AnyOf(&'static [&'static str]),
    /// The realm role of `master` that lets a user create realms.
    CreateRealm,
    /// Any administration role over any realm; the handler shows what it is good for.
    Anywhere,
}

/// One request of an administrator.
pub struct AdminRequest {
    pub app: web::Data<App>,
    pub caller: Caller,
    pub base_url: String,
    pub client_address: IpAddr,
    pub body: Bytes,
    /// The parameters of the query string that the row declares.
    pub query: Params,
    pub method: Method,
    /// What stands in the URL behind the realm, as it was sent: `users/{id}`. Empty for the realm itself.
    pub path: String,
    pub(super) realm: Option<Realm>,
    pub(super) parameters: Vec<(&'static str, String)>,
    pub(super) content_type: Option<String>,
    pub(super) accept: Option<String>,
}

/// Who asks.
pub struct Caller {
    /// The realm that his token comes from.
    pub realm: Arc<CompiledRealm>,
    pub client: Arc<CompiledClient>,
    pub user: User,
    /// The session that his token comes from, if it comes from one.
    pub session: Option<SessionId>,
    held: Held,
}

/// What a caller may do.
enum Held {
    /// He has the store itself in his hands.
    Everything,
    /// These roles of his realm, as far as his client lets them through.
    Roles(RoleSet),
}

impl AdminRequest {
    /// The realm in the URL.
    ///
    /// # Panics
    /// In a row whose path names no realm.
    pub fn realm(&self) -> &Realm {
        self.realm.as_ref().expect("the row's path names a realm, and the dispatch found it")
    }

    /// Whether the row's path names a realm.
    pub fn has_realm(&self) -> bool {
        self.realm.is_some()
    }

    /// A parameter of the row's path, decoded.
    ///
    /// # Panics
    /// When the row's path has no such parameter.
    pub fn parameter(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(known, _)| *known == name);
        &found.expect("the handler stands in a row with this parameter").1
    }

    /// Whether the row's path has this parameter.
    pub fn has_parameter(&self, name: &str) -> bool {
        self.parameters.iter().any(|(known, _)| *known == name)
    }

    /// A parameter of the query string that the row declares; empty counts as absent.
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.query.get(name).filter(|value| !value.is_empty())
    }

    /// A boolean of the query string: `true` in any spelling of case, anything else is false.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.argument(name).map(|value| value.eq_ignore_ascii_case("true"))
    }

    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    pub fn accept(&self) -> Option<&str> {
        self.accept.as_deref()
    }

    /// Whether the caller has one of `roles` over the realm in the URL.
    pub fn may(&self, roles: &[&str]) -> bool {
        self.caller.may(self.realm(), roles)
    }
}

impl Caller {
    /// Whether he has one of `roles` over `realm`.
    pub fn may(&self, realm: &Realm, roles: &[&str]) -> bool {
        self.roles_over(realm).iter().any(|role| roles.contains(&&**role))
    }

    /// Whether he has any role over `realm` at all.
    pub fn administers(&self, realm: &Realm) -> bool {
        !self.roles_over(realm).is_empty()
    }

    /// Whether he has everything over `realm` that there is: only such a one may hand out roles that he does not have himself.
    pub fn administers_fully(&self, realm: &Realm) -> bool {
        self.realm.realm.is_master() && self.has_realm_role("admin") || self.may(realm, &[REALM_ADMIN])
    }

    /// The roles that he has over `realm`: of its own `realm-management`, or of its client in `master`.
    pub fn roles_over(&self, realm: &Realm) -> Vec<&str> {
        let own = &self.realm.realm;
        let of_client = |client_id: &str| match &self.held {
            Held::Everything => ADMINISTRATION.iter().chain(ORGANIZATIONS).map(|(name, _)| *name).chain([REALM_ADMIN]).collect(),
            Held::Roles(set) => self.realm.roles.held_of_client(set, client_id).map(|name| &**name).collect(),
        };
        match (own.is_master(), own.id == realm.id) {
            (true, _) => of_client(&administration_client_id(&realm.name)),
            (false, true) => of_client(REALM_MANAGEMENT),
            (false, false) => Vec::new(),
        }
    }

    /// Whether he has the realm role `name` of his own realm.
    pub fn has_realm_role(&self, name: &str) -> bool {
        match &self.held {
            Held::Everything => true,
            Held::Roles(set) => self.realm.roles.holds_realm_role(set, name),
        }
    }

    /// Who has the store in his hands: everything over every realm. `None` when there is no realm at all.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn operator(app: &App, realm: Option<&Realm>) -> Result<Option<Self>, StoreError> {
        let home = match app.compiled.realm(Realm::MASTER).await? {
            Some(master) => Some(master),
            None => match realm {
                Some(realm) => app.compiled.realm(&realm.name).await?,
                None => None,
            },
        };
        let Some(home) = home else { return Ok(None) };
        let Some(client) = app.compiled.client(&home, ADMINISTRATION_CLIENTS[0]).await? else { return Ok(None) };
        let user = User::new(UserId::from(OPERATOR), OPERATOR.to_owned(), app.env.now());
        Ok(Some(Self { realm: home, client, user, session: None, held: Held::Everything }))
    }

    /// What conditions of client policies ask about him.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn updater(&self, store: &Store) -> Result<Updater, StoreError> {
        let names = match &self.held {
            Held::Everything => self.realm.roles.names(&self.realm.roles.all()),
            Held::Roles(set) => self.realm.roles.names(set),
        };
        let of_client = |(client, roles): &(ClaimName, Vec<Arc<str>>)| roles.iter().map(|role| format!("{}.{role}", client.text)).collect();
        let of_clients = names.clients.iter().flat_map::<Vec<String>, _>(of_client);
        let roles = names.realm.iter().map(ToString::to_string).chain(of_clients).collect();
        let groups = store.peek().groups().list(self.realm.id()).await?;
        let joined = groups.into_iter().filter(|group| self.user.groups.contains(&group.id));
        Ok(Updater { source: "ByAuthenticatedUser", roles, groups: joined.map(|group| group.name).collect() })
    }

    fn administers_anything(&self) -> bool {
        let Held::Roles(set) = &self.held else { return true };
        let master = self.realm.realm.is_master();
        let counts = |client: &str| if master { client.ends_with("-realm") } else { client == REALM_MANAGEMENT };
        master && self.has_realm_role("create-realm") || self.realm.roles.clients_in(set).any(counts)
    }
}

impl Admission {
    /// Whether `caller` gets in. `realm` is the one in the URL.
    pub fn lets(self, caller: &Caller, realm: Option<&Realm>) -> bool {
        match (self, realm) {
            (Self::AnyOf(roles), Some(realm)) => caller.may(realm, roles),
            (Self::AnyOf(_), None) => false,
            (Self::CreateRealm, _) => caller.realm.realm.is_master() && caller.has_realm_role("create-realm"),
            (Self::Anywhere, _) => caller.administers_anything(),
        }
    }
}

/// Why nobody is let in.
pub(super) enum NoCaller {
    /// 401: no token, or none that is good.
    Unauthorized,
    /// 403: the token came without TLS where its realm demands that.
    Insecure,
    Failed(StoreError),
}

impl From<StoreError> for NoCaller {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl NoCaller {
    pub fn render(&self) -> HttpResponse {
        match self {
            Self::Unauthorized => json_error(401, "HTTP 401 Unauthorized"),
            Self::Insecure => super::oauth_response::error(&crate::oauth::error::OAuthError::https_required()),
            Self::Failed(error) => super::dispatch::internal(error),
        }
    }
}

/// Verifies the bearer token of a request and finds out what its user may do.
pub(super) async fn authenticate(
    app: &web::Data<App>,
    request: &HttpRequest,
    base_url: &str,
    https_is_missing: impl Fn(&Realm) -> bool,
) -> Result<Caller, NoCaller> {
    let token = bearer(request).ok_or(NoCaller::Unauthorized)?;
    // Which realm's keys to verify with is the issuer's to say; that it said so counts only once they verified it.
    let name = issuing_realm(token, base_url).ok_or(NoCaller::Unauthorized)?;
    let realm = app.compiled.realm(&name).await?.filter(|realm| realm.realm.enabled).ok_or(NoCaller::Unauthorized)?;
    if https_is_missing(&realm.realm) {
        return Err(NoCaller::Insecure);
    }
    let issuer = super::addressing::issuer(base_url, &name);
    caller(app, realm, &issuer, token).await?.ok_or(NoCaller::Unauthorized)
}

/// Whose access token of `realm` this is, and what he may do. `None` when it is not good, or not any more.
///
/// # Errors
/// When the store fails.
pub async fn caller(app: &web::Data<App>, realm: Arc<CompiledRealm>, issuer: &str, token: &str) -> Result<Option<Caller>, StoreError> {
    let now = app.env.now();
    let Ok(token) = verify::access_token(&realm, issuer, token, now) else { return Ok(None) };
    let live = sessions::validate((&app.store, &app.compiled, &app.stamps), &realm, &token, now).await?;
    app.store.settle().await?;
    let Ok(live) = live else { return Ok(None) };
    let user = live.user;
    let Some(client) = app.compiled.client(&realm, &token.azp).await? else { return Ok(None) };

    let subject = Subject::load(&mut app.store.peek(), realm.id(), user).await?;
    let mut roles = subject.roles(&realm);
    if !ADMINISTRATION_CLIENTS.contains(&token.azp.as_str()) {
        // A client without full scope was not trusted with all of its user's roles: whoever got its token gets no more.
        scope::resolve_granted(&realm, &client, &token.scope).retain_allowed(&mut roles);
    }
    Ok(Some(Caller { client, user: subject.user, session: token.sid, held: Held::Roles(roles), realm }))
}

/// RFC 6750 §2.1: only the header. A query string ends up in logs.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= MAX_TOKEN)
}

/// The name of the realm that the claim `iss` names, if it is one of ours. Nothing is verified here.
fn issuing_realm(token: &str, base_url: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Issued {
        iss: String,
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let Issued { iss } = serde_json::from_slice(&payload).ok()?;
    let name = iss.strip_prefix(base_url)?.strip_prefix("/realms/")?;
    Some(percent_decode_str(name).decode_utf8().ok()?.into_owned())
}

/// Whether pages of the request's origin may act with this caller's token.
pub(super) fn origin_is_allowed(request: &HttpRequest, caller: &Caller) -> bool {
    let origin = request.headers().get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    origin.is_none_or(|origin| caller.client.allows_origin(origin))
}
