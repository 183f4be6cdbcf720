//! The second half of an import: everything is written under an id that is reserved and that nobody finds, in steps of at most
//! [`STEP`] keys; then one commit publishes the realm. Users are read and converted on a thread of their own while the batch before
//! them is committed.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::base::env::Env;
use crate::base::id::{ClientId, RealmId};
use crate::base::password_hash::HashingPool;
use crate::manage::{jobs, realms, users as user_rules};
use crate::model::consent::Consents;
use crate::model::credential::{Credential, CredentialKind, Credentials};
use crate::model::identity_provider::IdentityLinks;
use crate::model::realm::Realm;
use crate::model::user::User;
use crate::store::job::{Job, Jobs, Progress, STEP};
use crate::store::txn::{Configuration, Reader as _, Txn};
use crate::store::{Store, StoreError, lease};

use super::contents::Contents;
use super::organizations::ImportedOrganization;
use super::plan::{Action, Plan, users_in, wrong};
use super::report::Report;
use super::users::{ImportedUser, Pending, Reading};
use super::{ImportError, Importer, placeholders};

const IMPORT: &str = "import";
/// How long this process may be silent before another one clears its import away.
const LEASE_SECONDS: i64 = 300;
/// Keys that one user needs at the most.
const KEYS_OF_A_USER: usize = 8;
/// Users of one commit.
const BATCH: usize = STEP / KEYS_OF_A_USER;
/// Passwords that are hashed at a time: less than the pool's queue takes.
const HASHING: usize = 16;

/// What became of a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    Imported { users: u64 },
    Skipped,
}

