//! One transaction: reads that become expectations, writes that are applied together, typed by class.
//!
//! A transaction of class `C` reads documents of `C` *tracked* (the commit fails if somebody changed them meanwhile) and
//! documents of the other class *untracked* (a peek). Writes to the other class do not compile.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::ops::Bound;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::clock::Timestamp;

use super::StoreError;
use super::backend::{Backend, Class, Durability, Expectation, KeyRange, Write, WriteSet};
use super::key::{Counter, Key, Prefix};
use super::value;

/// Marker of [`Class::Configuration`].
#[derive(Debug)]
pub enum Configuration {}
/// Marker of [`Class::Sessions`].
#[derive(Debug)]
pub enum Sessions {}

/// The class of data that a key or a transaction belongs to.
pub trait DataClass: Send + Sync + 'static {
    const CLASS: Class;
}
impl DataClass for Configuration {
    const CLASS: Class = Class::Configuration;
}
impl DataClass for Sessions {
    const CLASS: Class = Class::Sessions;
}

/// What can be stored: any type that serde knows.
pub trait Document: Serialize + DeserializeOwned + Send + Sync {}
impl<T: Serialize + DeserializeOwned + Send + Sync> Document for T {}

/// Rows that one step of a scan reads at the most.
const SCAN_STEP: usize = 500;

/// Somebody who can read documents: a transaction (tracked in its own class) or a [`Peek`] (never tracked). Repositories are
/// written over it once.
pub trait Reader: Send {
    fn read<C: DataClass, T: Document>(&mut self, key: &Key<C, T>) -> impl Future<Output = Result<Option<T>, StoreError>> + Send;

    /// Up to `limit` documents under `prefix`, in key order, after `after` (the last part of a key). Never tracked: rules
    /// that must hold under concurrency hang on keys.
    fn scan<C: DataClass, T: Document>(
        &mut self,
        prefix: &Prefix<C, T>,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(String, T)>, StoreError>> + Send;

    /// All documents under `prefix`, read in bounded steps. For kinds whose number an administrator decides, not for users.
    fn scan_all<C: DataClass, T: Document>(&mut self, prefix: &Prefix<C, T>) -> impl Future<Output = Result<Vec<T>, StoreError>> + Send {
        async move { Ok(self.scan_all_with_keys(prefix).await?.into_iter().map(|(_, document)| document).collect()) }
    }

    /// The same, each with the last part of its key.
    fn scan_all_with_keys<C: DataClass, T: Document>(
        &mut self,
        prefix: &Prefix<C, T>,
    ) -> impl Future<Output = Result<Vec<(String, T)>, StoreError>> + Send {
        async move {
            let (mut all, mut after) = (Vec::new(), None::<String>);
            loop {
                let rows = self.scan(prefix, after.as_deref(), SCAN_STEP).await?;
                let full = rows.len() == SCAN_STEP;
                after = rows.last().map(|(key, _)| key.clone());
                all.extend(rows);
                if !full {
                    return Ok(all);
                }
            }
        }
    }

    fn realms(&mut self) -> super::realms::Realms<'_, Self>
    where
        Self: Sized,
    {
        super::realms::Realms { reader: self }
    }

    fn authentication(&mut self) -> super::authentication::AuthenticationOf<'_, Self>
    where
        Self: Sized,
    {
        super::authentication::AuthenticationOf { reader: self }
    }

    fn user_profiles(&mut self) -> super::user_profiles::UserProfiles<'_, Self>
    where
        Self: Sized,
    {
        super::user_profiles::UserProfiles { reader: self }
    }

    fn key_check(&mut self) -> super::key_check::KeyCheck<'_, Self>
    where
        Self: Sized,
    {
        super::key_check::KeyCheck { reader: self }
    }

    fn clients(&mut self) -> super::clients::Clients<'_, Self>
    where
        Self: Sized,
    {
        super::clients::Clients { reader: self }
    }

    fn client_scopes(&mut self) -> super::client_scopes::ClientScopes<'_, Self>
    where
        Self: Sized,
    {
        super::client_scopes::ClientScopes { reader: self }
    }

    fn roles(&mut self) -> super::roles::Roles<'_, Self>
    where
        Self: Sized,
    {
        super::roles::Roles { reader: self }
    }

    fn groups(&mut self) -> super::groups::Groups<'_, Self>
    where
        Self: Sized,
    {
        super::groups::Groups { reader: self }
    }

    fn organizations(&mut self) -> super::organizations::Organizations<'_, Self>
    where
        Self: Sized,
    {
        super::organizations::Organizations { reader: self }
    }

    fn users(&mut self) -> super::users::Users<'_, Self>
    where
        Self: Sized,
    {
        super::users::Users { reader: self }
    }

    fn credentials(&mut self) -> super::credentials::CredentialsOf<'_, Self>
    where
        Self: Sized,
    {
        super::credentials::CredentialsOf { reader: self }
    }

    fn components(&mut self) -> super::components::Components<'_, Self>
    where
        Self: Sized,
    {
        super::components::Components { reader: self }
    }

    fn identity_providers(&mut self) -> super::identity_providers::IdentityProviders<'_, Self>
    where
        Self: Sized,
    {
        super::identity_providers::IdentityProviders { reader: self }
    }

    fn initial_access(&mut self) -> super::initial_access::InitialAccesses<'_, Self>
    where
        Self: Sized,
    {
        super::initial_access::InitialAccesses { reader: self }
    }

    fn consents(&mut self) -> super::consents::ConsentsOf<'_, Self>
    where
        Self: Sized,
    {
        super::consents::ConsentsOf { reader: self }
    }

    fn localization(&mut self) -> super::localization::Localization<'_, Self>
    where
        Self: Sized,
    {
        super::localization::Localization { reader: self }
    }

    fn carried(&mut self) -> super::carried::Carried<'_, Self>
    where
        Self: Sized,
    {
        super::carried::Carried { reader: self }
    }

    fn user_sessions(&mut self) -> super::user_sessions::UserSessions<'_, Self>
    where
        Self: Sized,
    {
        super::user_sessions::UserSessions { reader: self }
    }

    fn login_failures(&mut self) -> super::login_failures::LoginFailuresOf<'_, Self>
    where
        Self: Sized,
    {
        super::login_failures::LoginFailuresOf { reader: self }
    }

    fn user_events(&mut self) -> super::events::UserEvents<'_, Self>
    where
        Self: Sized,
    {
        super::events::UserEvents { reader: self }
    }

    fn admin_events(&mut self) -> super::events::AdminEvents<'_, Self>
    where
        Self: Sized,
    {
        super::events::AdminEvents { reader: self }
    }

    fn single_use(&mut self) -> super::single_use::SingleUses<'_, Self>
    where
        Self: Sized,
    {
        super::single_use::SingleUses { reader: self }
    }
}

/// Reads without expectations, of both classes.
#[derive(Clone, Copy)]
pub struct Peek<'env> {
    pub(super) backend: &'env dyn Backend,
}

