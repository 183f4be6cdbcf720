//! `/admin/serverinfo`: what this server has, for tools that draw their forms or check versions by it. `catalogue.json` names providers,
//! types and their settings as Keycloak names them, and only what is there, as far as [`crate::model::catalogue`] does not name them
//! already; tests hold it against the code.

use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use actix_web::HttpResponse;
use actix_web::http::header::HttpDate;
use serde_json::{Map, Value, json};

use crate::manage::export::KEYCLOAK_VERSION;
use crate::model::catalogue::authenticator::{AUTHENTICATORS, CLIENT_AUTHENTICATORS, FORM_ACTIONS, FORMS, Step};
use crate::model::catalogue::{Property, identity_provider};
use crate::model::event::{EventType, Operation, Resource};
use crate::web::administrator::AdminRequest;

use super::answer;
use super::error::AdminError;

/// Members of the catalogue and of the answer, in Keycloak's order.
const ORDER: &[&str] = &[
    "systemInfo",
    "cpuInfo",
    "memoryInfo",
    "profileInfo",
    "features",
    "cryptoInfo",
    "themes",
    "socialProviders",
    "identityProviders",
    "providers",
    "protocolMapperTypes",
    "builtinProtocolMappers",
    "clientInstallations",
    "componentTypes",
    "passwordPolicies",
    "enums",
    "parameterizedScopeTypes",
];

static CATALOGUE: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let mut catalogue = serde_json::from_str(include_str!("catalogue.json")).expect("a test reads the catalogue");
    add_component_types(&mut catalogue);
    catalogue
});

/// What stands in the lists of steps and mappers already, once more as component types: of each list what `providers` names.
fn add_component_types(catalogue: &mut Map<String, Value>) {
    let component = |id: &str, help: &str, properties: &[Property]| {
        let labelled = |one: &Property| Property { label: one.label.or(Some(one.name)), help_text: one.help_text.or(Some("")), ..*one };
        let properties: Vec<Property> = properties.iter().map(labelled).collect();
        json!({ "id": id, "helpText": help, "properties": properties, "metadata": {} })
    };
    let steps = |steps: &[Step]| steps.iter().map(|step| component(step.id, step.help, step.properties)).collect::<Vec<_>>();
    let clients = CLIENT_AUTHENTICATORS.iter().map(|client| component(client.step.id, client.step.help, client.step.properties));
    let imported = identity_provider::MAPPERS.iter().map(|mapper| component(mapper.id, "", mapper.properties));
    let mapped = catalogue["protocolMapperTypes"]["openid-connect"].as_array().into_iter().flatten();
    let mapped = mapped
        .map(|mapper| json!({ "id": mapper["id"], "helpText": mapper["helpText"], "properties": mapper["properties"], "metadata": {} }));
    for (kind, provider, all) in [
        ("org.keycloak.authentication.Authenticator", "authenticator", steps(AUTHENTICATORS)),
        ("org.keycloak.authentication.ClientAuthenticator", "client-authenticator", clients.collect()),
        ("org.keycloak.authentication.FormAction", "form-action", steps(FORM_ACTIONS)),
        ("org.keycloak.authentication.FormAuthenticator", "form-authenticator", steps(FORMS)),
        ("org.keycloak.broker.provider.IdentityProviderMapper", "identity-provider-mapper", imported.collect()),
        ("org.keycloak.protocol.ProtocolMapper", "protocol-mapper", mapped.collect()),
    ] {
        let here = &catalogue["providers"][provider]["providers"];
        let all: Vec<Value> = all.into_iter().filter(|one| one["id"].as_str().is_some_and(|id| here.get(id).is_some())).collect();
        catalogue["componentTypes"][kind] = Value::Array(all);
    }
}

/// `GET /admin/serverinfo`: about the machine only for administrators of `master`.
pub async fn read(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let mut parts = CATALOGUE.clone();
    parts.insert("profileInfo".to_owned(), profile());
    parts.insert("enums".to_owned(), enums());
    parts.insert("parameterizedScopeTypes".to_owned(), json!([]));
    if cx.caller.realm.realm.is_master() {
        parts.insert("systemInfo".to_owned(), system(&cx));
        parts.insert(
            "cpuInfo".to_owned(),
            json!({ "processorCount": std::thread::available_parallelism().map_or(1, std::num::NonZero::get) }),
        );
        parts.insert("memoryInfo".to_owned(), memory());
    } else {
        parts.insert("systemInfo".to_owned(), json!({ "version": KEYCLOAK_VERSION }));
    }
    let shown: Map<String, Value> = ORDER.iter().filter_map(|name| Some(((*name).to_owned(), parts.remove(*name)?))).collect();
    Ok(answer::document(&shown))
}

