//! Realms from files: what comes in, what is refused with its place, what a failure leaves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keywright::base::id::RealmId;
use keywright::keyring::KeySource;
use keywright::manage::import::{Action, Fate, ImportError, Importer, OnConflict, Outcome, Plan, Source};
use keywright::manage::realms::NewRealm;
use keywright::model::credential::CredentialKind;
use keywright::model::realm::Realm;
use keywright::model::role::RoleContainer;
use keywright::store::job::Jobs;
use keywright::store::txn::Reader as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{World, in_txn};

pub const EXPORT: &str = include_str!("../fixtures/keycloak-export/realm.json");

impl World {
    pub fn importer(&self) -> Importer<'_> {
        Importer {
            store: &self.store,
            env: &self.env,
            sealer: &self.sealer,
            hashing: &self.hashing,
            keys: KeySource::Fixed,
            lookup: Arc::new(|name| (name == "SECRET_OF_APP").then(|| "from-the-environment".to_owned())),
            owner: "test",
            creator: None,
        }
    }

    pub async fn plan(&self, path: &Path, on_conflict: OnConflict) -> Result<Vec<Plan>, ImportError> {
        self.importer().plan(&Source::open(path).unwrap(), on_conflict).await
    }

    pub async fn import(&self, path: &Path, on_conflict: OnConflict) -> Result<Vec<Outcome>, ImportError> {
        let mut outcomes = Vec::new();
        for plan in self.plan(path, on_conflict).await? {
            outcomes.push(self.importer().apply(plan, &mut |_| {}).await?);
        }
        Ok(outcomes)
    }

    async fn realm(&self, name: &str) -> Option<Realm> {
        self.store.peek().realms().by_name(name).await.unwrap()
    }

    /// How many configuration records there are.
    async fn records(&self) -> usize {
        let realms = self.store.peek().realms().list().await.unwrap().len();
        realms
            + self.store.peek().jobs_of_kind("import").await.unwrap().len()
            + self.store.peek().jobs_of_kind("burial").await.unwrap().len()
    }
}

/// A file in a directory of its own.
pub fn file(text: &str) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("realm.json");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn realm_file(realm: &Value) -> (TempDir, PathBuf) {
    file(&realm.to_string())
}

async fn problems(world: &World, realm: &Value) -> Vec<String> {
    let (_dir, path) = realm_file(realm);
    match world.import(&path, OnConflict::Fail).await {
        Err(ImportError::Wrong { problems, .. }) => problems,
        other => panic!("{other:?}"),
    }
}

fn notes(plan: &Plan, fate: Fate) -> Vec<String> {
    plan.report.notes().filter(|note| note.fate == fate).map(|note| note.to_string()).collect()
}

#[tokio::test]
async fn a_real_export_comes_in_with_its_ids_keys_and_secrets() {
    let world = World::with_master().await;
    let (_dir, path) = file(EXPORT);
    assert_eq!(world.import(&path, OnConflict::Fail).await.unwrap(), [Outcome::Imported { users: 13 }]);

    let export: Value = serde_json::from_str(EXPORT).unwrap();
    let realm = world.realm("migration").await.unwrap();
    assert_eq!(realm.id.as_str(), export["id"]);
    assert_eq!(realm.password_policy.as_deref(), Some("length(8) and digits(1) and notUsername(undefined)"));
    let mut peek = world.store.peek();
    let ada = peek.users().by_username(&realm.id, "ada").await.unwrap().unwrap();
    assert_eq!((ada.id.as_str(), ada.attributes["team"].len()), ("2ba8726a-ed40-4b81-be8e-b6076e1f69ef", 2));
    let client = peek.clients().by_client_id(&realm.id, "api-client").await.unwrap().unwrap();
    let secret = keywright::manage::clients::read_secret(&world.sealer, &realm.id, &client).unwrap().unwrap();
    assert_eq!(secret.expose(), "api-client-secret-0123456789abcdef");
    let editor = peek.roles().realm_role(&realm.id, "editor").await.unwrap().unwrap();
    assert_eq!(editor.composites.len(), 2);
    let account = peek.users().service_account(&realm.id, &client.id).await.unwrap().unwrap();
    assert_eq!(account.username, "service-account-api-client");
    let dan = peek.users().by_username(&realm.id, "dan").await.unwrap().unwrap();
    let credentials = peek.credentials().get(&realm.id, &dan.id).await.unwrap();
    let CredentialKind::Otp { secret, .. } = &credentials.0[1].kind else { panic!("{credentials:?}") };
    assert!(!secret.contains("dMzWXkVgKzvJqPnLhR2Y"), "sealed");
    let hal = peek.users().by_username(&realm.id, "hal").await.unwrap().unwrap();
    assert_eq!(peek.consents().get(&realm.id, &hal.id).await.unwrap().0[0].scopes.len(), 3);
    let master = world.realm("master").await.unwrap();
    assert!(peek.clients().by_client_id(&master.id, "migration-realm").await.unwrap().is_some(), "master administers it");
}

