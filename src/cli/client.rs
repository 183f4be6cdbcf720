//! `keywright client`: the clients of a realm, and their secrets. A secret is shown by `client secret get` and by nothing else.

use clap::{Args, Subcommand};

use serde_json::{Map, Value, json};

use super::api::{Api, flag, own, text, words};
use super::examples;
use super::failure::{Code, Failure};
use super::local::Noun;
use super::output::{Column, Output, Row, column, duration, wide};
use super::prompt::{Wanted, confirm};
use super::settings::Settings;
use crate::manage::client_secrets::SecretRotation;
use crate::manage::clients::ClientSettings;
use crate::manage::realms::MASK;

#[derive(Subcommand)]
#[command(before_help = examples![
    "keywright client list --realm acme",
    "keywright client create api --realm acme --service-account",
    "keywright client secret get api --realm acme"
])]
pub(super) enum Verb {
    /// All clients of the realm
    #[command(before_help = examples![
        "keywright client list",
        "keywright client list --realm acme -o wide",
        "keywright client list --json | jq -r 'select(.publicClient) | .clientId'"
    ])]
    List,
    /// One client with its settings; its secret is masked
    #[command(before_help = examples![
        "keywright client get api",
        "keywright client get api --realm acme --json",
        "keywright client get api -o yaml"
    ])]
    Get {
        #[arg(value_name = "CLIENT")]
        name: String,
    },
    /// Create a client; a confidential one gets a generated secret unless one is given
    #[command(before_help = examples![
        "keywright client create api --service-account               # for client_credentials",
        "keywright client create web --redirect-uri https://app.example.com/callback",
        "keywright client create cli-tool --public --direct-access -s name='Our tool'"
    ])]
    Create(Create),
    /// Change settings of a client
    #[command(before_help = examples![
        "keywright client set api -s enabled=false",
        "keywright client set web -s redirectUris='[\"https://a.example.com/cb\",\"https://b.example.com/cb\"]'",
        "keywright client set api -s attributes.access.token.lifespan=300"
    ])]
    Set {
        #[arg(value_name = "CLIENT")]
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Delete a client with its roles and its service account
    #[command(before_help = examples![
        "keywright client delete api",
        "keywright client delete api --realm acme --yes",
        "keywright client get api --json > api.json && keywright client delete api --yes"
    ])]
    Delete {
        #[arg(value_name = "CLIENT")]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Show or replace a client's secret
    #[command(subcommand)]
    Secret(SecretVerb),
}