/// A transaction in progress. `'env` is the lifetime of the store and of what the closure borrows.
pub struct Txn<'env, C: DataClass> {
    backend: &'env dyn Backend,
    /// What the keys of the own class were when this transaction read them first.
    seen: BTreeMap<Vec<u8>, Expectation>,
    /// Keys that must be new and that nobody here has looked at.
    inserted: BTreeSet<Vec<u8>>,
    /// Keys of the own class where this transaction met a tombstone.
    buried: BTreeSet<Vec<u8>>,
    writes: BTreeMap<Vec<u8>, Write>,
    /// Why it cannot be committed; writes answer nothing, so the commit does.
    refusal: Option<StoreError>,
    class: PhantomData<C>,
}

/// What a finished body asks for.
pub(super) struct Outcome {
    pub(super) set: WriteSet,
    /// The keys of `set` that were inserted without being read before.
    pub(super) inserted: BTreeSet<Vec<u8>>,
}

impl<'env, C: DataClass> Txn<'env, C> {
    pub(super) fn new(backend: &'env dyn Backend) -> Self {
        Self {
            backend,
            seen: BTreeMap::new(),
            inserted: BTreeSet::new(),
            buried: BTreeSet::new(),
            writes: BTreeMap::new(),
            refusal: None,
            class: PhantomData,
        }
    }

