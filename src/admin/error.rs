//! Refusals in the three shapes of Keycloak's Admin REST API: `{"error"}`, `{"errorMessage"}`, and code with description; a
//! broken user profile has a shape of its own.

use std::borrow::Cow;

use actix_web::HttpResponse;
use serde_json::json;

use crate::base::password_hash::Overloaded;
use crate::base::seal::CannotOpen;
use crate::keyring::KeyError;
use crate::manage::error::{ManageError, Refusal};
use crate::store::StoreError;
use crate::web::oauth_response;
use crate::web::page_error::{self, json_error};

/// Why an operation did nothing.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A rule of [`crate::manage`] refused.
    #[error(transparent)]
    Manage(#[from] ManageError),
    /// A refusal of the interface itself.
    #[error("{status}: {refusal}")]
    Refused { status: u16, refusal: Refusal },
    /// The caller lacks a role that only the operation knows of.
    #[error("forbidden")]
    Forbidden,
    /// The feature is not there (501).
    #[error("the feature is not enabled")]
    NotEnabled,
    /// Too many passwords are being hashed.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    #[error("{0}")]
    Failed(String),
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Manage(error.into())
    }
}

impl From<CannotOpen> for AdminError {
    fn from(error: CannotOpen) -> Self {
        Self::Manage(error.into())
    }
}

impl From<KeyError> for AdminError {
    fn from(error: KeyError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl AdminError {
    /// `{"error": text}`
    pub fn error(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused { status, refusal: Refusal::Error(text.into()) }
    }

    /// `{"errorMessage": text}`
    pub fn message(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused { status, refusal: Refusal::Message(text.into()) }
    }

    /// `{"error": code, "error_description": description}`
    pub fn described(status: u16, code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused { status, refusal: Refusal::Described { code, description: description.into() } }
    }

    pub fn render(&self) -> HttpResponse {
        match self {
            Self::Manage(error) => manage(error),
            Self::Refused { status, refusal } => refuse(*status, refusal),
            Self::Forbidden => json_error(403, "HTTP 403 Forbidden"),
            Self::NotEnabled => refuse(501, &Refusal::Error("Feature not enabled".into())),
            Self::Overloaded(_) => json_error(503, "Too many passwords are being hashed"),
            Self::Failed(reason) => {
                tracing::error!(reason, "an administration request failed");
                page_error::internal()
            }
        }
    }
}

fn manage(error: &ManageError) -> HttpResponse {
    match error {
        ManageError::NotFound(refusal) => refuse(404, refusal),
        ManageError::Conflict(refusal) => refuse(409, refusal),
        ManageError::Invalid(refusal) => refuse(400, refusal),
        ManageError::Profile(violations) => match violations.as_slice() {
            [one] => oauth_response::json(400, one),
            several => oauth_response::json(400, &json!({ "errors": several })),
        },
        // Others changed the same thing all the time, or it is on its way out: asking again helps.
        ManageError::Overtaken | ManageError::Store(StoreError::Contention | StoreError::Exists { .. }) => {
            refuse(409, &Refusal::Described { code: "conflict", description: "Concurrent changes to the same resource".into() })
        }
        ManageError::Store(StoreError::BeingDeleted { .. }) => refuse(409, &Refusal::Message("The resource is being deleted".into())),
        ManageError::Overloaded(_) => json_error(503, "Too many passwords are being hashed"),
        ManageError::Store(_) | ManageError::Sealed(_) => {
            tracing::error!(%error, "an administration request failed");
            page_error::internal()
        }
    }
}

fn refuse(status: u16, refusal: &Refusal) -> HttpResponse {
    let body = match refusal {
        Refusal::Message(text) => json!({ "errorMessage": text }),
        Refusal::Error(text) if status >= 500 => {
            json!({ "error": text, "error_description": "For more on this error consult the server log." })
        }
        Refusal::Error(text) => json!({ "error": text }),
        Refusal::Described { code, description } => json!({ "error": code, "error_description": description }),
    };
    tracing::debug!(status, %refusal, "an administration request was refused");
    oauth_response::json(status, &body)
}
