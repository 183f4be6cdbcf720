//! The only mint: access, refresh and ID token from one [`Authorization`] (RFC 6749 §5.1, OIDC Core §3.1.3.3).

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::base::clock::Timestamp;
use crate::base::env::Env;
use crate::compiled::mapper::TokenKind;
use crate::compiled::roles::RoleNames;
use crate::keyring::Algorithm;
use crate::model::lifetimes;
use crate::oauth::error::OAuthError;

use super::authorization::{Authorization, GrantKind, SessionPart};
use super::claims::Claims;
use super::exchange::{self, RequestedToken};
use super::mappers::{self, Context};
use super::scope::GrantedScope;
use super::{access_token, encryption, id_token, refresh_token};

/// The answer of the token endpoint, in Keycloak's field order.
#[derive(Debug, Clone, Serialize)]
pub struct TokenResponse {
    #[serde(serialize_with = "compact")]
    pub access_token: String,
    pub expires_in: i64,
    /// 0 without a refresh token, and for an offline token that does not expire.
    pub refresh_expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "compact_if_any")]
    pub refresh_token: Option<String>,
    pub token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "compact_if_any")]
    pub id_token: Option<String>,
    #[serde(rename = "not-before-policy")]
    pub not_before_policy: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_state: Option<String>,
    pub scope: String,
    /// After an exchange (RFC 8693 §2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<&'static str>,
    /// Which tokens these are, for the event.
    #[serde(skip)]
    pub ids: TokenIds,
    /// What mappers put beside the tokens (`access.tokenResponse.claim`).
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A token has nothing that JSON escapes (RFC 7515 §7.1), and a search for it would be the dearest step of the whole answer.
fn compact<S: Serializer>(token: &str, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(["\"", token, "\""].concat()).map_err(S::Error::custom)?.serialize(serializer)
}

#[allow(clippy::ref_option, reason = "serde asks like this")]
fn compact_if_any<S: Serializer>(token: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    compact(token.as_deref().unwrap_or_default(), serializer)
}

/// The ids of the tokens of one answer.
#[derive(Debug, Clone, Default)]
pub struct TokenIds {
    /// `jti` of the access token.
    pub access: String,
    /// `aud` of the access token that an exchange made.
    pub audience: Vec<String>,
    /// `typ` and `jti` of the refresh token.
    pub refresh: Option<(&'static str, String)>,
}

/// Mints the tokens that `authorization` proves. `issuer` is the realm's URL.
///
/// # Errors
/// `server_error` when the realm has no key for an algorithm that the client demands; `invalid_request` when the client wants its
/// ID tokens encrypted and has no key for that.
pub fn issue(env: &Env, issuer: &str, authorization: &Authorization) -> Result<TokenResponse, OAuthError> {
    let minting = Minting::new(env, issuer, authorization);
    let (realm, client) = (&authorization.realm, &authorization.client);

    let mut claims = access_token::claims(&minting);
    exchange::restrict(&mut claims, &authorization.audience)?;
    let mut ids = TokenIds { access: claims.jti.clone().unwrap_or_default(), ..TokenIds::default() };
    if authorization.exchange.is_some() {
        ids.audience = claims.aud.iter().map(ToString::to_string).collect();
    }
    let session = authorization.session.as_ref().filter(|_| gets_refresh_token(authorization));
    let refresh_token = match session {
        None => None,
        Some(session) => {
            let payload = refresh_token::payload(&minting, session, claims.sub.as_deref(), &claims.aud);
            let bytes = serde_json::to_vec(&payload).expect("a refresh token's payload is JSON");
            ids.refresh = Some((payload.typ, payload.jti));
            Some((minting.sign(Algorithm::Hs512, "JWT", &bytes)?, payload.exp))
        }
    };
    let id_token = |beside: Option<&str>| {
        let bytes = id_token::claims(&minting, beside).into_bytes();
        let signed = minting.sign(client.id_token_algorithm, "JWT", &bytes)?;
        encryption::encrypted(client, client.id_token_encryption, "JWT", signed)
    };
    let requested = authorization.exchange.as_ref().map(|exchange| exchange.requested);
    let wants_id_token = authorization.exchange.as_ref().map_or(minting.scope.is_openid(), |exchange| exchange.openid);
    // RFC 8693 §2.2.1: `access_token` carries whatever was asked for, and `N_A` says that it is no access token.
    let (access_token, id_token, token_type) = if requested == Some(RequestedToken::Id) {
        (id_token(None)?, None, "N_A")
    } else {
        let signed = minting.sign(client.access_token_algorithm, access_token_header(authorization), &claims.into_bytes())?;
        let beside = if wants_id_token { Some(id_token(Some(&signed))?) } else { None };
        (signed, beside, minting.token_type())
    };

    let now = minting.now.seconds();
    let (refresh_token, refresh_expires) = refresh_token.unzip();
    Ok(TokenResponse {
        access_token,
        expires_in: minting.expires - now,
        refresh_expires_in: refresh_expires.flatten().map_or(0, |expires| expires - now),
        refresh_token,
        token_type,
        id_token,
        not_before_policy: realm.realm.not_before.max(client.client.not_before).max(authorization.subject.user.not_before),
        session_state: authorization.session.as_ref().map(|session| session.id.to_string()),
        scope: minting.scope.response_text().to_owned(),
        ids,
        issued_token_type: requested.map(RequestedToken::name),
        other: response_claims(&minting),
    })
}

/// What all tokens of one answer share.
pub struct Minting<'a> {
    pub env: &'a Env,
    pub issuer: &'a str,
    pub authorization: &'a Authorization,
    pub now: Timestamp,
    /// `exp` of access and ID token.
    pub expires: i64,
    /// Without what the user may not have.
    pub scope: GrantedScope,
    pub roles: RoleNames,
}