    /// Reads without expectations, also of the own class. It does not see what this transaction wrote.
    pub fn peek(&self) -> Peek<'env> {
        Peek { backend: self.backend }
    }

    /// Writes a document, whatever is there; if it was read before in this transaction, nobody may have changed it.
    pub fn put<T: Document>(&mut self, key: &Key<C, T>, document: &T) {
        self.write(key, document, None);
    }

    /// Like [`Txn::put`]; the value may be purged after `expires_at`.
    pub fn put_until<T: Document>(&mut self, key: &Key<C, T>, document: &T, expires_at: Timestamp) {
        self.write(key, document, Some(expires_at));
    }

    /// Writes a document that must not exist yet: the commit answers [`StoreError::Exists`] if it does.
    pub fn insert<T: Document>(&mut self, key: &Key<C, T>, document: &T) {
        self.expect_new(&key.bytes);
        self.write(key, document, None);
    }

    /// Like [`Txn::insert`]; the value may be purged after `expires_at`.
    pub fn insert_until<T: Document>(&mut self, key: &Key<C, T>, document: &T, expires_at: Timestamp) {
        self.expect_new(&key.bytes);
        self.write(key, document, Some(expires_at));
    }

    /// Deletes the document if there is one; if it was read before in this transaction, nobody may have changed it.
    pub fn delete<T: Document>(&mut self, key: &Key<C, T>) {
        self.writes.insert(key.bytes.clone(), Write::Delete);
    }

    /// Adds to a counter. Commits that add to the same one never conflict.
    pub fn add(&mut self, counter: &Counter<C>, delta: i64) {
        match self.writes.entry(counter.bytes.clone()).or_insert(Write::Add(0)) {
            Write::Add(sum) => *sum = sum.saturating_add(delta),
            Write::Put { .. } | Write::Delete => unreachable!("counters have keys of their own"),
        }
    }

    /// Deletes a counter that nobody adds to any more, after whatever this transaction added.
    pub(super) fn forget(&mut self, counter: &Counter<C>) {
        self.writes.insert(counter.bytes.clone(), Write::Delete);
    }

    /// Puts a tombstone where the document is: readers do not find it any more, and nobody can make it anew.
    pub(super) fn entomb<T: Document>(&mut self, key: &Key<C, T>) {
        self.writes.insert(key.bytes.clone(), Write::Put { value: value::tombstone(&key.bytes), expires_at: None });
    }

    /// Whether this transaction met a tombstone where it read `key`.
    pub(super) fn is_buried<T>(&self, key: &Key<C, T>) -> bool {
        self.buried.contains(&key.bytes)
    }

    /// Removes a tombstone.
    pub(super) fn exhume(&mut self, key: &Key<C, ()>) {
        self.writes.insert(key.bytes.clone(), Write::Delete);
    }

    fn write<T: Document>(&mut self, key: &Key<C, T>, document: &T, expires_at: Option<Timestamp>) {
        if self.buried.contains(&key.bytes) {
            return self.refuse(StoreError::BeingDeleted { key: text(&key.bytes) });
        }
        match value::encode(&key.bytes, document, expires_at) {
            Ok(value) => drop(self.writes.insert(key.bytes.clone(), Write::Put { value, expires_at })),
            Err(error) => self.refuse(StoreError::Failed(format!("the record at {} cannot be written: {error}", text(&key.bytes)))),
        }
    }

    fn expect_new(&mut self, key: &[u8]) {
        match (self.writes.get(key), self.seen.get(key)) {
            // The write that follows says why.
            (None, Some(Expectation::Version(_))) if self.buried.contains(key) => {}
            (Some(Write::Put { .. } | Write::Add(_)), _) | (None, Some(Expectation::Version(_))) => {
                self.refuse(StoreError::Exists { key: text(key) });
            }
            (Some(Write::Delete), _) | (None, Some(Expectation::Absent)) => {}
            (None, None) => {
                self.seen.insert(key.to_vec(), Expectation::Absent);
                self.inserted.insert(key.to_vec());
            }
        }
    }

    fn refuse(&mut self, refusal: StoreError) {
        self.refusal.get_or_insert(refusal);
    }

    /// The commit that the body asks for; `None` if it wrote nothing.
    pub(super) fn finish(self, durability: Durability) -> Result<Option<Outcome>, StoreError> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        if self.writes.is_empty() {
            return Ok(None);
        }
        let put = |key: &Vec<u8>| matches!(self.writes.get(key), Some(Write::Put { .. }));
        // That a key was absent is only worth a promise if this commit fills it.
        let expectations = self.seen.into_iter().filter(|(key, seen)| *seen != Expectation::Absent || put(key)).collect();
        let set = WriteSet { class: C::CLASS, durability, expectations, writes: self.writes.into_iter().collect() };
        Ok(Some(Outcome { set, inserted: self.inserted }))
    }
}

