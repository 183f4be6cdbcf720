//! The ID token (OIDC Core §2): who signed in, for the client alone.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::digest;
use crate::compiled::mapper::TokenKind;
use crate::keyring::Algorithm;

use super::claims::Claims;
use super::issue::Minting;
use super::mappers;

/// The claims of the ID token beside `access_token`, if there is one.
pub fn claims<'a>(minting: &'a Minting<'a>, access_token: Option<&str>) -> Claims<'a> {
    let authorization = minting.authorization;
    let client_id = authorization.client.client.client_id.as_str();
    let hash = |text: &str| left_half(authorization.client.id_token_algorithm, text);
    let mut claims = Claims {
        exp: Some(minting.expires),
        iat: Some(minting.now.seconds()),
        jti: Some(minting.env.random().uuid().to_string()),
        iss: Some(Cow::Borrowed(minting.issuer)),
        aud: vec![Cow::Borrowed(client_id)],
        sub: Some(Cow::Borrowed(authorization.subject.user.id.as_str())),
        typ: Some(Cow::Borrowed("ID")),
        azp: Some(Cow::Borrowed(client_id)),
        nonce: authorization.nonce.as_deref().map(Cow::Borrowed),
        sid: authorization.session.as_ref().map(|session| Cow::Borrowed(session.id.as_str())),
        at_hash: access_token.map(hash),
        c_hash: authorization.front_channel.code.as_deref().map(hash),
        s_hash: authorization.front_channel.state.as_deref().map(hash),
        ..Claims::default()
    };
    mappers::run(minting.scope.mappers(), TokenKind::Id, &minting.context(), &minting.roles, &mut claims);
    claims.demote_roles();
    claims
}

/// OIDC Core §3.1.3.6: the left half of the hash that the ID token's algorithm uses; for Ed25519 that is SHA-512.
fn left_half(algorithm: Algorithm, text: &str) -> String {
    let text = text.as_bytes();
    match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 | Algorithm::Hs256 => URL_SAFE_NO_PAD.encode(&digest::sha256(text)[..16]),
        Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 | Algorithm::Hs384 => URL_SAFE_NO_PAD.encode(&digest::sha384(text)[..24]),
        Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Es512 | Algorithm::Hs512 | Algorithm::EdDsa => {
            URL_SAFE_NO_PAD.encode(&digest::sha512(text)[..32])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OIDC Core's own example (appendix A.3): this access token has this `at_hash` with RS256.
    #[test]
    fn at_hash_is_that_of_the_specification() {
        assert_eq!(left_half(Algorithm::Rs256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn at_hash_is_as_long_as_half_of_the_hash() {
        for (algorithm, length) in [(Algorithm::Es256, 22), (Algorithm::Es384, 32), (Algorithm::Rs512, 43), (Algorithm::EdDsa, 43)] {
            assert_eq!(left_half(algorithm, "x").len(), length, "{algorithm:?}");
        }
    }
}
