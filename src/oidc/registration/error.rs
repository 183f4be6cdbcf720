//! Refusals of client registration, in the shape of RFC 7591 §3.2.2 and in Keycloak's words.

use std::borrow::Cow;

use actix_web::HttpResponse;
use serde_json::json;

use crate::audit::Report;
use crate::manage::client_registration::RegistrationError;
use crate::manage::error::{ManageError, Refusal};
use crate::manage::pairwise::NoSector;
use crate::manage::registration_policies::PolicyRefusal;
use crate::store::StoreError;
use crate::web::oauth_response;
use crate::web::page_error;

/// Why a request to the registration endpoint did nothing.
#[derive(Debug)]
pub enum Refused {
    /// Status, code, description, and the code of the event log.
    Told {
        status: u16,
        code: &'static str,
        description: Cow<'static, str>,
        event: &'static str,
    },
    Failed(String),
}

impl Refused {
    fn told(status: u16, code: &'static str, event: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::Told { status, code, description: description.into(), event }
    }

    /// 401: no token that counts here.
    pub fn unauthorized(description: impl Into<Cow<'static, str>>) -> Self {
        Self::told(401, "invalid_token", "invalid_token", description)
    }

    /// 403: the token is good and not enough.
    pub fn forbidden(description: impl Into<Cow<'static, str>>) -> Self {
        Self::told(403, "insufficient_scope", "not_allowed", description)
    }

    pub fn no_client() -> Self {
        Self::told(404, "invalid_request", "client_not_found", "Client not found")
    }

    pub fn metadata(description: impl Into<Cow<'static, str>>) -> Self {
        Self::told(400, "invalid_client_metadata", "invalid_client_metadata", description)
    }

    pub fn malformed() -> Self {
        Self::told(400, "invalid_request", "invalid_request", "Cannot parse the JSON")
    }

    /// The answer; the event of the request fails with it.
    pub fn render(&self, event: &Report<'_>) -> HttpResponse {
        match self {
            Self::Told { status, code, description, event: told } => {
                event.fail(told, Some(description));
                oauth_response::json(*status, &json!({ "error": code, "error_description": description }))
            }
            Self::Failed(cause) => {
                tracing::error!(cause, "a client registration failed");
                page_error::internal()
            }
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<NoSector> for Refused {
    fn from(NoSector(text): NoSector) -> Self {
        Self::metadata(text)
    }
}

impl From<PolicyRefusal> for Refused {
    fn from(refusal: PolicyRefusal) -> Self {
        Self::forbidden(refusal.to_string())
    }
}

impl From<crate::base::seal::CannotOpen> for Refused {
    fn from(error: crate::base::seal::CannotOpen) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<RegistrationError> for Refused {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::Policy(refusal) => refusal.into(),
            RegistrationError::Manage(error) => error.into(),
            RegistrationError::StaleToken => Self::unauthorized(super::NOT_AUTHORIZED_TO_UPDATE),
            error => Self::unauthorized(error.to_string()),
        }
    }
}

impl From<ManageError> for Refused {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::Conflict(_) => Self::metadata("Client Identifier in use"),
            ManageError::NotFound(_) => Self::no_client(),
            ManageError::Invalid(refusal) => {
                let text = match refusal {
                    Refusal::Message(text) | Refusal::Error(text) => text,
                    Refusal::Described { description, .. } => description,
                };
                // RFC 7591 §3.2.2 has a code of its own for them.
                let code = if text.contains("redirect URI") { "invalid_redirect_uri" } else { "invalid_client_metadata" };
                Self::told(400, code, code, text)
            }
            ManageError::Overtaken | ManageError::Store(StoreError::Contention | StoreError::Exists { .. }) => {
                Self::told(409, "conflict", "invalid_request", "Concurrent changes to the same resource")
            }
            error => Self::Failed(error.to_string()),
        }
    }
}
