//! The first half of an import: read, check, list. It changes nothing.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::base::clock::Timestamp;
use crate::base::id::RealmId;
use crate::model::realm::Realm;
use crate::sessions::continued::{CONTINUE_FROM, CONTINUE_UNTIL};
use crate::store::txn::Reader as _;

use super::contents::{Building, Built, Contents};
use super::document::{self, Members, Visitors};
use super::draft::{Names, Problems};
use super::placeholders;
use super::report::{Fate, Report};
use super::source::{RealmFile, Source};
use super::users::{MissingRoles, Reading, Uniqueness};
use super::{ImportError, Importer, OnConflict};

/// What will be done with one realm.
pub struct Plan {
    pub realm: String,
    pub action: Action,
    pub summary: Summary,
    pub report: Report,
    /// The file, and which realm of it.
    pub(super) file: RealmFile,
    pub(super) number: usize,
    pub(super) contents: Contents,
    pub(super) names: Arc<Names>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    Create,
    /// There is such a realm, and it stays.
    Skip,
    /// The realm with this id goes in the same commit.
    Replace(RealmId),
}

/// How much there is of everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    pub clients: usize,
    pub client_scopes: usize,
    pub roles: usize,
    pub groups: usize,
    pub users: u64,
    pub components: usize,
    pub flows: usize,
    pub identity_providers: usize,
}

