//! A realm that is being deleted is untouched or gone, whenever the process dies; what is left of it goes at the next start.

use std::path::Path;
use std::time::Duration;

use keywright::app::App;
use keywright::base::id::{RealmId, UserId};
use keywright::base::secret::Secret;
use keywright::keyring::{KeySource, default_providers};
use keywright::manage::error::ManageError;
use keywright::manage::realms::{self, NewRealm};
use keywright::manage::users::{self, NewUser};
use keywright::store::job::{self, Jobs};
use keywright::store::txn::Reader as _;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use super::realm::complete_user;
use crate::support::process::{ServerProcess, in_process};

const NAME: &str = "doomed";
const PASSWORD: &str = "correct-horse-battery";
/// Users that one transaction makes.
const BATCH: usize = 100;
const SEED: u64 = 0x6465_6c65;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_realm_is_whole_or_gone_after_sigkill_during_its_deletion() {
    let (rounds, gone) = rounds(6, 300, 40_000).await;
    println!("{rounds} rounds of SIGKILL during the deletion of a realm with 300 users: {gone} times gone, else untouched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "100 000 users; part of make test-all"]
async fn a_realm_of_a_hundred_thousand_users_is_whole_or_gone_after_sigkill_during_its_deletion() {
    let (rounds, gone) = rounds(6, 100_000, 3_000_000).await;
    println!("{rounds} rounds of SIGKILL during the deletion of a realm with 100 000 users: {gone} times gone, else untouched");
}

/// Kills the server up to `spread` microseconds after it was asked to delete the realm; how often, and how often the realm was
/// gone afterwards.
async fn rounds(rounds: usize, users: usize, spread: u32) -> (usize, usize) {
    let home = tempfile::tempdir().expect("a directory");
    let home = home.path();
    let mut random = ChaCha20Rng::seed_from_u64(SEED);
    // The first start makes the realm of administrators.
    assert!(ServerProcess::start(home, "master").await.stop().success());
    let mut gone = 0;
    let mut id = None;
    for _ in 0..rounds {
        let realm = match id.take() {
            Some(id) => id,
            None => create(home, users),
        };
        let mut server = ServerProcess::start(home, "master").await;
        let token = token(&server).await;
        let url = format!("{}/auth/admin/realms/{NAME}", server.url);
        let request = tokio::spawn(async move { reqwest::Client::new().delete(url).bearer_auth(token).send().await });
        tokio::time::sleep(Duration::from_micros(u64::from(random.next_u32() % spread))).await;
        server.kill();
        let acknowledged = request.await.expect("the request ends").is_ok_and(|answer| answer.status() == 204);
        if is_whole(home, &realm, users) {
            assert!(!acknowledged, "an acknowledged deletion was taken back");
            id = Some(realm);
        } else {
            gone += 1;
        }
    }
    (rounds, gone)
}

/// Whether the realm is untouched. If not, it must be gone, and nothing of it left when the work in the background is done.
fn is_whole(home: &Path, realm: &RealmId, users: usize) -> bool {
    in_process(home, async |keywright| {
        let app = keywright.app();
        if app.store.peek().realms().by_name(NAME).await.expect("the store reads").is_some() {
            assert_eq!(count(app, realm).await, users, "a realm that is there is whole");
            assert!(!app.store.peek().clients().list(realm).await.expect("clients").is_empty());
            return true;
        }
        let owner = job::owner(app.env.random());
        let jobs = keywright::manage::jobs::register(Jobs::new(app.store.clone(), &owner)).alone();
        jobs.run_pending(&*app.env.clock).await.expect("the work goes on where it was");
        let mut peek = app.store.peek();
        assert!(peek.realms().get(realm).await.expect("the store reads").is_none());
        assert_eq!(count(app, realm).await, 0, "no user is left");
        assert!(peek.clients().list(realm).await.expect("clients").is_empty());
        assert!(peek.roles().list(realm).await.expect("roles").is_empty());
        assert!(peek.users().names(realm, None, 1).await.expect("names").is_empty());
        false
    })
}

async fn count(app: &App, realm: &RealmId) -> usize {
    let (mut count, mut after) = (0, None::<UserId>);
    loop {
        let step = app.store.peek().users().list(realm, after.as_ref(), 500).await.expect("users");
        count += step.len();
        match step.last() {
            Some(last) if step.len() == 500 => after = Some(last.id.clone()),
            _ => return count,
        }
    }
}

/// The realm with its users, and an administrator whose password is known.
fn create(home: &Path, count: usize) -> RealmId {
    in_process(home, async |keywright| {
        let app = keywright.app();
        let master = app.store.peek().realms().by_name("master").await.expect("the store reads").expect("master");
        let admin = app
            .store
            .peek()
            .users()
            .by_username(&master.id, "admin")
            .await
            .expect("the store reads")
            .expect("an administrator");
        keywright
            .manage()
            .set_password("master", &admin.id, &Secret::from(PASSWORD), false)
            .await
            .expect("a password");
        populate(app, count).await.expect("the name is free")
    })
}

async fn populate(app: &App, count: usize) -> Result<RealmId, ManageError> {
    let id = RealmId::random(app.env.random());
    let keys = default_providers(&app.env, &id, NAME, &app.sealer, KeySource::Fixed).expect("the fixed keys are valid");
    let mut realm = NewRealm::enabled(NAME);
    realm.id = Some(id.clone());
    let (new, keys, realm) = (&realm, &keys, &id);
    app.store
        .configuration(|txn| Box::pin(async move { realms::create(txn, &app.env, &app.sealer, new, keys).await.map(|_| ()) }))
        .await?;
    for batch in 0..count.div_ceil(BATCH) {
        let names: Vec<String> = (batch * BATCH..count.min((batch + 1) * BATCH)).map(|n| format!("user{n}")).collect();
        let names = &names;
        app.store
            .configuration(|txn| {
                Box::pin(async move {
                    for name in names {
                        users::create(txn, &app.env, realm, &NewUser { settings: complete_user(name), ..NewUser::default() }).await?;
                    }
                    Ok::<_, ManageError>(())
                })
            })
            .await?;
    }
    Ok(id)
}

async fn token(server: &ServerProcess) -> String {
    let form = [("grant_type", "password"), ("client_id", "admin-cli"), ("username", "admin"), ("password", PASSWORD)];
    let answer = reqwest::Client::new()
        .post(format!("{}/protocol/openid-connect/token", server.issuer("master")))
        .form(&form)
        .send();
    let answer: serde_json::Value = answer.await.expect("an answer").json().await.expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}
