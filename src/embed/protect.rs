//! Bearer tokens on the host's own routes: the host puts [`Protect`] into a scope and takes [`Bearer`] as an argument.
//!
//! ```no_run
//! # use actix_web::web;
//! # use keywright::embed::{Keywright, protect::Bearer};
//! # fn routes(keywright: &Keywright, config: &mut web::ServiceConfig) {
//! config.service(web::scope("/api").app_data(keywright.protect("master")).route("/me", web::get().to(me)));
//! # }
//! async fn me(bearer: Bearer) -> String {
//!     format!("{} by {}", bearer.user.username, bearer.token.azp)
//! }
//! ```

use std::fmt;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use futures_util::future::LocalBoxFuture;

use crate::app::App;
use crate::model::user::User;
use crate::model::user_session::UserSession;
use crate::sessions::{self, Live};
use crate::store::StoreError;
use crate::tokens::verify::{self, VerifiedAccessToken};

/// Names the realm whose tokens open the routes of a scope; made by [`super::Keywright::protect`].
#[derive(Clone)]
pub struct Protect {
    pub(super) app: web::Data<App>,
    pub(super) realm: String,
}

/// Who asks, by an access token that may be used now: signature, times and issuer hold, and its session, client and user
/// still allow it. Scopes, roles and audience are the route's to judge.
#[derive(Clone, Debug)]
pub struct Bearer {
    pub token: VerifiedAccessToken,
    pub user: User,
    /// `None` for tokens of client credentials.
    pub session: Option<UserSession>,
}

/// Why a request gets no [`Bearer`] (RFC 6750 §3.1).
#[derive(Debug)]
pub enum NoBearer {
    /// No token was presented.
    Missing { realm: String },
    /// It must not be used, for a reason that only the log learns.
    Invalid { realm: String },
    /// The route stands in no scope with a [`Protect`], or the store failed.
    Failed,
}

impl FromRequest for Bearer {
    type Error = NoBearer;
    type Future = LocalBoxFuture<'static, Result<Self, NoBearer>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let protect = request.app_data::<Protect>().cloned();
        let token = request.headers().get(AUTHORIZATION).and_then(|value| bearer_token(value.to_str().ok()?)).map(str::to_owned);
        Box::pin(async move {
            let Some(protect) = protect else {
                tracing::error!("a route takes a Bearer, but no scope around it has a Protect");
                return Err(NoBearer::Failed);
            };
            let realm = protect.realm.clone();
            let Some(token) = token else { return Err(NoBearer::Missing { realm }) };
            match protect.judge(&token).await {
                Ok(Ok(bearer)) => Ok(bearer),
                Ok(Err(cause)) => {
                    tracing::info!(cause, "a bearer token was refused");
                    Err(NoBearer::Invalid { realm })
                }
                Err(error) => {
                    tracing::error!(%error, "a bearer token could not be judged");
                    Err(NoBearer::Failed)
                }
            }
        })
    }
}

impl Protect {
    async fn judge(&self, token: &str) -> Result<Result<Bearer, String>, StoreError> {
        let app = &self.app;
        let Some(realm) = app.compiled.realm(&self.realm).await? else { return Ok(Err(format!("there is no realm {}", self.realm))) };
        if !realm.realm.enabled {
            return Ok(Err("the realm is disabled".to_owned()));
        }
        let (issuer, now) = (crate::web::addressing::issuer(&app.config.base_url(), &self.realm), app.env.now());
        let token = match verify::access_token(&realm, &issuer, token, now) {
            Ok(token) => token,
            Err(rejected) => return Ok(Err(rejected.to_string())),
        };
        let live = sessions::validate((&app.store, &app.compiled, &app.stamps), &realm, &token, now).await?;
        app.store.settle().await?;
        Ok(live.map(|Live { user, session }| Bearer { token, user, session }).map_err(|dead| dead.to_string()))
    }
}

impl fmt::Display for NoBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing { .. } => "no bearer token",
            Self::Invalid { .. } => "invalid bearer token",
            Self::Failed => "the bearer token cannot be judged",
        })
    }
}

impl ResponseError for NoBearer {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Missing { .. } | Self::Invalid { .. } => StatusCode::UNAUTHORIZED,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let challenge = match self {
            Self::Missing { realm } => format!("Bearer realm=\"{realm}\""),
            Self::Invalid { realm } => format!("Bearer realm=\"{realm}\", error=\"invalid_token\""),
            Self::Failed => return HttpResponse::new(self.status_code()),
        };
        let mut response = HttpResponse::new(self.status_code());
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}
