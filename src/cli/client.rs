//! `keywright client`: the clients of a realm, and their secrets. A secret is shown by `client secret get` and by nothing else.

use clap::{Args, Subcommand};

use super::examples;
use super::failure::{Code, Failure};
use super::local::{InRealm, Local};
use super::output::{Column, Output, Row, column, duration, wide};
use super::prompt::{Wanted, confirm};
use super::settings::Settings;
use crate::base::secret::Secret;
use crate::manage::client_secrets::SecretRotation;
use crate::manage::clients::{self, ClientSettings, NewClient};
use crate::manage::realms::MASK;
use crate::manage::representation::client::ClientRepresentation;
use crate::model::client::{Client, ClientKind};
use crate::model::realm::Realm;
use crate::store::txn::Reader as _;

#[derive(Args)]
#[command(before_help = examples![
    "keywright client list --realm acme",
    "keywright client create api --realm acme --service-account",
    "keywright client secret get api --realm acme"
])]
pub(super) struct Noun {
    #[command(flatten)]
    place: InRealm,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
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
struct Create {
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
enum SecretVerb {
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

pub(super) fn run(noun: Noun, output: &Output) -> Result<(), Failure> {
    let Noun { place: InRealm { place, realm }, verb } = noun;
    place.work(async |local| {
        let realm = local.realm(&realm).await?;
        match verb {
            Verb::List => {
                let mut clients = local.app().store.peek().clients().list(&realm.id).await?;
                clients.sort_by(|a, b| a.client_id.cmp(&b.client_id));
                output.list(&COLUMNS, &rows(local, &realm, &clients).await?);
                Ok(())
            }
            Verb::Get { name } => show(local, &realm, &local.client(&realm, &name).await?, output).await,
            Verb::Create(arguments) => create(local, &realm, &arguments, output).await,
            Verb::Set { name, settings } => set(local, &realm, &name, &settings, output).await,
            Verb::Delete { name, yes } => {
                let client = local.client(&realm, &name).await?;
                confirm(&format!("delete client {} of realm {}", client.client_id, realm.name), yes)?;
                local.app().store.configuration(|txn| Box::pin(clients::delete(txn, &realm.id, &client.id))).await?;
                local.finish_jobs().await?;
                output.note(&format!("client {} is deleted", client.client_id));
                Ok(())
            }
            Verb::Secret(verb) => secret(local, &realm, verb, output).await,
        }
    })
}

async fn create(local: &Local, realm: &Realm, arguments: &Create, output: &Output) -> Result<(), Failure> {
    let wanted = Wanted {
        what: "the client's secret",
        flag: "--secret",
        text: arguments.secret.as_deref(),
        file: arguments.secret_file.as_deref(),
        variable: None,
    };
    let current = serde_json::to_value(ClientSettings::default()).map_err(Failure::failed)?;
    let given: ClientSettings = arguments.settings.read(&current)?;
    let on = |switch: bool, given: Option<bool>| given.or(switch.then_some(true));
    let settings = ClientSettings {
        client_id: Some(arguments.name.clone()),
        public_client: on(arguments.public, given.public_client),
        service_accounts_enabled: on(arguments.service_account, given.service_accounts_enabled),
        direct_access_grants_enabled: on(arguments.direct_access, given.direct_access_grants_enabled),
        redirect_uris: given.redirect_uris.clone().or_else(|| Some(arguments.redirect_uri.clone()).filter(|uris| !uris.is_empty())),
        secret: wanted.given()?.or_else(|| given.secret.clone()),
        ..given
    };
    let client = local.keywright().manage().create_client(&realm.name, &NewClient { id: None, settings }).await?;
    show(local, realm, &client, output).await?;
    if client.kind() == ClientKind::Confidential {
        output.note(&format!("its secret: keywright client secret get {} --realm {}", client.client_id, realm.name));
    }
    Ok(())
}

async fn set(local: &Local, realm: &Realm, name: &str, settings: &Settings, output: &Output) -> Result<(), Failure> {
    if settings.is_empty() {
        return Err(Failure::usage("there is nothing to set").advice("for example -s enabled=false"));
    }
    let client = local.client(realm, name).await?;
    let current = serde_json::to_value(ClientSettings::default()).map_err(Failure::failed)?;
    let changes: ClientSettings = settings.read(&current)?;
    let app = local.app();
    let changed = app
        .store
        .configuration(|txn| Box::pin(clients::update(txn, &app.env, &app.sealer, &realm.id, &client.id, &changes)))
        .await?;
    show(local, realm, &changed, output).await
}

async fn secret(local: &Local, realm: &Realm, verb: SecretVerb, output: &Output) -> Result<(), Failure> {
    let (SecretVerb::Get { name } | SecretVerb::Rotate { name, .. }) = &verb;
    let client = local.client(realm, name).await?;
    if client.kind() != ClientKind::Confidential {
        return Err(Failure::new(Code::NotFound, format!("client {} is {} and has no secret", client.client_id, kind(&client)))
            .advice(format!("keywright client set {} -s publicClient=false makes it confidential", client.client_id)));
    }
    let secret = match verb {
        SecretVerb::Get { .. } => clients::read_secret(&local.app().sealer, &realm.id, &client)?
            .ok_or_else(|| Failure::new(Code::NotFound, format!("client {} has no secret", client.client_id)))?,
        SecretVerb::Rotate { yes, keep_old, .. } => {
            let loss = if keep_old == 0 { ": whoever has the old one is locked out" } else { "" };
            confirm(&format!("replace the secret of client {}{loss}", client.client_id), yes)?;
            let rotation = SecretRotation { overlap: keep_old, lifetime: None };
            let secret = local.keywright().manage().rotate_client_secret(&realm.name, &client.id, rotation).await?;
            if keep_old > 0 {
                output.note(&format!("the old secret counts for another {}", duration(i64::from(keep_old))));
            }
            secret
        }
    };
    if output.is_structured() {
        // As GET …/clients/{id}/client-secret answers it.
        output.object(&serde_json::json!({ "type": "secret", "value": secret.expose() }));
    } else {
        output.line(secret.expose());
    }
    Ok(())
}

/// `90s`, `30m`, `24h`, `7d`.
fn seconds(text: &str) -> Result<u32, String> {
    const UNITS: [(char, u32); 4] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let unit = text.chars().last().and_then(|last| UNITS.iter().find(|(unit, _)| *unit == last));
    let seconds = unit.and_then(|(unit, length)| text.strip_suffix(*unit)?.parse::<u32>().ok()?.checked_mul(*length));
    seconds.ok_or_else(|| "a time is a number with its unit: 90s, 30m, 24h, 7d".to_owned())
}

async fn show(local: &Local, realm: &Realm, client: &Client, output: &Output) -> Result<(), Failure> {
    for row in rows(local, realm, std::slice::from_ref(client)).await? {
        output.one(&COLUMNS, &row);
    }
    Ok(())
}

async fn rows(local: &Local, realm: &Realm, clients: &[Client]) -> Result<Vec<Row>, Failure> {
    let scopes = local.app().store.peek().client_scopes().list(&realm.id).await?;
    let rows = clients.iter().map(|client| {
        let masked = client.secret.is_some().then(|| Secret::from(MASK));
        let scope_name = |id: &_| scopes.iter().find(|scope| scope.id == *id).map(|scope| scope.name.clone());
        Row {
            name: client.client_id.clone(),
            cells: vec![
                client.client_id.clone(),
                client.enabled.to_string(),
                kind(client).to_owned(),
                flows(client),
                client.name.clone().unwrap_or_default(),
                client.redirect_uris.join(" "),
                client.id.to_string(),
            ],
            json: serde_json::to_value(ClientRepresentation::of(client, masked, scope_name)).unwrap_or_default(),
        }
    });
    Ok(rows.collect())
}

const fn kind(client: &Client) -> &'static str {
    match client.kind() {
        ClientKind::Public => "public",
        ClientKind::Confidential => "confidential",
        ClientKind::BearerOnly => "bearer-only",
    }
}

fn flows(client: &Client) -> String {
    let flows = [
        (client.standard_flow_enabled, "code"),
        (client.implicit_flow_enabled, "implicit"),
        (client.direct_access_grants_enabled, "password"),
        (client.service_accounts_enabled, "client_credentials"),
    ];
    flows.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
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
