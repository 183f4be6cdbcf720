//! `private_key_jwt` and `client_secret_jwt` (RFC 7523 §3, OpenID Connect Core §9): the client signs a short statement about
//! itself, for this issuer, that counts once. The checks and their order are Keycloak's. Nothing of an assertion is believed
//! before its signature holds, and none is spent before everything else about it is right.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::base::clock::Timestamp;
use crate::base::digest;
use crate::compiled::CompiledClient;
use crate::egress::cache::Document;
use crate::keyring::{self, Algorithm, JwkSet, KeyType, Unverified, VerifiedToken};
use crate::model::event::detail;
use crate::model::single_use::SingleUse;
use crate::oauth::error::OAuthError;
use crate::oauth::params::Params;
use crate::store::StoreError;
use crate::store::single_use::USED_ASSERTION;
use crate::store::txn::{Reader as _, Sessions, Txn};

use super::GrantContext;
use super::secret;

/// The one `client_assertion_type` of JWTs (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Seconds by which the clock of a client may differ from ours.
const CLOCK_SKEW: i64 = 15;
/// Seconds that an assertion counts after it was issued, unless attribute `token.endpoint.auth.signing.max.exp` says otherwise.
const MAX_AGE: i64 = 60;

/// What a client signs its assertions with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    PrivateKey,
    Secret,
}

/// The client that the request's assertion says it is from. Assertions that somebody else issued are not read.
pub(super) fn claimed_client(params: &Params) -> Option<String> {
    let claimed = self_issued(params)?;
    text(&claimed, "sub").map(str::to_owned)
}

/// Tells the event whom the request's assertion claims to be from; `false` when there is none that says so.
pub(super) fn note_claimed(cx: &GrantContext<'_>) -> bool {
    let Some(claimed) = self_issued(cx.params) else { return false };
    cx.event.client(&text(&claimed, "sub").unwrap_or_default().chars().take(255).collect::<String>());
    note(cx, &claimed);
    true
}

/// The unverified claims of an assertion that its subject issued.
fn self_issued(params: &Params) -> Option<Map<String, Value>> {
    params.get("client_assertion_type").filter(|given| *given == JWT_BEARER)?;
    let claimed = Unverified::read(params.get("client_assertion")?).ok()?;
    is_self_issued(&claimed.claims).then_some(claimed.claims)
}

/// Whether the request has a right assertion of `client`, which is spent then.
pub(super) async fn check(cx: &GrantContext<'_>, client: &CompiledClient, proof: Proof) -> Result<(), OAuthError> {
    let kind = cx.params.get("client_assertion_type").ok_or_else(OAuthError::client_assertion_type_missing)?;
    if kind != JWT_BEARER {
        return Err(OAuthError::client_assertion_type_wrong(&kind.chars().take(200).collect::<String>(), JWT_BEARER));
    }
    let assertion = cx.params.get("client_assertion").ok_or_else(OAuthError::client_assertion_missing)?;
    let claimed = Unverified::read(assertion).map_err(|error| OAuthError::invalid_client().because(error.to_string()))?;
    let subject = text(&claimed.claims, "sub").ok_or_else(OAuthError::client_assertion_without_subject)?;
    // RFC 7523 §3 (2.): for client authentication the issuer is the client itself.
    if !is_self_issued(&claimed.claims) {
        return Err(OAuthError::invalid_client().because("the assertion's iss is not its sub"));
    }
    if subject != client.client.client_id || cx.params.get("client_id").is_some_and(|client_id| client_id != subject) {
        return Err(OAuthError::client_assertion_of_another_client());
    }
    note(cx, &claimed.claims);
    let algorithm = allowed_algorithm(client, proof, claimed.algorithm.as_deref())?;
    let verified = match proof {
        Proof::PrivateKey => signed_by_key(cx, client, assertion, claimed.kid.as_deref(), algorithm).await?,
        Proof::Secret => signed_by_secret(cx, client, assertion, algorithm)?,
    };
    check_audience(cx.issuer, &verified.claims)?;
    let until = check_time(client, &verified.claims, cx.now)?;
    let jti = text(&verified.claims, "jti").ok_or_else(OAuthError::client_assertion_without_jti)?;
    let mark = single_use_id(&client.client.client_id, jti);
    let mark = mark.as_str();
    if cx.store.sessions(|txn| Box::pin(spend(txn, cx, mark, until))).await? { Ok(()) } else { Err(OAuthError::client_assertion_used()) }
}

/// Which assertion it was, for the event. The texts are the caller's, so they are cut.
fn note(cx: &GrantContext<'_>, claims: &Map<String, Value>) {
    for (name, claim) in
        [(detail::CLIENT_ASSERTION_ID, "jti"), (detail::CLIENT_ASSERTION_ISSUER, "iss"), (detail::CLIENT_ASSERTION_SUB, "sub")]
    {
        if let Some(text) = text(claims, claim) {
            cx.event.detail(name, &text.chars().take(255).collect::<String>());
        }
    }
}

