//! `/client-registration-policy/providers`: which policies there are and how each is configured, for a form to ask.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::model::protocol_mapper::TYPES;
use crate::store::txn::Reader as _;
use crate::web::administrator::AdminRequest;

use super::answer;
use super::error::AdminError;

/// Id, what it is for, and its settings: name, label, type, default, what it means.
type Provider = (&'static str, &'static str, &'static [Setting]);
type Setting = (&'static str, &'static str, &'static str, Option<&'static str>, &'static str);

const PROVIDERS: &[Provider] = &[
    (
        "allowed-client-templates",
        "Which client scopes a client may ask for when it registers.",
        &[
            ("allowed-client-scopes", "Allowed client scopes", "MultivaluedList", None, "The scopes that may be asked for by name."),
            (
                "allow-default-scopes",
                "Allow default scopes",
                "boolean",
                Some("true"),
                "Whether the realm's default and optional scopes may be asked for, too.",
            ),
        ],
    ),
    (
        "allowed-protocol-mappers",
        "Which types of protocol mappers a client may bring along.",
        &[(
            "allowed-protocol-mapper-types",
            "Allowed types",
            "MultivaluedList",
            None,
            "The types that may be brought along; all others refuse the request.",
        )],
    ),
    ("client-disabled", "A client that registers is disabled until an administrator enables it.", &[]),
    ("consent-required", "A client that registers asks its users for consent, and cannot stop asking.", &[]),
    (
        "max-clients",
        "How many clients the realm may have before nobody registers another one.",
        &[("max-clients", "Clients per realm", "String", Some("200"), "At this number the next registration is refused.")],
    ),
    (
        "registration-web-origins",
        "Which web origins may register clients from a script.",
        &[("web-origins", "Web origins", "MultivaluedString", None, "Origins that may read the answers of the registration endpoint.")],
    ),
    ("scope", "A client that registers is not given all roles of its users, and cannot ask for them.", &[]),
    (
        "trusted-hosts",
        "Who may register, by host, and where the addresses of a client may lead.",
        &[
            (
                "trusted-hosts",
                "Trusted hosts",
                "MultivaluedString",
                None,
                "Host names or addresses; *.example.org stands for all hosts below a domain.",
            ),
            (
                "host-sending-registration-request-must-match",
                "Sender must match",
                "boolean",
                Some("true"),
                "Whether the request has to come from one of the trusted hosts.",
            ),
            (
                "client-uris-must-match",
                "Addresses must match",
                "boolean",
                Some("true"),
                "Whether every address of the client has to lead to a trusted host.",
            ),
        ],
    ),
];

/// `GET …/client-registration-policy/providers`
pub async fn providers(cx: AdminRequest) -> Result<HttpResponse, AdminError> {
    let scopes = cx.app.store.peek().client_scopes().list(&cx.realm().id).await?;
    let mut scopes: Vec<String> = scopes.into_iter().map(|scope| scope.name).collect();
    scopes.sort_unstable();
    let shown: Vec<Value> = PROVIDERS
        .iter()
        .map(|(id, help, settings)| {
            let properties: Vec<Value> = settings.iter().map(|setting| property(setting, &scopes)).collect();
            json!({ "id": id, "helpText": help, "properties": properties, "metadata": {} })
        })
        .collect();
    Ok(answer::document(&shown))
}

/// `ConfigPropertyRepresentation`
fn property((name, label, kind, default, help): &Setting, scopes: &[String]) -> Value {
    let mut shown = json!({
        "name": name, "label": label, "helpText": help, "type": kind, "secret": false, "required": false, "readOnly": false,
    });
    if let Some(default) = default {
        shown["defaultValue"] = if *kind == "boolean" { json!(*default == "true") } else { json!(default) };
    }
    match *name {
        "allowed-client-scopes" => shown["options"] = json!(scopes),
        "allowed-protocol-mapper-types" => shown["options"] = json!(TYPES),
        _ => {}
    }
    shown
}