#[tokio::test]
async fn what_has_no_effect_here_is_named() {
    let world = World::with_master().await;
    let (_dir, path) = file(EXPORT);
    let plan = world.plan(&path, OnConflict::Fail).await.unwrap().pop().unwrap();
    assert_eq!((plan.summary.users, plan.summary.clients, &plan.action), (13, 14, &Action::Create));
    let kept = notes(&plan, Fate::Kept);
    for expected in ["identity provider ext: ", "identity provider link of user fay: ", "client saml-app: "] {
        assert!(kept.iter().any(|note| note.starts_with(expected)), "{expected} in {kept:#?}");
    }
    assert_eq!((notes(&plan, Fate::Dropped), notes(&plan, Fate::Changed)), (Vec::<String>::new(), Vec::new()));
    assert!(world.realm("migration").await.is_none(), "a plan changes nothing");
}

#[tokio::test]
async fn a_realm_written_by_hand_gets_what_a_new_one_has() {
    let world = World::with_master().await;
    let (_dir, path) = realm_file(&json!({
        "realm": "small", "enabled": "true", "accessTokenLifespan": "${LIFESPAN:120}",
        "roles": {"realm": [{"name": "reader"}]},
        "clients": [{"clientId": "app", "secret": "${SECRET_OF_APP}", "serviceAccountsEnabled": true, "redirectUris": ["${UNSET}/cb"]}],
        "users": [
            {"username": "Anna", "enabled": true, "credentials": [{"type": "password", "value": "anna-pw", "temporary": true}], "realmRoles": ["reader", "made up"]},
            {"username": "otto", "credentials": [{"type": "webauthn", "secretData": "{}", "credentialData": "{\"credentialId\":\"x\"}"},
                {"type": "password", "secretData": "**********", "credentialData": "{}"}]},
        ],
    }));
    let plan = world.plan(&path, OnConflict::Fail).await.unwrap().pop().unwrap();
    assert_eq!(
        notes(&plan, Fate::Changed),
        [
            "keys of realm small: changed: the file has none: new ones were made",
            "placeholder ${UNSET}: changed: the environment has no value for it: it stays as it stands",
            "realm role made up: changed: users have it and the file does not define it: it was made",
        ]
    );
    assert_eq!(notes(&plan, Fate::Kept), ["credential of user otto/webauthn: kept without effect: nobody can sign in with it yet"]);
    assert_eq!(notes(&plan, Fate::Dropped).len(), 1);
    world.importer().apply(plan, &mut |_| {}).await.unwrap();

    let realm = world.realm("small").await.unwrap();
    assert_eq!((realm.enabled, realm.access_token_lifespan), (true, 120));
    let mut peek = world.store.peek();
    let clients = peek.clients().list(&realm.id).await.unwrap();
    assert_eq!(clients.len(), 7, "app and the built-in ones");
    let app = clients.iter().find(|client| client.client_id == "app").unwrap();
    let secret = keywright::manage::clients::read_secret(&world.sealer, &realm.id, app).unwrap().unwrap();
    assert_eq!(secret.expose(), "from-the-environment");
    assert!(!app.default_client_scopes.is_empty());
    assert!(peek.users().service_account(&realm.id, &app.id).await.unwrap().is_some());
    let anna = peek.users().by_username(&realm.id, "anna").await.unwrap().unwrap();
    assert_eq!((anna.required_actions.as_slice(), anna.roles.len()), (&["UPDATE_PASSWORD".to_owned()][..], 2));
    let hash = peek.credentials().get(&realm.id, &anna.id).await.unwrap().password().cloned();
    assert!(
        world
            .hashing
            .verify("anna-pw".into(), hash, keywright::base::password_hash::HashChoice::default())
            .await
            .unwrap()
    );
    let default = peek.roles().get(&realm.id, &realm.default_role).await.unwrap().unwrap();
    assert_eq!((default.name.as_str(), default.composites.len()), ("default-roles-small", 4));
    let roles = peek.roles().list(&realm.id).await.unwrap();
    let account = clients.iter().find(|client| client.client_id == "account").unwrap();
    assert!(
        roles
            .iter()
            .any(|role| role.container == RoleContainer::Client(account.id.clone()) && role.name == "manage-account")
    );
}

