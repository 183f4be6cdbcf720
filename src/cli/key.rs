//! `keywright key`: the keys of a realm, and their rotation in three steps (a successor signs, the old key only verifies, the old
//! key is gone), so that no verifier meets a token whose key it cannot find.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::examples;
use super::failure::{Code, Failure};
use super::local::{InRealm, Local};
use super::output::{Column, Output, Row, column, number, wide};
use super::prompt::confirm;
use crate::keyring::rotation::{self, RotationError};
use crate::keyring::{Algorithm, Key, KeyMaker, KeyStatus, Keyring};
use crate::manage::components;
use crate::model::component::Component;
use crate::model::realm::Realm;
use crate::store::txn::Reader as _;

#[derive(Args)]
#[command(before_help = examples![
    "keywright key list --realm acme",
    "keywright key rotate RS256                # a new key signs from now on, the old one verifies",
    "keywright key retire gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo"
])]
pub(super) struct Noun {
    #[command(flatten)]
    place: InRealm,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
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
        #[arg(value_name = "KID")]
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
        #[arg(value_name = "KID")]
        kid: String,
    },
    /// Take a retired key away: what it signed is worth nothing from then on
    #[command(before_help = examples![
        "keywright key disable gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo",
        "keywright key disable gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo --yes",
        "keywright key disable gLnKVrbGLSjxeIKSGDlJ7PU0vR1KO0EsB5eWlMtwnzo --force --yes   # a stolen key"
    ])]
    Disable {
        #[arg(value_name = "KID")]
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
        #[arg(value_name = "KID")]
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

pub(super) fn run(noun: Noun, output: &Output) -> Result<(), Failure> {
    let Noun { place: InRealm { place, realm }, verb } = noun;
    place.work(async |local| {
        let realm = local.realm(&realm).await?;
        let keys = Keys::open(local, &realm).await?;
        match verb {
            Verb::List => {
                output.list(&COLUMNS, &keys.ring.keys().iter().map(|key| row(key, output)).collect::<Vec<_>>());
                Ok(())
            }
            Verb::Get { kid } => {
                output.one(&COLUMNS, &row(keys.key(&kid)?, output));
                Ok(())
            }
            Verb::Rotate { algorithm } => rotate(local, &realm, &keys, &algorithm, output).await,
            Verb::Retire { kid } => {
                let mut component = keys.component(&kid)?.clone();
                rotation::retire(&keys.ring, &mut component)?;
                put(local, &realm, &component).await?;
                output.note(&format!("key {kid} verifies and no longer signs"));
                Ok(())
            }
            Verb::Disable { kid, force, yes } => {
                let mut component = keys.component(&kid)?.clone();
                if force {
                    component.config.insert("active".to_owned(), vec!["false".to_owned()]);
                }
                confirm(&format!("take key {kid} away: every token that it signed stops working"), yes)?;
                rotation::disable(&mut component)?;
                put(local, &realm, &component).await?;
                output.note(&format!("key {kid} is disabled"));
                Ok(())
            }
            Verb::Delete { kid, yes } => {
                let component = keys.component(&kid)?;
                if keys.key(&kid)?.status != KeyStatus::Disabled {
                    return Err(Failure::failed(format!("key {kid} is still in use")).advice(format!("keywright key disable {kid} first")));
                }
                confirm(&format!("delete key {kid} for good"), yes)?;
                let id = &component.id;
                local.app().store.configuration(|txn| Box::pin(components::delete(txn, &realm.id, id))).await?;
                output.note(&format!("key {kid} is deleted"));
                Ok(())
            }
        }
    })
}

/// The keys of a realm with the components that they come from.
struct Keys {
    ring: Keyring,
    components: Vec<Component>,
}

impl Keys {
    async fn open(local: &Local, realm: &Realm) -> Result<Self, Failure> {
        let app = local.app();
        let components = app.store.peek().components().list(&realm.id).await?;
        let ring = Keyring::open(&realm.id, &components, &app.sealer).map_err(Failure::failed)?;
        Ok(Self { ring, components })
    }

    fn key(&self, kid: &str) -> Result<&Key, Failure> {
        self.ring.keys().iter().find(|key| key.kid == kid).ok_or_else(|| {
            let known = self.ring.keys().iter().map(|key| key.kid.clone());
            Failure::not_found(format!("there is no key {kid}"), kid, known).advice_unless("keywright key list shows all of them")
        })
    }

    fn component(&self, kid: &str) -> Result<&Component, Failure> {
        let provider = &self.key(kid)?.provider;
        let component = self.components.iter().find(|component| component.id == *provider);
        component.ok_or_else(|| Failure::new(Code::NotFound, format!("there is no provider {provider}")))
    }
}

async fn rotate(local: &Local, realm: &Realm, keys: &Keys, algorithm: &str, output: &Output) -> Result<(), Failure> {
    let algorithm: Algorithm = algorithm.parse().map_err(|_| {
        let names: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
        Failure::usage(format!("{algorithm} is no signature algorithm")).advice(format!("there are {}", names.join(", ")))
    })?;
    let app = local.app();
    let maker = KeyMaker { env: &app.env, realm: &realm.id, realm_name: &realm.name, sealer: &app.sealer };
    let old = keys.ring.signing_kid(algorithm).map(str::to_owned);
    let new = rotation::successor(&maker, &keys.components, algorithm)?;
    app.store.configuration(|txn| Box::pin(components::create(txn, &realm.id, &new))).await?;
    let keys = Keys::open(local, realm).await?;
    let key = keys.ring.keys().iter().find(|key| key.provider == new.id);
    output.one(&COLUMNS, &row(key.ok_or_else(|| Failure::failed("the new key cannot be read"))?, output));
    if let Some(old) = old {
        output.note(&format!("the old key still verifies; when everybody knows the new one: keywright key retire {old}"));
    }
    Ok(())
}

async fn put(local: &Local, realm: &Realm, component: &Component) -> Result<(), Failure> {
    local.app().store.configuration(|txn| Box::pin(components::update(txn, &realm.id, component))).await?;
    Ok(())
}

impl From<RotationError> for Failure {
    fn from(error: RotationError) -> Self {
        let code = if matches!(error, RotationError::NoActiveKey(_)) { Code::NotFound } else { Code::Failed };
        let failure = Self::new(code, error.to_string());
        match error {
            RotationError::LastActiveKey(_) => failure.advice("keywright key rotate ALGORITHM makes its successor"),
            RotationError::StillActive(_) => failure.advice("keywright key retire KID, or --force for a key that was stolen"),
            _ => failure,
        }
    }
}

fn row(key: &Key, output: &Output) -> Row {
    let status = match key.status {
        KeyStatus::Active => "ACTIVE",
        KeyStatus::Passive => "PASSIVE",
        KeyStatus::Disabled => "DISABLED",
    };
    let key_type = format!("{:?}", key.key_type).to_uppercase();
    let usage = key.usage.as_jwk_use().to_uppercase();
    // The members of Keycloak's KeyMetadataRepresentation, in its order.
    let mut json = Map::new();
    let mut member = |name: &str, value: Value| drop(json.insert(name.to_owned(), value));
    member("providerId", key.provider.as_str().into());
    member("providerPriority", key.priority.into());
    member("kid", key.kid.as_str().into());
    member("status", status.into());
    member("type", key_type.as_str().into());
    member("algorithm", key.algorithm.as_str().into());
    if let Some(public) = &key.public_key {
        member("publicKey", STANDARD.encode(&public.spki).into());
    }
    if let Some(certificate) = &key.certificate {
        member("certificate", STANDARD.encode(certificate).into());
    }
    member("use", usage.as_str().into());
    if let Some(end) = key.valid_to() {
        member("validTo", end.millis().into());
    }
    Row {
        name: key.kid.clone(),
        cells: vec![
            key.algorithm.clone(),
            usage,
            status.to_owned(),
            key.priority.to_string(),
            key.valid_to().map_or_else(String::new, |end| output.moment(end)),
            key_type,
            key.provider.to_string(),
            key.kid.clone(),
        ],
        json: Value::Object(json),
    }
}
