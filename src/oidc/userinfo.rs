//! `GET|POST …/userinfo` (OIDC Core §5.3). Refusals have no body: the reason stands in `WWW-Authenticate` (RFC 6750 §3).

use std::borrow::Cow;
use std::fmt::Write as _;

use actix_web::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, web};

use crate::audit::Report;
use crate::compiled::{CompiledClient, Subject};
use crate::grants::ClientOrigins;
use crate::manage::client_policies::{self, Asked, Occasion};
use crate::model::event::{Happening, detail};
use crate::oauth::error::OAuthError;
use crate::oauth::params::Params;
use crate::sessions::{self, NotLive};
use crate::store::StoreError;
use crate::tokens::userinfo::{self, Answer};
use crate::tokens::{encryption, scope, verify};
use crate::web::oauth_response;
use crate::web::realm::RealmRequest;

use super::token::{for_client, params};

/// What DPoP proofs may be signed with; named in the challenge (RFC 9449 §7.1).
const DPOP_ALGORITHMS: &str = "PS384 RS384 EdDSA ES384 ES256 RS256 ES512 PS256 PS512 RS512";

pub async fn get(cx: RealmRequest) -> HttpResponse {
    answer(&cx, &Params::default()).await
}

pub async fn post(cx: RealmRequest, body: web::Bytes) -> HttpResponse {
    match params(&cx, &body) {
        Ok(params) => answer(&cx, &params).await,
        Err(error) => oauth_response::error(&error),
    }
}

/// A refusal: its status and, in `WWW-Authenticate`, its code and description.
struct Challenge {
    status: u16,
    scheme: Scheme,
    error: Option<(&'static str, Cow<'static, str>)>,
    /// Its code in the event log.
    event: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Bearer,
    Dpop,
}

enum Refusal {
    Challenge(Challenge),
    Failed(OAuthError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(OAuthError::server_error(error))
    }
}

async fn answer(cx: &RealmRequest, params: &Params) -> HttpResponse {
    let mut client = None;
    let report = cx.report(cx.app.env.now());
    report.begin(Happening::UserInfoRequest);
    report.fixed_detail(detail::AUTH_METHOD, "validate_access_token");
    let result = userinfo(cx, params, &report, &mut client).await;
    match &result {
        Ok(Answer::Json(_)) => report.succeed(|report| report.fixed_detail(detail::SIGNATURE_REQUIRED, "false")),
        Ok(Answer::Jwt(_)) => report.succeed(|report| report.fixed_detail(detail::SIGNATURE_REQUIRED, "true")),
        Err(Refusal::Challenge(challenge)) => {
            report.fail(challenge.event, challenge.error.as_ref().map(|(_, description)| description.as_ref()));
        }
        Err(Refusal::Failed(_)) => {}
    }
    match result {
        Ok(Answer::Json(claims)) => for_client(cx, oauth_response::json(200, &claims), &client),
        Ok(Answer::Jwt(token)) => for_client(cx, oauth_response::jwt(token), &client),
        Err(Refusal::Challenge(challenge)) => for_client(cx, challenge.render(&cx.realm.realm.name), &client),
        Err(Refusal::Failed(error)) => for_client(cx, oauth_response::error(&error), &client),
    }
}

