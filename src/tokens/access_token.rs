//! The access token: a JWT whose claims come from mappers, under a frame of its own.

use std::borrow::Cow;

use uuid::fmt::Hyphenated;

use super::claims::Claims;
use super::issue::Minting;
use super::mappers;

/// The claims of the access token.
pub fn claims<'a>(minting: &'a Minting<'a>) -> Claims<'a> {
    let authorization = minting.authorization;
    let (client, session) = (&authorization.client, authorization.session.as_ref());
    let mut claims = Claims {
        exp: Some(minting.expires),
        iat: Some(minting.now.seconds()),
        jti: Some(jti(minting)),
        iss: Some(Cow::Borrowed(minting.issuer)),
        // Without a session nothing else would tell whose token it is, so even a lightweight one says it.
        sub: session.is_none().then(|| Cow::Borrowed(authorization.subject.user.id.as_str())),
        typ: Some(Cow::Borrowed(minting.token_type())),
        azp: Some(Cow::Borrowed(&client.client.client_id)),
        sid: session.map(|session| Cow::Borrowed(session.id.as_str())),
        scope: Some(Cow::Borrowed(minting.scope.response_text())),
        ..Claims::default()
    };
    mappers::run(minting.scope.mappers(), authorization.access_token_kind(), &minting.context(), &minting.roles, &mut claims);
    claims
}

/// The kind of session, of token and of grant stand before the UUID, so that a resource server can tell them apart.
fn jti(minting: &Minting<'_>) -> String {
    let authorization = minting.authorization;
    let transient_client = authorization.exchange.as_ref().is_some_and(|exchange| exchange.transient_client);
    let asked_offline = authorization.exchange.is_some() && authorization.scope.is_offline();
    let session = match &authorization.session {
        None => "tr",
        Some(session) if transient_client && session.offline => "ft",
        Some(_) if transient_client => "nt",
        Some(session) if session.offline || asked_offline => "of",
        Some(_) => "on",
    };
    let kind = if authorization.lightweight { "lt" } else { "rt" };
    let mut id = [0; Hyphenated::LENGTH];
    [session, kind, authorization.grant.letters(), ":", minting.env.random().uuid().hyphenated().encode_lower(&mut id)].concat()
}
