//! `/clients/{client-uuid}/evaluate-scopes`: what a token of a user would say, made by the same mint as real ones and never
//! signed over to anybody: only the claims are answered.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::base::id::{ClientScopeId, SessionId, UserId};
use crate::compiled::Subject;
use crate::manage::representation::role::RoleRepresentation;
use crate::model::protocol_mapper::ProtocolMapper;
use crate::model::role::{Role, RoleContainer};
use crate::store::txn::Reader as _;
use crate::tokens::authorization::{Authorization, FrontChannel, GrantKind, SessionPart};
use crate::tokens::issue::{TokenResponse, issue};
use crate::tokens::{scope, userinfo};
use crate::web::addressing;
use crate::web::administrator::AdminRequest;

use super::existing;
use crate::admin::answer;
use crate::admin::error::AdminError;
use crate::admin::role_mappings::expanded;

/// `GET …/generate-example-access-token`
pub async fn access_token(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let tokens = example(&cx).await?;
    Ok(answer::document(&claims(&tokens.access_token)))
}

/// `GET …/generate-example-id-token`
pub async fn id_token(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let tokens = example(&cx).await?;
    let mut claims = claims(&tokens.id_token.unwrap_or_default());
    // It belongs to an access token that nobody gets.
    claims.shift_remove("at_hash");
    Ok(answer::document(&claims))
}

/// `GET …/generate-example-userinfo`
pub async fn userinfo_claims(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let Authorization { realm, client, subject, session, scope, .. } = authorization(&cx).await?;
    Ok(answer::document(&userinfo::claims(&realm, &client, &subject, session.as_ref(), &scope, cx.app.env.now())))
}

/// `GET …/protocol-mappers`: the mappers that would fill the tokens
pub async fn protocol_mappers(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let protocol = client.protocol.as_deref().unwrap_or("openid-connect").to_owned();
    let row = |mapper: &ProtocolMapper, (id, name, kind): (&str, &str, &str)| {
        json!({
            "mapperId": mapper.id, "mapperName": mapper.name, "containerId": id, "containerName": name,
            "containerType": kind, "protocolMapper": mapper.protocol_mapper,
        })
    };
    let own = client.protocol_mappers.iter().filter(|mapper| mapper.protocol == protocol);
    let mut shown: Vec<Value> = own.map(|mapper| row(mapper, (client.id.as_str(), "", "client"))).collect();
    for id in in_effect(&cx, &client).await? {
        let Some(scope) = cx.app.store.peek().client_scopes().get(&cx.realm().id, &id).await? else { continue };
        let mappers = scope.protocol_mappers.iter().filter(|mapper| mapper.protocol == protocol);
        shown.extend(mappers.map(|mapper| row(mapper, (scope.id.as_str(), &scope.name, "client-scope"))));
    }
    Ok(answer::document(&shown))
}

/// `GET …/scope-mappings/{roleContainerId}/granted`
pub async fn granted(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    show_roles(&cx, true).await
}

/// `GET …/scope-mappings/{roleContainerId}/not-granted`
pub async fn not_granted(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    show_roles(&cx, false).await
}

