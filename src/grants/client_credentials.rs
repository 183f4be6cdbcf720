//! `grant_type=client_credentials` (RFC 6749 §4.4): the client asks in its own name, as its service account. There is no
//! session and no refresh token unless the client asked for them in its settings.

use std::sync::Arc;

use crate::compiled::CompiledClient;
use crate::model::client::ClientKind;
use crate::model::event::detail;
use crate::oauth::error::OAuthError;
use crate::sessions;
use crate::tokens::authorization::{Authorization, FrontChannel, GrantKind};

use super::{GrantContext, new_session, requested_scope};

/// Keycloak's switch for clients that want a refresh token although RFC 6749 §4.4.3 advises against it.
const USE_REFRESH_TOKEN: &str = "client_credentials.use_refresh_token";

pub(super) async fn prove(cx: &GrantContext<'_>, client: &Arc<CompiledClient>) -> Result<Authorization, OAuthError> {
    if client.client.kind() == ClientKind::Public {
        return Err(OAuthError::public_client_without_service_account());
    }
    if !client.client.service_accounts_enabled {
        return Err(OAuthError::service_accounts_off());
    }
    let realm = &cx.realm.realm;
    let Some(subject) = client.service_account(cx.store, cx.realm).await? else {
        return Err(OAuthError::service_accounts_off().because("the service account is missing"));
    };
    cx.event.user(&subject.user.id);
    cx.event.detail(detail::USERNAME, &subject.user.username);
    if !subject.user.enabled {
        return Err(OAuthError::service_account_disabled(&subject.user.username));
    }
    let scope = requested_scope(cx, client).await?;
    let session = if client.client.flag(USE_REFRESH_TOKEN) {
        let session = new_session(cx, client, &subject.user.id, &scope);
        let inserted = &session;
        cx.store
            .sessions(|txn| {
                Box::pin(async move {
                    sessions::insert(txn, realm, inserted);
                    Ok::<_, OAuthError>(())
                })
            })
            .await?;
        sessions::part(&session, &client.client.id, sessions::first_of_chain(cx.env, realm))
    } else {
        None
    };
    Ok(Authorization {
        realm: Arc::clone(cx.realm),
        client: Arc::clone(client),
        lightweight: client.lightweight,
        subject,
        session,
        scope,
        grant: GrantKind::ClientCredentials,
        audience: Vec::new(),
        exchange: None,
        auth_time: None,
        nonce: None,
        front_channel: FrontChannel::default(),
        acr: "1".to_owned(),
        client_address: cx.client_address,
    })
}
