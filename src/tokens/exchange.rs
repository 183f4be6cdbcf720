//! What a token exchange (RFC 8693) says to the mint beside the authorization: which token is wanted and for whom it may be.

use crate::oauth::error::OAuthError;

use super::claims::Claims;

/// The tokens that can be asked for (RFC 8693 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestedToken {
    Access,
    /// An access token with a refresh token beside it.
    Refresh,
    /// An ID token, in the place of the access token.
    Id,
}

impl RequestedToken {
    pub const ALL: [Self; 3] = [Self::Access, Self::Refresh, Self::Id];

    /// `requested_token_type` and `issued_token_type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "urn:ietf:params:oauth:token-type:access_token",
            Self::Refresh => "urn:ietf:params:oauth:token-type:refresh_token",
            Self::Id => "urn:ietf:params:oauth:token-type:id_token",
        }
    }
}

/// The part of an exchange that no other grant has.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub requested: RequestedToken,
    /// The request itself asked for `openid`, so an ID token comes along.
    pub openid: bool,
    /// The client is no part of the session: it has tokens for a moment only, and nothing to refresh.
    pub transient_client: bool,
}

/// Leaves nothing in an access token that is not for `audience`; no audience leaves everything.
///
/// # Errors
/// A requested audience is none that the mappers of the client give.
pub(super) fn restrict(claims: &mut Claims<'_>, audience: &[String]) -> Result<(), OAuthError> {
    let missing: Vec<&str> = audience.iter().map(String::as_str).filter(|wanted| !claims.aud.iter().any(|given| given == wanted)).collect();
    if !missing.is_empty() {
        return Err(OAuthError::exchange_audience_not_available(&missing.join(", ")));
    }
    if !audience.is_empty() {
        claims.retain_audience(|given| audience.iter().any(|wanted| wanted == given));
    }
    Ok(())
}
