//! A realm in which every `GET` of the Admin REST API has something to show. The crate makes what its users make with it (a
//! realm, clients, users, roles, groups, passwords); the rest is made by plain requests.

use std::collections::BTreeMap;

use keycloak::types::{
    ClientRepresentation, CredentialRepresentation, GroupRepresentation, RealmRepresentation, RoleRepresentation, UserRepresentation,
};
use keycloak::{DefaultResponse, KeycloakAdmin, KeycloakAdminToken, KeycloakError};
use reqwest::{Method, Response};
use serde_json::{Value, json};

pub const REALM: &str = "acme";
pub const SECRET: &str = "secret-of-the-app-0123456789";
pub const PASSWORD: &str = "password-of-alice";

/// A server, its administrator as the crate knows him, and what is in the realm by the names that paths use.
pub struct World {
    pub admin: KeycloakAdmin,
    http: reqwest::Client,
    base: String,
    token: String,
    names: BTreeMap<&'static str, String>,
}

/// The id of what was made.
fn id(answer: Result<DefaultResponse, KeycloakError>) -> String {
    answer.expect("it is made").to_id().expect("an address").to_owned()
}

#[allow(clippy::unnecessary_wraps, reason = "every member of the crate's types is optional")]
fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

impl World {
    /// Builds the realm.
    pub async fn build(base: &str, username: &str, password: &str) -> Self {
        let http = reqwest::Client::new();
        let token = KeycloakAdminToken::acquire(base, username, password, &http).await.expect("the administrator signs in");
        let text = token.access_token().to_owned();
        let admin = KeycloakAdmin::new(base, token, http.clone());
        let mut world = Self { admin, http, base: base.to_owned(), token: text, names: BTreeMap::new() };
        world.name("realm", REALM);
        world.make_realm().await;
        world.make_roles_and_client().await;
        world.make_people().await;
        world.make_client_parts().await;
        world.make_scopes().await;
        world.make_providers().await;
        world.make_organization().await;
        world.find_authentication().await;
        world
    }

    /// What a path calls `name`.
    pub fn at(&self, name: &str) -> &str {
        self.names.get(name).unwrap_or_else(|| panic!("the realm has no {name}"))
    }

