//! `grant_type=client_credentials` (RFC 6749 §4.4): the client asks in its own name, as its service account. There is no
//! session and no refresh token unless the client asked for them in its settings.

use std::sync::Arc;

use crate::compiled::CompiledClient;
use crate::model::client::ClientKind;
use crate::oauth::error::OAuthError;
use crate::sessions;
use crate::store::txn::Reader as _;
use crate::tokens::authorization::{Authorization, GrantKind, Subject};

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
    let mut peek = cx.store.peek();
    let Some(user) = peek.users().service_account(&realm.id, &client.client.id).await? else {
        return Err(OAuthError::service_accounts_off().because("the service account is missing"));
    };
    if !user.enabled {
        return Err(OAuthError::service_account_disabled(&user.username));
    }
    let scope = requested_scope(cx, client)?;
    let subject = Subject::load(&mut peek, &realm.id, user).await?;
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
        subject,
        session,
        scope,
        grant: GrantKind::ClientCredentials,
        auth_time: None,
        nonce: None,
        acr: "1".to_owned(),
        client_address: cx.client_address,
    })
}
