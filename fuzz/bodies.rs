//! What is fuzzed: a function per kind of input. Each takes any bytes and returns; a panic, an abort or a hang is a finding.

use std::sync::Arc;

use futures_util::FutureExt as _;
use keywright::base::clock::Timestamp;
use keywright::base::password_hash::PasswordHash;
use keywright::base::spelling;
use keywright::compiled::CompiledRealm;
use keywright::compiled::claim_path::ClaimPath;
use keywright::config;
use keywright::embed::Keywright;
use keywright::keyring::JwkSet;
use keywright::manage::import::{Importer, OnConflict, Source};
use keywright::manage::representation::client::ClientRepresentation;
use keywright::manage::representation::component::ComponentRepresentation;
use keywright::manage::representation::user::UserRepresentation;
use keywright::model::client::Client;
use keywright::model::credential::Credentials;
use keywright::model::password_policy::{Owner, PasswordPolicy};
use keywright::model::realm::Realm;
use keywright::model::user::User;
use keywright::model::user_profile::UserProfile;
use keywright::model::user_session::UserSession;
use keywright::oauth::params::Params;
use keywright::store::value;
use keywright::tokens::verify;

/// What inputs are judged against.
pub struct World {
    pub realm: Arc<CompiledRealm>,
    pub issuer: String,
    pub now: Timestamp,
    /// Where files may be put.
    pub directory: std::path::PathBuf,
    /// A server of its own, whose store keeps everything in memory.
    pub app: Keywright,
}

/// A target: its folder in the corpus, and what it does.
pub type Body = fn(&World, &[u8]);

pub const BODIES: [(&str, Body); 10] = [
    ("form", form),
    ("jwt", jwt),
    ("jwk_set", jwk_set),
    ("claim_path", claim_path),
    ("configuration", configuration),
    ("stored_value", stored_value),
    ("representation", representation),
    ("password_policy", password_policy),
    ("password_hash", password_hash),
    ("import", import),
];

fn form(_: &World, bytes: &[u8]) {
    for content_type in [Some("application/x-www-form-urlencoded"), Some("application/x-www-form-urlencoded; charset=UTF-8"), None] {
        if let Ok(params) = Params::from_body(content_type, bytes) {
            let _ = (params.get("grant_type"), params.all("scope").count(), params.has_duplicates());
        }
    }
}

/// Nothing that was not signed by the realm is accepted; mutations of a good token are not either.
fn jwt(world: &World, bytes: &[u8]) {
    let Ok(token) = std::str::from_utf8(bytes) else { return };
    let (realm, issuer, now) = (&world.realm, &world.issuer, world.now);
    let accepted = [
        verify::access_token(realm, issuer, token, now).is_ok(),
        verify::any_token(realm, issuer, token, now).is_ok(),
        verify::refresh_token(realm, issuer, token, now).is_ok(),
    ];
    assert_eq!(accepted, [false; 3], "a token that nobody signed is accepted");
}

fn jwk_set(_: &World, bytes: &[u8]) {
    let _ = JwkSet::parse(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = JwkSet::of_certificate(text);
    }
}

fn claim_path(_: &World, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(path) = ClaimPath::parse(&text) {
        let _ = (path.is_template(), path.for_client("client"), path.for_client("${client_id}"));
    }
    let once = spelling::of_name(&text);
    assert_eq!(spelling::of_name(&once), once, "what is stored is found again");
}

fn configuration(world: &World, bytes: &[u8]) {
    let file = world.directory.join("fuzzed.toml");
    std::fs::write(&file, bytes).expect("the directory is there");
    let text = String::from_utf8_lossy(bytes).into_owned();
    let environment = vec![("KEYWRIGHT_HOSTNAME__URL".to_owned(), text.clone()), ("KC_HTTP_PORT".to_owned(), text)];
    let _ = config::load::load(&config::load::Sources { file: Some(file), environment, ..Default::default() });
}

fn stored_value(_: &World, bytes: &[u8]) {
    let _ = value::decode::<User>(b"user/r/u-1", bytes);
    let _ = (value::expires_at(bytes), value::is_tombstone(bytes), value::add(b"counter/r", Some(bytes), 1).is_ok());
    // What an intact checksum could protect: anything.
    let _ = serde_json::from_slice::<Realm>(bytes);
    let _ = serde_json::from_slice::<Client>(bytes);
    let _ = serde_json::from_slice::<Credentials>(bytes);
    let _ = serde_json::from_slice::<UserSession>(bytes);
}

fn representation(_: &World, bytes: &[u8]) {
    if let Ok(user) = serde_json::from_slice::<UserRepresentation>(bytes) {
        let _ = user.settings();
        for credential in user.credentials.iter().flatten() {
            let _ = credential.given();
        }
    }
    let _ = serde_json::from_slice::<ClientRepresentation>(bytes);
    let _ = serde_json::from_slice::<ComponentRepresentation>(bytes);
    if let Ok(profile) = serde_json::from_slice::<UserProfile>(bytes) {
        let _ = profile.check();
    }
}

fn password_policy(_: &World, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(policy) = PasswordPolicy::parse(text) else { return };
    let _ = policy.kept_history();
    for password in ["", "alice", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "Pa55-wörd ☂"] {
        for rule in policy.rules() {
            let _ = (rule.broken_by(password, Owner { username: "alice", email: Some("alice@example.test") }), rule.refusal());
        }
    }
}

fn password_hash(_: &World, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (secret, credential) = text.split_once('\n').unwrap_or((&text, "{}"));
    if let Some(hash) = PasswordHash::from_representation(secret, credential) {
        let _ = (hash.credential_data(), hash.secret_data());
    }
}

/// Planning an import: the whole file is read and checked, and nothing is written.
fn import(world: &World, bytes: &[u8]) {
    let file = world.directory.join("fuzzed.json");
    std::fs::write(&file, bytes).expect("the directory is there");
    let app = world.app.app();
    let importer = Importer {
        store: &app.store,
        env: &app.env,
        sealer: &app.sealer,
        hashing: &app.hashing,
        keys: app.keys,
        lookup: Arc::new(|name| (name == "ENV").then(|| "value".to_owned())),
        owner: "fuzz",
        creator: None,
    };
    let source = Source::open(&file).expect("the file is there");
    // A store in memory never waits, so one poll is the whole of it.
    let planned = importer.plan(&source, OnConflict::Fail).now_or_never().expect("nothing to wait for");
    if let Ok(plans) = planned {
        for plan in plans {
            let _ = (plan.settings().name.len(), plan.report.notes().count());
        }
    }
}
