//! `client_secret_basic` and `client_secret_post`. Form fields win over Basic, as in Keycloak.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

use crate::base::clock::Timestamp;
use crate::base::digest;
use crate::base::secret::Secret;
use crate::compiled::CompiledClient;
use crate::model::client::{ROTATED_SECRET_EXPIRATION, SECRET_EXPIRATION};
use crate::oauth::error::OAuthError;
use crate::oauth::params::{Params, escapes_are_valid};

/// Clients exist that leave the padding out.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// What a request says about its client.
#[derive(Default)]
pub(super) struct Presented {
    pub(super) client_id: Option<String>,
    /// The id in Basic credentials after form-decoding, where that makes a difference.
    pub(super) decoded_client_id: Option<String>,
    secret: Option<Secret<String>>,
}

impl Presented {
    pub(super) const fn has_secret(&self) -> bool {
        self.secret.is_some()
    }
}

pub(super) fn presented(authorization: Option<&str>, params: &Params) -> Presented {
    let mut presented = authorization.and_then(basic).unwrap_or_default();
    if let Some(client_id) = params.get("client_id") {
        presented.client_id = Some(client_id.to_owned());
        presented.decoded_client_id = None;
    }
    if let Some(secret) = params.get("client_secret") {
        presented.secret = Some(Secret::from(secret));
    }
    presented
}

/// Basic credentials, split at the first colon. A header that is none counts as absent.
fn basic(header: &str) -> Option<Presented> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(LENIENT.decode(credentials.trim()).ok()?).ok()?;
    let (client_id, secret) = text.split_once(':')?;
    let decoded_client_id = form_decoded(client_id).and_then(|decoded| String::from_utf8(decoded).ok());
    Some(Presented { client_id: Some(client_id.to_owned()), decoded_client_id, secret: Some(Secret::from(secret)) })
}

/// Whether the presented secret is the client's, or the one before it while the two overlap.
pub(super) fn check(client: &CompiledClient, presented: &Presented, now: Timestamp) -> Result<(), OAuthError> {
    let Some(presented) = &presented.secret else {
        return Err(OAuthError::invalid_client_credentials().because("no secret was sent"));
    };
    // Every secret is compared, so that the time does not tell which of them was right.
    if current(client, now).fold(false, |right, secret| right | matches(secret.expose(), presented.expose())) {
        Ok(())
    } else {
        Err(OAuthError::invalid_client_credentials().because("wrong or expired client secret, or the client has none"))
    }
}

/// The secrets that count at this moment: the client's own until it expires, the one before the last rotation until its end.
pub(super) fn current(client: &CompiledClient, now: Timestamp) -> impl Iterator<Item = &Secret<String>> {
    let until = |attribute: &str| client.client.seconds(attribute).filter(|seconds| *seconds > 0);
    let own = client.secret.as_ref().filter(|_| until(SECRET_EXPIRATION).is_none_or(|until| now.seconds() < until));
    let rotated = client
        .rotated_secret
        .as_ref()
        .filter(|_| until(ROTATED_SECRET_EXPIRATION).is_some_and(|until| now.seconds() < until));
    own.into_iter().chain(rotated)
}

/// RFC 6749 §2.3.1 wants Basic credentials form-encoded, most clients send them raw: both spellings are right. Each is compared
/// in constant time.
fn matches(secret: &str, presented: &str) -> bool {
    let raw = digest::equal(secret.as_bytes(), presented.as_bytes());
    let decoded = form_decoded(presented).is_some_and(|decoded| digest::equal(secret.as_bytes(), &decoded));
    raw | decoded
}

/// `None` when decoding changes nothing, or an escape is invalid: then only the raw spelling is left.
fn form_decoded(text: &str) -> Option<Vec<u8>> {
    let encoded = text.contains(['%', '+']) && escapes_are_valid(text.as_bytes());
    encoded.then(|| percent_decode_str(&text.replace('+', " ")).collect())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn presented_by(authorization: Option<&str>, form: &str) -> (Option<String>, Option<String>) {
        let presented = presented(authorization, &Params::parse(form.as_bytes()).expect("valid form"));
        (presented.client_id, presented.secret.map(|secret| secret.expose().clone()))
    }

    fn header(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    #[test]
    fn basic_credentials_split_at_the_first_colon() {
        assert_eq!(presented_by(Some(&header("api:a:b")), ""), (Some("api".into()), Some("a:b".into())));
        assert_eq!(presented_by(Some(&header("api:")), ""), (Some("api".into()), Some(String::new())));
    }

    /// `openid-client` on node escapes every character but letters and digits.
    #[test]
    fn a_client_id_in_basic_credentials_may_be_form_encoded() {
        let presented = |credentials: &str| presented(Some(&header(credentials)), &Params::parse(b"").expect("valid form"));
        assert_eq!(presented("api%2Dclient:s").decoded_client_id.as_deref(), Some("api-client"));
        assert_eq!(presented("api-client:s").decoded_client_id, None);
        assert_eq!(presented("100%:s").decoded_client_id, None);
    }

    #[test]
    fn form_fields_win_over_basic() {
        assert_eq!(presented_by(Some(&header("api:right")), "client_secret=wrong"), (Some("api".into()), Some("wrong".into())));
        assert_eq!(presented_by(Some(&header("api:right")), "client_id=other"), (Some("other".into()), Some("right".into())));
    }

    #[test]
    fn a_header_that_is_no_basic_counts_as_absent() {
        for authorization in ["Basic !!!", "Basic", "Bearer abc", "Basic bm9jb2xvbg=="] {
            assert_eq!(presented_by(Some(authorization), ""), (None, None), "{authorization}");
        }
    }

    #[test]
    fn a_secret_is_right_raw_or_form_encoded() {
        assert!(matches("a b%", "a+b%25"));
        assert!(matches("a+b%", "a+b%"));
        assert!(!matches("a b", "a%2"));
        assert!(!matches("secret", "Secret"));
    }
}
