//! Client metadata as OpenID Connect names it (Dynamic Client Registration 1.0 §2, RFC 7591 §2) and what it is of a client here.
//! Most of it is an attribute by the name that Keycloak gives it. Members that nobody here knows are ignored, as RFC 7591 §2 asks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::secret::Secret;
use crate::manage::clients::ClientSettings;
use crate::manage::protocol_mappers::NewMapper;
use crate::model::client::{Client, SECRET_EXPIRATION};
use crate::model::protocol_mapper::{PAIRWISE_SUBJECT, SECTOR_IDENTIFIER_URI};

/// What separates the values of an attribute that is a list.
const SEPARATOR: &str = "##";
const POST_LOGOUT_URIS: &str = "post.logout.redirect.uris";
/// Grant types that are switches among the attributes.
const SWITCHED_GRANTS: &[(&str, &str)] = &[
    ("urn:ietf:params:oauth:grant-type:device_code", "oauth2.device.authorization.grant.enabled"),
    ("urn:openid:params:grant-type:ciba", "oidc.ciba.grant.enabled"),
    ("urn:ietf:params:oauth:grant-type:token-exchange", "standard.token.exchange.enabled"),
];
/// Members that are attributes as they are.
const TEXTS: &[(&str, &str)] = &[
    ("logo_uri", "logoUri"),
    ("policy_uri", "policyUri"),
    ("tos_uri", "tosUri"),
    ("token_endpoint_auth_signing_alg", "token.endpoint.auth.signing.alg"),
    ("id_token_signed_response_alg", "id.token.signed.response.alg"),
    ("id_token_encrypted_response_alg", "id.token.encrypted.response.alg"),
    ("id_token_encrypted_response_enc", "id.token.encrypted.response.enc"),
    ("userinfo_signed_response_alg", "user.info.response.signature.alg"),
    ("userinfo_encrypted_response_alg", "user.info.encrypted.response.alg"),
    ("userinfo_encrypted_response_enc", "user.info.encrypted.response.enc"),
    ("request_object_signing_alg", "request.object.signature.alg"),
    ("request_object_encryption_alg", "request.object.encryption.alg"),
    ("request_object_encryption_enc", "request.object.encryption.enc"),
    ("authorization_signed_response_alg", "authorization.signed.response.alg"),
    ("authorization_encrypted_response_alg", "authorization.encrypted.response.alg"),
    ("authorization_encrypted_response_enc", "authorization.encrypted.response.enc"),
    ("tls_client_auth_subject_dn", "x509.subjectdn"),
    ("backchannel_logout_uri", "backchannel.logout.url"),
    ("frontchannel_logout_uri", "frontchannel.logout.url"),
];
/// Members that are lists.
const LISTS: &[(&str, &str)] = &[("request_uris", "request.uris"), ("default_acr_values", "default.acr.values")];
/// Members that are switches, in the order in which they are answered.
const SWITCHES: &[(&str, &str)] = &[
    ("tls_client_certificate_bound_access_tokens", "tls.client.certificate.bound.access.tokens"),
    ("dpop_bound_access_tokens", "dpop.bound.access.tokens"),
    ("backchannel_logout_session_required", "backchannel.logout.session.required"),
    ("require_pushed_authorization_requests", "require.pushed.authorization.requests"),
    ("frontchannel_logout_session_required", "frontchannel.logout.session.required"),
];

/// What an applicant asks for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Metadata {
    pub client_id: Option<String>,
    client_secret: Option<Secret<String>>,
    client_name: Option<String>,
    client_uri: Option<String>,
    redirect_uris: Option<Vec<String>>,
    post_logout_redirect_uris: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    scope: Option<String>,
    jwks_uri: Option<String>,
    jwks: Option<Value>,
    subject_type: Option<String>,
    sector_identifier_uri: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// Metadata that cannot be granted.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidMetadata;