impl Importer<'_> {
    /// Plans the import of every realm in `source`.
    ///
    /// # Errors
    /// A file cannot be read or is wrong; a realm exists and `on_conflict` says that this is an error.
    pub async fn plan(&self, source: &Source, on_conflict: OnConflict) -> Result<Vec<Plan>, ImportError> {
        let mut plans: Vec<Plan> = Vec::new();
        for file in &source.files {
            for (number, members) in read_members(file)?.into_iter().enumerate() {
                let plan = self.plan_realm(file, number, members, on_conflict).await?;
                if plans.iter().any(|other| other.realm == plan.realm) {
                    return Err(wrong(&file.path, vec![format!("realm: the realm {:?} is there twice", plan.realm)]));
                }
                plans.push(plan);
            }
        }
        Ok(plans)
    }

    async fn plan_realm(
        &self,
        file: &RealmFile,
        number: usize,
        mut members: Members,
        on_conflict: OnConflict,
    ) -> Result<Plan, ImportError> {
        let mut ignored = std::collections::BTreeSet::new();
        for member in ["realm", "id"] {
            if let Some(value) = members.get_mut(member) {
                placeholders::replace(value, &*self.lookup, &mut ignored);
            }
        }
        let Some(name) = members.get("realm").and_then(Value::as_str).map(str::to_owned) else {
            return Err(wrong(&file.path, vec!["realm: the name of the realm is missing".to_owned()]));
        };
        let existing = self.store.peek().realms().by_name(&name).await?;
        let action = match (existing, on_conflict) {
            (None, _) => Action::Create,
            (Some(_), OnConflict::Skip) => Action::Skip,
            (Some(realm), OnConflict::Overwrite) => Action::Replace(realm.id),
            (Some(_), OnConflict::Fail) => return Err(ImportError::Exists(name)),
        };
        let wanted = members.get("id").and_then(Value::as_str).map(RealmId::from);
        let (id, changed) = self.choose_id(wanted).await?;
        let building = Building { env: self.env, sealer: self.sealer, keys: self.keys, lookup: &*self.lookup };
        let built = building.build(&id, &name, members);
        let mut plan = self.with_users(file, number, built, action)?;
        if let Some(wanted) = changed.filter(|_| plan.action != Action::Skip) {
            let effect =
                format!("its id {wanted} is taken here (by the realm that it replaces, or one that is still being removed): it gets {id}");
            plan.report.add(Fate::Changed, "realm", name, effect);
        }
        Ok(plan)
    }

    /// The id of the file if it is free and fit for keys, or a fresh one and the one that could not be kept.
    async fn choose_id(&self, wanted: Option<RealmId>) -> Result<(RealmId, Option<RealmId>), ImportError> {
        let fresh = || RealmId::random(self.env.random());
        let Some(wanted) = wanted else { return Ok((fresh(), None)) };
        if crate::manage::realms::check_id(wanted.as_str()).is_err() {
            return Ok((fresh(), Some(wanted)));
        }
        let free = self.store.configuration(|txn| {
            let wanted = wanted.clone();
            Box::pin(async move { txn.realms().is_free(&wanted).await })
        });
        if free.await? { Ok((wanted, None)) } else { Ok((fresh(), Some(wanted))) }
    }

    /// Reads all users once, so that a mistake in the last one is found before the first is written.
    fn with_users(&self, file: &RealmFile, number: usize, built: Built, action: Action) -> Result<Plan, ImportError> {
        let Built { mut contents, mut names, mut report, mut problems } = built;
        let mut missing = MissingRoles::default();
        let (mut count, mut joined) = (0, HashSet::new());
        let mut unique = Uniqueness::default();
        let unique_email = !contents.realm.duplicate_emails_allowed;
        let federated = {
            let reading = Reading { env: self.env, sealer: self.sealer, realm: &contents.realm.id, names: &names };
            let mut each = |mut user: Value| -> Result<(), String> {
                placeholders::replace(&mut user, &*self.lookup, &mut std::collections::BTreeSet::new());
                let user = reading.user(user, &mut report, Some(&mut missing))?;
                unique.note(&user.user, unique_email)?;
                if !user.user.organizations.is_empty() {
                    joined.insert(user.user.username);
                }
                count += 1;
                Ok(())
            };
            read_users(file, number, &contents.realm.name, &mut problems, &mut each)
        };
        for name in names.memberships.keys().filter(|name| !joined.contains(*name)) {
            report.add(Fate::Dropped, "member of an organization", name.clone(), "the file has no such user");
        }
        for name in federated {
            report.add(Fate::Dropped, "federated user", name, FEDERATED_USER);
        }
        if problems.count > 0 {
            let mut listed = problems.listed;
            if problems.count > listed.len() {
                listed.push(format!("and {} more problems", problems.count - listed.len()));
            }
            return Err(wrong(&file.path, listed));
        }
        contents.add_missing_roles(self.env, &mut names, missing, &mut report);
        let summary = Summary {
            clients: contents.clients.len(),
            client_scopes: contents.scopes.len(),
            roles: contents.roles.len(),
            groups: contents.groups.len(),
            users: count,
            components: contents.components.len(),
            flows: contents.authentication.flows.len(),
            identity_providers: contents.identity_providers.len(),
        };
        Ok(Plan {
            realm: contents.realm.name.clone(),
            action,
            summary,
            report,
            file: file.clone(),
            number,
            contents,
            names: Arc::new(names),
        })
    }
}

impl Plan {
    /// The realm as it is going to be.
    pub fn settings(&self) -> &Realm {
        &self.contents.realm
    }

    /// Lets refresh and offline tokens of the old server, issued before `now`, bring their sessions back until `until`
    /// ([`crate::sessions::continued`]).
    pub fn continue_sessions(&mut self, now: Timestamp, until: Timestamp) {
        let attributes = &mut self.contents.realm.attributes;
        attributes.insert(CONTINUE_FROM.to_owned(), (now.seconds() + 1).to_string());
        attributes.insert(CONTINUE_UNTIL.to_owned(), until.seconds().to_string());
    }

    pub(super) fn path(&self) -> &Path {
        &self.file.path
    }
}

pub(super) fn wrong(path: &Path, problems: Vec<String>) -> ImportError {
    ImportError::Wrong { path: path.to_path_buf(), problems }
}

