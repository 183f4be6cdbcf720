//! `/admin/{realm}/console/whoami`: who is signed in to the administration console, and what he may do in the realm that it shows.

use actix_web::HttpResponse;
use serde_json::{Map, json};

use crate::model::realm::Realm;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::error::AdminError;

const CONSOLE: &str = "security-admin-console";

/// `GET /admin/{realm}/console/whoami`: only for tokens of the console.
pub async fn whoami(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let own = &cx.caller.realm.realm;
    if cx.parameter("realm") != own.name {
        return Err(AdminError::error(401, "HTTP 401 Unauthorized"));
    }
    let client = &cx.caller.client.client.client_id;
    if client != CONSOLE {
        return Err(AdminError::error(403, format!("Token issued for an application that is not the admin console: {client}")));
    }
    let name = cx.argument("currentRealm").unwrap_or(&own.name);
    let shown: Option<Realm> = cx.app.store.peek().realms().by_name(name).await?;
    let mut access = Map::new();
    if let Some(realm) = shown {
        let mut roles: Vec<&str> = cx.caller.roles_over(&realm);
        roles.sort_unstable();
        if !roles.is_empty() {
            access.insert(realm.name, json!(roles));
        }
    }
    let user = &cx.caller.user;
    let names = [user.first_name.as_deref(), user.last_name.as_deref()];
    let display_name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let locale = user.attributes.get("locale").and_then(|locales| locales.first()).map_or("en", String::as_str);
    Ok(answer::document(&json!({
        "userId": user.id,
        "realm": own.name,
        "displayName": if display_name.is_empty() { &user.username } else { &display_name },
        "locale": locale,
        "createRealm": own.is_master() && cx.caller.has_realm_role("create-realm"),
        "realm_access": access,
        "temporary": false,
    })))
}
