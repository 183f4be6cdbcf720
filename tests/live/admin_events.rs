//! Admin events: what the administrator of the recordings did in realm `oracle`, done again through the Admin REST API. The newest event
//! of each kind is what was recorded.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::normalise::claims;
use super::oracle::{CALLBACK, Form};
use super::recording::Recording;
use super::replay::{Replay, token_of};
use crate::support::smtp::MailServer;

/// The administrator in realm `oracle`.
struct Administrator<'a> {
    run: &'a Replay,
}

impl Administrator<'_> {
    /// Fails the test when the server refuses.
    async fn sends(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.run.oracle.administer(method, &format!("/oracle{path}"), &body).await;
        assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text());
        let location = answer.header("location").map(|url| url.rsplit('/').next().unwrap_or_default().to_owned());
        answer.json().unwrap_or_else(|| json!({ "id": location }))
    }

    async fn reads(&self, path: &str) -> Value {
        self.sends("GET", path, Value::Null).await
    }

    fn id(&self, name: &str) -> String {
        self.run.oracle.names.id(name).unwrap_or_else(|| panic!("no {name}")).to_owned()
    }
}

/// Does it all, and notes the newest event of each kind.
pub async fn replay(run: &mut Replay) {
    let mail = MailServer::start();
    let idp = format!("127.0.0.1:{}", mail.port);
    run.oracle.names.learn_address(&idp, "{SINK}");
    let smtp = json!({"host": "127.0.0.1", "port": mail.port.to_string(), "from": "kc@example.org"});
    let settings = json!({"adminEventsEnabled": true, "adminEventsDetailsEnabled": true, "smtpServer": smtp});
    run.oracle.update_realm("oracle", settings).await;

    set_up_again(run).await;
    let session = session_of_hugo(run).await;
    let admin = Administrator { run };
    roles(&admin).await;
    users_and_sessions(&admin, &session).await;
    clients_and_realm(&admin).await;
    identity_provider(&admin, &idp).await;

    let ours = newest_of_each_kind(&admin).await;
    for row in Recording::load("events").rows {
        let Some(event) = row.name.strip_prefix("admin event ").and_then(|kind| ours.get(kind)) else { continue };
        let mut body = run.oracle.names.value(event, "");
        // The script knew no client of master.
        assert_eq!(body["authDetails"]["clientId"], "<id:client admin-cli>");
        body["authDetails"]["clientId"] = json!("<uuid>");
        run.observe(&row.name, json!({"body": body})).await;
    }
}

/// What `manage` had made already goes, and comes again by way of the administrator.
async fn set_up_again(run: &mut Replay) {
    let admin = Administrator { run };
    let (staff, night, ivan) = (admin.id("group staff"), admin.id("group staff/night"), admin.id("user ivan"));
    admin.sends("DELETE", &format!("/groups/{night}"), Value::Null).await;
    let night = admin.sends("POST", &format!("/groups/{staff}/children"), json!({"name": "night"})).await;
    admin.sends("DELETE", &format!("/users/{ivan}"), Value::Null).await;
    let password = json!([{"type": "password", "value": "pw-ivan", "temporary": false}]);
    let ivan = json!({"username": "ivan", "enabled": true, "emailVerified": true, "email": "ivan@example.org", "firstName": "Ivan",
        "lastName": "Example", "credentials": password});
    let ivan = admin.sends("POST", "/users", ivan).await;
    let client = json!({"clientId": "uma-client", "enabled": true, "protocol": "openid-connect", "publicClient": false,
        "standardFlowEnabled": true, "directAccessGrantsEnabled": true, "serviceAccountsEnabled": true,
        "redirectUris": [CALLBACK, format!("{CALLBACK}/*")], "webOrigins": ["+"], "fullScopeAllowed": true, "secret": "uma-secret",
        "authorizationServicesEnabled": true, "attributes": {"post.logout.redirect.uris": "+"}});
    let client = admin.sends("POST", "/clients", client).await;
    for (made, name) in [(night, "group staff/night"), (ivan, "user ivan"), (client, "client uma-client")] {
        run.oracle.names.learn_id(made["id"].as_str().expect("an id"), name);
    }
}

