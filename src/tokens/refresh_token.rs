//! The refresh token, called offline token when its session is one: a JWT that only we read, signed with the realm's HMAC key.
//! It repeats what the access token said, because that is what a refresh goes on from.

use std::borrow::Cow;

use serde::Serialize;
use uuid::{Builder, Uuid};

use crate::base::random::Random;
use crate::model::lifetimes;

use super::authorization::SessionPart;
use super::issue::Minting;

/// `typ` of a refresh token.
pub const REFRESH: &str = "Refresh";
/// `typ` of a refresh token of an offline session.
pub const OFFLINE: &str = "Offline";

/// How many generations a chain can have: what fits above the version of a UUID.
const GENERATIONS: u64 = 1 << 48;

/// The payload, in Keycloak's order.
#[derive(Serialize)]
pub struct Payload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    iat: i64,
    pub jti: String,
    iss: &'a str,
    aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    pub typ: &'static str,
    azp: &'a str,
    sid: &'a str,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud_x: Option<Audience<'a>>,
    prov: &'static str,
    /// Ours: the audiences that an exchange was limited to, so that a refresh gives no more.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    requested_aud: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    reuse_id: Option<&'a str>,
    /// The alias of the one organization that the tokens are about.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a str>,
}

/// RFC 7519 §4.1.3: one audience may be a string.
#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Many(&'a [Cow<'a, str>]),
}

/// The payload beside an access token with this `sub` and `aud`.
pub fn payload<'a>(minting: &'a Minting<'a>, session: &'a SessionPart, sub: Option<&'a str>, aud: &'a [Cow<'a, str>]) -> Payload<'a> {
    let (realm, client) = (&minting.authorization.realm.realm, &minting.authorization.client.client);
    let generation = session.rotation.as_ref().map_or(0, |rotation| rotation.generation);
    Payload {
        exp: lifetimes::refresh_token_expires(realm, client, session.age(), minting.now),
        iat: minting.now.seconds(),
        jti: jti(minting.env.random(), generation).to_string(),
        iss: minting.issuer,
        aud: minting.issuer,
        sub,
        typ: if session.offline { OFFLINE } else { REFRESH },
        azp: &client.client_id,
        sid: session.id.as_str(),
        scope: minting.scope.full_text(),
        aud_x: match aud {
            [] => None,
            [one] => Some(Audience::One(one)),
            many => Some(Audience::Many(many)),
        },
        prov: "default",
        requested_aud: &minting.authorization.audience,
        reuse_id: session.rotation.as_ref().map(|rotation| rotation.reuse_id.as_str()),
        organization: minting.scope.organization_alias(),
    }
}

/// A version-8 UUID (RFC 9562 §5.8) whose top 48 bits are the generation.
fn jti(random: &dyn Random, generation: u64) -> Uuid {
    debug_assert!(generation < GENERATIONS);
    let mut bytes: [u8; 16] = random.bytes();
    bytes[..6].copy_from_slice(&generation.to_be_bytes()[2..]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// The generation in a `jti`; 0 in one of another shape, such as those of an imported session.
pub fn generation(jti: &str) -> u64 {
    match Uuid::try_parse(jti) {
        Ok(uuid) if uuid.get_version_num() == 8 => uuid.as_u64_pair().0 >> 16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::random::SystemRandom;

    proptest! {
        #[test]
        fn the_generation_comes_back_from_the_jti(number in 0..GENERATIONS) {
            prop_assert_eq!(generation(&jti(&SystemRandom, number).to_string()), number);
        }
    }

    #[test]
    fn the_jti_of_another_server_has_no_generation() {
        for jti in ["", "x", "6f9619ff-8b86-4011-b42d-00cf4fc964ff", "onrtro:6f9619ff-8b86-8011-b42d-00cf4fc964ff"] {
            assert_eq!(generation(jti), 0, "{jti}");
        }
    }
}