fn open(path: &Path, text: Option<&Arc<[u8]>>) -> Result<Box<dyn BufRead>, ImportError> {
    if let Some(text) = text {
        return Ok(Box::new(Cursor::new(Arc::clone(text))));
    }
    let file = File::open(path).map_err(|error| ImportError::Read { path: path.to_path_buf(), error })?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
}

/// The members of every realm in a file, without users.
fn read_members(file: &RealmFile) -> Result<Vec<Members>, ImportError> {
    struct NoUsers;
    impl Visitors for NoUsers {
        fn user(&mut self, _realm: usize, _user: Value) -> Result<(), String> {
            Ok(())
        }
        fn wants_users(&self, _realm: usize) -> bool {
            false
        }
    }
    document::read(open(&file.path, file.text.as_ref())?, &mut NoUsers).map_err(|problem| wrong(&file.path, vec![problem]))
}

/// What it means to leave out what the old server kept of a user whom another directory vouches for.
const FEDERATED_USER: &str =
    "user federation is not there yet: his roles, groups, consents, credentials and required actions that the old server kept are lost";

/// Hands every user of a realm to `each`, from its own file and from those with nothing but users. Users of a federation have files of
/// their own; their names are the answer.
fn read_users(
    file: &RealmFile,
    number: usize,
    realm: &str,
    problems: &mut Problems,
    each: &mut dyn FnMut(Value) -> Result<(), String>,
) -> Vec<String> {
    let mut federated = Vec::new();
    let own = std::iter::once((&file.path, file.text.as_ref(), number));
    for (path, text, number) in own.chain(file.users.iter().map(|path| (path, None, 0))) {
        match users_in(path, text, number, each) {
            Ok(members) if path != &file.path => {
                for (place, reason) in misplaced(&members, realm) {
                    problems.add(format!("{}: {place}", path.display()), reason);
                }
                let users = members.get("federatedUsers").and_then(Value::as_array);
                federated.extend(users.into_iter().flatten().map(name_of_federated));
            }
            Ok(_) => {}
            Err(problem) if path == &file.path => problems.add("file", problem),
            Err(problem) => problems.add(path.display(), problem),
        }
    }
    federated
}

/// Keycloak exports them without a name; their ids say which federation they are of.
fn name_of_federated(user: &Value) -> String {
    let text = |name: &str| user.get(name).and_then(Value::as_str).map(|text| text.chars().take(255).collect());
    text("username").or_else(|| text("id")).unwrap_or_else(|| "(without a name)".to_owned())
}

/// What a file of users must not have.
fn misplaced(members: &Members, realm: &str) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    for (name, value) in members {
        match name.as_str() {
            "realm" if value.as_str() == Some(realm) => {}
            "realm" => wrong.push((name.clone(), format!("the users are those of another realm than {realm:?}"))),
            "federatedUsers" if value.is_array() => {}
            "federatedUsers" => wrong.push((name.clone(), "this is no list of users".to_owned())),
            _ => wrong.push((name.clone(), "a file of users has nothing but users".to_owned())),
        }
    }
    wrong
}

/// Hands the users of one realm in one file to `each`; the other members of it.
pub(super) fn users_in(
    path: &Path,
    text: Option<&Arc<[u8]>>,
    number: usize,
    each: &mut dyn FnMut(Value) -> Result<(), String>,
) -> Result<Members, String> {
    struct Each<'a> {
        number: usize,
        each: &'a mut dyn FnMut(Value) -> Result<(), String>,
    }
    impl Visitors for Each<'_> {
        fn user(&mut self, _realm: usize, user: Value) -> Result<(), String> {
            (self.each)(user)
        }
        fn wants_users(&self, realm: usize) -> bool {
            realm == self.number
        }
    }
    let input = open(path, text).map_err(|error| error.to_string())?;
    let mut realms = document::read(input, &mut Each { number, each })?;
    if number < realms.len() { Ok(realms.swap_remove(number)) } else { Ok(Members::new()) }
}
