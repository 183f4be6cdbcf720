//! `/clients-registrations/{provider}`: clients that register and look after themselves (RFC 7591, RFC 7592; OpenID Connect
//! Dynamic Client Registration 1.0). Provider `openid-connect` speaks that standard's metadata, `default` Keycloak's
//! representation, and `install` hands a client the settings of its adapter.

mod access;
mod error;

use std::collections::HashMap;

use actix_web::http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::{Value, json};

use crate::audit::Report;
use crate::base::id::ClientScopeId;
use crate::base::secret::Secret;
use crate::manage::client_metadata::{self as metadata, Metadata, Registered};
use crate::manage::client_policies::{self, ClientNames, Occasion, Situation, Updater, Violation};
use crate::manage::client_registration::{self, Applicant, TokenChange};
use crate::manage::clients::{self, ClientSettings, NewClient};
use crate::manage::pairwise;
use crate::manage::registration_policies::{Proposal, RegistrationPolicies};
use crate::manage::representation::client::{self, ClientRepresentation};
use crate::model::client::Client;
use crate::model::event::Happening;
use crate::model::role::RoleContainer;
use crate::store::txn::Reader as _;
use crate::tokens::registration::{self, RegistrationAuth};
use crate::web::addressing::segment;
use crate::web::page_error::json_error;
use crate::web::realm::RealmRequest;
use crate::web::{cors, oauth_response};

use access::{Admitted, Presented};
use error::Refused;

const NOT_AUTHORIZED_TO_UPDATE: &str = "Not authorized to update client. Maybe missing token or bad token type.";

/// In which words a request speaks of clients.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Keycloak's representation.
    Default,
    /// The metadata of the standards.
    OpenIdConnect,
}

impl Dialect {
    fn of(cx: &RealmRequest) -> Option<Self> {
        match cx.parameter("provider") {
            "default" => Some(Self::Default),
            "openid-connect" => Some(Self::OpenIdConnect),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::OpenIdConnect => "openid-connect",
        }
    }
}

/// A client and what the answer says besides.
struct Answer {
    client: Client,
    token: Option<String>,
    is_new: bool,
    shows_secret: bool,
}

/// `POST …/clients-registrations/{provider}`
pub async fn post(cx: RealmRequest, body: web::Bytes) -> HttpResponse {
    with_dialect(&cx, Happening::ClientRegister, async |dialect, event| {
        let answer = create(&cx, dialect, &body).await?;
        event.client(&answer.client.client_id);
        let shown = represent(&cx, dialect, &answer).await?;
        let mut response = document(201, &shown);
        if let Ok(location) = HeaderValue::from_str(&address(&cx, dialect, &answer.client)) {
            response.headers_mut().insert(LOCATION, location);
        }
        Ok(response)
    })
    .await
}

/// `GET …/clients-registrations/{provider}/{clientId}`
pub async fn get(cx: RealmRequest) -> HttpResponse {
    if cx.parameter("provider") == "install" {
        return install(&cx).await;
    }
    with_dialect(&cx, Happening::ClientInfo, async |dialect, event| {
        let client = named(&cx, event).await?;
        let admitted = access::to_view(&cx, client.as_ref(), false).await?;
        let client = client.ok_or_else(Refused::no_client)?;
        by_policies(&cx, &admitted, (Occasion::View, Some(&client)), client_policies::judge).await?;
        // The token stays the same one, signed anew: the realm's key may be another since.
        let token = match &admitted.presented {
            Presented::Registration { jti, .. } => signed(&cx, &admitted, jti)?,
            _ => None,
        };
        let shown = represent(&cx, dialect, &Answer { client, token, is_new: false, shows_secret: admitted.sees_secret(&cx) }).await?;
        Ok(document(200, &shown))
    })
    .await
}

