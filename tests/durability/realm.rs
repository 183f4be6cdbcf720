//! The realm that these tests write to: one user, one public client, refresh tokens that rotate. Written in process before the
//! server starts, by the same rules that the administration uses.

use std::path::Path;

use keywright::app::App;
use keywright::base::id::RealmId;
use keywright::base::secret::Secret;
use keywright::keyring::{KeySource, default_providers};
use keywright::manage::clients::{self, ClientSettings, NewClient};
use keywright::manage::error::ManageError;
use keywright::manage::realms::{self, NewRealm};
use keywright::manage::users::{self, NewPassword, NewUser, UserSettings};
use serde_json::{Value, json};

use crate::support::process::in_process;

pub const NAME: &str = "durability";
pub const CLIENT: &str = "writer";
pub const USERNAME: &str = "writer";
pub const PASSWORD: &str = "correct-horse-battery";

/// A working directory whose refresh tokens can be used once.
pub fn create(home: &Path) {
    create_with_reuse(home, 0);
}

/// The same; a refresh token can be used again `reuse` times.
pub fn create_with_reuse(home: &Path, reuse: u32) {
    in_process(home, async |keywright| populate(keywright.app(), reuse).await.expect("the realm is new"));
}

async fn populate(app: &App, reuse: u32) -> Result<(), ManageError> {
    let id = RealmId::random(app.env.random());
    let keys = default_providers(&app.env, &id, NAME, &app.sealer, KeySource::Fixed).expect("the fixed keys are valid");
    let mut realm = NewRealm::enabled(NAME);
    realm.id = Some(id.clone());
    realm.settings.insert("revokeRefreshToken".to_owned(), Value::Bool(true));
    realm.settings.insert("refreshTokenMaxReuse".to_owned(), json!(reuse));
    // Longer than the slowest run: what is presented must not have expired.
    realm.settings.insert("accessTokenLifespan".to_owned(), json!(3600));
    let client = NewClient {
        id: None,
        settings: ClientSettings {
            client_id: Some(CLIENT.to_owned()),
            public_client: Some(true),
            direct_access_grants_enabled: Some(true),
            ..ClientSettings::default()
        },
    };
    let hash = app.hashing.hash(Secret::new(PASSWORD.to_owned())).await.expect("nobody else hashes");
    let user = NewUser { settings: complete_user(USERNAME), groups: Vec::new(), password: Some(NewPassword::stored(hash, false)) };
    let (realm, client, user, keys, id) = (&realm, &client, &user, &keys, &id);
    app.store
        .configuration(|txn| {
            Box::pin(async move {
                realms::create(txn, &app.env, &app.sealer, realm, keys).await?;
                clients::create(txn, &app.env, &app.sealer, id, client).await?;
                users::create(txn, &app.env, id, user).await?;
                Ok(())
            })
        })
        .await
}

/// A user whose profile asks for nothing more.
pub fn complete_user(username: &str) -> UserSettings {
    UserSettings {
        username: Some(username.to_owned()),
        email: Some(format!("{username}@example.test")),
        email_verified: Some(true),
        first_name: Some("Wanda".to_owned()),
        last_name: Some("Writer".to_owned()),
        enabled: Some(true),
        ..UserSettings::default()
    }
}