impl<'a> Minting<'a> {
    fn new(env: &'a Env, issuer: &'a str, authorization: &'a Authorization) -> Self {
        let now = env.now();
        let (realm, client) = (&authorization.realm, &authorization.client);
        let (scope, roles) =
            authorization
                .scope
                .for_subject(realm, client, &authorization.subject, &[authorization.access_token_kind(), TokenKind::Id]);
        let age = authorization.session.as_ref().map(SessionPart::age);
        let expires = lifetimes::access_token_expires(&realm.realm, &client.client, age, now);
        Self { env, issuer, authorization, now, expires, scope, roles }
    }

    /// What the mappers may know.
    pub fn context(&self) -> Context<'a> {
        let authorization = self.authorization;
        let is_service_account = authorization.subject.user.service_account_client.is_some();
        Context {
            realm: &authorization.realm,
            client: &authorization.client,
            subject: &authorization.subject,
            session: authorization.session.as_ref(),
            now: self.now,
            auth_time: authorization.auth_time,
            nonce: authorization.nonce.as_deref(),
            acr: &authorization.acr,
            caller: (is_service_account && authorization.exchange.is_none()).then(|| authorization.client_address.to_string()),
            organizations: self.scope.organizations(),
        }
    }

    /// `token_type` and `typ`. Some clients compare it literally, so it has a switch (RFC 6749 §7.1 says it has no case).
    pub fn token_type(&self) -> &'static str {
        if self.authorization.client.client.flag("token.response.type.bearer.lower-case") { "bearer" } else { "Bearer" }
    }

    fn sign(&self, algorithm: Algorithm, typ: &str, claims: &[u8]) -> Result<String, OAuthError> {
        let Authorization { client, realm, .. } = self.authorization;
        let signed = client.keyring(realm).sign(algorithm, typ, claims);
        signed.ok_or_else(|| OAuthError::server_error(format_args!("the realm has no active key for {}", algorithm.as_str())))
    }
}

/// RFC 9068 §2.1 wants another header; resource servers of the time before it do not know it.
fn access_token_header(authorization: &Authorization) -> &'static str {
    if authorization.client.client.flag("access.token.header.type.rfc9068") { "at+jwt" } else { "JWT" }
}

/// A client may do without refresh tokens; in its own name it gets one only when it insists (RFC 6749 §4.4.3).
fn gets_refresh_token(authorization: &Authorization) -> bool {
    let client = &authorization.client.client;
    match authorization.grant {
        GrantKind::TokenExchange => authorization.exchange.as_ref().is_some_and(|exchange| exchange.requested == RequestedToken::Refresh),
        GrantKind::ClientCredentials => client.flag("client_credentials.use_refresh_token"),
        _ => client.attribute("use.refresh.tokens") != Some("false"),
    }
}

/// What a mapper cannot write beside the tokens: a field twice would be read differently by different clients.
const OWN_FIELDS: [&str; 9] = [
    "access_token",
    "expires_in",
    "refresh_expires_in",
    "refresh_token",
    "token_type",
    "id_token",
    "not-before-policy",
    "session_state",
    "scope",
];

/// The claims that mappers put beside the tokens.
fn response_claims(minting: &Minting<'_>) -> Map<String, Value> {
    if !minting.scope.mappers().iter().any(|mapper| mapper.includes(TokenKind::Response)) {
        return Map::new();
    }
    let mut claims = Claims::default();
    mappers::run(minting.scope.mappers(), TokenKind::Response, &minting.context(), &minting.roles, &mut claims);
    let mut claims = claims.other.into_map();
    claims.retain(|name, _| !OWN_FIELDS.contains(&name.as_str()));
    claims
}