impl Metadata {
    /// The client that this asks for; what is not named becomes or stays the default of a registered client.
    pub fn settings(self) -> Result<ClientSettings, InvalidMetadata> {
        let mut attributes = BTreeMap::new();
        self.note_others(&mut attributes)?;
        self.note_keys(&mut attributes);
        let response_types = self.response_types.filter(|types| !types.is_empty()).unwrap_or_else(|| vec!["code".to_owned()]);
        let flows = Flows::of(&response_types)?;
        let grants = self.grant_types.as_ref();
        let asks = |grant: &str| grants.map(|grants| grants.iter().any(|one| one == grant));
        if let Some(refreshes) = asks("refresh_token") {
            attributes.insert("use.refresh.tokens".to_owned(), Some(refreshes.to_string()));
        }
        for (grant, attribute) in SWITCHED_GRANTS {
            if let Some(on) = asks(grant) {
                attributes.insert((*attribute).to_owned(), Some(on.to_string()));
            }
        }
        if let Some(uris) = &self.post_logout_redirect_uris {
            attributes.insert(POST_LOGOUT_URIS.to_owned(), Some(uris.join(SEPARATOR)));
        }
        let authenticator = match self.token_endpoint_auth_method.as_deref() {
            None | Some("client_secret_basic" | "client_secret_post") => "client-secret",
            Some("client_secret_jwt") => "client-secret-jwt",
            Some("private_key_jwt") => "client-jwt",
            Some("tls_client_auth") => "client-x509",
            Some("none") => "none",
            Some(_) => return Err(InvalidMetadata),
        };
        let is_public = authenticator == "none";
        let mappers = match self.subject_type.as_deref() {
            Some("pairwise") => Some(vec![pairwise(self.sector_identifier_uri)]),
            Some("public") | None => None,
            Some(_) => return Err(InvalidMetadata),
        };
        let scopes = |text: String| text.split(' ').filter(|name| !name.is_empty() && *name != "openid").map(str::to_owned).collect();
        Ok(ClientSettings {
            client_id: self.client_id,
            name: self.client_name,
            base_url: self.client_uri,
            secret: self.client_secret,
            redirect_uris: Some(self.redirect_uris.unwrap_or_default()),
            client_authenticator_type: Some(authenticator.to_owned()),
            public_client: Some(is_public),
            standard_flow_enabled: Some(flows.code),
            implicit_flow_enabled: Some(flows.implicit),
            direct_access_grants_enabled: asks("password"),
            service_accounts_enabled: asks("client_credentials"),
            frontchannel_logout: attributes.contains_key("frontchannel.logout.url").then_some(true),
            optional_client_scopes: self.scope.map(scopes),
            protocol_mappers: mappers,
            attributes,
            ..ClientSettings::default()
        })
    }

    fn note_others(&self, attributes: &mut BTreeMap<String, Option<String>>) -> Result<(), InvalidMetadata> {
        for (member, attribute) in TEXTS {
            match self.others.get(*member) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => drop(attributes.insert((*attribute).to_owned(), Some(text.clone()))),
                Some(_) => return Err(InvalidMetadata),
            }
        }
        for (member, attribute) in SWITCHES {
            match self.others.get(*member) {
                None | Some(Value::Null) => {}
                Some(Value::Bool(on)) => drop(attributes.insert((*attribute).to_owned(), Some(on.to_string()))),
                Some(_) => return Err(InvalidMetadata),
            }
        }
        for (member, attribute) in LISTS {
            match self.others.get(*member) {
                None | Some(Value::Null) => {}
                Some(Value::Array(list)) => {
                    let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                    attributes.insert((*attribute).to_owned(), Some(texts.ok_or(InvalidMetadata)?.join(SEPARATOR)));
                }
                Some(_) => return Err(InvalidMetadata),
            }
        }
        Ok(())
    }

    /// RFC 7591 §2: `jwks_uri` and `jwks` exclude each other; the address counts, because keys change.
    fn note_keys(&self, attributes: &mut BTreeMap<String, Option<String>>) {
        let mut note = |pairs: [(&str, Option<String>); 2]| {
            attributes.extend(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)));
        };
        if let Some(url) = &self.jwks_uri {
            note([("use.jwks.url", Some("true".to_owned())), ("jwks.url", Some(url.clone()))]);
            note([("use.jwks.string", None), ("jwks.string", None)]);
        } else if let Some(keys) = &self.jwks {
            note([("use.jwks.string", Some("true".to_owned())), ("jwks.string", Some(keys.to_string()))]);
            note([("use.jwks.url", None), ("jwks.url", None)]);
        }
    }
}

