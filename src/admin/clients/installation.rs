//! `/clients/{client-uuid}/installation/providers/{providerId}`: the settings of a client in the form that its application reads.

use std::fmt::Write as _;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value, json};

use crate::base::secret::Secret;
use crate::model::client::Client;
use crate::model::role::RoleContainer;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::{existing, visible_secret};
use crate::admin::error::AdminError;

/// What stands where the name of the application's archive goes.
const ARCHIVE: &str = "WAR MODULE NAME.war";

/// `GET …/installation/providers/{providerId}`
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let client = existing(&cx).await?;
    let unknown = || AdminError::error(404, "Unknown Provider");
    if client.protocol.as_deref() != Some("openid-connect") {
        return Err(unknown());
    }
    let secret = if client.public_client || client.bearer_only { None } else { visible_secret(&cx, &client)? };
    let settings = Settings { cx: &cx, client: &client, secret };
    match cx.parameter("providerId") {
        "keycloak-oidc-keycloak-json" => {
            let document = Value::Object(settings.keycloak_json(has_roles(&cx, &client).await?));
            Ok(text("text/plain", serde_json::to_string_pretty(&document).unwrap_or_default()))
        }
        "keycloak-oidc-jboss-subsystem" => Ok(text("application/xml", settings.subsystem_xml())),
        "keycloak-oidc-jboss-subsystem-cli" => Ok(text("text/plain", settings.subsystem_cli())),
        _ => Err(unknown()),
    }
}

struct Settings<'a> {
    cx: &'a AdminRequest,
    client: &'a Client,
    /// `None` for a client that has none to prove itself with.
    secret: Option<Secret<String>>,
}

impl Settings<'_> {
    fn server(&self) -> String {
        format!("{}/", self.cx.base_url)
    }

    fn keycloak_json(&self, own_roles: bool) -> Map<String, Value> {
        let realm = self.cx.realm();
        let mut document = Map::new();
        let mut put = |name: &str, value: Value| drop(document.insert(name.to_owned(), value));
        put("realm", json!(realm.name));
        put("auth-server-url", json!(self.server()));
        put("ssl-required", json!(realm.ssl_required));
        put("resource", json!(self.client.client_id));
        if self.client.public_client {
            put("public-client", json!(true));
        }
        if self.client.bearer_only {
            put("bearer-only", json!(true));
        }
        if let Some(secret) = &self.secret {
            put("verify-token-audience", json!(true));
            put("credentials", json!({ "secret": secret.expose() }));
        }
        if own_roles {
            put("use-resource-role-mappings", json!(true));
        }
        put("confidential-port", json!(0));
        document
    }

    /// Name and value of every setting, in the words of WildFly's subsystem.
    fn of_subsystem(&self) -> Vec<(&'static str, String)> {
        let realm = self.cx.realm();
        let mut settings = vec![
            ("realm", realm.name.clone()),
            ("auth-server-url", self.server()),
            ("ssl-required", format!("{:?}", realm.ssl_required).to_uppercase()),
            ("resource", self.client.client_id.clone()),
        ];
        for (name, on) in [("public-client", self.client.public_client), ("bearer-only", self.client.bearer_only)] {
            if on {
                settings.push((name, "true".to_owned()));
            }
        }
        settings
    }

    fn subsystem_xml(&self) -> String {
        let mut xml = format!("<secure-deployment name=\"{ARCHIVE}\">\n");
        for (name, value) in self.of_subsystem() {
            writeln!(xml, "    <{name}>{}</{name}>", escaped(&value)).expect("writing to a String cannot fail");
        }
        if let Some(secret) = &self.secret {
            writeln!(xml, "    <credential name=\"secret\">{}</credential>", escaped(secret.expose()))
                .expect("writing to a String cannot fail");
        }
        xml + "</secure-deployment>\n"
    }

    fn subsystem_cli(&self) -> String {
        let deployment = format!("/subsystem=elytron-oidc-client/secure-deployment=\"{ARCHIVE}\"");
        let settings: Vec<String> = self.of_subsystem().into_iter().map(|(name, value)| format!("{name}={}", quoted(&value))).collect();
        let mut cli = format!("{deployment}:add({})\n", settings.join(","));
        if let Some(secret) = &self.secret {
            writeln!(cli, "{deployment}/credential=secret:add(secret={})", quoted(secret.expose()))
                .expect("writing to a String cannot fail");
        }
        cli
    }
}

async fn has_roles(cx: &AdminRequest, client: &Client) -> Result<bool, AdminError> {
    let roles = cx.app.store.peek().roles().list(&cx.realm().id).await?;
    let own = RoleContainer::Client(client.id.clone());
    Ok(roles.iter().any(|role| role.container == own))
}

/// XML 1.0 §2.4.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// In the quotes of WildFly's command line.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn text(media_type: &'static str, body: String) -> HttpResponse {
    let mut response = HttpResponse::Ok().body(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
