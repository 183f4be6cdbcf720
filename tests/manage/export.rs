//! Realms to files, and back: export, import, export is the same document.

use keywright::manage::export::{Export, ExportError};
use keywright::manage::import::OnConflict;
use keywright::manage::realms::NewRealm;
use serde_json::{Value, json};

use super::World;
use super::import::{EXPORT, file};

impl World {
    pub async fn export(&self, realm: &str, with_secrets: bool) -> String {
        let export = Export::read(&self.store, &self.sealer, realm, with_secrets).await.unwrap();
        let mut text = Vec::new();
        export.write(&mut text, true).await.unwrap();
        String::from_utf8(text).unwrap()
    }
}

/// Sets have no order, neither have Java's maps: lists of names and objects are compared sorted.
fn settled(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().map(|(name, value)| (name.clone(), settled(value))).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(settled).collect();
            items.sort_by_key(ToString::to_string);
            Value::Array(items)
        }
        // The user profile is JSON in a text; Keycloak and we space it differently.
        Value::String(text) if text.starts_with('{') => {
            serde_json::from_str(text).map_or_else(|_| value.clone(), |inner: Value| settled(&inner))
        }
        other => other.clone(),
    }
}

#[tokio::test]
async fn a_real_export_comes_out_as_it_went_in() {
    let world = World::with_master().await;
    let (_dir, path) = file(EXPORT);
    world.import(&path, OnConflict::Fail).await.unwrap();
    let ours = world.export("migration", true).await;
    let (ours, theirs): (Value, Value) = (serde_json::from_str(&ours).unwrap(), serde_json::from_str(EXPORT).unwrap());
    let names = |document: &Value| document.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&theirs), "members in Keycloak's order");
    for (name, value) in theirs.as_object().unwrap() {
        assert_eq!(settled(&ours[name]), settled(value), "{name}");
    }
}

#[tokio::test]
async fn export_import_export_is_the_same_document() {
    let first = World::with_master().await;
    let (_dir, path) = file(EXPORT);
    first.import(&path, OnConflict::Fail).await.unwrap();
    first.create_realm(&NewRealm::enabled("fresh")).await.unwrap();
    for realm in ["migration", "fresh", "master"] {
        let one = first.export(realm, true).await;
        let (second, (_dir, path)) = (World::empty(), file(&one));
        second.import(&path, OnConflict::Fail).await.unwrap();
        let two = second.export(realm, true).await;
        for (a, b) in one.lines().zip(two.lines()) {
            assert_eq!(a, b, "{realm}");
        }
        assert_eq!(one.len(), two.len());
    }
}

#[tokio::test]
async fn without_secrets_nothing_private_is_in_the_document() {
    let world = World::with_master().await;
    let (_dir, path) = file(EXPORT);
    world.import(&path, OnConflict::Fail).await.unwrap();
    let masked = world.export("migration", false).await;
    let export: Value = serde_json::from_str(EXPORT).unwrap();
    let mut private = vec!["smtp-secret".to_owned(), "broker-secret".to_owned(), "dMzWXkVgKzvJqPnLhR2Y".to_owned()];
    private.extend(export["clients"].as_array().unwrap().iter().filter_map(|client| Some(client["secret"].as_str()?.to_owned())));
    for provider in export["components"]["org.keycloak.keys.KeyProvider"].as_array().unwrap() {
        for name in ["privateKey", "secret", "ecdsaPrivateKey"] {
            private.extend(provider["config"][name][0].as_str().map(str::to_owned));
        }
    }
    for user in export["users"].as_array().unwrap() {
        private.extend(user["credentials"].as_array().unwrap().iter().map(|credential| {
            let data: Value = serde_json::from_str(credential["secretData"].as_str().unwrap()).unwrap();
            data["value"].as_str().unwrap().to_owned()
        }));
    }
    assert!(private.len() > 25);
    for secret in private {
        assert!(!masked.contains(&secret), "{secret}");
    }
    let masked: Value = serde_json::from_str(&masked).unwrap();
    assert_eq!(masked["smtpServer"]["password"], "**********");
    assert_eq!(masked["users"].as_array().unwrap().len(), 13);

    // Such a file still comes in: what is missing is made anew and named.
    let (other, (_dir, path)) = (World::with_master().await, file(&masked.to_string()));
    let plan = other.plan(&path, OnConflict::Fail).await.unwrap().pop().unwrap();
    let notes: Vec<String> = plan.report.notes().map(|note| note.to_string()).collect();
    for expected in ["its secret is masked in the file", "no private key for it", "password of the mail server"] {
        assert!(notes.iter().any(|note| note.contains(expected)), "{expected} in {notes:#?}");
    }
    other.importer().apply(plan, &mut |_| {}).await.unwrap();
}

#[tokio::test]
async fn users_come_in_files_of_a_given_size() {
    let world = World::with_master().await;
    let users: Vec<Value> = (0..7).map(|number| json!({"username": format!("u{number}"), "id": format!("{number}")})).collect();
    let (_dir, path) = file(&json!({"realm": "many", "users": users}).to_string());
    world.import(&path, OnConflict::Fail).await.unwrap();
    let export = Export::read(&world.store, &world.sealer, "many", true).await.unwrap();
    let (mut after, mut sizes) = (None, Vec::new());
    loop {
        let mut text = Vec::new();
        let (count, next) = export.write_users(&mut text, after.as_ref(), Some(3)).await.unwrap();
        let file: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!((file["realm"].as_str(), file["users"].as_array().unwrap().len() as u64), (Some("many"), count));
        sizes.push(count);
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [3, 3, 1]);
    let nowhere = Export::read(&world.store, &world.sealer, "nowhere", true).await.map(drop);
    assert!(matches!(nowhere, Err(ExportError::NoRealm(_))));
}