impl<C: DataClass> Reader for Txn<'_, C> {
    async fn read<D: DataClass, T: Document>(&mut self, key: &Key<D, T>) -> Result<Option<T>, StoreError> {
        if D::CLASS != C::CLASS {
            return self.peek().read(key).await;
        }
        match self.writes.get(&key.bytes) {
            Some(Write::Put { value, .. }) => return decode(&key.bytes, value),
            Some(Write::Delete) => return Ok(None),
            Some(Write::Add(_)) | None => {}
        }
        let stored = self.backend.get(D::CLASS, &key.bytes).await?;
        let now = stored.as_ref().map_or(Expectation::Absent, |stored| Expectation::Version(stored.version));
        // The first reading counts: if a later one differs, the commit must fail.
        self.seen.entry(key.bytes.clone()).or_insert(now);
        let Some(stored) = stored else { return Ok(None) };
        let document = decode(&key.bytes, &stored.value)?;
        if document.is_none() {
            self.buried.insert(key.bytes.clone());
        }
        Ok(document)
    }

    async fn scan<D: DataClass, T: Document>(
        &mut self,
        prefix: &Prefix<D, T>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, T)>, StoreError> {
        if D::CLASS != C::CLASS {
            return self.peek().scan(prefix, after, limit).await;
        }
        let range = KeyRange::under(&prefix.bytes, after.map(str::as_bytes));
        let own: BTreeMap<_, _> = self
            .writes
            .range((range.start.clone(), range.end.clone()))
            .map(|(key, write)| (key.clone(), write.clone()))
            .collect();
        // Every own deletion may hide one row.
        let mut rows: BTreeMap<_, _> = rows(self.backend, D::CLASS, range, limit.saturating_add(own.len())).await?.into_iter().collect();
        for (key, write) in own {
            match write {
                Write::Put { value, .. } if !value::is_tombstone(&value) => drop(rows.insert(key, value)),
                Write::Put { .. } | Write::Delete => drop(rows.remove(&key)),
                Write::Add(_) => {}
            }
        }
        documents(prefix, rows.into_iter().take(limit))
    }
}

impl Peek<'_> {
    /// A counter's value; 0 if nobody has added to it.
    ///
    /// # Errors
    /// When the engine failed or the value is damaged.
    pub async fn count<C: DataClass>(&self, counter: &Counter<C>) -> Result<i64, StoreError> {
        match self.backend.get(C::CLASS, &counter.bytes).await? {
            Some(stored) => Ok(decode(&counter.bytes, &stored.value)?.unwrap_or(0)),
            None => Ok(0),
        }
    }
}

impl Reader for Peek<'_> {
    async fn read<D: DataClass, T: Document>(&mut self, key: &Key<D, T>) -> Result<Option<T>, StoreError> {
        match self.backend.get(D::CLASS, &key.bytes).await? {
            Some(stored) => decode(&key.bytes, &stored.value),
            None => Ok(None),
        }
    }

    async fn scan<D: DataClass, T: Document>(
        &mut self,
        prefix: &Prefix<D, T>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, T)>, StoreError> {
        let range = KeyRange::under(&prefix.bytes, after.map(str::as_bytes));
        documents(prefix, rows(self.backend, D::CLASS, range, limit).await?)
    }
}

/// Up to `limit` rows of `range`, in bounded steps and without tombstones.
async fn rows(backend: &dyn Backend, class: Class, mut range: KeyRange, limit: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
    let mut rows = Vec::new();
    while rows.len() < limit {
        let step = SCAN_STEP.min(limit - rows.len());
        let found = backend.scan(class, range.clone(), step).await?;
        let end = if found.len() < step { None } else { found.last().map(|(key, _)| key.clone()) };
        rows.extend(found.into_iter().map(|(key, stored)| (key, stored.value)).filter(|(_, value)| !value::is_tombstone(value)));
        match end {
            Some(key) => range.start = Bound::Excluded(key),
            None => break,
        }
    }
    Ok(rows)
}

fn documents<C: DataClass, T: Document>(
    prefix: &Prefix<C, T>,
    rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
) -> Result<Vec<(String, T)>, StoreError> {
    let mut documents = Vec::new();
    for (key, value) in rows {
        documents.extend(decode(&key, &value)?.map(|document| (text(&key[prefix.bytes.len()..]), document)));
    }
    Ok(documents)
}

/// `None` for a tombstone.
fn decode<T: Document>(key: &[u8], value: &[u8]) -> Result<Option<T>, StoreError> {
    let decoded = if value::is_tombstone(value) { value::body(key, value).map(|_| None) } else { value::decode(key, value).map(Some) };
    decoded.map_err(|reason| StoreError::Damaged { key: text(key), reason: reason.to_string() })
}

pub(super) fn text(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}