/// The mappers of a client that asks for these: it decides about its subject alone, and keeps the others that it has.
pub fn keep_other_mappers(current: &Client, asked: Option<Vec<NewMapper>>) -> Vec<NewMapper> {
    let (subject, mut kept): (Vec<_>, Vec<_>) = current
        .protocol_mappers
        .iter()
        .map(NewMapper::from)
        .partition(|mapper| mapper.protocol_mapper == PAIRWISE_SUBJECT);
    for mut asked in asked.into_iter().flatten() {
        if let Some(known) = subject.first() {
            asked.name.clone_from(&known.name);
        }
        kept.push(asked);
    }
    kept
}

fn pairwise(sector: Option<String>) -> NewMapper {
    NewMapper {
        name: "pairwise subject identifier".to_owned(),
        protocol: "openid-connect".to_owned(),
        protocol_mapper: PAIRWISE_SUBJECT.to_owned(),
        config: sector.into_iter().map(|uri| (SECTOR_IDENTIFIER_URI.to_owned(), uri)).collect(),
        ..NewMapper::default()
    }
}

/// Which flows a list of response types stands for (OAuth 2.0 Multiple Response Type Encoding Practices).
struct Flows {
    code: bool,
    implicit: bool,
}

impl Flows {
    fn of(types: &[String]) -> Result<Self, InvalidMetadata> {
        let mut flows = Self { code: false, implicit: false };
        for word in types.iter().flat_map(|one| one.split(' ')) {
            match word {
                "code" => flows.code = true,
                "token" | "id_token" => flows.implicit = true,
                "none" => {}
                _ => return Err(InvalidMetadata),
            }
        }
        Ok(flows)
    }

    fn response_types(&self) -> Vec<&'static str> {
        let mut types = Vec::new();
        if self.code {
            types.extend(["code", "none"]);
        }
        if self.implicit {
            types.extend(["id_token", "id_token token"]);
        }
        if self.code && self.implicit {
            types.extend(["code id_token", "code token", "code id_token token"]);
        }
        types
    }
}

/// What only the answer to a registration says.
pub struct Registered<'a> {
    pub secret: Option<&'a Secret<String>>,
    /// The names of its optional scopes.
    pub scopes: Vec<String>,
    /// The address of this client's own registration (RFC 7592 §3).
    pub uri: &'a str,
    pub token: Option<&'a str>,
    /// When it was registered, if that was just now.
    pub issued_at: Option<i64>,
}

/// The metadata of a client.
pub fn of(client: &Client, registered: &Registered<'_>) -> Value {
    #[derive(Serialize)]
    struct Answer<'a> {
        redirect_uris: &'a [String],
        token_endpoint_auth_method: &'static str,
        grant_types: Vec<&'static str>,
        response_types: Vec<&'static str>,
        client_id: &'a str,
        #[serde(flatten)]
        others: serde_json::Map<String, Value>,
    }
    let flows = Flows { code: client.standard_flow_enabled, implicit: client.implicit_flow_enabled };
    let answer = Answer {
        redirect_uris: &client.redirect_uris,
        token_endpoint_auth_method: if client.public_client {
            "none"
        } else {
            match client.client_authenticator_type.as_str() {
                "client-jwt" => "private_key_jwt",
                "client-secret-jwt" => "client_secret_jwt",
                "client-x509" => "tls_client_auth",
                _ => "client_secret_basic",
            }
        },
        grant_types: grant_types(client),
        response_types: flows.response_types(),
        client_id: &client.client_id,
        others: others(client, registered),
    };
    serde_json::to_value(answer).expect("texts by name")
}

fn grant_types(client: &Client) -> Vec<&'static str> {
    let switches = [
        ("authorization_code", client.standard_flow_enabled),
        ("implicit", client.implicit_flow_enabled),
        ("password", client.direct_access_grants_enabled),
        ("client_credentials", client.service_accounts_enabled),
    ];
    let mut types: Vec<_> = switches.into_iter().filter_map(|(name, on)| on.then_some(name)).collect();
    types.extend(SWITCHED_GRANTS.iter().filter(|(_, attribute)| client.flag(attribute)).map(|(grant, _)| *grant));
    if client.attribute("use.refresh.tokens") != Some("false") {
        types.push("refresh_token");
    }
    types
}