impl Importer<'_> {
    /// Carries a plan out. `progress` hears of every batch of users: how many there are so far.
    ///
    /// # Errors
    /// Whatever stops it; then the realm does not exist and what it replaces is still there.
    pub async fn apply(&self, plan: Plan, progress: &mut (dyn FnMut(u64) + Send)) -> Result<Outcome, ImportError> {
        if plan.action == Action::Skip {
            return Ok(Outcome::Skipped);
        }
        let id = plan.contents.realm.id.clone();
        self.begin(&id).await?;
        let written = match self.write(&plan, progress).await {
            Ok(written) => written,
            Err(error) => {
                self.abandon(&id).await?;
                return Err(error);
            }
        };
        if let Err(error) = self.publish(&plan).await {
            self.abandon(&id).await?;
            return Err(error);
        }
        Ok(Outcome::Imported { users: written })
    }

    /// Reserves the id, and leaves a job that clears everything under it away unless the realm appears.
    async fn begin(&self, id: &RealmId) -> Result<(), ImportError> {
        let (now, owner, sealer) = (self.env.now(), self.owner, self.sealer);
        self.store
            .configuration(|txn| -> BoxFuture<'_, Result<(), ImportError>> {
                Box::pin(async move {
                    if !txn.realms().is_free(id).await? {
                        return Err(StoreError::BeingDeleted { key: format!("realm/{id}") }.into());
                    }
                    realms::note_key(txn, sealer).await?;
                    txn.realms().reserve(id);
                    txn.add_job(&job_of(id), &Job { kind: IMPORT.to_owned(), input: json!({ "realm": id }), cursor: Value::Null });
                    if !lease::take(txn, &job_of(id), owner, now, LEASE_SECONDS).await? {
                        return Err(StoreError::BeingDeleted { key: format!("realm/{id}") }.into());
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn abandon(&self, id: &RealmId) -> Result<(), ImportError> {
        Ok(self.store.configuration(|txn| Box::pin(clear_away(txn, id))).await?)
    }

    async fn write(&self, plan: &Plan, progress: &mut (dyn FnMut(u64) + Send)) -> Result<u64, ImportError> {
        for part in parts(&plan.contents) {
            let (part, id) = (&part, &plan.contents.realm.id);
            self.store
                .configuration(|txn| -> BoxFuture<'_, Result<(), StoreError>> {
                    Box::pin(async move {
                        part(txn, id);
                        Ok(())
                    })
                })
                .await?;
        }
        self.write_users(plan, progress).await
    }

    async fn write_users(&self, plan: &Plan, progress: &mut (dyn FnMut(u64) + Send)) -> Result<u64, ImportError> {
        let realm = &plan.contents.realm;
        let mut owed: HashSet<ClientId> = plan
            .contents
            .clients
            .iter()
            .filter(|client| client.service_accounts_enabled)
            .map(|client| client.id.clone())
            .collect();
        let (sender, mut batches) = mpsc::channel::<Vec<ImportedUser>>(4);
        let reader = UserReader::of(self, plan, sender);
        let reading = tokio::task::spawn_blocking(move || reader.run());
        let mut written = 0;
        while let Some(batch) = batches.recv().await {
            for user in &batch {
                user.user.service_account_client.as_ref().map(|client| owed.remove(client));
            }
            written += batch.len() as u64;
            self.write_batch(realm, batch).await?;
            progress(written);
        }
        let read = reading.await.map_err(|failed| StoreError::Failed(failed.to_string()))?;
        read.map_err(|problem| wrong(plan.path(), vec![problem]))?;

        for client in plan.contents.clients.iter().filter(|client| owed.contains(&client.id)) {
            let name = user_rules::service_account_name(&client.client_id);
            let user = User { enabled: true, service_account_client: Some(client.id.clone()), ..user_rules::blank(self.env, realm, name) };
            self.write_batch(realm, vec![ImportedUser::bare(user)]).await?;
        }
        Ok(written)
    }

    async fn write_batch(&self, realm: &Realm, batch: Vec<ImportedUser>) -> Result<(), ImportError> {
        let mut ready = Vec::with_capacity(batch.len());
        let mut hashing = stream::iter(batch).map(|user| hashed(self.hashing, user)).buffered(HASHING);
        while let Some((user, credentials)) = hashing.try_next().await? {
            ready.push((user, credentials));
        }
        let (ready, owner, now) = (&ready, self.owner, self.env.now());
        let id = &realm.id;
        self.store
            .configuration(|txn| -> BoxFuture<'_, Result<(), StoreError>> {
                Box::pin(async move {
                    for (imported, credentials) in ready {
                        put_user(txn, realm, imported, credentials);
                    }
                    // Somebody who took us for dead has begun to clear away: what is written now would stay for ever.
                    if !lease::take(txn, &job_of(id), owner, now, LEASE_SECONDS).await? {
                        return Err(StoreError::BeingDeleted { key: format!("realm/{id}") });
                    }
                    Ok(())
                })
            })
            .await?;
        Ok(())
    }

    /// The commit that makes the realm appear, and the one that it replaces go.
    async fn publish(&self, plan: &Plan) -> Result<(), ImportError> {
        let (env, realm, owner, now) = (self.env, &plan.contents.realm, self.owner, self.env.now());
        let creator = self.creator;
        let replaced = match &plan.action {
            Action::Replace(id) => Some(id),
            Action::Create | Action::Skip => None,
        };
        self.store
            .configuration(|txn| -> BoxFuture<'_, Result<(), ImportError>> {
                Box::pin(async move {
                    if !lease::take(txn, &job_of(&realm.id), owner, now, LEASE_SECONDS).await? {
                        return Err(StoreError::BeingDeleted { key: format!("realm/{}", realm.id) }.into());
                    }
                    let present = txn.realms().by_name(&realm.name).await?;
                    match (present, replaced) {
                        (None, _) => {}
                        (Some(old), Some(id)) if old.id == *id => txn.realms().delete(&old),
                        (Some(_), _) => return Err(ImportError::Exists(realm.name.clone())),
                    }
                    txn.realms().publish(realm);
                    txn.remove_job(&job_of(&realm.id));
                    lease::release(txn, &job_of(&realm.id), owner).await?;
                    realms::settle_administration_clients(txn, env, realm).await?;
                    if let Some(creator) = creator {
                        realms::give_all_roles_over(txn, realm, creator).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

/// Writes a user with what hangs on him.
pub(super) fn put_user(txn: &mut Txn<'_, Configuration>, realm: &Realm, imported: &ImportedUser, credentials: &Credentials) {
    let (id, user) = (&realm.id, &imported.user);
    txn.users().insert(id, user, !realm.duplicate_emails_allowed);
    if !credentials.0.is_empty() {
        txn.credentials().put(id, &user.id, credentials);
    }
    if !imported.links.is_empty() {
        txn.identity_providers().put_links(id, &user.id, &imported.links);
    }
    if !imported.consents.0.is_empty() {
        txn.consents().put(id, &user.id, &imported.consents);
    }
}

fn job_of(realm: &RealmId) -> String {
    format!("{IMPORT} {realm}")
}

/// Hashes the passwords that came in clear.
pub(super) async fn hashed(pool: &HashingPool, mut user: ImportedUser) -> Result<(ImportedUser, Credentials), ImportError> {
    let mut credentials = Credentials::default();
    for pending in std::mem::take(&mut user.credentials) {
        credentials.0.push(match pending {
            Pending::Ready(credential) => credential,
            Pending::Clear { id, user_label, created, password } => {
                Credential { id, user_label, created, kind: CredentialKind::Password { hash: pool.hash(password).await? } }
            }
        });
    }
    Ok((user, credentials))
}

/// Writes a part of a realm.
type Part<'a> = Box<dyn Fn(&mut Txn<'_, Configuration>, &RealmId) + Send + Sync + 'a>;

/// Everything but the realm itself and its users, in steps of at most [`STEP`] keys.
fn parts(contents: &Contents) -> Vec<Part<'_>> {
    const RECORDS: usize = STEP / 2;
    let mut parts: Vec<Part<'_>> = vec![Box::new(|txn, realm| {
        txn.authentication().put(realm, &contents.authentication);
        txn.user_profiles().put(realm, &contents.user_profile);
        if !contents.localization.is_empty() {
            txn.localization().put(realm, &contents.localization);
        }
    })];
    for roles in contents.roles.chunks(RECORDS) {
        parts.push(Box::new(move |txn, realm| roles.iter().for_each(|role| txn.roles().insert(realm, role))));
    }
    for clients in contents.clients.chunks(RECORDS) {
        parts.push(Box::new(move |txn, realm| clients.iter().for_each(|client| txn.clients().insert(realm, client))));
    }
    for scopes in contents.scopes.chunks(RECORDS) {
        parts.push(Box::new(move |txn, realm| scopes.iter().for_each(|scope| txn.client_scopes().insert(realm, scope))));
    }
    for groups in contents.groups.chunks(RECORDS) {
        parts.push(Box::new(move |txn, realm| groups.iter().for_each(|group| txn.groups().insert(realm, group))));
    }
    for components in contents.components.chunks(RECORDS) {
        parts.push(Box::new(move |txn, realm| components.iter().for_each(|component| txn.components().insert(realm, component))));
    }
    for providers in contents.identity_providers.chunks(RECORDS) {
        parts.push(Box::new(move |txn, realm| providers.iter().for_each(|provider| txn.identity_providers().insert(realm, provider))));
    }
    for ImportedOrganization { organization, groups } in &contents.organizations {
        parts.push(Box::new(move |txn, realm| txn.organizations().insert(realm, organization)));
        for groups in groups.chunks(RECORDS) {
            let insert = move |txn: &mut Txn<'_, Configuration>, realm: &RealmId| {
                for group in groups {
                    txn.organizations().insert_group(realm, &organization.id, group);
                }
            };
            parts.push(Box::new(insert));
        }
    }
    for carried in contents.carried.chunks(RECORDS) {
        parts.push(Box::new(move |txn, realm| carried.iter().for_each(|(name, sealed)| txn.carried().put(realm, name, sealed))));
    }
    parts
}

/// Reads users again, on a thread that may block.
struct UserReader {
    env: Env,
    sealer: crate::base::seal::Sealer,
    lookup: super::Lookup,
    names: Arc<super::draft::Names>,
    realm: RealmId,
    file: super::source::RealmFile,
    number: usize,
    sender: mpsc::Sender<Vec<ImportedUser>>,
}

impl UserReader {
    fn of(importer: &Importer<'_>, plan: &Plan, sender: mpsc::Sender<Vec<ImportedUser>>) -> Self {
        Self {
            env: importer.env.clone(),
            sealer: importer.sealer.clone(),
            lookup: Arc::clone(&importer.lookup),
            names: Arc::clone(&plan.names),
            realm: plan.contents.realm.id.clone(),
            file: plan.file.clone(),
            number: plan.number,
            sender,
        }
    }

    fn run(self) -> Result<(), String> {
        let reading = Reading { env: &self.env, sealer: &self.sealer, realm: &self.realm, names: &self.names };
        let mut batch = Vec::with_capacity(BATCH);
        // The plan has listed everything already.
        let mut report = Report::default();
        let mut each = |mut user: Value| {
            placeholders::replace(&mut user, &*self.lookup, &mut BTreeSet::new());
            batch.push(reading.user(user, &mut report, None)?);
            if batch.len() < BATCH {
                return Ok(());
            }
            self.sender.blocking_send(std::mem::take(&mut batch)).map_err(|_| "the import was stopped".to_owned())
        };
        users_in(&self.file.path, self.file.text.as_ref(), self.number, &mut each)?;
        for path in &self.file.users {
            users_in(path, None, 0, &mut each).map_err(|problem| format!("{}: {problem}", path.display()))?;
        }
        if !batch.is_empty() {
            self.sender.blocking_send(batch).map_err(|_| "the import was stopped".to_owned())?;
        }
        Ok(())
    }
}

impl ImportedUser {
    fn bare(user: User) -> Self {
        Self { user, credentials: Vec::new(), links: IdentityLinks::default(), consents: Consents::default() }
    }
}

/// Leaves what an import wrote under `id` to be removed, unless its realm has appeared, and ends its lease.
async fn clear_away(txn: &mut Txn<'_, Configuration>, id: &RealmId) -> Result<(), StoreError> {
    if txn.job(&job_of(id)).await?.is_some() {
        txn.realms().abandon(id);
        txn.remove_job(&job_of(id));
    }
    // A killed process had it for some time yet; the next import of this realm must not wait for that.
    lease::forget(txn, &job_of(id));
    Ok(())
}

/// Teaches whoever runs jobs to clear away imports that ended in the middle.
#[must_use]
pub fn register(jobs: Jobs) -> Jobs {
    jobs.with(IMPORT, Arc::new(|store, job| async move { abandoned(&store, &job).await }.boxed()))
}

async fn abandoned(store: &Store, job: &Job) -> Result<Progress, StoreError> {
    let id = RealmId::from(job.input["realm"].as_str().unwrap_or_default());
    let id = &id;
    store.configuration(|txn| Box::pin(clear_away(txn, id))).await?;
    Ok(Progress::Done)
}

/// Clears away every import that another process left unfinished, and ends other work of dead processes; how many imports there were. Only for a process that has the store for
/// itself: one that is at work elsewhere would lose its records.
///
/// # Errors
/// When the store failed.
pub async fn abandon_unfinished(store: &Store, env: &Env, owner: &str) -> Result<usize, StoreError> {
    let unfinished = store.peek().jobs_of_kind(IMPORT).await?;
    for job in &unfinished {
        abandoned(store, job).await?;
    }
    // What is being removed keeps its id taken until it is gone, and who was at it may have died, too.
    jobs::register(Jobs::new(store.clone(), owner)).alone().run_pending(&*env.clock).await?;
    Ok(unfinished.len())
}