async fn show_roles(cx: &AdminRequest, granted: bool) -> Result<HttpResponse, AdminError> {
    let client = existing(cx).await?;
    let realm = cx.realm();
    let wanted = cx.parameter("roleContainerId");
    let container = if wanted == realm.name || wanted == realm.id.as_str() {
        RoleContainer::Realm
    } else {
        let id = crate::base::id::ClientId::from(wanted);
        let container = cx.app.store.peek().clients().get(&realm.id, &id).await?;
        RoleContainer::Client(container.ok_or_else(|| AdminError::error(404, "Role Container not found"))?.id)
    };
    let mut allowed = client.scope_mappings.clone();
    for id in in_effect(cx, &client).await? {
        allowed.extend(
            cx.app
                .store
                .peek()
                .client_scopes()
                .get(&realm.id, &id)
                .await?
                .map(|scope| scope.scope_mappings)
                .unwrap_or_default(),
        );
    }
    let all = cx.app.store.peek().roles().list(&realm.id).await?;
    let own = RoleContainer::Client(client.id.clone());
    allowed.extend(all.iter().filter(|role| role.container == own).map(|role| role.id.clone()));
    let allowed = expanded(cx, allowed).await?;
    let mut roles: Vec<&Role> = all
        .iter()
        .filter(|role| role.container == container && granted == (client.full_scope_allowed || allowed.contains(&role.id)))
        .collect();
    roles.sort_by(|a, b| a.name.cmp(&b.name));
    let shown: Vec<_> = roles.into_iter().map(|role| RoleRepresentation::brief(&realm.id, role)).collect();
    Ok(answer::document(&shown))
}

/// The client's default scopes and those of its optional ones that the request names.
async fn in_effect(cx: &AdminRequest, client: &crate::model::client::Client) -> Result<Vec<ClientScopeId>, AdminError> {
    let named: Vec<&str> = cx.argument("scope").unwrap_or_default().split_whitespace().collect();
    let names = super::scope_names(cx).await?;
    let optional = client
        .optional_client_scopes
        .iter()
        .filter(|id| names.get(*id).is_some_and(|name| named.contains(&name.as_str())));
    Ok(client.default_client_scopes.iter().chain(optional).cloned().collect())
}

async fn example(cx: &AdminRequest) -> Result<TokenResponse, AdminError> {
    let issuer = addressing::issuer(&cx.base_url, &cx.realm().name);
    issue(&cx.app.env, &issuer, &authorization(cx).await?).map_err(|error| match error.description {
        // An audience that the client's mappers do not give.
        Some(description) if error.status < 500 => AdminError::described(error.status, error.code, description),
        _ => AdminError::Failed(error.cause.into_owned()),
    })
}

/// What the user in the query could get from this client with the scopes there.
async fn authorization(cx: &AdminRequest) -> Result<Authorization, AdminError> {
    let client = existing(cx).await?;
    let (app, realm) = (&cx.app, cx.realm());
    let user = cx.argument("userId").ok_or_else(|| AdminError::error(404, "No userId provided"))?;
    let user = app.store.peek().users().get(&realm.id, &UserId::from(user)).await?;
    let user = user.ok_or_else(|| AdminError::error(404, "No user found"))?;

    let missing = || AdminError::Failed("the realm or its client went away".to_owned());
    let compiled = app.compiled.realm(&realm.name).await?.ok_or_else(missing)?;
    let client = app.compiled.client(&compiled, &client.client_id).await?.ok_or_else(missing)?;
    let wanted = format!("openid {}", cx.argument("scope").unwrap_or_default());
    let subject = Subject::load(&mut app.store.peek(), &realm.id, user).await?;
    let now = app.env.now();
    let session = SessionPart {
        id: SessionId::generate(app.env.random()),
        offline: false,
        remember_me: false,
        started: now,
        client_started: now,
        notes: BTreeMap::new(),
        rotation: None,
    };
    Ok(Authorization {
        scope: scope::resolve_granted(&compiled, &client, &wanted),
        realm: compiled,
        lightweight: client.lightweight,
        client,
        subject: subject.into(),
        session: Some(session),
        grant: GrantKind::Example,
        // The audience that the request names narrows the example as it would the token.
        audience: cx.argument("audience").map(|audience| audience.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        exchange: None,
        auth_time: None,
        nonce: None,
        front_channel: FrontChannel::default(),
        acr: "1".to_owned(),
        client_address: cx.client_address,
    })
}

/// The claims of a token that was just made.
fn claims(token: &str) -> Map<String, Value> {
    let payload = token.split('.').nth(1).and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok()).unwrap_or_default();
    serde_json::from_slice(&payload).unwrap_or_default()
}