/// `PUT …/clients-registrations/{provider}/{clientId}`: the registration access token is used up and the answer has the next.
pub async fn put(cx: RealmRequest, body: web::Bytes) -> HttpResponse {
    with_dialect(&cx, Happening::ClientUpdate, async |dialect, event| {
        let client = named(&cx, event).await?;
        let admitted = access::to_change(&cx, client.as_ref()).await?;
        let client = client.ok_or_else(Refused::no_client)?;
        let mut settings = read(&cx, dialect, &body)?.settings;
        if settings.client_id.as_ref().is_some_and(|given| *given != client.client_id) {
            return Err(Refused::metadata("Client Identifier modified"));
        }
        if dialect == Dialect::OpenIdConnect {
            settings.protocol_mappers = Some(metadata::keep_other_mappers(&client, settings.protocol_mappers));
        }
        let keeps_token = by_policies(&cx, &admitted, (Occasion::Update, Some(&client)), |situation| {
            client_policies::judge_proposal(situation, &mut settings)?;
            Ok(client_policies::has_executor(situation, "registration-access-token-rotation-disabled"))
        });
        let keeps_token = keeps_token.await?;
        judge(&cx, &admitted, &settings, Some(&client)).await?;
        pairwise::check_client(&cx.app.egress, Some(&client), &settings, settings.protocol_mappers.as_deref()).await?;
        let next = match admitted.token().filter(|_| keeps_token) {
            Some(kept) => kept.to_owned(),
            None => cx.app.env.random().uuid().to_string(),
        };
        let change = TokenChange { presented: admitted.token(), next: &next };
        let (app, realm, id, settings) = (&cx.app, cx.realm.id(), &client.id, &settings);
        let changed = app
            .store
            .configuration(|txn| Box::pin(client_registration::update(txn, (&app.env, &app.sealer), realm, id, settings, change)));
        let client = changed.await?;
        let token = if admitted.token().is_some() { signed(&cx, &admitted, &next)? } else { None };
        let shown = represent(&cx, dialect, &Answer { client, token, is_new: false, shows_secret: admitted.sees_secret(&cx) }).await?;
        Ok(document(200, &shown))
    })
    .await
}

/// `DELETE …/clients-registrations/{provider}/{clientId}`
pub async fn delete(cx: RealmRequest) -> HttpResponse {
    with_dialect(&cx, Happening::ClientDelete, async |_, event| {
        let client = named(&cx, event).await?;
        let admitted = access::to_change(&cx, client.as_ref()).await?;
        let client = client.ok_or_else(Refused::no_client)?;
        by_policies(&cx, &admitted, (Occasion::Delete, Some(&client)), client_policies::judge).await?;
        let (store, realm, id, token) = (&cx.app.store, cx.realm.id(), &client.id, admitted.token());
        store.configuration(|txn| Box::pin(client_registration::delete(txn, realm, id, token))).await?;
        Ok(oauth_response::empty(204))
    })
    .await
}

/// `GET …/clients-registrations/{provider}`: there is no list of clients for anybody here.
pub async fn list(_cx: RealmRequest) -> HttpResponse {
    json_error(404, "HTTP 404 Not Found")
}

/// `GET …/clients-registrations/install/{clientId}`: what an adapter of the client is configured with.
async fn install(cx: &RealmRequest) -> HttpResponse {
    let event = cx.report(cx.app.env.now());
    event.begin(Happening::ClientInfo);
    match installation(cx, &event).await {
        Ok(response) => {
            event.succeed(|_| ());
            response
        }
        Err(refused) => refused.render(&event),
    }
}

async fn installation(cx: &RealmRequest, event: &Report<'_>) -> Result<HttpResponse, Refused> {
    let client = named(cx, event).await?;
    let admitted = access::to_view(cx, client.as_ref(), true).await?;
    let client = client.ok_or_else(Refused::no_client)?;
    let realm = &cx.realm.realm;
    let base = cx.issuer.rsplit_once("/realms/").map_or("", |(base, _)| base);
    let mut answer = serde_json::Map::new();
    answer.insert("realm".into(), json!(realm.name));
    answer.insert("auth-server-url".into(), json!(format!("{base}/")));
    answer.insert("ssl-required".into(), json!(realm.ssl_required));
    answer.insert("resource".into(), json!(client.client_id));
    if client.public_client {
        answer.insert("public-client".into(), json!(true));
    } else if !client.bearer_only && admitted.sees_secret(cx) {
        let secret = clients::read_secret(&cx.app.sealer, &realm.id, &client)?.unwrap_or_default();
        answer.insert("credentials".into(), json!({ "secret": secret.expose() }));
    }
    let container = RoleContainer::Client(client.id.clone());
    if cx.app.store.peek().roles().list(&realm.id).await?.iter().any(|role| role.container == container) {
        answer.insert("use-resource-role-mappings".into(), json!(true));
    }
    answer.insert("confidential-port".into(), json!(0));
    Ok(document(200, &answer))
}

