//! The bodies that the noun of a path does not tell: settings of realms, small forms, plain texts, bare ids.

use serde::de::value::Error;
use serde_json::{Map, Value, json};

use crate::base::id::{RealmId, RoleId};
use crate::manage::representation::authentication::{AuthenticatorConfigRepresentation, RequiredActionConfigRepresentation};
use crate::manage::representation::credential::CredentialRepresentation;
use crate::manage::representation::realm::{RealmRepresentation, SmtpPassword};
use crate::model::client_policy::{ClientPolicy, ClientProfile};
use crate::model::realm::Realm;
use crate::model::user_profile::UserProfile;

use super::shape::Schemas;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const TEXT: &str = "text/plain";
const MULTIPART: &str = "multipart/form-data";

/// What an operation takes whose path ends like this: media type and schema.
pub struct Bodies(Vec<(&'static str, &'static str, Value)>);

impl Bodies {
    /// # Errors
    /// A representation cannot be asked for its shape.
    pub fn new(schemas: &Schemas) -> Result<Self, Error> {
        let text = || json!({ "type": "string" });
        let texts = || json!({ "type": "array", "items": { "type": "string" } });
        let any_texts = || json!({ "type": "object", "additionalProperties": { "type": "string" } });
        let members = |members: &[&str]| object(members.iter().map(|name| (*name, text())));
        schemas.insert("RealmRepresentation", realm());
        let realm = json!({ "$ref": "#/components/schemas/RealmRepresentation" });
        let wanted = || {
            let mut wanted = members(&["format", "keyAlias", "keyPassword", "storePassword", "realmAlias"]);
            wanted["properties"]["realmCertificate"] = json!({ "type": "boolean" });
            wanted["properties"]["keySize"] = integer();
            wanted["properties"]["validity"] = integer();
            wanted
        };
        let keystore = || members(&["keystoreFormat", "keyAlias", "keyPassword", "storePassword", "file"]);
        Ok(Self(vec![
            ("/admin/realms", JSON, realm.clone()),
            ("/admin/realms/{realm}", JSON, realm),
            ("/users/profile", JSON, schemas.of::<UserProfile>()?),
            ("/reset-password", JSON, schemas.of::<CredentialRepresentation>()?),
            ("/userLabel", TEXT, text()),
            ("/disable-credential-types", JSON, texts()),
            ("/execute-actions-email", JSON, texts()),
            ("/testSMTPConnection", JSON, any_texts()),
            ("/testLDAPConnection", JSON, any_texts()),
            ("/ldap-server-capabilities", JSON, any_texts()),
            ("/client-description-converter", TEXT, text()),
            ("/clients-initial-access", JSON, object([("expiration", integer()), ("count", integer()), ("webOrigins", texts())])),
            ("/client-policies/policies", JSON, object([("policies", schemas.of::<Vec<ClientPolicy>>()?)])),
            ("/client-policies/profiles", JSON, object([("profiles", schemas.of::<Vec<ClientProfile>>()?)])),
            ("/partialImport", JSON, partial_import()),
            ("/nodes", JSON, members(&["node"])),
            ("/generate-and-download", JSON, wanted()),
            ("/download", JSON, wanted()),
            ("/upload", MULTIPART, keystore()),
            ("/upload-certificate", MULTIPART, keystore()),
            ("/organizations/{org-id}/members", JSON, text()),
            ("/organizations/{org-id}/identity-providers", JSON, text()),
            ("/members/invite-user", FORM, members(&["email", "firstName", "lastName"])),
            ("/members/invite-existing-user", FORM, members(&["id"])),
            ("/events/config", JSON, events()),
            ("/localization/{locale}", JSON, any_texts()),
            ("/localization/{locale}/{key}", TEXT, text()),
            ("/flows/{flowAlias}/copy", JSON, members(&["newName"])),
            ("/executions/execution", JSON, members(&["provider"])),
            ("/executions/flow", JSON, members(&["alias", "type", "provider", "description"])),
            ("/register-required-action", JSON, members(&["providerId", "name"])),
            ("/executions/{executionId}/config", JSON, schemas.of::<AuthenticatorConfigRepresentation>()?),
            ("/authentication/config", JSON, schemas.of::<AuthenticatorConfigRepresentation>()?),
            ("/required-actions/{alias}/config", JSON, schemas.of::<RequiredActionConfigRepresentation>()?),
            ("/identity-provider/import-config", JSON, members(&["providerId", "fromUrl"])),
        ]))
    }

    /// The body of the operation at `path`.
    pub fn at(&self, path: &str) -> Option<Value> {
        // A path that begins at the root stands for itself only.
        let fits = |end: &str| if end.starts_with("/admin") { path == end } else { path.ends_with(end) };
        let (_, media_type, schema) = self.0.iter().find(|(end, ..)| fits(end))?;
        Some(json!({ "content": { *media_type: { "schema": schema } } }))
    }
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let members: Map<String, Value> = members.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({ "type": "object", "properties": members, "additionalProperties": false })
}

fn integer() -> Value {
    json!({ "type": "integer", "format": "int32" })
}

/// The settings of a realm are read by name, not by a type: what a realm without any shows says which kind of value each is.
fn realm() -> Value {
    let blank = Realm::new(RealmId::from("realm"), "realm", RoleId::from("role"));
    let shown = RealmRepresentation::of(&blank, &SmtpPassword::Masked);
    let kind = |name: &str| match shown.get(name) {
        Some(Value::Bool(_)) => json!({ "type": "boolean" }),
        Some(Value::Number(_)) => integer(),
        Some(Value::String(_)) => json!({ "type": "string" }),
        Some(Value::Array(_)) => json!({ "type": "array" }),
        Some(Value::Object(_)) => json!({ "type": "object" }),
        Some(Value::Null) | None => json!({}),
    };
    object(RealmRepresentation::names().iter().map(|name| (*name, kind(name))))
}

fn partial_import() -> Value {
    let list = |name: &str| json!({ "type": "array", "items": { "$ref": format!("#/components/schemas/{name}") } });
    object([
        ("ifResourceExists", json!({ "type": "string", "enum": ["FAIL", "SKIP", "OVERWRITE"] })),
        ("users", list("UserRepresentation")),
        ("groups", list("GroupRepresentation")),
        ("clients", list("ClientRepresentation")),
        ("identityProviders", list("IdentityProviderRepresentation")),
        ("roles", json!({ "type": "object" })),
    ])
}

fn events() -> Value {
    let flag = || json!({ "type": "boolean" });
    let texts = || json!({ "type": "array", "items": { "type": "string" } });
    object([
        ("eventsEnabled", flag()),
        ("eventsExpiration", integer()),
        ("eventsListeners", texts()),
        ("enabledEventTypes", texts()),
        ("adminEventsEnabled", flag()),
        ("adminEventsDetailsEnabled", flag()),
    ])
}
