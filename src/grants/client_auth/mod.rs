//! Which client asks (RFC 6749 §2.3): Basic, form fields, or nothing for a public client.

mod secret;

use std::sync::Arc;

use crate::compiled::CompiledClient;
use crate::model::client::ClientKind;
use crate::oauth::error::OAuthError;

use super::{ClientOrigins, GrantContext};

/// A client that did not prove itself; which one it claimed to be still decides about CORS.
pub struct Refused {
    pub client: ClientOrigins,
    pub error: OAuthError,
}

/// The client of the request, proved. A bearer-only client may prove itself; the caller says whether it may go on.
///
/// # Errors
/// No client is named, it is unknown or disabled, or its proof is missing or wrong.
pub async fn authenticate(cx: &GrantContext<'_>) -> Result<Arc<CompiledClient>, Refused> {
    let presented = secret::presented(cx.authorization, cx.params);
    let unknown = |cause: &'static str| Refused { client: None, error: OAuthError::invalid_client().because(cause) };
    let Some(client_id) = &presented.client_id else { return Err(unknown("no client_id")) };
    let mut found = cx.compiled.client(cx.realm, client_id).await;
    if let (Ok(None), Some(decoded)) = (&found, &presented.decoded_client_id) {
        found = cx.compiled.client(cx.realm, decoded).await;
    }
    let client = match found {
        Ok(Some(client)) if client.client.enabled => client,
        Ok(Some(_)) => return Err(unknown("the client is disabled")),
        Ok(None) => return Err(unknown("no such client")),
        Err(error) => return Err(Refused { client: None, error: error.into() }),
    };
    let proof = match client.client.kind() {
        ClientKind::Public => Ok(()),
        ClientKind::Confidential | ClientKind::BearerOnly => secret::check(&client, &presented),
    };
    match proof {
        Ok(()) => Ok(client),
        Err(error) => Err(Refused { client: Some(client), error }),
    }
}