async fn roles(admin: &Administrator<'_>) {
    let (client, alice, boss) = (admin.id("client api-client"), admin.id("user alice"), admin.id("role boss"));
    let roles = format!("/clients/{client}/roles");
    admin.sends("DELETE", &format!("{roles}/api-role"), Value::Null).await;
    admin.sends("POST", &roles, json!({"name": "api-role"})).await;
    let reader = json!({"id": admin.id("role reader"), "name": "reader"});
    admin.sends("PUT", "/roles/reader", json!({"name": "reader", "description": "may read"})).await;
    admin.sends("DELETE", &format!("/roles-by-id/{boss}/composites"), json!([reader])).await;
    let reader = admin.reads("/roles/reader").await;
    admin.sends("POST", &format!("/roles-by-id/{boss}/composites"), json!([reader])).await;
    // As the script got them: boss before it was a composite.
    let boss = json!({"id": boss, "name": "boss", "composite": false, "clientRole": false, "containerId": admin.id("realm oracle"), "attributes": {}});
    admin.sends("POST", &format!("/users/{alice}/role-mappings/realm"), json!([boss])).await;
    let api_role = admin.reads(&format!("{roles}/api-role")).await;
    admin.sends("POST", &format!("/users/{alice}/role-mappings/clients/{client}"), json!([api_role])).await;
}

/// The id of a session that the recordings know.
async fn session_of_hugo(run: &mut Replay) -> String {
    let hugo = run.token(&Form::password("hugo").scope("openid")).await;
    let token = token_of(&hugo, "access_token");
    run.oracle.names.decode(&token).expect("a token");
    claims(&token)["sid"].as_str().expect("a session").to_owned()
}

async fn users_and_sessions(admin: &Administrator<'_>, session: &str) {
    let carl = format!("/users/{}", admin.id("user carl"));
    admin.sends("PUT", &carl, json!({"requiredActions": []})).await;
    admin.sends("PUT", &format!("{carl}/reset-password-email"), Value::Null).await;
    let profile = admin.reads("/users/profile").await;
    admin.sends("PUT", "/users/profile", profile).await;
    admin.sends("DELETE", &format!("/sessions/{session}"), Value::Null).await;
}

async fn clients_and_realm(admin: &Administrator<'_>) {
    let component = json!({"name": "rs512", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
        "config": {"priority": ["90"], "enabled": ["true"], "active": ["true"], "algorithm": ["RS512"], "keySize": ["2048"]}});
    admin.sends("POST", "/components", component).await;
    let client = format!("/clients/{}", admin.id("client api-client"));
    let mut settings = admin.reads(&client).await;
    // Our map of attributes has another order than Keycloak's, and what is sent is what the event shows.
    let recorded = Recording::load("events").row("admin event UPDATE CLIENT").answer["body"]["representation"]["(JSON text)"].clone();
    let attributes = settings["attributes"].take();
    let in_their_order = recorded["attributes"].as_object().expect("attributes").keys();
    settings["attributes"] = in_their_order.map(|name| (name.clone(), attributes[name].clone())).collect();
    settings["attributes"]["client.secret.creation.time"] = attributes["client.secret.creation.time"].clone();
    admin.sends("PUT", &client, settings).await;
    admin
        .sends(
            "PUT",
            "",
            json!({"registrationAllowed": false, "resetPasswordAllowed": false, "rememberMe": false, "internationalizationEnabled": false,
                "supportedLocales": []}),
        )
        .await;
    let terms = "/authentication/required-actions/TERMS_AND_CONDITIONS";
    let mut action = admin.reads(terms).await;
    action["enabled"] = json!(true);
    admin.sends("PUT", terms, action).await;
    admin.sends("POST", "/push-revocation", Value::Null).await;
}

async fn identity_provider(admin: &Administrator<'_>, address: &str) {
    let urls = |path: &str| format!("http://{address}/{path}");
    let provider = json!({"alias": "ext", "providerId": "oidc", "enabled": true, "displayName": "External", "config": {"clientId": "x",
        "clientSecret": "y", "authorizationUrl": urls("auth"), "tokenUrl": urls("token"), "defaultScope": "openid"}});
    admin.sends("POST", "/identity-provider/instances", provider).await;
    admin.sends("DELETE", "/identity-provider/instances/ext", Value::Null).await;
}

async fn newest_of_each_kind(admin: &Administrator<'_>) -> BTreeMap<String, Value> {
    let events = admin.reads("/admin-events?max=500").await;
    let mut kinds = BTreeMap::new();
    for event in events.as_array().expect("a list") {
        let text = |name: &str| event[name].as_str().unwrap_or_default();
        kinds.entry(format!("{} {}", text("operationType"), text("resourceType"))).or_insert_with(|| event.clone());
    }
    kinds
}
