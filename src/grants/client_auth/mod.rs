//! Which client asks (RFC 6749 §2.3): a secret in Basic credentials or form fields, a signed assertion, or nothing for a public
//! client. A confidential client proves itself in the one way that its settings name.

mod assertion;
mod secret;

use std::sync::Arc;

use crate::compiled::CompiledClient;
use crate::model::client::{AuthenticationMethod, ClientKind};
use crate::model::event::detail;
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
/// No client is named, it is unknown or disabled, or its proof is missing, of another kind than the client's, or wrong.
pub async fn authenticate(cx: &GrantContext<'_>) -> Result<Arc<CompiledClient>, Refused> {
    let presented = secret::presented(cx.authorization, cx.params);
    let mut found = match &presented.client_id {
        Some(client_id) => find(cx, client_id).await?,
        None => None,
    };
    if let (None, Some(decoded)) = (&found, &presented.decoded_client_id) {
        found = find(cx, decoded).await?;
    }
    if found.is_none() && !presented.has_secret() {
        // RFC 7523 §3: the subject of an assertion is the client_id, which need not be repeated.
        found = assertion_client(cx).await?;
    }
    let Some(client) = found else {
        return Err(match presented.client_id {
            Some(_) => unknown("no such client", "client_not_found"),
            None if assertion::note_claimed(cx) => unknown("no such client that proves itself by assertions", "client_not_found"),
            None => unknown("no client_id", "client_not_found"),
        });
    };
    cx.event.client(&client.client.client_id);
    if !client.client.enabled {
        return Err(unknown("the client is disabled", "client_disabled"));
    }
    let method = client.client.authentication_method();
    let proof = match (client.client.kind(), method) {
        (ClientKind::Public, _) => Ok(()),
        (_, AuthenticationMethod::Secret) => secret::check(&client, &presented, cx.now),
        (_, AuthenticationMethod::PrivateKeyJwt) => Box::pin(assertion::check(cx, &client, assertion::Proof::PrivateKey)).await,
        (_, AuthenticationMethod::SecretJwt) => Box::pin(assertion::check(cx, &client, assertion::Proof::Secret)).await,
        (_, AuthenticationMethod::Unsupported) => Err(OAuthError::invalid_client().because("no supported clientAuthenticatorType")),
    };
    match proof {
        Ok(()) => {
            // Of a public client, too, which need not prove itself.
            let public = client.client.kind() == ClientKind::Public;
            cx.event
                .fixed_detail(detail::CLIENT_AUTH_METHOD, if public { AuthenticationMethod::Secret } else { method }.name());
            Ok(client)
        }
        Err(error) => Err(Refused { client: Some(client), error }),
    }
}

fn unknown(cause: &'static str, event: &'static str) -> Refused {
    Refused { client: None, error: OAuthError::invalid_client().because(cause).event(event) }
}

async fn find(cx: &GrantContext<'_>, client_id: &str) -> Result<Option<Arc<CompiledClient>>, Refused> {
    let found = cx.compiled.client(cx.realm, client_id).await;
    found.map_err(|error| Refused { client: None, error: error.into() })
}

/// The client that an assertion speaks for, if it is one that proves itself by assertions.
async fn assertion_client(cx: &GrantContext<'_>) -> Result<Option<Arc<CompiledClient>>, Refused> {
    let Some(client_id) = assertion::claimed_client(cx.params) else { return Ok(None) };
    let found = find(cx, &client_id).await?;
    Ok(found.filter(|client| {
        let by_assertion =
            matches!(client.client.authentication_method(), AuthenticationMethod::PrivateKeyJwt | AuthenticationMethod::SecretJwt);
        client.client.kind() != ClientKind::Public && by_assertion
    }))
}