/// Answers in the dialect of the URL, and tells the event of the request.
async fn with_dialect(
    cx: &RealmRequest,
    happening: Happening,
    answer: impl AsyncFnOnce(Dialect, &Report<'_>) -> Result<HttpResponse, Refused>,
) -> HttpResponse {
    let Some(dialect) = Dialect::of(cx) else { return json_error(404, "Client registration provider not found") };
    let event = cx.report(cx.app.env.now());
    event.begin(happening);
    let response = match answer(dialect, &event).await {
        Ok(response) => {
            event.succeed(|_| ());
            response
        }
        Err(refused) => refused.render(&event),
    };
    let mut response = response;
    if allows_origin(cx).await {
        cors::echo(&mut response, cx.origin());
    }
    response
}

/// Whether the realm's policies let scripts of the request's origin register.
async fn allows_origin(cx: &RealmRequest) -> bool {
    let Some(origin) = cx.origin() else { return false };
    let auth = if cx.authorization().is_some() { RegistrationAuth::Authenticated } else { RegistrationAuth::Anonymous };
    let policies = RegistrationPolicies::of(&mut cx.app.store.peek(), cx.realm.id(), auth).await;
    policies.is_ok_and(|policies| policies.web_origins().iter().any(|allowed| allowed == "*" || allowed == origin))
}

async fn create(cx: &RealmRequest, dialect: Dialect, body: &[u8]) -> Result<Answer, Refused> {
    let admitted = access::to_create(cx).await?;
    let mut new = read(cx, dialect, body)?;
    if dialect == Dialect::OpenIdConnect {
        if new.settings.client_id.is_some() {
            return Err(Refused::metadata("Client Identifier included"));
        }
        new.settings.client_id = Some(cx.app.env.random().uuid().to_string());
    }
    let proposal = |situation: &Situation<'_>| client_policies::judge_proposal(situation, &mut new.settings);
    by_policies(cx, &admitted, (Occasion::Register, None), proposal).await?;
    judge(cx, &admitted, &new.settings, None).await?;
    pairwise::check_client(&cx.app.egress, None, &new.settings, new.settings.protocol_mappers.as_deref()).await?;
    // Who names some scopes has the realm's others as any client has.
    if new.settings.optional_client_scopes.is_some() && new.settings.default_client_scopes.is_none() {
        let names = scope_names(cx).await?;
        let of_realm = cx.realm.realm.default_default_client_scopes.iter().filter(|id| cx.realm.scope(id).is_some());
        new.settings.default_client_scopes = Some(of_realm.filter_map(|id| names.get(id).cloned()).collect());
    }
    let token = cx.app.env.random().uuid().to_string();
    let initial_access = match &admitted.presented {
        Presented::Initial(id) => Some(id),
        _ => None,
    };
    let applicant = &Applicant { policies: &admitted.policies, initial_access };
    let (app, realm, new, token) = (&cx.app, cx.realm.id(), &new, token.as_str());
    let made = app
        .store
        .configuration(|txn| Box::pin(client_registration::register(txn, (&app.env, &app.sealer), realm, applicant, new, token)));
    let client = made.await?;
    Ok(Answer { token: signed(cx, &admitted, token)?, client, is_new: true, shows_secret: true })
}

/// The client that a body asks for.
fn read(cx: &RealmRequest, dialect: Dialect, body: &[u8]) -> Result<NewClient, Refused> {
    let media_type = cx.header(CONTENT_TYPE).and_then(|value| value.split(';').next()).map(str::trim);
    if !media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json")) {
        return Err(Refused::malformed());
    }
    // serde would take a list for the members of a struct in their order.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Refused::malformed());
    }
    match dialect {
        Dialect::Default => {
            let given: ClientRepresentation = serde_json::from_slice(body).map_err(|_| Refused::malformed())?;
            Ok(NewClient { id: None, settings: client::settings(given) })
        }
        Dialect::OpenIdConnect => {
            let given: Metadata = serde_json::from_slice(body).map_err(|_| Refused::malformed())?;
            let settings = given.settings().map_err(|_| Refused::metadata("Client metadata invalid"))?;
            Ok(NewClient { id: None, settings })
        }
    }
}