    /// A path with its names filled in.
    pub fn fill(&self, template: &str) -> String {
        let mut parts = template.split('{');
        let mut path = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').expect("a name ends");
            path += &crate::support::http::percent(self.at(name)).replace("%2F", "/");
            path += rest;
        }
        path
    }

    /// A request of the administrator to a path below the base path.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        body.into_iter().fold(request, reqwest::RequestBuilder::json).send().await.expect("the server answers")
    }

    /// The tokens of a user's password grant.
    pub async fn sign_in(&self, scope: &str) -> Value {
        let form = [
            ("grant_type", "password"),
            ("client_id", "app"),
            ("client_secret", SECRET),
            ("username", "alice"),
            ("password", PASSWORD),
            ("scope", scope),
        ];
        let url = format!("{}/realms/{REALM}/protocol/openid-connect/token", self.base);
        let answer = self.http.post(url).form(&form).send().await.expect("the server answers");
        answer.error_for_status().expect("alice signs in").json().await.expect("JSON")
    }

    fn name(&mut self, name: &'static str, value: &str) {
        self.names.insert(name, value.to_owned());
    }

    /// Does something below the realm, with a body unless that is null.
    async fn does(&self, method: Method, path: &str, body: Value) -> Response {
        let body = Some(&body).filter(|body| !body.is_null());
        let answer = self.ask(method.clone(), &self.fill(&format!("/admin/realms/{{realm}}{path}")), body).await;
        let (status, headers) = (answer.status(), answer.headers().clone());
        assert!(status.is_success(), "{method} {path}: {status} {headers:?} {}", answer.text().await.unwrap_or_default());
        answer
    }

    /// Makes something below the realm; its id gets a name.
    async fn makes(&mut self, name: &'static str, path: &str, body: Value) {
        let answer = self.does(Method::POST, path, body).await;
        let address = answer.headers().get("location").expect("an address").to_str().expect("ASCII").to_owned();
        self.name(name, address.rsplit('/').next().unwrap_or_default());
    }

    /// The first entry of a list below the realm that `fits`.
    async fn find(&self, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let list: Value = self.does(Method::GET, path, Value::Null).await.json().await.expect("JSON");
        list.as_array().expect("a list").iter().find(|one| fits(one)).expect("there is one").clone()
    }

    async fn make_realm(&self) {
        let realm = RealmRepresentation {
            realm: text(REALM),
            enabled: Some(true),
            display_name: text("Acme"),
            events_enabled: Some(true),
            admin_events_enabled: Some(true),
            admin_events_details_enabled: Some(true),
            internationalization_enabled: Some(true),
            organizations_enabled: Some(true),
            ..RealmRepresentation::default()
        };
        self.admin.post(realm).await.expect("the realm is made");
    }

    async fn make_roles_and_client(&mut self) {
        for role in ["reader", "auditor", "boss"] {
            let body = RoleRepresentation { name: text(role), description: text("of the crate"), ..RoleRepresentation::default() };
            self.admin.realm_roles_post(REALM, body).await.expect("the role is made");
        }
        let client = ClientRepresentation {
            client_id: text("app"),
            secret: text(SECRET),
            redirect_uris: Some(vec!["https://app.acme.org/*".to_owned()]),
            direct_access_grants_enabled: Some(true),
            service_accounts_enabled: Some(true),
            // Nobody listens there, so the client's nodes are not available.
            admin_url: text("https://127.0.0.1:1/admin"),
            ..ClientRepresentation::default()
        };
        let client = id(self.admin.realm_clients_post(REALM, client).await);
        let other = ClientRepresentation {
            client_id: text("other"),
            public_client: Some(true),
            full_scope_allowed: Some(false),
            ..ClientRepresentation::default()
        };
        let other = id(self.admin.realm_clients_post(REALM, other).await);
        for client in [&client, &other] {
            for role in ["writer", "editor"] {
                let body = RoleRepresentation { name: text(role), ..RoleRepresentation::default() };
                self.admin.realm_clients_with_client_uuid_roles_post(REALM, client, body).await.expect("the role is made");
            }
        }
        let reader = self.role("reader").await;
        let writer = self
            .admin
            .realm_clients_with_client_uuid_roles_with_role_name_get(REALM, &client, "writer")
            .await
            .expect("it is there");
        let editor = self
            .admin
            .realm_clients_with_client_uuid_roles_with_role_name_get(REALM, &client, "editor")
            .await
            .expect("it is there");
        let contents = vec![reader, writer];
        self.admin
            .realm_roles_with_role_name_composites_post(REALM, "boss", contents.clone())
            .await
            .expect("it contains them");
        let inner = vec![contents[0].clone(), editor];
        let client_role = self
            .admin
            .realm_clients_with_client_uuid_roles_with_role_name_composites_post(REALM, &client, "writer", inner);
        client_role.await.expect("it contains them");
        let boss = self.role("boss").await;
        for (name, value) in [("client", &*client), ("other_client", &other), ("role", "boss"), ("client_role", "writer")] {
            self.name(name, value);
        }
        self.name("role_id", boss.id.as_deref().expect("an id"));
    }

    async fn role(&self, name: &str) -> RoleRepresentation {
        self.admin.realm_roles_with_role_name_get(REALM, name).await.expect("it is there")
    }

    async fn make_people(&mut self) {
        let mut profile: Value = self.does(Method::GET, "/users/profile", Value::Null).await.json().await.expect("JSON");
        profile["unmanagedAttributePolicy"] = json!("ENABLED");
        self.does(Method::PUT, "/users/profile", profile).await;
        let user = UserRepresentation {
            username: text("alice"),
            email: text("alice@acme.org"),
            email_verified: Some(true),
            first_name: text("Alice"),
            last_name: text("Example"),
            enabled: Some(true),
            attributes: Some([("floor".to_owned(), vec!["3".to_owned()])].into()),
            ..UserRepresentation::default()
        };
        let user = id(self.admin.realm_users_post(REALM, user).await);
        let password = CredentialRepresentation {
            type_: text("password"),
            value: text(PASSWORD),
            temporary: Some(false),
            ..CredentialRepresentation::default()
        };
        self.admin
            .realm_users_with_user_id_reset_password_put(REALM, &user, password)
            .await
            .expect("the password is set");

        let group = GroupRepresentation { name: text("staff"), description: text("all"), ..GroupRepresentation::default() };
        let group = id(self.admin.realm_groups_post(REALM, group).await);
        self.admin.realm_users_with_user_id_groups_with_group_id_put(REALM, &user, &group).await.expect("she joins");
        let boss = vec![self.role("boss").await];
        let both = vec![self.role("auditor").await, boss[0].clone()];
        self.admin
            .realm_groups_with_group_id_role_mappings_realm_post(REALM, &group, both)
            .await
            .expect("they are given");
        self.admin.realm_users_with_user_id_role_mappings_realm_post(REALM, &user, boss).await.expect("it is given");

        for (name, value) in [("user", &*user), ("group", &group), ("group_path", "staff/inner")] {
            self.name(name, value);
        }
        self.does(Method::POST, "/groups/{group}/children", json!({ "name": "inner", "attributes": { "floor": ["3"] } }))
            .await;
        let writer = self.find("/clients/{client}/roles", |role| role["name"] == "writer").await;
        self.does(Method::POST, "/groups/{group}/role-mappings/clients/{client}", json!([writer])).await;
        self.does(Method::POST, "/users/{user}/role-mappings/clients/{client}", json!([writer])).await;
        self.does(Method::PUT, "/default-groups/{group}", Value::Null).await;
        // Signed in, once for good: sessions, offline sessions and what they count as consent.
        self.sign_in("openid").await;
        self.sign_in("openid offline_access").await;
    }

    async fn make_client_parts(&mut self) {
        let mapper = json!({ "name": "floor", "protocol": "openid-connect", "protocolMapper": "oidc-usermodel-attribute-mapper",
            "config": { "user.attribute": "floor", "claim.name": "floor", "jsonType.label": "String", "userinfo.token.claim": "true" } });
        self.makes("client_mapper", "/clients/{client}/protocol-mappers/models", mapper).await;
        self.does(Method::POST, "/clients/{client}/certificates/jwt.credential/generate", Value::Null).await;
        self.does(Method::POST, "/clients/{client}/nodes", json!({ "node": "node.acme.org" })).await;
        let role = self.find("/roles", |role| role["name"] == "reader").await;
        self.does(Method::POST, "/clients/{client}/scope-mappings/realm", json!([role])).await;
        let role = self.find("/clients/{other_client}/roles", |role| role["name"] == "writer").await;
        self.does(Method::POST, "/clients/{client}/scope-mappings/clients/{other_client}", json!([role])).await;
        // A secret that was rotated away and still counts.
        let rotated = json!({ "client.secret.rotated": "the-secret-before", "client.secret.rotated.expiration.time": "4000000000" });
        self.does(Method::PUT, "/clients/{client}", json!({ "attributes": rotated })).await;
        self.does(Method::POST, "/clients-initial-access", json!({ "count": 2, "expiration": 600 })).await;
        for (name, value) in
            [("certificate", "jwt.credential"), ("installation", "keycloak-oidc-keycloak-json"), ("protocol", "openid-connect")]
        {
            self.name(name, value);
        }
    }

    async fn make_scopes(&mut self) {
        let mapper = json!({ "name": "audience", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
            "config": { "included.custom.audience": "x" } });
        let scope = json!({ "name": "reports", "protocol": "openid-connect", "description": "of reports", "attributes": { "a": "b" } });
        self.makes("client_scope", "/client-scopes", scope).await;
        self.makes("scope_mapper", "/client-scopes/{client_scope}/protocol-mappers/models", mapper).await;
        let role = self.find("/roles", |role| role["name"] == "reader").await;
        self.does(Method::POST, "/client-scopes/{client_scope}/scope-mappings/realm", json!([role])).await;
        let role = self.find("/clients/{other_client}/roles", |role| role["name"] == "writer").await;
        self.does(Method::POST, "/client-scopes/{client_scope}/scope-mappings/clients/{other_client}", json!([role]))
            .await;
        self.does(Method::PUT, "/clients/{client}/optional-client-scopes/{client_scope}", Value::Null).await;
    }

    async fn make_providers(&mut self) {
        let provider = json!({ "alias": "partner", "providerId": "oidc", "displayName": "Partner", "config": { "clientId": "x",
            "clientSecret": "y", "authorizationUrl": "https://idp.example/a", "tokenUrl": "https://idp.example/t",
            "useJwksUrl": "true", "jwksUrl": "https://127.0.0.1:1/certs" } });
        self.does(Method::POST, "/identity-provider/instances", provider).await;
        let mapper = json!({ "name": "as reader", "identityProviderAlias": "partner",
            "identityProviderMapper": "oidc-hardcoded-role-idp-mapper", "config": { "role": "reader", "syncMode": "INHERIT" } });
        self.makes("identity_provider_mapper", "/identity-provider/instances/partner/mappers", mapper).await;
        let link = json!({ "userId": "alice-there", "userName": "alice" });
        self.does(Method::POST, "/users/{user}/federated-identity/partner", link).await;
        let text = format!("{}/admin/realms/{REALM}/localization/en/greeting", self.base);
        let request = self.http.put(text).bearer_auth(&self.token).header("content-type", "text/plain").body("Hello");
        assert!(request.send().await.expect("the server answers").status().is_success());
        let federation = json!({ "name": "ldap", "providerId": "ldap", "providerType": "org.keycloak.storage.UserStorageProvider",
            "config": { "editMode": ["READ_ONLY"], "enabled": ["false"], "usernameLDAPAttribute": ["uid"] } });
        self.makes("component", "/components", federation).await;
        for (name, value) in [("identity_provider", "partner"), ("provider", "oidc"), ("locale", "en"), ("text", "greeting")] {
            self.name(name, value);
        }
    }

    async fn make_organization(&mut self) {
        let acme =
            json!({ "name": "Acme", "alias": "acme", "domains": [{ "name": "acme.org", "verified": true }], "attributes": { "k": ["v"] } });
        self.makes("organization", "/organizations", acme).await;
        let user = json!(self.at("user"));
        self.does(Method::POST, "/organizations/{organization}/members", user.clone()).await;
        self.makes("org_group", "/organizations/{organization}/groups", json!({ "name": "team" })).await;
        self.does(Method::POST, "/organizations/{organization}/groups/{org_group}/children", json!({ "name": "part" }))
            .await;
        self.does(Method::PUT, "/organizations/{organization}/groups/{org_group}/members/{user}", Value::Null).await;
        self.does(Method::POST, "/organizations/{organization}/identity-providers", json!("partner")).await;
        self.name("org_group_path", "team/part");
    }

    async fn find_authentication(&mut self) {
        for (name, value) in
            [("flow_alias", "browser"), ("authenticator", "identity-provider-redirector"), ("required_action", "UPDATE_PASSWORD")]
        {
            self.name(name, value);
        }
        let flow = self.find("/authentication/flows", |flow| flow["alias"] == "browser").await;
        self.name("flow", flow["id"].as_str().expect("an id"));
        let redirector = |one: &Value| one["providerId"] == "identity-provider-redirector";
        let execution = self.find("/authentication/flows/{flow_alias}/executions", redirector).await;
        self.name("execution", execution["id"].as_str().expect("an id"));
        let config = json!({ "alias": "to the partner", "config": { "defaultProvider": "partner" } });
        self.makes("execution_config", "/authentication/executions/{execution}/config", config).await;
        let config = json!({ "config": { "max_auth_age": "300" } });
        self.does(Method::PUT, "/authentication/required-actions/{required_action}/config", config).await;
        self.does(Method::DELETE, "/authentication/required-actions/webauthn-register", Value::Null).await;
        let profile = json!({ "profiles": [{ "name": "strict", "executors": [{ "executor": "secure-session", "configuration": {} }] }] });
        self.does(Method::PUT, "/client-policies/profiles", profile).await;
        let policy = json!({ "policies": [{ "name": "for all", "enabled": false, "profiles": ["strict"],
            "conditions": [{ "condition": "any-client", "configuration": {} }] }] });
        self.does(Method::PUT, "/client-policies/policies", policy).await;
    }
}