fn is_self_issued(claims: &Map<String, Value>) -> bool {
    text(claims, "sub").is_some() && text(claims, "iss") == text(claims, "sub")
}

/// RFC 8725 §3.1: the algorithm is the client's choice of settings, never the token's. Without a setting every algorithm of the
/// client's kind of key is allowed.
fn allowed_algorithm(client: &CompiledClient, proof: Proof, claimed: Option<&str>) -> Result<Algorithm, OAuthError> {
    let algorithm: Option<Algorithm> = claimed.and_then(|name| name.parse().ok());
    let configured = client.client.attribute("token.endpoint.auth.signing.alg").filter(|name| !matches!(*name, "" | "any"));
    algorithm
        .filter(|algorithm| (algorithm.key_type() == KeyType::Oct) == (proof == Proof::Secret))
        .filter(|algorithm| configured.is_none_or(|configured| configured == algorithm.as_str()))
        .ok_or_else(|| OAuthError::client_assertion_algorithm().because(format!("alg {claimed:?}, allowed {configured:?}")))
}

async fn signed_by_key(
    cx: &GrantContext<'_>,
    client: &CompiledClient,
    assertion: &str,
    kid: Option<&str>,
    algorithm: Algorithm,
) -> Result<VerifiedToken, OAuthError> {
    let Some(url) = client.jwks_url() else {
        let keys = client.assertion_keys().map_err(|error| OAuthError::client_assertion_key().because(error.to_string()))?;
        return verify(keys, assertion, kid, algorithm);
    };
    let fetched = |error: crate::egress::EgressError| OAuthError::client_assertion_key().because(error.to_string());
    let document = cx.egress.document(&url, ACCEPT).await.map_err(fetched)?;
    match verify(&parse(&document)?, assertion, kid, algorithm) {
        Ok(verified) => Ok(verified),
        // A client that changed its keys signs with one that we have not seen; the cache says how often we look.
        Err(error) => {
            let newer = cx.egress.newer_document(&url, ACCEPT, &document).await.map_err(fetched)?;
            if newer == document { Err(error) } else { verify(&parse(&newer)?, assertion, kid, algorithm) }
        }
    }
}

const ACCEPT: &str = "application/jwk-set+json, application/json";

fn parse(document: &Document) -> Result<JwkSet, OAuthError> {
    JwkSet::parse(&document.body).map_err(|error| OAuthError::client_assertion_key().because(error.to_string()))
}

fn verify(keys: &JwkSet, assertion: &str, kid: Option<&str>, algorithm: Algorithm) -> Result<VerifiedToken, OAuthError> {
    if !keys.has_key(kid, algorithm) {
        return Err(OAuthError::client_assertion_key().because(format!("no key for kid {kid:?} and {algorithm}")));
    }
    keys.verify(assertion, &[algorithm])
        .map_err(|error| OAuthError::client_assertion_signature().because(error.to_string()))
}

/// Signed with the client's secret, or with the one before it while the two overlap.
fn signed_by_secret(
    cx: &GrantContext<'_>,
    client: &CompiledClient,
    assertion: &str,
    algorithm: Algorithm,
) -> Result<VerifiedToken, OAuthError> {
    let mut verified = secret::current(client, cx.now)
        .map(|secret| keyring::verify_with_secret(assertion, secret.expose().as_bytes(), &[algorithm]))
        .filter_map(Result::ok);
    verified.next().ok_or_else(OAuthError::client_assertion_signature_by_secret)
}

/// RFC 7523 §3 (3.): an assertion names us as its audience, by the issuer or by an endpoint where it may be used. One audience
/// only: whoever else it is for could present it here.
fn check_audience(issuer: &str, claims: &Map<String, Value>) -> Result<(), OAuthError> {
    let is_ours = |audience: &Value| {
        let endpoint = audience.as_str().and_then(|audience| audience.strip_prefix(issuer));
        endpoint.is_some_and(|endpoint| endpoint.is_empty() || ENDPOINTS.contains(&endpoint))
    };
    let audiences = match claims.get("aud") {
        Some(Value::Array(audiences)) => audiences.as_slice(),
        Some(audience) => std::slice::from_ref(audience),
        None => &[],
    };
    match audiences {
        audiences if !audiences.iter().any(is_ours) => Err(OAuthError::client_assertion_audience()),
        [_] => Ok(()),
        _ => Err(OAuthError::client_assertion_audiences()),
    }
}

/// What Keycloak accepts besides the issuer.
const ENDPOINTS: [&str; 4] = [
    "/protocol/openid-connect/token",
    "/protocol/openid-connect/token/introspect",
    "/protocol/openid-connect/ext/par/request",
    "/protocol/openid-connect/ext/ciba/auth",
];

