//! `/users/{user-id}/consents`: which clients act in the user's name: those that he allowed it, and those with an offline token.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

use crate::base::id::ClientId;
use crate::manage::error::ManageError;
use crate::model::consent::Consent;
use crate::sessions;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::existing;
use super::sessions::of_user;
use crate::admin::answer;
use crate::admin::change::change;
use crate::admin::clients::scope_names;
use crate::admin::error::AdminError;

/// `GET …/consents`
pub async fn list(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let (realm, mut peek) = (&cx.realm().id, cx.app.store.peek());
    let mut of_client: BTreeMap<ClientId, (Option<Consent>, bool)> = BTreeMap::new();
    for consent in peek.consents().get(realm, &user.id).await?.0 {
        let client = consent.client.clone();
        of_client.entry(client).or_default().0 = Some(consent);
    }
    for client in of_user(&cx, &user.id, true).await?.into_iter().flat_map(|session| session.clients.into_keys()) {
        of_client.entry(client).or_default().1 = true;
    }
    let names = scope_names(&cx).await?;
    let mut shown = Vec::new();
    for (id, (consent, offline)) in of_client {
        let Some(client) = peek.clients().get(realm, &id).await? else { continue };
        let mut one = Map::new();
        let scopes: Vec<&String> = consent.iter().flat_map(|consent| &consent.scopes).filter_map(|scope| names.get(scope)).collect();
        one.insert("clientId".to_owned(), json!(client.client_id));
        one.insert("grantedClientScopes".to_owned(), json!(scopes));
        if let Some(consent) = consent {
            one.insert("createdDate".to_owned(), json!(consent.created));
            one.insert("lastUpdatedDate".to_owned(), json!(consent.updated));
        }
        let grants = if offline { json!([{ "client": client.id, "key": "Offline Token" }]) } else { json!([]) };
        one.insert("additionalGrants".to_owned(), grants);
        shown.push(Value::Object(one));
    }
    Ok(answer::document(&shown))
}

/// `DELETE …/consents/{client}`: takes back what the user allowed, and the client's offline tokens.
pub async fn revoke(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let user = existing(&cx).await?;
    let realm = cx.realm();
    let client = cx.app.store.peek().clients().by_client_id(&realm.id, cx.parameter("client")).await?;
    let client = client.ok_or_else(|| AdminError::error(404, "Client not found"))?;
    let offline = of_user(&cx, &user.id, true).await?.iter().any(|session| session.clients.contains_key(&client.id));
    let (id, user_id, client_id) = (&realm.id, &user.id, &client.id);
    let revoked = change!(cx, |txn| async {
        if txn.users().get(id, user_id).await?.is_none() {
            return Err(ManageError::no_user());
        }
        let mut consents = txn.consents().get(id, user_id).await?;
        let before = consents.0.len();
        consents.0.retain(|consent| consent.client != *client_id);
        let gone = consents.0.len() < before;
        if gone {
            txn.consents().put(id, user_id, &consents);
        }
        // Offline tokens go, too; that is told in the same event.
        Ok(gone || offline)
    })?;
    if !revoked {
        return Err(AdminError::error(404, "Consent nor offline token not found"));
    }
    sessions::revoke_offline(&cx.app.store, realm, &user.id, &client.id).await?;
    Ok(answer::done())
}