async fn userinfo(cx: &RealmRequest, params: &Params, report: &Report<'_>, origins: &mut ClientOrigins) -> Result<Answer, Refusal> {
    let (scheme, token) = presented(cx, params)?;
    let refuse = |status, code, description: &'static str, event| {
        Refusal::Challenge(Challenge { status, scheme, error: Some((code, description.into())), event })
    };
    let unverified = || refuse(401, "invalid_token", "Token verification failed", "invalid_token");

    let now = cx.app.env.now();
    // Our tokens are not bound to a key: presented as DPoP they prove nothing (RFC 9449 §7.1).
    if scheme == Scheme::Dpop {
        return Err(unverified());
    }
    let token = verify::access_token(&cx.realm, &cx.issuer, token, now).map_err(|_| unverified())?;
    report.client(&token.azp);
    if let Some(session) = &token.sid {
        report.session(session);
    }
    *origins = cx.app.compiled.client(&cx.realm, &token.azp).await?;
    judge_by_policies(cx, origins.as_deref(), scheme).await?;
    if !token.scope.split(' ').any(|scope| scope == "openid") {
        return Err(refuse(403, "insufficient_scope", "Missing openid scope", "access_denied"));
    }
    let live = sessions::validate((&cx.app.store, &cx.app.compiled, &cx.app.stamps), &cx.realm, &token, now).await?;
    cx.app.store.settle().await?;
    let live = live.map_err(|dead| match dead {
        NotLive::Revoked | NotLive::Stale => unverified(),
        NotLive::ClientDisabled => refuse(401, "invalid_token", "Client disabled", "client_disabled"),
        NotLive::SessionNotFound => refuse(401, "invalid_token", "user_session_not_found", "user_session_not_found"),
        NotLive::UserDisabled => refuse(401, "invalid_token", "User disabled", "user_disabled"),
    })?;
    report.user(&live.user.id);
    report.detail(detail::USERNAME, &live.user.username);
    if token.lightweight {
        return Err(refuse(401, "invalid_token", "Lightweight access token not allowed for userinfo endpoint", "invalid_token"));
    }
    let Some(client) = origins.as_ref() else { return Err(unverified()) };
    encryption::prepare(&cx.app.egress, client, client.userinfo_encryption).await.map_err(Refusal::Failed)?;
    let scope = scope::resolve_granted(&cx.realm, client, &token.scope);
    let subject = Subject::load(&mut cx.app.store.peek(), &cx.realm.realm.id, live.user).await?;
    let session = live.session.as_ref().and_then(|session| sessions::part(session, &client.client.id, None));
    userinfo::answer(&cx.realm, client, &subject, session.as_ref(), &scope, (&cx.issuer, now)).map_err(Refusal::Failed)
}

/// The client policies of the realm, if it has any.
async fn judge_by_policies(cx: &RealmRequest, client: Option<&CompiledClient>, scheme: Scheme) -> Result<(), Refusal> {
    let Some(client) = client else { return Ok(()) };
    let (realm, address) = (&cx.realm.realm, cx.client_address);
    let asked = Asked { realm, client: &client.client, occasion: Occasion::UserInfo, address, scope: None };
    let judged = client_policies::judge_request(&mut cx.app.store.peek(), asked).await?;
    judged.map(drop).map_err(|violation| {
        let error = Some((violation.code, violation.description));
        Refusal::Challenge(Challenge { status: 400, scheme, error, event: "not_allowed" })
    })
}

/// The token of the request, in the header or the form but not in both (RFC 6750 §2).
fn presented<'a>(cx: &'a RealmRequest, params: &'a Params) -> Result<(Scheme, &'a str), Refusal> {
    let header = cx.authorization().and_then(|header| header.split_once(' ')).and_then(|(scheme, token)| {
        let scheme = match scheme {
            bearer if bearer.eq_ignore_ascii_case("bearer") => Scheme::Bearer,
            dpop if dpop.eq_ignore_ascii_case("dpop") => Scheme::Dpop,
            _ => return None,
        };
        Some((scheme, token.trim())).filter(|(_, token)| !token.is_empty())
    });
    let challenge = |status, error| Refusal::Challenge(Challenge { status, scheme: Scheme::Bearer, error, event: "invalid_token" });
    match (header, params.get("access_token")) {
        (Some(_), Some(_)) => {
            Err(challenge(400, Some(("invalid_request", "More than one method used for including an access token".into()))))
        }
        (Some(presented), None) => Ok(presented),
        (None, Some(token)) if !token.is_empty() => Ok((Scheme::Bearer, token)),
        _ => Err(challenge(401, None)),
    }
}

impl Challenge {
    fn render(&self, realm: &str) -> HttpResponse {
        let mut value = match self.scheme {
            Scheme::Bearer => format!("Bearer realm=\"{realm}\""),
            Scheme::Dpop => format!("DPoP algs=\"{DPOP_ALGORITHMS}\", realm=\"{realm}\""),
        };
        if let Some((code, description)) = &self.error {
            write!(value, ", error=\"{code}\", error_description=\"{description}\"").expect("writing to a String cannot fail");
        }
        let mut response = oauth_response::empty(self.status);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=utf-8"));
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        response
    }
}
