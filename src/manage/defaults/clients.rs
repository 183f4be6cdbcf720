//! The built-in clients.

use crate::base::id::{ClientId, ProtocolMapperId};
use crate::base::random::Random;
use crate::model::client::Client;
use crate::model::protocol_mapper::ProtocolMapper;

use super::{client_scopes, texts};

pub const ACCOUNT: &str = "account";
pub const ACCOUNT_CONSOLE: &str = "account-console";
pub const ADMIN_CLI: &str = "admin-cli";
pub const BROKER: &str = "broker";
pub const REALM_MANAGEMENT: &str = "realm-management";
pub const SECURITY_ADMIN_CONSOLE: &str = "security-admin-console";

/// The client in master whose roles administer `realm`.
pub fn administration_client_id(realm: &str) -> String {
    format!("{realm}-realm")
}

/// Whether Keycloak refuses to delete the client with this id.
pub fn is_built_in(client_id: &str, realm: &str, master: bool) -> bool {
    let fixed = [ACCOUNT, ACCOUNT_CONSOLE, ADMIN_CLI, BROKER, SECURITY_ADMIN_CONSOLE];
    fixed.contains(&client_id) || if master { client_id == administration_client_id(realm) } else { client_id == REALM_MANAGEMENT }
}

/// The clients that every realm has, `realm-management` not among them.
pub fn of_every_realm(random: &dyn Random, realm: &str) -> Vec<Client> {
    let account_urls = |client: Client| Client {
        root_url: Some("${authBaseUrl}".to_owned()),
        base_url: Some(format!("/realms/{realm}/account/")),
        redirect_uris: vec![format!("/realms/{realm}/account/*")],
        ..client
    };
    vec![
        account_urls(public(random, ACCOUNT, &[("post.logout.redirect.uris", "+")])),
        Client {
            protocol_mappers: vec![audience_resolve(random)],
            ..account_urls(public(random, ACCOUNT_CONSOLE, &[("post.logout.redirect.uris", "+"), ("pkce.code.challenge.method", "S256")]))
        },
        Client {
            standard_flow_enabled: false,
            direct_access_grants_enabled: true,
            full_scope_allowed: true,
            ..public(random, ADMIN_CLI, &[("client.use.lightweight.access.token.enabled", "true")])
        },
        role_holder(random, BROKER, "${client_broker}"),
        Client {
            root_url: Some("${authAdminUrl}".to_owned()),
            base_url: Some(format!("/admin/{realm}/console/")),
            redirect_uris: vec![format!("/admin/{realm}/console/*")],
            web_origins: vec!["+".to_owned()],
            full_scope_allowed: true,
            protocol_mappers: vec![client_scopes::attribute(random, "locale", "locale", "locale", "String")],
            ..public(
                random,
                SECURITY_ADMIN_CONSOLE,
                &[
                    ("client.use.lightweight.access.token.enabled", "true"),
                    ("post.logout.redirect.uris", "+"),
                    ("pkce.code.challenge.method", "S256"),
                ],
            )
        },
    ]
}

/// A client that only holds roles: nobody gets tokens through it.
pub fn role_holder(random: &dyn Random, client_id: &str, name: &str) -> Client {
    Client {
        name: Some(name.to_owned()),
        bearer_only: true,
        public_client: false,
        attributes: texts(&[("realm_client", "true")]),
        ..public(random, client_id, &[])
    }
}

fn public(random: &dyn Random, client_id: &str, attributes: &[(&str, &str)]) -> Client {
    Client {
        id: ClientId::random(random),
        client_id: client_id.to_owned(),
        name: Some(format!("${{client_{client_id}}}")),
        enabled: true,
        client_authenticator_type: "client-secret".to_owned(),
        standard_flow_enabled: true,
        public_client: true,
        protocol: Some("openid-connect".to_owned()),
        attributes: texts(&[attributes, &[("realm_client", "false")]].concat()),
        ..Client::default()
    }
}

fn audience_resolve(random: &dyn Random) -> ProtocolMapper {
    ProtocolMapper {
        id: ProtocolMapperId::random(random),
        name: "audience resolve".to_owned(),
        protocol: "openid-connect".to_owned(),
        protocol_mapper: "oidc-audience-resolve-mapper".to_owned(),
        consent_required: false,
        config: texts(&[]),
    }
}
