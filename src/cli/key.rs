//! `keywright key`: the keys of a realm, and their rotation in three steps (a successor signs, the old key only verifies, the old
//! key is gone), so that no verifier meets a token whose key it cannot find.

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::api::{Api, text};
use super::examples;
use super::failure::{Code, Failure};
use super::local::Noun;
use super::output::{Column, Output, Row, column, number, wide};
use super::prompt::confirm;
use crate::base::clock::Timestamp;
use crate::keyring::Algorithm;
use crate::model::component::KEY_PROVIDER;

/// Configuration that a successor takes over from its predecessor.
const INHERITED: [&str; 6] =
    ["algorithm", "keySize", "secretSize", "ecdsaEllipticCurveKey", "eddsaEllipticCurveKey", "ecGenerateCertificate"];

#[derive(Subcommand)]
#[command(before_help = examples![
    "keywright key list --realm acme",
    "keywright key rotate RS256                # a new key signs from now on, the old one verifies",
    "keywright key retire gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo"
])]
pub(super) enum Verb {
    /// The keys of the realm
    #[command(before_help = examples!["keywright key list", "keywright key list --realm acme -o wide", "keywright key list --json"])]
    List,
    /// One key
    #[command(before_help = examples![
        "keywright key get gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo",
        "keywright key get gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo --json",
        "keywright key get gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo -o yaml"
    ])]
    Get {
        #[arg(value_name = "KID", allow_hyphen_values = true)]
        kid: String,
    },
    /// Make a new key that signs from now on; the old one still verifies
    #[command(before_help = examples!["keywright key rotate RS256", "keywright key rotate ES256 --realm acme", "keywright key rotate HS512 --json"])]
    Rotate {
        /// RS256, ES256, EdDSA, HS512, …
        #[arg(value_name = "ALGORITHM")]
        algorithm: String,
    },
    /// Let a key verify only; do it when every verifier has fetched the successor
    #[command(before_help = examples![
        "keywright key retire gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo",
        "keywright key retire gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo -q",
        "keywright key retire gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo --realm acme"
    ])]
    Retire {
        #[arg(value_name = "KID", allow_hyphen_values = true)]
        kid: String,
    },
    /// Take a retired key away: what it signed is worth nothing from then on
    #[command(before_help = examples![
        "keywright key disable gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo",
        "keywright key disable gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo --yes",
        "keywright key disable gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo --force --yes   # a stolen key"
    ])]
    Disable {
        #[arg(value_name = "KID", allow_hyphen_values = true)]
        kid: String,
        /// Even if it still signs: for a key that was stolen
        #[arg(long)]
        force: bool,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Delete a disabled key for good
    #[command(before_help = examples![
        "keywright key delete gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo",
        "keywright key delete gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo --yes",
        "keywright key delete gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo --realm acme --yes"
    ])]
    Delete {
        #[arg(value_name = "KID", allow_hyphen_values = true)]
        kid: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

const COLUMNS: [Column; 8] = [
    column("ALGORITHM"),
    column("USE"),
    column("STATUS"),
    number("PRIORITY"),
    column("VALID TO"),
    wide("TYPE"),
    wide("PROVIDER"),
    column("KID"),
];

pub(super) fn run(noun: Noun<Verb>, output: &Output) -> Result<(), Failure> {
    noun.work(async |api, realm, verb| {
        let keys = Keys::read(api, realm).await?;
        match verb {
            Verb::List => {
                output.list(&COLUMNS, &keys.all.iter().map(|key| row(key, output)).collect::<Vec<_>>());
                Ok(())
            }
            Verb::Get { kid } => {
                output.one(&COLUMNS, &row(keys.key(&kid)?, output));
                Ok(())
            }
            Verb::Rotate { algorithm } => rotate(api, realm, &keys, &algorithm, output).await,
            Verb::Retire { kid } => {
                let key = keys.key(&kid)?;
                if keys.is_last_active(key) {
                    return Err(Failure::failed(format!("{kid} is the only active key of its algorithm"))
                        .advice(format!("keywright key rotate {} makes its successor", text(key, "algorithm"))));
                }
                switch_off(api, realm, key, &["active"]).await?;
                output.note(&format!("key {kid} verifies and no longer signs"));
                Ok(())
            }
            Verb::Disable { kid, force, yes } => {
                let key = keys.key(&kid)?;
                confirm(&format!("take key {kid} away: every token that it signed stops working"), yes)?;
                if key["status"] == "ACTIVE" && !force {
                    return Err(Failure::failed(format!("{kid} still signs"))
                        .advice("keywright key retire KID, or --force for a key that was stolen"));
                }
                switch_off(api, realm, key, &["active", "enabled"]).await?;
                output.note(&format!("key {kid} is disabled"));
                Ok(())
            }
            Verb::Delete { kid, yes } => {
                let key = keys.key(&kid)?;
                if key["status"] != "DISABLED" {
                    return Err(Failure::failed(format!("key {kid} is still in use")).advice(format!("keywright key disable {kid} first")));
                }
                confirm(&format!("delete key {kid} for good"), yes)?;
                api.delete(&[realm, "components", &text(key, "providerId")], &[], None).await?;
                output.note(&format!("key {kid} is deleted"));
                Ok(())
            }
        }
    })
}

/// The keys of a realm, as Keycloak's `KeysMetadataRepresentation` has them.
struct Keys {
    all: Vec<Value>,
    /// The kid of the one that signs, by algorithm.
    signing: Map<String, Value>,
}

impl Keys {
    async fn read(api: &Api<'_>, realm: &str) -> Result<Self, Failure> {
        let mut answer = api.get(&[realm, "keys"], &[]).await?;
        let all = answer["keys"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let signing = answer["active"].as_object_mut().map(std::mem::take).unwrap_or_default();
        Ok(Self { all, signing })
    }

    fn key(&self, kid: &str) -> Result<&Value, Failure> {
        self.all.iter().find(|key| key["kid"] == kid).ok_or_else(|| {
            let known = self.all.iter().map(|key| text(key, "kid"));
            Failure::not_found(format!("there is no key {kid}"), kid, known).advice_unless("keywright key list shows all of them")
        })
    }

    /// Whether nothing would sign in its place.
    fn is_last_active(&self, key: &Value) -> bool {
        let is_other = |other: &&Value| other["kid"] != key["kid"] && other["algorithm"] == key["algorithm"];
        key["status"] == "ACTIVE" && !self.all.iter().filter(is_other).any(|other| other["status"] == "ACTIVE")
    }
}

/// A new provider like the one that signs with the algorithm now, with a fresh key and a priority above all others of the algorithm.
/// An imported key is followed by a generated one.
async fn rotate(api: &Api<'_>, realm: &str, keys: &Keys, algorithm: &str, output: &Output) -> Result<(), Failure> {
    let algorithm: Algorithm = algorithm.parse().map_err(|_| {
        let names: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
        Failure::usage(format!("{algorithm} is no signature algorithm")).advice(format!("there are {}", names.join(", ")))
    })?;
    let kid = keys.signing.get(algorithm.as_str()).and_then(Value::as_str);
    let kid = kid.ok_or_else(|| Failure::new(Code::NotFound, format!("the realm has no active key for {algorithm}")))?;
    let of_algorithm = keys.all.iter().filter(|key| key["algorithm"] == algorithm.as_str());
    let highest = of_algorithm.filter_map(|key| key["providerPriority"].as_i64()).max().unwrap_or(0);

    let old = provider(api, realm, keys.key(kid)?).await?;
    let kind = text(&old, "providerId");
    let mut config: Map<String, Value> =
        INHERITED.iter().filter_map(|name| Some(((*name).to_owned(), old["config"].get(name)?.clone()))).collect();
    config.insert("priority".to_owned(), json!([highest.saturating_add(1).to_string()]));
    let new = json!({
        "name": old["name"], "providerId": if kind == "rsa" { "rsa-generated" } else { &kind }, "providerType": KEY_PROVIDER,
        "config": config,
    });
    let id = api.create(&[realm, "components"], &new).await?;
    let keys = Keys::read(api, realm).await?;
    let made = keys.all.iter().find(|key| key["providerId"] == id.as_str());
    output.one(&COLUMNS, &row(made.ok_or_else(|| Failure::failed("the new key cannot be read"))?, output));
    output.note(&format!("the old key still verifies; when everybody knows the new one: keywright key retire {kid}"));
    Ok(())
}

/// The component that a key comes from.
async fn provider(api: &Api<'_>, realm: &str, key: &Value) -> Result<Value, Failure> {
    api.get(&[realm, "components", &text(key, "providerId")], &[]).await
}

async fn switch_off(api: &Api<'_>, realm: &str, key: &Value, switches: &[&str]) -> Result<(), Failure> {
    let mut component = provider(api, realm, key).await?;
    for switch in switches {
        component["config"][*switch] = json!(["false"]);
    }
    api.put(&[realm, "components", &text(key, "providerId")], &component).await
}

/// Of Keycloak's `KeyMetadataRepresentation`.
fn row(key: &Value, output: &Output) -> Row {
    Row {
        name: text(key, "kid"),
        cells: vec![
            text(key, "algorithm"),
            text(key, "use"),
            text(key, "status"),
            key["providerPriority"].to_string(),
            key["validTo"].as_i64().map_or_else(String::new, |end| output.moment(Timestamp(end))),
            text(key, "type"),
            text(key, "providerId"),
            text(key, "kid"),
        ],
        json: key.clone(),
    }
}