#[tokio::test]
async fn mistakes_are_named_with_their_places_and_change_nothing() {
    let world = World::with_master().await;
    let before = world.records().await;
    let found = problems(
        &world,
        &json!({
            "realm": "bad", "browserFlow": "nope", "accessTokenLifespan": [],
            "roles": {"realm": [{"name": "a", "composites": {"realm": ["b"]}}, {"name": "b", "composites": {"realm": ["c"]}},
                {"name": "c", "composites": {"realm": ["a"]}}, {"name": "d", "composites": {"realm": ["x"], "client": {"y": ["z"]}}}, {"name": "d"}]},
            "groups": [{"name": "g", "subGroups": [{"name": "s"}, {"name": "s", "realmRoles": ["nope"]}]}, {"name": ""}],
            "clients": [{"clientId": "c", "enabled": "perhaps"}, {"clientId": "e", "id": "a/b", "redirectUris": ["javascript:alert(1)"]}, {"clientId": "e"}],
            "defaultGroups": ["/nowhere"], "identityProviderMappers": [{"identityProviderAlias": "ghost"}], "scopeMappings": [{"client": "ghost"}],
            "users": [{"username": "u", "groups": ["/nope"]}],
        }),
    )
    .await;
    for expected in [
        "roles: composite roles contain each other in a circle: a → b → c → a",
        "roles.realm[3]: it contains the realm role \"x\", which does not exist",
        "roles.realm[3]: it contains the role \"z\" of client \"y\", which does not exist",
        "roles.realm[4]: the role \"d\" is there twice",
        "groups[0].subGroups[1]: the group /g/s is there twice",
        "groups[0].subGroups[1]: it has the realm role \"nope\", which does not exist",
        "groups[1]: a name has 1 to 255 bytes",
        "clients[0]: invalid type: string \"perhaps\", expected a boolean",
        "clients[1]: the id \"a/b\" cannot be kept: Character '/' not allowed.",
        "clients[1] (e): invalid_input: A redirect URI uses an illegal scheme",
        "clients[2]: the client \"e\" or its id is there twice",
        "defaultGroups[0]: there is no group \"/nowhere\"",
        "identityProviderMappers[0]: there is no identity provider \"ghost\"",
        "scopeMappings[0]: it names no client and no client scope of this realm",
    ] {
        assert!(found.iter().any(|problem| problem == expected), "{expected} in {found:#?}");
    }
    assert!(found.iter().any(|problem| problem.starts_with("realm: Failed to update realm")), "{found:#?}");
    assert!(found.iter().any(|problem| problem.contains("users[0]: user \"u\": there is no group \"/nope\"")), "{found:#?}");
    assert_eq!((world.realm("bad").await, world.records().await), (None, before));
}

#[tokio::test]
async fn users_who_share_a_name_an_id_or_an_address_are_refused_in_every_spelling() {
    let world = World::with_master().await;
    for (users, expected) in [
        (json!([{"username": "Bob"}, {"username": " bOB"}]), "users[1]: user \"bob\": its user name \"bob\" is there twice"),
        (json!([{"username": "a", "id": "1"}, {"username": "b", "id": "1"}]), "users[1]: user \"b\": its id \"1\" is there twice"),
        (json!([{"username": "a", "email": "X@y"}, {"username": "b", "email": "x@Y"}]), "its e-mail address \"x@y\" is there twice"),
        (json!([{"username": ""}]), "users[0]: a user name has 1 to 255 bytes"),
        (json!([{"username": "a", "attributes": {"x": ["y".repeat(300_000)]}}]), "its attributes have more than"),
        (json!([{"username": "a", "id": "../b"}]), "cannot be kept"),
    ] {
        let found = problems(&world, &json!({"realm": "bad", "users": users})).await;
        assert!(found[0].contains(expected), "{expected} in {found:?}");
    }
    let (_dir, path) = realm_file(
        &json!({"realm": "twice", "duplicateEmailsAllowed": true, "loginWithEmailAllowed": false, "users": [{"username": "a", "email": "x@y"}, {"username": "b", "email": "x@y"}]}),
    );
    assert_eq!(world.import(&path, OnConflict::Fail).await.unwrap(), [Outcome::Imported { users: 2 }]);
}