/// RFC 7523 §3 (4. to 6.): it has begun, it has not ended, and it is fresh. Answers from when on the assertion is refused for its
/// time, so that its `jti` need not be remembered any longer.
fn check_time(client: &CompiledClient, claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, OAuthError> {
    let now = now.seconds();
    let max_age = client.client.seconds("token.endpoint.auth.signing.max.exp").unwrap_or(MAX_AGE);
    let exp = seconds(claims, "exp").ok_or_else(OAuthError::client_assertion_without_exp)?;
    let has_begun = seconds(claims, "nbf").is_none_or(|nbf| nbf <= now.saturating_add(CLOCK_SKEW));
    if !has_begun || now >= exp.saturating_add(CLOCK_SKEW) {
        return Err(OAuthError::client_assertion_not_active());
    }
    let Some(iat) = seconds(claims, "iat") else {
        if exp.saturating_sub(now) > max_age {
            return Err(OAuthError::client_assertion_lives_too_long());
        }
        return Ok(Timestamp::from_seconds(exp.saturating_add(CLOCK_SKEW + 1)));
    };
    if iat.saturating_sub(CLOCK_SKEW) > now {
        return Err(OAuthError::client_assertion_from_the_future());
    }
    if now >= exp {
        return Err(OAuthError::client_assertion_not_active());
    }
    let last = iat.saturating_add(max_age);
    if now > last {
        return Err(OAuthError::client_assertion_too_old());
    }
    Ok(Timestamp::from_seconds(exp.min(last).saturating_add(CLOCK_SKEW + 1)))
}

/// A `jti` is unique for its issuer only (RFC 7519 §4.1.7) and of any length.
fn single_use_id(client_id: &str, jti: &str) -> String {
    let text = [client_id.len().to_string().as_str(), ":", client_id, jti].concat();
    URL_SAFE_NO_PAD.encode(digest::sha256(text.as_bytes()))
}

/// Marks an assertion as used. `false`: somebody used it before. Of concurrent presentations one commits, the others run again
/// and find the mark.
async fn spend(txn: &mut Txn<'_, Sessions>, cx: &GrantContext<'_>, mark: &str, until: Timestamp) -> Result<bool, StoreError> {
    let realm = &cx.realm.realm.id;
    if txn.single_use().get(realm, USED_ASSERTION, mark).await?.is_some() {
        return Ok(false);
    }
    txn.single_use().insert(realm, USED_ASSERTION, mark, &SingleUse { at: cx.now }, until);
    Ok(true)
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A NumericDate (RFC 7519 §2) in whole seconds; what stands behind the point is of no use here.
fn seconds(claims: &Map<String, Value>, name: &str) -> Option<i64> {
    let number = claims.get(name)?;
    #[allow(clippy::cast_possible_truncation, reason = "the cast saturates, and dates that far away are refused as such")]
    number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[allow(clippy::needless_pass_by_value, reason = "json!() reads better by value")]
    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    /// RFC 7523bis wants the issuer alone; Keycloak 26.7 also takes its endpoints, and never two audiences at once.
    #[test]
    fn an_audience_is_the_issuer_or_one_endpoint_of_it() {
        let issuer = "https://id.example/realms/a";
        let judge = |aud: Value| check_audience(issuer, &claims(json!({ "aud": aud }))).map_err(|error| error.description.unwrap());
        for right in [json!(issuer), json!([issuer]), json!(format!("{issuer}/protocol/openid-connect/token"))] {
            assert_eq!(judge(right.clone()), Ok(()), "{right}");
        }
        for wrong in [
            json!("https://id.example/realms/ab"),
            json!("https://id.example/realms/b"),
            json!("https://id.example/realms/a/"),
            json!("https://id.example/realms/b/protocol/openid-connect/token"),
            json!(format!("{issuer}/protocol/openid-connect/userinfo")),
            json!("HTTPS://ID.EXAMPLE/realms/a"),
            json!(""),
            json!([]),
            json!(null),
            json!({ "x": issuer }),
            json!(["https://other.example"]),
        ] {
            assert_eq!(judge(wrong.clone()).unwrap_err(), "Invalid token audience", "{wrong}");
        }
        assert_eq!(check_audience(issuer, &claims(json!({}))), Err(OAuthError::client_assertion_audience()));
        for many in [json!([issuer, "https://other.example"]), json!([issuer, issuer])] {
            assert_eq!(judge(many.clone()).unwrap_err(), "Multiple audiences not allowed", "{many}");
        }
    }

    #[test]
    fn marks_of_different_clients_never_meet() {
        assert_ne!(single_use_id("a", "bc"), single_use_id("ab", "c"));
        assert_ne!(single_use_id("1:a", "b"), single_use_id("a", "1:b"));
        assert_eq!(single_use_id("a", "b"), single_use_id("a", "b"));
    }

    #[test]
    fn a_numeric_date_may_have_a_fraction() {
        let read = |value: Value| seconds(&claims(json!({ "exp": value })), "exp");
        assert_eq!((read(json!(1_800_000_000)), read(json!(1_800_000_000.9))), (Some(1_800_000_000), Some(1_800_000_000)));
        assert_eq!((read(json!("1800000000")), read(json!(null)), read(json!(1e300))), (None, None, Some(i64::MAX)));
    }
}
