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
}

const INVALID_CREDENTIALS_OF_CLIENT: &str = "Invalid client or Invalid client credentials";

impl OAuthError {
    pub fn new(status: u16, code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, description: Some(description.into()), cause: Cow::Borrowed(""), retry_after: None }
    }

    /// The same error with a private cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.cause = cause.into();
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
        Self::new(401, "invalid_client", INVALID_CREDENTIALS_OF_CLIENT)
    }

    /// A confidential client did not prove itself.
    pub fn invalid_client_credentials() -> Self {
        Self::new(401, "unauthorized_client", INVALID_CREDENTIALS_OF_CLIENT)
    }

    /// The client proves itself with signed assertions and sent none.
    pub fn client_assertion_type_missing() -> Self {
        Self::new(400, "invalid_client", "Parameter client_assertion_type is missing")
    }

    pub fn bearer_only() -> Self {
        Self::new(400, "invalid_client", "Bearer-only not allowed")
    }

    pub fn wrong_client_protocol() -> Self {
        Self::new(400, "invalid_client", "Wrong client protocol.")
    }

    // ---- any grant

    pub fn invalid_scope(requested: &str) -> Self {
        Self::new(400, "invalid_scope", format!("Invalid scopes: {requested}"))
    }

    // ---- password

    pub fn direct_grants_off() -> Self {
        Self::new(400, "unauthorized_client", "Client not allowed for direct access grants")
    }

    pub fn consent_required() -> Self {
        Self::new(400, "invalid_client", "Client requires user consent")
    }

    pub fn username_missing() -> Self {
        Self::new(401, "invalid_request", "Missing parameter: username")
    }

    /// Unknown user, wrong password, ambiguous e-mail: one answer, so that nobody learns which users exist.
    pub fn invalid_user_credentials() -> Self {
        Self::new(400, "invalid_grant", "Invalid user credentials")
    }

    /// Only after the right password.
    pub fn account_disabled() -> Self {
        Self::new(400, "invalid_grant", "Account disabled")
    }

    /// Only after the right password: a required action is pending or the profile is incomplete.
    pub fn account_not_set_up() -> Self {
        Self::new(400, "invalid_grant", "Account is not fully set up")
    }

    // ---- refresh

    pub fn no_refresh_token() -> Self {
        Self::new(400, "invalid_request", "No refresh token")
    }

    pub fn invalid_refresh_token() -> Self {
        Self::new(400, "invalid_grant", "Invalid refresh token")
    }

    pub fn token_not_active() -> Self {
        Self::new(400, "invalid_grant", "Token is not active")
    }

    pub fn wrong_issuer(expected: &str) -> Self {
        Self::new(400, "invalid_grant", format!("Invalid token issuer. Expected '{expected}'"))
    }

    pub fn refresh_token_of_another_client() -> Self {
        Self::new(400, "invalid_grant", "Invalid refresh token. Token client and authorized client don't match")
    }

    /// Issued before a not-before of realm, client or user, or a superseded generation.
    pub fn stale_token() -> Self {
        Self::new(400, "invalid_grant", "Stale token")
    }

    /// The session is gone or was idle for too long.
    pub fn session_not_active() -> Self {
        Self::new(400, "invalid_grant", "Session not active")
    }

    pub fn offline_session_not_found() -> Self {
        Self::new(400, "invalid_grant", "Offline user session not found")
    }

    pub fn user_disabled() -> Self {
        Self::new(400, "invalid_grant", "User disabled")
    }

    pub fn session_without_client() -> Self {
        Self::new(400, "invalid_grant", "Session doesn't have required client")
    }

    pub fn refresh_reuse_exceeded() -> Self {
        Self::new(400, "invalid_grant", "Maximum allowed refresh token reuse exceeded")
    }

    // ---- client credentials

    pub fn public_client_without_service_account() -> Self {
        Self::new(401, "unauthorized_client", "Public client not allowed to retrieve service account")
    }

    pub fn service_accounts_off() -> Self {
        Self::new(401, "unauthorized_client", "Client not enabled to retrieve service account")
    }

    pub fn service_account_disabled(username: &str) -> Self {
        Self::new(401, "invalid_request", format!("User '{username}' disabled"))
    }

    // ---- introspection and revocation

    /// Introspection wants a client that can keep a secret, and says so in its own words.
    pub fn introspection_client_failed() -> Self {
        Self::new(401, "invalid_client", "Client authentication failed.")
    }

    pub fn introspection_by_public_client() -> Self {
        Self::new(403, "invalid_request", "Client not allowed.")
    }

    pub fn introspection_token_missing() -> Self {
        Self::new(400, "invalid_request", "Token not provided.")
    }

    pub fn introspection_hint_unknown() -> Self {
        Self::new(400, "invalid_request", "Unsupported token type.")
    }

    pub fn revocation_token_missing() -> Self {
        Self::new(400, "invalid_request", "Token not provided")
    }

    /// RFC 7009 §2.2: an invalid token does not make the request fail, hence 200.
    pub fn revocation_invalid_token() -> Self {
        Self::new(200, "invalid_token", "Invalid token")
    }

    pub fn revocation_unsupported_type() -> Self {
        Self::new(400, "unsupported_token_type", "Unsupported token type")
    }

    pub fn revocation_by_another_client() -> Self {
        Self::new(400, "invalid_request", "Unmatching clients")
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