#[tokio::test]
async fn a_realm_that_exists_is_skipped_replaced_or_an_error() {
    let (world, old) = World::with_realm().await;
    let (_dir, path) = realm_file(&json!({"realm": "oracle", "id": old.as_str(), "displayName": "New", "users": [{"username": "zoe"}]}));
    assert!(matches!(world.import(&path, OnConflict::Fail).await, Err(ImportError::Exists(name)) if name == "oracle"));
    assert_eq!(world.import(&path, OnConflict::Skip).await.unwrap(), [Outcome::Skipped]);
    assert_eq!(world.realm("oracle").await.unwrap().display_name, None);

    let plan = world.plan(&path, OnConflict::Overwrite).await.unwrap().pop().unwrap();
    assert_eq!(plan.action, Action::Replace(old.clone()));
    assert!(notes(&plan, Fate::Changed).iter().any(|note| note.contains("is taken here")), "the id");
    world.importer().apply(plan, &mut |_| {}).await.unwrap();
    let new = world.realm("oracle").await.unwrap();
    assert_eq!(new.display_name.as_deref(), Some("New"));
    assert!(world.store.peek().users().by_username(&new.id, "zoe").await.unwrap().is_some());
    assert!(world.store.peek().realms().get(&old).await.unwrap().is_none());
    world.run_jobs().await;
    assert!(world.store.peek().clients().list(&old).await.unwrap().is_empty(), "what hung under the old one is gone");
    assert_eq!(world.store.peek().clients().list(&new.id).await.unwrap().len(), 6);
}

#[tokio::test]
async fn an_import_that_stops_in_the_middle_is_never_seen_and_leaves_nothing() {
    let world = World::with_master().await;
    let before = world.records().await;
    let users: Vec<Value> = (0..200).map(|number| json!({"username": format!("u{number}"), "id": format!("id{number}")})).collect();
    let (_dir, path) = realm_file(&json!({"realm": "half", "id": "half-id", "users": users}));
    let plan = world.plan(&path, OnConflict::Fail).await.unwrap().pop().unwrap();
    // Between plan and execution somebody breaks the file behind its first users.
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"u190\"", "17")).unwrap();

    let mut seen = Vec::new();
    let failed = world.importer().apply(plan, &mut |users| seen.push(users)).await;
    assert!(matches!(failed, Err(ImportError::Wrong { .. })), "{failed:?}");
    assert!(!seen.is_empty(), "users were written before it failed");
    assert!(world.realm("half").await.is_none());
    assert_eq!(world.run_jobs().await, 1, "the rest is cleared away");
    let id = RealmId::from("half-id");
    assert!(world.store.peek().users().list(&id, None, 10).await.unwrap().is_empty());
    assert!(world.store.peek().clients().list(&id).await.unwrap().is_empty());
    assert_eq!(world.records().await, before);
    assert!(in_txn!(world, |txn| async { Ok(txn.realms().is_free(&RealmId::from("half-id")).await?) }).unwrap());
}

