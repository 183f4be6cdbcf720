//! Realms to files, and back: export, import, export is the same document.

use keywright::manage::export::{Export, ExportError};
use keywright::manage::import::{ImportError, OnConflict};
use keywright::manage::organizations;
use keywright::manage::realms::NewRealm;
use keywright::store::txn::Reader as _;
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

/// The recorded export with one of everything besides that a realm document can have.
fn with_everything() -> Value {
    let mut document: Value = serde_json::from_str(EXPORT).unwrap();
    let policy_type = "org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy";
    let components = document["components"].as_object_mut().unwrap();
    let policies = components[policy_type].as_array_mut().unwrap();
    policies.push(json!({ "id": "own-policy", "name": "Own", "providerId": "max-clients", "subType": "anonymous", "subComponents": {},
        "config": { "max-clients": ["3"] } }));
    let part = json!({ "id": "first-name", "name": "first name", "providerId": "user-attribute-ldap-mapper", "subComponents": {},
        "config": { "ldap.attribute": ["cn"], "user.model.attribute": ["firstName"] } });
    let directory = json!({ "id": "directory", "name": "ldap", "providerId": "ldap",
        "subComponents": { "org.keycloak.storage.ldap.mappers.LDAPStorageMapper": [part] },
        "config": { "connectionUrl": ["ldap://ldap.example"], "bindCredential": ["ldap-secret"], "editMode": ["READ_ONLY"] } });
    components.insert("org.keycloak.storage.UserStorageProvider".to_owned(), json!([directory]));
    document["clientProfiles"] = json!({ "profiles": [{ "name": "own", "description": "d",
        "executors": [{ "executor": "pkce-enforcer", "configuration": { "auto-configure": true } }] }] });
    document["clientPolicies"] = json!({ "policies": [{ "name": "p", "description": "d", "enabled": true,
        "conditions": [{ "condition": "client-access-type", "configuration": { "type": ["public"] } }], "profiles": ["own", "fapi-1-baseline"] }] });
    document["organizationsEnabled"] = json!(true);
    let night = json!({ "id": "g2", "name": "night", "path": "/dev/night", "parentId": "g1", "subGroups": [], "attributes": {} });
    let dev = json!({ "id": "g1", "name": "dev", "path": "/dev", "subGroups": [night], "attributes": { "k": ["v"] } });
    document["organizations"].as_array_mut().unwrap().push(json!({
        "id": "beta", "name": "Beta", "alias": "b", "enabled": false, "description": "d", "redirectUrl": "https://beta.example/",
        "attributes": {}, "domains": [{ "name": "*.beta.example", "verified": false }, { "name": "beta.example", "verified": true }],
        "members": [{ "username": "ada", "groups": ["/dev/night"], "membershipType": "MANAGED" }, { "username": "hal", "membershipType": "UNMANAGED" }],
        "identityProviders": [{ "alias": "ext" }], "groups": [dev] }));
    document["identityProviders"][0]["organizationId"] = json!("beta");
    document["localizationTexts"] = json!({ "de": { "a": "ä" }, "fr": { "orgInviteSubject": "Venez" } });
    document["requiredActions"][0]["config"] = json!({ "k": "v" });
    document
}

#[tokio::test]
async fn a_realm_with_one_of_everything_comes_out_as_it_went_in_and_goes_in_again() {
    let (first, given) = (World::with_master().await, with_everything());
    let (_dir, path) = file(&given.to_string());
    let notes = {
        let plan = first.plan(&path, OnConflict::Fail).await.unwrap().pop().unwrap();
        let lost = plan
            .report
            .notes()
            .filter(|note| note.to_string().contains("organization") || note.to_string().contains("polic"));
        lost.map(|note| note.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(notes, Vec::<String>::new(), "what has an effect is not named as if it had none");
    first.import(&path, OnConflict::Fail).await.unwrap();
    let one = first.export("migration", true).await;
    let ours: Value = serde_json::from_str(&one).unwrap();
    for (name, value) in given.as_object().unwrap() {
        assert_eq!(settled(&ours[name]), settled(value), "{name}");
    }

    let (second, (_dir, path)) = (World::empty(), file(&one));
    second.import(&path, OnConflict::Fail).await.unwrap();
    let two = second.export("migration", true).await;
    for (a, b) in one.lines().zip(two.lines()) {
        assert_eq!(a, b);
    }
    assert_eq!(one.len(), two.len());
    // The members are members, and not only names in a document.
    let mut peek = second.store.peek();
    let realm = peek.realms().by_name("migration").await.unwrap().unwrap();
    let user = peek.users().by_username(&realm.id, "hal").await.unwrap().unwrap();
    let of_hal = organizations::of_user(&mut peek, &realm.id, &user).await.unwrap();
    assert_eq!(of_hal.iter().map(|organization| organization.name.as_str()).collect::<Vec<_>>(), ["Acme", "Beta"]);
    let provider = peek.identity_providers().by_alias(&realm.id, "ext").await.unwrap().unwrap();
    assert_eq!(provider.organization_id.as_deref(), Some("beta"));
    assert_eq!(second.store.peek().organization_count(&realm.id).await.unwrap(), 2);
}

#[tokio::test]
async fn mistakes_about_organizations_are_named_with_their_place() {
    let world = World::with_master().await;
    let mut document = with_everything();
    let beta = &mut document["organizations"][1];
    beta["domains"] = json!([{ "name": "ACME.example" }]);
    beta["redirectUrl"] = json!("https://beta.example/");
    beta["identityProviders"] = json!([{ "alias": "nope" }]);
    beta["members"][0]["groups"] = json!(["/nowhere"]);
    document["organizations"].as_array_mut().unwrap().push(json!({ "name": "x", "redirectUrl": "javascript:x" }));
    let (_dir, path) = file(&document.to_string());
    let Err(ImportError::Wrong { problems, .. }) = world.plan(&path, OnConflict::Fail).await else { panic!("it was accepted") };
    for expected in [
        "[1]: the domain \"acme.example\" is there twice",
        "[1]: there is no identity provider \"nope\"",
        "[1]: the organization has no group \"/nowhere\"",
        "[2]: ",
    ] {
        assert!(problems.iter().any(|problem| problem.starts_with(&format!("organizations{expected}"))), "{expected} in {problems:#?}");
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