/// The version is that of the Keycloak whose interface this is: tools choose their requests by it. There is no Java machine to tell of.
fn system(cx: &AdminRequest) -> Value {
    let now = UNIX_EPOCH + Duration::from_secs(u64::try_from(cx.app.env.now().seconds()).unwrap_or(0));
    let up = cx.app.started.elapsed().as_millis();
    let seconds = up / 1000;
    let uptime =
        format!("{} days, {} hours, {} minutes, {} seconds", seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    json!({
        "version": KEYCLOAK_VERSION,
        "serverTime": HttpDate::from(now).to_string(),
        "uptime": uptime,
        "uptimeMillis": u64::try_from(up).unwrap_or(u64::MAX),
        "osName": std::env::consts::OS,
        "osArchitecture": std::env::consts::ARCH,
        "fileEncoding": "UTF-8",
        "userTimezone": "UTC",
        "userLocale": "en",
    })
}

fn profile() -> Value {
    let named = |kind: &str| {
        let features = CATALOGUE["features"].as_array().into_iter().flatten();
        features
            .filter(|feature| feature["type"] == kind && feature["enabled"] == false)
            .map(|feature| feature["name"].clone())
            .collect::<Vec<_>>()
    };
    let off = CATALOGUE["features"].as_array().into_iter().flatten().filter(|feature| feature["enabled"] == false);
    json!({
        "name": "default",
        "disabledFeatures": off.map(|feature| feature["name"].clone()).collect::<Vec<_>>(),
        "previewFeatures": named("PREVIEW"),
        "experimentalFeatures": named("EXPERIMENTAL"),
    })
}

fn enums() -> Value {
    let mut resources: Vec<&str> = Resource::ALL.iter().map(|resource| resource.name()).collect();
    resources.sort_unstable();
    json!({
        "operationType": Operation::ALL.iter().map(|operation| operation.name()).collect::<Vec<_>>(),
        "eventType": EventType::all().into_iter().map(EventType::name).collect::<Vec<_>>(),
        "type": ["ORGANIZATION", "REALM"],
        "resourceType": resources,
    })
}

/// Of the process, and of the machine below it.
fn memory() -> Value {
    let kibibytes = |path: &str, name: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let total = kibibytes("/proc/meminfo", "MemTotal:").unwrap_or(0) * 1024;
    let used = kibibytes("/proc/self/status", "VmRSS:").unwrap_or(0) * 1024;
    let free = total.saturating_sub(used);
    let in_words = |bytes: u64| format!("{} MB", bytes >> 20);
    json!({
        "total": total,
        "totalFormated": in_words(total),
        "used": used,
        "usedFormated": in_words(used),
        "free": free,
        "freePercentage": (free * 100).checked_div(total).unwrap_or(0),
        "freeFormated": in_words(free),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::password_policy;
    use crate::model::protocol_mapper;

    fn ids(list: &Value) -> BTreeSet<&str> {
        list.as_array().into_iter().flatten().filter_map(|item| item["id"].as_str()).collect()
    }

    #[test]
    fn every_member_of_the_catalogue_is_answered() {
        for name in CATALOGUE.keys() {
            assert!(ORDER.contains(&name.as_str()), "{name}");
        }
    }

    #[test]
    fn every_provider_with_settings_has_a_component_type() {
        for (kind, provider) in [
            ("authentication.Authenticator", "authenticator"),
            ("authentication.ClientAuthenticator", "client-authenticator"),
            ("authentication.FormAction", "form-action"),
            ("authentication.FormAuthenticator", "form-authenticator"),
            ("broker.provider.IdentityProviderMapper", "identity-provider-mapper"),
            ("protocol.ProtocolMapper", "protocol-mapper"),
        ] {
            let named = CATALOGUE["providers"][provider]["providers"].as_object().unwrap();
            let named: BTreeSet<&str> = named.keys().map(String::as_str).collect();
            assert_eq!(ids(&CATALOGUE["componentTypes"][format!("org.keycloak.{kind}")]), named, "{kind}");
        }
    }

    #[test]
    fn the_mapper_types_are_those_that_are_carried_out() {
        let known: BTreeSet<&str> = protocol_mapper::TYPES
            .iter()
            .copied()
            .filter(|name| !name.starts_with("saml") && !name.starts_with("docker"))
            .collect();
        assert_eq!(ids(&CATALOGUE["protocolMapperTypes"]["openid-connect"]), known);
        let providers = CATALOGUE["providers"]["protocol-mapper"]["providers"].as_object().unwrap();
        assert_eq!(providers.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
    }

    #[test]
    fn the_password_policies_are_those_that_are_judged() {
        assert_eq!(ids(&CATALOGUE["passwordPolicies"]), password_policy::IDS.iter().copied().collect());
    }
}
