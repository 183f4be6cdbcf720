//! Who asks the registration endpoint: an initial access token, a registration access token, a user's access token, the client's
//! own credentials, or nobody; and what each of them may do.

use std::net::IpAddr;

use crate::base::id::InitialAccessId;
use crate::egress;
use crate::grants::client_auth;
use crate::manage::registration_policies::RegistrationPolicies;
use crate::model::client::Client;
use crate::oauth::params::Params;
use crate::store::txn::Reader as _;
use crate::tokens::registration::{self, RegistrationAuth, RegistrationToken};
use crate::web::administrator::{self, Caller};
use crate::web::realm::RealmRequest;

use super::NOT_AUTHORIZED_TO_UPDATE;
use super::error::Refused;
use crate::oidc::token::grant_context;

/// The longest token that is looked at.
const MAX_TOKEN: usize = 64 << 10;

/// What a request came with.
pub enum Presented {
    Nothing,
    Initial(InitialAccessId),
    Registration { jti: String, auth: RegistrationAuth },
    User(Box<Caller>),
}

/// A request that may do what it asks for.
pub struct Admitted {
    pub policies: RegistrationPolicies,
    pub auth: RegistrationAuth,
    pub presented: Presented,
}

impl Admitted {
    /// Whether the client's secret may be shown: to the client itself, and to who could replace it.
    pub fn sees_secret(&self, cx: &RealmRequest) -> bool {
        match &self.presented {
            Presented::User(caller) => caller.may(&cx.realm.realm, &["manage-clients"]),
            _ => true,
        }
    }

    /// The `jti` of the registration access token that the request came with.
    pub fn token(&self) -> Option<&str> {
        match &self.presented {
            Presented::Registration { jti, .. } => Some(jti),
            _ => None,
        }
    }
}

/// Reads the bearer token. One that is there and not good refuses the request, whatever it is for.
pub async fn presented(cx: &RealmRequest) -> Result<Presented, Refused> {
    let bearer = cx
        .authorization()
        .and_then(|header| header.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = bearer else { return Ok(Presented::Nothing) };
    let token = token.trim();
    let undecodable = || Refused::unauthorized("Failed decode token");
    if token.len() > MAX_TOKEN {
        return Err(undecodable());
    }
    match registration::read(&cx.realm, &cx.issuer, token, cx.app.env.now()).ok_or_else(undecodable)? {
        RegistrationToken::Initial { id } => match cx.app.store.peek().initial_access().get(cx.realm.id(), &id).await? {
            Some(_) => Ok(Presented::Initial(id)),
            None => Err(Refused::unauthorized("Initial Access Token not found")),
        },
        RegistrationToken::Registration { jti, auth } => Ok(Presented::Registration { jti, auth }),
        RegistrationToken::Bearer => {
            let caller = administrator::caller(&cx.app, cx.realm.clone(), &cx.issuer, token).await?;
            Ok(Presented::User(Box::new(caller.ok_or_else(undecodable)?)))
        }
    }
}

/// Whether the request may register a client.
pub async fn to_create(cx: &RealmRequest) -> Result<Admitted, Refused> {
    let presented = presented(cx).await?;
    let auth = match &presented {
        Presented::Nothing => RegistrationAuth::Anonymous,
        Presented::Initial(_) => RegistrationAuth::Authenticated,
        Presented::User(caller) if caller.may(&cx.realm.realm, &["create-client", "manage-clients"]) => RegistrationAuth::Authenticated,
        Presented::User(_) => return Err(Refused::forbidden("Forbidden")),
        Presented::Registration { .. } => return Err(Refused::unauthorized("Not initial access token")),
    };
    admit(cx, presented, auth).await
}

/// Whether the request may see `client`. With `or_public` everybody may see a public one.
pub async fn to_view(cx: &RealmRequest, client: Option<&Client>, or_public: bool) -> Result<Admitted, Refused> {
    let presented = presented(cx).await?;
    let refused = || Refused::unauthorized("Not authorized to view client. Not valid token or client credentials provided.");
    let auth = match &presented {
        Presented::User(caller) => of_user(cx, caller, client, &["view-clients", "manage-clients"])?,
        Presented::Registration { jti, auth } => of_token(client, jti, *auth).ok_or_else(refused)?,
        Presented::Initial(_) => return Err(Refused::unauthorized("Not initial access token allowed")),
        Presented::Nothing => {
            let client = client.ok_or_else(refused)?;
            let proved = if client.public_client { or_public && client.enabled } else { proves_itself(cx, client).await };
            if !proved {
                return Err(refused());
            }
            RegistrationAuth::Authenticated
        }
    };
    admit(cx, presented, auth).await
}

/// Whether the request may change or delete `client`.
pub async fn to_change(cx: &RealmRequest, client: Option<&Client>) -> Result<Admitted, Refused> {
    let presented = presented(cx).await?;
    let refused = || Refused::unauthorized(NOT_AUTHORIZED_TO_UPDATE);
    let auth = match &presented {
        Presented::User(caller) => of_user(cx, caller, client, &["manage-clients"])?,
        Presented::Registration { jti, auth } => of_token(client, jti, *auth).ok_or_else(refused)?,
        Presented::Initial(_) | Presented::Nothing => return Err(refused()),
    };
    admit(cx, presented, auth).await
}

fn of_user(cx: &RealmRequest, caller: &Caller, client: Option<&Client>, roles: &[&str]) -> Result<RegistrationAuth, Refused> {
    if !caller.may(&cx.realm.realm, roles) {
        return Err(Refused::forbidden("Forbidden"));
    }
    client.map(|_| RegistrationAuth::Authenticated).ok_or_else(Refused::no_client)
}

fn of_token(client: Option<&Client>, jti: &str, auth: RegistrationAuth) -> Option<RegistrationAuth> {
    client.filter(|client| client.registration_token.as_deref() == Some(jti)).map(|_| auth)
}

/// Whether the request carries the credentials of this confidential client.
async fn proves_itself(cx: &RealmRequest, client: &Client) -> bool {
    let params = Params::default();
    let authenticated = client_auth::authenticate(&grant_context(cx, &params)).await;
    authenticated.is_ok_and(|proved| proved.client.id == client.id)
}

/// The policies judge the sender of every request; its contents are judged where they are known.
async fn admit(cx: &RealmRequest, presented: Presented, auth: RegistrationAuth) -> Result<Admitted, Refused> {
    let policies = RegistrationPolicies::of(&mut cx.app.store.peek(), cx.realm.id(), auth).await?;
    let mut resolved: Vec<IpAddr> = Vec::new();
    for host in policies.hosts_to_resolve() {
        resolved.extend(egress::addresses_of(&host).await);
    }
    policies.admit_sender(cx.client_address, &resolved)?;
    Ok(Admitted { policies, auth, presented })
}