/// Asks the client policies of the realm, if it has any, and keeps to their refusal.
async fn by_policies<T: Default>(
    cx: &RealmRequest,
    admitted: &Admitted,
    (occasion, client): (Occasion, Option<&Client>),
    ask: impl FnOnce(&Situation<'_>) -> Result<T, Violation>,
) -> Result<T, Refused> {
    let realm = &cx.realm.realm;
    if !client_policies::has_policies(realm) {
        return Ok(T::default());
    }
    let by = |source| Updater { source, roles: Vec::new(), groups: Vec::new() };
    let updater = match &admitted.presented {
        Presented::User(caller) => caller.updater(&cx.app.store).await?,
        Presented::Initial(_) => by("ByInitialAccessToken"),
        Presented::Registration { .. } => by("ByRegistrationAccessToken"),
        Presented::Nothing => by("ByAnonymous"),
    };
    let names = match client {
        Some(client) => ClientNames::of(&mut cx.app.store.peek(), &realm.id, client).await?,
        None => ClientNames::default(),
    };
    let (updater, address, names) = (Some(&updater), cx.client_address, &names);
    let situation = Situation { realm, occasion, client, updater, address, scope: None, names };
    // Keycloak says no more than the code to applicants.
    ask(&situation).map_err(|violation| Refused::forbidden(violation.code))
}

/// The realm's registration policies about what a client asks to be.
async fn judge(cx: &RealmRequest, admitted: &Admitted, settings: &ClientSettings, current: Option<&Client>) -> Result<(), Refused> {
    let names = scope_names(cx).await?;
    let proposal = Proposal { realm: &cx.realm.realm, settings, current, scope_name: &|id| names.get(id).cloned() };
    Ok(admitted.policies.admit(&proposal)?)
}

/// The registration access token with this `jti`.
fn signed(cx: &RealmRequest, admitted: &Admitted, jti: &str) -> Result<Option<String>, Refused> {
    let (origins, now) = (admitted.policies.web_origins(), cx.app.env.now());
    let token = registration::registration_access(&cx.realm, &cx.issuer, now, jti, admitted.auth, Some(&origins));
    token
        .map(Some)
        .ok_or_else(|| Refused::Failed("the realm has no key to sign a registration access token with".to_owned()))
}

/// The client in the URL.
async fn named(cx: &RealmRequest, event: &Report<'_>) -> Result<Option<Client>, Refused> {
    let name = cx.parameter("clientId");
    event.client(name);
    Ok(cx.app.store.peek().clients().by_client_id(cx.realm.id(), name).await?)
}

async fn represent(cx: &RealmRequest, dialect: Dialect, answer: &Answer) -> Result<Value, Refused> {
    let client = &answer.client;
    let secret: Option<Secret<String>> =
        if answer.shows_secret { clients::read_secret(&cx.app.sealer, cx.realm.id(), client)? } else { None };
    let names = scope_names(cx).await?;
    let name = |id: &ClientScopeId| names.get(id).cloned();
    Ok(match dialect {
        Dialect::OpenIdConnect => {
            let mut scopes: Vec<String> = client.optional_client_scopes.iter().filter_map(name).collect();
            scopes.sort_unstable();
            let registered = Registered {
                secret: secret.as_ref(),
                scopes,
                uri: &address(cx, dialect, client),
                token: answer.token.as_deref(),
                issued_at: answer.is_new.then(|| cx.app.env.now().seconds()),
            };
            metadata::of(client, &registered)
        }
        Dialect::Default => {
            let mut shown = json!(ClientRepresentation::of(client, secret, name));
            shown["defaultRoles"] = json!([]);
            if let Some(token) = &answer.token {
                shown["registrationAccessToken"] = json!(token);
            }
            shown
        }
    })
}

async fn scope_names(cx: &RealmRequest) -> Result<HashMap<ClientScopeId, String>, Refused> {
    let scopes = cx.app.store.peek().client_scopes().list(cx.realm.id()).await?;
    Ok(scopes.into_iter().map(|scope| (scope.id, scope.name)).collect())
}

/// Where the client looks after its registration (RFC 7592 §3).
fn address(cx: &RealmRequest, dialect: Dialect, client: &Client) -> String {
    format!("{}/clients-registrations/{}/{}", cx.issuer, dialect.name(), segment(&client.client_id))
}

fn document(status: u16, body: &impl Serialize) -> HttpResponse {
    let mut response = oauth_response::json(status, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    response
}