#[tokio::test]
async fn an_import_whose_process_died_is_cleared_away_by_the_next_one() {
    let world = World::with_master().await;
    let (_dir, path) = realm_file(&json!({"realm": "dead", "id": "dead-id", "users": [{"username": "u"}]}));
    let plan = world.plan(&path, OnConflict::Fail).await.unwrap().pop().unwrap();
    {
        let (importer, mut stop) = (Importer { owner: "a dead process", ..world.importer() }, |_| {});
        let mut applying = Box::pin(importer.apply(plan, &mut stop));
        // Polled a few times and dropped: as if the process had been killed.
        for _ in 0..12 {
            let _ = futures_util::poll!(applying.as_mut());
            tokio::task::yield_now().await;
        }
    }
    assert!(world.realm("dead").await.is_none(), "the import was finished before it was dropped");
    let jobs = keywright::manage::jobs::register(Jobs::new(world.store.clone(), "another process"));
    jobs.run_pending(&*world.env.clock).await.unwrap();
    assert_eq!(world.store.peek().jobs_of_kind("import").await.unwrap().len(), 1, "while its lease lasts nobody touches it");

    assert_eq!(keywright::manage::import::abandon_unfinished(&world.store, &world.env, "heir").await.unwrap(), 1);
    assert!(world.store.peek().clients().list(&RealmId::from("dead-id")).await.unwrap().is_empty());
    assert_eq!(world.import(&path, OnConflict::Fail).await.unwrap(), [Outcome::Imported { users: 1 }]);
    assert_eq!(world.realm("dead").await.unwrap().id.as_str(), "dead-id");
}

#[tokio::test]
async fn a_directory_brings_realms_with_files_of_users() {
    let world = World::with_master().await;
    let dir = TempDir::new().unwrap();
    let write = |name: &str, value: Value| std::fs::write(dir.path().join(name), value.to_string()).unwrap();
    write("a-realm.json", json!({"realm": "a"}));
    write("a-users-0.json", json!({"realm": "a", "users": [{"username": "x"}]}));
    write("a-users-1.json", json!({"realm": "a", "users": [{"username": "y"}]}));
    write("b.json", json!({"realm": "b", "users": [{"username": "z"}]}));
    assert_eq!(world.import(dir.path(), OnConflict::Fail).await.unwrap(), [Outcome::Imported { users: 2 }, Outcome::Imported { users: 1 }]);

    write(
        "a-federated-users-0.json",
        json!({"realm": "a", "federatedUsers": [{"id": "f:ldap:1", "realmRoles": ["x"]}, {"id": "f:ldap:2"}]}),
    );
    let plans = world.plan(dir.path(), OnConflict::Overwrite).await.unwrap();
    let listed = notes(&plans[0], Fate::Dropped);
    assert!(listed[0].starts_with("federated user f:ldap:1, f:ldap:2: not imported: user federation is not there yet"), "{listed:?}");
    assert_eq!((plans[0].summary.users, notes(&plans[1], Fate::Dropped)), (2, vec![]));
    write("a-federated-users-0.json", json!({"realm": "a", "federatedUsers": {}}));
    assert!(matches!(world.plan(dir.path(), OnConflict::Overwrite).await, Err(ImportError::Wrong { .. })));
    std::fs::remove_file(dir.path().join("a-federated-users-0.json")).unwrap();

    write("a-users-1.json", json!({"realm": "b", "users": []}));
    let Err(ImportError::Wrong { problems, .. }) = world.plan(dir.path(), OnConflict::Overwrite).await.map(drop) else { panic!("wrong") };
    assert!(problems[0].contains("a-users-1.json: realm: the users are those of another realm"), "{problems:?}");
}

#[tokio::test]
async fn a_list_of_realms_comes_in_realm_by_realm() {
    let world = World::with_master().await;
    let (_dir, path) =
        file(r#"[{"realm": "a", "users": [{"username": "x"}]}, {"realm": "b", "users": [{"username": "y"}, {"username": "z"}]}]"#);
    assert_eq!(world.import(&path, OnConflict::Fail).await.unwrap(), [Outcome::Imported { users: 1 }, Outcome::Imported { users: 2 }]);
    let (_dir, path) = file(r#"[{"realm": "c"}, {"realm": "c"}]"#);
    assert!(matches!(world.import(&path, OnConflict::Fail).await, Err(ImportError::Wrong { .. })));
}

#[tokio::test]
async fn master_finds_realms_that_were_imported_before_its_first_start() {
    let world = World::empty();
    let (_dir, path) = realm_file(&json!({"realm": "early"}));
    world.import(&path, OnConflict::Fail).await.unwrap();
    let administrator = keywright::manage::bootstrap::Administrator { username: "admin".to_owned(), password: Some("admin".into()) };
    keywright::manage::bootstrap::first_start(&world.bootstrap(), &administrator).await.unwrap();
    let master = world.realm("master").await.unwrap();
    assert!(world.store.peek().clients().by_client_id(&master.id, "early-realm").await.unwrap().is_some());
    world.create_realm(&NewRealm::enabled("later")).await.unwrap();
}