#[derive(Args)]
pub(super) struct Create {
    #[arg(value_name = "CLIENT")]
    name: String,
    /// A client without secret: an app or a page that cannot keep one
    #[arg(long, conflicts_with_all = ["service_account", "secret", "secret_file"])]
    public: bool,
    /// Let it have tokens of its own (client_credentials)
    #[arg(long)]
    service_account: bool,
    /// Let it send its users' passwords (the password grant)
    #[arg(long)]
    direct_access: bool,
    /// Where browsers may be sent back to; may be repeated
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// Its secret instead of a generated one: - reads a line of standard input
    #[arg(long, value_name = "-", conflicts_with = "secret_file")]
    secret: Option<String>,
    /// A file with its secret
    #[arg(long, value_name = "FILE")]
    secret_file: Option<std::path::PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
#[command(before_help = examples![
    "keywright client secret get api",
    "keywright client secret rotate api",
    "keywright client secret get api | keywright token get --client api --secret -"
])]
pub(super) enum SecretVerb {
    /// Print the secret of a client
    #[command(before_help = examples![
        "keywright client secret get api",
        "keywright client secret get api --realm acme --json",
        "keywright client secret get api | keywright token get --client api --secret -"
    ])]
    Get {
        #[arg(value_name = "CLIENT")]
        name: String,
    },
    /// Give a client a new secret and print it
    #[command(before_help = examples![
        "keywright client secret rotate api                       # the old one is worth nothing from then on",
        "keywright client secret rotate api --keep-old 24h        # both count for a day",
        "keywright client secret rotate api --realm acme --yes > new-secret"
    ])]
    Rotate {
        #[arg(value_name = "CLIENT")]
        name: String,
        /// How long the old secret counts on (90s, 30m, 24h, 7d)
        #[arg(long, value_name = "TIME", value_parser = seconds, default_value = "0s")]
        keep_old: u32,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

const COLUMNS: [Column; 7] =
    [column("CLIENT"), column("ENABLED"), column("TYPE"), column("FLOWS"), column("NAME"), wide("REDIRECT URIS"), wide("ID")];

pub(super) fn run(noun: Noun<Verb>, output: &Output) -> Result<(), Failure> {
    noun.work(async |api, realm, verb| match verb {
        Verb::List => {
            let mut clients = api.list(&[realm, "clients"], &[]).await?;
            clients.sort_by_key(|client| text(client, "clientId"));
            output.list(&COLUMNS, &clients.into_iter().map(row).collect::<Vec<_>>());
            Ok(())
        }
        Verb::Get { name } => {
            output.one(&COLUMNS, &row(api.client(realm, &name).await?));
            Ok(())
        }
        Verb::Create(arguments) => create(api, realm, &arguments, output).await,
        Verb::Set { name, settings } => set(api, realm, &name, &settings, output).await,
        Verb::Delete { name, yes } => {
            let client = api.client(realm, &name).await?;
            let name = text(&client, "clientId");
            confirm(&format!("delete client {name} of realm {realm}"), yes)?;
            api.delete(&[realm, "clients", &text(&client, "id")], &[], None).await?;
            output.note(&format!("client {name} is deleted"));
            Ok(())
        }
        Verb::Secret(verb) => secret(api, realm, verb, output).await,
    })
}

async fn create(api: &Api<'_>, realm: &str, arguments: &Create, output: &Output) -> Result<(), Failure> {
    let wanted = Wanted {
        what: "the client's secret",
        flag: "--secret",
        text: arguments.secret.as_deref(),
        file: arguments.secret_file.as_deref(),
        variable: None,
    };
    let mut members = members_of(&arguments.settings)?;
    let switches = [
        ("publicClient", arguments.public),
        ("serviceAccountsEnabled", arguments.service_account),
        ("directAccessGrantsEnabled", arguments.direct_access),
    ];
    for (name, _) in switches.iter().filter(|(_, on)| *on) {
        members.entry(*name).or_insert(Value::Bool(true));
    }
    if !arguments.redirect_uri.is_empty() {
        members.entry("redirectUris").or_insert_with(|| json!(arguments.redirect_uri));
    }
    if let Some(secret) = wanted.given()? {
        members.insert("secret".to_owned(), json!(secret.expose()));
    }
    members.insert("clientId".to_owned(), json!(arguments.name));
    let id = api.create(&[realm, "clients"], &Value::Object(members)).await?;
    let client = api.get(&[realm, "clients", &id], &[]).await?;
    let is_confidential = kind(&client) == "confidential";
    output.one(&COLUMNS, &row(client));
    if is_confidential {
        output.note(&format!("its secret: keywright client secret get {} --realm {realm}", arguments.name));
    }
    Ok(())
}

async fn set(api: &Api<'_>, realm: &str, name: &str, settings: &Settings, output: &Output) -> Result<(), Failure> {
    if settings.is_empty() {
        return Err(Failure::usage("there is nothing to set").advice("for example -s enabled=false"));
    }
    let id = text(&api.client(realm, name).await?, "id");
    let at = [realm, "clients", &id];
    api.put(&at, &Value::Object(members_of(settings)?)).await?;
    output.one(&COLUMNS, &row(api.get(&at, &[]).await?));
    Ok(())
}

fn members_of(settings: &Settings) -> Result<Map<String, Value>, Failure> {
    let current = serde_json::to_value(ClientSettings::default()).map_err(Failure::failed)?;
    settings.members::<ClientSettings>(&current)
}

async fn secret(api: &Api<'_>, realm: &str, verb: SecretVerb, output: &Output) -> Result<(), Failure> {
    let (SecretVerb::Get { name } | SecretVerb::Rotate { name, .. }) = &verb;
    let client = api.client(realm, name).await?;
    let (name, id) = (text(&client, "clientId"), text(&client, "id"));
    if kind(&client) != "confidential" {
        return Err(Failure::new(Code::NotFound, format!("client {name} is {} and has no secret", kind(&client)))
            .advice(format!("keywright client set {name} -s publicClient=false makes it confidential")));
    }
    let at = [realm, "clients", &id, "client-secret"];
    let value = match verb {
        SecretVerb::Get { .. } => text(&api.get(&at, &[]).await?, "value"),
        SecretVerb::Rotate { yes, keep_old, .. } => {
            let loss = if keep_old == 0 { ": whoever has the old one is locked out" } else { "" };
            confirm(&format!("replace the secret of client {name}{loss}"), yes)?;
            rotate(api, realm, &id, keep_old, output).await?
        }
    };
    if value.is_empty() {
        return Err(Failure::new(Code::NotFound, format!("client {name} has no secret")));
    }
    if output.is_structured() {
        output.object(&json!({ "type": "secret", "value": value }));
    } else {
        output.line(&value);
    }
    Ok(())
}

/// Keycloak's API has no overlap of two secrets; on the store there is one.
async fn rotate(api: &Api<'_>, realm: &str, id: &str, keep_old: u32, output: &Output) -> Result<String, Failure> {
    match api {
        _ if keep_old == 0 => Ok(text(&api.post(&[realm, "clients", id, "client-secret"], &json!({})).await?.json(), "value")),
        Api::Store(local) => {
            let rotation = SecretRotation { overlap: keep_old, lifetime: None };
            let secret = local.keywright().manage().rotate_client_secret(realm, &id.into(), rotation).await?;
            output.note(&format!("the old secret counts for another {}", duration(i64::from(keep_old))));
            Ok(secret.expose().clone())
        }
        Api::Server(_) => Err(Failure::usage("--keep-old works on the store of a stopped server only")),
    }
}

/// `90s`, `30m`, `24h`, `7d`.
fn seconds(text: &str) -> Result<u32, String> {
    const UNITS: [(char, u32); 4] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let unit = text.chars().last().and_then(|last| UNITS.iter().find(|(unit, _)| *unit == last));
    let seconds = unit.and_then(|(unit, length)| text.strip_suffix(*unit)?.parse::<u32>().ok()?.checked_mul(*length));
    seconds.ok_or_else(|| "a time is a number with its unit: 90s, 30m, 24h, 7d".to_owned())
}

fn row(client: Value) -> Row {
    let mut json = own(client);
    if json["secret"].is_string() {
        json["secret"] = Value::from(MASK);
    }
    Row {
        name: text(&json, "clientId"),
        cells: vec![
            text(&json, "clientId"),
            flag(&json, "enabled").to_string(),
            kind(&json).to_owned(),
            flows(&json),
            text(&json, "name"),
            words(&json, "redirectUris"),
            text(&json, "id"),
        ],
        json,
    }
}

fn kind(client: &Value) -> &'static str {
    match (flag(client, "bearerOnly"), flag(client, "publicClient")) {
        (true, _) => "bearer-only",
        (false, true) => "public",
        (false, false) => "confidential",
    }
}

fn flows(client: &Value) -> String {
    let flows = [
        ("standardFlowEnabled", "code"),
        ("implicitFlowEnabled", "implicit"),
        ("directAccessGrantsEnabled", "password"),
        ("serviceAccountsEnabled", "client_credentials"),
    ];
    flows.iter().filter(|(switch, _)| flag(client, switch)).map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        let read = ["90s", "30m", "24h", "7d", "0s"].map(|text| seconds(text).ok());
        assert_eq!(read, [Some(90), Some(1800), Some(86_400), Some(604_800), Some(0)]);
        assert!(["", "h", "24", "-1h", "24 h", "99999999999d"].iter().all(|text| seconds(text).is_err()));
    }
}