fn others(client: &Client, registered: &Registered<'_>) -> serde_json::Map<String, Value> {
    let mut answer = serde_json::Map::new();
    let mut put = |name: &str, value: Value| drop(answer.insert(name.to_owned(), value));
    let secret = registered
        .secret
        .filter(|_| !client.public_client && matches!(client.client_authenticator_type.as_str(), "client-secret" | "client-secret-jwt"));
    if let Some(secret) = secret {
        put("client_secret", secret.expose().as_str().into());
        put("client_secret_expires_at", client.seconds(SECRET_EXPIRATION).unwrap_or(0).into());
    }
    for (name, value) in [("client_name", &client.name), ("client_uri", &client.base_url)] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            put(name, value.into());
        }
    }
    put("scope", registered.scopes.join(" ").into());
    if client.flag("use.jwks.url") {
        put("jwks_uri", client.attribute("jwks.url").into());
    } else if client.flag("use.jwks.string")
        && let Some(keys) = client.attribute("jwks.string").and_then(|text| serde_json::from_str(text).ok())
    {
        put("jwks", keys);
    }
    let pairwise = client.protocol_mappers.iter().find(|mapper| mapper.protocol_mapper == PAIRWISE_SUBJECT);
    put("subject_type", if pairwise.is_some() { "pairwise" } else { "public" }.into());
    if let Some(sector) = pairwise.and_then(|mapper| mapper.config.get(SECTOR_IDENTIFIER_URI)).filter(|uri| !uri.is_empty()) {
        put("sector_identifier_uri", sector.as_str().into());
    }
    for (member, attribute) in TEXTS {
        if let Some(value) = client.attribute(attribute) {
            put(member, value.into());
        }
    }
    for (member, attribute) in LISTS {
        let values = client.attribute(attribute).map(|text| text.split(SEPARATOR).collect::<Vec<_>>());
        if values.is_some() || *member == "request_uris" {
            put(member, values.unwrap_or_default().into());
        }
    }
    for (member, attribute) in SWITCHES {
        put(member, client.flag(attribute).into());
    }
    // Absent and `+` both mean: wherever the client may be redirected to at all.
    match client.attribute(POST_LOGOUT_URIS) {
        None | Some("+") => put("post_logout_redirect_uris", client.redirect_uris.clone().into()),
        Some("-") => {}
        Some(uris) => put("post_logout_redirect_uris", uris.split(SEPARATOR).collect::<Vec<_>>().into()),
    }
    if let Some(time) = registered.issued_at {
        put("client_id_issued_at", time.into());
    }
    put("registration_client_uri", registered.uri.into());
    if let Some(token) = registered.token {
        put("registration_access_token", token.into());
    }
    answer
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(metadata: Value) -> Result<ClientSettings, InvalidMetadata> {
        serde_json::from_value::<Metadata>(metadata).expect("metadata").settings()
    }

    #[test]
    fn what_is_asked_for_by_a_list_is_off_when_the_list_does_not_name_it() {
        let asked = settings(json!({ "grant_types": ["password"] })).expect("valid");
        assert_eq!((asked.direct_access_grants_enabled, asked.service_accounts_enabled), (Some(true), Some(false)));
        assert_eq!(asked.attributes["use.refresh.tokens"].as_deref(), Some("false"));
        let silent = settings(json!({})).expect("valid");
        assert_eq!((silent.direct_access_grants_enabled, silent.service_accounts_enabled), (None, None));
        assert!(!silent.attributes.contains_key("use.refresh.tokens"));
    }

    #[test]
    fn metadata_of_unknown_kinds_are_refused_and_unknown_members_ignored() {
        for bad in [
            json!({ "token_endpoint_auth_method": "nope" }),
            json!({ "response_types": ["code nope"] }),
            json!({ "subject_type": "nope" }),
            json!({ "require_pushed_authorization_requests": "yes" }),
            json!({ "request_uris": [1] }),
        ] {
            assert_eq!(settings(bad.clone()).map(drop), Err(InvalidMetadata), "{bad}");
        }
        assert!(settings(json!({ "software_statement": {}, "contacts": ["x"] })).is_ok());
    }
}
