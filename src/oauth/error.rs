//! The OAuth error as a value: public code and description, private cause. Every `error_description` that a client can read
//! stands here once; status and code are independent because Keycloak's are (a wrong secret is 401 `unauthorized_client`, an
//! unknown client 401 `invalid_client`, both with the same text).

use std::borrow::Cow;

/// An answer that refuses, in the protocol's own shape (RFC 6749 §5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    /// HTTP status.
    pub status: u16,
    /// The `error` field: `invalid_grant`, …
    pub code: &'static str,
    /// The `error_description` field; `None` leaves it out.
    pub description: Option<Cow<'static, str>>,
    /// Why, for the log and the event; never sent.
    pub cause: Cow<'static, str>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u32>,
    /// What the event log says; `None`: such a refusal is no event, as in Keycloak.
    pub event: Option<EventError>,
}

/// A refusal in the words of the event log, whose codes are not those of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventError {
    pub code: &'static str,
    /// Whether the answer's description becomes the event's `reason`.
    pub says_why: bool,
}

const INVALID_CREDENTIALS_OF_CLIENT: &str = "Invalid client or Invalid client credentials";

impl OAuthError {
    pub fn new(status: u16, code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, description: Some(description.into()), cause: Cow::Borrowed(""), retry_after: None, event: None }
    }

    /// The same error with a private cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.cause = cause.into();
        self
    }

    /// The same error as an event with this code.
    #[must_use]
    pub const fn event(mut self, code: &'static str) -> Self {
        self.event = Some(EventError { code, says_why: false });
        self
    }

    /// The same error as an event with this code, whose `reason` is the description.
    #[must_use]
    pub const fn event_with_reason(mut self, code: &'static str) -> Self {
        self.event = Some(EventError { code, says_why: true });
        self
    }

    // ---- the request as such

    pub fn https_required() -> Self {
        Self::new(403, "invalid_request", "HTTPS required")
    }

    pub fn realm_not_enabled() -> Self {
        Self::new(403, "access_denied", "Realm not enabled")
    }

    /// The body is no list of parameters.
    pub fn malformed_parameters(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "invalid_request", reason)
    }

    /// RFC 9110 §15.5.14.
    pub fn body_too_large() -> Self {
        Self::new(413, "invalid_request", "The request body is too large")
    }

    /// RFC 9110 §15.5.9.
    pub fn body_too_slow() -> Self {
        Self::new(408, "invalid_request", "The request body took too long")
    }

    /// RFC 9110 §15.5.15.
    pub fn target_too_long() -> Self {
        Self::new(414, "invalid_request", "The request target is too long")
    }

    /// RFC 6585 §5.
    pub fn headers_too_large() -> Self {
        Self::new(431, "invalid_request", "The request header fields are too large")
    }

    /// RFC 6585 §4: a rate limit. `seconds` until the next request may succeed.
    pub fn too_many_requests(seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(429, "temporarily_unavailable", "Too many requests. Try again later.") }
    }

    pub fn grant_type_missing() -> Self {
        Self::new(400, "invalid_request", "Missing form parameter: grant_type")
    }

    pub fn grant_type_unknown() -> Self {
        Self::new(400, "unsupported_grant_type", "Unsupported grant_type")
    }

    /// RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once".
    pub fn duplicated_parameter() -> Self {
        Self::new(400, "invalid_request", "duplicated parameter")
    }

    /// The answer has no description and its `error` is text for people, as Keycloak's.
    pub fn invalid_origin() -> Self {
        Self { description: None, ..Self::new(403, "Invalid origin", "") }
    }

    // ---- client authentication

    /// No client named, no such client, or a disabled one: told apart in the cause only.
    pub fn invalid_client() -> Self {
        Self::new(401, "invalid_client", INVALID_CREDENTIALS_OF_CLIENT).event("invalid_client")
    }

    /// A confidential client did not prove itself.
    pub fn invalid_client_credentials() -> Self {
        Self::new(401, "unauthorized_client", INVALID_CREDENTIALS_OF_CLIENT).event("invalid_client_credentials")
    }

    /// The client proves itself with signed assertions and sent none.
    pub fn client_assertion_type_missing() -> Self {
        Self::new(400, "invalid_client", "Parameter client_assertion_type is missing").event("invalid_client_credentials")
    }

    pub fn client_assertion_type_wrong(given: &str, expected: &str) -> Self {
        Self::new(400, "invalid_client", format!("Parameter client_assertion_type has value '{given}' but expected is '{expected}'"))
            .event("invalid_client_credentials")
    }

    pub fn client_assertion_missing() -> Self {
        Self::new(400, "invalid_client", "client_assertion parameter missing").event("invalid_client_credentials")
    }

    pub fn client_assertion_without_subject() -> Self {
        Self::new(400, "invalid_client", "Token sub claim is required").event("invalid_client_credentials")
    }

    pub fn client_assertion_of_another_client() -> Self {
        Self::new(400, "invalid_client", "client_id parameter does not match authenticated client").event("invalid_client_credentials")
    }

    /// `none`, an algorithm of the other kind of key, or not the one of the client's settings.
    pub fn client_assertion_algorithm() -> Self {
        Self::new(400, "invalid_client", "Invalid signature algorithm").event("invalid_client_credentials")
    }

    /// The client has no such key, or its keys cannot be fetched.
    pub fn client_assertion_key() -> Self {
        Self::new(400, "invalid_client", "Unable to load public key").event("client_credentials_setup_required")
    }

    pub fn client_assertion_signature() -> Self {
        Self::new(400, "invalid_client", "Client authentication with signed JWT failed: Signature on JWT token failed validation")
            .event("invalid_client_credentials")
    }

    /// The two spaces are Keycloak's.
    pub fn client_assertion_signature_by_secret() -> Self {
        const TEXT: &str =
            "Client authentication with client secret signed JWT failed: Signature on JWT token by client secret  failed validation";
        Self::new(400, "unauthorized_client", TEXT).event("invalid_client_credentials")
    }

    pub fn client_assertion_audience() -> Self {
        Self::new(400, "invalid_client", "Invalid token audience").event("invalid_client_credentials")
    }

    pub fn client_assertion_audiences() -> Self {
        Self::new(400, "invalid_client", "Multiple audiences not allowed").event("invalid_client_credentials")
    }

    pub fn client_assertion_without_exp() -> Self {
        Self::new(400, "invalid_client", "Token exp claim is required").event("invalid_client_credentials")
    }

    pub fn client_assertion_not_active() -> Self {
        Self::new(400, "invalid_client", "Token is not active").event("invalid_client_credentials")
    }

    pub fn client_assertion_from_the_future() -> Self {
        Self::new(400, "invalid_client", "Token was issued in the future").event("invalid_client_credentials")
    }

    pub fn client_assertion_too_old() -> Self {
        Self::new(400, "invalid_client", "Token was issued too far in the past to be used now").event("invalid_client_credentials")
    }

    pub fn client_assertion_lives_too_long() -> Self {
        Self::new(400, "invalid_client", "Token expiration is too far in the future and iat claim not present in token")
            .event("invalid_client_credentials")
    }

    pub fn client_assertion_without_jti() -> Self {
        Self::new(400, "invalid_client", "Token jti claim is required").event("invalid_client_credentials")
    }

    pub fn client_assertion_used() -> Self {
        Self::new(400, "invalid_client", "Token reuse detected").event("invalid_client_credentials")
    }

    pub fn bearer_only() -> Self {
        Self::new(400, "invalid_client", "Bearer-only not allowed")
    }

    pub fn wrong_client_protocol() -> Self {
        Self::new(400, "invalid_client", "Wrong client protocol.").event("invalid_client")
    }

    // ---- any grant

    pub fn invalid_scope(requested: &str) -> Self {
        Self::new(400, "invalid_scope", format!("Invalid scopes: {requested}")).event_with_reason("invalid_request")
    }

    // ---- password

    pub fn direct_grants_off() -> Self {
        Self::new(400, "unauthorized_client", "Client not allowed for direct access grants").event_with_reason("not_allowed")
    }

    pub fn consent_required() -> Self {
        Self::new(400, "invalid_client", "Client requires user consent").event_with_reason("consent_denied")
    }

    pub fn username_missing() -> Self {
        Self::new(401, "invalid_request", "Missing parameter: username").event("user_not_found")
    }

    /// Unknown user, wrong password, ambiguous e-mail: one answer, so that nobody learns which users exist.
    pub fn invalid_user_credentials() -> Self {
        Self::new(400, "invalid_grant", "Invalid user credentials").event("invalid_user_credentials")
    }

    /// The same refusal as Keycloak gave it before 26.6, for clients that look at the status: 401. Other refusals stay.
    #[must_use]
    pub fn with_unauthorized_for_passwords(mut self) -> Self {
        if (self.code, &self.description) == ("invalid_grant", &Self::invalid_user_credentials().description) {
            self.status = 401;
        }
        self
    }

    /// Only after the right password.
    pub fn account_disabled() -> Self {
        Self::new(400, "invalid_grant", "Account disabled").event("user_disabled")
    }

    /// Only after the right password: a required action is pending or the profile is incomplete.
    pub fn account_not_set_up() -> Self {
        Self::new(400, "invalid_grant", "Account is not fully set up").event_with_reason("resolve_required_actions")
    }

    // ---- encryption

    /// A token is to be encrypted for the client, and the client has no key for it. Keycloak answers 500.
    pub fn no_encryption_key() -> Self {
        Self::new(400, "invalid_request", "Client has no key to encrypt the answer for")
    }

    // ---- refresh

    pub fn no_refresh_token() -> Self {
        Self::new(400, "invalid_request", "No refresh token").event_with_reason("invalid_token")
    }

    pub fn invalid_refresh_token() -> Self {
        Self::new(400, "invalid_grant", "Invalid refresh token").event_with_reason("invalid_token")
    }

    pub fn token_not_active() -> Self {
        Self::new(400, "invalid_grant", "Token is not active").event_with_reason("invalid_token")
    }

    pub fn wrong_issuer(expected: &str) -> Self {
        Self::new(400, "invalid_grant", format!("Invalid token issuer. Expected '{expected}'")).event_with_reason("invalid_token")
    }

    pub fn refresh_token_of_another_client() -> Self {
        Self::new(400, "invalid_grant", "Invalid refresh token. Token client and authorized client don't match")
            .event_with_reason("invalid_token")
    }

    /// Issued before a not-before of realm, client or user, or a superseded generation.
    pub fn stale_token() -> Self {
        Self::new(400, "invalid_grant", "Stale token").event_with_reason("invalid_token")
    }

    /// The session is gone or was idle for too long.
    pub fn session_not_active() -> Self {
        Self::new(400, "invalid_grant", "Session not active").event_with_reason("invalid_token")
    }

    pub fn offline_session_not_found() -> Self {
        Self::new(400, "invalid_grant", "Offline user session not found").event_with_reason("invalid_token")
    }

    pub fn user_disabled() -> Self {
        Self::new(400, "invalid_grant", "User disabled").event_with_reason("invalid_token")
    }

    pub fn session_without_client() -> Self {
        Self::new(400, "invalid_grant", "Session doesn't have required client").event_with_reason("invalid_token")
    }

    pub fn refresh_reuse_exceeded() -> Self {
        Self::new(400, "invalid_grant", "Maximum allowed refresh token reuse exceeded").event_with_reason("invalid_token")
    }

    // ---- client credentials

    pub fn public_client_without_service_account() -> Self {
        Self::new(401, "unauthorized_client", "Public client not allowed to retrieve service account").event_with_reason("invalid_client")
    }

    pub fn service_accounts_off() -> Self {
        Self::new(401, "unauthorized_client", "Client not enabled to retrieve service account").event_with_reason("invalid_client")
    }

    pub fn service_account_disabled(username: &str) -> Self {
        Self::new(401, "invalid_request", format!("User '{username}' disabled")).event_with_reason("user_disabled")
    }

    // ---- proofs of possession (RFC 9449, RFC 8705)

    pub fn certificate_missing() -> Self {
        Self::new(400, "invalid_request", "Client Certification missing for MTLS HoK Token Binding").event_with_reason("invalid_request")
    }

    pub fn dpop_proof_missing() -> Self {
        Self::new(400, "invalid_request", "DPoP proof is missing").event_with_reason("invalid_dpop_proof")
    }

    pub fn dpop_header() -> Self {
        Self::new(400, "invalid_request", "DPoP header verification failure").event_with_reason("invalid_dpop_proof")
    }

    /// Not Keycloak's words: it verifies the proof.
    pub fn dpop_unsupported() -> Self {
        Self::new(400, "invalid_request", "DPoP is not supported").event_with_reason("invalid_dpop_proof")
    }

    // ---- token exchange

    pub fn exchange_not_enabled() -> Self {
        Self::new(400, "invalid_request", "Standard token exchange is not enabled for the requested client")
            .event_with_reason("invalid_request")
    }

    pub fn exchange_parameter_unsupported(name: &str) -> Self {
        Self::new(400, "invalid_request", format!("Parameter '{name}' is not supported for standard token exchange"))
            .event_with_reason("invalid_request")
    }

    pub fn exchange_parameter_missing(name: &str) -> Self {
        Self::new(400, "invalid_request", format!("Parameter '{name}' required for standard token exchange"))
            .event_with_reason("invalid_request")
    }

    pub fn exchange_of_other_token() -> Self {
        Self::new(400, "invalid_request", "Parameter 'subject_token' supports access tokens only").event_with_reason("invalid_request")
    }

    /// Whatever is wrong with the subject token, its session or its user.
    pub fn exchange_invalid_token() -> Self {
        Self::new(400, "invalid_request", "Invalid token").event("invalid_token")
    }

    pub fn exchange_of_bound_token() -> Self {
        const TEXT: &str = "Sender-constrained token exchange rejected as the token was not issued for the requesting client";
        Self::new(400, "invalid_request", TEXT).event_with_reason("invalid_request")
    }

    pub fn exchange_token_type_unsupported() -> Self {
        Self::new(400, "invalid_request", "requested_token_type unsupported").event_with_reason("invalid_request")
    }

    pub fn exchange_audience_unknown() -> Self {
        Self::new(400, "invalid_client", "Audience not found").event("client_not_found")
    }

    /// The client's own mappers give no such audience.
    pub fn exchange_audience_not_available(audience: &str) -> Self {
        Self::new(400, "invalid_request", format!("Requested audience not available: {audience}")).event_with_reason("invalid_request")
    }

    pub fn exchange_by_stranger() -> Self {
        Self::new(403, "access_denied", "Client is not within the token audience").event("not_allowed")
    }

    pub fn exchange_without_consent(client_id: &str) -> Self {
        Self::new(400, "invalid_scope", format!("Missing consents for Token Exchange in client {client_id}"))
            .event_with_reason("consent_denied")
    }

    pub fn exchange_offline() -> Self {
        Self::new(400, "invalid_request", "Scope offline_access not allowed for token exchange").event_with_reason("invalid_request")
    }

    pub fn exchange_refresh_without_session() -> Self {
        const TEXT: &str = "Refresh token not valid as requested_token_type because creating a new session is needed";
        Self::new(400, "invalid_request", TEXT).event_with_reason("invalid_request")
    }

    // ---- introspection and revocation

    /// Introspection wants a client that can keep a secret, and says so in its own words.
    pub fn introspection_client_failed() -> Self {
        Self::new(401, "invalid_client", "Client authentication failed.").event("invalid_client_credentials")
    }

    pub fn introspection_by_public_client() -> Self {
        Self::new(403, "invalid_request", "Client not allowed.").event_with_reason("invalid_request")
    }

    pub fn introspection_token_missing() -> Self {
        Self::new(400, "invalid_request", "Token not provided.").event_with_reason("invalid_request")
    }

    pub fn introspection_hint_unknown() -> Self {
        Self::new(400, "invalid_request", "Unsupported token type.").event_with_reason("invalid_request")
    }

    pub fn revocation_token_missing() -> Self {
        Self::new(400, "invalid_request", "Token not provided").event("invalid_request")
    }

    /// RFC 7009 §2.2: an invalid token does not make the request fail, hence 200.
    pub fn revocation_invalid_token() -> Self {
        Self::new(200, "invalid_token", "Invalid token").event("invalid_token")
    }

    pub fn revocation_unsupported_type() -> Self {
        Self::new(400, "unsupported_token_type", "Unsupported token type").event_with_reason("invalid_token_type")
    }

    pub fn revocation_by_another_client() -> Self {
        Self::new(400, "invalid_request", "Unmatching clients").event_with_reason("invalid_request")
    }

    // ---- our side

    /// The hashing queue is full.
    pub fn overloaded() -> Self {
        Self {
            retry_after: Some(1),
            ..Self::new(503, "temporarily_unavailable", "The server is busy checking passwords. Try again in a second.")
        }
    }

    /// Our fault. The cause is logged once, at the boundary; the caller learns nothing of it.
    pub fn server_error(cause: impl std::fmt::Display) -> Self {
        Self::new(500, "server_error", "For more on this error consult the server log.").because(cause.to_string())
    }
}
